//! What random pairs on real servers found (`tests/suite/laws/live.rs`).

use serde_json::json;
use trueup::kinds::kind;

use super::bench::{Bench, manifest};

#[tokio::test]
async fn what_denies_deletion_can_be_sealed() {
    let bench = Bench::start().await;
    let denying = json!({ "stream/S": { "deny_delete": true, "deny_purge": true } });
    bench.settle(&manifest(denying)).await;
    let sealed = json!({ "stream/S": { "sealed": true } });
    bench.settle(&manifest(sealed)).await;
    assert_eq!(bench.config("S").await["sealed"], true);
}

#[tokio::test]
async fn a_sealed_stream_with_schedules_takes_no_change() {
    let bench = Bench::start().await;
    for said in [
        json!({ "allow_msg_schedules": true }),
        json!({ "allow_msg_schedules": true, "sealed": true }),
    ] {
        bench.settle(&manifest(json!({ "stream/S": said }))).await;
    }
    let described = json!({ "stream/S": { "description": "again" } });
    let plan = bench.plan(&manifest(described)).await;
    assert_eq!(plan.blocked_steps().count(), 1, "{plan:#?}");
    for rollup in [true, false] {
        let mut config = bench.config("S").await.as_object().unwrap().clone();
        config.insert("description".into(), json!("again"));
        config.insert("allow_rollup_hdrs".into(), json!(rollup));
        assert!(bench.nats.stream_update(&config, None).await.is_err());
    }
}

#[tokio::test]
async fn an_empty_list_of_transforms_is_none() {
    let bench = Bench::start().await;
    for note in ["first", "second"] {
        let mirror = json!({ "name": "o", "subject_transforms": [] });
        let source = json!({ "name": "o", "filter_subject": "$KV.o.x", "subject_transforms": [] });
        let said = json!({
            "kv/m": { "mirror": mirror, "description": note },
            "kv/s": { "sources": [source], "description": note },
            "stream/M": { "mirror": mirror, "description": note },
        });
        bench.settle(&manifest(said)).await;
    }
}

#[tokio::test]
async fn what_looks_wrong_and_is_taken_is_no_contradiction() {
    let bench = Bench::start().await;
    let said = json!({
        "stream/S": { "subjects": ["s.*.*"], "consumer_limits": { "max_ack_pending": 5 } },
        "consumer/S/filters": { "filter_subjects": ["s.a.*", "s.*.b"] },
        "consumer/S/pending": { "max_ack_pending": -1 },
        "stream/D": { "subjects": ["d"], "sources": [
            { "name": "S", "consumer": { "name": "a", "deliver_subject": "x" } },
            { "name": "S", "consumer": { "name": "b", "deliver_subject": "y" } },
        ] },
    });
    let said = manifest(said);
    for resource in said.values() {
        let kind = kind(resource.address.kind).unwrap();
        assert_eq!(kind.check(resource, &said), []);
    }
    bench.settle(&said).await;
}

#[tokio::test]
async fn a_strangers_stream_of_larger_messages_is_no_origin() {
    let bench = Bench::start().await;
    for (stream, size) in [("A", 2000), ("KV_a", 2000), ("T", 1000)] {
        let config = json!({ "name": stream, "max_msg_size": size });
        bench.create(config).await;
    }
    let plan = bench
        .plan(&manifest(json!({
            "stream/S": { "max_msg_size": 1000, "sources": [{ "name": "A" }] },
            "stream/T": { "sources": [{ "name": "A" }] },
            "kv/s": { "max_value_size": 1000, "mirror": { "name": "a" } },
        })))
        .await;
    let fields: Vec<Option<&str>> = plan
        .blocked_steps()
        .flat_map(|step| &step.refusals)
        .map(|refusal| refusal.field.as_deref())
        .collect();
    let sizes = ["max_msg_size", "max_msg_size", "max_value_size"].map(Some);
    assert_eq!(fields, sizes);
}
