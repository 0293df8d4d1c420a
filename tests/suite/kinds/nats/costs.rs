//! What changing on NATS costs, as it is told before: what is said to be lost is lost, and nothing else.

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::PullConsumer;
use futures::StreamExt;
use serde_json::{Value, json};
use trueup::engine::Port;
use trueup::kinds::Resources;
use trueup::model::{Action, Code, Harm, Outcome, Risk};
use trueup::plan::Plan;

use super::bench::{Bench, Patience, manifest};
use crate::main_job::approved;

/// Publishes these sizes to these subjects in turn; every third message has headers.
async fn publish(context: &Context, messages: &[(&str, usize)]) {
    for (index, (subject, size)) in messages.iter().enumerate() {
        let (subject, payload) = ((*subject).to_owned(), vec![b'm'; *size].into());
        let sent = if index % 3 == 0 {
            let mut headers = HeaderMap::new();
            headers.insert("Kind", "test");
            context
                .publish_with_headers(subject, headers, payload)
                .await
        } else {
            context.publish(subject, payload).await
        };
        sent.unwrap().await.unwrap();
    }
}

async fn held(bench: &Bench, stream: &str) -> u64 {
    bench.info(stream).await["state"]["messages"]
        .as_u64()
        .unwrap()
}

/// The one risk of this code at this field.
fn risk(plan: &Plan, code: Code, field: &str) -> Risk {
    let risks = plan.steps.iter().flat_map(|step| &step.risks);
    let mut found = risks.filter(|risk| risk.code == code && risk.field.as_deref() == Some(field));
    let one = found.next();
    one.unwrap_or_else(|| panic!("{code} at {field}: {:#?}", plan.steps))
        .clone()
}

/// Plans a change, sees that it is blocked and costs nothing until somebody consents, applies it and compares.
async fn lost_as_told(
    bench: &Bench,
    stream: &str,
    wanted: &Resources,
    (code, field): (Code, &str),
) -> Risk {
    let before = held(bench, stream).await;
    let blocked = approved(wanted, bench.port(), &[]).await;
    let told = risk(&blocked, code, field);
    assert!(told.blocks(), "{told:?}");
    for (address, outcome) in bench.apply(&blocked).await {
        assert!(
            matches!(outcome, Outcome::NotAttempted { .. }),
            "{address}: {outcome:?}"
        );
    }
    assert_eq!(held(bench, stream).await, before, "nobody consented");

    let plan = bench.plan(wanted).await;
    for (address, outcome) in bench.apply(&plan).await {
        assert_eq!(outcome, Outcome::Applied, "{address}");
    }
    let kept = before - told.at_stake.unwrap();
    let mut patience = Patience::default();
    while held(bench, stream).await > kept {
        patience.wait().await;
    }
    assert_eq!(held(bench, stream).await, kept, "{told:?}");
    told
}

const LIMIT: Code = Code::StreamLimitLowered;

#[tokio::test]
async fn what_lies_beyond_a_limit_goes() {
    let bench = Bench::start().await;
    let context = bench.context().await;
    for storage in ["file", "memory"] {
        let stream = format!("S_{storage}");
        let of = |more: Value| {
            let mut said = json!({ "subjects": [format!("{storage}.>")], "storage": storage });
            said.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            manifest(json!({ format!("stream/{stream}"): said }))
        };
        bench.settle(&of(json!({}))).await;
        let subjects = ["a", "b", "c"].map(|end| format!("{storage}.{end}"));
        let messages: Vec<(&str, usize)> =
            (0..40).map(|n| (subjects[n % 3].as_str(), n * 7)).collect();
        publish(&context, &messages).await;
        let live = context.get_stream(&stream).await.unwrap();
        for gap in [2, 3, 17] {
            live.delete_message(gap).await.unwrap();
        }

        let told = lost_as_told(
            &bench,
            &stream,
            &of(json!({ "max_msgs": 30 })),
            (LIMIT, "max_msgs"),
        )
        .await;
        assert_eq!(
            (told.harm, told.at_stake),
            (Harm::Critical, Some(7)),
            "{told:?}"
        );
        let bytes = bench.info(&stream).await["state"]["bytes"]
            .as_u64()
            .unwrap();
        let smaller = of(json!({ "max_msgs": 30, "max_bytes": bytes * 2 / 3 }));
        let told = lost_as_told(&bench, &stream, &smaller, (LIMIT, "max_bytes")).await;
        assert!(told.at_stake.unwrap() > 5, "{told:?}");
        let fewer =
            of(json!({ "max_msgs": 30, "max_bytes": bytes * 2 / 3, "max_msgs_per_subject": 4 }));
        let told = lost_as_told(&bench, &stream, &fewer, (LIMIT, "max_msgs_per_subject")).await;
        assert_eq!(held(&bench, &stream).await, 12, "{told:?}");
    }
}

#[tokio::test]
async fn what_a_lower_limit_leaves_is_no_reason_to_ask() {
    let bench = Bench::start().await;
    let of = |limit: u64| manifest(json!({ "stream/S": { "subjects": ["s"], "max_msgs": limit } }));
    bench.settle(&of(100)).await;
    publish(&bench.context().await, &[("s", 1), ("s", 1)]).await;
    let plan = approved(&of(2), bench.port(), &[]).await;
    let told = risk(&plan, LIMIT, "max_msgs");
    assert_eq!((told.harm, told.at_stake), (Harm::Low, Some(0)), "{told:?}");
    assert_eq!(bench.apply(&plan).await[0].1, Outcome::Applied);
    assert_eq!(held(&bench, "S").await, 2);
}

