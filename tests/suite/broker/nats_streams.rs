//! Streams and consumers, whole documents, many at a time.

use serde_json::json;
use trueup::broker::nats::{ConsumerAction, Deletion, JetStream, NatsError};

use super::nats_server::{NatsServer, object};

#[tokio::test]
async fn a_stream_is_created_updated_and_read_whole() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    assert!(jetstream.stream_info("EVENTS").await.unwrap().is_none());
    let mut config = object(json!({
        "name": "EVENTS", "subjects": ["events.>"], "max_age": 3_600_000_000_000_u64,
        "metadata": {"somebody.else": "keeps this"},
    }));
    let reply = jetstream.stream_create(&config, Some(0)).await.unwrap();
    assert_eq!(reply["config"]["max_age"], config["max_age"]);
    let live = jetstream.stream_info("EVENTS").await.unwrap().unwrap();
    assert_eq!(live["config"]["metadata"]["somebody.else"], "keeps this");
    assert!(
        live.contains_key("created") && live.contains_key("state"),
        "{live:?}"
    );

    let mut whole = object(live["config"].clone());
    whole.insert("max_age".to_owned(), json!(7_200_000_000_000_u64));
    jetstream.stream_update(&whole, None).await.unwrap();
    let live = jetstream.stream_info("EVENTS").await.unwrap().unwrap();
    assert_eq!(live["config"]["max_age"], json!(7_200_000_000_000_u64));
    assert_eq!(live["config"]["metadata"]["somebody.else"], "keeps this");

    config.insert("storage".to_owned(), json!("memory"));
    assert_eq!(code(jetstream.stream_create(&config, None).await), 10058);
    config.insert("name".to_owned(), json!("NOBODY"));
    assert_eq!(code(jetstream.stream_update(&config, None).await), 10059);
    assert!(jetstream.stream_info("NOBODY").await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_deleted_is_told_from_what_was_not_there() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    create(&jetstream, &["S".to_owned()]).await;
    let config = object(json!({"durable_name": "c", "ack_policy": "explicit"}));
    let action = ConsumerAction::Create;
    let made = jetstream.consumer_create("S", &config, action, None);
    made.await.unwrap();
    for deletion in [Deletion::Done, Deletion::NotThere] {
        let told = jetstream.consumer_delete("S", "c").await.unwrap();
        assert_eq!(told, deletion);
    }
    for deletion in [Deletion::Done, Deletion::NotThere] {
        assert_eq!(jetstream.stream_delete("S").await.unwrap(), deletion);
    }
    let of_nothing = jetstream.consumer_delete("S", "c").await.unwrap();
    assert_eq!(of_nothing, Deletion::NotThere, "its stream is gone");
    assert!(jetstream.stream_info("S").await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_below_the_required_level_refuses() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let config = object(json!({"name": "S"}));
    assert_eq!(
        code(jetstream.stream_create(&config, Some(200)).await),
        10185
    );
    assert!(jetstream.stream_info("S").await.unwrap().is_none());
}

#[tokio::test]
async fn names_that_no_server_answers_are_refused_here() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let sent = jetstream.requests_sent();
    for name in ["a.b", "a b", "a*", "", "a/b"] {
        let errors = [
            jetstream.stream_info(name).await.unwrap_err(),
            jetstream.consumer_info("S", name).await.unwrap_err(),
            jetstream
                .stream_create(&object(json!({"name": name})), None)
                .await
                .unwrap_err(),
            jetstream
                .consumer_pause("S", name, None, None)
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, NatsError::InvalidName { .. }), "{error:?}");
        }
    }
    assert_eq!(jetstream.requests_sent(), sent);
}

#[tokio::test]
async fn six_hundred_streams() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let names = (0..600).map(|n| format!("S{n:03}")).collect::<Vec<_>>();
    create(&jetstream, &names).await;

    let listing = jetstream.stream_list().await.unwrap();
    let listed = listing
        .streams
        .iter()
        .map(|stream| stream["config"]["name"].as_str().unwrap());
    assert_eq!(listed.collect::<Vec<_>>(), names);
    assert!(listing.missing.is_empty() && listing.offline.is_empty());

    let mut wanted = names.clone();
    wanted.reverse();
    wanted.push("NOBODY".to_owned());
    let sent = jetstream.requests_sent();
    let infos = jetstream.stream_infos(&wanted).await;
    assert_eq!(infos.keys().cloned().collect::<Vec<_>>(), wanted);
    assert!(infos["NOBODY"].as_ref().unwrap().is_none());
    for (name, answer) in infos.iter().take(600) {
        let document = answer.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(document["config"]["name"], name.as_str());
    }
    assert_eq!(
        jetstream.requests_sent() - sent,
        4,
        "three pages, and one question for the absent name"
    );

    let few = ["S000", "NOBODY", "S599"].map(str::to_owned);
    let sent = jetstream.requests_sent();
    let found = jetstream.stream_infos(&few).await;
    assert_eq!(jetstream.requests_sent() - sent, 3);
    let there = found
        .values()
        .map(|answer| answer.as_ref().unwrap().is_some());
    assert_eq!(there.collect::<Vec<_>>(), [true, false, true]);

    let overlapping = jetstream.stream_names_overlapping("s.S01*").await.unwrap();
    assert!(overlapping.is_empty(), "`*` inside a token is no wildcard");
    assert_eq!(
        jetstream.stream_names_overlapping("s.S017").await.unwrap(),
        ["S017"]
    );
    assert_eq!(
        jetstream
            .stream_names_overlapping("s.*")
            .await
            .unwrap()
            .len(),
        600
    );
}

