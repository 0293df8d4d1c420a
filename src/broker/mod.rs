//! Connections and protocols of the two brokers. Knows no kinds.

mod certificate_words;
pub mod crypto;
mod fence;
pub mod kafka;
pub mod nats;

use std::sync::Arc;

use indexmap::IndexMap;
use secrecy::SecretString;

pub use fence::Fence;

/// The brokers that a manifest speaks of, connected; one that it does not name is never contacted.
#[derive(Clone, Debug, Default)]
pub struct Brokers {
    /// NATS with JetStream.
    pub nats: Option<nats::JetStream>,
    /// Kafka.
    pub kafka: Option<kafka::Kafka>,
    /// The passwords of users that may be made on Kafka, by the user's name.
    pub passwords: Arc<IndexMap<String, SecretString>>,
}

impl Brokers {
    /// The fence of each that is connected.
    pub fn fences(&self) -> Vec<Fence> {
        let nats = self.nats.as_ref().map(|nats| nats.fence().clone());
        let kafka = self.kafka.as_ref().map(|kafka| kafka.fence().clone());
        nats.into_iter().chain(kafka).collect()
    }
}
