//! Buckets are what clients make of them, and stay so.

use serde_json::json;
use trueup::model::Undeclared;

use super::bench::{Bench, Patience, manifest};

#[tokio::test]
async fn a_bucket_is_what_a_client_makes() {
    let bench = Bench::start().await;
    let context = bench.context().await;
    let config = async_nats::jetstream::kv::Config {
        bucket: "theirs".to_owned(),
        history: 5,
        ..Default::default()
    };
    context.create_key_value(config).await.unwrap();
    bench
        .settle(&manifest(json!({ "kv/ours": { "history": 5 } })))
        .await;
    let mut theirs = bench.config("KV_theirs").await;
    let ours = bench.config("KV_ours").await;
    for (field, value) in ours.as_object().unwrap() {
        if !["name", "subjects", "metadata"].contains(&field.as_str()) {
            assert_eq!(theirs[field], *value, "{field}");
        }
        theirs.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(theirs, json!({}), "fields that only theirs has");
}

#[tokio::test]
async fn a_store_is_what_a_client_makes() {
    let bench = Bench::start().await;
    let context = bench.context().await;
    let config = async_nats::jetstream::object_store::Config {
        bucket: "theirs".to_owned(),
        ..Default::default()
    };
    context.create_object_store(config).await.unwrap();
    bench
        .settle(&manifest(json!({ "object-store/ours": {} })))
        .await;
    let theirs = bench.config("OBJ_theirs").await;
    let ours = bench.config("OBJ_ours").await;
    for (field, value) in ours.as_object().unwrap() {
        if !["name", "subjects", "metadata"].contains(&field.as_str()) {
            assert_eq!(theirs[field], *value, "{field}");
        }
    }
}

#[tokio::test]
async fn values_and_objects_go_in_and_out() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({
            "kv/b": { "limit_marker_ttl": "1m" }, "object-store/o": { "compression": "s2" },
            "kv/copy": { "sources": [{ "name": "b" }] }, "kv/mirror": { "mirror": { "name": "b" } },
        })))
        .await;
    let mut patience = Patience::default();
    let context = bench.context().await;
    let bucket = context.get_key_value("b").await.unwrap();
    bucket.put("key", "value".into()).await.unwrap();
    for name in ["b", "copy"] {
        let bucket = context.get_key_value(name).await.unwrap();
        let mut value = None;
        while value.is_none() {
            patience.wait().await;
            value = bucket.get("key").await.unwrap();
        }
        assert_eq!(value.as_deref(), Some(b"value".as_slice()), "{name}");
    }
    while bench.info("KV_mirror").await["state"]["messages"] != 1 {
        patience.wait().await;
    }
    let store = context.get_object_store("o").await.unwrap();
    store.put("object", &mut b"bytes".as_slice()).await.unwrap();
    assert_eq!(store.info("object").await.unwrap().size, 5);
}

#[tokio::test]
async fn what_somebody_bends_shows_and_is_mended() {
    let bench = Bench::start().await;
    let wanted = manifest(json!({ "kv/b": {}, "object-store/o": {} }));
    bench.settle(&wanted).await;
    bench
        .change(
            "KV_b",
            json!({ "discard": "old", "allow_direct": false, "subjects": ["other"] }),
        )
        .await;
    bench
        .change(
            "OBJ_o",
            json!({ "allow_rollup_hdrs": false, "max_msgs": 5 }),
        )
        .await;
    let plan = bench.plan(&wanted).await;
    let fields: Vec<_> = plan
        .steps
        .iter()
        .flat_map(|step| &step.changes)
        .map(|change| change.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "stream.discard",
            "stream.allow_direct",
            "stream.subjects",
            "stream.allow_rollup_hdrs",
            "stream.max_msgs",
        ]
    );
    bench.settle(&wanted).await;
    assert_eq!(bench.config("KV_b").await["subjects"], json!(["$KV.b.>"]));
}

#[tokio::test]
async fn a_hand_made_bucket_gets_its_template() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "KV_b", "subjects": ["$KV.b.>"] }))
        .await;
    bench
        .settle(&manifest(json!({ "kv/b": { "history": 3 } })))
        .await;
    assert_eq!(bench.config("KV_b").await["deny_delete"], true);
}

#[tokio::test]
async fn what_cant_be_mended_is_refused_with_a_way_out() {
    let bench = Bench::start().await;
    let wanted = manifest(json!({ "kv/b": {} }));
    bench
        .create(json!({ "name": "KV_b", "subjects": ["$KV.b.>"], "deny_purge": true, "retention": "workqueue" }))
        .await;
    let plan = bench.plan(&wanted).await;
    let refusals = &plan.steps[0].refusals;
    let told: Vec<_> = refusals
        .iter()
        .map(|refusal| {
            (
                refusal.code.as_str(),
                refusal.field.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    for expected in [
        ("immutable", "stream.retention"),
        ("one-way", "stream.deny_purge"),
    ] {
        assert!(told.contains(&expected), "{refusals:?}");
    }
    assert!(
        refusals.iter().all(|r| r
            .hint
            .as_ref()
            .is_some_and(|hint| hint.contains("new bucket"))),
        "{refusals:?}"
    );
}

#[tokio::test]
async fn reset_leaves_the_template_alone() {
    let bench = Bench::start().await;
    let mut wanted = manifest(json!({
        "kv/b": { "ttl": "1m", "limit_marker_ttl": "5s" },
        "kv/m": { "mirror": { "name": "b" } },
        "object-store/o": { "ttl": "1m" },
    }));
    for resource in wanted.values_mut() {
        resource.lifecycle.undeclared = Undeclared::Reset;
    }
    bench.settle(&wanted).await;
}

#[tokio::test]
async fn markers_can_be_switched_off() {
    let bench = Bench::start().await;
    for said in [
        json!({ "limit_marker_ttl": "5s" }),
        json!({ "limit_marker_ttl": "0s" }),
    ] {
        bench.settle(&manifest(json!({ "kv/b": said }))).await;
    }
    let live = bench.config("KV_b").await;
    assert_eq!(live["allow_msg_ttl"], true);
    assert!(live.get("subject_delete_marker_ttl").is_none(), "{live}");
    let mut wanted = manifest(json!({ "kv/b": {} }));
    wanted[0].lifecycle.undeclared = Undeclared::Reset;
    bench.settle(&wanted).await;
}