/// Overlap goes both ways: a wildcard of the stream's and one of the question's.
#[tokio::test]
async fn overlapping_streams_are_found() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    for (name, subject) in [
        ("EVENTS", "events.>"),
        ("ORDER", "orders.*.new"),
        ("ONE", "one"),
    ] {
        let config = object(json!({"name": name, "subjects": [subject]}));
        jetstream.stream_create(&config, None).await.unwrap();
    }
    for (subject, expected) in [
        ("events.created", vec!["EVENTS"]),
        ("orders.eu.*", vec!["ORDER"]),
        (">", vec!["EVENTS", "ONE", "ORDER"]),
        ("*", vec!["ONE"]),
        ("orders.eu", vec![]),
    ] {
        let found = jetstream.stream_names_overlapping(subject).await.unwrap();
        assert_eq!(found, expected, "{subject}");
    }
}

#[tokio::test]
async fn consumers_are_created_updated_paused_and_read_whole() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    create(&jetstream, &["S".to_owned()]).await;
    let mut config = object(json!({
        "durable_name": "c", "ack_policy": "explicit", "filter_subject": "s.S", "metadata": {"team": "search"},
    }));
    assert_eq!(
        code(
            jetstream
                .consumer_create("S", &config, ConsumerAction::Update, None)
                .await
        ),
        10149
    );
    jetstream
        .consumer_create("S", &config, ConsumerAction::Create, None)
        .await
        .unwrap();
    jetstream
        .consumer_create("S", &config, ConsumerAction::Create, None)
        .await
        .unwrap();
    config.insert("max_deliver".to_owned(), json!(5));
    assert_eq!(
        code(
            jetstream
                .consumer_create("S", &config, ConsumerAction::Create, None)
                .await
        ),
        10148
    );
    jetstream
        .consumer_create("S", &config, ConsumerAction::Update, Some(0))
        .await
        .unwrap();
    let live = jetstream.consumer_info("S", "c").await.unwrap().unwrap();
    assert_eq!(live["config"]["max_deliver"], 5);
    assert_eq!(live["config"]["metadata"]["team"], "search");

    let reply = jetstream
        .consumer_pause("S", "c", Some("2999-01-01T00:00:00Z"), None)
        .await
        .unwrap();
    assert_eq!(reply["paused"], true);
    let reply = jetstream
        .consumer_pause("S", "c", None, None)
        .await
        .unwrap();
    assert_eq!(reply["paused"], false);

    let names = [("S", "c"), ("S", "nobody"), ("NOBODY", "c")];
    let names = names.map(|(stream, name)| (stream.to_owned(), name.to_owned()));
    let infos = jetstream.consumer_infos(&names).await;
    assert_eq!(infos.keys().cloned().collect::<Vec<_>>(), names);
    let there = infos
        .values()
        .map(|answer| answer.as_ref().unwrap().is_some());
    assert_eq!(there.collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn three_hundred_consumers() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    create(&jetstream, &["S".to_owned()]).await;
    assert_eq!(jetstream.consumer_list("S").await.unwrap().len(), 0);
    for n in 0..300 {
        let config = object(
            json!({"durable_name": format!("c{n:03}"), "ack_policy": "explicit", "mem_storage": true}),
        );
        jetstream
            .consumer_create("S", &config, ConsumerAction::Create, None)
            .await
            .unwrap();
    }
    let listed = jetstream.consumer_list("S").await.unwrap();
    let names = listed
        .iter()
        .map(|consumer| consumer["name"].as_str().unwrap().to_owned());
    assert_eq!(
        names.collect::<Vec<_>>(),
        (0..300).map(|n| format!("c{n:03}")).collect::<Vec<_>>()
    );
    assert_eq!(jetstream.consumer_list("NOBODY").await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_document_larger_than_the_server_takes_is_not_sent() {
    let server = NatsServer::start("max_payload: 4096");
    let jetstream = server.connect().await;
    let config = object(json!({"name": "S", "description": "x".repeat(5000)}));
    let error = jetstream.stream_create(&config, None).await.unwrap_err();
    assert!(matches!(error, NatsError::Unsendable { .. }), "{error:?}");
    assert!(error.to_string().contains("4096"), "{error}");
}

#[tokio::test]
async fn the_requests_can_be_spawned() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let other = jetstream.clone();
    let names = vec!["S".to_owned()];
    let found = tokio::spawn(async move { other.stream_infos(&names).await })
        .await
        .unwrap();
    assert!(found["S"].as_ref().unwrap().is_none());
}

async fn create(jetstream: &JetStream, names: &[String]) {
    for name in names {
        let config = object(json!({"name": name, "subjects": [format!("s.{name}")]}));
        jetstream.stream_create(&config, None).await.unwrap();
    }
}

fn code<T: std::fmt::Debug>(answer: Result<T, NatsError>) -> u64 {
    let error = answer.unwrap_err();
    error.api_code().unwrap_or_else(|| panic!("{error:?}"))
}
