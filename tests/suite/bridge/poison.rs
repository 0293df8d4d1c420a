//! What a target can't take.

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::stream;
use serde_json::{Value, json};

use super::world::{Read, ToWrite, World, produce};
use crate::broker::kafka::unique;

/// A stream with a message that is too large for its topic, and one that has no key for it, among others.
async fn outward(world: &World, more: &Value) -> (String, String, Value) {
    let route = unique("out");
    world.stream("EVENTS", &["events", "events.>"]).await;
    let configs = [
        ("cleanup.policy", "compact"),
        ("max.message.bytes", "20000"),
    ];
    let topic = world.topic("events", 1, &configs).await;
    world.consumer("EVENTS", &route, AckPolicy::All).await;
    let mut headers = HeaderMap::new();
    headers.append("mine", "h");
    world.publish("events.a", HeaderMap::new(), "1").await;
    world
        .publish("events.b", headers, &"x".repeat(50_000))
        .await;
    world.publish("events", HeaderMap::new(), "keyless").await;
    world.publish("events.c", HeaderMap::new(), "2").await;
    let spec = json!({"from": {"stream": "EVENTS"}, "to": {"topic": topic}, "key": "subject(2)"});
    (route, topic, with(spec, more))
}

/// A topic with a record that is too large for its stream, and one that has no key for its subject, among others.
async fn inward(world: &World, more: &Value) -> (String, Value) {
    let route = unique("in");
    let topic = world.topic("models", 1, &[]).await;
    let config = stream::Config {
        name: "MODELS".to_owned(),
        subjects: vec!["models.>".to_owned(), format!("trueup.position.{route}.*")],
        max_message_size: 20_000,
        allow_atomic_publish: true,
        allow_rollup: true,
        allow_direct: true,
        ..stream::Config::default()
    };
    world.stream_as(config).await;
    let large = vec![b'x'; 50_000];
    let records: &[ToWrite<'_>] = &[
        (0, Some("a"), Some(b"1"), &[]),
        (0, Some("b"), Some(&large), &[("mine", Some(b"h"))]),
        (0, None, Some(b"keyless"), &[]),
        (0, Some("c"), Some(b"2"), &[]),
    ];
    produce(&topic, records).await;
    let spec = json!({
        "from": {"topic": topic}, "to": {"stream": "MODELS", "subject": "models.{key}"},
    });
    (route, with(spec, more))
}

fn with(mut spec: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        spec[name] = value.clone();
    }
    spec
}

fn texts(records: &[Read]) -> Vec<String> {
    records.iter().map(Read::text).collect()
}

fn payloads(messages: &[async_nats::Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| std::str::from_utf8(&message.payload).unwrap())
        .collect()
}

fn counted(beat: &Value, count: &str) -> bool {
    beat["counts"][count] == 2 && beat["state"] == "running"
}

#[tokio::test]
async fn a_route_to_a_topic_stops_before_poison_and_goes_on_when_it_may() {
    let world = World::new().await;
    let (route, topic, spec) = outward(&world, &json!({})).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    let beat = world.until_state(&route, "failed").await;
    let why = beat["last_error"]["text"].as_str().unwrap();
    assert!(
        why.contains("message 2 of stream `EVENTS`") && why.contains("max.message.bytes"),
        "{why}"
    );
    assert_eq!(
        texts(&world.records(&topic, 1).await),
        ["1"],
        "{}",
        worker.said()
    );
    world
        .route(&route, &with(spec, &json!({"on_error": "skip"})))
        .await;
    assert_eq!(texts(&world.records(&topic, 2).await), ["1", "2"]);
    world
        .until(&route, "two skipped", |beat| counted(beat, "skipped"))
        .await;
}

