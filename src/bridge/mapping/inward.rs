//! A record of a topic as a message of a stream.

use async_nats::HeaderMap;
use bytes::Bytes;

use super::headers::{HeaderRules, KEY, KV_OPERATION, TOMBSTONE, put as put_header};
use super::{Mapped, Unreadable};
use crate::kinds::route::{RouteSpec, SubjectTemplate};

/// How a route makes messages.
#[derive(Clone, Debug)]
pub(crate) struct Inward {
    headers: HeaderRules,
    subject: SubjectTemplate,
    /// Whether a key goes along as a header: where the subject does not tell it.
    keeps_key: bool,
    /// Whether the stream holds a bucket, where a tombstone is a deletion.
    into_bucket: bool,
}

/// A record as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'r> {
    pub(crate) topic: &'r str,
    pub(crate) partition: i32,
    pub(crate) key: Option<&'r [u8]>,
    pub(crate) value: Option<&'r [u8]>,
    pub(crate) headers: &'r [(String, Option<Vec<u8>>)],
}

/// What is published.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Inward {
    /// How this route does it.
    ///
    /// # Errors
    /// What can't be read.
    pub(crate) fn new(route: &str, spec: &RouteSpec) -> Result<Inward, Unreadable> {
        let stream = spec.to.stream.as_deref().unwrap_or_default();
        let subject = spec.to.subject.as_deref().unwrap_or_default();
        Ok(Inward {
            keeps_key: !subject.contains("{key}"),
            headers: HeaderRules::new(route, spec.headers.as_ref()),
            subject: SubjectTemplate::parse(subject).map_err(|why| {
                Unreadable(format!("`to.subject: {subject}` can't be read: {why}"))
            })?,
            into_bucket: stream.starts_with("KV_"),
        })
    }

    /// What becomes of a record.
    pub(crate) fn map(&self, record: Arrived<'_>) -> Mapped<Message> {
        let Some(mut headers) = self.headers.inward(record.headers) else {
            return Mapped::Loop;
        };
        if record.value.is_none() {
            headers.insert(TOMBSTONE, "1");
            if self.into_bucket {
                headers.insert(KV_OPERATION, "DEL");
            }
        }
        if let Some(key) = record.key.filter(|_| self.keeps_key)
            && headers.get(KEY).is_none()
            && !self.headers.denies(KEY)
        {
            put_header(&mut headers, KEY, Some(key));
        }
        let subject = self
            .subject
            .subject(record.key, record.topic, record.partition);
        match subject {
            Err(why) => Mapped::Poison(why.to_string()),
            Ok(subject) => Mapped::To(Message {
                subject,
                headers,
                payload: Bytes::copy_from_slice(record.value.unwrap_or_default()),
            }),
        }
    }
}

impl Message {
    /// How many bytes its headers and payload are on the wire: what the server's limits count.
    pub(crate) fn size(&self) -> usize {
        let line = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| {
            let name = AsRef::<str>::as_ref(name).len();
            values
                .iter()
                .map(|value| name + value.as_str().len() + 4)
                .sum::<usize>()
        };
        let headers: usize = self.headers.iter().map(line).sum();
        12 + headers + 2 + self.payload.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::route::{RouteHeaders, RouteTarget};

    fn inward(stream: &str) -> Inward {
        let spec = RouteSpec {
            to: RouteTarget {
                stream: Some(stream.to_owned()),
                subject: Some("m.{key}".to_owned()),
                ..RouteTarget::default()
            },
            ..RouteSpec::default()
        };
        Inward::new("me", &spec).unwrap()
    }

    fn tombstone() -> Arrived<'static> {
        Arrived {
            topic: "t",
            partition: 0,
            key: Some(b"k"),
            value: None,
            headers: &[],
        }
    }

    #[test]
    fn a_tombstone_says_so_and_deletes_a_key_of_a_bucket() {
        let headers = |stream: &str| match inward(stream).map(tombstone()) {
            Mapped::To(message) => message.headers,
            other => panic!("{other:?}"),
        };
        let (stream, bucket) = (headers("S"), headers("KV_S"));
        assert_eq!(stream.get("Kafka-Tombstone").unwrap().as_str(), "1");
        assert!(stream.get("KV-Operation").is_none());
        assert_eq!(bucket.get("KV-Operation").unwrap().as_str(), "DEL");
    }

    #[test]
    fn an_empty_value_is_no_tombstone_and_its_size_is_that_of_the_wire() {
        let record = Arrived {
            value: Some(b""),
            ..tombstone()
        };
        let Mapped::To(message) = inward("S").map(record) else {
            panic!("it is poison");
        };
        assert!(message.headers.get("Kafka-Tombstone").is_none());
        let wire = "NATS/1.0\r\ntrueup-path: me\r\n\r\n";
        assert_eq!(message.size(), wire.len() + 2);
    }

    #[test]
    fn a_key_that_the_subject_does_not_tell_goes_along() {
        let keyed = |subject: &str, key: &'static [u8], deny: &[&str]| {
            let mut spec = RouteSpec::default();
            spec.to.subject = Some(subject.to_owned());
            spec.headers = Some(RouteHeaders {
                deny: Some(deny.iter().map(ToString::to_string).collect()),
                ..RouteHeaders::default()
            });
            let record = Arrived {
                key: Some(key),
                ..tombstone()
            };
            match Inward::new("me", &spec).unwrap().map(record) {
                Mapped::To(message) => {
                    let of =
                        |name: &str| message.headers.get(name).map(|it| it.as_str().to_owned());
                    (of("Kafka-Key"), of("Kafka-Key-b64"))
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(keyed("m", b"a", &[]), (Some("a".to_owned()), None));
        assert_eq!(keyed("m", b"\xff", &[]), (None, Some("/w==".to_owned())));
        assert_eq!(keyed("m.{key}", b"a", &[]), (None, None));
        assert_eq!(keyed("m", b"a", &["Kafka-Key"]), (None, None));
    }

    #[test]
    fn a_record_without_a_key_is_poison_where_the_subject_holds_it() {
        let long = [b'k'; 3_500];
        for (key, why) in [
            (None, "no key"),
            (Some(&b""[..]), "is empty"),
            (Some(&long[..]), "3502 bytes"),
        ] {
            let record = Arrived { key, ..tombstone() };
            match inward("S").map(record) {
                Mapped::Poison(told) => assert!(told.contains(why), "{told}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_subject_that_cannot_be_read_is_told() {
        let mut spec = RouteSpec::default();
        spec.to.subject = Some("m.{kay}".to_owned());
        let told = Inward::new("me", &spec).unwrap_err().to_string();
        assert!(told.contains("`to.subject: m.{kay}`"), "{told}");
    }
}
