//! A consumer that is deleted and made anew goes on where it stood: while messages flow, on every retention, and whenever
//! somebody was killed on the way (`cut`).

mod cut;

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Config as Pull;
use futures::StreamExt;
use serde_json::{Value, json};
use tempfile::TempPath;
use trueup::broker::nats::{ConsumerAction, JetStream};

use super::ownership::{applied, contains, context, ended, of, publish};
use crate::broker::nats_server::NatsServer;

const APPROVED: &str = "apply --auto-approve --approve consumer-replaced@consumer/S/c";

/// How long whatever is awaited may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A stream with one consumer.
fn with_consumer(stream: &str, consumer: &str) -> TempPath {
    let nats = format!(
        "streams: {{ S: {{ subjects: [s], {stream} consumers: {{ c: {{ {consumer} }} }} }} }}"
    );
    of("s", &nats)
}

async fn consumer(context: &Context) -> PullConsumer {
    context.get_consumer_from_stream("c", "S").await.unwrap()
}

/// Takes so many messages, acknowledges those of these places, and gives back their sequence numbers.
async fn take(context: &Context, count: usize, acknowledged: &[usize]) -> Vec<u64> {
    let consumer = consumer(context).await;
    let mut fetched = consumer
        .fetch()
        .max_messages(count)
        .messages()
        .await
        .unwrap();
    let mut sequences = Vec::new();
    while let Some(message) = fetched.next().await {
        let message = message.unwrap();
        if acknowledged.contains(&sequences.len()) {
            message.double_ack().await.unwrap();
        }
        sequences.push(message.info().unwrap().stream_sequence);
    }
    sequences
}

async fn info(nats: &JetStream) -> Value {
    Value::Object(nats.consumer_info("S", "c").await.unwrap().unwrap())
}

async fn held(nats: &JetStream) -> u64 {
    let info = nats.stream_info("S").await.unwrap().unwrap();
    info["state"]["messages"].as_u64().unwrap()
}

