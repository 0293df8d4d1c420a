//! What goes wrong in the official bridge, nats-kafka: each of its defects is a test here.

use std::process::Command;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::stream;
use serde_json::{Value, json};
use trueup::broker::kafka::ConfigChange;

use super::world::{Read, Tally, World, produce, produce_numbers, tally};
use crate::broker::kafka::unique;

/// A route from a stream into a topic with so many partitions; its name and the topic's.
async fn outward(world: &World, partitions: i32) -> (String, String, Value) {
    let (route, topic) = world.outward(partitions, &[]).await;
    let spec = json!({ "from": {"stream": "EVENTS"}, "to": {"topic": topic}, "key": "subject(2)" });
    (route, topic, spec)
}

/// A route from a topic with so many partitions into a stream with this limit.
async fn inward(world: &World, partitions: i32, most: i64) -> (String, String, Value) {
    let route = unique("in");
    let topic = world.topic("models", partitions, &[]).await;
    world.stream_as(models(most)).await;
    let spec = json!({
        "from": {"topic": topic}, "to": {"stream": "MODELS", "subject": "models.{key}"},
    });
    (route, topic, spec)
}

fn models(most: i64) -> stream::Config {
    stream::Config {
        name: "MODELS".to_owned(),
        subjects: vec!["models.>".to_owned()],
        max_messages: most,
        discard: stream::DiscardPolicy::New,
        ..stream::Config::default()
    }
}

/// The largest batch that a topic takes, in bytes.
async fn takes_at_most(world: &World, topic: &str, bytes: Option<&str>) {
    let change = ConfigChange {
        topic: topic.to_owned(),
        ops: vec![("max.message.bytes".to_owned(), bytes.map(str::to_owned))],
    };
    let results = world.kafka.alter_configs(&[change], false).await.unwrap();
    assert_eq!(results[topic], Ok(()));
}

fn numbers_of(messages: &[async_nats::Message]) -> Vec<u64> {
    let number = |message: &async_nats::Message| {
        let text = std::str::from_utf8(&message.payload).unwrap();
        text.parse().unwrap()
    };
    messages.iter().map(number).collect()
}

const WHOLE: Tally = Tally {
    lost: 0,
    doubled: 0,
    inverted: 0,
};

/// FNV-1a: its keys lay in other partitions than those of Java producers. The hashes are those of Kafka's own `UtilsTest`. (And it
/// wrote with `acks=1`; an idempotent producer, as ours is, has no other than `all`.)
#[tokio::test]
async fn defect_1_keys_lie_where_java_producers_put_them() {
    let hashes = [
        ("21", -973_932_308_i32),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        (
            "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
            -58_897_971,
        ),
        ("abc", 479_470_107),
    ];
    const PARTITIONS: i32 = 7;
    let world = World::new().await;
    let (route, topic, spec) = outward(&world, PARTITIONS).await;
    for (key, _) in hashes {
        let subject = format!("events.{key}");
        world.publish(&subject, HeaderMap::new(), key).await;
    }
    world.route(&route, &spec).await;
    let _worker = world.worker();
    for record in world.records(&topic, hashes.len()).await {
        let key = record.key.as_deref().unwrap();
        let (_, hash) = hashes.iter().find(|(known, _)| *known == key).unwrap();
        assert_eq!(record.partition, (hash & i32::MAX) % PARTITIONS, "{key}");
    }
}

/// It waited for each record before it sent the next one.
#[tokio::test]
async fn defect_2_messages_do_not_wait_for_each_other() {
    const MANY: u64 = 5_000;
    const FEW: u32 = 50;
    let world = World::new().await;
    let (route, topic, spec) = outward(&world, 1).await;
    let begin = Instant::now();
    for _ in 0..FEW {
        produce(&topic, &[(0, Some("0"), Some(b"0"), &[])]).await;
    }
    let one = begin.elapsed() / FEW;
    world.route(&route, &spec).await;
    let _worker = world.worker();
    world.until_state(&route, "running").await;
    let begin = Instant::now();
    world.publish_numbers("events", 0..MANY, 10).await;
    let moved = |beat: &Value| beat["counts"]["out"] == MANY;
    world.until(&route, "all moved", moved).await;
    let (took, in_turn) = (begin.elapsed(), one * MANY as u32);
    assert!(
        took * 2 < in_turn,
        "{took:?}, and one after the other {in_turn:?}"
    );
}

