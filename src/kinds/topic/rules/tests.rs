use super::*;
use crate::model::{Address, Flat, Severity};
use serde_json::json;

fn topic(name: &str, declared: Value) -> Resource {
    let flat: Flat = declared.as_object().unwrap().clone().into_iter().collect();
    Resource::new(Address::new(KindName::Topic, name), flat)
}

fn told(name: &str, declared: Value) -> Vec<(Code, Severity)> {
    check(&topic(name, declared))
        .iter()
        .map(|problem| (problem.code, problem.severity))
        .collect()
}

#[test]
fn a_sound_topic_is_silent() {
    let declared = json!({
        "partitions": 12, "replication_factor": 3, "config.min.insync.replicas": "2",
        "config.cleanup.policy": "compact, delete", "config.min.cleanable.dirty.ratio": "0.25",
        "config.preallocate": "TRUE", "config.retention.ms": "-1", "config.some.new.key": "x"
    });
    assert_eq!(told("a.B_c-1", declared), []);
    assert_eq!(
        told(&"x".repeat(249), json!({ "config.cleanup.policy": "" })),
        []
    );
}

#[test]
fn names_that_kafka_refuses() {
    let long = "x".repeat(250);
    for name in [
        "a b",
        "a/b",
        "a*",
        ".",
        "..",
        "é",
        long.as_str(),
        "__consumer_offsets",
    ] {
        assert_eq!(
            told(name, json!({})),
            [(Code::BadName, Severity::Error)],
            "{name}"
        );
    }
    assert_eq!(
        told("__debezium", json!({})),
        [(Code::BadName, Severity::Warning)]
    );
}

#[test]
fn values_that_no_broker_takes() {
    for (field, value, code) in [
        ("partitions", json!(0), Code::OutOfRange),
        ("replication_factor", json!(-1), Code::OutOfRange),
        (
            "config.cleanup.policy",
            json!("delete,compct"),
            Code::UnknownValue,
        ),
        (
            "config.compression.type",
            json!("brotli"),
            Code::UnknownValue,
        ),
        ("config.preallocate", json!("yes"), Code::WrongType),
        ("config.min.insync.replicas", json!("two"), Code::WrongType),
        (
            "config.min.cleanable.dirty.ratio",
            json!("half"),
            Code::WrongType,
        ),
    ] {
        assert_eq!(
            told("t", json!({ field: value })),
            [(code, Severity::Error)],
            "{field}"
        );
    }
}

#[test]
fn a_contradiction_is_told() {
    let declared = json!({ "replication_factor": 1, "config.min.insync.replicas": "2" });
    assert_eq!(
        told("t", declared),
        [(Code::Contradiction, Severity::Warning)]
    );
}

#[test]
fn a_slip_of_the_pen_gets_a_hint() {
    for (written, meant) in [
        ("retention.mss", "retention.ms"),
        ("retention_ms", "retention.ms"),
        ("log.retention.ms", "retention.ms"),
        ("cleanup.polcy", "cleanup.policy"),
        ("max.mesage.bytes", "max.message.bytes"),
    ] {
        let problems = check(&topic("t", json!({ format!("config.{written}"): "1" })));
        assert_eq!(problems.len(), 1, "{written}");
        assert_eq!(problems[0].severity, Severity::Warning);
        let hint = problems[0].hint.as_deref().unwrap();
        assert!(hint.contains(&format!("`{meant}`")), "{hint}");
    }
    assert_eq!(nearest_key("confluent.value.schema.validation"), None);
}

#[test]
fn names_that_collide() {
    let all: Resources = ["a.b", "a_b", "a-b", "c.d"]
        .into_iter()
        .map(|name| topic(name, json!({})))
        .map(|topic| (topic.address.clone(), topic))
        .collect();
    let problems = check_all(&all);
    assert_eq!(problems.len(), 1);
    assert_eq!(
        problems[0].message,
        "`a_b` and `a.b` differ only by `.` and `_`"
    );
}

#[test]
fn no_mistake_hides_another() {
    let wrong = json!({
        "partitions": 0, "replication_factor": 0, "config.cleanup.policy": "delte,compct",
        "config.min.insync.replicas": "many", "config.preallocate": "perhaps"
    });
    let messages: Vec<String> = check(&topic(&"é".repeat(250), wrong))
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    assert_eq!(messages.len(), 8, "{messages:#?}");
    assert!(messages[1].contains("250 characters"), "{messages:#?}");
    assert!(messages[5].contains("`compct`"), "{messages:#?}");
}
