//! The first law, field by field: created and changed, the second plan is empty, or the plan
//! refuses what the server refuses too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use trueup::broker::nats::{ConsumerAction, NatsError};
use trueup::kinds::kind;
use trueup::model::{Address, KindName};

use super::bench::{Bench, Sample, paths, resource, resources, samples, with};

const STREAMS: &str = include_str!("../../../cases/kinds/stream_fields.yaml");
const CONSUMERS: &str = include_str!("../../../cases/kinds/consumer_fields.yaml");

#[test]
fn every_field_has_a_sample() {
    for (name, text) in [(KindName::Stream, STREAMS), (KindName::Consumer, CONSUMERS)] {
        let samples = samples(text);
        let declared = paths(kind(name).unwrap().declaration());
        for path in &declared {
            assert!(samples.contains_key(path), "{name}.{path} has no sample");
        }
        for path in samples.keys() {
            assert!(declared.contains(path), "{name}.{path} is not declared");
        }
    }
}

/// A server with these streams.
async fn bench_with(streams: &[(&str, &str)]) -> Bench {
    let bench = Bench::start().await;
    for (name, subject) in streams {
        let config = json!({"name": name, "subjects": [subject]});
        let config = config.as_object().unwrap();
        bench.nats.stream_create(config, None).await.unwrap();
    }
    bench
}

/// Two servers: one for resources made with a field, one for those that get it later.
async fn benches_with(streams: &[(&str, &str)]) -> (Bench, Bench) {
    (bench_with(streams).await, bench_with(streams).await)
}

#[tokio::test]
async fn streams_take_each_field() {
    let benches = benches_with(&[("ORIGIN", "ORIGIN.*"), ("OTHER", "OTHER.*")]).await;
    let mut wrong = BTreeMap::new();
    for (path, sample) in samples(STREAMS) {
        let name = format!("S_{}", path.replace('.', "_"));
        let base = sample.with.clone();
        if let Err(why) = try_field(&benches, &format!("stream/{name}"), &path, &sample, base).await
        {
            wrong.insert(path, why);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn consumers_take_each_field() {
    let benches = benches_with(&[("S", "s.>")]).await;
    let mut wrong = BTreeMap::new();
    for (path, sample) in samples(CONSUMERS) {
        let address = format!("consumer/S/C_{path}");
        let base = sample.with.clone();
        if let Err(why) = try_field(&benches, &address, &path, &sample, base).await {
            wrong.insert(path, why);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn try_field(
    (bench, later): &(Bench, Bench),
    address: &str,
    path: &str,
    sample: &Sample,
    base: Map<String, Value>,
) -> Result<(), String> {
    let kind_name = address.parse::<Address>().unwrap().kind;
    let said = |value: &Value| with(&base, kind_name, path, value);
    let first = resources(&[(address, &said(&sample.first))]);
    if let Some(code) = &sample.create_refused {
        let plan = bench.plan(&first).await;
        expect_code(&plan, code)?;
        return server_refuses(bench, address, &said(&sample.first), true).await;
    }
    if !sample.server_takes_it {
        add_later(later, address, &base, &said(&sample.first)).await?;
    }
    apply_twice(bench, &first)
        .await
        .map_err(|why| format!("create: {why}"))?;
    let second = resources(&[(address, &said(&sample.second))]);
    let plan = bench.plan(&second).await;
    if !plan.has_changes() {
        return Err(format!(
            "{} is no change from {}",
            sample.second, sample.first
        ));
    }
    if sample.changes == "yes" {
        return apply_twice(bench, &second)
            .await
            .map_err(|why| format!("update: {why}"));
    }
    expect_code(&plan, &sample.changes)?;
    if sample.server_takes_it {
        return Ok(());
    }
    server_refuses(bench, address, &said(&sample.second), false).await
}

/// The field comes to a resource that was made without it, where it can be made without.
async fn add_later(
    bench: &Bench,
    address: &str,
    base: &Map<String, Value>,
    said: &Map<String, Value>,
) -> Result<(), String> {
    let bare = resources(&[(address, base)]);
    if bench.plan(&bare).await.blocked_steps().next().is_some() {
        return Ok(());
    }
    apply_twice(bench, &bare)
        .await
        .map_err(|why| format!("create without: {why}"))?;
    let added = resources(&[(address, said)]);
    let plan = bench.plan(&added).await;
    let refusals: Vec<_> = plan.steps.iter().flat_map(|step| &step.refusals).collect();
    if refusals.is_empty() {
        return apply_twice(bench, &added)
            .await
            .map_err(|why| format!("add: {why}"));
    }
    match server_refuses(bench, address, said, false).await {
        Err(why) => Err(format!("add: {refusals:?}: {why}")),
        Ok(()) => Ok(()),
    }
}

fn expect_code(plan: &trueup::plan::Plan, code: &str) -> Result<(), String> {
    let refusals: Vec<_> = plan.steps.iter().flat_map(|step| &step.refusals).collect();
    match refusals.iter().any(|refusal| refusal.code.as_str() == code) {
        true => Ok(()),
        false => Err(format!("refusals {refusals:?}, expected {code}")),
    }
}

async fn apply_twice(bench: &Bench, resources: &trueup::kinds::Resources) -> Result<(), String> {
    let plan = bench.plan(resources).await;
    for (address, outcome) in bench.apply(&plan).await {
        if outcome != trueup::model::Outcome::Applied {
            return Err(format!("{address}: {outcome:?}"));
        }
    }
    let again = bench.plan(resources).await;
    match again.has_changes() || !again.complete {
        true => Err(format!("the second plan changes {:?}", again.steps)),
        false => Ok(()),
    }
}

/// Sends the whole changed document past all our rules.
async fn server_refuses(
    bench: &Bench,
    address: &str,
    said: &Map<String, Value>,
    creates: bool,
) -> Result<(), String> {
    let resource = resource(address, said);
    let declaration = kind(resource.address.kind).unwrap().declaration();
    let declared = resource.declared.clone();
    let answer = match resource.address.stream_and_consumer() {
        Some((stream, name)) => {
            let live = bench.nats.consumer_info(stream, name).await.unwrap();
            let config = overlaid(declaration, live, &declared, name);
            let action = if creates {
                ConsumerAction::Create
            } else {
                ConsumerAction::Update
            };
            bench
                .nats
                .consumer_create(stream, &config, action, None)
                .await
        }
        None => {
            let name = &resource.address.name;
            let live = bench.nats.stream_info(name).await.unwrap();
            let config = overlaid(declaration, live, &declared, name);
            match creates {
                true => bench.nats.stream_create(&config, None).await,
                false => bench.nats.stream_update(&config, None).await,
            }
        }
    };
    match answer {
        Err(NatsError::Api { .. }) => Ok(()),
        Err(other) => Err(format!("the server: {other}")),
        Ok(reply) => Err(format!("the plan refuses what the server takes: {reply:?}")),
    }
}

fn overlaid(
    declaration: &trueup::kinds::Declaration,
    live: Option<Map<String, Value>>,
    declared: &trueup::model::Flat,
    name: &str,
) -> Map<String, Value> {
    let mut config = live
        .and_then(|live| live["config"].as_object().cloned())
        .unwrap_or_default();
    config.insert("name".to_owned(), name.into());
    for (path, value) in declared {
        declaration.set(&mut config, path, Some(value.clone()));
    }
    config
}
