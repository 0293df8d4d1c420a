use serde_json::{Value, json};

use super::cut::{Certainty, Cut};
use super::holds::{EVERYTHING, Held, Standing};
use super::scene::{Finding, Scene};
use super::*;
use crate::kinds::stream::Stream;
use crate::kinds::stream::losses::Readers;
use crate::model::{Action, Change, Code, Flat, Harm};

fn flat(fields: Value) -> Flat {
    fields.as_object().unwrap().clone().into_iter().collect()
}

/// A stream that holds ten messages, which nobody reads.
fn scene(live: Value, next: Value) -> Scene<'static> {
    Scene {
        name: "S".to_owned(),
        is_bucket: false,
        change: StreamChange {
            live: flat(live),
            next: flat(next),
            creates: false,
        },
        held: Ok(Held {
            messages: 10,
            bytes: 1_000,
            first_seq: 1,
            last_seq: 10,
            ..Held::default()
        }),
        consumers: Ok(Vec::new()),
        subjects: Ok([("a".to_owned(), 7), ("b".to_owned(), 3)]
            .into_iter()
            .collect()),
        readers: Ok(Readers::new()),
        aged: Ok(Cut::default()),
        heavy: Ok(Cut::default()),
        sizes: Ok(vec![10, 20]),
        others: &[],
    }
}

