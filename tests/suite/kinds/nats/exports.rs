//! What is exported plans to nothing, and nothing is lost.

use serde_json::json;
use trueup::broker::nats::ConsumerAction;
use trueup::engine::export;
use trueup::kinds::Resources;
use trueup::model::Broker;

use super::bench::{Bench, manifest};

async fn exported(bench: &Bench) -> Resources {
    export(bench.port(), &[Broker::Nats], &|_| true)
        .await
        .unwrap()
        .resources
}

#[tokio::test]
async fn an_export_plans_to_nothing_and_makes_the_same_again() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({
            "stream/A": { "subjects": ["a.>"], "max_age": "7d", "storage": "memory", "allow_direct": true },
            "stream/B": { "sources": [{ "name": "A", "filter_subject": "a.b" }], "retention": "interest" },
            "stream/M": { "mirror": { "name": "A" } },
            "kv/plain": { "history": 5, "ttl": "1m", "limit_marker_ttl": "2s" },
            "kv/copy": { "sources": [{ "name": "plain" }] },
            "object-store/o": { "max_bytes": "1GiB" },
            "consumer/A/c": { "filter_subjects": ["a.b", "a.c"], "backoff": ["1s", "2s"], "max_deliver": 3 },
            "consumer/A/n": { "ack_policy": "none" },
        })))
        .await;
    let resources = exported(&bench).await;
    let names: Vec<String> = resources.keys().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "stream/A",
            "stream/B",
            "stream/M",
            "kv/copy",
            "kv/plain",
            "object-store/o",
            "consumer/A/c",
            "consumer/A/n"
        ]
    );
    assert!(!bench.plan(&resources).await.has_changes());
    let fields: Vec<&String> = resources[0].declared.keys().collect();
    assert_eq!(fields, ["subjects", "max_age", "storage", "allow_direct"]);

    let other = Bench::start().await;
    other.settle(&resources).await;
    for stream in ["A", "B", "M", "KV_plain", "KV_copy", "OBJ_o"] {
        assert_eq!(bench.config(stream).await, other.config(stream).await);
    }
}

#[tokio::test]
async fn a_bucket_that_cant_say_all_is_exported_as_a_stream() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({ "kv/odd": {}, "kv/even": {} })))
        .await;
    bench.change("KV_odd", json!({ "max_consumers": 7 })).await;
    let resources = exported(&bench).await;
    let names: Vec<String> = resources.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["stream/KV_odd", "kv/even"]);
    assert!(!bench.plan(&resources).await.has_changes());
}

#[tokio::test]
async fn ephemeral_and_internal_consumers_are_left_out() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "Q", "subjects": ["q.>"], "retention": "workqueue" }))
        .await;
    bench
        .create(json!({ "name": "COPY", "sources": [{ "name": "Q" }] }))
        .await;
    bench.create(json!({ "name": "S" })).await;
    let ephemeral =
        json!({ "name": "e", "ack_policy": "explicit", "inactive_threshold": 60_000_000_000_i64 });
    bench
        .nats
        .consumer_create(
            "S",
            ephemeral.as_object().unwrap(),
            ConsumerAction::Create,
            None,
        )
        .await
        .unwrap();
    let consumers = exported(&bench)
        .await
        .into_keys()
        .filter(|address| address.stream_and_consumer().is_some())
        .count();
    assert_eq!(consumers, 0);
}

#[tokio::test]
async fn what_a_manifest_cant_say_is_told_and_left_out() {
    let bench = Bench::start().await;
    for (name, subject) in [
        ("$X", "a"),
        ("${X}", "b"),
        ("MQTT_msgs", "c"),
        ("$MQTT_msgs", "d"),
    ] {
        bench
            .create(json!({ "name": name, "subjects": [subject] }))
            .await;
    }
    let odd = async_nats::jetstream::stream::Config {
        name: "odd\u{a0}name".to_owned(),
        subjects: vec!["e".to_owned()],
        ..Default::default()
    };
    bench.context().await.create_stream(odd).await.unwrap();
    let ephemeral = json!({ "name": "e", "ack_policy": "explicit" });
    let action = ConsumerAction::Create;
    let config = ephemeral.as_object().unwrap();
    bench
        .nats
        .consumer_create("$X", config, action, None)
        .await
        .unwrap();
    let found = export(bench.port(), &[Broker::Nats], &|_| true)
        .await
        .unwrap();
    let names: Vec<String> = found.resources.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["stream/$X", "stream/${X}", "stream/MQTT_msgs"]);
    let told: Vec<&str> = found.left_out.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "left out: the stream `$MQTT_msgs`",
            "left out: the stream `odd\u{a0}name`",
            "left out: the ephemeral consumer `$X/e`",
        ]
    );
    assert_eq!(read_back(&found.resources), names);
}

#[tokio::test]
async fn consumers_of_buckets_are_declared_and_exported() {
    let bench = Bench::start().await;
    let wanted = manifest(json!({
        "kv/b": {}, "object-store/o": {},
        "consumer/KV_b/a": { "filter_subject": "$KV.b.x" }, "consumer/OBJ_o/a": {},
    }));
    bench.settle(&wanted).await;
    let resources = exported(&bench).await;
    let names: Vec<String> = resources.keys().map(ToString::to_string).collect();
    let mut expected: Vec<String> = wanted.keys().map(ToString::to_string).collect();
    assert_eq!(names, expected);
    let mut again = read_back(&resources);
    again.sort();
    expected.sort();
    assert_eq!(again, expected);
}

/// The addresses that the written manifest declares.
fn read_back(resources: &Resources) -> Vec<String> {
    let text = trueup::manifest::write("s", resources);
    let inputs = trueup::manifest::Inputs {
        files: vec![trueup::manifest::Input::Text {
            name: "export.yaml".into(),
            text: text.clone(),
        }],
        ..Default::default()
    };
    let loaded = trueup::manifest::load(&inputs);
    let manifest = loaded
        .manifest
        .unwrap_or_else(|| panic!("{:#?}\n{text}", loaded.problems));
    manifest.resources.keys().map(ToString::to_string).collect()
}
