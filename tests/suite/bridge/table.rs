//! The table: what stands in it, what becomes of it, and what routes do meanwhile.

use std::time::Duration;

use async_nats::jetstream::consumer::AckPolicy;
use serde_json::{Value, json};

use super::world::World;
use crate::broker::kafka::unique;

async fn made(world: &World) -> (String, String, Value) {
    let (route, topic) = world.outward(1, &[]).await;
    let spec = json!({"from": {"stream": "EVENTS"}, "to": {"topic": topic}});
    (route, topic, spec)
}

#[tokio::test]
async fn routes_start_pause_go_on_and_stop_without_a_restart() {
    let world = World::new().await;
    let (route, topic, mut spec) = made(&world).await;
    world.publish_numbers("events", 0..10, 1).await;
    let worker = world.worker();
    worker.says("no bucket `trueup-routes`").await;
    world.route(&route, &spec).await;
    world.records(&topic, 10).await;
    spec["state"] = json!("paused");
    let revision = world.route(&route, &spec).await;
    world.until_state(&route, "paused").await;
    world.publish_numbers("events", 10..20, 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.records(&topic, 10).await.len(), 10);
    spec["state"] = json!("running");
    spec["headers"] = json!({"add": {"changed": "yes"}});
    world.route(&route, &spec).await;
    let records = world.records(&topic, 20).await;
    assert_eq!(records[9].header("changed"), None);
    assert_eq!(records[10].header("changed"), Some("yes"));
    let newer =
        |beat: &Value| beat["state"] == "running" && beat["revision"].as_u64() > Some(revision);
    world.until(&route, "newer", newer).await;
    world.bucket().await.delete(&route).await.unwrap();
    worker.says("stops: it was deleted").await;
    world.publish_numbers("events", 20..30, 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.records(&topic, 20).await.len(), 20);
    assert!(world.heartbeats(&route).await.is_empty());
}

#[tokio::test]
async fn a_table_that_is_lost_or_rubbish_stops_nothing() {
    let world = World::new().await;
    let (route, topic, spec) = made(&world).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    world.publish_numbers("events", 0..10, 1).await;
    world.records(&topic, 10).await;
    world
        .bucket()
        .await
        .put(&route, "rubbish".into())
        .await
        .unwrap();
    worker.says("its record can't be read").await;
    worker.says("it goes on with the last good record").await;
    world.publish_numbers("events", 10..20, 1).await;
    world.records(&topic, 20).await;
    let mut newer = world.record(&spec);
    newer["format"] = json!(99);
    world
        .bucket()
        .await
        .put(&route, newer.to_string().into())
        .await
        .unwrap();
    worker.says("of format 99").await;
    world
        .jetstream
        .delete_key_value("trueup-routes")
        .await
        .unwrap();
    worker
        .says("no bucket `trueup-routes`; what runs goes on")
        .await;
    world.publish_numbers("events", 20..30, 1).await;
    world.records(&topic, 30).await;
    assert_eq!(worker.get("/readyz").await.0, 503);
    assert_eq!(worker.get("/healthz").await.0, 200);
    world.bucket().await;
    worker.says("gone from the table without a marker").await;
    world.publish_numbers("events", 30..40, 1).await;
    assert_eq!(world.records(&topic, 40).await.len(), 40);
}

#[tokio::test]
async fn what_another_stack_owns_is_left_alone() {
    let world = World::new().await;
    let (route, topic, spec) = made(&world).await;
    world.publish_numbers("events", 0..10, 1).await;
    let mut record = world.record(&spec);
    record["stack"] = json!("another");
    world
        .bucket()
        .await
        .put(&route, record.to_string().into())
        .await
        .unwrap();
    let (own, own_topic) = (unique("own"), world.topic("own", 1, &[]).await);
    world.consumer("EVENTS", &own, AckPolicy::All).await;
    world
        .route(
            &own,
            &json!({"from": {"stream": "EVENTS"}, "to": {"topic": own_topic}}),
        )
        .await;
    let _worker = world.worker();
    world.records(&own_topic, 10).await;
    assert!(world.heartbeats(&route).await.is_empty());
    assert_eq!(world.records(&topic, 0).await.len(), 0);
}

#[tokio::test]
async fn a_worker_waits_for_nats_and_outlives_it() {
    let mut world = World::new().await;
    let (route, topic, spec) = made(&world).await;
    world.route(&route, &spec).await;
    world.publish_numbers("events", 0..10, 1).await;
    world.nats.kill();
    let worker = world.worker();
    worker.says("it is tried on and on").await;
    assert_eq!(worker.get("/readyz").await.0, 503);
    world.nats.restart();
    world.records(&topic, 10).await;
    world.nats.kill();
    worker.says("degraded").await;
    world.nats.restart();
    world.publish_numbers("events", 10..20, 1).await;
    assert!(world.records(&topic, 20).await.len() >= 20);
}

#[tokio::test]
async fn what_is_missing_is_told_and_waited_for() {
    let world = World::new().await;
    let route = unique("out");
    let topic = unique("late");
    let spec = json!({"from": {"stream": "EVENTS"}, "to": {"topic": topic}});
    world.route(&route, &spec).await;
    let worker = world.worker();
    worker.says("no stream `EVENTS`").await;
    world.stream("EVENTS", &["events.>"]).await;
    world.publish_numbers("events", 0..10, 1).await;
    worker.says(&format!("no topic `{topic}`")).await;
    let new = crate::broker::kafka::new_topic(&topic, 1, &[]);
    crate::broker::kafka::create(&world.kafka, &[new]).await;
    worker
        .says(&format!("no topic `trueup.position.{route}`"))
        .await;
    world.position_topic(&route).await;
    worker
        .says(&format!("has no consumer `trueup-{route}`"))
        .await;
    world.consumer("EVENTS", &route, AckPolicy::All).await;
    assert_eq!(world.records(&topic, 10).await.len(), 10);
    world.until_state(&route, "running").await;
}
