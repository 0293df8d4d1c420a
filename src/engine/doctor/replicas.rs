use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::outlook::NAMED;
use super::{Finding, Health};
use crate::broker::kafka::{Cluster, ItemError, Kafka, KafkaError, Partition, TopicDescription};
use crate::model::{Address, Broker, KindName, counted, few};

/// Brokers that hold replicas and that the cluster no longer lists, and topics with replicas that
/// are not in sync, of all topics that we may see.
pub(super) async fn look_at_replicas(
    kafka: &Kafka,
    cluster: &Result<Cluster, KafkaError>,
) -> Vec<Finding> {
    let Ok(cluster) = cluster else {
        return Vec::new();
    };
    let described = async { kafka.describe_topics(&kafka.list_topics().await?).await };
    let listed: Vec<i32> = cluster.brokers.iter().map(|broker| broker.id).collect();
    match described.await {
        Ok(described) => of_replicas(&seen(described), &listed),
        Err(error) => {
            let detail = format!("can't see how the topics are replicated: {error}");
            vec![Finding::new(
                Broker::Kafka,
                "replicas",
                Health::Doubtful,
                detail,
            )]
        }
    }
}

/// The partitions of each topic that can be seen.
type Seen = IndexMap<String, Vec<Partition>>;

fn seen(described: IndexMap<String, Result<TopicDescription, ItemError>>) -> Seen {
    let seen = described.into_iter();
    seen.filter_map(|(name, answer)| Some((name, answer.ok()?.partitions)))
        .collect()
}

fn of_replicas(topics: &Seen, listed: &[i32]) -> Vec<Finding> {
    let mut findings = lost_brokers(topics, listed);
    findings.extend(under_replicated(topics));
    findings
}

/// A broker whose session ended is fenced and in nobody's list, so that only the replicas tell of it.
fn lost_brokers(topics: &Seen, listed: &[i32]) -> Vec<Finding> {
    let mut lost: BTreeMap<i32, usize> = BTreeMap::new();
    for partitions in topics.values() {
        let mut holders: Vec<i32> = partitions.iter().flat_map(|p| p.replicas.clone()).collect();
        holders.sort_unstable();
        holders.dedup();
        for id in holders.into_iter().filter(|id| !listed.contains(id)) {
            *lost.entry(id).or_default() += 1;
        }
    }
    let finding = |(id, count): (i32, usize)| {
        let detail = format!(
            "broker {id} holds replicas of {}, and the cluster does not list it: it is down, or fenced",
            counted(count as u64, "topic")
        );
        Finding::new(Broker::Kafka, "broker", Health::Doubtful, detail)
            .hint("start it; if it is gone for good, move its replicas to others")
    };
    lost.into_iter().map(finding).collect()
}

fn under_replicated(topics: &Seen) -> Option<Finding> {
    let lags = |partition: &Partition| partition.in_sync.len() < partition.replicas.len();
    let behind = topics.iter().filter(|(_, all)| all.iter().any(lags));
    let names: Vec<Address> = behind
        .map(|(name, _)| Address::new(KindName::Topic, name.clone()))
        .collect();
    let detail = format!(
        "{} under-replicated, with fewer replicas in sync than there are: {}",
        counted(names.len() as u64, "topic"),
        few(names.iter(), NAMED)
    );
    let finding = Finding::new(Broker::Kafka, "replicas", Health::Doubtful, detail)
        .hint("start the brokers that hold them, or wait until they have caught up");
    (!names.is_empty()).then_some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(replicas: &[i32], in_sync: &[i32]) -> Partition {
        Partition {
            index: 0,
            leader: in_sync.first().copied(),
            replicas: replicas.to_vec(),
            in_sync: in_sync.to_vec(),
            offline: Vec::new(),
        }
    }

    fn told(topics: &[(&str, Vec<Partition>)]) -> Vec<String> {
        let topics = topics.iter().cloned();
        let topics = topics.map(|(name, partitions)| (name.to_owned(), partitions));
        let findings = of_replicas(&topics.collect(), &[1, 2]);
        findings.into_iter().map(|found| found.detail).collect()
    }

    #[test]
    fn a_broker_that_nobody_lists_is_named_with_its_topics() {
        let gone = vec![partition(&[1, 3], &[1]), partition(&[3, 2], &[2])];
        let told = told(&[
            ("a", gone.clone()),
            ("b", vec![partition(&[1, 2], &[2, 1])]),
            ("c", gone.clone()),
            ("d", gone.clone()),
            ("e", gone),
        ]);
        assert_eq!(
            told,
            [
                "broker 3 holds replicas of 4 topics, and the cluster does not list it: it is down, or fenced",
                "4 topics under-replicated, with fewer replicas in sync than there are: topic/a, topic/c, topic/d and 1 more",
            ]
        );
    }

    #[test]
    fn a_broker_that_catches_up_is_no_lost_one() {
        let told = told(&[("a", vec![partition(&[1, 2], &[1])])]);
        assert_eq!(
            told,
            ["1 topic under-replicated, with fewer replicas in sync than there are: topic/a"]
        );
    }

    #[test]
    fn replicas_in_sync_are_nothing_to_tell() {
        assert!(told(&[("a", vec![partition(&[1, 2], &[2, 1])])]).is_empty());
    }
}