#[tokio::test]
async fn dead_letters_of_a_route_to_a_topic_go_to_a_topic() {
    let world = World::new().await;
    let dead = world.topic("dead", 1, &[]).await;
    let more = json!({"on_error": "dlq", "dlq": {"topic": dead}});
    let (route, topic, spec) = outward(&world, &more).await;
    world.route(&route, &spec).await;
    let _worker = world.worker();
    assert_eq!(texts(&world.records(&topic, 2).await), ["1", "2"]);
    let letters = world.records(&dead, 2).await;
    assert_eq!(
        (letters.len(), letters[0].value.as_ref().unwrap().len()),
        (2, 50_000)
    );
    assert_eq!(letters[0].header("mine"), Some("h"));
    assert_eq!(letters[0].header("trueup-route"), Some(route.as_str()));
    assert_eq!(
        letters[0].header("trueup-from"),
        Some("stream/EVENTS/2 events.b")
    );
    assert!(
        letters[0]
            .header("trueup-error")
            .unwrap()
            .contains("max.message.bytes")
    );
    assert!(
        letters[1]
            .header("trueup-error")
            .unwrap()
            .contains("no key")
    );
    world
        .until(&route, "two dead letters", |beat| counted(beat, "dlq"))
        .await;
}

#[tokio::test]
async fn dead_letters_of_a_route_to_a_topic_go_to_a_stream() {
    let world = World::new().await;
    world.stream("DEAD", &["dead.>"]).await;
    let more = json!({"on_error": "dlq", "dlq": {"stream": "DEAD", "subject": "dead.events"}});
    let (route, topic, spec) = outward(&world, &more).await;
    world.route(&route, &spec).await;
    let _worker = world.worker();
    assert_eq!(texts(&world.records(&topic, 2).await), ["1", "2"]);
    let letters = world.messages("DEAD", ">", 2).await;
    assert_eq!((letters.len(), letters[0].payload.len()), (2, 50_000));
    assert_eq!(payloads(&letters[1..]), ["keyless"]);
}

#[tokio::test]
async fn a_route_to_a_stream_stops_before_poison_and_goes_on_when_it_may() {
    let world = World::new().await;
    let (route, spec) = inward(&world, &json!({})).await;
    world.route(&route, &spec).await;
    let worker = world.worker();
    let beat = world.until_state(&route, "failed").await;
    let why = beat["last_error"]["text"].as_str().unwrap();
    assert!(
        why.contains("record 1 of partition 0") && why.contains("max_msg_size"),
        "{why}"
    );
    assert_eq!(
        payloads(&world.messages("MODELS", ">", 1).await),
        ["1"],
        "{}",
        worker.said()
    );
    world
        .route(&route, &with(spec, &json!({"on_error": "skip"})))
        .await;
    assert_eq!(
        payloads(&world.messages("MODELS", ">", 2).await),
        ["1", "2"]
    );
    world
        .until(&route, "two skipped", |beat| counted(beat, "skipped"))
        .await;
}

/// Its position stands before the poison, whoever goes on.
#[tokio::test]
async fn a_route_that_delivers_exactly_once_is_never_behind_poison() {
    let world = World::new().await;
    let (route, spec) = inward(&world, &json!({"delivery": "exactly_once"})).await;
    world.route(&route, &spec).await;
    for _ in 0..2 {
        let mut worker = world.worker();
        worker.says("record 1 of partition 0").await;
        worker.kill();
    }
    world
        .route(&route, &with(spec, &json!({"on_error": "skip"})))
        .await;
    let _worker = world.worker();
    assert_eq!(
        payloads(&world.messages("MODELS", "models.>", 2).await),
        ["1", "2"]
    );
    world
        .until(&route, "two skipped", |beat| counted(beat, "skipped"))
        .await;
}

