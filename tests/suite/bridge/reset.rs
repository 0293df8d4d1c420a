//! A route that is set to another place by hand, with a worker beside it.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use super::world::{PATIENCE, World, produce, produce_numbers};
use crate::broker::kafka::{create, new_topic, unique};
use crate::sandbox::variable;

/// A route from a stream with messages 0 to 9, and the topic of it.
async fn outward(world: &World, delivery: &str) -> (String, String) {
    let (route, topic) = world.outward(1, &[]).await;
    world.publish_numbers("events", 0..10, 1).await;
    let spec = json!({
        "from": {"stream": "EVENTS"}, "to": {"topic": topic}, "delivery": delivery,
    });
    world.route(&route, &spec).await;
    (route, topic)
}

/// A route from a topic with records 0 to 9, and the topic of it.
async fn inward(world: &World, delivery: &str) -> (String, String) {
    let route = unique("in");
    let topic = world.topic("models", 2, &[]).await;
    let config = stream::Config {
        name: "MODELS".to_owned(),
        subjects: vec!["models.>".to_owned(), format!("trueup.position.{route}.*")],
        allow_atomic_publish: true,
        allow_rollup: true,
        ..stream::Config::default()
    };
    world.stream_as(config).await;
    produce_numbers(&topic, 0..10, 2, 2).await;
    let spec = json!({
        "from": {"topic": topic}, "to": {"stream": "MODELS", "subject": "models.{key}"},
        "delivery": delivery,
    });
    world.route(&route, &spec).await;
    (route, topic)
}

/// Pauses, sets and resumes; what was said of the place.
fn set(world: &World, route: &str, to: &str) -> String {
    world.steer(&["pause", route], false);
    let said = world.steer(&["reset", route, "--to", to], false);
    world.steer(&["resume", route], false);
    said
}

async fn from_a_stream(delivery: &str) {
    let world = World::new().await;
    let (route, topic) = outward(&world, delivery).await;
    let worker = world.worker();
    world.records(&topic, 10).await;
    world.until_state(&route, "running").await;
    let said = world.steer(&["reset", &route, "--to", "start"], true);
    assert!(said.contains(&format!("bridge pause {route}")), "{said}");
    let said = set(&world, &route, "4");
    assert!(said.contains("sequence 4 of `stream/EVENTS`"), "{said}");
    let records = world.records(&topic, 17).await;
    let texts: Vec<String> = records.iter().skip(10).map(|it| it.text()).collect();
    assert_eq!(
        texts,
        ["3", "4", "5", "6", "7", "8", "9"],
        "{}",
        worker.said()
    );
    // to the end: what is there is left out
    world.steer(&["pause", &route], false);
    world.until_state(&route, "paused").await;
    world.publish_numbers("events", 10..15, 1).await;
    let said = world.steer(&["reset", &route, "--to", "99"], true);
    assert!(said.contains("ends at 15"), "{said}");
    world.steer(&["reset", &route, "--to", "end"], false);
    world.steer(&["resume", &route], false);
    world.publish_numbers("events", 15..16, 1).await;
    let records = world.records(&topic, 18).await;
    assert_eq!(records.len(), 18);
    assert_eq!(records[17].text(), "15");
}

#[tokio::test]
async fn a_route_from_a_stream_is_set_to_another_place() {
    from_a_stream("at_least_once").await;
}

#[tokio::test]
async fn a_route_from_a_stream_that_delivers_exactly_once_is_set_to_another_place() {
    from_a_stream("exactly_once").await;
}

async fn from_a_topic(delivery: &str) {
    let world = World::new().await;
    let (route, topic) = inward(&world, delivery).await;
    let worker = world.worker();
    world.messages("MODELS", "models.>", 10).await;
    let said = world.steer(&["reset", &route, "--to", "start"], true);
    assert!(said.contains(&format!("bridge pause {route}")), "{said}");
    let said = set(&world, &route, "3");
    assert!(
        said.contains("3 in partition 0, 3 in partition 1"),
        "{said}"
    );
    let messages = world.messages("MODELS", "models.>", 14).await;
    let mut again: Vec<&[u8]> = messages.iter().skip(10).map(|it| &it.payload[..]).collect();
    again.sort_unstable();
    assert_eq!(again, [b"6", b"7", b"8", b"9"], "{}", worker.said());
    drop(worker);
    // without a worker, to the end: what is there is left out
    produce_numbers(&topic, 10..20, 2, 2).await;
    set(&world, &route, "end");
    let _worker = world.worker();
    world.until_state(&route, "running").await;
    produce_numbers(&topic, 20..21, 2, 2).await;
    let messages = world.messages("MODELS", "models.>", 15).await;
    assert_eq!(messages.len(), 15);
    assert_eq!(&messages[14].payload[..], b"20");
}

