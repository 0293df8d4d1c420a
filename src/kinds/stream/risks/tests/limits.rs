use serde_json::{Value, json};

use super::*;

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
    scene.readers = Some("mirrored or sourced by `COPY`".to_owned());
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
        worst: Some(8),
    });
    let found = found(&scene, Code::StreamLimitLowered, "max_bytes").unwrap();
    assert_eq!((found.harm, found.at_stake), (Harm::Critical, Some(8)));
    assert!(
        found
            .evidence
            .starts_with("about 5, and at most 8, of its 10 messages"),
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
    to.aged = Ok(Cut {
        count: 1,
        ..Cut::default()
    });
    let one = found(&to, code, field).unwrap();
    assert_eq!((one.harm, one.at_stake), (Harm::Critical, Some(10)));
    assert_eq!(
        one.evidence,
        "1 of its 10 messages is older than the new age and deleted at once; the other 9 messages expire within 5ns; before, they were kept for ever"
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
fn a_lower_age_costs_what_goes_sooner() {
    let (code, field) = (Code::StreamAgeLowered, "max_age");
    let day = 86_400_000_000_000_u64;
    let to = |before: u64, after: u64| scene(json!({ field: before }), json!({ field: after }));
    let week = to(7 * day, day);
    assert_eq!(cost(&week, code, field), Some((Harm::Medium, Some(10))));
    let minute = to(7 * day, day / 1_440);
    assert_eq!(cost(&minute, code, field), Some((Harm::High, Some(10))));
    assert_eq!(
        found(&minute, code, field).unwrap().evidence,
        "all that it holds, 10 messages (1.0 kB), expire within 1m; before, they were kept for 7d"
    );
    let unlimited = to(0, 30 * day);
    assert_eq!(cost(&unlimited, code, field), Some((Harm::High, Some(10))));
    let nothing = empty(to(0, 5));
    assert_eq!(cost(&nothing, code, field), Some((Harm::Low, Some(0))));
    // one that is not gone so soon is not part of what is consented to
    let mut part = to(7 * day, day);
    part.aged = Ok(Cut {
        count: 4,
        ..Cut::default()
    });
    assert_eq!(cost(&part, code, field), Some((Harm::Critical, Some(4))));
    // the oldest had four days left, and has a minute
    let mut close = to(10 * day, 6 * day);
    let held = close.held.as_mut().unwrap();
    let first: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    held.first = Some(first);
    held.now = Some(first + jiff::SignedDuration::from_secs(6 * 86_400 - 60));
    assert_eq!(cost(&close, code, field), Some((Harm::High, Some(10))));
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
