//! Those who read, and what is kept for them.

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::PullConsumer;
use futures::StreamExt;
use serde_json::json;
use trueup::engine::Port;
use trueup::model::{Action, Code, Harm, Outcome};
use trueup::plan::Plan;

use super::{held, lost_as_told, publish, risk, told_and_done};
use crate::kinds::nats::bench::{Bench, manifest};
use crate::main_job::approved;

/// Reads and acknowledges so many messages.
async fn acknowledge(context: &Context, stream: &str, consumer: &str, count: usize) {
    let consumer: PullConsumer = context
        .get_consumer_from_stream(consumer, stream)
        .await
        .unwrap();
    let mut fetched = consumer
        .fetch()
        .max_messages(count)
        .messages()
        .await
        .unwrap();
    while let Some(message) = fetched.next().await {
        message.unwrap().double_ack().await.unwrap();
    }
}

#[tokio::test]
async fn what_no_consumer_needs_goes_with_interest() {
    let bench = Bench::start().await;
    let context = bench.context().await;
    for (stream, acknowledged, lost) in [
        ("NOBODY", vec![], 9),
        ("ONE", vec![2], 2),
        ("TWO", vec![4, 3], 3),
    ] {
        let of = |retention: &str| {
            let mut said = json!({
                format!("stream/{stream}"): { "subjects": [format!("{stream}.>")], "retention": retention },
            });
            for index in 0..acknowledged.len() {
                said[format!("consumer/{stream}/c{index}")] = json!({});
            }
            manifest(said)
        };
        bench.settle(&of("limits")).await;
        let subject = format!("{stream}.x");
        publish(&context, &[(subject.as_str(), 1); 9]).await;
        for (index, count) in acknowledged.iter().enumerate() {
            acknowledge(&context, stream, &format!("c{index}"), *count).await;
        }
        let at = (Code::StreamRetentionChanged, "retention");
        let told = lost_as_told(&bench, stream, &of("interest"), at).await;
        assert_eq!(
            (told.harm, told.at_stake),
            (Harm::Critical, Some(lost)),
            "{stream}: {told:?}"
        );
    }
    let of = |retention: &str| {
        manifest(
            json!({ "stream/READ": { "subjects": ["r"], "retention": retention }, "consumer/READ/c": {} }),
        )
    };
    bench.settle(&of("limits")).await;
    publish(&context, &[("r", 1); 3]).await;
    let plan = approved(&of("interest"), bench.port(), &[]).await;
    let told = risk(&plan, Code::StreamRetentionChanged, "retention");
    assert_eq!(
        (told.harm, told.at_stake),
        (Harm::Medium, Some(0)),
        "{told:?}"
    );
    assert_eq!(bench.apply(&plan).await[0].1, Outcome::Applied);
    assert_eq!(held(&bench, "READ").await, 3);
}

#[tokio::test]
async fn a_narrower_filter_deletes_what_only_interest_holds() {
    let bench = Bench::start().await;
    let context = bench.context().await;
    for (retention, harm, left) in [
        ("interest", Harm::Critical, 3),
        ("workqueue", Harm::High, 6),
        ("limits", Harm::High, 6),
    ] {
        let of = |filter: &str| {
            manifest(json!({
                format!("stream/{retention}"): { "subjects": [format!("{retention}.>")], "retention": retention },
                format!("consumer/{retention}/c"): { "filter_subject": format!("{retention}.{filter}") },
            }))
        };
        bench.settle(&of("*")).await;
        let subjects = ["a", "b"].map(|end| format!("{retention}.{end}"));
        let messages: Vec<(&str, usize)> = (0..6).map(|n| (subjects[n % 2].as_str(), 1)).collect();
        publish(&context, &messages).await;
        let at = (Code::ConsumerFilterChanged, "filter_subject");
        let told = match left {
            6 => told_and_done(&bench, retention, &of("a"), at).await,
            _ => lost_as_told(&bench, retention, &of("a"), at).await,
        };
        assert_eq!(
            (told.harm, told.at_stake),
            (harm, Some(3)),
            "{retention}: {told:?}"
        );
        assert_eq!(
            held(&bench, retention).await,
            left,
            "{retention}: skipped or gone"
        );
    }
}

#[tokio::test]
async fn a_subject_is_given_up_quietly_where_nobody_uses_it() {
    let bench = Bench::start().await;
    let of = |subjects: &[&str]| manifest(json!({ "stream/S": { "subjects": subjects } }));
    bench.settle(&of(&["a", "b", "c"])).await;
    publish(&bench.context().await, &[("a", 1), ("b", 1), ("b", 1)]).await;
    let at = |plan: &Plan| risk(plan, Code::StreamSubjectRemoved, "subjects");
    let quiet = at(&approved(&of(&["a", "b"]), bench.port(), &[]).await);
    assert_eq!(
        (quiet.harm, quiet.at_stake),
        (Harm::Low, Some(0)),
        "{quiet:?}"
    );
    let used = at(&approved(&of(&["a"]), bench.port(), &[]).await);
    assert_eq!(
        (used.harm, used.at_stake),
        (Harm::High, Some(0)),
        "{used:?}"
    );
    assert!(
        used.evidence.contains("it holds 2 messages of it"),
        "{used:?}"
    );
    let moved = manifest(
        json!({ "stream/S": { "subjects": ["a", "c"] }, "stream/T": { "subjects": ["b"] } }),
    );
    assert_eq!(
        at(&approved(&moved, bench.port(), &[]).await).harm,
        Harm::Medium
    );
}

#[tokio::test]
async fn larger_messages_are_seen_in_what_is_there() {
    let bench = Bench::start().await;
    let of =
        |size: u64| manifest(json!({ "stream/S": { "subjects": ["s"], "max_msg_size": size } }));
    bench.settle(&of(1_000)).await;
    let told = |size: u64| {
        let (bench, of) = (&bench, &of);
        async move {
            let plan = approved(&of(size), bench.port(), &[]).await;
            risk(&plan, Code::StreamMessageSizeLowered, "max_msg_size").harm
        }
    };
    assert_eq!(told(500).await, Harm::Low);
    publish(&bench.context().await, &[("s", 100), ("s", 501)]).await;
    assert_eq!(told(500).await, Harm::High);
    assert_eq!(told(501).await, Harm::Medium);
}

#[tokio::test]
async fn a_change_that_costs_nothing_asks_for_nothing() {
    let bench = Bench::start().await;
    let of = |word: &str| {
        manifest(
            json!({ "stream/S": { "description": word }, "consumer/S/c": { "description": word } }),
        )
    };
    bench.settle(&of("one")).await;
    let plan = bench.plan(&of("two")).await;
    let before = bench.nats.requests_sent();
    for step in &plan.steps {
        assert_eq!(step.action, Action::Update);
        assert!(
            bench
                .port()
                .risks(step.address.kind, &[step])
                .await
                .is_empty()
        );
    }
    assert_eq!(bench.nats.requests_sent(), before);
}