/// What Kafka refused was overtaken by what came later.
#[tokio::test]
async fn defect_3_what_kafka_does_not_take_for_a_while_is_not_overtaken() {
    let world = World::new().await;
    let (route, topic, mut spec) = outward(&world, 1).await;
    spec["batch"] = json!({"max_messages": 50});
    world.route(&route, &spec).await;
    let _worker = world.worker();
    world.publish_numbers("events", 0..500, 10).await;
    world.records(&topic, 500).await;
    takes_at_most(&world, &topic, Some("100")).await;
    world.publish_numbers("events", 500..1_000, 10).await;
    world.until_state(&route, "failed").await;
    takes_at_most(&world, &topic, None).await;
    let records = world.records(&topic, 1_000).await;
    let numbers: Vec<u64> = records.iter().map(Read::number).collect();
    assert_eq!(numbers, (0..1_000).collect::<Vec<_>>());
}

/// It took the key from the subject in its configuration.
#[tokio::test]
async fn defect_4_the_key_is_of_the_messages_own_subject() {
    let world = World::new().await;
    let (route, topic, spec) = outward(&world, 1).await;
    for subject in ["events.a.x", "events.b"] {
        world.publish(subject, HeaderMap::new(), subject).await;
    }
    world.route(&route, &spec).await;
    let _worker = world.worker();
    let records = world.records(&topic, 2).await;
    let keys: Vec<_> = records.iter().map(|it| it.key.as_deref()).collect();
    assert_eq!(keys, [Some("a"), Some("b")]);
}

/// A partition stood still for good after a failed publish, or the commit of another one passed its record over.
#[tokio::test]
async fn defect_5_what_the_stream_does_not_take_for_a_while_is_neither_passed_over_nor_waited_for_in_vain()
 {
    let world = World::new().await;
    let (route, topic, spec) = inward(&world, 3, 40).await;
    produce_numbers(&topic, 0..300, 12, 3).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    let stands_still = |beat: &Value| beat["state"] == "degraded" || beat["state"] == "failed";
    world.until(&route, "standing still", stands_still).await;
    world.messages("MODELS", "models.>", 40).await;
    world.jetstream.update_stream(models(-1)).await.unwrap();
    let messages = world.messages("MODELS", "models.>", 300).await;
    let tally = tally(numbers_of(&messages), 300, 12);
    assert_eq!((tally.lost, tally.inverted), (0, 0), "{}", worker.said());
}

/// Without a group it read everything again at each start; with a new one it passed over what was there.
#[tokio::test]
async fn defect_6_what_is_there_is_moved_and_nothing_again_after_a_restart() {
    let world = World::new().await;
    let (route, topic, spec) = inward(&world, 1, -1).await;
    produce_numbers(&topic, 0..100, 5, 1).await;
    world.route(&route, &spec).await;
    let mut worker = world.worker();
    world.messages("MODELS", "models.>", 100).await;
    worker.signal("TERM");
    assert_eq!(worker.ended(), 143, "{}", worker.said());
    let _worker = world.worker();
    produce_numbers(&topic, 100..110, 5, 1).await;
    let messages = world.messages("MODELS", "models.>", 110).await;
    assert_eq!(tally(numbers_of(&messages), 110, 5), WHOLE);
}

/// It read one partition only.
#[tokio::test]
async fn defect_7_every_partition_is_read() {
    let world = World::new().await;
    let (route, topic, spec) = inward(&world, 6, -1).await;
    produce_numbers(&topic, 0..60, 6, 6).await;
    world.route(&route, &spec).await;
    let _worker = world.worker();
    let messages = world.messages("MODELS", "models.>", 60).await;
    assert_eq!(tally(numbers_of(&messages), 60, 6), WHOLE);
}

