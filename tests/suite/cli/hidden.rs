//! What Kafka does not list to whoever may not see it is never taken to be absent.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempPath;

use super::ownership::contains;
use super::{Ran, file, run, trueup};
use crate::broker::kafka::unique;
use crate::sandbox::variable;

const PATIENCE: Duration = Duration::from_secs(60);

/// A user that may look at the cluster and at no topic, and a topic.
struct Stranger {
    user: String,
    topic: String,
}

impl Stranger {
    fn come() -> Stranger {
        let (user, topic) = (unique("stranger"), unique("hidden"));
        let text = format!(
            "stack: {user}\nkafka:\n  users: {{ {user}: {{ password: '${{PW}}', version: 1 }} }}\n  topics: {{ {topic}: {{ partitions: 1 }} }}\n  acls: [{{ principal: 'User:{user}', operations: [describe, describe_configs], resource: {{ cluster: kafka-cluster }} }}]\n"
        );
        let manifest = file(&text, ".yaml");
        let path = manifest.display().to_string();
        let mut command = trueup(&["apply", "--auto-approve", "-f", &path]);
        command.env("KAFKA_BROKERS", variable("KAFKA_BROKERS"));
        command.env("PW", "stranger-secret");
        let ran = run(command);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        Stranger { user, topic }
    }

    /// A manifest by which the stranger logs in, and which declares these topics.
    fn declares(&self, topics: &[&str]) -> TempPath {
        let topics: Vec<String> = topics
            .iter()
            .map(|topic| format!("{topic}: {{ partitions: 1 }}"))
            .collect();
        let text = format!(
            "stack: stranger\nconnections:\n  kafka:\n    bootstrap.servers: {}\n    security.protocol: SASL_PLAINTEXT\n    sasl.mechanism: SCRAM-SHA-512\n    sasl.username: {}\n    sasl.password: stranger-secret\nkafka: {{ topics: {{ {} }} }}\n",
            variable("KAFKA_SCRAM"),
            self.user,
            topics.join(", ")
        );
        file(&text, ".yaml")
    }
}

fn on(command: &str, manifest: &TempPath) -> Ran {
    let path = manifest.display().to_string();
    let mut words: Vec<&str> = command.split(' ').collect();
    words.extend(["-f", &path]);
    run(trueup(&words))
}

/// The run that ends with this code, once what the stranger may is known to the brokers.
fn at_last(command: &str, manifest: &TempPath, code: i32) -> String {
    let begin = Instant::now();
    loop {
        let ran = on(command, manifest);
        let said = format!("{} {}", ran.stdout, ran.stderr);
        if ran.code == code {
            return said.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        assert!(begin.elapsed() < PATIENCE, "{command}: {} {said}", ran.code);
    }
}

#[test]
fn a_snapshot_says_what_may_have_been_hidden_and_a_plan_takes_it_for_unknown() {
    let stranger = Stranger::come();
    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("s.json").display().to_string();
    let none = stranger.declares(&[]);
    let saved = at_last(&format!("export --snapshot {snapshot}"), &none, 0);
    contains(&saved, &["warning[left-out]", "those that it may not"]);
    let text = std::fs::read_to_string(&snapshot).unwrap();
    let held: Value = serde_json::from_str(&text).unwrap();
    assert!(held["hidden"]["topic"].is_string(), "{}", held["hidden"]);

    let wanted = stranger.declares(&[&stranger.topic]);
    for command in ["plan", "drift"] {
        let said = at_last(&format!("{command} --against {snapshot}"), &wanted, 1);
        contains(
            &said,
            &[
                &format!("? topic/{}", stranger.topic),
                "may not hold all",
                "--snapshot FILE",
            ],
        );
        for word in ["to create", "missing"] {
            assert!(!said.contains(word), "{command}: {said}");
        }
    }
}

#[test]
fn a_topic_that_only_names_is_asked_for_and_a_pattern_is_warned_of() {
    let stranger = Stranger::come();
    let none = stranger.declares(&[]);
    let pattern = at_last("export --only topic/hidden-*", &none, 0);
    contains(&pattern, &["warning[left-out]", "exported 0 resources"]);
    let named = at_last(&format!("export --only topic/{}", stranger.topic), &none, 1);
    let needs = format!("needs DESCRIBE on topic/{}", stranger.topic);
    contains(&named, &["error[denied]", &needs]);
    let acls = at_last("export --only acl", &none, 0);
    assert!(!acls.contains("left-out"), "{acls}");
}
