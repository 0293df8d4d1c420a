mod clients;
mod limits;

use serde_json::{Value, json};

use super::cut::{Certainty, Cut};
use super::holds::{EVERYTHING, Held, Standing};
use super::scene::Scene;
use super::*;
use crate::kinds::loss::Finding;
use crate::kinds::stream::Stream;
use crate::model::{Action, Change, Code, Flat, Harm};

fn flat(fields: Value) -> Flat {
    fields.as_object().unwrap().clone().into_iter().collect()
}

/// A stream that holds ten messages, which nobody reads.
fn scene(live: Value, next: Value) -> Scene<'static> {
    Scene {
        name: "S".to_owned(),
        is_bucket: false,
        change: StreamChange {
            live: flat(live),
            next: flat(next),
            creates: false,
        },
        held: Ok(Held {
            messages: 10,
            bytes: 1_000,
            first_seq: 1,
            last_seq: 10,
            ..Held::default()
        }),
        consumers: Ok(Vec::new()),
        subjects: Ok([("a".to_owned(), 7), ("b".to_owned(), 3)]
            .into_iter()
            .collect()),
        readers: None,
        aged: Ok(Cut::default()),
        heavy: Ok(Cut::default()),
        sizes: Ok(vec![10, 20]),
        others: &[],
    }
}

fn empty(mut scene: Scene<'static>) -> Scene<'static> {
    scene.held = Ok(Held::default());
    scene.subjects = Ok(indexmap::IndexMap::new());
    scene.sizes = Ok(Vec::new());
    scene
}

/// One of which nothing could be read.
fn dark(mut scene: Scene<'static>) -> Scene<'static> {
    let why = || "needs a right".to_owned();
    scene.held = Err(why());
    scene.consumers = Err(why());
    scene.subjects = Err(why());
    scene.aged = Err(why());
    scene.heavy = Err(why());
    scene.sizes = Err(why());
    scene
}

fn reader(name: &str, filter: &str, left: u64, floor: u64) -> Standing {
    Standing {
        name: name.to_owned(),
        filters: vec![filter.to_owned()],
        pending: left,
        unacknowledged: 0,
        floor,
        is_internal: false,
    }
}

/// What the one rule of this code finds, where it fires.
fn found(scene: &Scene<'_>, code: Code, field: &str) -> Option<Finding> {
    let mut rules = rules().filter(|rule| rule.code == code && rule.fields.contains(&field));
    let rule = rules.next().unwrap();
    (rule.fires)(&scene.change).then(|| (rule.find)(scene))
}

/// Its harm and what is at stake.
fn cost(scene: &Scene<'_>, code: Code, field: &str) -> Option<(Harm, Option<u64>)> {
    found(scene, code, field).map(|found| (found.harm, found.at_stake))
}

fn update(address: &str, field: &str, before: Value, after: Option<Value>) -> Step {
    let mut step = Step::of(address.parse().unwrap(), Action::Update);
    step.changes.push(Change {
        field: field.to_owned(),
        before: Some(before),
        after,
        note: None,
    });
    step
}

#[tokio::test]
async fn a_step_is_told_in_its_own_words_and_only_where_a_rule_fires() {
    let brokers = Brokers::default();
    let lowered = update("stream/S", "max_age", json!("7d"), Some(json!("1d")));
    let raised = update("stream/R", "max_age", json!("1d"), Some(json!("7d")));
    let mut made = lowered.clone();
    made.action = Action::Create;
    let told = risks(&Stream, &brokers, &[&lowered, &raised, &made]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (address, found) = &told[0];
    assert_eq!(*address, lowered.address);
    let [risk] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (risk.code, risk.harm),
        (Code::StreamAgeLowered, Harm::Critical)
    );
    assert_eq!(
        (risk.field.as_deref(), risk.at_stake),
        (Some("max_age"), None)
    );
    assert!(
        risk.evidence
            .ends_with("could not be read: there is no connection to NATS"),
        "{risk:?}"
    );

    let kv = crate::kinds::kv::Kv;
    for (field, before, after) in [
        ("history", json!(5), Some(json!(1))),
        ("history", json!(5), None),
        ("ttl", json!("7d"), Some(json!("1d"))),
        ("max_bytes", json!("2GiB"), Some(json!("1GiB"))),
    ] {
        let step = update("kv/b", field, before, after);
        let told = risks(&kv, &brokers, &[&step]).await;
        let risk = &told[0].1[0];
        assert_eq!(risk.field.as_deref(), Some(field));
        assert!(risk.blocks(), "{risk:?}");
    }
}
