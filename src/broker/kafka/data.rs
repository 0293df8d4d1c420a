//! Kafka's data plane: producers with transactions and consumer groups, by librdkafka.
//!
//! The manifest's properties are librdkafka's own names and are passed on as they are; what order and delivery rest on is set
//! here and can't be set otherwise.

mod login;
mod receiver;
mod sender;

use indexmap::IndexMap;
use rdkafka::config::ClientConfig;
use secrecy::{ExposeSecret, SecretString};

use super::client::Kafka;
use super::error::KafkaError;
use super::settings::{KafkaSettings, SaslSettings};
use login::Login;
pub(crate) use rdkafka::error::{KafkaError as RdError, RDKafkaErrorCode as RdCode};
pub(crate) use receiver::{Change, PartitionQueue, Receiver};
pub(crate) use sender::{Reports, Sender, Sizes, ToWrite};

/// How to move records of a cluster. Its `Debug` shows no value.
#[derive(Clone)]
pub struct KafkaData {
    settings: KafkaSettings,
    properties: IndexMap<String, SecretString>,
}

impl KafkaData {
    /// The same connection for both planes.
    pub fn new(settings: KafkaSettings, properties: IndexMap<String, String>) -> KafkaData {
        let passed = properties.into_iter().filter(|(name, _)| is_passed(name));
        KafkaData {
            settings,
            properties: passed.map(|(name, value)| (name, value.into())).collect(),
        }
    }

    /// A connection of the admin plane.
    ///
    /// # Errors
    /// As for [`Kafka::connect`].
    pub async fn admin(&self) -> Result<Kafka, KafkaError> {
        Kafka::connect(self.settings.clone()).await
    }

    /// A number that the manifest sets.
    pub(crate) fn number(&self, property: &str) -> Option<u64> {
        self.properties
            .get(property)?
            .expose_secret()
            .trim()
            .parse()
            .ok()
    }

    /// What the manifest says, and over it what must be.
    fn config(&self, ours: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "trueup");
        for (name, value) in &self.properties {
            config.set(name, value.expose_secret());
        }
        for (name, value) in ours {
            config.set(*name, *value);
        }
        config
    }

    fn login(&self) -> Login {
        Login::new(match &self.settings.sasl {
            Some(SaslSettings::OauthBearer(source)) => Some(source.clone()),
            Some(
                SaslSettings::Plain(_)
                | SaslSettings::ScramSha256(_)
                | SaslSettings::ScramSha512(_),
            )
            | None => None,
        })
    }
}

impl std::fmt::Debug for KafkaData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaData")
            .field("bootstrap", &self.settings.bootstrap)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Whether librdkafka is told. Tokens are fetched by us, for both planes alike; a library that is loaded into the process is
/// no property of a connection, and who a client is among others is the worker's to say.
fn is_passed(name: &str) -> bool {
    let is_of_token = name.starts_with("sasl.oauthbearer.") || name.starts_with("https.");
    !is_of_token
        && !matches!(
            name,
            "plugin.library.paths" | "transactional.id" | "group.id" | "group.instance.id"
        )
}

/// What librdkafka says, without its wrapping.
pub(crate) fn words(error: &RdError) -> String {
    match error {
        RdError::Transaction(error) => error.to_string(),
        error => match error.rdkafka_error_code() {
            Some(code) => format!("{code}"),
            None => error.to_string(),
        },
    }
}
