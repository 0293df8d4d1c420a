//! Consumers of a work queue that take filters from each other, on a server that refuses what overlaps.

use serde_json::{Value, json};
use trueup::broker::nats::ConsumerAction;
use trueup::kinds::Resources;
use trueup::model::Outcome;

use super::bench::{Bench, manifest};

/// A work queue whose consumers have these filters.
fn queue(consumers: &[(&str, Value)]) -> Resources {
    let stream = json!({ "subjects": ["q.>"], "retention": "workqueue" });
    let mut declared = json!({ "stream/Q": stream });
    for (name, filters) in consumers {
        let field = match filters {
            Value::String(_) => "filter_subject",
            _ => "filter_subjects",
        };
        declared[format!("consumer/Q/{name}")] = json!({ (field): filters });
    }
    manifest(declared)
}

/// What a consumer filters on, whichever field holds it.
async fn filters(bench: &Bench, name: &str) -> Value {
    let info = bench.nats.consumer_info("Q", name).await.unwrap().unwrap();
    let config = &info["config"];
    let many = config.get("filter_subjects").cloned();
    many.unwrap_or_else(|| config["filter_subject"].clone())
}

/// Somebody else changes a consumer.
async fn change(bench: &Bench, name: &str, change: Value) {
    let info = bench.nats.consumer_info("Q", name).await.unwrap().unwrap();
    let mut config = info["config"].as_object().unwrap().clone();
    config.extend(change.as_object().unwrap().clone());
    let update = ConsumerAction::Update;
    let sent = bench.nats.consumer_create("Q", &config, update, None);
    sent.await.unwrap();
}

#[tokio::test]
async fn filters_are_swapped_passed_round_and_passed_on() {
    let bench = Bench::start().await;
    let before = queue(&[
        ("a", json!("q.a")),
        ("b", json!("q.b")),
        ("c", json!(["q.c.>", "q.own"])),
        ("d", json!("q.d")),
        ("e", json!("q.e")),
        ("f", json!("q.f")),
    ]);
    bench.settle(&before).await;
    let after = queue(&[
        // a swap, a ring and a chain with a new one at its end
        ("a", json!("q.b")),
        ("b", json!("q.a")),
        ("c", json!(["q.d", "q.own"])),
        ("d", json!(["q.e"])),
        ("e", json!("q.c.x")),
        ("f", json!("q.g")),
        ("new", json!("q.f")),
    ]);
    bench.settle(&after).await;
    let context = bench.context().await;
    for subject in ["a", "b", "d", "e", "c.x", "g", "f", "own"] {
        let sent = context.publish(format!("q.{subject}"), "x".into()).await;
        sent.unwrap().await.unwrap();
    }
    for (name, waiting) in [
        ("a", 1),
        ("b", 1),
        ("c", 2),
        ("d", 1),
        ("e", 1),
        ("f", 1),
        ("new", 1),
    ] {
        let info = bench.nats.consumer_info("Q", name).await.unwrap().unwrap();
        assert_eq!(info["num_pending"], waiting, "{name}: {info:?}");
    }
}

#[tokio::test]
async fn what_was_cut_short_goes_on() {
    let bench = Bench::start().await;
    let before = queue(&[("a", json!("q.a")), ("b", json!("q.b"))]);
    let after = queue(&[("a", json!("q.b")), ("b", json!("q.a"))]);
    bench.settle(&before).await;
    let parked = json!({ "filter_subject": "$trueup.parked.a" });
    change(&bench, "a", parked.clone()).await;
    bench.settle(&after).await;
    // and back, after the first of the two others
    change(&bench, "a", parked).await;
    change(&bench, "b", json!({ "filter_subject": "q.b" })).await;
    bench.settle(&before).await;
    assert_eq!(filters(&bench, "a").await, "q.a");
}

#[tokio::test]
async fn who_gave_its_filters_up_in_vain_gets_them_back() {
    let bench = Bench::start().await;
    bench
        .settle(&queue(&[("a", json!("q.a")), ("b", json!("q.b"))]))
        .await;
    let plan = bench
        .plan(&queue(&[("a", json!("q.b")), ("b", json!("q.a"))]))
        .await;
    change(&bench, "b", json!({ "description": "somebody else" })).await;
    let done = bench.apply(&plan).await;
    let why = |name: &str| match done.iter().find(|(address, _)| address.name == name) {
        Some((_, Outcome::Failed { why })) => why.clone(),
        other => panic!("{other:?}"),
    };
    assert!(
        why("Q/b").contains("it changed since the plan was made"),
        "{done:?}"
    );
    assert!(why("Q/a").contains("it has its filters again"), "{done:?}");
    assert_eq!(filters(&bench, "a").await, "q.a");
    assert_eq!(filters(&bench, "b").await, "q.b");
}
