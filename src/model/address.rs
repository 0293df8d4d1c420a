use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the two brokers that trueup speaks to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Broker {
    /// NATS with JetStream.
    Nats,
    /// Apache Kafka, or what speaks its protocol.
    Kafka,
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Broker::Nats => "NATS",
            Broker::Kafka => "Kafka",
        })
    }
}

/// The kinds of resource, by the word that stands before the slash of an address.
///
/// The order is the order in which a plan creates: what others rest on comes first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum KindName {
    /// A JetStream stream.
    Stream,
    /// A JetStream key-value bucket.
    Kv,
    /// A JetStream object store.
    ObjectStore,
    /// A JetStream consumer; its name is `STREAM/CONSUMER`.
    Consumer,
    /// A Kafka topic.
    Topic,
    /// A Kafka ACL; its name is the seven fields of the binding.
    Acl,
    /// A client quota of Kafka; its name is whose it is: `user/analytics`, `client-id-default`.
    ///
    /// To Kafka, rights, limits and users are independent of each other. They are made in this order, and go in the
    /// reverse one, so that nobody can log in before what binds him is in place.
    Quota,
    /// A user of Kafka who logs in by SCRAM.
    User,
    /// A route of the bridge, which stands in a bucket of NATS; it rests on what is on both brokers.
    Route,
}

impl KindName {
    /// Every kind, in the order of creation.
    pub const ALL: [KindName; 9] = [
        KindName::Stream,
        KindName::Kv,
        KindName::ObjectStore,
        KindName::Consumer,
        KindName::Topic,
        KindName::Acl,
        KindName::Quota,
        KindName::User,
        KindName::Route,
    ];

    /// The kinds that these brokers hold, in the order of creation.
    pub fn of_brokers(brokers: &[Broker]) -> impl Iterator<Item = KindName> {
        KindName::ALL
            .into_iter()
            .filter(|kind| brokers.contains(&kind.broker()))
    }

    /// The word used in addresses, in the manifest's messages and by `explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            KindName::Stream => "stream",
            KindName::Kv => "kv",
            KindName::ObjectStore => "object-store",
            KindName::Consumer => "consumer",
            KindName::Topic => "topic",
            KindName::Acl => "acl",
            KindName::Quota => "quota",
            KindName::User => "user",
            KindName::Route => "route",
        }
    }

    /// Whether the name alone tells a resource of this kind apart: there is no id, and no time of making.
    pub const fn is_its_name(self) -> bool {
        match self {
            KindName::Acl | KindName::Quota | KindName::User => true,
            KindName::Stream
            | KindName::Kv
            | KindName::ObjectStore
            | KindName::Consumer
            | KindName::Topic
            | KindName::Route => false,
        }
    }

    /// The brokers that resources of this kind speak of, the one that holds them first: a route lies between both.
    pub const fn brokers(self) -> &'static [Broker] {
        match self {
            KindName::Route => &[Broker::Nats, Broker::Kafka],
            KindName::Stream | KindName::Kv | KindName::ObjectStore | KindName::Consumer => {
                &[Broker::Nats]
            }
            KindName::Topic | KindName::Acl | KindName::Quota | KindName::User => &[Broker::Kafka],
        }
    }

    /// The broker that holds resources of this kind.
    pub const fn broker(self) -> Broker {
        match self {
            KindName::Stream
            | KindName::Kv
            | KindName::ObjectStore
            | KindName::Consumer
            | KindName::Route => Broker::Nats,
            KindName::Topic | KindName::Acl | KindName::Quota | KindName::User => Broker::Kafka,
        }
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KindName {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        KindName::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| AddressError {
                text: text.to_owned(),
            })
    }
}

/// The name of one resource: `kind/name`, never a list index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// What it is.
    pub kind: KindName,
    /// Its name on the broker; a consumer's is `STREAM/CONSUMER`.
    pub name: String,
}

impl Address {
    /// The address of `name` of this kind.
    pub fn new(kind: KindName, name: impl Into<String>) -> Self {
        Address {
            kind,
            name: name.into(),
        }
    }

    /// The stream and the consumer of a consumer's address; `None` for the other kinds.
    pub fn stream_and_consumer(&self) -> Option<(&str, &str)> {
        match self.kind {
            KindName::Consumer => self.name.split_once('/'),
            KindName::Stream
            | KindName::Kv
            | KindName::ObjectStore
            | KindName::Topic
            | KindName::Acl
            | KindName::Quota
            | KindName::User
            | KindName::Route => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no address; write `kind/name`, where kind is one of stream, kv, object-store, consumer, topic, acl, quota, user, route"
)]
pub struct AddressError {
    text: String,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AddressError {
            text: text.to_owned(),
        };
        let (kind, name) = text.split_once('/').ok_or_else(wrong)?;
        if name.is_empty() {
            return Err(wrong());
        }
        Ok(Address::new(kind.parse().map_err(|_| wrong())?, name))
    }
}

by_text!(Address, "kind/name");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back() {
        for text in [
            "stream/EVENTS",
            "consumer/EVENTS/indexer",
            "object-store/media",
            "acl/User:a/allow/read/topic/literal/x/*",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn rubbish_is_refused() {
        for text in ["", "EVENTS", "table/x", "stream/"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
