use indexmap::IndexMap;

use super::outlook::{NAMED, Outlook, for_later};
use super::replicas::look_at_replicas;
use super::{Finding, Health};
use crate::broker::kafka::{
    Broker as Node, Cluster, ItemError, Kafka, KafkaError, NewTopic, Operation, TopicDescription,
};
use crate::engine::port::{LiveBrokers, Port};
use crate::kinds::Resources;
use crate::model::{Address, Broker, Code, KindName, few};

/// `UNKNOWN_TOPIC_OR_PARTITION`: the topic does not exist, and we may see that.
const ABSENT: i16 = 3;

/// What each of plan and apply needs on a topic that exists.
const ON_A_TOPIC: [(&str, Operation); 4] = [
    ("plan", Operation::Describe),
    ("plan", Operation::DescribeConfigs),
    ("apply", Operation::Alter),
    ("apply", Operation::AlterConfigs),
];

/// The command that needs it, and the right.
type Rights = [(&'static str, Operation); 2];

/// What each of plan and apply needs on the cluster when ACLs or users, or quotas, are declared.
const ON_THE_CLUSTER: [(&[KindName], Rights); 2] = [
    (
        &[KindName::Acl, KindName::User],
        [("plan", Operation::Describe), ("apply", Operation::Alter)],
    ),
    (
        &[KindName::Quota],
        [
            ("plan", Operation::DescribeConfigs),
            ("apply", Operation::AlterConfigs),
        ],
    ),
];

fn is_read(operation: Operation) -> bool {
    matches!(operation, Operation::Describe | Operation::DescribeConfigs)
}

/// What a connected Kafka cluster says of itself and of our rights on what is declared.
pub async fn look(port: &LiveBrokers, resources: &Resources) -> Vec<Finding> {
    let Some(kafka) = &port.brokers().kafka else {
        return Vec::new();
    };
    let outlook = Outlook::of(port, resources, Broker::Kafka).await;
    let mut later = Vec::new();
    let cluster = kafka.cluster().await;
    let mut findings = of_cluster(&cluster, port);
    findings.extend(of_brokers(kafka, &cluster).await);
    findings.extend(of_bootstrap(kafka, &cluster).await);
    findings.extend(look_at_replicas(kafka, &cluster).await);
    findings.extend(of_controller(kafka).await);
    let granted = cluster.ok();
    let granted = granted.and_then(|cluster| cluster.authorized_operations);
    for (kinds, asked) in ON_THE_CLUSTER {
        if !resources
            .keys()
            .any(|address| kinds.contains(&address.kind))
        {
            continue;
        }
        let writes = kinds.iter().any(|kind| outlook.writes_any(*kind));
        let needed = |operation| is_read(operation) || writes;
        let granted = granted.as_deref();
        findings.extend(rights("cluster", granted, &asked, &needed, &mut later));
    }
    let topics: Vec<String> = resources
        .keys()
        .filter(|address| address.kind == KindName::Topic)
        .map(|address| address.name.clone())
        .collect();
    if !topics.is_empty() {
        findings.extend(look_at_topics(kafka, &topics, &outlook, &mut later).await);
    }
    findings.extend(for_later(Broker::Kafka, &later));
    findings
}

fn of_cluster(cluster: &Result<Cluster, KafkaError>, port: &LiveBrokers) -> Vec<Finding> {
    let cluster = match cluster {
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
    findings
}

/// The brokers that the cluster lists and that do not answer.
async fn of_brokers(kafka: &Kafka, cluster: &Result<Cluster, KafkaError>) -> Vec<Finding> {
    let listed = cluster.as_ref().map_or(&[][..], |known| &known.brokers);
    let silent = |broker: Node| {
        let detail = format!(
            "broker {} at `{}:{}` does not answer, though the cluster lists it",
            broker.id, broker.host, broker.port
        );
        Finding::new(Broker::Kafka, "broker", Health::Doubtful, detail)
            .hint("start it, or see that its `advertised.listeners` can be reached from here")
    };
    kafka
        .unanswering(listed)
        .await
        .into_iter()
        .map(silent)
        .collect()
}

/// The addresses to begin with that do not answer and are none of the listed brokers', which are told by themselves.
async fn of_bootstrap(kafka: &Kafka, cluster: &Result<Cluster, KafkaError>) -> Vec<Finding> {
    let listed = cluster.as_ref().map_or(&[][..], |known| &known.brokers);
    let silent = |address: String| {
        let detail = format!("`{address}` of `bootstrap.servers` does not answer");
        Finding::new(Broker::Kafka, "address", Health::Doubtful, detail)
            .hint("start the broker there, or take the address out; the others stand in")
    };
    let silent_ones = kafka.unanswering_bootstrap(listed).await;
    silent_ones.into_iter().map(silent).collect()
}

/// Whether there is a controller, without which nothing can be changed.
async fn of_controller(kafka: &Kafka) -> Option<Finding> {
    let finding = |health, detail| Finding::new(Broker::Kafka, "controller", health, detail);
    match kafka.controller().await {
        Ok(Some(id)) => Some(finding(
            Health::Good,
            format!("node {id} leads the controllers"),
        )),
        Ok(None) => None,
        Err(error) => Some(finding(Health::Bad, error.to_string())),
    }
}

async fn look_at_topics(
    kafka: &Kafka,
    topics: &[String],
    outlook: &Outlook,
    later: &mut Vec<String>,
) -> Vec<Finding> {
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
        .flat_map(|(topic, answer)| look_at_topic(topic, answer.as_ref(), outlook, later))
        .collect();
    let absent: Vec<&String> = described
        .iter()
        .filter(|(_, answer)| matches!(answer, Err(error) if error.code == ABSENT))
        .map(|(topic, _)| topic)
        .collect();
    findings.extend(look_at_creation(kafka, &absent).await);
    let mut findings = summed_up(findings);
    findings.extend(leaderless(&described));
    findings
}

/// The declared topics with a partition that no broker leads: it can neither be written nor read.
fn leaderless(
    described: &IndexMap<String, Result<TopicDescription, ItemError>>,
) -> Option<Finding> {
    let has_none = |topic: &TopicDescription| topic.partitions.iter().any(|p| p.leader.is_none());
    let names = described
        .iter()
        .filter(|(_, answer)| answer.as_ref().is_ok_and(has_none))
        .map(|(name, _)| format!("topic/{name}"));
    let names: Vec<String> = names.collect();
    let detail = format!(
        "no broker leads a partition of {}",
        few(names.iter(), NAMED)
    );
    let finding = Finding::new(Broker::Kafka, "partitions", Health::Doubtful, detail)
        .hint("start the brokers that hold it");
    (!names.is_empty()).then_some(finding)
}

fn look_at_topic(
    topic: &str,
    answer: Result<&TopicDescription, &ItemError>,
    outlook: &Outlook,
    later: &mut Vec<String>,
) -> Vec<Finding> {
    let address = Address::new(KindName::Topic, topic);
    let needed = |operation| match operation {
        Operation::Alter => outlook.changes(&address, "partitions"),
        Operation::AlterConfigs => outlook.changes(&address, "config."),
        _ => true,
    };
    let on = format!("topic/{topic}");
    match answer {
        Ok(described) => {
            let granted = described.authorized_operations.as_deref();
            rights(&on, granted, &ON_A_TOPIC, &needed, later)
        }
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

/// One finding per operation, doubtful where the broker does not tell; what is missing and not
/// needed now is noted for later.
fn rights(
    on: &str,
    granted: Option<&[Operation]>,
    asked: &[(&str, Operation)],
    needed: &dyn Fn(Operation) -> bool,
    later: &mut Vec<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (command, operation) in asked {
        let right = format!("{} on {on}", operation.as_str().to_uppercase());
        let finding = |health, detail| {
            let what = format!("right for {command}");
            Finding::new(Broker::Kafka, what, health, detail)
        };
        findings.push(match granted {
            Some(granted) if granted.contains(operation) => finding(Health::Good, right),
            Some(_) if !needed(*operation) => {
                later.push(right);
                continue;
            }
            Some(_) => {
                finding(Health::Bad, format!("lacks {right}")).hint(format!("grant {right}"))
            }
            None => finding(Health::Doubtful, format!("{right}: not told")),
        });
    }
    findings
}
