//! Kafka topics: partitions, replication factor and configs.

mod configs;
mod facts;
mod spec;

use std::sync::LazyLock;

pub use configs::{ConfigType, KnownConfig, is_throttle, known_config, known_configs};
pub use facts::config_facts;
pub use spec::{ConfigValue, TopicSpec};

use crate::kinds::Declaration;

/// A topic's fields, with the facts of every config.
pub fn declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> =
        LazyLock::new(|| Declaration::of::<TopicSpec>().with_entries("config", config_facts));
    &DECLARATION
}
