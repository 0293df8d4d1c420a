//! What a user with few rights on a real Kafka is told.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Ran, file, run, trueup};
use crate::sandbox::variable;

const PATIENCE: Duration = Duration::from_secs(60);

fn admin(arguments: &[&str]) -> Ran {
    let mut command = trueup(arguments);
    command.env("KAFKA_BROKERS", variable("KAFKA_BROKERS"));
    run(command)
}

/// Doctor as the user that ACLs bite, once it may see the topic.
fn limited(topic: &str, fields: &str) -> Ran {
    let text = format!(
        "stack: doctor\nconnections:\n  kafka:\n    bootstrap.servers: {}\n    security.protocol: SASL_PLAINTEXT\n    sasl.mechanism: SCRAM-SHA-512\n    sasl.username: limited\n    sasl.password: limited-secret\nkafka: {{ topics: {{ {topic}: {{ {fields} }} }} }}\n",
        variable("KAFKA_SCRAM")
    );
    let manifest = file(&text, ".yaml");
    let begin = Instant::now();
    loop {
        let ran = run(trueup(&["doctor", "-f", manifest.to_str().unwrap()]));
        let unseen = ["can't see", "lacks DESCRIBE"];
        if !unseen.iter().any(|words| ran.stdout.contains(words)) {
            return ran;
        }
        assert!(begin.elapsed() < PATIENCE, "{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_right_that_nothing_declared_needs_is_no_failure() {
    let topic = format!("doctor-{}", Uuid::new_v4());
    let text = format!(
        "stack: doctor\nkafka:\n  topics: {{ {topic}: {{ partitions: 1 }} }}\n  acls: [{{ principal: User:limited, operations: [describe, describe_configs], resource: {{ topic: {topic} }} }}]\n"
    );
    let manifest = file(&text, ".yaml");
    let made = ["apply", "--auto-approve", "-f", manifest.to_str().unwrap()];
    assert_eq!(admin(&made).code, 0);
    let same = limited(&topic, "partitions: 1");
    let words = |ran: &Ran| ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(same.code, 0, "{}{}", same.stdout, same.stderr);
    let later = format!("lacks ALTER on topic/{topic}, ALTER_CONFIGS on topic/{topic}");
    assert!(words(&same).contains(&later), "{}", same.stdout);
    let more = limited(&topic, "partitions: 2");
    assert_eq!(more.code, 1, "{}{}", more.stdout, more.stderr);
    let bad = format!("right for apply lacks ALTER on topic/{topic}");
    assert!(words(&more).contains(&bad), "{}", more.stdout);
    let later = format!("rights for later lacks ALTER_CONFIGS on topic/{topic}");
    assert!(words(&more).contains(&later), "{}", more.stdout);
}
