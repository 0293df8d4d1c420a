//! A message of a stream as a record of a topic.

use async_nats::HeaderMap;

use super::headers::{HeaderRules, KV_OPERATION, MARKER_REASON, TOMBSTONE, first_of};
use super::topics::Topics;
use super::{Mapped, Unreadable};
use crate::kinds::route::{KeyRule, RouteSpec};

/// How a route makes records.
#[derive(Clone, Debug)]
pub(crate) struct Outward {
    key: KeyRule,
    headers: HeaderRules,
    topics: Topics,
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
        let key = spec.key.as_deref().unwrap_or("none");
        Ok(Outward {
            key: KeyRule::parse(key)
                .map_err(|why| Unreadable(format!("`key: {key}` can't be read: {why}")))?,
            headers: HeaderRules::new(route, spec.headers.as_ref()),
            topics: Topics::read(&spec.to)?,
        })
    }

    /// Every topic that a record can go to.
    pub(crate) fn topics(&self) -> Vec<String> {
        self.topics.all()
    }

    /// What becomes of a message.
    pub(crate) fn map<'m>(&self, message: Pulled<'m>) -> Mapped<Record<'m>> {
        let Some(headers) = self.headers.outward(message.headers) else {
            return Mapped::Loop;
        };
        let topic = match self.topics.of(message.subject) {
            Ok(topic) => topic,
            Err(why) => return Mapped::Poison(why),
        };
        let header = |name: &str| first_of(message.headers?, name);
        Mapped::To(Record {
            topic,
            key: self.key.key(message.subject, header, message.payload),
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

    fn with_key(key: &str) -> Result<Outward, Unreadable> {
        let spec = RouteSpec {
            key: Some(key.to_owned()),
            to: RouteTarget {
                topic: Some("t".to_owned()),
                ..RouteTarget::default()
            },
            ..RouteSpec::default()
        };
        Outward::new("me", &spec)
    }

    fn outward() -> Outward {
        with_key("subject(2)").unwrap()
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
    fn a_key_is_found_in_a_header_whatever_its_case() {
        let mut headers = HeaderMap::new();
        headers.insert("Tenant", "acme");
        let key = |rule: &str, headers| {
            let message = Pulled {
                subject: "a.b",
                headers,
                payload: b"",
            };
            match with_key(rule).unwrap().map(message) {
                Mapped::To(record) => record.key,
                other => panic!("{other:?}"),
            }
        };
        let found = key("header(tenant)", Some(&headers));
        assert_eq!(found.as_deref(), Some(&b"acme"[..]));
        assert_eq!(key("header(absent)", Some(&headers)), None);
        assert_eq!(key("header(tenant)", None), None);
    }

    #[test]
    fn a_key_that_cannot_be_read_is_told() {
        let told = with_key("subject(0)").unwrap_err().to_string();
        assert!(told.contains("`key: subject(0)`"), "{told}");
        assert!(told.contains("counted from 1"), "{told}");
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
