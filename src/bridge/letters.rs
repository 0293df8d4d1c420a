//! Dead letters: what a target can't take, with the reason.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use tokio::sync::Mutex;

use super::fault::{Fault, is_of_record, of_code};
use super::mapping::{KEY, put_header};
use super::reports::Reported;
use crate::broker::kafka::{KafkaData, RdCode, Sender, Sizes, ToWrite, words};
use crate::broker::nats::NatsData;
use crate::kinds::route::{DeadLetters, OnError, RouteSpec};

/// The headers of a dead letter: the route, what was wrong, and where it was.
pub(super) const ROUTE_HEADER: &str = "trueup-route";
pub(super) const ERROR_HEADER: &str = "trueup-error";
pub(super) const FROM_HEADER: &str = "trueup-from";

/// How long a topic may take to have a letter.
const PATIENCE: Duration = Duration::from_secs(30);

/// What becomes of poison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Stop,
    Skip,
    ToTopic(String),
    ToStream { stream: String, subject: String },
}

impl Policy {
    pub(super) fn of(spec: &RouteSpec) -> Result<Policy, Fault> {
        let missing = || {
            Fault::standing(
                "`on_error` is `dlq`, and `dlq` names no topic and no subject of a stream",
            )
        };
        match spec.on_error.unwrap_or_default() {
            OnError::Stop => Ok(Policy::Stop),
            OnError::Skip => Ok(Policy::Skip),
            OnError::Dlq => match spec.dlq.clone().ok_or_else(missing)? {
                DeadLetters {
                    topic: Some(topic), ..
                } => Ok(Policy::ToTopic(topic)),
                DeadLetters {
                    stream: Some(stream),
                    subject: Some(subject),
                    ..
                } => Ok(Policy::ToStream { stream, subject }),
                DeadLetters { .. } => Err(missing()),
            },
        }
    }
}

/// A letter before it is written.
#[derive(Clone, Debug)]
pub(super) struct Letter<'l> {
    pub(super) route: &'l str,
    /// Which life of the route and of its source: what is put away anew is no duplicate.
    pub(super) life: String,
    pub(super) why: &'l str,
    /// Where it was: `stream/S/7 a.b`, `topic/t/0/7`.
    pub(super) from: String,
    pub(super) key: Option<&'l [u8]>,
    pub(super) payload: Option<&'l [u8]>,
    /// Its headers as they came.
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Letter<'_> {
    fn own(&self) -> [(&'static str, &str); 3] {
        [
            (ROUTE_HEADER, self.route),
            (ERROR_HEADER, self.why),
            (FROM_HEADER, &self.from),
        ]
    }

    /// The headers of its record.
    pub(super) fn of_record(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let own = self
            .own()
            .map(|(name, value)| (name.to_owned(), Some(value.as_bytes().to_vec())));
        self.headers.iter().cloned().chain(own).collect()
    }

    /// The headers of its message; those that NATS acts by are kept under another name.
    fn of_message(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let is_of_nats = name
                .get(..5)
                .is_some_and(|head| head.eq_ignore_ascii_case("nats-"));
            let name = match is_of_nats {
                true => format!("was-{name}"),
                false => name.clone(),
            };
            put_header(&mut headers, &name, value.as_deref());
        }
        if let Some(key) = self.key.filter(|_| headers.get(KEY).is_none()) {
            put_header(&mut headers, KEY, Some(key));
        }
        for (name, value) in self.own() {
            put_header(&mut headers, name, Some(value.as_bytes()));
        }
        headers
    }

    /// Publishes it, once within the stream's window.
    pub(super) async fn publish(
        &self,
        nats: &NatsData,
        stream: &str,
        subject: &str,
    ) -> Result<(), Fault> {
        let mut headers = self.of_message();
        let id = format!("{}/{}/dlq/{}", self.route, self.life, self.from);
        put_header(&mut headers, "Nats-Msg-Id", Some(id.as_bytes()));
        put_header(
            &mut headers,
            "Nats-Expected-Stream",
            Some(stream.as_bytes()),
        );
        let payload = Bytes::copy_from_slice(self.payload.unwrap_or_default());
        let published = nats.publish(subject, headers, payload).await;
        let what = format!("dead letters to `{subject}` of stream `{stream}`");
        published.map(drop).map_err(|error| match error.err_code() {
            Some(_) => Fault::standing(error.to_string()).of(&what),
            None => Fault::from(error).of(&what),
        })
    }
}

