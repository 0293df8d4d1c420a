//! Altering the configs of topics.

use indexmap::IndexMap;
use kafka_protocol::messages::IncrementalAlterConfigsRequest;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;

use super::{Told, by_name, item, text};
use crate::broker::kafka::batch::{RECORDS_PER_REQUEST, Results, split, write};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// What to change in one topic's configs; keys that are not named stay as they are (KIP-339).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// The topic.
    pub topic: String,
    /// Key and new value; None removes the override.
    pub ops: Vec<(String, Option<String>)>,
}

/// `ConfigResource.Type` and `AlterConfigOp.OpType` on the wire.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;

impl Kafka {
    /// Sets and removes config overrides of topics, or only asks whether that would be done. Topics must be distinct.
    ///
    /// Only IncrementalAlterConfigs is used (Kafka 2.3): the older request resets what it does not name. Results as in
    /// [`Kafka::create_topics`].
    pub async fn alter_configs(
        &self,
        changes: &[ConfigChange],
        validate_only: bool,
    ) -> Result<IndexMap<String, Result<(), ItemError>>, KafkaError> {
        let slices = split(changes, RECORDS_PER_REQUEST, |change| change.ops.len());
        let results = write(slices, |slice| self.alter_some(slice, validate_only)).await?;
        Ok(by_name(changes.iter().map(|change| &change.topic), results))
    }

    /// Sets and removes dynamic configs of a broker: all that is told at once, or nothing (KIP-226). None removes a key; a key that
    /// no broker knows is kept for whoever reads it. Needs ALTER_CONFIGS on the cluster.
    pub async fn alter_broker_configs(
        &self,
        broker: i32,
        ops: &[(String, Option<String>)],
    ) -> Result<(), KafkaError> {
        let resource = AlterConfigsResource::default()
            .with_resource_type(BROKER)
            .with_resource_name(text(&broker.to_string()))
            .with_configs(ops.iter().map(config).collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answer = self
            .ask(Target::Node(broker), Effect::of(false), &request, |_| false)
            .await?;
        for told in answer.responses {
            item(told.error_code, &told.error_message)
                .map_err(|error| KafkaError::refused("IncrementalAlterConfigs", error))?;
        }
        Ok(())
    }

    async fn alter_some(
        &self,
        changes: Vec<ConfigChange>,
        validate_only: bool,
    ) -> Result<Results, KafkaError> {
        let request = IncrementalAlterConfigsRequest::default()
            .with_resources(changes.iter().map(resource).collect())
            .with_validate_only(validate_only);
        let names = changes.iter().map(|change| change.topic.as_str());
        let effect = Effect::of(validate_only);
        self.change(names, effect, &request, |answer| {
            let told = |topic: &AlterConfigsResourceResponse| Told {
                name: topic.resource_name.to_string(),
                code: topic.error_code,
                message: topic.error_message.clone(),
            };
            answer.responses.iter().map(told).collect()
        })
        .await
    }
}

fn config((key, value): &(String, Option<String>)) -> AlterableConfig {
    let operation = if value.is_some() { SET } else { DELETE };
    AlterableConfig::default()
        .with_name(text(key))
        .with_config_operation(operation)
        .with_value(value.as_deref().map(text))
}

fn resource(change: &ConfigChange) -> AlterConfigsResource {
    AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(&change.topic))
        .with_configs(change.ops.iter().map(config).collect())
}
