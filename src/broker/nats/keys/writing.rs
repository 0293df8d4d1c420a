//! Writing a key, and what becomes of it.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_TTL, NATS_ROLLUP};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Bucket, OPERATION};
use crate::broker::nats::NatsError;
use crate::broker::nats::election::{ELECTION, WRITE_ATTEMPT, WRITE_PATIENCE};
use crate::broker::nats::error::Action;
use crate::broker::nats::sift::Kept;
use crate::broker::nats::wire::{Body, GIVE_UP, Miss};

/// The key has another last sequence (`JSStreamWrongLastSequenceErrF`); a cluster says the second where another
/// writing of the key is under way (`JSStreamWrongLastSequenceConstantErr`, 2.11).
const OVERTAKEN: [u64; 2] = [10071, 10164];

/// A cluster that can't tell yet what the last sequence is (`JSStreamExpectedLastSeqPerSubjectNotReady`).
const NOT_READY: u64 = 10163;

/// The pause before what can't be done yet is tried again.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// The prefix of the JetStream API where no domain and no other prefix is set.
const USUAL_PREFIX: &str = "$JS.API";

/// A value to be written, or (without one) the key to be taken away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Writing<'v> {
    /// The value.
    pub value: Option<&'v [u8]>,
    /// The sequence that the key's last message must have, 0 where there must be none; nothing for any.
    pub after: Option<u64>,
    /// After how long it expires, in whole seconds, rounded up; only where [`super::Template::markers`] are.
    pub ttl: Option<Duration>,
}

/// What became of a writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is the message of this sequence.
    At(u64),
    /// The key's last message is another one: nothing was written.
    Overtaken,
    /// There is no such bucket: nothing was written.
    NoBucket,
}

