//! Key-value buckets (ADR-8), by the raw API: a writing says which one it follows, and a read asks the stream's leader.
//!
//! Clients read a bucket by direct gets, which any replica may answer with less than was acknowledged; and their
//! `create` with a TTL drops it where the key was there before (async-nats 0.51, `kv/mod.rs`). Both would hurt a lock.

mod template;
mod writing;

use async_nats::header::NATS_MARKER_REASON;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::names::checked;
use super::streams::{STREAM_NOT_FOUND, absent_when, total};
use super::wire::Body;
use super::{Answer, JetStream, NatsError, Verdict};

pub use template::Template;
pub use writing::{Writing, Written};

/// What stands where a key was taken away.
pub(super) const OPERATION: &str = "KV-Operation";

/// No message under that subject (`JSNoMessageFoundErr`).
pub(super) const NO_MESSAGE: u64 = 10037;

/// What no server takes: no stream ever comes to that sequence, and it fits into what a server reads a sequence with.
const IMPOSSIBLE: Writing<'static> = Writing {
    value: Some(b""),
    after: Some(1 << 50),
    ttl: None,
};

/// A key-value bucket, whether it is there or not.
#[derive(Clone, Debug)]
pub struct Bucket {
    jetstream: JetStream,
    name: String,
}

/// The last message of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Its sequence.
    pub sequence: u64,
    /// The value; nothing where the key was deleted, purged or expired.
    pub value: Option<Vec<u8>>,
    /// When it was stored, by the server's clock, RFC 3339.
    pub time: String,
}

impl Bucket {
    /// The bucket of this name.
    pub fn new(jetstream: JetStream, name: &str) -> Bucket {
        Bucket {
            jetstream,
            name: name.to_owned(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document of its stream; none where there is no such bucket.
    ///
    /// # Errors
    /// As for any read.
    pub async fn info(&self) -> Answer {
        self.jetstream.stream_info(&self.stream()).await
    }

    /// The names of the keys that begin so, markers included; none where there is no such bucket.
    ///
    /// # Errors
    /// As for any read.
    pub async fn keys(&self, prefix: &str) -> Result<Option<Vec<String>>, NatsError> {
        let tokens = prefix.rfind('.').map_or("", |dot| &prefix[..=dot]);
        let filter = self.subject(&format!("{tokens}>"));
        let mut keys = Vec::new();
        let mut seen = 0;
        loop {
            let Some(page) = self.page(&filter, seen).await? else {
                return Ok(None);
            };
            let subjects = page.get("state").and_then(|state| state.get("subjects"));
            let subjects = subjects.and_then(Value::as_object);
            let names = subjects.into_iter().flat_map(Map::keys);
            let before = seen;
            for key in names.filter_map(|subject| self.key(subject)) {
                seen += 1;
                keys.extend(key.starts_with(prefix).then(|| key.to_owned()));
            }
            if seen >= total(&page) {
                return Ok(Some(keys));
            }
            if seen == before {
                return Err(self.malformed("STREAM.INFO", "keys went while they were listed"));
            }
        }
    }

    /// The subjects that the account may not publish to, of those that reading the bucket, making it where there is
    /// none, and writing this key take. Nothing is changed: what is written follows a message that there can't be.
    ///
    /// # Errors
    /// As for any read; what keeps the rights from being told.
    pub async fn denied(&self, key: &str) -> Result<Vec<String>, NatsError> {
        let is_made = match self.info().await {
            Err(NatsError::PermissionDenied { .. }) => true,
            info => info?.is_some(),
        };
        let stream = self.stream();
        let probes = self.jetstream.probe_rights_on_bucket(&stream, is_made);
        let denied = probes.await.into_iter();
        let denied = denied.filter(|probe| probe.verdict == Verdict::Denied);
        let mut denied: Vec<String> = denied.map(|probe| probe.subject).collect();
        match self.write(key, &IMPOSSIBLE).await {
            Err(NatsError::PermissionDenied { subject, .. }) if denied.contains(&subject) => {}
            Err(NatsError::PermissionDenied { subject, .. }) => denied.push(subject),
            written => drop(written?),
        }
        Ok(denied)
    }

    async fn page(&self, filter: &str, offset: usize) -> Answer {
        let stream = self.stream();
        let call = format!("STREAM.INFO.{}", checked("stream", &stream)?);
        let body = Body::Json(json!({"subjects_filter": filter, "offset": offset}));
        let answer = self.jetstream.wire.read(&call, &body).await;
        absent_when(answer, &[STREAM_NOT_FOUND])
    }

    /// The last message of a key; none where there never was one.
    ///
    /// # Errors
    /// As for any read; [`NatsError::Api`] 10059 where there is no such bucket.
    pub async fn last(&self, key: &str) -> Result<Option<Last>, NatsError> {
        let stream = self.stream();
        let call = format!("STREAM.MSG.GET.{}", checked("stream", &stream)?);
        let body = Body::Json(json!({"last_by_subj": self.subject(key)}));
        let answer = self.jetstream.wire.read(&call, &body).await;
        let Some(document) = absent_when(answer, &[NO_MESSAGE])? else {
            return Ok(None);
        };
        let last = document.get("message").and_then(last);
        match last {
            Some(last) => Ok(Some(last)),
            None => Err(self.malformed("STREAM.MSG.GET", "there is no message in it")),
        }
    }

    fn malformed(&self, call: &str, reason: &str) -> NatsError {
        let wire = &self.jetstream.wire;
        NatsError::MalformedAnswer {
            server: wire.server.clone(),
            subject: wire.subject(&format!("{call}.{}", self.stream())),
            reason: reason.to_owned(),
        }
    }

    /// The bucket's stream.
    fn stream(&self) -> String {
        format!("KV_{}", self.name)
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.name)
    }

    fn key<'s>(&self, subject: &'s str) -> Option<&'s str> {
        let rest = subject.strip_prefix("$KV.")?;
        rest.strip_prefix(&self.name)?.strip_prefix('.')
    }
}

