use serde_json::json;

use super::*;

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
            Harm::High,
            Harm::High,
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
    to.readers = Some("mirrored or sourced by `COPY`".to_owned());
    assert_eq!(told(&to).harm, Harm::High);
}