impl Bucket {
    /// Writes a value or takes the key away. It is sent again where nobody took it, and in a cluster where the answer
    /// was lost and `after` keeps it from being written twice.
    ///
    /// # Errors
    /// [`NatsError::AnswerLost`] when nobody knows whether it was written.
    pub async fn write(&self, key: &str, writing: &Writing<'_>) -> Result<Written, NatsError> {
        let wire = &self.jetstream.wire;
        let subject = self.published(key);
        let again = wire.clustered && writing.after.is_some();
        let patience = if again { WRITE_ATTEMPT } else { WRITE_PATIENCE };
        let end = Instant::now() + if wire.clustered { ELECTION } else { GIVE_UP };
        let mut lost = None;
        loop {
            let miss = match self.attempt(&subject, writing, patience).await {
                Ok(Ok(answer)) => return self.written(&subject, &answer),
                Ok(Err(error)) if lost.is_none() => return overtaken_or(error),
                Ok(Err(error)) => match self.after_all(key, writing, error).await? {
                    Some(written) => return Ok(written),
                    None => Miss::TimedOut(patience),
                },
                Err(Miss::NoResponders) if lost.is_none() && self.info().await?.is_none() => {
                    return Ok(Written::NoBucket);
                }
                Err(miss) => miss,
            };
            if Instant::now() >= end || !may_pass(&miss, again) {
                return Err(self.not_written(subject, lost.unwrap_or(miss)));
            }
            if matches!(miss, Miss::TimedOut(_) | Miss::Lost(_)) {
                wire.leader.tell(&wire.server);
                lost = Some(miss);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        subject: &str,
        writing: &Writing<'_>,
        patience: Duration,
    ) -> Result<Result<Map<String, Value>, NatsError>, Miss> {
        let wire = &self.jetstream.wire;
        let sent = wire.once(subject, &writing.body(), None, patience).await?;
        match wire.answer(subject, &sent, Kept::Whole) {
            Err(error) if error.api_code() == Some(NOT_READY) => Err(Miss::Leaderless(ELECTION)),
            // whoever said that, the stream may have taken it
            Err(error) if error.api_code().is_none() => Err(Miss::Lost(error.to_string())),
            answer => Ok(answer),
        }
    }

    /// What became of a writing that is refused now, and that was sent before: nothing where that is open.
    async fn after_all(
        &self,
        key: &str,
        writing: &Writing<'_>,
        error: NatsError,
    ) -> Result<Option<Written>, NatsError> {
        let unknown = |error: NatsError| self.lost(&self.published(key), &error.to_string());
        overtaken_or(error).map_err(unknown)?;
        let last = self.last(key).await.map_err(unknown)?;
        let sequence = last.as_ref().map_or(0, |last| last.sequence);
        let value = last.as_ref().and_then(|last| last.value.as_deref());
        Ok(if Some(sequence) == writing.after {
            None
        } else if value == writing.value {
            Some(Written::At(sequence))
        } else {
            Some(Written::Overtaken)
        })
    }

    fn written(&self, subject: &str, answer: &Map<String, Value>) -> Result<Written, NatsError> {
        let stream = answer.get("stream").and_then(Value::as_str);
        let sequence = answer.get("seq").and_then(Value::as_u64);
        match (stream, sequence) {
            (Some(stream), Some(sequence)) if stream == self.stream() => Ok(Written::At(sequence)),
            (Some(stream), Some(_)) => {
                Err(self.lost(subject, &format!("stream `{stream}` took it")))
            }
            _ => Err(self.lost(subject, "what came is no acknowledgement")),
        }
    }

    fn not_written(&self, subject: String, miss: Miss) -> NatsError {
        let miss = match miss {
            Miss::NoResponders => Miss::Unsendable(format!(
                "stream `{}` is there and takes no message on it; look at its subjects",
                self.stream()
            )),
            Miss::Denied(Action::Publish, _) => Miss::Denied(Action::Publish, self.published(">")),
            other => other,
        };
        self.jetstream.wire.write_error(subject, miss)
    }

    fn lost(&self, subject: &str, reason: &str) -> NatsError {
        let miss = Miss::Lost(reason.to_owned());
        self.jetstream.wire.write_error(subject.to_owned(), miss)
    }

    /// What is published to. Where a prefix or a domain is set, the buckets lie behind it like the API
    /// (nats-server, `generateJSMappingTable`).
    fn published(&self, key: &str) -> String {
        let subject = self.subject(key);
        match self.jetstream.wire.prefix == USUAL_PREFIX {
            true => subject,
            false => self.jetstream.wire.subject(&subject),
        }
    }
}

impl Writing<'_> {
    fn body(&self) -> Body {
        let mut headers = HeaderMap::new();
        if let Some(after) = self.after {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, after.to_string());
        }
        if let Some(ttl) = self.ttl {
            headers.insert(NATS_MESSAGE_TTL, whole_seconds(ttl).to_string());
        }
        if self.value.is_none() {
            headers.insert(OPERATION, "PURGE");
            headers.insert(NATS_ROLLUP, "sub");
        }
        let payload = Bytes::copy_from_slice(self.value.unwrap_or_default());
        Body::Message(headers, payload)
    }
}

/// That somebody else was faster, or the refusal.
fn overtaken_or(error: NatsError) -> Result<Written, NatsError> {
    match error.api_code() {
        Some(code) if OVERTAKEN.contains(&code) => Ok(Written::Overtaken),
        _ => Err(error),
    }
}

/// Whether sending it again can help, and harms nobody: a stream that elects its leader doesn't listen.
fn may_pass(miss: &Miss, again: bool) -> bool {
    match miss {
        Miss::NoResponders | Miss::Leaderless(_) => true,
        Miss::TimedOut(_) | Miss::Lost(_) => again,
        Miss::Denied(..) | Miss::NotSent(_) | Miss::Unsendable(_) | Miss::StreamSilent(_) => false,
    }
}

fn whole_seconds(ttl: Duration) -> u64 {
    let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
    seconds.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_never_shorter_than_asked() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(30)), 30);
        assert_eq!(whole_seconds(Duration::from_millis(30_001)), 31);
    }
}
