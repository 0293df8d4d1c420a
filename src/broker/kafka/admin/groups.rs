//! Consumer groups and what they have committed.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use indexmap::IndexMap;
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use kafka_protocol::messages::{GroupId, ListGroupsRequest, OffsetFetchRequest};

use super::{Broker, TopicDescription, text, topic_name};
use crate::broker::kafka::batch::READS_IN_FLIGHT;
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// A group that can commit offsets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// `Stable`, `Empty`, ...; none where the broker does not tell.
    pub state: Option<String>,
    /// The broker that keeps its offsets.
    pub coordinator: i32,
}

/// The offsets that a group has committed, by topic and partition; a topic of which it has none is left out.
pub type Committed = IndexMap<String, BTreeMap<i32, i64>>;

/// Since when one request asks for several groups (KIP-709, Kafka 3.0).
const MANY_GROUPS: i16 = 8;

/// Groups per request: each asks for all of the topics.
const GROUPS_PER_FETCH: usize = 50;

impl Kafka {
    /// The groups that commit offsets, by id: those of consumers, of Streams applications, and of clients that only commit.
    ///
    /// A group that the user may not describe is left out without a word, unless he may DESCRIBE the cluster.
    pub async fn list_groups(&self, brokers: &[Broker]) -> Result<Vec<Group>, KafkaError> {
        let mut groups = Vec::new();
        for broker in brokers {
            let request = ListGroupsRequest::default();
            let answer = self
                .ask(Target::Node(broker.id), Effect::Read, &request, |_| false)
                .await?;
            ItemError::check(answer.error_code, None)
                .map_err(|error| KafkaError::refused("ListGroups", error))?;
            let listed = answer.groups.into_iter();
            groups.extend(listed.filter_map(|group| commits(group, broker.id)));
        }
        groups.sort();
        Ok(groups)
    }

    /// What these groups have committed on these topics, each with its own outcome; asked of their coordinators. Needs DESCRIBE on
    /// each group and topic.
    pub async fn committed(
        &self,
        groups: &[Group],
        topics: &IndexMap<String, TopicDescription>,
    ) -> IndexMap<String, Result<Committed, KafkaError>> {
        let mut by_coordinator: BTreeMap<i32, Vec<String>> = BTreeMap::new();
        for group in groups {
            let ids = by_coordinator.entry(group.coordinator).or_default();
            ids.push(group.id.clone());
        }
        let asks = by_coordinator.iter().flat_map(|(coordinator, ids)| {
            let slices = ids.chunks(GROUPS_PER_FETCH);
            slices.map(|ids| self.committed_of(*coordinator, ids.to_vec(), topics))
        });
        let asks: Vec<_> = asks.collect();
        let answers = stream::iter(asks).buffered(READS_IN_FLIGHT);
        answers
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn committed_of(
        &self,
        coordinator: i32,
        ids: Vec<String>,
        topics: &IndexMap<String, TopicDescription>,
    ) -> Vec<(String, Result<Committed, KafkaError>)> {
        match self.fetch_offsets(coordinator, &ids, topics).await {
            Ok(mut answers) => {
                let told = |id: String| {
                    let left_out = || Err(refused(ItemError::left_out()));
                    let committed = answers.swap_remove(&id).unwrap_or_else(left_out);
                    (id, committed)
                };
                ids.into_iter().map(told).collect()
            }
            Err(error) => ids.into_iter().map(|id| (id, Err(error.clone()))).collect(),
        }
    }

    async fn fetch_offsets(
        &self,
        coordinator: i32,
        ids: &[String],
        topics: &IndexMap<String, TopicDescription>,
    ) -> Result<IndexMap<String, Result<Committed, KafkaError>>, KafkaError> {
        let target = Target::Node(coordinator);
        self.must_speak::<OffsetFetchRequest>(target, MANY_GROUPS)
            .await?;
        let asked = topics.iter().map(|(name, topic)| {
            let indexes = topic.partitions.iter().map(|partition| partition.index);
            OffsetFetchRequestTopics::default()
                .with_name(topic_name(name))
                .with_partition_indexes(indexes.collect())
        });
        let asked: Vec<OffsetFetchRequestTopics> = asked.collect();
        let group = |id: &String| {
            OffsetFetchRequestGroup::default()
                .with_group_id(GroupId(text(id)))
                .with_topics(Some(asked.clone()))
        };
        let request = OffsetFetchRequest::default().with_groups(ids.iter().map(group).collect());
        let answer = self.ask(target, Effect::Read, &request, |_| false).await?;
        let told = |group: OffsetFetchResponseGroup| (group.group_id.to_string(), read(group));
        Ok(answer.groups.into_iter().map(told).collect())
    }
}

/// A group of a protocol whose members commit offsets. A client that only commits has none.
fn commits(group: ListedGroup, coordinator: i32) -> Option<Group> {
    let is_one = ["consumer", "streams", ""].contains(&group.protocol_type.as_str());
    is_one.then(|| Group {
        id: group.group_id.to_string(),
        state: Some(group.group_state.to_string()).filter(|state| !state.is_empty()),
        coordinator,
    })
}

fn read(group: OffsetFetchResponseGroup) -> Result<Committed, KafkaError> {
    ItemError::check(group.error_code, None).map_err(refused)?;
    let mut committed = Committed::new();
    for topic in group.topics {
        for partition in topic.partitions {
            ItemError::check(partition.error_code, None).map_err(refused)?;
            // -1 is the wire's word for "none"
            if partition.committed_offset >= 0 {
                let offsets = committed.entry(topic.name.to_string()).or_default();
                offsets.insert(partition.partition_index, partition.committed_offset);
            }
        }
    }
    Ok(committed)
}

fn refused(error: ItemError) -> KafkaError {
    KafkaError::refused("OffsetFetch", error)
}
