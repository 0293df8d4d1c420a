//! A message of a stream as a record of a topic.

use async_nats::HeaderMap;

use super::headers::{HeaderRules, KV_OPERATION, MARKER_REASON, TOMBSTONE, first_of};
use super::key::KeyRule;
use super::topic::TopicRule;
use super::{Mapped, Unreadable};
use crate::kinds::route::RouteSpec;

/// How a route makes records.
#[derive(Clone, Debug)]
pub(crate) struct Outward {
    key: KeyRule,
    headers: HeaderRules,
    topic: TopicRule,
}

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulled<'m> {
    pub(crate) subject: &'m str,
    pub(crate) headers: Option<&'m HeaderMap>,
    pub(crate) payload: &'m [u8],
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record<'m> {
    /// The topic's place in [`Outward::topics`].
    pub(crate) topic: usize,
    pub(crate) key: Option<Vec<u8>>,
    /// None is a tombstone.
    pub(crate) value: Option<&'m [u8]>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Outward {
    /// How this route does it.
    ///
    /// # Errors
    /// What can't be read.
    pub(crate) fn new(route: &str, spec: &RouteSpec) -> Result<Outward, Unreadable> {
        let topic = spec.to.topic.as_deref().unwrap_or_default();
        let closed = spec.to.topics.as_deref().unwrap_or_default();
        Ok(Outward {
            key: KeyRule::read(spec.key.as_deref().unwrap_or("none"))?,
            headers: HeaderRules::new(route, spec.headers.as_ref()),
            topic: TopicRule::read(topic, closed)?,
        })
    }

    /// Every topic that a record can go to.
    pub(crate) fn topics(&self) -> Vec<String> {
        self.topic.all()
    }

    /// What becomes of a message.
    pub(crate) fn map<'m>(&self, message: Pulled<'m>) -> Mapped<Record<'m>> {
        let Some(headers) = self.headers.outward(message.headers) else {
            return Mapped::Loop;
        };
        let topic = match self.topic.of(message.subject) {
            Ok(topic) => topic,
            Err(why) => return Mapped::Poison(why),
        };
        Mapped::To(Record {
            topic,
            key: self
                .key
                .of(message.subject, message.headers, message.payload),
            value: (!is_tombstone(message)).then_some(message.payload),
            headers,
        })
    }
}

/// A deleted or expired key of a bucket, a message that the server took away, or a tombstone that came from Kafka.
fn is_tombstone(message: Pulled<'_>) -> bool {
    let Some(headers) = message.headers else {
        return false;
    };
    let operation = first_of(headers, KV_OPERATION);
    operation.is_some_and(|operation| ["DEL", "PURGE"].contains(&operation))
        || first_of(headers, MARKER_REASON).is_some()
        || message.payload.is_empty() && first_of(headers, TOMBSTONE) == Some("1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::route::RouteTarget;

    fn outward() -> Outward {
        let spec = RouteSpec {
            key: Some("subject(2)".to_owned()),
            to: RouteTarget {
                topic: Some("t".to_owned()),
                ..RouteTarget::default()
            },
            ..RouteSpec::default()
        };
        Outward::new("me", &spec).unwrap()
    }

    fn value_with(name: &'static str, value: &'static str, payload: &[u8]) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value);
        let message = Pulled {
            subject: "a.b",
            headers: Some(&headers),
            payload,
        };
        match outward().map(message) {
            Mapped::To(record) => record.value.map(<[u8]>::to_vec),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_taken_away_is_a_tombstone_and_an_empty_message_is_not() {
        assert_eq!(value_with("KV-Operation", "DEL", b""), None);
        assert_eq!(value_with("KV-Operation", "PURGE", b""), None);
        assert_eq!(value_with("Nats-Marker-Reason", "MaxAge", b""), None);
        assert_eq!(value_with("Kafka-Tombstone", "1", b""), None);
        assert_eq!(
            value_with("Kafka-Tombstone", "1", b"x"),
            Some(b"x".to_vec())
        );
        assert_eq!(value_with("KV-Operation", "PUT", b""), Some(Vec::new()));
    }

    #[test]
    fn a_message_without_headers_gets_the_path() {
        let message = Pulled {
            subject: "a.b",
            headers: None,
            payload: b"p",
        };
        let path = ("trueup-path".to_owned(), Some(b"me".to_vec()));
        let expected = Record {
            topic: 0,
            key: Some(b"b".to_vec()),
            value: Some(b"p"),
            headers: vec![path],
        };
        assert_eq!(outward().map(message), Mapped::To(expected));
    }
}
