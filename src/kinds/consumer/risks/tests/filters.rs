use serde_json::json;

use super::*;

const FILTER: (Code, &str) = (Code::ConsumerFilterChanged, "filter_subject");

fn narrowed(retention: Retention, pending: u64) -> Scene {
    let mut scene = scene(json!({}), json!({ "filter_subject": "a" }));
    scene.retention = Ok(retention);
    scene.position.as_mut().unwrap().standing.pending = pending;
    scene
}

#[test]
fn a_narrower_filter_costs_what_waits_outside_of_it() {
    let (code, field) = FILTER;
    for (retention, pending, harm, at_stake) in [
        (Retention::Limits, 10, Harm::High, 3),
        (Retention::Limits, 0, Harm::Low, 0),
        (Retention::WorkQueue, 10, Harm::High, 3),
        (Retention::WorkQueue, 0, Harm::Low, 0),
        (Retention::Interest, 10, Harm::Critical, 3),
        (Retention::Interest, 0, Harm::Low, 0),
    ] {
        let told = cost(&narrowed(retention, pending), code, field);
        assert_eq!(
            told,
            Some((harm, Some(at_stake))),
            "{retention:?} {pending}"
        );
    }
    let told = cost(&dark(narrowed(Retention::Limits, 0)), code, field);
    assert_eq!(told, Some((Harm::Critical, None)));
    let mut unread = narrowed(Retention::Limits, 10);
    unread.subjects = Err("needs a right".to_owned());
    assert_eq!(cost(&unread, code, field), Some((Harm::High, None)));
}

#[test]
fn what_another_consumer_gets_may_stay() {
    let (code, field) = FILTER;
    let told = |retention, filter: &str| {
        let mut scene = narrowed(retention, 10);
        scene.others = Ok(vec![standing("other", filter, 0, 0)]);
        found(&scene, code, field).unwrap()
    };
    assert_eq!(told(Retention::WorkQueue, "b").harm, Harm::Medium);
    assert_eq!(told(Retention::WorkQueue, "a").harm, Harm::High);
    let shared = told(Retention::Interest, "*");
    assert!(
        shared.evidence.starts_with("up to 3 messages"),
        "{shared:?}"
    );
    let alone = told(Retention::Interest, "a");
    assert!(alone.evidence.starts_with("3 messages"), "{alone:?}");
}

#[test]
fn a_wider_filter_misses_what_came_before() {
    let (code, field) = FILTER;
    let mut to = scene(
        json!({ "filter_subject": "a" }),
        json!({ "filter_subject": "*" }),
    );
    assert_eq!(
        cost(&to, code, field),
        Some((Harm::Low, Some(0))),
        "it begins at the beginning"
    );
    to.position.as_mut().unwrap().standing.floor = 4;
    assert_eq!(cost(&to, code, field), Some((Harm::Medium, Some(0))));
    let same = scene(
        json!({ "filter_subject": "a" }),
        json!({ "filter_subjects": ["a"] }),
    );
    assert_eq!(cost(&same, code, "filter_subjects"), None);
}
