//! Kafka's admin plane, spoken in Kafka's own protocol over connections of ours; and its data plane, by librdkafka
//! ([`KafkaData`]).
//!
//! [`Kafka`] is the client: it knows topics, configs, ACLs and reassignments as the protocol has them, and no kind of the
//! manifest. What it returns is plain data in the order of the question; nothing here retries a mutation whose answer was lost.

pub mod acl;
mod admin;
mod batch;
mod client;
mod codes;
mod connection;
mod data;
mod dial;
mod error;
mod held;
mod log;
mod oauth;
mod probe;
mod problem;
mod records;
mod release;
mod sasl;
mod settings;
mod tls;

pub use acl::{AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType};
pub use admin::{
    Assignment, Broker, Cluster, Committed, ConfigChange, ConfigEntry, ConfigSource, ConfigSynonym,
    ConfigType, Credential, EntityName, Group, NewCredential, NewTopic, OldTopic, Partition, Quota,
    QuotaChange, QuotaEntity, Reassignment, ScramChange, ScramMechanism, Span, TopicDescription,
};
pub(crate) use batch::TOPICS_PER_DESCRIBE;
pub use client::{ApiRange, Kafka, Witness};
pub use codes::error_name;
pub use data::KafkaData;
pub(crate) use data::{
    Change, PartitionQueue, RdCode, RdError, Receiver, Reports, Sender, Sizes, ToWrite, words,
};
pub use error::{Fate, ItemError, KafkaError};
pub(crate) use log::{Log, Position, Producer, Tail, Unwritten, Written};
pub use records::Sample;
pub use settings::{KafkaSettings, PropertyComplaint};
