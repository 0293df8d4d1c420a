//! Replicas on the move.

use indexmap::IndexMap;
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::alter_partition_reassignments_response::ReassignableTopicResponse;
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::list_partition_reassignments_response::OngoingPartitionReassignment;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ListPartitionReassignmentsRequest,
};

use super::topics::ids;
use super::{BROKER_TIMEOUT_MS, NOT_CONTROLLER, by_name, in_order, item, topic_name, words};
use crate::broker::kafka::batch::{
    READS_IN_FLIGHT, RECORDS_PER_REQUEST, Results, TOPICS_PER_DESCRIBE, read, split, write,
};
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
    /// Those that hold it until it is done.
    pub fn held(&self) -> Vec<i32> {
        let held = self.replicas.iter().copied();
        held.filter(|id| !self.adding.contains(id)).collect()
    }

    /// The replicas when it is done: their number is the replication factor that somebody asked for.
    pub fn target(&self) -> Vec<i32> {
        self.replicas
            .iter()
            .copied()
            .filter(|id| !self.removing.contains(id))
            .collect()
    }
}

/// The replicas that partitions of one topic are to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The topic.
    pub topic: String,
    /// Partitions and the brokers that are to hold them, the preferred leader first; None calls off what is under way.
    pub partitions: Vec<(i32, Option<Vec<i32>>)>,
}

impl Kafka {
    /// Starts to move replicas (KIP-455): the brokers go on by themselves. Topics must be distinct; one that was refused
    /// in part has the first error.
    ///
    /// What is under way and is to go elsewhere must be called off first: a controller (4.3) that is told to drop a
    /// replica that is being added takes that, and is never done.
    ///
    /// Needs ALTER on the cluster. Results as in [`Kafka::create_topics`].
    pub async fn alter_reassignments(
        &self,
        assignments: &[Assignment],
    ) -> Result<IndexMap<String, Result<(), ItemError>>, KafkaError> {
        let weight = |assignment: &Assignment| assignment.partitions.len();
        let slices = split(assignments, RECORDS_PER_REQUEST, weight);
        let results = write(slices, |slice| self.reassign_some(slice)).await?;
        Ok(by_name(assignments.iter().map(|it| &it.topic), results))
    }

    async fn reassign_some(&self, assignments: Vec<Assignment>) -> Result<Results, KafkaError> {
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(BROKER_TIMEOUT_MS)
            .with_topics(assignments.iter().map(reassignable).collect());
        let answer = self
            .ask(Target::Controller, Effect::Idempotent, &request, |answer| {
                answer.error_code == NOT_CONTROLLER
            })
            .await?;
        if let Err(error) = item(answer.error_code, &answer.error_message) {
            return Ok(vec![Err(error); assignments.len()]);
        }
        let told = answer.responses.iter().map(first_error).collect();
        Ok(in_order(
            assignments.iter().map(|it| it.topic.as_str()),
            told,
        ))
    }

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

fn reassignable(assignment: &Assignment) -> ReassignableTopic {
    let partition = |(index, replicas): &(i32, Option<Vec<i32>>)| {
        let brokers = |ids: &Vec<i32>| ids.iter().copied().map(BrokerId).collect();
        ReassignablePartition::default()
            .with_partition_index(*index)
            .with_replicas(replicas.as_ref().map(brokers))
    };
    ReassignableTopic::default()
        .with_name(topic_name(&assignment.topic))
        .with_partitions(assignment.partitions.iter().map(partition).collect())
}

fn first_error(topic: &ReassignableTopicResponse) -> (String, Result<(), ItemError>) {
    let mut partitions = topic.partitions.iter();
    let result = partitions.try_for_each(|it| item(it.error_code, &it.error_message));
    (topic.name.to_string(), result)
}

fn reassignment(partition: OngoingPartitionReassignment) -> Reassignment {
    Reassignment {
        partition: partition.partition_index,
        replicas: ids(partition.replicas),
        adding: ids(partition.adding_replicas),
        removing: ids(partition.removing_replicas),
    }
}
