//! What deleting on NATS costs, as it is told before.

use futures::StreamExt;
use serde_json::json;
use trueup::engine::Port;
use trueup::model::{Action, Code, Harm, Outcome};

use super::bench::{Bench, Patience, manifest};
use super::deletes::{address, fill, made};
use crate::kinds::{carried_out, doomed, doomed_now, risk};

#[tokio::test]
async fn what_a_stream_holds_is_counted_exactly() {
    let bench = made().await;
    let told = |text: &'static str| {
        let bench = &bench;
        async move {
            let mut step = doomed_now(bench.port(), &address(text)).await;
            if text == "stream/S" {
                step.rests_on = ["consumer/S/c", "consumer/S/idle"].map(address).into();
            }
            risk(bench.port(), &step).await
        }
    };
    let with_a_stranger = doomed_now(bench.port(), &address("stream/S")).await;
    let with_a_stranger = risk(bench.port(), &with_a_stranger).await;
    assert_eq!(
        (with_a_stranger.harm, with_a_stranger.at_stake),
        (Harm::High, Some(0))
    );
    let named = "consumer `c` is not the stack's and goes with it";
    assert!(
        with_a_stranger.evidence.contains(named),
        "{with_a_stranger:?}"
    );
    for (text, code) in [
        ("stream/S", Code::StreamDeleted),
        ("kv/b", Code::BucketDeleted),
        ("object-store/o", Code::BucketDeleted),
    ] {
        let empty = told(text).await;
        assert_eq!(
            (empty.code, empty.harm, empty.at_stake),
            (code, Harm::Low, Some(0)),
            "{text}"
        );
        assert!(empty.evidence.starts_with("holds no messages"), "{empty:?}");
    }
    fill(&bench).await;
    bench
        .settle(&manifest(json!({
            "stream/S": {}, "stream/COPY": { "mirror": { "name": "S" } },
            "consumer/S/idle": { "filter_subject": "s.nothing" },
        })))
        .await;
    let context = bench.context().await;
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        context.get_consumer_from_stream("c", "S").await.unwrap();
    let mut fetched = consumer.fetch().max_messages(1).messages().await.unwrap();
    fetched.next().await.unwrap().unwrap();
    drop(fetched);
    let info = bench.info("S").await;
    let bytes = info["state"]["bytes"].as_u64().unwrap();
    let full = told("stream/S").await;
    assert_eq!((full.harm, full.at_stake), (Harm::Critical, Some(3)));
    assert_eq!(
        full.evidence,
        format!(
            "holds 3 messages ({bytes} B); of its consumers `c` has 2 messages pending and 1 message unacknowledged; 1 other with nothing pending; mirrored or sourced by `COPY`"
        )
    );
    let bucket = told("kv/b").await;
    assert_eq!(
        (bucket.harm, bucket.at_stake),
        (Harm::Critical, Some(1)),
        "the history of a key is 1"
    );
    let store = told("object-store/o").await;
    assert_eq!((store.harm, store.at_stake), (Harm::Critical, Some(3)));

    let gone = risk(bench.port(), &doomed(&address("stream/NOBODY"), Some("x"))).await;
    assert_eq!((gone.harm, gone.at_stake), (Harm::Low, Some(0)));
    let mut update = doomed(&address("stream/S"), None);
    update.action = Action::Update;
    let others = bench.port().risks(update.address.kind, &[&update]).await;
    assert!(
        others.is_empty(),
        "only deletions are looked at: {others:?}"
    );
}

#[tokio::test]
async fn what_waits_for_a_consumer_is_counted_exactly() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({
            "stream/L": { "subjects": ["l"] }, "consumer/L/c": {},
            "stream/I": { "subjects": ["i"], "retention": "interest" }, "consumer/I/c": {},
            "stream/W": { "subjects": ["w"], "retention": "workqueue" }, "consumer/W/c": {},
        })))
        .await;
    let consumers = ["consumer/L/c", "consumer/I/c", "consumer/W/c"].map(address);
    for consumer in &consumers {
        let idle = risk(bench.port(), &doomed_now(bench.port(), consumer).await).await;
        assert_eq!((idle.harm, idle.at_stake), (Harm::Low, Some(0)), "{idle:?}");
    }
    let context = bench.context().await;
    for subject in ["l", "i", "w"] {
        for _ in 0..3 {
            let sent = context.publish(subject, "m".into()).await.unwrap();
            sent.await.unwrap();
        }
    }
    for (consumer, harm) in [
        (&consumers[0], Harm::High),
        (&consumers[1], Harm::Critical),
        (&consumers[2], Harm::High),
    ] {
        let step = doomed_now(bench.port(), consumer).await;
        let risk = risk(bench.port(), &step).await;
        assert_eq!((risk.harm, risk.at_stake), (harm, Some(3)), "{risk:?}");
        assert!(risk.evidence.starts_with("3 messages pending"), "{risk:?}");
        assert_eq!(risk.code, Code::ConsumerDeleted);
        let done = carried_out(bench.port(), &[&step]).await;
        assert_eq!(done, [Outcome::Applied]);
    }
    // what the evidence says comes true
    let mut patience = Patience::default();
    while bench.info("I").await["state"]["messages"] != 0 {
        patience.wait().await;
    }
    for stream in ["L", "W"] {
        assert_eq!(bench.info(stream).await["state"]["messages"], 3, "{stream}");
    }
}
