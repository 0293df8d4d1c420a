//! Clients of the sandbox's Kafka, by listener and user.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use trueup::broker::kafka::{Kafka, KafkaError, KafkaSettings, NewTopic};

use crate::sandbox::variable;

/// Settings from properties, `bootstrap.servers` from a variable of the sandbox.
pub fn settings(listener: &str, more: &[(&str, &str)]) -> KafkaSettings {
    settings_at(&variable(listener), more)
}

pub fn settings_at(bootstrap: &str, more: &[(&str, &str)]) -> KafkaSettings {
    let pairs = [&[("bootstrap.servers", bootstrap)], more].concat();
    let props = pairs
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    KafkaSettings::from_properties(&props.collect()).expect("honoured properties")
}

/// A super user on the plain listener.
pub async fn plain() -> Kafka {
    Kafka::connect(settings("KAFKA_BROKERS", &[]))
        .await
        .expect("connected")
}

/// A user on the SCRAM listener.
pub async fn scram(user: &str, password: &str) -> Result<Kafka, KafkaError> {
    let login = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", user),
        ("sasl.password", password),
    ];
    Kafka::connect(settings("KAFKA_SCRAM", &login)).await
}

/// The failure to connect, which must come soon.
pub async fn refusal(settings: KafkaSettings) -> KafkaError {
    let started = Instant::now();
    let error = Kafka::connect(settings).await.expect_err("no connection");
    // The promise is 10 s; the machine may have been busy with something else for a while.
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{error} after {:?}",
        started.elapsed()
    );
    error
}

/// A name that no other test uses.
pub fn unique(what: &str) -> String {
    format!("{what}-{}", uuid::Uuid::new_v4().simple())
}

pub fn new_topic(name: &str, partitions: i32, configs: &[(&str, &str)]) -> NewTopic {
    NewTopic {
        name: name.to_string(),
        partitions: Some(partitions),
        replication_factor: Some(1),
        configs: configs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
    }
}

/// Creates topics and waits until all are visible.
pub async fn create(kafka: &Kafka, topics: &[NewTopic]) {
    let results = kafka.create_topics(topics, false).await.expect("sent");
    for (name, result) in &results {
        result
            .as_ref()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    eventually("the topics are visible", || async {
        kafka
            .describe_topics(&names)
            .await
            .unwrap()
            .values()
            .all(Result::is_ok)
    })
    .await;
}

/// Polls patiently.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_cluster_says_who_it_is() {
    let cluster = plain().await.cluster().await.unwrap();
    assert_eq!(cluster.cluster_id.len(), 22, "{cluster:?}");
    assert_eq!(cluster.brokers.len(), 1);
    assert_eq!(cluster.controller, Some(cluster.brokers[0].id));
    assert_eq!(cluster.release, Some("4.3"), "{cluster:?}");
    assert_eq!(cluster.software, Some("4.3"), "{cluster:?}");
    let operations: HashSet<String> = cluster
        .authorized_operations
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        operations.contains("alter") && operations.contains("describe_configs"),
        "{operations:?}"
    );
}

#[tokio::test]
async fn versions_are_negotiated_and_requests_counted() {
    let kafka = plain().await;
    assert_eq!(kafka.requests_sent(), 2, "ApiVersions and Metadata");
    let apis = kafka.api_versions().await.unwrap();
    let version = |api: &str| {
        apis.iter()
            .find(|row| row.api == api)
            .and_then(|row| row.used)
    };
    assert_eq!(version("Metadata"), Some(13));
    assert_eq!(version("CreateTopics"), Some(7));
    assert_eq!(version("IncrementalAlterConfigs"), Some(1));
    kafka.list_topics().await.unwrap();
    assert_eq!(kafka.requests_sent(), 3);
}
