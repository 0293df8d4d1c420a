use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kinds::facts::{Edit, field};

/// A Kafka topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-source" = "Kafka CreateTopics request"))]
pub struct TopicSpec {
    /// How many partitions it has; the broker's `num.partitions` where it is not said. It can
    /// grow and never shrink; growing sends keys to other partitions than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647), extend("x-field" = field().edit(Edit::Ruled).inherent()))]
    pub partitions: Option<i32>,
    /// On how many brokers each partition is kept; the broker's `default.replication.factor` where
    /// it is not said. Changing it copies data to other brokers or drops copies; the brokers do it in
    /// their own time, and an apply waits for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 32_767), extend("x-field" = field().edit(Edit::Ruled).inherent()))]
    pub replication_factor: Option<i16>,
    /// Topic configs by Kafka's own keys, such as `cleanup.policy`, `max.message.bytes`,
    /// `min.insync.replicas`. A key that is not said keeps the broker's default.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(extend("additionalProperties" = json!({ "type": ["string", "integer", "number", "boolean", "array"] })))]
    pub config: IndexMap<String, ConfigValue>,
}

/// The value of a topic config: text, a number, a boolean or a list; Kafka keeps all as text.
pub type ConfigValue = Value;
