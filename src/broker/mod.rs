//! Connections and protocols of the two brokers. Knows no kinds.

pub mod crypto;
pub mod kafka;
pub mod nats;

/// The brokers that a manifest speaks of, connected; one that it does not name is never contacted.
#[derive(Clone, Debug, Default)]
pub struct Brokers {
    /// NATS with JetStream.
    pub nats: Option<nats::JetStream>,
    /// Kafka.
    pub kafka: Option<kafka::Kafka>,
}
