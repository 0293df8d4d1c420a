//! What a target takes is changed while a worker runs.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use serde_json::{Value, json};

use super::world::{ToWrite, World, produce};
use crate::broker::kafka::unique;
use crate::sandbox::variable;

/// How long a worker believes what it read of a target.
const BELIEVED: Duration = Duration::from_secs(31);

fn stream(route: &str, largest: i32, takes_batches: bool) -> stream::Config {
    stream::Config {
        name: "MODELS".to_owned(),
        subjects: vec!["models.>".to_owned(), format!("trueup.position.{route}.*")],
        max_message_size: largest,
        allow_atomic_publish: takes_batches,
        allow_rollup: true,
        ..stream::Config::default()
    }
}

async fn made(world: &World) -> (String, String, Value) {
    let route = unique("in");
    let topic = world.topic("models", 1, &[]).await;
    world.stream_as(stream(&route, 5_000, true)).await;
    let spec = json!({
        "from": {"topic": topic}, "to": {"stream": "MODELS", "subject": "models.x"},
        "on_error": "skip",
    });
    (route, topic, spec)
}

fn payloads(messages: &[async_nats::Message]) -> Vec<usize> {
    messages
        .iter()
        .map(|message| message.payload.len())
        .collect()
}

#[tokio::test]
async fn a_stream_that_takes_less_or_more_is_noticed_before_anything_is_given_up() {
    let world = World::new().await;
    let (route, topic, spec) = made(&world).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    let of = |size: usize| vec![b'x'; size];
    let (one, large, two) = (of(1), of(4_000), of(2));
    let record = |payload| -> ToWrite<'_> { (0, Some("k"), Some(payload), &[]) };
    produce(&topic, &[record(&one), record(&large)]).await;
    let messages = world.messages("MODELS", "models.x", 2).await;
    assert_eq!(payloads(&messages), [1, 4_000]);
    let key = messages[0].headers.as_ref().unwrap().get("Kafka-Key");
    assert_eq!(key.unwrap().as_str(), "k", "the subject does not tell it");

    // lowered: what is too large now is passed over, and the others go on
    world
        .jetstream
        .update_stream(stream(&route, 2_000, true))
        .await
        .unwrap();
    produce(&topic, &[record(&large), record(&two)]).await;
    let messages = world.messages("MODELS", "models.x", 3).await;
    assert_eq!(payloads(&messages), [1, 4_000, 2]);
    let line = format!("route/{route}: skipped: record 2 of partition 0 of topic `{topic}`");
    worker.says(&line).await;

    // raised: nothing that fits is passed over
    tokio::time::sleep(BELIEVED).await;
    world
        .jetstream
        .update_stream(stream(&route, 5_000, true))
        .await
        .unwrap();
    produce(&topic, &[record(&large), record(&one)]).await;
    let messages = world.messages("MODELS", "models.x", 5).await;
    assert_eq!(payloads(&messages), [1, 4_000, 2, 4_000, 1]);

    // and one that takes no batches any more is served one by one
    world
        .jetstream
        .update_stream(stream(&route, 5_000, false))
        .await
        .unwrap();
    produce(&topic, &[record(&two), record(&one), record(&two)]).await;
    let messages = world.messages("MODELS", "models.x", 8).await;
    assert_eq!(payloads(&messages), [1, 4_000, 2, 4_000, 1, 2, 1, 2]);
    assert!(
        !worker.said().contains("skipped: record 4"),
        "{}",
        worker.said()
    );
}

async fn raise(topic: &str) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", variable("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let larger =
        AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", "100000");
    let done = admin.alter_configs(&[larger], &AdminOptions::new()).await;
    done.unwrap().remove(0).unwrap();
}

#[tokio::test]
async fn a_topic_that_takes_more_is_noticed_before_anything_is_given_up() {
    let world = World::new().await;
    let (route, topic) = world.outward(1, &[("max.message.bytes", "20000")]).await;
    let spec = json!({
        "from": {"stream": "EVENTS"}, "to": {"topic": topic}, "on_error": "skip",
    });
    world.route(&route, &spec).await;
    let large = "x".repeat(50_000);
    let worker = world.worker();
    world.publish("events.a", HeaderMap::new(), &large).await;
    world.publish("events.a", HeaderMap::new(), "1").await;
    assert_eq!(world.records(&topic, 1).await.len(), 1);
    worker
        .says(&format!("route/{route}: skipped: message 1 of stream"))
        .await;
    tokio::time::sleep(BELIEVED).await;
    raise(&topic).await;
    world.publish("events.a", HeaderMap::new(), &large).await;
    world.publish("events.a", HeaderMap::new(), "2").await;
    let records = world.records(&topic, 3).await;
    let sizes: Vec<usize> = records.iter().map(|record| record.text().len()).collect();
    assert_eq!(sizes, [1, 50_000, 1], "{}", worker.said());
}

/// A server takes a message that is removed while it is out for acknowledged, and with `ack_policy: all` every one before it.
#[tokio::test]
async fn a_message_that_is_removed_while_it_is_out_lets_none_before_it_be_passed_over() {
    let world = World::new().await;
    let (route, topic) = world.outward(1, &[("max.message.bytes", "20000")]).await;
    let spec = json!({ "from": {"stream": "EVENTS"}, "to": {"topic": topic} });
    world.publish("events.a", HeaderMap::new(), "1").await;
    let large = "x".repeat(50_000);
    world.publish("events.a", HeaderMap::new(), &large).await;
    world.publish_numbers("events", 3..11, 1).await;
    world.route(&route, &spec).await;
    let _worker = world.worker();
    world.until_state(&route, "failed").await;
    let stream = world.jetstream.get_stream("EVENTS").await.unwrap();
    stream.delete_message(8).await.unwrap();
    let consumer = format!("trueup-{route}");
    let info = stream.consumer_info(&consumer).await.unwrap();
    assert_eq!(info.ack_floor.stream_sequence, 8, "{info:?}");
    raise(&topic).await;
    let records = world.records(&topic, 9).await;
    let lengths: Vec<usize> = records.iter().map(|it| it.text().len()).collect();
    assert_eq!(lengths, [1, 50_000, 1, 1, 1, 1, 1, 1, 2]);
}

#[tokio::test]
async fn a_target_that_is_deleted_is_told_and_gets_everything_when_it_is_back() {
    let world = World::new().await;
    let (route, topic, spec) = made(&world).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    produce(&topic, &[(0, Some("k"), Some(b"first"), &[])]).await;
    world.messages("MODELS", "models.x", 1).await;
    world.jetstream.delete_stream("MODELS").await.unwrap();
    produce(&topic, &[(0, Some("k"), Some(b"second"), &[])]).await;
    let told = |beat: &Value| {
        let said = beat["last_error"]["text"].as_str().unwrap_or_default();
        beat["state"] == "failed" && said.contains("no stream `MODELS`")
    };
    world
        .until(&route, "told that its target is gone", told)
        .await;
    world.stream_as(stream(&route, 5_000, true)).await;
    let messages = world.messages("MODELS", "models.x", 1).await;
    assert_eq!(&messages[0].payload[..], b"second", "{}", worker.said());
}