#[tokio::test]
async fn dead_letters_of_a_route_to_a_stream_go_to_a_topic_and_to_a_stream() {
    let world = World::new().await;
    let dead = world.topic("dead", 1, &[]).await;
    let (route, spec) = inward(&world, &json!({"on_error": "dlq", "dlq": {"topic": dead}})).await;
    world.route(&route, &spec).await;
    let _worker = world.worker();
    assert_eq!(
        payloads(&world.messages("MODELS", ">", 2).await),
        ["1", "2"]
    );
    let letters = world.records(&dead, 2).await;
    assert_eq!(
        (letters.len(), letters[0].value.as_ref().unwrap().len()),
        (2, 50_000)
    );
    assert_eq!(
        (letters[0].key.as_deref(), letters[0].header("mine")),
        (Some("b"), Some("h"))
    );
    assert_eq!(letters[1].key, None);
    world
        .until(&route, "two dead letters", |beat| counted(beat, "dlq"))
        .await;
    world.stream("DEAD", &["dead.>"]).await;
    let again = unique("again");
    let to_stream = json!({"dlq": {"stream": "DEAD", "subject": "dead.models"}});
    world.route(&again, &with(spec, &to_stream)).await;
    let letters = world.messages("DEAD", ">", 2).await;
    let from = letters[0]
        .headers
        .as_ref()
        .unwrap()
        .get("trueup-from")
        .unwrap();
    assert!(from.as_str().ends_with("/0/1"), "{from}");
}

#[tokio::test]
async fn a_record_that_only_the_broker_knows_to_be_bad_is_found() {
    let world = World::new().await;
    let route = unique("out");
    world.stream("EVENTS", &["events.>"]).await;
    // so that the batch that a record becomes is larger, though the record is not
    let topic = world
        .topic("events", 1, &[("max.message.bytes", "20000")])
        .await;
    world.consumer("EVENTS", &route, AckPolicy::All).await;
    world.publish_numbers("events", 0..100, 10).await;
    world
        .publish("events.x", HeaderMap::new(), &"x".repeat(19_950))
        .await;
    world.publish_numbers("events", 100..200, 10).await;
    let spec = json!({"from": {"stream": "EVENTS"}, "to": {"topic": topic}, "on_error": "skip"});
    world.route(&route, &spec).await;
    let worker = world.worker();
    let records = world.records(&topic, 200).await;
    let numbers: Vec<u64> = records.iter().map(Read::number).collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>(), "{}", worker.said());
    world
        .until(&route, "one skipped", |beat| beat["counts"]["skipped"] == 1)
        .await;
}

#[tokio::test]
async fn what_went_along_a_route_before_is_dropped_and_counted() {
    let world = World::new().await;
    let (out, back) = (unique("out"), unique("back"));
    let config = stream::Config {
        name: "EVENTS".to_owned(),
        subjects: vec!["events.>".to_owned()],
        allow_atomic_publish: true,
        ..stream::Config::default()
    };
    world.stream_as(config).await;
    let topic = world.topic("events", 1, &[]).await;
    world.consumer("EVENTS", &out, AckPolicy::All).await;
    let there = json!({"from": {"stream": "EVENTS"}, "to": {"topic": topic}, "key": "subject(2)"});
    let and_back = json!({
        "from": {"topic": topic}, "to": {"stream": "EVENTS", "subject": "events.{key}"},
    });
    world.route(&out, &there).await;
    world.route(&back, &and_back).await;
    world.publish("events.a", HeaderMap::new(), "once").await;
    let _worker = world.worker();
    world
        .until(&out, "dropped", |beat| beat["counts"]["loop_dropped"] == 1)
        .await;
    assert_eq!(world.messages("EVENTS", ">", 2).await.len(), 2);
    assert_eq!(world.records(&topic, 1).await.len(), 1);
}

/// Publishes a message with a header as no client library writes it: its bytes after `NATS/1.0`.
fn publish_raw(world: &World, subject: &str, header: &[u8], payload: &str) {
    use std::io::{Read as _, Write as _};
    let address = world.nats.url();
    let address = address.trim_start_matches("nats://");
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    let block = [b"NATS/1.0\r\n", header, b"\r\n\r\n"].concat();
    let (head, all) = (block.len(), block.len() + payload.len());
    let publish = format!("HPUB {subject} {head} {all}\r\n");
    let said = [
        b"CONNECT {\"verbose\":false,\"headers\":true}\r\n".as_slice(),
        publish.as_bytes(),
        &block,
        payload.as_bytes(),
        b"\r\nPING\r\n",
    ];
    connection.write_all(&said.concat()).unwrap();
    let (mut heard, mut part) = (Vec::new(), [0; 1024]);
    while !heard.windows(4).any(|four| four == b"PONG") {
        let count = connection.read(&mut part).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&part[..count]);
    }
}

