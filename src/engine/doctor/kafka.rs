use indexmap::IndexMap;

use super::{Finding, Health};
use crate::broker::kafka::{ItemError, Kafka, NewTopic, Operation, TopicDescription};
use crate::engine::port::{LiveBrokers, Port};
use crate::kinds::Resources;
use crate::model::{Broker, Code, KindName};

/// `UNKNOWN_TOPIC_OR_PARTITION`: the topic does not exist, and we may see that.
const ABSENT: i16 = 3;

/// What each of plan and apply needs on a topic that exists.
const ON_A_TOPIC: [(&str, Operation); 4] = [
    ("plan", Operation::Describe),
    ("plan", Operation::DescribeConfigs),
    ("apply", Operation::Alter),
    ("apply", Operation::AlterConfigs),
];

/// What each of plan and apply needs on the cluster when ACLs are declared.
const FOR_ACLS: [(&str, Operation); 2] =
    [("plan", Operation::Describe), ("apply", Operation::Alter)];

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
    if has_acls {
        let granted = cluster.authorized_operations.as_deref();
        findings.extend(rights("cluster", granted, &FOR_ACLS));
    }
    findings
}

async fn look_at_topics(kafka: &Kafka, topics: &[String]) -> Vec<Finding> {
    let described = match kafka.describe_topics(topics).await {
        Ok(described) => described,
        Err(error) => {
            return vec![Finding::new(
                Broker::Kafka,
                "topics",
                Health::Bad,
                error.to_string(),
            )];
        }
    };
    let mut findings: Vec<Finding> = described
        .iter()
        .flat_map(|(topic, answer)| look_at_topic(topic, answer.as_ref()))
        .collect();
    let absent: Vec<&String> = described
        .iter()
        .filter(|(_, answer)| matches!(answer, Err(error) if error.code == ABSENT))
        .map(|(topic, _)| topic)
        .collect();
    findings.extend(look_at_creation(kafka, &absent).await);
    summed_up(findings)
}

fn look_at_topic(topic: &str, answer: Result<&TopicDescription, &ItemError>) -> Vec<Finding> {
    let on = format!("topic/{topic}");
    match answer {
        Ok(described) => rights(&on, described.authorized_operations.as_deref(), &ON_A_TOPIC),
        Err(error) if error.code == ABSENT => Vec::new(),
        Err(error) => {
            let detail = format!("can't see {on}: {error}");
            let hint = format!("grant DESCRIBE on {on}; without it, it can't be told from absent");
            vec![Finding::new(Broker::Kafka, "right for plan", Health::Bad, detail).hint(hint)]
        }
    }
}

/// Whether the topics that are not there could be made, asked with `validate_only`.
async fn look_at_creation(kafka: &Kafka, absent: &[&String]) -> Vec<Finding> {
    let trial = |name: &&String| NewTopic {
        name: (*name).clone(),
        partitions: None,
        replication_factor: None,
        configs: IndexMap::new(),
    };
    let topics: Vec<NewTopic> = absent.iter().map(trial).collect();
    if topics.is_empty() {
        return Vec::new();
    }
    match kafka.create_topics(&topics, true).await {
        Ok(answers) => answers
            .iter()
            .map(|(topic, answer)| creation(topic, answer))
            .collect(),
        Err(error) => {
            let detail = format!("CREATE of {} topics: {error}", topics.len());
            vec![Finding::new(
                Broker::Kafka,
                "right for apply",
                Health::Doubtful,
                detail,
            )]
        }
    }
}

fn creation(topic: &str, answer: &Result<(), ItemError>) -> Finding {
    let right = format!("CREATE on topic/{topic}");
    match answer {
        Err(error) if error.problem_code() == Code::Denied => {
            let hint = format!("grant {right}, on a prefix of its name, or on the cluster");
            Finding::new(
                Broker::Kafka,
                "right for apply",
                Health::Bad,
                format!("lacks {right}"),
            )
            .hint(hint)
        }
        Ok(()) | Err(_) => Finding::new(Broker::Kafka, "right for apply", Health::Good, right),
    }
}

/// The rights that are there in one line, those that are not each by itself.
fn summed_up(findings: Vec<Finding>) -> Vec<Finding> {
    let (good, mut rest): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .partition(|finding| finding.verdict == Health::Good);
    if !good.is_empty() {
        let detail = format!("{} rights on the declared topics are there", good.len());
        rest.insert(
            0,
            Finding::new(Broker::Kafka, "rights on topics", Health::Good, detail),
        );
    }
    rest
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
                    .hint(format!("grant {right}")),
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
