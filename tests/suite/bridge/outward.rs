//! From a stream to a topic.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::AckPolicy;
use serde_json::{Value, json};

use super::world::{Tally, World, tally};
use crate::broker::kafka::unique;

/// A stream, a topic, the consumer and the position's topic of a route; its name and the topic's.
async fn made(world: &World, delivery: &str, partitions: i32) -> (String, String, Value) {
    let (route, topic) = world.outward(partitions, &[]).await;
    let spec = json!({
        "from": {"stream": "EVENTS"}, "to": {"topic": topic}, "key": "subject(2)",
        "delivery": delivery,
    });
    (route, topic, spec)
}

#[tokio::test]
async fn messages_arrive_in_order_with_keys_and_headers() {
    let world = World::new().await;
    let (route, topic, mut spec) = made(&world, "at_least_once", 1).await;
    spec["headers"] = json!({"deny": ["secret"], "add": {"origin": "nats"}});
    let mut headers = HeaderMap::new();
    headers.append("multi", "1");
    headers.append("multi", "2");
    headers.append("Secret", "s");
    world.publish("events.a.made", headers, "first").await;
    let mut headers = HeaderMap::new();
    headers.append("KV-Operation", "DEL");
    world.publish("events.b.gone", headers, "").await;
    world.publish("events.c.empty", HeaderMap::new(), "").await;
    world.publish_numbers("events", 0..500, 10).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    let records = world.records(&topic, 503).await;
    assert_eq!(records.len(), 503);
    let path = ("trueup-path".to_owned(), Some(route.clone()));
    let header = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    assert_eq!(
        records[0].headers,
        [
            header("multi", "1"),
            header("multi", "2"),
            header("origin", "nats"),
            path
        ]
    );
    assert_eq!(
        (records[0].key.as_deref(), records[0].text().as_str()),
        (Some("a"), "first")
    );
    assert_eq!(
        (records[1].key.as_deref(), &records[1].value),
        (Some("b"), &None)
    );
    assert_eq!(
        (records[2].key.as_deref(), &records[2].value),
        (Some("c"), &Some(Vec::new()))
    );
    let numbers: Vec<u64> = records[3..]
        .iter()
        .map(super::world::Read::number)
        .collect();
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
    world
        .until(&route, "all counted", |beat| beat["counts"]["out"] == 503)
        .await;
    let (status, ready) = worker.get("/readyz").await;
    assert_eq!((status, ready.as_str()), (200, "ready\n"));
    let (_, metrics) = worker.get("/metrics").await;
    let line = format!("trueup_route_out_messages_total{{route=\"{route}\",shard=\"1\"}} 503");
    assert!(metrics.contains(&line), "{metrics}");
    let consumer = world.jetstream.get_stream("EVENTS").await.unwrap();
    let info = consumer
        .consumer_info(format!("trueup-{route}"))
        .await
        .unwrap();
    assert_eq!((info.num_pending, info.num_ack_pending), (0, 0));
}

#[tokio::test]
async fn a_route_that_ends_and_begins_again_goes_on_where_it_was() {
    let world = World::new().await;
    let (route, topic, spec) = made(&world, "exactly_once", 1).await;
    world.route(&route, &spec).await;
    world.publish_numbers("events", 0..1_000, 10).await;
    let mut worker = world.worker();
    world.records(&topic, 1_000).await;
    worker.signal("TERM");
    assert_eq!(worker.ended(), 143, "{}", worker.said());
    assert!(
        world.heartbeats(&route).await.is_empty(),
        "it took its heartbeats away"
    );
    // even where the consumer forgot what was acknowledged
    let stream = world.jetstream.get_stream("EVENTS").await.unwrap();
    stream
        .delete_consumer(&format!("trueup-{route}"))
        .await
        .unwrap();
    world.consumer("EVENTS", &route, AckPolicy::All).await;
    world.publish_numbers("events", 1_000..1_500, 10).await;
    let _worker = world.worker();
    let records = world.records(&topic, 1_500).await;
    let numbers: Vec<u64> = records.iter().map(super::world::Read::number).collect();
    assert_eq!(numbers, (0..1_500).collect::<Vec<_>>());
}

