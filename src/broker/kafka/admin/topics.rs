//! Reading topics.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse};

use super::delete::text_of;
use super::{distinct, in_order, topic_name};
use crate::broker::kafka::acl::Operation;
use crate::broker::kafka::batch::{READS_IN_FLIGHT, TOPICS_PER_DESCRIBE, read, split};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// A topic without its configs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// The topic's id as Kafka prints it (22 characters of base64url); None on brokers older than 2.8.
    pub topic_id: Option<String>,
    /// True for the brokers' own topics (`__consumer_offsets`).
    pub internal: bool,
    /// The partitions, by index.
    pub partitions: Vec<Partition>,
    /// What the user may do on it; None when the broker did not say.
    pub authorized_operations: Option<Vec<Operation>>,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its index, from 0.
    pub index: i32,
    /// The broker that leads it; None when none does.
    pub leader: Option<i32>,
    /// The brokers that hold it, the preferred leader first. During a reassignment those that come and those that go are in it.
    pub replicas: Vec<i32>,
    /// Those that are in sync.
    pub in_sync: Vec<i32>,
    /// Those that are offline.
    pub offline: Vec<i32>,
}

impl Kafka {
    /// The names of all topics that the user may describe, sorted.
    pub async fn list_topics(&self) -> Result<Vec<String>, KafkaError> {
        let answer = self
            .ask(Target::Any, Effect::Read, &request(None), |_| false)
            .await?;
        check(&answer)?;
        let names = answer
            .topics
            .into_iter()
            .filter_map(|topic| topic.name.map(|name| name.to_string()));
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    /// How many replicas of partitions each broker holds, of all topics that the user may describe.
    pub async fn replicas_held(&self) -> Result<BTreeMap<i32, u64>, KafkaError> {
        let answer = self
            .ask(Target::Any, Effect::Read, &request(None), |_| false)
            .await?;
        check(&answer)?;
        let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let mut held = BTreeMap::new();
        for broker in partitions.flat_map(|partition| &partition.replica_nodes) {
            *held.entry(broker.0).or_default() += 1;
        }
        Ok(held)
    }

    /// The topics of these names, in this order, each once.
    ///
    /// An item's error 3 (`UNKNOWN_TOPIC_OR_PARTITION`) is a topic that does not exist, 29 (`TOPIC_AUTHORIZATION_FAILED`) one
    /// that the user may not describe, which does not tell whether it exists.
    pub async fn describe_topics(
        &self,
        names: &[String],
    ) -> Result<IndexMap<String, Result<TopicDescription, ItemError>>, KafkaError> {
        let names = distinct(names);
        let slices = split(&names, TOPICS_PER_DESCRIBE, |_| 1);
        let parts = read(slices, READS_IN_FLIGHT, |names: Vec<String>| async move {
            let answer = self
                .ask(Target::Any, Effect::Read, &request(Some(&names)), |_| false)
                .await?;
            check(&answer)?;
            let described = answer
                .topics
                .into_iter()
                .filter_map(described)
                .collect::<HashMap<_, _>>();
            Ok(in_order(names.iter().map(String::as_str), described))
        });
        let results = parts.await?.into_iter().flatten();
        Ok(names.iter().cloned().zip(results).collect())
    }
}

/// The question for these topics, or for all.
pub(in crate::broker::kafka) fn request(names: Option<&[String]>) -> MetadataRequest {
    let topic = |name: &String| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    MetadataRequest::default()
        .with_topics(names.map(|names| names.iter().map(topic).collect()))
        .with_allow_auto_topic_creation(false)
        .with_include_topic_authorized_operations(names.is_some())
}

fn check(answer: &MetadataResponse) -> Result<(), KafkaError> {
    ItemError::check(answer.error_code, None)
        .map_err(|error| KafkaError::refused("Metadata", error))
}

fn described(
    topic: MetadataResponseTopic,
) -> Option<(String, Result<TopicDescription, ItemError>)> {
    let name = topic.name?.to_string();
    if topic.error_code != 0 {
        return Some((name, Err(ItemError::refused(topic.error_code, None))));
    }
    let mut partitions: Vec<Partition> = topic.partitions.into_iter().map(partition).collect();
    partitions.sort_by_key(|partition| partition.index);
    let description = TopicDescription {
        topic_id: (!topic.topic_id.is_nil()).then(|| text_of(topic.topic_id)),
        internal: topic.is_internal,
        partitions,
        authorized_operations: Operation::from_bits(topic.topic_authorized_operations),
    };
    Some((name, Ok(description)))
}

/// A partition without a leader carries an error code of its own, which `leader` says too.
fn partition(partition: MetadataResponsePartition) -> Partition {
    Partition {
        index: partition.partition_index,
        leader: Some(partition.leader_id.0).filter(|id| *id >= 0),
        replicas: ids(partition.replica_nodes),
        in_sync: ids(partition.isr_nodes),
        offline: ids(partition.offline_replicas),
    }
}

pub(super) fn ids(nodes: Vec<BrokerId>) -> Vec<i32> {
    nodes.into_iter().map(|node| node.0).collect()
}