/// Its second reload left two bridges running.
#[tokio::test]
async fn defect_8_a_route_that_is_changed_again_and_again_moves_everything_once() {
    let world = World::new().await;
    let (route, topic, mut spec) = outward(&world, 1).await;
    world.route(&route, &spec).await;
    let _worker = world.worker();
    world.until_state(&route, "running").await;
    for change in 0..5_u64 {
        spec["headers"] = json!({"add": {"change": change.to_string()}});
        let revision = world.route(&route, &spec).await;
        let from = change * 200;
        world.publish_numbers("events", from..from + 200, 10).await;
        let newer = |beat: &Value| {
            beat["state"] == "running" && beat["revision"].as_u64() >= Some(revision)
        };
        world.until(&route, "changed", newer).await;
    }
    let records = world.records(&topic, 1_000).await;
    assert_eq!(tally(records.iter().map(Read::number), 1_000, 10), WHOLE);
}

/// One missing stream ended the whole bridge.
#[tokio::test]
async fn defect_9_a_missing_stream_stops_its_own_route_only() {
    let world = World::new().await;
    let (route, topic, spec) = outward(&world, 1).await;
    let (lame, of_lame) = (unique("lame"), world.topic("lame", 1, &[]).await);
    let without = json!({"from": {"stream": "MISSING"}, "to": {"topic": of_lame}});
    world.route(&lame, &without).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    world.until_state(&lame, "failed").await;
    world.publish_numbers("events", 0..20, 5).await;
    assert_eq!(world.records(&topic, 20).await.len(), 20);
    let (status, why) = worker.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(why.contains("no stream `MISSING`"), "{why}");
}

/// A template that gave nothing let it publish to no subject at all.
#[tokio::test]
async fn defect_10_a_template_that_gives_nothing_stops_the_route() {
    let world = World::new().await;
    let (route, topic, mut spec) = inward(&world, 1, -1).await;
    let (broken, good) = (unique("broken"), spec.clone());
    spec["to"]["subject"] = json!("models.{key");
    world.route(&broken, &spec).await;
    world.route(&route, &good).await;
    let worker = world.worker();
    world.until_state(&broken, "failed").await;
    produce(&topic, &[(0, None, Some(b"0"), &[])]).await;
    let failed = world.until_state(&route, "failed").await;
    let why = failed["last_error"]["text"].as_str().unwrap().to_owned();
    assert!(why.contains("record 0 of partition 0"), "{why}");
    let mut models = world.jetstream.get_stream("MODELS").await.unwrap();
    assert_eq!(models.info().await.unwrap().state.messages, 0);
    drop(worker);
}

/// It compiled the expression of the key for each message, and so found out with the first one that it is none.
#[tokio::test]
async fn defect_11_a_key_is_read_once_and_before_any_message() {
    let world = World::new().await;
    let (route, _, mut spec) = outward(&world, 1).await;
    spec["key"] = json!("subject(");
    world.route(&route, &spec).await;
    let _worker = world.worker();
    let failed = world.until_state(&route, "failed").await;
    let why = failed["last_error"]["text"].as_str().unwrap();
    assert!(why.contains("subject("), "{why}");
}

/// It did not heed SIGTERM, and ended with 0 when it could not start.
#[tokio::test]
async fn defect_12_a_worker_drains_and_one_that_can_not_start_says_so() {
    let world = World::new().await;
    let (route, topic, spec) = outward(&world, 1).await;
    world.route(&route, &spec).await;
    let mut worker = world.worker();
    world.publish_numbers("events", 0..2_000, 10).await;
    world.records(&topic, 500).await;
    let begin = Instant::now();
    worker.signal("TERM");
    assert_eq!(worker.ended(), 143, "{}", worker.said());
    assert!(begin.elapsed() < Duration::from_secs(30));
    let _next = world.worker();
    let records = world.records(&topic, 2_000).await;
    assert_eq!(tally(records.iter().map(Read::number), 2_000, 10), WHOLE);
    let manifest = world.folder.path().join("no-such-file.yaml");
    let started = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(["bridge", "run", "-f"])
        .arg(&manifest)
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(1));
    let said = String::from_utf8(started.stderr).unwrap();
    assert!(said.contains("no-such-file.yaml"), "{said}");
}
