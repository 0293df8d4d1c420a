//! Creating topics and partitions.

use indexmap::IndexMap;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
};

use super::{BROKER_TIMEOUT_MS, Told, by_name, text, topic_name};
use crate::broker::kafka::batch::{RECORDS_PER_REQUEST, split, write};
use crate::broker::kafka::client::{Effect, Kafka};
use crate::broker::kafka::error::{ItemError, KafkaError};
use crate::broker::kafka::held::{Answered, within_quota};

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; None: the broker's `num.partitions`.
    pub partitions: Option<i32>,
    /// How many replicas of each; None: the broker's `default.replication.factor`.
    pub replication_factor: Option<i16>,
    /// Config overrides.
    pub configs: IndexMap<String, String>,
}

/// What a topic of the broker's own partition count is taken to have: more than that is rare, and less only costs requests.
const DEFAULT_PARTITIONS_AT_MOST: usize = 100;

impl NewTopic {
    /// What the controller writes for it.
    fn records(&self) -> usize {
        let partitions = self.partitions.map_or(DEFAULT_PARTITIONS_AT_MOST, |count| {
            usize::try_from(count).unwrap_or(1)
        });
        1 + partitions + self.configs.len()
    }
}

impl Kafka {
    /// Creates topics, or only asks the broker whether it would (`validate_only`). Names must be distinct.
    ///
    /// Each topic has its own result, in the order given. An error of the call itself means that nothing was sent; a topic
    /// whose answer was lost has [`crate::broker::kafka::Fate::Unknown`]. What a quota on changes holds back
    /// (`controller_mutation_rate`, KIP-599) is sent again when its time has come; asked only, it has error 89.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        validate_only: bool,
    ) -> Result<IndexMap<String, Result<(), ItemError>>, KafkaError> {
        let slices = split(topics, RECORDS_PER_REQUEST, NewTopic::records);
        let send = |topics| self.create_some(topics, validate_only);
        let results = write(slices, |slice| within_quota(slice, validate_only, send)).await?;
        Ok(by_name(topics.iter().map(|topic| &topic.name), results))
    }

    async fn create_some(
        &self,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Result<Answered, KafkaError> {
        let request = CreateTopicsRequest::default()
            .with_topics(topics.iter().map(creatable).collect())
            .with_timeout_ms(BROKER_TIMEOUT_MS)
            .with_validate_only(validate_only);
        let names = topics.iter().map(|topic| topic.name.as_str());
        let effect = Effect::of(validate_only);
        let told = |answer: &CreateTopicsResponse| {
            let told = |topic: &CreatableTopicResult| Told {
                name: topic.name.to_string(),
                code: topic.error_code,
                message: topic.error_message.clone(),
            };
            answer.topics.iter().map(told).collect()
        };
        let throttle = |answer: &CreateTopicsResponse| answer.throttle_time_ms;
        self.held_change(names, effect, &request, told, throttle)
            .await
    }

    /// Raises topics to these partition counts, or only asks whether that would be done. Names must be distinct.
    ///
    /// Results as in [`Kafka::create_topics`].
    pub async fn create_partitions(
        &self,
        counts: &[(String, i32)],
        validate_only: bool,
    ) -> Result<IndexMap<String, Result<(), ItemError>>, KafkaError> {
        let slices = split(counts, RECORDS_PER_REQUEST, |(_, count)| {
            usize::try_from(*count).unwrap_or(1)
        });
        let send = |counts| self.create_some_partitions(counts, validate_only);
        let results = write(slices, |slice| within_quota(slice, validate_only, send)).await?;
        Ok(by_name(counts.iter().map(|(name, _)| name), results))
    }

    async fn create_some_partitions(
        &self,
        counts: Vec<(String, i32)>,
        validate_only: bool,
    ) -> Result<Answered, KafkaError> {
        let raised = |(name, count): &(String, i32)| {
            CreatePartitionsTopic::default()
                .with_name(topic_name(name))
                .with_count(*count)
                .with_assignments(None)
        };
        let request = CreatePartitionsRequest::default()
            .with_topics(counts.iter().map(raised).collect())
            .with_timeout_ms(BROKER_TIMEOUT_MS)
            .with_validate_only(validate_only);
        let names = counts.iter().map(|(name, _)| name.as_str());
        let effect = Effect::of(validate_only);
        let told = |answer: &CreatePartitionsResponse| {
            let told = |topic: &CreatePartitionsTopicResult| Told {
                name: topic.name.to_string(),
                code: topic.error_code,
                message: topic.error_message.clone(),
            };
            answer.results.iter().map(told).collect()
        };
        let throttle = |answer: &CreatePartitionsResponse| answer.throttle_time_ms;
        self.held_change(names, effect, &request, told, throttle)
            .await
    }
}

/// The wire's -1 is the broker's default.
fn creatable(topic: &NewTopic) -> CreatableTopic {
    let config = |(key, value): (&String, &String)| {
        CreatableTopicConfig::default()
            .with_name(text(key))
            .with_value(Some(text(value)))
    };
    CreatableTopic::default()
        .with_name(topic_name(&topic.name))
        .with_num_partitions(topic.partitions.unwrap_or(-1))
        .with_replication_factor(topic.replication_factor.unwrap_or(-1))
        .with_configs(topic.configs.iter().map(config).collect())
}