/// A topic of dead letters, for routes that write to Kafka nothing else.
pub(super) struct TopicLetters {
    topic: String,
    sender: Sender,
    reported: Arc<Reported>,
    one_at_a_time: Mutex<()>,
}

impl TopicLetters {
    pub(super) fn new(kafka: &KafkaData, topic: &str, largest: u64) -> Result<TopicLetters, Fault> {
        let reported = Reported::new();
        let sizes = Sizes {
            held: 4 * largest,
            largest,
            batch: largest,
        };
        Ok(TopicLetters {
            topic: topic.to_owned(),
            sender: kafka.sender(None, sizes, reported.reports())?,
            reported,
            one_at_a_time: Mutex::new(()),
        })
    }

    /// Writes a letter, and waits until the topic has it.
    pub(super) async fn send(&self, letter: &Letter<'_>) -> Result<(), Fault> {
        let _mine = self.one_at_a_time.lock().await;
        let what = format!("dead letters to topic `{}`", self.topic);
        self.reported.begin();
        let headers = letter.of_record();
        let record = ToWrite {
            topic: &self.topic,
            key: letter.key,
            value: letter.payload,
            headers: &headers,
        };
        let sent = self.sender.send(0, &record);
        sent.map_err(|error| {
            self.fault(error.rdkafka_error_code(), &words(&error))
                .of(&what)
        })?;
        if !self.reported.wait(1, PATIENCE).await {
            return Err(Fault::passing("no answer in time").of(&what));
        }
        match self.reported.failure() {
            None => Ok(()),
            Some((_, code)) => Err(self.fault(Some(code), &code.to_string()).of(&what)),
        }
    }

    fn fault(&self, code: Option<RdCode>, text: &str) -> Fault {
        match code {
            Some(code) if is_of_record(code) => Fault::standing(text),
            Some(code) => of_code(code, text.to_owned()),
            None => Fault::passing(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_tells_what_was_wrong_and_nothing_in_it_is_acted_by() {
        let letter = Letter {
            route: "r",
            life: "1".to_owned(),
            why: "too large",
            from: "topic/t/0/7".to_owned(),
            key: None,
            payload: None,
            headers: vec![
                ("Nats-Rollup".to_owned(), Some(b"all".to_vec())),
                ("a".to_owned(), None),
            ],
        };
        let headers = letter.of_message();
        let value = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        assert_eq!(value("Nats-Rollup"), None);
        assert_eq!(value("was-Nats-Rollup").as_deref(), Some("all"));
        assert_eq!(value("a-b64").as_deref(), Some(""));
        assert_eq!(value("trueup-error").as_deref(), Some("too large"));
        assert_eq!(value("trueup-from").as_deref(), Some("topic/t/0/7"));
        assert_eq!(letter.of_record().len(), 5);
    }

    #[test]
    fn dead_letters_need_a_place() {
        let spec = |dlq| RouteSpec {
            on_error: Some(OnError::Dlq),
            dlq,
            ..RouteSpec::default()
        };
        assert!(Policy::of(&spec(None)).is_err());
        let half = DeadLetters {
            stream: Some("S".to_owned()),
            ..DeadLetters::default()
        };
        assert!(Policy::of(&spec(Some(half))).is_err());
        assert_eq!(Policy::of(&RouteSpec::default()), Ok(Policy::Stop));
    }
}
