//! What a manifest shows of risks by itself, rule by rule: what fires, and what is near and does not.

use trueup::kinds::is_foretold;
use trueup::manifest::{Input, Inputs, Loaded, load};
use trueup::model::{Code, Severity};

/// As `validate` reads it.
fn validated(text: &str) -> Loaded {
    let text = format!("stack: s\n{text}\n");
    let name = "m.yaml".to_owned();
    load(&Inputs {
        files: vec![Input::Text { name, text }],
        foretells: true,
        ..Inputs::default()
    })
}

/// Where, and which: `2:3 code`.
fn places(text: &str) -> Vec<String> {
    let loaded = validated(text);
    assert!(loaded.manifest.is_some(), "{:#?}", loaded.problems);
    let told = loaded.problems.iter().map(|problem| {
        assert_eq!(problem.severity, Severity::Warning);
        assert!(is_foretold(problem.code), "{problem:?}");
        assert_eq!(problem.hint.as_deref(), Some(problem.code.way_out()));
        let place = problem.place.as_ref().unwrap();
        format!("{}:{} {}", place.line, place.column, problem.code)
    });
    told.collect()
}

fn topic(terms: &str) -> String {
    format!("kafka:\n  topics:\n    t: {{ {terms} }}")
}

fn stream(terms: &str) -> String {
    format!("nats:\n  streams:\n    S: {{ {terms} }}")
}

fn acl(terms: &str) -> String {
    format!("kafka:\n  acls:\n    - {{ {terms} }}")
}

#[test]
fn a_topic_shows_how_its_writes_are_kept() {
    for (terms, told) in [
        (
            "replication_factor: 3, config: { min.insync.replicas: 3 }",
            vec!["4:64 topic-min-isr-raised"],
        ),
        (
            "replication_factor: 3, config: { min.insync.replicas: 1 }",
            vec!["4:64 topic-min-isr-lowered"],
        ),
        (
            "replication_factor: 3, config: { unclean.leader.election.enable: true }",
            vec!["4:75 topic-unclean-election"],
        ),
        (
            "replication_factor: 3, config: { min.insync.replicas: 2 }",
            vec![],
        ),
        (
            "replication_factor: 1, config: { min.insync.replicas: 1 }",
            vec![],
        ),
        ("config: { min.insync.replicas: 1 }", vec![]),
        ("config: { unclean.leader.election.enable: false }", vec![]),
        (
            "replication_factor: 1, config: { unclean.leader.election.enable: true }",
            vec![],
        ),
    ] {
        assert_eq!(places(&topic(terms)), told, "{terms}");
    }
}

#[test]
fn a_stream_shows_what_is_for_good_and_what_it_swallows() {
    for (terms, told) in [
        ("sealed: true", vec!["4:18 stream-sealed"]),
        ("deny_delete: true", vec!["4:23 stream-deny-set"]),
        ("deny_purge: true", vec!["4:22 stream-deny-set"]),
        ("num_replicas: 2", vec!["4:24 stream-replicas-even"]),
        (
            "subjects: [a.x, '*.created'], no_ack: true",
            vec!["4:26 stream-catches-all"],
        ),
        (
            "sealed: false, deny_delete: false, deny_purge: false",
            vec![],
        ),
        ("num_replicas: 3", vec![]),
        ("num_replicas: 1", vec![]),
        ("subjects: [a.>, 'b.*.c']", vec![]),
    ] {
        assert_eq!(places(&stream(terms)), told, "{terms}");
    }
}

#[test]
fn a_bucket_shows_what_its_stream_does_and_nothing_of_its_template() {
    for (section, replicas, told) in [
        ("key_value", 2, vec!["4:24 stream-replicas-even"]),
        ("object_store", 4, vec!["4:24 stream-replicas-even"]),
        ("key_value", 3, vec![]),
        ("object_store", 1, vec![]),
    ] {
        let text = format!("nats:\n  {section}:\n    b: {{ num_replicas: {replicas} }}");
        assert_eq!(places(&text), told, "{text}");
    }
}

