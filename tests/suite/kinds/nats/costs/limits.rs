//! Limits, age and history.

use serde_json::{Value, json};
use trueup::model::{Approval, Code, Harm, Outcome};

use super::{held, lost_as_told, publish, risk};
use crate::kinds::nats::bench::{Bench, Patience, manifest};
use crate::main_job::approved;

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
async fn limits_that_are_lowered_together_are_approved_together() {
    let bench = Bench::start().await;
    let of = |limit: u64, each: u64| {
        let said = json!({ "subjects": ["s.>"], "max_msgs": limit, "max_msgs_per_subject": each });
        manifest(json!({ "stream/S": said }))
    };
    bench.settle(&of(1_000, 1_000)).await;
    let subjects: Vec<String> = (0..20).map(|n| format!("s.u.{n}")).collect();
    let messages = subjects.iter().map(|subject| (subject.as_str(), 1));
    let messages: Vec<(&str, usize)> = messages.chain([("s.c", 1); 20]).collect();
    publish(&bench.context().await, &messages).await;
    let bounded = |max: u64| Approval {
        risk: LIMIT,
        address: "stream/S".parse().unwrap(),
        max: Some(max),
        max_bytes: None,
        terms: None,
    };
    let plan = approved(&of(20, 2), bench.port(), &[bounded(20)]).await;
    for field in ["max_msgs", "max_msgs_per_subject"] {
        let told = risk(&plan, LIMIT, field);
        assert_eq!(told.at_stake_in_all, Some(38), "{told:?}");
        let why = "38 messages are at stake, more than its bound of 20";
        assert!(told.unapproved.as_ref().unwrap().ends_with(why), "{told:?}");
    }
    for (address, outcome) in bench.apply(&plan).await {
        let is_held = matches!(outcome, Outcome::NotAttempted { .. });
        assert!(is_held, "{address}: {outcome:?}");
    }
    assert_eq!(held(&bench, "S").await, 40);
    let plan = approved(&of(20, 2), bench.port(), &[bounded(38)]).await;
    assert_eq!(bench.apply(&plan).await[0].1, Outcome::Applied);
    assert_eq!(held(&bench, "S").await, 2, "38 went");
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
    let soon = told("1h".to_owned()).await;
    assert_eq!(
        (soon.harm, soon.at_stake),
        (Harm::High, Some(5)),
        "{soon:?}"
    );
    let later = told("12h".to_owned()).await;
    assert_eq!((later.harm, later.at_stake), (Harm::Medium, Some(5)));

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
        (Harm::Critical, Some(8)),
        "{part:?}"
    );
    assert!(part.evidence.starts_with("5 of its 8 messages"), "{part:?}");
    assert!(
        part.evidence.contains("the other 3 messages expire within"),
        "{part:?}"
    );

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
async fn what_is_young_goes_no_sooner_than_somebody_consented_to() {
    let bench = Bench::start().await;
    let of = |age: &str| {
        manifest(json!({
            "stream/S": { "subjects": ["s"], "max_age": age },
            "kv/b": { "ttl": age },
            "object-store/o": { "ttl": age },
        }))
    };
    bench.settle(&of("unlimited")).await;
    let context = bench.context().await;
    publish(&context, &[("s", 1), ("$KV.b.x", 1), ("$O.o.C.x", 1)]).await;
    let all = ["S", "KV_b", "OBJ_o"];
    let plan = approved(&of("2s"), bench.port(), &[]).await;
    for field in ["max_age", "ttl"] {
        let told = risk(&plan, Code::StreamAgeLowered, field);
        assert_eq!(
            (told.harm, told.at_stake),
            (Harm::High, Some(1)),
            "{told:?}"
        );
        assert!(
            told.evidence
                .contains("within 2s; before, it was kept for ever"),
            "{told:?}"
        );
    }
    for (address, outcome) in bench.apply(&plan).await {
        let is_held = matches!(outcome, Outcome::NotAttempted { .. });
        assert!(is_held, "{address}: {outcome:?}");
    }
    for stream in all {
        assert_eq!(held(&bench, stream).await, 1, "{stream}");
    }
    let plan = bench.plan(&of("2s")).await;
    for (address, outcome) in bench.apply(&plan).await {
        assert_eq!(outcome, Outcome::Applied, "{address}");
    }
    let mut patience = Patience::default();
    for stream in all {
        while held(&bench, stream).await > 0 {
            patience.wait().await;
        }
    }
}