/// The message of STREAM.MSG.GET.
pub(super) fn last(message: &Value) -> Option<Last> {
    let decoded = |field: &str| match message.get(field) {
        None => Some(Vec::new()),
        Some(text) => STANDARD.decode(text.as_str()?).ok(),
    };
    let headers = String::from_utf8(decoded("hdrs")?).ok()?;
    let data = decoded("data")?;
    Some(Last {
        sequence: message.get("seq")?.as_u64()?,
        value: (!is_marker(&headers)).then_some(data),
        time: message["time"].as_str().unwrap_or_default().to_owned(),
    })
}

fn is_marker(headers: &str) -> bool {
    let mut fields = headers.lines().filter_map(|line| line.split_once(':'));
    fields.any(|(name, value)| {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        is(OPERATION) && ["DEL", "PURGE"].contains(&value.trim()) || is(NATS_MARKER_REASON.as_ref())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: &str, data: &str) -> Value {
        let mut message = json!({"subject": "$KV.b.k", "seq": 7, "data": STANDARD.encode(data)});
        if !headers.is_empty() {
            message["hdrs"] = json!(STANDARD.encode(headers));
        }
        message
    }

    #[test]
    fn a_marker_is_no_value() {
        let value = |headers: &str| last(&message(headers, "v")).unwrap().value;
        assert_eq!(value("").as_deref(), Some(b"v".as_slice()));
        assert!(value("NATS/1.0\r\nNats-TTL: 30\r\n\r\n").is_some());
        assert!(value("NATS/1.0\r\nKV-Operation: PUT\r\n\r\n").is_some());
        for marker in [
            "KV-Operation: DEL",
            "KV-Operation: PURGE\r\nNats-Rollup: sub",
            "Nats-Marker-Reason: MaxAge",
        ] {
            let headers = format!("NATS/1.0\r\n{marker}\r\n\r\n");
            assert_eq!(value(&headers), None, "{marker}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_no_message() {
        assert_eq!(last(&json!({"seq": 7, "data": "?"})), None);
        assert_eq!(last(&json!({"data": ""})), None);
        let empty = last(&json!({"seq": 7})).unwrap();
        assert_eq!(empty.value, Some(Vec::new()));
    }
}