async fn has_keeper(nats: &JetStream) -> bool {
    nats.consumer_info("S", "trueup-keeps-c")
        .await
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn it_goes_on_at_the_floor_and_what_comes_again_was_told() {
    for (retention, told, again, left) in [
        (
            "limits",
            "it goes on at sequence 4 of its stream; 5 messages out unacknowledged and 2 messages acknowledged out of order come again; 10 messages pending",
            (4..=20).collect::<Vec<u64>>(),
            20,
        ),
        (
            "interest",
            "it goes on at sequence 4 of its stream; 5 messages out unacknowledged and 2 messages acknowledged out of order come again; 10 messages pending",
            vec![4, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
            15,
        ),
        (
            "workqueue",
            "it goes on with the first message that is left; 5 messages out unacknowledged come again; 10 messages pending",
            vec![4, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
            15,
        ),
    ] {
        let server = NatsServer::start("");
        let (context, nats) = (context(&server).await, server.connect().await);
        let stream = format!("retention: {retention},");
        let (before, after) = (
            with_consumer(&stream, "max_deliver: 7"),
            with_consumer(&stream, "max_deliver: 7, max_waiting: 128"),
        );
        applied(&server, &before);
        publish(&server, "s", 20).await;
        take(&context, 10, &[0, 1, 2, 4, 6]).await;
        let life = info(&nats).await["created"].clone();
        let planned = ended(&server, "plan", &after, 3);
        contains(
            &planned,
            &[
                "± consumer/S/c",
                "max_waiting 512 -> 128",
                "high consumer-replaced: ",
                told,
            ],
        );
        ended(&server, "apply --auto-approve", &after, 3);
        assert_eq!(info(&nats).await["created"], life, "nobody consented");
        let said = ended(&server, APPROVED, &after, 0);
        contains(
            &said,
            &["consumer/S/c deleted and made anew", "Applied 1 of 1."],
        );
        let now = info(&nats).await;
        assert_ne!(now["created"], life);
        assert_eq!(
            (&now["config"]["max_waiting"], &now["config"]["max_deliver"]),
            (&json!(128), &json!(7))
        );
        assert_eq!(held(&nats).await, left, "{retention}");
        for command in ["plan", "plan --ledger none", "drift --strict"] {
            let said = ended(&server, command, &after, 0);
            assert!(!said.contains("by_start_sequence"), "{said}");
        }
        let exported = ended(&server, "export", &after, 0);
        assert!(
            !exported.contains("deliver_policy") && !exported.contains("trueup."),
            "{exported}"
        );
        assert!(!has_keeper(&nats).await);
        assert_eq!(take(&context, 20, &[]).await, again, "{retention}");
    }
}

#[tokio::test]
async fn while_messages_flow_none_is_lost_however_often_it_is_replaced() {
    let server = NatsServer::start("");
    let stream = "retention: interest,";
    let manifests =
        [128, 256].map(|waiting| with_consumer(stream, &format!("max_waiting: {waiting}")));
    applied(&server, &manifests[0]);
    let context = context(&server).await;
    let (done, stop) = tokio::sync::watch::channel(false);
    let publisher = {
        let (context, stop) = (context.clone(), stop.clone());
        tokio::spawn(async move {
            let mut last = 0;
            while !*stop.borrow() {
                last = context
                    .publish("s", "x".into())
                    .await
                    .unwrap()
                    .await
                    .unwrap()
                    .sequence;
            }
            last
        })
    };
    let reader = {
        let context = context.clone();
        tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            let mut end: Option<u64> = None;
            while end.is_none_or(|end| seen.len() < usize::try_from(end).unwrap()) {
                if let Ok(consumer) = context
                    .get_consumer_from_stream::<Pull, _, _>("c", "S")
                    .await
                    && let Ok(mut batch) = consumer.fetch().max_messages(50).messages().await
                {
                    while let Some(Ok(message)) = batch.next().await {
                        seen.insert(message.info().unwrap().stream_sequence);
                        let _ = message.ack().await;
                    }
                }
                if *stop.borrow() && end.is_none() {
                    let mut stream = context.get_stream("S").await.unwrap();
                    end = Some(stream.info().await.unwrap().state.last_sequence);
                }
            }
            seen
        })
    };
    for round in 1..6 {
        let manifest = &manifests[round % 2];
        ended(&server, APPROVED, manifest, 0);
        contains(&ended(&server, "plan", manifest, 0), &["No changes."]);
    }
    done.send(true).unwrap();
    let last = publisher.await.unwrap();
    let seen = tokio::time::timeout(PATIENCE, reader)
        .await
        .expect("every message arrives")
        .unwrap();
    assert_eq!(
        seen.iter().copied().collect::<Vec<u64>>(),
        (1..=last).collect::<Vec<u64>>()
    );
}

#[tokio::test]
async fn only_what_the_ledger_knows_is_replaced() {
    let server = NatsServer::start("");
    let (context, nats) = (context(&server).await, server.connect().await);
    let (before, after) = (
        with_consumer("", "max_waiting: 128"),
        with_consumer("", "max_waiting: 256"),
    );
    ended(&server, "apply --auto-approve --ledger none", &before, 0);
    for command in ["plan", "plan --ledger none"] {
        let said = ended(&server, command, &after, 3);
        contains(
            &said,
            &[
                "blocked needs-replace",
                "`max_waiting` of a consumer can't change in place",
                "with a ledger first",
            ],
        );
    }
    applied(&server, &before);
    contains(
        &ended(&server, "plan", &after, 0),
        &["low consumer-replaced"],
    );

    // nobody else's consumer is taken for a keeper
    let stranger = json!({ "name": "trueup-keeps-c", "durable_name": "trueup-keeps-c", "ack_policy": "explicit" });
    nats.consumer_create(
        "S",
        stranger.as_object().unwrap(),
        ConsumerAction::Create,
        None,
    )
    .await
    .unwrap();
    let said = ended(&server, "apply --auto-approve", &after, 6);
    contains(
        &said,
        &["a consumer `trueup-keeps-c` is there that trueup did not make"],
    );
    assert_eq!(info(&nats).await["config"]["max_waiting"], json!(128));
    nats.consumer_delete("S", "trueup-keeps-c").await.unwrap();

    publish(&server, "s", 3).await;
    take(&context, 1, &[]).await;
    let busy = ended(&server, "plan", &after, 3);
    contains(&busy, &["1 message out unacknowledged come"]);
}

#[tokio::test]
async fn where_no_place_can_be_held_nothing_is_replaced() {
    for (stream, why) in [
        ("max_consumers: 1,", "its stream has all of its 1 consumers"),
        (
            "consumer_limits: { inactive_threshold: 1h },",
            "`consumer_limits.inactive_threshold` would delete the consumer that holds its place",
        ),
    ] {
        let server = NatsServer::start("");
        applied(&server, &with_consumer(stream, "max_waiting: 128"));
        let after = with_consumer(stream, "max_waiting: 256");
        contains(&ended(&server, "plan", &after, 3), &["± consumer/S/c", why]);
        let queue = format!("retention: workqueue, {stream}");
        let server = NatsServer::start("");
        applied(&server, &with_consumer(&queue, "max_waiting: 128"));
        // what has nothing to hold needs no room
        let after = with_consumer(&queue, "max_waiting: 256");
        applied(&server, &after);
        contains(&ended(&server, "plan", &after, 0), &["No changes."]);
    }
}

#[tokio::test]
async fn a_pull_consumer_becomes_a_push_consumer_and_a_start_is_for_a_new_one() {
    let server = NatsServer::start("");
    let (context, nats) = (context(&server).await, server.connect().await);
    let pull = with_consumer("", "");
    let push = with_consumer(
        "",
        "deliver_subject: there, deliver_policy: new, ack_policy: none",
    );
    applied(&server, &pull);
    publish(&server, "s", 5).await;
    take(&context, 2, &[0, 1]).await;
    let planned = ended(&server, "plan", &push, 3);
    contains(
        &planned,
        &[
            "it goes on at sequence 3",
            "a start is for a consumer that is new",
        ],
    );
    ended(&server, APPROVED, &push, 0);
    contains(&ended(&server, "plan", &push, 0), &["No changes."]);
    let mut delivered = server_client(&server)
        .await
        .subscribe("there")
        .await
        .unwrap();
    let first = tokio::time::timeout(PATIENCE, delivered.next())
        .await
        .unwrap()
        .unwrap();
    assert!(
        first.reply.unwrap().contains(".3."),
        "the third message of the stream"
    );
    // what is no longer declared of what never changes stays as it is
    let pull = with_consumer("", "deliver_policy: all, ack_policy: explicit");
    let back = ended(&server, "plan", &pull, 3);
    contains(
        &back,
        &["it acknowledges nothing, so that what was delivered counts as done"],
    );
    let both = format!("{APPROVED} --approve consumer-delivery-changed@consumer/S/c");
    ended(&server, &both, &pull, 0);
    contains(&ended(&server, "plan", &pull, 0), &["No changes."]);
    let now = info(&nats).await;
    assert_eq!(now["config"]["ack_policy"], json!("explicit"));
    assert_eq!(now["config"]["opt_start_seq"], json!(6));
}

async fn server_client(server: &NatsServer) -> async_nats::Client {
    async_nats::connect(server.url()).await.unwrap()
}
