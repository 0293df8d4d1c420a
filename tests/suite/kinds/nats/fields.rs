//! The first law, field by field: created and changed, the second plan is empty, or the plan
//! refuses what the server refuses too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use trueup::broker::nats::NatsError;
use trueup::kinds::kind;
use trueup::model::{Address, KindName};

use super::bench::{Bench, Sample, paths, resource, resources, samples, with};

const STREAMS: &str = include_str!("../../../cases/kinds/stream_fields.yaml");
const BUCKETS: &str = include_str!("../../../cases/kinds/kv_fields.yaml");
const STORES: &str = include_str!("../../../cases/kinds/object_store_fields.yaml");
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
    each_field(&benches, STREAMS, "stream/S_").await;
}

#[tokio::test]
async fn key_value_buckets_take_each_field() {
    let benches = benches_with(&[("KV_a", "$KV.a.>"), ("KV_b", "$KV.b.>")]).await;
    each_field(&benches, BUCKETS, "kv/b_").await;
}

#[tokio::test]
async fn object_stores_take_each_field() {
    each_field(&benches_with(&[]).await, STORES, "object-store/o_").await;
}

#[tokio::test]
async fn consumers_take_each_field() {
    let benches = benches_with(&[("S", "s.>")]).await;
    each_field(&benches, CONSUMERS, "consumer/S/C_").await;
}

async fn each_field(benches: &(Bench, Bench), cases: &str, prefix: &str) {
    let mut wrong = BTreeMap::new();
    for (path, sample) in samples(cases) {
        let address = format!("{prefix}{}", path.replace('.', "_"));
        let base = sample.with.clone();
        if let Err(why) = try_field(benches, &address, &path, &sample, base).await {
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
        return server_refuses(bench, address, &said(&sample.first)).await;
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
    server_refuses(bench, address, &said(&sample.second)).await
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
    match server_refuses(bench, address, said).await {
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

/// Sends the whole changed document past all our rules; buckets are left to the streams' own test.
async fn server_refuses(
    bench: &Bench,
    address: &str,
    said: &Map<String, Value>,
) -> Result<(), String> {
    let resource = resource(address, said);
    if matches!(resource.address.kind, KindName::Kv | KindName::ObjectStore) {
        return Ok(());
    }
    match bench.send(&resource).await {
        Err(NatsError::Api { .. }) => Ok(()),
        Err(other) => Err(format!("the server: {other}")),
        Ok(reply) => Err(format!("the plan refuses what the server takes: {reply:?}")),
    }
}
