//! Reading configs.

use std::collections::HashMap;

use indexmap::IndexMap;
use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};

use super::{distinct, in_order, item, text};
use crate::broker::kafka::batch::{READS_IN_FLIGHT, TOPICS_PER_DESCRIBE, read, split};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// The effective value of one config key, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The key, `retention.ms`.
    pub name: String,
    /// The value; None for a sensitive one.
    pub value: Option<String>,
    /// Where the effective value comes from.
    pub source: ConfigSource,
    /// True when the broker keeps the value to itself.
    pub sensitive: bool,
    /// True when it can't be altered.
    pub read_only: bool,
    /// The value's type; `Unknown` on brokers older than 2.6.
    pub config_type: ConfigType,
    /// Every place that has a value, the effective one first.
    pub synonyms: Vec<ConfigSynonym>,
}

/// One place that has a value for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key's name there (`log.retention.ms` on a broker).
    pub name: String,
    /// The value there.
    pub value: Option<String>,
    /// The place.
    pub source: ConfigSource,
}

/// Where a value comes from (`org.apache.kafka.clients.admin.ConfigEntry.ConfigSource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigSource {
    /// Set on this topic: the only one that is an override of the topic.
    DynamicTopic,
    /// Set on one broker at run time.
    DynamicBroker,
    /// Set on all brokers at run time.
    DynamicDefaultBroker,
    /// The broker's `server.properties`.
    StaticBroker,
    /// Kafka's own default.
    Default,
    /// The log level of a broker's logger.
    DynamicBrokerLogger,
    /// A client metrics subscription.
    ClientMetrics,
    /// Set on a group.
    Group,
    /// A place newer than this version.
    Unknown,
}

/// A value's type (`org.apache.kafka.clients.admin.ConfigEntry.ConfigType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// Text.
    String,
    /// 32 bits.
    Int,
    /// 16 bits.
    Short,
    /// 64 bits.
    Long,
    /// A floating point number.
    Double,
    /// Words separated by commas.
    List,
    /// A Java class.
    Class,
    /// A secret.
    Password,
    /// The broker did not say, or a type newer than this version.
    Unknown,
}

/// `ConfigResource.Type` on the wire.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// A name, and the keys that are asked for; without them every key.
type Asked = (String, Option<Vec<String>>);

impl Kafka {
    /// The effective configs of these topics, in this order, each once; the keys in the broker's order.
    ///
    /// An item's error 3 is a topic that does not exist, 29 one whose configs the user may not describe.
    pub async fn describe_topic_configs(
        &self,
        names: &[String],
    ) -> Result<IndexMap<String, Result<Vec<ConfigEntry>, ItemError>>, KafkaError> {
        let every = distinct(names).into_iter().map(|name| (name, None));
        self.topic_configs(every.collect()).await
    }

    /// The same of these keys of each topic alone, which costs a broker a fraction. No keys at all are every key.
    pub async fn describe_topic_keys(
        &self,
        keys: IndexMap<String, Vec<String>>,
    ) -> Result<IndexMap<String, Result<Vec<ConfigEntry>, ItemError>>, KafkaError> {
        let asked = keys.into_iter().map(|(name, keys)| (name, Some(keys)));
        self.topic_configs(asked.collect()).await
    }

    async fn topic_configs(
        &self,
        asked: Vec<Asked>,
    ) -> Result<IndexMap<String, Result<Vec<ConfigEntry>, ItemError>>, KafkaError> {
        let slices = split(&asked, TOPICS_PER_DESCRIBE, |_| 1);
        let parts = read(slices, READS_IN_FLIGHT, |asked| {
            self.describe_configs(Target::Any, TOPIC, asked)
        });
        let results = parts.await?.into_iter().flatten();
        let names = asked.iter().map(|(name, _)| name.clone());
        Ok(names.zip(results).collect())
    }

    /// The effective configs of one broker, asked of that broker itself. Needs DESCRIBE_CONFIGS on the cluster.
    pub async fn describe_broker_configs(
        &self,
        broker_id: i32,
    ) -> Result<Vec<ConfigEntry>, KafkaError> {
        let described = self
            .describe_configs(
                Target::Node(broker_id),
                BROKER,
                vec![(broker_id.to_string(), None)],
            )
            .await?;
        let only = described
            .into_iter()
            .next()
            .unwrap_or_else(|| Err(ItemError::left_out()));
        only.map_err(|error| KafkaError::refused("DescribeConfigs", error))
    }

    async fn describe_configs(
        &self,
        target: Target,
        resource_type: i8,
        asked: Vec<Asked>,
    ) -> Result<Vec<Result<Vec<ConfigEntry>, ItemError>>, KafkaError> {
        let resource = |(name, keys): &Asked| {
            let keys = keys
                .as_ref()
                .map(|keys| keys.iter().map(|key| text(key)).collect());
            DescribeConfigsResource::default()
                .with_resource_type(resource_type)
                .with_resource_name(text(name))
                .with_configuration_keys(keys)
        };
        let request = DescribeConfigsRequest::default()
            .with_resources(asked.iter().map(resource).collect())
            .with_include_synonyms(true);
        let answer = self.ask(target, Effect::Read, &request, |_| false).await?;
        let described: HashMap<_, _> = answer.results.into_iter().map(described).collect();
        let names = asked.iter().map(|(name, _)| name.as_str());
        Ok(in_order(names, described))
    }
}

fn described(result: DescribeConfigsResult) -> (String, Result<Vec<ConfigEntry>, ItemError>) {
    let entries = item(result.error_code, &result.error_message);
    (
        result.resource_name.to_string(),
        entries.map(|()| result.configs.into_iter().map(entry).collect()),
    )
}

fn entry(entry: DescribeConfigsResourceResult) -> ConfigEntry {
    ConfigEntry {
        name: entry.name.to_string(),
        value: entry.value.map(|value| value.to_string()),
        source: source(entry.config_source),
        sensitive: entry.is_sensitive,
        read_only: entry.read_only,
        config_type: config_type(entry.config_type),
        synonyms: entry.synonyms.into_iter().map(synonym).collect(),
    }
}

fn synonym(synonym: DescribeConfigsSynonym) -> ConfigSynonym {
    ConfigSynonym {
        name: synonym.name.to_string(),
        value: synonym.value.map(|value| value.to_string()),
        source: source(synonym.source),
    }
}

fn source(code: i8) -> ConfigSource {
    match code {
        1 => ConfigSource::DynamicTopic,
        2 => ConfigSource::DynamicBroker,
        3 => ConfigSource::DynamicDefaultBroker,
        4 => ConfigSource::StaticBroker,
        5 => ConfigSource::Default,
        6 => ConfigSource::DynamicBrokerLogger,
        7 => ConfigSource::ClientMetrics,
        8 => ConfigSource::Group,
        _ => ConfigSource::Unknown,
    }
}

fn config_type(code: i8) -> ConfigType {
    match code {
        1 => ConfigType::Boolean,
        2 => ConfigType::String,
        3 => ConfigType::Int,
        4 => ConfigType::Short,
        5 => ConfigType::Long,
        6 => ConfigType::Double,
        7 => ConfigType::List,
        8 => ConfigType::Class,
        9 => ConfigType::Password,
        _ => ConfigType::Unknown,
    }
}
