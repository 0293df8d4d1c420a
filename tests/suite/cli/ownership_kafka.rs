//! The ledger in Kafka, for a manifest that speaks of Kafka alone.

use tempfile::TempPath;

use super::ownership::{contains, with};
use super::{file, run, trueup};
use crate::broker::kafka::unique;
use crate::sandbox::variable;

/// A stack of these topics, of which no two stacks have the same.
fn of(stack: &str, topics: &[&str]) -> TempPath {
    let topic = |name: &&str| format!("{stack}-{name}: {{ partitions: 1, replication_factor: 1 }}");
    let topics: Vec<String> = topics.iter().map(topic).collect();
    let manifest = format!(
        "stack: {stack}\nkafka: {{ topics: {{ {} }} }}\n",
        topics.join(", ")
    );
    file(&manifest, ".yaml")
}

fn ended(command: &str, manifest: &TempPath, code: i32) -> String {
    let mut command_line = trueup(&with(command, manifest));
    command_line.env("KAFKA_BROKERS", variable("KAFKA_BROKERS"));
    command_line.env("TRUEUP_LEDGER", "kafka");
    let ran = run(command_line);
    let said = format!("{} {}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, code, "{command}: {said}");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_no_longer_declared_is_deleted_and_the_ledger_itself_is_nobodys() {
    let stack = unique("ledger");
    let (two, one) = (of(&stack, &["a", "b"]), of(&stack, &["a"]));
    let applied = ended("apply --auto-approve", &two, 0);
    contains(&applied, &["Applied 2 of 2."]);
    contains(&ended("plan", &two, 0), &["No changes."]);
    let doctor = ended("doctor", &two, 0);
    contains(&doctor, &["ledger the Kafka topic `__trueup`"]);
    contains(&ended("lock show", &two, 0), &["nobody has the lock"]);
    let shown = ended("ledger show", &two, 0);
    contains(&shown, &["In the Kafka topic `__trueup`", &stack]);
    let deleted = ended("apply --auto-approve", &one, 0);
    contains(
        &deleted,
        &["topic-deleted: holds no records", "Applied 1 of 1."],
    );
    let exported = ended("export", &one, 0);
    assert!(!exported.contains(" __trueup: "), "{exported}");
    ended(&format!("destroy --stack {stack}"), &one, 0);
    contains(&ended("plan", &one, 0), &["1 to create"]);
    let own = file("stack: s\nkafka: { topics: { __trueup: {} } }\n", ".yaml");
    contains(
        &ended("plan", &own, 1),
        &["`__trueup` is trueup's own ledger"],
    );
}

#[test]
fn a_quota_on_reading_is_waited_for() {
    let stack = unique("held-back");
    let topic = |n: usize| format!("{stack}-{n}: {{ partitions: 1, replication_factor: 1 }}");
    let topics: Vec<String> = (0..15).map(topic).collect();
    let of = |topics: &str| {
        let brokers = variable("KAFKA_BROKERS");
        let text = format!(
            "stack: {stack}\nconnections: {{ kafka: {{ bootstrap.servers: \"{brokers}\", client.id: {stack} }} }}\nkafka:\n  topics: {{ {topics} }}\n  quotas: {{ client-id/{stack}: {{ consumer_byte_rate: 12000 }} }}\n"
        );
        file(&text, ".yaml")
    };
    let manifest = of(&topics.join(", "));
    ended("apply --auto-approve", &manifest, 0);
    for _ in 0..3 {
        contains(&ended("plan", &manifest, 0), &["No changes."]);
    }
    let nothing = format!("destroy --stack {stack}");
    ended(&nothing, &manifest, 0);
}