fn empty(mut scene: Scene<'static>) -> Scene<'static> {
    scene.held = Ok(Held::default());
    scene.subjects = Ok(indexmap::IndexMap::new());
    scene.sizes = Ok(Vec::new());
    scene
}

/// One of which nothing could be read.
fn dark(mut scene: Scene<'static>) -> Scene<'static> {
    let why = || "needs a right".to_owned();
    scene.held = Err(why());
    scene.consumers = Err(why());
    scene.subjects = Err(why());
    scene.readers = Err(why());
    scene.aged = Err(why());
    scene.heavy = Err(why());
    scene.sizes = Err(why());
    scene
}

fn reader(name: &str, filter: &str, left: u64, floor: u64) -> Standing {
    Standing {
        name: name.to_owned(),
        filters: vec![filter.to_owned()],
        pending: left,
        unacknowledged: 0,
        floor,
        is_internal: false,
    }
}

/// What the one rule of this code finds, where it fires.
fn found(scene: &Scene<'_>, code: Code, field: &str) -> Option<Finding> {
    let mut rules = rules().filter(|rule| rule.code == code && rule.fields.contains(&field));
    let rule = rules.next().unwrap();
    (rule.fires)(&scene.change).then(|| (rule.find)(scene))
}

/// Its harm and what is at stake.
fn cost(scene: &Scene<'_>, code: Code, field: &str) -> Option<(Harm, Option<u64>)> {
    found(scene, code, field).map(|found| (found.harm, found.at_stake))
}

#[test]
fn a_lower_limit_costs_what_lies_beyond_it() {
    let code = Code::StreamLimitLowered;
    let to = |before: i64, after: i64| {
        scene(json!({ "max_msgs": before }), json!({ "max_msgs": after }))
    };
    assert_eq!(
        cost(&to(-1, 4), code, "max_msgs"),
        Some((Harm::Critical, Some(6)))
    );
    assert_eq!(
        cost(&to(20, 10), code, "max_msgs"),
        Some((Harm::Low, Some(0)))
    );
    assert_eq!(cost(&to(20, 30), code, "max_msgs"), None);
    assert_eq!(cost(&to(20, -1), code, "max_msgs"), None);
    assert_eq!(
        cost(&empty(to(-1, 4)), code, "max_msgs"),
        Some((Harm::Low, Some(0)))
    );
    assert_eq!(
        cost(&dark(to(-1, 4)), code, "max_msgs"),
        Some((Harm::Critical, None))
    );
}

#[test]
fn who_has_not_read_what_goes_is_named() {
    let mut scene = scene(json!({}), json!({ "max_msgs": 4 }));
    scene.consumers = Ok(vec![
        reader("late", EVERYTHING, 9, 1),
        reader("near", EVERYTHING, 5, 5),
        reader("done", EVERYTHING, 4, 6),
    ]);
    scene.readers = Ok([("S".to_owned(), vec!["COPY".to_owned()])].into());
    let evidence = found(&scene, Code::StreamLimitLowered, "max_msgs")
        .unwrap()
        .evidence;
    assert_eq!(
        evidence,
        "6 of its 10 messages are beyond the new limit and deleted at once; of them, consumer `late` has not acknowledged up to 5 messages, `near` has not acknowledged up to 1 message; mirrored or sourced by `COPY`"
    );
}

#[test]
fn a_stream_that_refuses_new_messages_loses_none() {
    let code = Code::StreamLimitLowered;
    let to = |after: i64| {
        scene(
            json!({ "discard": "new" }),
            json!({ "discard": "new", "max_msgs": after }),
        )
    };
    assert_eq!(cost(&to(4), code, "max_msgs"), Some((Harm::High, Some(0))));
    assert_eq!(cost(&to(11), code, "max_msgs"), Some((Harm::Low, Some(0))));
    let bytes = |after: i64| {
        scene(
            json!({ "discard": "new" }),
            json!({ "discard": "new", "max_bytes": after }),
        )
    };
    assert_eq!(
        cost(&bytes(1_000), code, "max_bytes"),
        Some((Harm::High, Some(0)))
    );
    assert_eq!(
        cost(&bytes(1_001), code, "max_bytes"),
        Some((Harm::Low, Some(0)))
    );
    assert_eq!(
        cost(&dark(to(4)), code, "max_msgs"),
        Some((Harm::High, Some(0)))
    );
}

#[test]
fn bytes_are_told_as_sure_as_they_are() {
    let mut scene = scene(json!({}), json!({ "max_bytes": 500 }));
    scene.heavy = Ok(Cut {
        count: 5,
        certainty: Certainty::About,
        stays_from: None,
    });
    let found = found(&scene, Code::StreamLimitLowered, "max_bytes").unwrap();
    assert_eq!((found.harm, found.at_stake), (Harm::Critical, Some(5)));
    assert!(
        found.evidence.starts_with("about 5 of its 10 messages"),
        "{found:?}"
    );
    scene.heavy = Ok(Cut::default());
    let code = Code::StreamLimitLowered;
    assert_eq!(cost(&scene, code, "max_bytes"), Some((Harm::Low, Some(0))));
}

#[test]
fn a_limit_of_each_subject_is_counted_by_subject() {
    let (code, field) = (Code::StreamLimitLowered, "max_msgs_per_subject");
    let to = |after: i64| scene(json!({}), json!({ "discard": "new", field: after }));
    assert_eq!(cost(&to(2), code, field), Some((Harm::Critical, Some(6))));
    assert_eq!(cost(&to(7), code, field), Some((Harm::Low, Some(0))));
    assert_eq!(
        cost(&dark(to(2)), code, field),
        Some((Harm::Critical, None))
    );
    let mut unseen = to(2);
    unseen.subjects = Err("too many".to_owned());
    assert_eq!(cost(&unseen, code, field), Some((Harm::Critical, None)));
    let mut few = to(10);
    few.subjects = Err("too many".to_owned());
    assert_eq!(
        cost(&few, code, field),
        Some((Harm::Low, Some(0))),
        "ten fit, whatever their subjects"
    );
}

#[test]
fn a_lower_age_costs_what_is_older() {
    let (code, field) = (Code::StreamAgeLowered, "max_age");
    let mut to = scene(json!({ field: 0 }), json!({ field: 5 }));
    assert_eq!(cost(&to, code, field), Some((Harm::Low, Some(0))));
    to.aged = Ok(Cut {
        count: 1,
        ..Cut::default()
    });
    let one = found(&to, code, field).unwrap();
    assert_eq!((one.harm, one.at_stake), (Harm::Critical, Some(1)));
    assert_eq!(
        one.evidence,
        "1 of its 10 messages is older than the new age and deleted at once"
    );
    assert_eq!(cost(&dark(to), code, field), Some((Harm::Critical, None)));
    assert_eq!(
        cost(
            &scene(json!({ field: 5 }), json!({ field: 0 })),
            code,
            field
        ),
        None
    );
}

#[test]
fn interest_costs_what_no_consumer_needs() {
    let (code, field) = (Code::StreamRetentionChanged, "retention");
    let mut to = scene(json!({ field: "limits" }), json!({ field: "interest" }));
    assert_eq!(cost(&to, code, field), Some((Harm::Critical, Some(10))));
    for (consumers, harm, lost) in [
        (vec![reader("a", EVERYTHING, 10, 0)], Harm::Medium, 0),
        (vec![reader("a", EVERYTHING, 7, 3)], Harm::Critical, 3),
        (
            vec![reader("a", "a", 5, 0), reader("b", "b", 3, 0)],
            Harm::Critical,
            2,
        ),
        (
            vec![reader("a", "a", 5, 0), reader("b", EVERYTHING, 8, 0)],
            Harm::Critical,
            2,
        ),
        (
            vec![
                reader("a", "a", 5, 0),
                reader("b", "b", 3, 0),
                reader("c", "*", 6, 0),
            ],
            Harm::Critical,
            4,
        ),
    ] {
        to.consumers = Ok(consumers.clone());
        assert_eq!(
            cost(&to, code, field),
            Some((harm, Some(lost))),
            "{consumers:?}"
        );
    }
    assert_eq!(cost(&empty(to), code, field), Some((Harm::Low, Some(0))));
    let unread = dark(scene(
        json!({ field: "limits" }),
        json!({ field: "interest" }),
    ));
    assert_eq!(cost(&unread, code, field), Some((Harm::Critical, None)));
    let back = |limit: Value| {
        let mut next = json!({ field: "limits" });
        next["max_age"] = limit;
        cost(&scene(json!({ field: "interest" }), next), code, field)
    };
    assert_eq!(back(json!(5)), Some((Harm::Low, Some(0))));
    assert_eq!(back(json!(0)), Some((Harm::Medium, Some(0))));
}

#[test]
fn another_discard_is_as_bad_as_the_stream_is_full() {
    let (code, field) = (Code::StreamDiscardChanged, "discard");
    let to = |before: &str, after: &str, limit: i64| {
        scene(
            json!({ field: before, "max_msgs": limit }),
            json!({ field: after, "max_msgs": limit }),
        )
    };
    assert_eq!(
        cost(&to("old", "new", 10), code, field),
        Some((Harm::High, Some(0)))
    );
    assert_eq!(
        cost(&to("old", "new", 11), code, field),
        Some((Harm::Medium, Some(0)))
    );
    assert_eq!(
        cost(&to("old", "new", -1), code, field),
        Some((Harm::Low, Some(0)))
    );
    assert_eq!(
        cost(&to("new", "old", 6), code, field),
        Some((Harm::Critical, Some(4)))
    );
    assert_eq!(
        cost(&to("new", "old", 10), code, field),
        Some((Harm::Medium, Some(0)))
    );
    assert_eq!(
        cost(&to("new", "old", -1), code, field),
        Some((Harm::Low, Some(0)))
    );
    assert_eq!(
        cost(&dark(to("new", "old", 6)), code, field),
        Some((Harm::Critical, None))
    );
    assert_eq!(
        cost(&dark(to("old", "new", 6)), code, field),
        Some((Harm::High, Some(0)))
    );

    let field = "discard_new_per_subject";
    let to = |limit: i64| {
        scene(
            json!({}),
            json!({ field: true, "max_msgs_per_subject": limit }),
        )
    };
    assert_eq!(cost(&to(7), code, field), Some((Harm::High, Some(0))));
    assert_eq!(cost(&to(8), code, field), Some((Harm::Medium, Some(0))));
    assert_eq!(cost(&dark(to(8)), code, field), Some((Harm::High, Some(0))));
    assert_eq!(
        cost(&scene(json!({ field: true }), json!({})), code, field),
        None
    );
}

#[test]
fn a_subject_that_nobody_used_goes_quietly() {
    let (code, field) = (Code::StreamSubjectRemoved, "subjects");
    let to =
        |before: &[&str], after: &[&str]| scene(json!({ field: before }), json!({ field: after }));
    assert_eq!(
        cost(&to(&["a", "c"], &["a"]), code, field),
        Some((Harm::Low, Some(0)))
    );
    assert_eq!(
        cost(&to(&["a", "b"], &["a"]), code, field),
        Some((Harm::High, Some(0)))
    );
    assert_eq!(
        cost(&to(&["a", "x.*"], &["a", "x.>"]), code, field),
        None,
        "it is wider"
    );
    assert_eq!(cost(&to(&["a"], &["a", "b"]), code, field), None);
    assert_eq!(
        cost(&to(&["*"], &["a", "b"]), code, field),
        Some((Harm::Low, Some(0))),
        "all that it holds is captured as before"
    );
    let narrowed = found(&to(&["*"], &["b"]), code, field).unwrap();
    assert!(
        narrowed.evidence.contains("it holds 7 messages of it"),
        "{narrowed:?}"
    );
    assert_eq!(
        cost(&dark(to(&["a", "c"], &["a"])), code, field),
        Some((Harm::High, Some(0)))
    );
    let mut awaited = to(&["a", "c"], &["a"]);
    awaited.consumers = Ok(vec![reader("all", EVERYTHING, 0, 0)]);
    assert_eq!(cost(&awaited, code, field), Some((Harm::Low, Some(0))));
    awaited.consumers = Ok(vec![reader("c", "c", 0, 0)]);
    let found = found(&awaited, code, field).unwrap();
    assert_eq!(found.harm, Harm::High);
    assert!(
        found.evidence.ends_with("consumer `c` filters on it"),
        "{found:?}"
    );
}

#[test]
fn a_subject_that_another_stream_of_the_plan_takes_is_a_move() {
    let others = [("stream/T".to_owned(), vec!["b".to_owned()])];
    let scene = Scene {
        others: &others,
        ..scene(
            json!({ "subjects": ["a", "b"] }),
            json!({ "subjects": ["a"] }),
        )
    };
    let found = found(&scene, Code::StreamSubjectRemoved, "subjects").unwrap();
    assert_eq!(found.harm, Harm::Medium);
    assert!(found.evidence.contains("`stream/T`"), "{found:?}");
}

#[test]
fn a_subject_from_the_first_token_on_catches_replies() {
    let (code, field) = (Code::StreamCatchesAll, "subjects");
    let to = |before: &[&str], after: &[&str]| {
        cost(
            &scene(json!({ field: before }), json!({ field: after })),
            code,
            field,
        )
    };
    assert_eq!(to(&["a"], &["a", "*.created"]), Some((Harm::High, Some(0))));
    assert_eq!(to(&["a"], &[">"]), Some((Harm::High, Some(0))));
    assert_eq!(to(&[">"], &["*.created"]), None, "it is narrower");
    assert_eq!(to(&["a"], &["a.>"]), None);
}

#[test]
fn what_clients_rely_on_is_told() {
    for (code, field, before, after, harm, unused) in [
        (
            Code::StreamSealed,
            "sealed",
            json!(false),
            json!(true),
            Harm::High,
            Harm::High,
        ),
        (
            Code::StreamDenySet,
            "deny_delete",
            json!(false),
            json!(true),
            Harm::High,
            Harm::Low,
        ),
        (
            Code::StreamDenySet,
            "deny_purge",
            json!(false),
            json!(true),
            Harm::High,
            Harm::Low,
        ),
        (
            Code::StreamMessageSizeLowered,
            "max_msg_size",
            json!(-1),
            json!(19),
            Harm::High,
            Harm::Low,
        ),
        (
            Code::StreamMessageSizeLowered,
            "max_msg_size",
            json!(-1),
            json!(20),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamAcksChanged,
            "no_ack",
            json!(false),
            json!(true),
            Harm::High,
            Harm::Low,
        ),
        (
            Code::StreamAcksChanged,
            "no_ack",
            json!(true),
            json!(false),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamDuplicateWindowShortened,
            "duplicate_window",
            json!(9),
            json!(5),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamTransformChanged,
            "subject_transform.dest",
            json!("a"),
            json!("b"),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamRepublishChanged,
            "republish.dest",
            json!("a"),
            json!("b"),
            Harm::High,
            Harm::Low,
        ),
        (
            Code::StreamSwitchedOff,
            "allow_direct",
            json!(true),
            json!(false),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamSwitchedOff,
            "mirror_direct",
            json!(true),
            json!(false),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamSwitchedOff,
            "allow_rollup_hdrs",
            json!(true),
            json!(false),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamSwitchedOff,
            "allow_atomic",
            json!(true),
            json!(false),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamSwitchedOff,
            "allow_batched",
            json!(true),
            json!(false),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamReplicasLowered,
            "num_replicas",
            json!(3),
            json!(1),
            Harm::High,
            Harm::Medium,
        ),
        (
            Code::StreamReplicasLowered,
            "num_replicas",
            json!(5),
            json!(3),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamReplicasEven,
            "num_replicas",
            json!(1),
            json!(2),
            Harm::Medium,
            Harm::Medium,
        ),
        (
            Code::StreamMoved,
            "num_replicas",
            json!(1),
            json!(3),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamMoved,
            "placement.cluster",
            json!("a"),
            json!("b"),
            Harm::Medium,
            Harm::Low,
        ),
        (
            Code::StreamOriginChanged,
            "sources",
            json!([{ "name": "A" }]),
            json!([]),
            Harm::Medium,
            Harm::Medium,
        ),
        (
            Code::StreamOriginChanged,
            "mirror.name",
            json!("A"),
            json!(""),
            Harm::Medium,
            Harm::Medium,
        ),
    ] {
        let to = || {
            scene(
                json!({ field: before.clone() }),
                json!({ field: after.clone() }),
            )
        };
        let told = |scene: &Scene<'_>| cost(scene, code, field).map(|(harm, _)| harm);
        assert_eq!(told(&to()), Some(harm), "{field}: {before} -> {after}");
        assert_eq!(told(&empty(to())), Some(unused), "{field}, unused");
        assert!(
            told(&dark(to())) >= Some(harm),
            "{field}: what is not known is no smaller"
        );
    }
    for (code, field, before, after) in [
        (Code::StreamSealed, "sealed", json!(true), json!(true)),
        (Code::StreamDenySet, "deny_delete", json!(true), json!(true)),
        (Code::StreamDenySet, "deny_purge", json!(true), json!(true)),
        (
            Code::StreamMessageSizeLowered,
            "max_msg_size",
            json!(19),
            json!(-1),
        ),
        (Code::StreamAcksChanged, "no_ack", json!(true), json!(true)),
        (
            Code::StreamDuplicateWindowShortened,
            "duplicate_window",
            json!(5),
            json!(9),
        ),
        (
            Code::StreamRepublishChanged,
            "republish.dest",
            json!(""),
            json!("b"),
        ),
        (
            Code::StreamSwitchedOff,
            "allow_direct",
            json!(false),
            json!(true),
        ),
        (
            Code::StreamReplicasLowered,
            "num_replicas",
            json!(1),
            json!(3),
        ),
        (Code::StreamReplicasEven, "num_replicas", json!(2), json!(3)),
        (Code::StreamMoved, "num_replicas", json!(3), json!(1)),
        (
            Code::StreamOriginChanged,
            "sources",
            json!([]),
            json!([{ "name": "A" }]),
        ),
        (
            Code::StreamOriginChanged,
            "mirror.name",
            json!("A"),
            json!("A"),
        ),
    ] {
        let to = scene(json!({ field: before }), json!({ field: after }));
        assert_eq!(cost(&to, code, field), None, "{field}");
    }
}

#[test]
fn a_bucket_denies_by_its_template() {
    let scene = Scene {
        is_bucket: true,
        ..scene(
            json!({ "deny_delete": false }),
            json!({ "deny_delete": true }),
        )
    };
    let told = cost(&scene, Code::StreamDenySet, "deny_delete");
    assert_eq!(told, Some((Harm::Low, Some(0))));
}

#[test]
fn a_transform_breaks_filters_and_copies() {
    let field = "subject_transform.dest";
    let told = |scene: &Scene<'_>| found(scene, Code::StreamTransformChanged, field).unwrap();
    let mut to = scene(json!({}), json!({ field: "x" }));
    to.consumers = Ok(vec![reader("all", EVERYTHING, 0, 0)]);
    assert_eq!(told(&to).harm, Harm::Medium);
    to.consumers = Ok(vec![reader("some", "a.>", 0, 0)]);
    assert_eq!(told(&to).harm, Harm::High);
    to.consumers = Ok(Vec::new());
    to.readers = Ok([("S".to_owned(), vec!["COPY".to_owned()])].into());
    assert_eq!(told(&to).harm, Harm::High);
}

fn update(address: &str, field: &str, before: Value, after: Option<Value>) -> Step {
    let mut step = Step::of(address.parse().unwrap(), Action::Update);
    step.changes.push(Change {
        field: field.to_owned(),
        before: Some(before),
        after,
        note: None,
    });
    step
}

#[tokio::test]
async fn a_step_is_told_in_its_own_words_and_only_where_a_rule_fires() {
    let brokers = Brokers::default();
    let lowered = update("stream/S", "max_age", json!("7d"), Some(json!("1d")));
    let raised = update("stream/R", "max_age", json!("1d"), Some(json!("7d")));
    let mut made = lowered.clone();
    made.action = Action::Create;
    let told = risks(&Stream, &brokers, &[&lowered, &raised, &made]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (address, found) = &told[0];
    assert_eq!(*address, lowered.address);
    let [risk] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (risk.code, risk.harm),
        (Code::StreamAgeLowered, Harm::Critical)
    );
    assert_eq!(
        (risk.field.as_deref(), risk.at_stake),
        (Some("max_age"), None)
    );
    assert!(
        risk.evidence
            .ends_with("could not be read: there is no connection to NATS"),
        "{risk:?}"
    );

    let kv = crate::kinds::kv::Kv;
    for (field, before, after) in [
        ("history", json!(5), Some(json!(1))),
        ("history", json!(5), None),
        ("ttl", json!("7d"), Some(json!("1d"))),
        ("max_bytes", json!("2GiB"), Some(json!("1GiB"))),
    ] {
        let step = update("kv/b", field, before, after);
        let told = risks(&kv, &brokers, &[&step]).await;
        let risk = &told[0].1[0];
        assert_eq!(risk.field.as_deref(), Some(field));
        assert!(risk.blocks(), "{risk:?}");
    }
}
