//! What is exported plans to nothing, and nothing is lost.

use serde_json::json;
use trueup::broker::nats::ConsumerAction;
use trueup::engine::{export, left_out};
use trueup::kinds::Resources;
use trueup::model::{Address, Broker, KindName};

use super::bench::{Bench, manifest};

async fn exported(bench: &Bench) -> Resources {
    export(bench.port(), &[Broker::Nats], &[], &Vec::new())
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

    let is_bucket = |address: &Address| address.kind == KindName::Kv;
    let buckets = export(bench.port(), &[Broker::Nats], &[], &is_bucket)
        .await
        .unwrap();
    assert_eq!(buckets.resources.len(), 2);
    assert_eq!(buckets.caveats.len(), 1);
    assert_eq!(
        buckets.caveats[0].message,
        "exported as a plain stream, for `max_consumers` of it, which no bucket can declare: `kv/odd`"
    );
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
    let found = export(bench.port(), &[Broker::Nats], &[], &Vec::new())
        .await
        .unwrap();
    let names: Vec<String> = found.resources.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["stream/$X", "stream/${X}", "stream/MQTT_msgs"]);
    let left_out = left_out(bench.port(), &[Broker::Nats]).await;
    let told: Vec<&str> = left_out.iter().map(|p| p.message.as_str()).collect();
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

#[tokio::test]
async fn the_windows_of_copies_come_back() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({ "stream/O": {}, "kv/origin": {} })))
        .await;
    let second = 1_000_000_000_i64;
    for (name, more) in [
        (
            "M",
            json!({ "mirror": { "name": "O" }, "duplicate_window": 120 * second }),
        ),
        (
            "S",
            json!({ "sources": [{ "name": "O" }], "duplicate_window": 120 * second }),
        ),
        (
            "T",
            json!({ "sources": [{ "name": "O" }], "duplicate_window": 60 * second, "max_age": 60 * second }),
        ),
        ("U", json!({ "sources": [{ "name": "O" }] })),
    ] {
        let mut config = json!({ "name": name });
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        bench.create(config).await;
    }
    for (name, config) in BUCKETS_OF_NATS_GO {
        let mut config: serde_json::Value = serde_json::from_str(config).unwrap();
        config["name"] = json!(name);
        bench.create(config).await;
    }
    let resources = exported(&bench).await;
    let names: Vec<String> = resources.keys().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "stream/M",
            "stream/O",
            "stream/S",
            "stream/T",
            "stream/U",
            "kv/age",
            "kv/copy",
            "kv/mir",
            "kv/origin"
        ]
    );
    assert!(!bench.plan(&resources).await.has_changes());
    let other = Bench::start().await;
    other.settle(&resources).await;
    for stream in ["M", "S", "T", "U", "KV_mir", "KV_copy", "KV_age"] {
        assert_eq!(bench.config(stream).await, other.config(stream).await);
    }
    assert_eq!(exported(&other).await, resources);
    let changed = manifest(json!({
        "kv/mir": { "mirror": { "name": "origin" }, "description": "d" },
        "kv/copy": { "sources": [{ "name": "origin" }], "ttl": "30s" },
    }));
    other.settle(&changed).await;
    for (stream, window) in [("KV_mir", 120), ("KV_copy", 30)] {
        let config = other.config(stream).await;
        assert_eq!(config["duplicate_window"], window * second, "{stream}");
    }
}

/// As `prepareKeyValueConfig` of nats.go 1.51 writes them.
const BUCKETS_OF_NATS_GO: [(&str, &str); 3] = [
    (
        "KV_mir",
        r#"{"mirror":{"name":"KV_origin"},"mirror_direct":true,"max_msgs_per_subject":1,"discard":"new","duplicate_window":120000000000,"deny_delete":true,"allow_rollup_hdrs":true,"allow_direct":true}"#,
    ),
    (
        "KV_copy",
        r#"{"subjects":["$KV.copy.>"],"sources":[{"name":"KV_origin","subject_transforms":[{"src":"$KV.origin.>","dest":"$KV.copy.>"}]}],"max_msgs_per_subject":1,"discard":"new","duplicate_window":120000000000,"deny_delete":true,"allow_rollup_hdrs":true,"allow_direct":true}"#,
    ),
    (
        "KV_age",
        r#"{"subjects":["$KV.age.>"],"sources":[{"name":"KV_origin","subject_transforms":[{"src":"$KV.origin.>","dest":"$KV.age.>"}]}],"max_msgs_per_subject":1,"discard":"new","max_age":60000000000,"duplicate_window":60000000000,"deny_delete":true,"allow_rollup_hdrs":true,"allow_direct":true}"#,
    ),
];

#[tokio::test]
async fn metadata_that_only_looks_like_the_servers_is_kept() {
    let bench = Bench::start().await;
    let metadata = json!({ "_nats.x": "1", "_nats.src.stream": "q", "a": "b" });
    bench
        .create(json!({ "name": "S", "metadata": metadata }))
        .await;
    let consumer =
        json!({ "name": "c", "durable_name": "c", "ack_policy": "explicit", "metadata": metadata });
    let config = consumer.as_object().unwrap();
    bench
        .nats
        .consumer_create("S", config, ConsumerAction::Create, None)
        .await
        .unwrap();
    let resources = exported(&bench).await;
    let keys: Vec<Vec<&String>> = resources
        .values()
        .map(|resource| resource.declared.keys().collect())
        .collect();
    let said = [
        "metadata._nats.src.stream",
        "metadata._nats.x",
        "metadata.a",
    ];
    assert_eq!(keys, [said, said]);
    assert_eq!(read_back(&resources), ["stream/S", "consumer/S/c"]);
    bench
        .settle(&manifest(json!({ "stream/S": { "description": "d" } })))
        .await;
    assert_eq!(bench.config("S").await["metadata"]["_nats.x"], "1");
}
