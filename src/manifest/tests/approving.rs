//! Approvals: what they say, what is wrong with them, and how they lie over each other.

use super::*;
use crate::model::{Approval, Code};

fn approvals(loaded: Loaded) -> Vec<Approval> {
    sound(loaded).approvals
}

const ONE: &str = "risk: topic-deleted, address: topic/t, reason: GDPR-114, expires: 2026-12-31";

#[test]
fn an_approval_says_what_until_when_and_why() {
    let text = format!(
        "kafka: {{ topics: {{ u: {{ partitions: 1 }} }} }}\napprovals:\n  - {{ {ONE}, max_records: 2000000, max_bytes: 1GiB }}"
    );
    let found = approvals(one(&text));
    let approval = found.first().unwrap();
    assert_eq!(
        approval.to_string(),
        "0.yaml:4 (GDPR-114, until 2026-12-31)"
    );
    assert_eq!(
        (approval.risk, approval.max, approval.max_bytes),
        (Code::TopicDeleted, Some(2_000_000), Some(1 << 30))
    );
    assert_eq!(approval.address.to_string(), "topic/t");
}

#[test]
fn what_is_wrong_with_one_is_said_where_it_stands() {
    for (entry, said) in [
        (
            "risk: topic-deletd, address: topic/t, reason: r, expires: 2026-12-31",
            "0.yaml:3:13 unknown-value: `risk` can't be `topic-deletd` (did you mean `topic-deleted`?",
        ),
        (
            "risk: immutable, address: topic/t, reason: r, expires: 2026-12-31",
            "0.yaml:3:13 unknown-value: `risk` can't be `immutable`",
        ),
        (
            "risk: topic-deleted, address: topics/t, reason: r, expires: 2026-12-31",
            "0.yaml:3:37 bad-name: `address` is no address: `topics/t` (write `KIND/NAME`",
        ),
        (
            "risk: consumer-deleted, address: consumer/c, reason: r, expires: 2026-12-31",
            "0.yaml:3:40 bad-name: `address` is no address: `consumer/c`",
        ),
        (
            "risk: topic-deleted, address: topic/t, reason: r, expires: soon",
            "0.yaml:3:66 bad-time: `expires` is neither a day nor an instant: `soon` (write a day",
        ),
        (
            "risk: topic-deleted, address: topic/t, reason: ' ', expires: 2026-12-31",
            "0.yaml:3:54 out-of-range: `reason` says nothing: ` ` (name the ticket",
        ),
        (
            "risk: topic-deleted, address: topic/t, expires: 2026-12-31",
            "0.yaml:3:5 missing-field: `reason` is missing (it takes text)",
        ),
        (
            "risk: topic-deleted, address: topic/t, reason: r",
            "0.yaml:3:5 missing-field: `expires` is missing (it takes text)",
        ),
        (
            "risk: topic-deleted, address: topic/t, reason: r, expires: 2026-12-31, max_messages: 5",
            "0.yaml:3:92 contradiction: `max_messages` does not count what `topic/t` holds: `5` (write `max_records`)",
        ),
        (
            "risk: topic-deleted, address: topic/t, reason: r, expires: 2026-12-31, max_record: 5",
            "0.yaml:3:78 unknown-field: an entry of `approvals` has no field `max_record` (did you mean `max_records`?)",
        ),
        (
            "risk: topic-deleted, address: topic/t, reason: r, expires: 2026-12-31, max_records: -1",
            "0.yaml:3:91 out-of-range: `max_records` can't be `-1`",
        ),
    ] {
        let loaded = one(&format!(
            "approvals:\n  - {{ {entry} }}\nkafka: {{ topics: {{ u: {{ partitions: 1 }} }} }}"
        ));
        assert!(loaded.manifest.is_none(), "{entry}");
        let told = told(&loaded);
        assert_eq!(told.len(), 1, "{told:?}");
        let told = told.first().unwrap();
        assert!(told.starts_with(said), "{told}\n{said}");
    }
    let no_list = told(&one(
        "approvals: { risk: x }\nkafka: { topics: { u: { partitions: 1 } } }",
    ));
    assert_eq!(
        no_list,
        ["0.yaml:2:12 wrong-type: `approvals` is a list, not a map"]
    );
}

#[test]
fn one_that_has_ended_is_a_warning() {
    let text = format!(
        "stack: s\napprovals: [{{ {ONE} }}]\nkafka: {{ topics: {{ u: {{ partitions: 1 }} }} }}"
    );
    let at = |now: &str| {
        loaded(&Inputs {
            files: vec![super::text("0.yaml", &text)],
            now: now.parse().unwrap(),
            ..Inputs::default()
        })
    };
    assert_eq!(told(&at("2026-12-31T23:59:59Z")), Vec::<String>::new());
    let ended = at("2027-01-01T00:00:00Z");
    assert_eq!(
        told(&ended),
        [
            "0.yaml:2:81 approval-expired: the approval of `topic-deleted` for `topic/t` has ended, and approves nothing (take it out; where it is still wanted, give it a later `expires`)"
        ]
    );
    assert_eq!(ended.manifest.unwrap().approvals.len(), 1);
}

#[test]
fn an_overlay_replaces_them_and_parts_add_up() {
    let base = format!(
        "stack: s\nkafka: {{ topics: {{ u: {{ partitions: 1 }} }} }}\napprovals: [{{ {ONE} }}]"
    );
    let other = ONE.replace("topic/t", "topic/other");
    let over = format!("approvals: [{{ {other} }}]");
    let found = approvals(layers(&[&base, &over]));
    let addresses: Vec<String> = found.iter().map(|a| a.address.to_string()).collect();
    assert_eq!(addresses, ["topic/other"]);
    assert!(approvals(layers(&[&base, "approvals: null"])).is_empty());
    let parts = format!("{base}\n---\n{over}");
    assert_eq!(approvals(layers(&[&parts])).len(), 2);
}

#[test]
fn a_plan_of_other_approvals_is_one_of_another_manifest() {
    let with = |more: &str| {
        let text = format!("kafka: {{ topics: {{ u: {{ partitions: 1 }} }} }}\n{more}");
        sound(one(&text)).digest().to_owned()
    };
    let plain = with(&format!("approvals: [{{ {ONE} }}]"));
    assert_eq!(plain, with(&format!("\n\napprovals:\n  - {{ {ONE} }}")));
    assert_ne!(plain, with(""));
    assert_ne!(
        plain,
        with(&format!("approvals: [{{ {ONE}, max_records: 5 }}]"))
    );
}
