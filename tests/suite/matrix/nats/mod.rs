//! Every field of every kind on NATS.

mod cell;
mod ear;
mod expected;
mod raw;
mod sample;
mod table;

use serde_json::json;
use trueup::kinds::{Resources, kind};
use trueup::model::KindName;

use crate::kinds::nats::bench::{Bench, manifest};
use crate::matrix::row;
use ear::Ear;
pub use sample::declared_paths;
use sample::samples;
use table::Table;

const STREAMS: &str = include_str!("../../../cases/kinds/stream_fields.yaml");
const BUCKETS: &str = include_str!("../../../cases/kinds/kv_fields.yaml");
const STORES: &str = include_str!("../../../cases/kinds/object_store_fields.yaml");
const CONSUMERS: &str = include_str!("../../../cases/kinds/consumer_fields.yaml");

/// Each kind with its samples.
const KINDS: [(KindName, &str); 4] = [
    (KindName::Stream, STREAMS),
    (KindName::Kv, BUCKETS),
    (KindName::ObjectStore, STORES),
    (KindName::Consumer, CONSUMERS),
];

#[test]
fn every_field_has_a_sample() {
    for (name, text) in KINDS {
        let samples = samples(text);
        let declared = declared_paths(kind(name).unwrap().declaration());
        for path in &declared {
            assert!(samples.contains_key(path), "{name}.{path} has no sample");
        }
        for path in samples.keys() {
            assert!(declared.contains(path), "{name}.{path} is not declared");
        }
    }
}

#[tokio::test]
async fn streams() {
    let beside = json!({ "stream/ORIGIN": { "subjects": ["ORIGIN.*"] }, "stream/OTHER": { "subjects": ["OTHER.*"] } });
    every_field(KindName::Stream, STREAMS, "stream/S", manifest(beside)).await;
}

#[tokio::test]
async fn key_value_buckets() {
    let beside = json!({ "kv/a": {}, "kv/b": {} });
    every_field(KindName::Kv, BUCKETS, "kv/bucket", manifest(beside)).await;
}

#[tokio::test]
async fn object_stores() {
    // a server without any stream takes its folder of streams away, also while it makes the next
    let beside = json!({ "object-store/beside": {} });
    every_field(
        KindName::ObjectStore,
        STORES,
        "object-store/o",
        manifest(beside),
    )
    .await;
}

#[tokio::test]
async fn consumers() {
    let beside = json!({ "stream/S": { "subjects": ["s.>"] } });
    every_field(
        KindName::Consumer,
        CONSUMERS,
        "consumer/S/C",
        manifest(beside),
    )
    .await;
}

async fn every_field(name: KindName, text: &str, address: &str, beside: Resources) {
    let bench = Bench::start().await;
    let ear = Ear::at(&bench.url()).await;
    bench.settle(&beside).await;
    let mut table = Table::new(&bench, address, beside).await;
    for (path, sample) in samples(text) {
        table.try_field(&path, &sample).await;
    }
    let version = table.version();
    row::write(&format!("nats-{version}-{name}"), &table.rows);
    let level = bench.nats.account().await.unwrap().api_level;
    let newer = ear.newer_than(version, level).await;
    assert!(newer.is_empty(), "sent to {version}: {newer:#?}");
    assert!(table.wrong.is_empty(), "on {version}: {:#?}", table.wrong);
}