/// A stream in which every third message breaks the connection of whoever pulls it.
async fn broken(world: &World, more: &Value) -> (String, String) {
    let (route, topic) = world.outward(1, &[]).await;
    for (number, header) in [b"Bin: \xff".as_slice(), b"with space: x"]
        .iter()
        .enumerate()
    {
        world.publish_numbers("events", 0..2, 1).await;
        publish_raw(world, "events.bad", header, &format!("bad {number}"));
    }
    world.publish_numbers("events", 0..2, 1).await;
    let spec = json!({"from": {"stream": "EVENTS"}, "to": {"topic": topic}});
    world.route(&route, &with(spec, more)).await;
    (route, topic)
}

#[tokio::test]
async fn a_message_that_breaks_the_connection_is_passed_over_and_no_other() {
    let world = World::new().await;
    let (route, topic) = broken(&world, &json!({"on_error": "skip"})).await;
    let worker = world.worker();
    let records = world.records(&topic, 6).await;
    assert_eq!(texts(&records), ["0", "1", "0", "1", "0", "1"]);
    worker
        .says("skipped: message 3 of stream `EVENTS` (`events.bad`): its header `Bin` is no text")
        .await;
    worker
        .says("skipped: message 6 of stream `EVENTS` (`events.bad`): `with space` is no name")
        .await;
    world
        .until(&route, "two passed over", |beat| counted(beat, "skipped"))
        .await;
    // and where nothing comes after it
    publish_raw(&world, "events.bad", b"none", "last");
    let third = |beat: &Value| beat["counts"]["skipped"] == 3 && beat["state"] == "running";
    world.until(&route, "the last one passed over", third).await;
    world.publish("events.a", HeaderMap::new(), "2").await;
    assert_eq!(world.records(&topic, 7).await.len(), 7);
}

#[tokio::test]
async fn a_message_that_breaks_the_connection_is_a_dead_letter_with_its_bytes() {
    let world = World::new().await;
    let dead = world.topic("dead", 1, &[]).await;
    let dlq = json!({"on_error": "dlq", "dlq": {"topic": dead}});
    let (_, topic) = broken(&world, &dlq).await;
    let _worker = world.worker();
    assert_eq!(world.records(&topic, 6).await.len(), 6);
    let letters = world.records(&dead, 2).await;
    assert_eq!(texts(&letters), ["bad 0", "bad 1"]);
    assert_eq!(letters[0].header("Bin"), Some("\u{fffd}"), "read as text");
    assert_eq!(letters[1].header("with space"), Some("x"));
    assert_eq!(
        letters[1].header("trueup-from"),
        Some("stream/EVENTS/6 events.bad")
    );
}

#[tokio::test]
async fn a_route_stops_before_a_message_that_breaks_the_connection_and_says_which() {
    let world = World::new().await;
    for ordering in ["stream", "none"] {
        let (route, _) = match ordering {
            "stream" => broken(&world, &json!({})).await,
            _ => {
                let route = unique("out");
                let topic = world.topic("events", 1, &[]).await;
                world.consumer("EVENTS", &route, AckPolicy::Explicit).await;
                let spec = json!({
                    "from": {"stream": "EVENTS"}, "to": {"topic": topic}, "ordering": "none",
                });
                world.route(&route, &spec).await;
                (route, topic)
            }
        };
        let _worker = world.worker();
        let is_told = |beat: &Value| {
            let text = beat["last_error"]["text"].as_str().unwrap_or_default();
            beat["state"] == "failed" && text.starts_with("message 3 of stream `EVENTS`")
        };
        world
            .until(&route, "told which message it is", is_told)
            .await;
        world.bucket().await.delete(&route).await.unwrap();
    }
}
