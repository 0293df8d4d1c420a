//! What `doctor` tells of real brokers.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Ran, file, run, trueup};
use crate::broker::nats_server::NatsServer;
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

/// An address where nobody listens.
const NOBODY: &str = "127.0.0.1:1";

#[tokio::test]
async fn a_named_server_that_is_down_is_told_though_another_one_answers() {
    let server = NatsServer::start("");
    let mut command = trueup(&["doctor"]);
    command.env("NATS_URL", format!("{},nats://{NOBODY}", server.url()));
    command.env(
        "KAFKA_BROKERS",
        format!("{},{NOBODY}", variable("KAFKA_BROKERS")),
    );
    let ran = run(command);
    let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let nats = format!("look NATS server NATS server `nats://{NOBODY}` refused");
    assert!(words.contains(&nats), "{}", ran.stdout);
    let kafka = format!("look Kafka address `{NOBODY}` of `bootstrap.servers` does not answer");
    assert!(words.contains(&kafka), "{}", ran.stdout);
    assert_eq!(words.matches("look NATS").count(), 1, "{}", ran.stdout);
}
