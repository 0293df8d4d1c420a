//! What a server makes of 0: a zero that the check lets through is kept as it is meant, and one that
//! it refuses would be taken for "not said".

use serde_json::{Value, json};
use trueup::kinds::{Declaration, Resources, Shape, kind};
use trueup::model::{Address, Code, KindName};

use super::bench::{Bench, resources};

#[tokio::test]
async fn a_zero_that_is_let_through_leaves_nothing_to_do() {
    let bench = Bench::start().await;
    let mut tried = 0;
    for (at, (kind_name, field, taken)) in numbers().into_iter().enumerate() {
        let all = zero_in(kind_name, &field, at);
        if !taken || is_refused(&bench, &all).await {
            continue;
        }
        bench.settle(&all).await;
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

#[tokio::test]
async fn a_zero_that_is_refused_would_become_something_else() {
    let bench = Bench::start().await;
    let refused: Vec<_> = numbers().into_iter().filter(|number| !number.2).collect();
    assert!(refused.len() > 4, "{refused:?}");
    for (at, (kind_name, field, _)) in refused.into_iter().enumerate() {
        if !matches!(kind_name, KindName::Stream | KindName::Consumer) {
            continue; // made into a stream, whose own field it is
        }
        let all = zero_in(kind_name, &field, at);
        for one in all.values() {
            let answer = bench.send(one).await.unwrap();
            if one.declared.contains_key(&field) {
                assert_ne!(answer["config"].get(&field), Some(&json!(0)), "{field}");
                assert!(answer["config"].get(&field).is_some(), "{field}");
            }
        }
    }
}

/// Every field that is a number, by its path, and whether it takes 0.
fn numbers() -> Vec<(KindName, String, bool)> {
    let kinds = [
        KindName::Stream,
        KindName::Consumer,
        KindName::Kv,
        KindName::ObjectStore,
    ];
    let of = |name| {
        let found = paths(kind(name).unwrap().declaration());
        found
            .into_iter()
            .map(move |(path, taken)| (name, path, taken))
    };
    kinds.into_iter().flat_map(of).collect()
}

fn paths(declaration: &Declaration) -> Vec<(String, bool)> {
    let fields = declaration.fields.iter();
    let fields = fields.filter(|(_, field)| !field.facts.hidden);
    let found = fields.flat_map(|(name, field)| match &field.shape {
        Shape::Integer { min, .. } => {
            let taken = min.is_none_or(|min| min <= 0) || field.facts.unlimited.contains(&0);
            vec![(name.clone(), taken)]
        }
        Shape::Object(inner) if name == "consumer_limits" => paths(inner)
            .into_iter()
            .map(|(path, taken)| (format!("{name}.{path}"), taken))
            .collect(),
        _ => Vec::new(),
    });
    found.collect()
}

/// A resource with 0 in this field alone; a consumer with its stream.
fn zero_in(kind_name: KindName, field: &str, at: usize) -> Resources {
    let mut said = serde_json::Map::new();
    let declaration = kind(kind_name).unwrap().declaration();
    declaration.set(&mut said, field, Some(Value::from(0)));
    if kind_name == KindName::Consumer {
        // a bare request would make it `none`, which waits for nothing
        said.insert("ack_policy".to_owned(), "explicit".into());
    }
    let (stream, nothing) = (format!("stream/S{at}"), serde_json::Map::new());
    match kind_name {
        KindName::Consumer => {
            resources(&[(&stream, &nothing), (&format!("consumer/S{at}/c"), &said)])
        }
        _ => resources(&[(&format!("{kind_name}/S{at}"), &said)]),
    }
}

/// Whether a rule of the kind, or the server's age, is in the way.
async fn is_refused(bench: &Bench, all: &Resources) -> bool {
    let complains = |address: &Address| {
        let kind = kind(address.kind).unwrap();
        !kind.check(&all[address], all).is_empty()
    };
    let plan = bench.plan(all).await;
    let mut refusals = plan.steps.iter().flat_map(|step| &step.refusals);
    all.keys().any(complains) || refusals.any(|refusal| refusal.code == Code::ServerTooOld)
}
