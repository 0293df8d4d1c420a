//! Replicas on the move.

use indexmap::IndexMap;
use kafka_protocol::messages::ListPartitionReassignmentsRequest;
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::list_partition_reassignments_response::OngoingPartitionReassignment;

use super::topics::ids;
use super::{BROKER_TIMEOUT_MS, NOT_CONTROLLER, topic_name, words};
use crate::broker::kafka::batch::{READS_IN_FLIGHT, TOPICS_PER_DESCRIBE, read, split};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// One partition whose replicas are being moved (KIP-455).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reassignment {
    /// The partition's index.
    pub partition: i32,
    /// All brokers that hold it now, those that come and those that go included.
    pub replicas: Vec<i32>,
    /// Those that come.
    pub adding: Vec<i32>,
    /// Those that go.
    pub removing: Vec<i32>,
}

impl Reassignment {
    /// The replicas when it is done: their number is the replication factor that somebody asked for.
    pub fn target(&self) -> Vec<i32> {
        self.replicas
            .iter()
            .copied()
            .filter(|id| !self.removing.contains(id))
            .collect()
    }
}

impl Kafka {
    /// The reassignments under way in these topics (name and partition count). A topic without one is left out.
    ///
    /// Needs DESCRIBE on the cluster; without it [`KafkaError::ClusterAuthorizationFailed`].
    pub async fn list_reassignments(
        &self,
        topics: &[(String, i32)],
    ) -> Result<IndexMap<String, Vec<Reassignment>>, KafkaError> {
        let slices = split(topics, TOPICS_PER_DESCRIBE, |_| 1);
        let parts = read(slices, READS_IN_FLIGHT, |slice| self.list_some(slice)).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    async fn list_some(
        &self,
        topics: Vec<(String, i32)>,
    ) -> Result<Vec<(String, Vec<Reassignment>)>, KafkaError> {
        let named = |(name, count): &(String, i32)| {
            ListPartitionReassignmentsTopics::default()
                .with_name(topic_name(name))
                .with_partition_indexes((0..*count).collect())
        };
        let request = ListPartitionReassignmentsRequest::default()
            .with_timeout_ms(BROKER_TIMEOUT_MS)
            .with_topics(Some(topics.iter().map(named).collect()));
        let answer = self
            .ask(Target::Controller, Effect::Read, &request, |answer| {
                answer.error_code == NOT_CONTROLLER
            })
            .await?;
        let message = words(&answer.error_message);
        ItemError::check(answer.error_code, message.as_deref())
            .map_err(|error| KafkaError::refused("ListPartitionReassignments", error))?;
        let under_way = answer.topics.into_iter().map(|topic| {
            (
                topic.name.to_string(),
                topic.partitions.into_iter().map(reassignment).collect(),
            )
        });
        Ok(under_way.collect())
    }
}

fn reassignment(partition: OngoingPartitionReassignment) -> Reassignment {
    Reassignment {
        partition: partition.partition_index,
        replicas: ids(partition.replicas),
        adding: ids(partition.adding_replicas),
        removing: ids(partition.removing_replicas),
    }
}
