//! Answers that a healthy server does not give: a client of ours plays the API under a prefix of its own.

use std::time::Instant;

use futures::StreamExt;
use serde_json::{Value, json};
use trueup::broker::nats::{JetStream, NatsError, NatsSettings};

use super::nats_server::{ANSWER, NatsServer, object};

/// Connects to an API in which `answer` gives the reply to a call and its body; `None` is silence.
async fn played(
    server: &NatsServer,
    mut answer: impl FnMut(&str, &[u8]) -> Option<String> + Send + 'static,
) -> JetStream {
    let client = async_nats::connect(server.url()).await.unwrap();
    let mut calls = client.subscribe("fake.>").await.unwrap();
    client.flush().await.unwrap();
    tokio::spawn(async move {
        while let Some(call) = calls.next().await {
            let name = call.subject.strip_prefix("fake.").unwrap_or_default();
            let reply = if name == "INFO" {
                Some("{}".to_owned())
            } else {
                answer(name, &call.payload)
            };
            if let (Some(reply), Some(to)) = (reply, call.reply) {
                client.publish(to, reply.into()).await.unwrap();
            }
        }
    });
    let prefix = NatsSettings {
        jetstream_api_prefix: Some("fake".to_owned()),
        ..server.settings()
    };
    JetStream::connect(prefix).await.unwrap()
}

fn listed(names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .map(|name| json!({"config": {"name": name}}))
        .collect()
}

fn offset(body: &[u8]) -> u64 {
    serde_json::from_slice::<Value>(body).unwrap()["offset"]
        .as_u64()
        .unwrap()
}

/// The standalone shape: an offline stream takes a place and is only in `missing` (nats-server 2.12).
#[tokio::test]
async fn an_offline_stream_takes_a_place_in_the_listing() {
    let server = NatsServer::start("");
    let jetstream = played(&server, |call, body| {
        assert_eq!(call, "STREAM.LIST");
        let page = match offset(body) {
            0 => json!({"total": 5, "streams": listed(&["A", "C"]), "missing": ["B"], "offline": {"B": "needs level 9"}}),
            3 => json!({"total": 5, "streams": listed(&["D", "E"])}),
            other => panic!("asked for offset {other}"),
        };
        Some(page.to_string())
    })
    .await;
    let listing = jetstream.stream_list().await.unwrap();
    let names = listing
        .streams
        .iter()
        .map(|stream| stream["config"]["name"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["A", "C", "D", "E"]);
    assert_eq!(listing.missing, ["B"]);
    assert_eq!(listing.offline["B"], "needs level 9");
}

/// The clustered shapes: `streams` and `missing` hold the same name, or the page is `missing` alone.
#[tokio::test]
async fn a_missing_stream_is_asked_for_and_never_absent() {
    let server = NatsServer::start("");
    let names = (0..300).map(|n| format!("S{n:03}")).collect::<Vec<_>>();
    let all = names.clone();
    let jetstream = played(&server, move |call, body| {
        let reply = match call {
            "STREAM.LIST" if offset(body) == 0 => {
                let first = all[..256].iter().map(String::as_str).collect::<Vec<_>>();
                json!({"total": 300, "streams": listed(&first), "missing": ["S000"]})
            }
            "STREAM.LIST" => {
                assert_eq!(offset(body), 256);
                json!({"total": 300, "streams": [], "missing": all[256..]})
            }
            "STREAM.INFO.S256" => json!({"error": {"code": 404, "err_code": 10059, "description": "stream not found"}}),
            "STREAM.INFO.S257" => json!({"error": {"code": 500, "err_code": 10118, "description": "stream is offline"}}),
            _ => json!({"config": {"name": call.rsplit('.').next().unwrap()}, "asked": true}),
        };
        Some(reply.to_string())
    })
    .await;
    let infos = jetstream.stream_infos(&names).await;
    assert_eq!(infos.len(), 300);
    assert!(
        infos["S001"]
            .as_ref()
            .unwrap()
            .as_ref()
            .unwrap()
            .get("asked")
            .is_none()
    );
    assert_eq!(
        infos["S299"].as_ref().unwrap().as_ref().unwrap()["asked"],
        true
    );
    assert!(
        infos["S256"].as_ref().unwrap().is_none(),
        "the server itself says that it is gone"
    );
    assert_eq!(infos["S257"].as_ref().unwrap_err().api_code(), Some(10118));
}

#[tokio::test]
async fn a_set_that_changes_is_listed_again() {
    let server = NatsServer::start("");
    let mut calls = 0;
    let jetstream = played(&server, move |_, body| {
        calls += 1;
        let page = match (calls, offset(body)) {
            (1, 0) => json!({"total": 3, "streams": listed(&["A", "B"])}),
            (2, 2) => json!({"total": 2, "streams": listed(&[])}),
            (3, 0) => json!({"total": 2, "streams": listed(&["B", "C"])}),
            other => panic!("asked for {other:?}"),
        };
        Some(page.to_string())
    })
    .await;
    let listing = jetstream.stream_list().await.unwrap();
    assert_eq!(listing.streams.len(), 2);
}

#[tokio::test]
async fn a_read_is_tried_again_and_a_write_is_not() {
    let server = NatsServer::start("");
    let mut reads = 0;
    let jetstream = played(&server, move |call, _| match call {
        "STREAM.INFO.S" => {
            reads += 1;
            (reads > 1).then(|| json!({"config": {"name": "S"}}).to_string())
        }
        _ => None,
    })
    .await;
    let sent = jetstream.requests_sent();
    assert!(jetstream.stream_info("S").await.unwrap().is_some());
    assert_eq!(jetstream.requests_sent() - sent, 2);
    let begin = Instant::now();
    let config = object(json!({"name": "S"}));
    let error = jetstream.stream_update(&config, None).await.unwrap_err();
    assert!(error.outcome_unknown(), "{error:?}");
    assert!(begin.elapsed() < ANSWER, "{:?}", begin.elapsed());
    assert_eq!(jetstream.requests_sent() - sent, 3);
}

#[tokio::test]
async fn an_unreadable_answer_is_said_to_be_one() {
    let server = NatsServer::start("");
    let jetstream = played(&server, |_, _| Some("[1]".to_owned())).await;
    let error = jetstream.stream_info("S").await.unwrap_err();
    assert!(
        matches!(error, NatsError::MalformedAnswer { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("`fake.STREAM.INFO.S`"),
        "{error}"
    );
}

#[tokio::test]
async fn an_incomplete_list_of_consumers_is_an_error() {
    let server = NatsServer::start("");
    let page = json!({"total": 2, "consumers": [{"name": "a"}], "missing": ["b"]}).to_string();
    let jetstream = played(&server, move |_, _| Some(page.clone())).await;
    let error = jetstream.consumer_list("S").await.unwrap_err();
    assert!(
        matches!(error, NatsError::ListingIncomplete { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("`b`"), "{error}");
}

#[tokio::test]
async fn a_deletion_without_an_answer_is_lost_and_sent_once() {
    let server = NatsServer::start("");
    let jetstream = played(&server, |_, _| None).await;
    let sent = jetstream.requests_sent();
    let error = jetstream.stream_delete("S").await.unwrap_err();
    assert!(matches!(error, NatsError::AnswerLost { .. }), "{error:?}");
    assert_eq!(jetstream.requests_sent() - sent, 1);
}
