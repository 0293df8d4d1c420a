use super::{Finding, Health};
use crate::broker::kafka::{ItemError, Kafka, Operation, TopicDescription};
use crate::engine::port::{LiveBrokers, Port};
use crate::kinds::Resources;
use crate::model::{Broker, KindName};

/// `UNKNOWN_TOPIC_OR_PARTITION`: the topic does not exist, and we may see that.
const ABSENT: i16 = 3;

/// What each of plan and apply needs on a topic that exists.
const ON_A_TOPIC: [(&str, Operation); 4] = [
    ("plan", Operation::Describe),
    ("plan", Operation::DescribeConfigs),
    ("apply", Operation::Alter),
    ("apply", Operation::AlterConfigs),
];

/// What a connected Kafka cluster says of itself and of our rights on what is declared.
pub async fn look(port: &LiveBrokers, resources: &Resources) -> Vec<Finding> {
    let Some(kafka) = &port.brokers().kafka else {
        return Vec::new();
    };
    let has_acls = resources
        .keys()
        .any(|address| address.kind == KindName::Acl);
    let mut findings = look_at_cluster(kafka, port, has_acls).await;
    let topics: Vec<String> = resources
        .keys()
        .filter(|address| address.kind == KindName::Topic)
        .map(|address| address.name.clone())
        .collect();
    if !topics.is_empty() {
        findings.extend(look_at_topics(kafka, &topics).await);
    }
    findings
}

async fn look_at_cluster(kafka: &Kafka, port: &LiveBrokers, has_acls: bool) -> Vec<Finding> {
    let cluster = match kafka.cluster().await {
        Ok(cluster) => cluster,
        Err(error) => {
            return vec![Finding::new(
                Broker::Kafka,
                "cluster",
                Health::Bad,
                error.to_string(),
            )];
        }
    };
    let who = port
        .surroundings()
        .kafka
        .as_ref()
        .and_then(|facts| facts.principal.clone());
    let release = cluster
        .release
        .map_or_else(String::new, |release| format!(", Kafka {release}"));
    let detail = format!(
        "`{}`, {} broker(s){release}",
        cluster.cluster_id,
        cluster.brokers.len()
    );
    let mut findings = vec![Finding::new(Broker::Kafka, "cluster", Health::Good, detail)];
    if let Some(who) = who {
        findings.push(Finding::new(
            Broker::Kafka,
            "principal",
            Health::Good,
            format!("`{who}`"),
        ));
    }
    let mut needed = vec![("apply", Operation::Create)];
    if has_acls {
        needed.extend([("plan", Operation::Describe), ("apply", Operation::Alter)]);
    }
    findings.extend(rights(
        "cluster",
        cluster.authorized_operations.as_deref(),
        &needed,
    ));
    findings
}

async fn look_at_topics(kafka: &Kafka, topics: &[String]) -> Vec<Finding> {
    match kafka.describe_topics(topics).await {
        Ok(described) => described
            .iter()
            .flat_map(|(topic, answer)| look_at_topic(topic, answer.as_ref()))
            .collect(),
        Err(error) => vec![Finding::new(
            Broker::Kafka,
            "topics",
            Health::Bad,
            error.to_string(),
        )],
    }
}

fn look_at_topic(topic: &str, answer: Result<&TopicDescription, &ItemError>) -> Vec<Finding> {
    let on = format!("topic/{topic}");
    match answer {
        Ok(described) => rights(&on, described.authorized_operations.as_deref(), &ON_A_TOPIC)
            .into_iter()
            .filter(|finding| finding.verdict != Health::Good)
            .collect(),
        Err(error) if error.code == ABSENT => Vec::new(),
        Err(error) => vec![
            Finding::new(
                Broker::Kafka,
                "right for plan",
                Health::Bad,
                format!("can't see {on}: {error}"),
            )
            .hint(format!(
                "grant DESCRIBE on {on}; without it, it can't be told from absent"
            )),
        ],
    }
}

/// One finding per operation that is needed; doubtful where the broker does not tell.
fn rights(on: &str, granted: Option<&[Operation]>, needed: &[(&str, Operation)]) -> Vec<Finding> {
    needed
        .iter()
        .map(|(command, operation)| {
            let what = format!("right for {command}");
            let right = format!("{} on {on}", operation.as_str().to_uppercase());
            match granted {
                Some(granted) if granted.contains(operation) => {
                    Finding::new(Broker::Kafka, what, Health::Good, right)
                }
                Some(_) => Finding::new(Broker::Kafka, what, Health::Bad, format!("lacks {right}"))
                    .hint(missing_right(on, *operation, &right)),
                None => Finding::new(
                    Broker::Kafka,
                    what,
                    Health::Doubtful,
                    format!("{right}: not told"),
                ),
            }
        })
        .collect()
}

fn missing_right(on: &str, operation: Operation, right: &str) -> String {
    if on == "cluster" && operation == Operation::Create {
        return "grant CREATE on cluster, or on the topics that are to be made".to_owned();
    }
    format!("grant {right}")
}