#[tokio::test]
async fn a_route_from_a_topic_is_set_to_another_place() {
    from_a_topic("at_least_once").await;
}

#[tokio::test]
async fn a_route_from_a_topic_that_delivers_exactly_once_is_set_to_another_place() {
    from_a_topic("exactly_once").await;
}

/// The record of a route with its source as it is now.
async fn with_source(world: &World, route: &str, source: &str) {
    let bucket = world.bucket().await;
    let record = bucket.get(route).await.unwrap().unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    record["source"] = json!(source);
    bucket.put(route, record.to_string().into()).await.unwrap();
}

async fn delete(topic: &str) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", variable("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let done = admin.delete_topics(&[topic], &AdminOptions::new()).await;
    done.unwrap().remove(0).unwrap();
}

async fn topic_made_anew(delivery: &str) {
    let world = World::new().await;
    let (route, topic) = inward(&world, delivery).await;
    let described = world
        .kafka
        .describe_topics(std::slice::from_ref(&topic))
        .await;
    let described = described.unwrap().swap_remove(&topic).unwrap().unwrap();
    with_source(&world, &route, &described.topic_id.unwrap()).await;
    let worker = world.worker();
    world.messages("MODELS", "models.>", 10).await;
    delete(&topic).await;
    world.until_state(&route, "failed").await;
    let begin = std::time::Instant::now();
    let is_there = async || {
        let described = world
            .kafka
            .describe_topics(std::slice::from_ref(&topic))
            .await;
        described.unwrap()[0].is_ok()
    };
    while is_there().await {
        assert!(begin.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    create(&world.kafka, &[new_topic(&topic, 2, &[])]).await;
    produce_numbers(&topic, 50..52, 2, 2).await;
    let told = |beat: &Value| {
        let said = beat["last_error"]["text"].as_str().unwrap_or_default();
        beat["state"] == "failed" && said.contains("made anew")
    };
    world.until(&route, "told of the new topic", told).await;
    set(&world, &route, "start");
    let messages = world.messages("MODELS", "models.>", 12).await;
    let mut new: Vec<&[u8]> = messages.iter().skip(10).map(|it| &it.payload[..]).collect();
    new.sort_unstable();
    assert_eq!(new, [b"50", b"51"], "{}", worker.said());
}

#[tokio::test]
async fn a_topic_that_was_made_anew_is_read_after_a_reset() {
    topic_made_anew("at_least_once").await;
}

#[tokio::test]
async fn a_topic_that_was_made_anew_is_read_exactly_once_after_a_reset() {
    topic_made_anew("exactly_once").await;
}

#[tokio::test]
async fn dead_letters_of_what_is_moved_anew_are_no_duplicates() {
    let world = World::new().await;
    let route = unique("in");
    let topic = world.topic("models", 1, &[]).await;
    world.stream("MODELS", &["models.>"]).await;
    world.stream("DEAD", &["dead"]).await;
    produce(&topic, &[(0, None, Some(b"keyless"), &[])]).await;
    let spec = json!({
        "from": {"topic": topic}, "to": {"stream": "MODELS", "subject": "models.{key}"},
        "on_error": "dlq", "dlq": {"stream": "DEAD", "subject": "dead"},
    });
    world.route(&route, &spec).await;
    let worker = world.worker();
    world.messages("DEAD", "dead", 1).await;
    set(&world, &route, "start");
    let letters = world.messages("DEAD", "dead", 2).await;
    assert_eq!(letters.len(), 2, "{}", worker.said());
    let id = |at: usize| {
        letters[at]
            .headers
            .as_ref()
            .unwrap()
            .get("Nats-Msg-Id")
            .cloned()
    };
    assert_ne!(id(0), id(1));
}

#[tokio::test]
async fn a_consumer_that_was_made_anew_further_on_leaves_nothing_out() {
    let world = World::new().await;
    let (route, topic) = outward(&world, "exactly_once").await;
    let mut worker = world.worker();
    world.records(&topic, 10).await;
    world.until_state(&route, "running").await;
    worker.signal("TERM");
    worker.ended();
    world.publish_numbers("events", 10..20, 1).await;
    let events = world.jetstream.get_stream("EVENTS").await.unwrap();
    let name = format!("trueup-{route}");
    events.delete_consumer(&name).await.unwrap();
    let behind = |policy| consumer::pull::Config {
        durable_name: Some(name.clone()),
        ack_policy: AckPolicy::All,
        deliver_policy: policy,
        max_deliver: -1,
        max_ack_pending: 20_000,
        ..consumer::pull::Config::default()
    };
    // one that can't be set back by itself: somebody has to
    let sequence = DeliverPolicy::ByStartSequence { start_sequence: 16 };
    events.create_consumer(behind(sequence)).await.unwrap();
    let worker = world.worker();
    let told = |beat: &Value| {
        let said = beat["last_error"]["text"].as_str().unwrap_or_default();
        beat["state"] == "failed" && said.contains("--to 11")
    };
    world.until(&route, "told of the gap", told).await;
    assert!(
        worker
            .said()
            .contains("message 11 of stream `EVENTS` counts as acknowledged")
    );
    set(&world, &route, "11");
    let records = world.records(&topic, 20).await;
    let numbers: Vec<u64> = records.iter().map(|it| it.number()).collect();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    drop(worker);

    // one that was acknowledged by somebody else is set back
    world.until(&route, "gone", |_| true).await;
    world.publish_numbers("events", 20..30, 1).await;
    let consumer: consumer::PullConsumer = events.get_consumer(&name).await.unwrap();
    use futures::StreamExt;
    let mut batch = consumer.fetch().max_messages(5).messages().await.unwrap();
    let mut last = None;
    while let Some(message) = batch.next().await {
        last = Some(message.unwrap());
    }
    last.unwrap().double_ack().await.unwrap();
    let _worker = world.worker();
    let records = world.records(&topic, 30).await;
    let numbers: Vec<u64> = records.iter().map(|it| it.number()).collect();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
}

/// Sets the delivery of a route as `apply` does.
async fn with_delivery(world: &World, route: &str, delivery: &str, epoch: u64) {
    let bucket = world.bucket().await;
    let record = bucket.get(route).await.unwrap().unwrap();
    let mut record: Value = serde_json::from_slice(&record).unwrap();
    record["spec"]["delivery"] = json!(delivery);
    record["epoch"] = json!(epoch);
    bucket.put(route, record.to_string().into()).await.unwrap();
}

/// The group's offsets as a worker leaves them that is killed before it commits.
async fn uncommit(route: &str, topic: &str) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", variable("KAFKA_BROKERS"))
        .set("group.id", format!("trueup.{route}"))
        .create()
        .unwrap();
    let mut offsets = TopicPartitionList::new();
    for partition in 0..2 {
        let offset = Offset::Offset(0);
        offsets
            .add_partition_offset(topic, partition, offset)
            .unwrap();
    }
    let committing = tokio::task::spawn_blocking(move || {
        consumer.commit(&offsets, CommitMode::Sync).unwrap();
    });
    committing.await.unwrap();
}

#[tokio::test]
async fn what_stands_in_the_stream_counts_where_the_delivery_changed_and_no_worker_ran() {
    let world = World::new().await;
    let (route, topic) = inward(&world, "exactly_once").await;
    let mut worker = world.worker();
    world.messages("MODELS", "models.>", 10).await;
    worker.signal("TERM");
    assert_eq!(worker.ended(), 143, "{}", worker.said());
    uncommit(&route, &topic).await;
    with_delivery(&world, &route, "at_least_once", 1).await;
    with_delivery(&world, &route, "exactly_once", 2).await;
    produce_numbers(&topic, 10..20, 2, 2).await;
    let worker = world.worker();
    let messages = world.messages("MODELS", "models.>", 20).await;
    assert_eq!(messages.len(), 20, "{}", worker.said());
}

#[tokio::test]
async fn a_position_of_before_another_delivery_is_never_taken_up_again() {
    let world = World::new().await;
    let (out, into) = outward(&world, "exactly_once").await;
    let (back, from) = inward(&world, "exactly_once").await;
    let worker = world.worker();
    world.records(&into, 10).await;
    world.messages("MODELS", "models.>", 10).await;
    for (delivery, epoch, sent) in [("at_least_once", 1, 20), ("exactly_once", 2, 30)] {
        with_delivery(&world, &out, delivery, epoch).await;
        with_delivery(&world, &back, delivery, epoch).await;
        world.publish_numbers("events", sent - 10..sent, 1).await;
        produce_numbers(&from, sent - 10..sent, 2, 2).await;
        assert_eq!(world.records(&into, sent as usize).await.len() as u64, sent);
        let messages = world.messages("MODELS", "models.>", sent as usize).await;
        assert_eq!(messages.len() as u64, sent, "{}", worker.said());
    }
}