#[test]
fn a_consumer_shows_that_it_does_not_outlive_its_clients() {
    let of = |terms: &str| stream(&format!("consumers: {{ c: {{ {terms} }} }}"));
    let told = places(&of("inactive_threshold: 1h"));
    assert_eq!(told, ["4:48 consumer-inactive-threshold-set"]);
    assert!(places(&of("ack_wait: 1h")).is_empty());
    let said = &validated(&of("inactive_threshold: 1h")).problems[0].message;
    assert!(said.ends_with("1h after its last client is gone"), "{said}");
}

#[test]
fn an_acl_shows_that_it_is_wide() {
    for (terms, told) in [
        (
            "principal: 'User:*', operations: [read], resource: { topic: t }",
            vec!["4:20 acl-wide"],
        ),
        (
            "principal: User:a, operations: [read, write, delete], resource: { topic: '*' }",
            vec!["4:20 acl-wide"],
        ),
        (
            "principal: User:a, operations: [write], resource: { topic: __consumer_offsets }",
            vec!["4:20 acl-internal"],
        ),
        (
            "principal: User:a, operations: [alter], resource: { cluster: kafka-cluster }",
            vec!["4:20 acl-admin"],
        ),
        (
            "principal: User:a, operations: [describe], resource: { topic: '*' }",
            vec![],
        ),
        (
            "principal: User:a, operations: [all], resource: { topic: t }",
            vec![],
        ),
        (
            "principal: User:a, operations: [describe], resource: { cluster: kafka-cluster }",
            vec![],
        ),
    ] {
        assert_eq!(places(&acl(terms)), told, "{terms}");
    }
}

#[test]
fn what_is_said_of_many_rights_of_an_entry_is_said_once() {
    let text =
        acl("principal: User:a, operations: [read, write, delete], resource: { topic: '*' }");
    let said = &validated(&text).problems[0].message;
    assert!(
        said.ends_with("and so do 2 more rights of the same entry"),
        "{said}"
    );
}

#[test]
fn a_deny_shows_what_it_takes_of_the_same_manifest() {
    let denies =
        "- { principal: User:a, permission: deny, operations: [read], resource: { topic: t } }";
    let beside = |who: &str| {
        format!(
            "kafka:\n  acls:\n    {denies}\n    - {{ principal: {who}, operations: [all], resource: {{ topic: t }} }}"
        )
    };
    assert_eq!(places(&beside("User:a")), ["4:20 acl-deny-shadows"]);
    assert!(places(&beside("User:b")).is_empty());
}

#[test]
fn a_prefix_shows_that_it_is_over_somebody_elses() {
    let beside = |prefix: &str| {
        let of = |who: &str, name: &str| {
            format!(
                "    - {{ principal: {who}, operations: [write], resource: {{ topic: {name}, pattern: prefixed }} }}"
            )
        };
        format!(
            "kafka:\n  acls:\n{}\n{}",
            of("User:a", prefix),
            of("User:b", "orders-eu-")
        )
    };
    assert_eq!(places(&beside("orders-")), ["4:20 acl-prefix-overlaps"]);
    assert!(places(&beside("orders-us-")).is_empty());
}

#[test]
fn only_who_asks_is_told_and_nothing_of_what_is_faulty() {
    let text = "stack: s\nnats: { streams: { S: { num_replicas: 2 } } }\n";
    assert!(super::load_text(text).problems.is_empty());
    let loaded = validated("nats: { streams: { S: { num_replicas: 2, storage: tape } } }");
    let codes: Vec<Code> = loaded.problems.iter().map(|it| it.code).collect();
    assert_eq!(codes, [Code::UnknownValue]);
}

#[test]
fn what_needs_a_look_at_the_brokers_is_not_foretold() {
    for code in [
        Code::TopicDeleted,
        Code::StreamLimitLowered,
        Code::Immutable,
    ] {
        assert!(!is_foretold(code), "{code}");
    }
}
