use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::broker::kafka::Operation;
use serde::{Deserialize, Serialize};

/// What is known of the brokers beside their resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surroundings {
    /// NATS, where the manifest speaks of it.
    pub nats: Option<NatsFacts>,
    /// Kafka, where the manifest speaks of it.
    pub kafka: Option<KafkaFacts>,
}

/// The JetStream API level of ADR-44, as `$JS.API.INFO` tells it; 0 before 2.11.
pub type ApiLevel = u8;

/// A NATS server and the account in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NatsFacts {
    /// The server's version.
    pub version: NatsVersion,
    /// Its JetStream API level.
    pub api_level: ApiLevel,
    /// The account's name or public key, where the server tells it.
    pub account: Option<String>,
    /// The JetStream domain.
    pub domain: Option<String>,
    /// Whether the server is one of a cluster.
    pub clustered: bool,
    /// Whether the account demands `max_bytes` of every stream.
    pub max_bytes_required: bool,
}

/// A NATS server's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NatsVersion(pub u32, pub u32, pub u32);

impl fmt::Display for NatsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for NatsVersion {
    type Err = String;

    /// Reads `2.11`, `2.11.3` and `2.12.0-RC.1` (as 2.12.0).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no version");
        let mut numbers = text.trim_start_matches('v').splitn(3, '.').map(|part| {
            let digits = part
                .split(|c: char| !c.is_ascii_digit())
                .next()
                .unwrap_or_default();
            digits.parse::<u32>().map_err(|_| wrong())
        });
        let major = numbers.next().ok_or_else(wrong)??;
        let minor = numbers.next().ok_or_else(wrong)??;
        Ok(NatsVersion(
            major,
            minor,
            numbers.next().transpose()?.unwrap_or(0),
        ))
    }
}

/// A Kafka cluster and who trueup is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KafkaFacts {
    /// The cluster's id.
    pub cluster_id: String,
    /// How many brokers are alive.
    pub brokers: usize,
    /// The release that the cluster's finalised `metadata.version` stands for, where told.
    pub release: Option<String>,
    /// Who trueup is, where that can be known: `User:admin`.
    pub principal: Option<String>,
    /// What it may do on the cluster, where told. No part of a snapshot, as what comes next.
    #[serde(skip)]
    pub rights: Vec<Operation>,
    /// The address that trueup comes from, as this side sees it. No part of a snapshot: whoever plans on one may sit elsewhere.
    #[serde(skip)]
    pub local_address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_and_compare() {
        let read = |text: &str| text.parse::<NatsVersion>();
        assert_eq!(read("2.12.0-RC.1"), Ok(NatsVersion(2, 12, 0)));
        assert!(read("2.12.5") > read("2.12"));
        assert!(read("2.9.25") < read("2.10.0"));
        assert!(read("latest").is_err());
    }
}
