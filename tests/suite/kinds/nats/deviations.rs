//! What a template or a default would say otherwise is told, kept, and never changed silently.

use serde_json::{Value, json};
use trueup::engine::{Exported, export};
use trueup::model::{Broker, Outcome, Undeclared};
use trueup::plan::Plan;

use super::bench::{Bench, manifest};

/// A bucket as nats.go makes it, but for what is said here.
fn bucket(name: &str, more: Value) -> Value {
    let mut config = json!({
        "name": format!("KV_{name}"), "max_msgs_per_subject": 1, "discard": "new",
        "deny_delete": true, "allow_rollup_hdrs": true, "allow_direct": true,
    });
    let more = more.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(more);
    config
}

fn captures(name: &str) -> Value {
    json!({ "subjects": [format!("$KV.{name}.>")] })
}

async fn exported(bench: &Bench) -> Exported {
    export(bench.port(), &[Broker::Nats], &[], &Vec::new())
        .await
        .unwrap()
}

fn changes(plan: &Plan) -> Vec<&str> {
    let changes = plan.steps.iter().flat_map(|step| &step.changes);
    changes.map(|change| change.field.as_str()).collect()
}

fn undeclared(plan: &Plan) -> Vec<&str> {
    let undeclared = plan.undeclared.iter();
    undeclared.map(|value| value.field.as_str()).collect()
}

/// Exports, makes the same on another server, and compares these streams.
async fn comes_back(bench: &Bench, streams: &[&str]) -> Vec<String> {
    let found = exported(bench).await.resources;
    assert!(!bench.plan(&found).await.has_changes());
    let other = Bench::start().await;
    other.settle(&found).await;
    for stream in streams {
        assert_eq!(bench.config(stream).await, other.config(stream).await);
    }
    found.keys().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_bucket_that_captures_nothing_stays_so_or_is_told() {
    let bench = Bench::start().await;
    bench.create(bucket("a", captures("a"))).await;
    bench
        .create(bucket(
            "b",
            json!({ "sources": [{ "name": "KV_a" }], "duplicate_window": 120_000_000_000_i64 }),
        ))
        .await;
    let names = comes_back(&bench, &["KV_a", "KV_b"]).await;
    assert_eq!(names, ["stream/KV_b", "kv/a"]);
    let said =
        json!({ "sources": [{ "name": "a", "subject_transforms": [] }], "description": "d" });
    let plan = bench
        .plan(&manifest(json!({ "kv/a": {}, "kv/b": said })))
        .await;
    assert_eq!(changes(&plan), ["description", "stream.subjects"]);
    let mut stream = exported(&bench).await.resources;
    let declared = &mut stream[0].declared;
    declared.insert("description".to_owned(), json!("d"));
    bench.settle(&stream).await;
    assert_eq!(bench.config("KV_b").await.get("subjects"), None);
}

#[tokio::test]
async fn what_is_sealed_takes_the_changes_that_the_server_takes() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "S", "deny_delete": true }))
        .await;
    bench
        .settle(&manifest(json!({ "stream/S": { "sealed": true } })))
        .await;
    bench
        .settle(&manifest(
            json!({ "stream/S": { "sealed": true, "description": "d" } }),
        ))
        .await;
    bench.create(bucket("b", captures("b"))).await;
    bench.change("KV_b", json!({ "sealed": true })).await;
    bench
        .create(json!({ "name": "OBJ_o", "subjects": ["$O.o.C.>", "$O.o.M.>"], "discard": "new", "allow_rollup_hdrs": true, "allow_direct": true }))
        .await;
    bench.change("OBJ_o", json!({ "sealed": true })).await;
    let wanted = manifest(
        json!({ "kv/b": { "description": "d" }, "object-store/o": { "description": "d" } }),
    );
    let plan = bench.plan(&wanted).await;
    assert_eq!(changes(&plan), ["description", "description"]);
    assert_eq!(undeclared(&plan), ["stream.sealed"; 2]);
    bench.settle(&wanted).await;
    let mut reset = wanted.clone();
    for resource in reset.values_mut() {
        resource.lifecycle.undeclared = Undeclared::Reset;
    }
    assert!(!bench.plan(&reset).await.has_changes());
    let plan = bench
        .plan(&manifest(json!({ "kv/b": { "ttl": "1h" } })))
        .await;
    let refusals = &plan.steps[0].refusals;
    let message = "the bucket is sealed on the broker, for good, so `ttl` can't be that";
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0].message, message);
    let found = exported(&bench).await;
    let told: Vec<&str> = found.caveats.iter().map(|p| p.message.as_str()).collect();
    let sealed =
        "exported sealed, as no new stream can be: `stream/KV_b`, `stream/OBJ_o`, `stream/S`";
    let plain = "exported as a plain stream, for `sealed` of it, which no bucket can declare: `kv/b`, `object-store/o`";
    assert_eq!(told, [sealed, plain]);
}