#[tokio::test]
async fn buckets_lose_history_and_refuse_beyond_their_bytes() {
    let bench = Bench::start().await;
    let of = |more: Value| manifest(json!({ "kv/b": more }));
    bench.settle(&of(json!({ "history": 5 }))).await;
    let context = bench.context().await;
    let puts = [("$KV.b.x", 3); 4].into_iter().chain([("$KV.b.y", 3); 2]);
    publish(&context, &puts.collect::<Vec<_>>()).await;
    let told = lost_as_told(
        &bench,
        "KV_b",
        &of(json!({ "history": 1 })),
        (LIMIT, "history"),
    )
    .await;
    assert_eq!((told.harm, told.at_stake), (Harm::Critical, Some(4)));

    let full = of(json!({ "history": 1, "max_bytes": 10 }));
    let told = lost_as_told(&bench, "KV_b", &full, (LIMIT, "max_bytes")).await;
    assert_eq!(
        (told.harm, told.at_stake),
        (Harm::High, Some(0)),
        "{told:?}"
    );
    let refused = context.publish("$KV.b.z", "v".into()).await.unwrap().await;
    assert!(refused.is_err(), "as the evidence says: {}", told.evidence);

    let of = |more: Value| manifest(json!({ "object-store/o": more }));
    bench.settle(&of(json!({}))).await;
    publish(&context, &[("$O.o.C.x", 50), ("$O.o.M.x", 50)]).await;
    let roomy = approved(&of(json!({ "max_bytes": "1MiB" })), bench.port(), &[]).await;
    assert_eq!(risk(&roomy, LIMIT, "max_bytes").harm, Harm::Low);
    let told = lost_as_told(
        &bench,
        "OBJ_o",
        &of(json!({ "max_bytes": 60 })),
        (LIMIT, "max_bytes"),
    )
    .await;
    assert_eq!(
        (told.harm, told.at_stake),
        (Harm::High, Some(0)),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_is_older_than_a_new_age_goes() {
    let bench = Bench::start().await;
    let of = |age: &str| manifest(json!({ "stream/S": { "subjects": ["s"], "max_age": age } }));
    bench.settle(&of("1d")).await;
    let context = bench.context().await;
    publish(&context, &[("s", 1); 7]).await;
    let live = context.get_stream("S").await.unwrap();
    for gap in [2, 3] {
        live.delete_message(gap).await.unwrap();
    }
    let told = |age: String| {
        let (bench, of) = (&bench, &of);
        async move {
            let plan = approved(&of(&age), bench.port(), &[]).await;
            risk(&plan, Code::StreamAgeLowered, "max_age")
        }
    };
    assert_eq!(told("1h".to_owned()).await.harm, Harm::Low);

    // a second lot, some seconds younger by the server's own clock
    let instant = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let first_lot = instant(&bench.info("S").await["state"]["last_ts"]);
    let mut patience = Patience::default();
    let since = |info: &Value| instant(&info["ts"]).duration_since(first_lot).as_millis();
    while since(&bench.info("S").await) < 3_000 {
        patience.wait().await;
    }
    publish(&context, &[("s", 1); 3]).await;
    let info = bench.info("S").await;
    let between = (since(&info) - 1_500).max(1_000);
    let part = told(format!("{between}ms")).await;
    assert_eq!(
        (part.harm, part.at_stake),
        (Harm::Critical, Some(5)),
        "{part:?}"
    );
    assert!(part.evidence.starts_with("5 of its 8 messages"), "{part:?}");

    while since(&bench.info("S").await) < 4_500 {
        patience.wait().await;
    }
    let all = lost_as_told(
        &bench,
        "S",
        &of("100ms"),
        (Code::StreamAgeLowered, "max_age"),
    )
    .await;
    assert_eq!(all.at_stake, Some(8));
}

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
async fn a_stream_that_drops_what_it_refused_is_cut_to_its_limit() {
    let bench = Bench::start().await;
    let of = |discard: &str, limit: u64| {
        manifest(
            json!({ "stream/S": { "subjects": ["s"], "discard": discard, "max_msgs": limit } }),
        )
    };
    bench.settle(&of("new", 100)).await;
    publish(&bench.context().await, &[("s", 1); 9]).await;
    let told = lost_as_told(&bench, "S", &of("new", 4), (LIMIT, "max_msgs")).await;
    assert_eq!((told.harm, told.at_stake), (Harm::High, Some(0)));
    let at = (Code::StreamDiscardChanged, "discard");
    let told = lost_as_told(&bench, "S", &of("old", 4), at).await;
    assert_eq!((told.harm, told.at_stake), (Harm::Critical, Some(5)));
}

#[tokio::test]
async fn a_narrower_filter_deletes_what_only_interest_holds() {
    let bench = Bench::start().await;
    let context = bench.context().await;
    for (retention, harm, lost) in [
        ("interest", Harm::Critical, 3),
        ("workqueue", Harm::High, 0),
        ("limits", Harm::High, 0),
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
        let told = lost_as_told(&bench, retention, &of("a"), at).await;
        assert_eq!(
            (told.harm, told.at_stake),
            (harm, Some(lost)),
            "{retention}: {told:?}"
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
