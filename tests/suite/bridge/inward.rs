//! From a topic to a stream.

use std::time::{Duration, Instant};

use async_nats::jetstream::stream;
use serde_json::{Value, json};

use super::world::{PATIENCE, Tally, ToWrite, World, produce, produce_numbers, tally};
use crate::broker::kafka::unique;

/// How a stream takes messages, and so how a route publishes them.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Rounds,
    Batches,
    ExactlyOnce,
}

async fn made(world: &World, way: Way, partitions: i32) -> (String, String, Value) {
    let route = unique("in");
    let topic = world.topic("models", partitions, &[]).await;
    let position = format!("trueup.position.{route}.*");
    let config = stream::Config {
        name: "MODELS".to_owned(),
        subjects: vec!["models.>".to_owned(), position],
        allow_atomic_publish: way != Way::Rounds,
        allow_rollup: true,
        ..stream::Config::default()
    };
    world.stream_as(config).await;
    let delivery = match way {
        Way::ExactlyOnce => "exactly_once",
        Way::Rounds | Way::Batches => "at_least_once",
    };
    let spec = json!({
        "from": {"topic": topic}, "to": {"stream": "MODELS", "subject": "models.{key}"},
        "delivery": delivery,
    });
    (route, topic, spec)
}

fn numbers(messages: &[async_nats::Message]) -> Vec<u64> {
    let number = |message: &async_nats::Message| {
        std::str::from_utf8(&message.payload)
            .unwrap()
            .parse()
            .unwrap()
    };
    messages.iter().map(number).collect()
}