#[tokio::test]
async fn a_time_to_live_of_messages_comes_back_and_is_seen() {
    let bench = Bench::start().await;
    let mut config = bucket("b", captures("b"));
    config["allow_msg_ttl"] = json!(true);
    bench.create(config).await;
    bench
        .create(json!({ "name": "OBJ_o", "subjects": ["$O.o.C.>", "$O.o.M.>"], "discard": "new", "allow_rollup_hdrs": true, "allow_direct": true, "allow_msg_ttl": true }))
        .await;
    let names = comes_back(&bench, &["KV_b", "OBJ_o"]).await;
    assert_eq!(names, ["stream/KV_b", "stream/OBJ_o"]);
    let plan = bench
        .plan(&manifest(json!({ "kv/b": {}, "object-store/o": {} })))
        .await;
    assert!(!plan.has_changes(), "{plan:#?}");
    assert_eq!(undeclared(&plan), ["stream.allow_msg_ttl"; 2]);
}

#[tokio::test]
async fn a_copy_without_a_window_gets_none() {
    let bench = Bench::start().await;
    bench.create(bucket("a", captures("a"))).await;
    bench
        .create(bucket(
            "m",
            json!({ "mirror": { "name": "KV_a" }, "mirror_direct": true }),
        ))
        .await;
    let mut copy = bucket("c", captures("c"));
    copy["sources"] = json!([{ "name": "KV_a" }]);
    bench.create(copy).await;
    let names = comes_back(&bench, &["KV_m", "KV_c"]).await;
    assert_eq!(names, ["stream/KV_c", "stream/KV_m", "kv/a"]);
}

#[tokio::test]
async fn an_origin_elsewhere_is_told_without_what_it_leaves_open() {
    let bench = Bench::start().await;
    let origin = json!({ "name": "Q", "external": { "api": "$JS.x.API" } });
    bench
        .create(json!({ "name": "S", "sources": [origin] }))
        .await;
    let found = exported(&bench).await.resources;
    assert_eq!(found[0].declared["sources"], json!([origin]));
}

#[tokio::test]
async fn what_a_server_takes_is_taken() {
    let bench = Bench::start().await;
    let wanted = manifest(json!({
        "stream/L": { "consumer_limits": { "max_ack_pending": 5 } },
        "consumer/L/c": { "max_ack_pending": "unlimited" },
        "stream/C": { "allow_msg_counter": true, "subject_delete_marker_ttl": "5s" },
    }));
    for resource in wanted.values() {
        let kind = trueup::kinds::kind(resource.address.kind).unwrap();
        assert_eq!(kind.check(resource, &wanted), []);
    }
    bench.settle(&wanted).await;
    let names = comes_back(&bench, &["L", "C"]).await;
    assert_eq!(names, ["stream/C", "stream/L", "consumer/L/c"]);
    let changed =
        json!({ "allow_msg_counter": true, "subject_delete_marker_ttl": "5s", "description": "d" });
    let plan = bench.plan(&manifest(json!({ "stream/C": changed }))).await;
    assert_eq!(plan.steps[0].refusals[0].code.as_str(), "immutable");
    let mut sent = plan.clone();
    sent.steps[0].refusals.clear();
    let done = bench.apply(&sent).await;
    assert!(
        matches!(done[0].1, Outcome::Failed { .. }),
        "the server takes it now: {done:?}"
    );
}