/// Kills the active worker of two, three times, while messages are published.
async fn killed(delivery: &str) -> Tally {
    const SENT: u64 = 30_000;
    let world = World::new().await;
    let (route, topic, mut spec) = made(&world, delivery, 3).await;
    spec["batch"] = json!({"max_messages": 300});
    world.route(&route, &spec).await;
    let publishing = async {
        for part in 0..30 {
            world
                .publish_numbers("events", part * SENT / 30..(part + 1) * SENT / 30, 12)
                .await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let killing = async {
        let mut workers = vec![world.worker(), world.worker()];
        for _ in 0..3 {
            let beat = world
                .until(&route, "moving", |beat| {
                    beat["state"] == "running" && beat["counts"]["out"].as_u64() > Some(200)
                })
                .await;
            let place = workers
                .iter()
                .position(|worker| beat["worker"] == worker.name().as_str());
            // one that was killed is still told of for a while
            let Some(place) = place else {
                tokio::time::sleep(Duration::from_millis(500)).await;
                continue;
            };
            workers.remove(place).kill();
            workers.push(world.worker());
        }
        workers
    };
    let ((), workers) = tokio::join!(publishing, killing);
    let records = world.records(&topic, SENT as usize).await;
    drop(workers);
    tally(records.iter().map(super::world::Read::number), SENT, 12)
}

#[tokio::test]
async fn exactly_once_loses_doubles_and_turns_nothing_when_workers_are_killed() {
    let expected = Tally {
        lost: 0,
        doubled: 0,
        inverted: 0,
    };
    assert_eq!(killed("exactly_once").await, expected);
}

#[tokio::test]
async fn at_least_once_loses_and_turns_nothing_when_workers_are_killed() {
    let told = killed("at_least_once").await;
    assert_eq!((told.lost, told.inverted), (0, 0), "{told:?}");
}

#[tokio::test]
async fn a_frozen_worker_that_thaws_writes_nothing() {
    let world = World::new().await;
    let (route, topic, mut spec) = made(&world, "exactly_once", 1).await;
    spec["batch"] = json!({"max_messages": 100});
    world.route(&route, &spec).await;
    let first = world.worker();
    world.until_state(&route, "running").await;
    let second = world.worker();
    second.says("standby").await;
    let publishing = async {
        for part in 0..20 {
            world
                .publish_numbers("events", part * 500..(part + 1) * 500, 10)
                .await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let freezing = async {
        world.records(&topic, 1_000).await;
        first.signal("STOP");
        second.says("running").await;
        world.records(&topic, 8_000).await;
        first.signal("CONT");
    };
    tokio::join!(publishing, freezing);
    let records = world.records(&topic, 10_000).await;
    let numbers: Vec<u64> = records.iter().map(super::world::Read::number).collect();
    assert_eq!(numbers, (0..10_000).collect::<Vec<_>>());
    first.says("standby").await;
}

#[tokio::test]
async fn many_workers_share_a_route_without_an_order() {
    let world = World::new().await;
    let route = unique("out");
    world.stream("EVENTS", &["events.>"]).await;
    let topic = world.topic("events", 3, &[]).await;
    world.consumer("EVENTS", &route, AckPolicy::Explicit).await;
    let spec = json!({
        "from": {"stream": "EVENTS"}, "to": {"topic": topic}, "key": "subject(2)", "ordering": "none",
        "batch": {"max_messages": 50},
    });
    world.route(&route, &spec).await;
    let workers = [world.worker(), world.worker()];
    for worker in &workers {
        worker.says("running").await;
    }
    world.publish_numbers("events", 0..20_000, 10).await;
    let records = world.records(&topic, 20_000).await;
    let told = tally(records.iter().map(super::world::Read::number), 20_000, 10);
    assert_eq!((told.lost, told.doubled), (0, 0));
    let mut beats = Vec::new();
    for worker in &workers {
        let name = worker.name();
        beats.push(
            world
                .until(&route, "a share", |beat| {
                    beat["worker"] == name.as_str() && beat["counts"]["out"].as_u64() > Some(0)
                })
                .await,
        );
    }
}

#[tokio::test]
async fn a_stream_made_anew_waits_for_a_reset() {
    let world = World::new().await;
    let (route, topic, spec) = made(&world, "exactly_once", 1).await;
    world.route(&route, &spec).await;
    world.publish_numbers("events", 0..10, 1).await;
    let worker = world.worker();
    world.records(&topic, 10).await;
    world.jetstream.delete_stream("EVENTS").await.unwrap();
    let beat = world.until_state(&route, "failed").await;
    let why = beat["last_error"]["text"].as_str().unwrap().to_owned();
    assert!(
        why.contains("no stream `EVENTS`")
            || why.contains("no consumer")
            || why.contains("not there any more"),
        "{why}"
    );
    world.stream("EVENTS", &["events.>"]).await;
    world.consumer("EVENTS", &route, AckPolicy::All).await;
    let told = |beat: &Value| {
        beat["last_error"]["text"]
            .as_str()
            .unwrap_or_default()
            .contains("made anew")
    };
    let beat = world.until(&route, "told of the new stream", told).await;
    assert_eq!(beat["state"], "failed");
    assert!(
        worker
            .said()
            .contains(&format!("trueup bridge reset {route}")),
        "{}",
        worker.said()
    );
    assert_eq!(worker.get("/readyz").await.0, 503);
}