async fn content(way: Way) {
    let world = World::new().await;
    let (route, topic, spec) = made(&world, way, 1).await;
    let headers: &[(&str, Option<&[u8]>)] = &[
        ("multi", Some(b"1")),
        ("multi", Some(b"2")),
        ("Nats-Rollup", Some(b"all")),
        ("Nats-Msg-Id", Some(b"theirs")),
        ("null", None),
        ("lines", Some(b"a\r\nb")),
    ];
    let records: &[ToWrite<'_>] = &[
        (0, Some("a.b c"), Some(b"first"), headers),
        (0, Some("gone"), None, &[]),
        (0, Some("empty"), Some(b""), &[]),
    ];
    produce(&topic, records).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    let messages = world.messages("MODELS", "models.>", 3).await;
    assert_eq!(messages.len(), 3, "{}", worker.said());
    let subjects: Vec<&str> = messages
        .iter()
        .map(|message| message.subject.as_str())
        .collect();
    assert_eq!(
        subjects,
        ["models.a%2Eb%20c", "models.gone", "models.empty"]
    );
    let header = |at: usize, name: &str| {
        let values = messages[at].headers.as_ref().unwrap().get_all(name);
        values
            .map(|value| value.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(header(0, "multi"), ["1", "2"]);
    assert_eq!(header(0, "Nats-Rollup"), [""; 0]);
    assert_ne!(header(0, "Nats-Msg-Id"), ["theirs"]);
    assert_eq!(header(0, "null-b64"), [""]);
    assert_eq!(header(0, "lines-b64"), ["YQ0KYg=="]);
    assert_eq!(header(0, "trueup-path"), [route.as_str()]);
    assert_eq!(
        (header(1, "Kafka-Tombstone"), messages[1].payload.len()),
        (vec!["1".to_owned()], 0)
    );
    assert_eq!(
        (
            header(2, "Kafka-Tombstone").len(),
            messages[2].payload.len()
        ),
        (0, 0)
    );
    assert_eq!(&messages[0].payload[..], b"first");
}

#[tokio::test]
async fn records_arrive_by_rounds_as_they_are() {
    content(Way::Rounds).await;
}

#[tokio::test]
async fn records_arrive_by_batches_as_they_are() {
    content(Way::Batches).await;
}

#[tokio::test]
async fn records_arrive_exactly_once_as_they_are() {
    content(Way::ExactlyOnce).await;
}

/// Kills one of two workers, three times, while records are written.
async fn killed(way: Way) -> Tally {
    const SENT: u64 = 30_000;
    let world = World::new().await;
    let (route, topic, mut spec) = made(&world, way, 4).await;
    spec["batch"] = json!({"max_messages": 200});
    world.route(&route, &spec).await;
    let mut workers = vec![world.worker(), world.worker()];
    let producing = async {
        for part in 0..30 {
            produce_numbers(&topic, part * SENT / 30..(part + 1) * SENT / 30, 12, 4).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let killing = async {
        for count in 1..=3 {
            world.messages("MODELS", "models.>", count * 3_000).await;
            workers.remove(0).kill();
            workers.push(world.worker());
        }
    };
    tokio::join!(producing, killing);
    tally(all_of(&world, SENT, 12).await, SENT, 12)
}

/// What is in the stream when each number is, or patience is over: among as many there may be some that came twice.
async fn all_of(world: &World, sent: u64, keys: u64) -> Vec<u64> {
    let end = Instant::now() + PATIENCE;
    loop {
        let all = numbers(&world.messages("MODELS", "models.>", sent as usize).await);
        if tally(all.iter().copied(), sent, keys).lost == 0 || Instant::now() > end {
            return all;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn exactly_once_loses_doubles_and_turns_nothing_when_workers_are_killed() {
    let expected = Tally {
        lost: 0,
        doubled: 0,
        inverted: 0,
    };
    assert_eq!(killed(Way::ExactlyOnce).await, expected);
}

#[tokio::test]
async fn batches_lose_and_turn_nothing_when_workers_are_killed() {
    let told = killed(Way::Batches).await;
    assert_eq!((told.lost, told.inverted), (0, 0), "{told:?}");
}

#[tokio::test]
async fn rounds_lose_and_turn_nothing_when_workers_are_killed() {
    let told = killed(Way::Rounds).await;
    assert_eq!((told.lost, told.inverted), (0, 0), "{told:?}");
}

#[tokio::test]
async fn a_frozen_worker_that_thaws_publishes_nothing() {
    let world = World::new().await;
    let (route, topic, mut spec) = made(&world, Way::Batches, 1).await;
    spec["batch"] = json!({"max_messages": 50});
    world.route(&route, &spec).await;
    let first = world.worker();
    world.until_state(&route, "running").await;
    produce_numbers(&topic, 0..1_000, 10, 1).await;
    world.messages("MODELS", "models.>", 1_000).await;
    let second = world.worker();
    second.says("starting").await;
    produce_numbers(&topic, 1_000..2_000, 10, 1).await;
    first.signal("STOP");
    produce_numbers(&topic, 2_000..4_000, 10, 1).await;
    let before = all_of(&world, 4_000, 10).await;
    first.signal("CONT");
    // it is back when it says so, and has had all the time to do harm
    world
        .until(&route, "back", |beat| {
            beat["worker"] == first.name().as_str()
        })
        .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = numbers(&world.messages("MODELS", "models.>", 4_000).await);
    assert_eq!(before, after, "{}", first.said());
    assert_eq!(tally(after, 4_000, 10).inverted, 0);
}

#[tokio::test]
async fn a_group_without_a_position_begins_where_the_route_says() {
    let world = World::new().await;
    let (route, topic, mut spec) = made(&world, Way::Batches, 2).await;
    spec["start"] = json!("new");
    produce_numbers(&topic, 0..10, 2, 2).await;
    world.route(&route, &spec).await;
    let mut worker = world.worker();
    world.until_state(&route, "running").await;
    worker.signal("TERM");
    assert_eq!(worker.ended(), 143);
    // the position is made: what comes while nobody runs is not new any more
    produce_numbers(&topic, 10..20, 2, 2).await;
    let _worker = world.worker();
    let mut all = numbers(&world.messages("MODELS", "models.>", 10).await);
    all.sort_unstable();
    assert_eq!(all, (10..20).collect::<Vec<_>>());
}
