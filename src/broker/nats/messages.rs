//! What a stream holds, looked at without making anything for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::names::checked;
use super::streams::{absent_when, total};
use super::wire::Body;
use super::{JetStream, NatsError};

/// The error code of a message that is not there (`JSNoMessageFoundErr`).
const NO_MESSAGE: u64 = 10037;

/// A stored message without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its sequence number.
    pub seq: u64,
    /// When it was stored, RFC 3339.
    pub time: String,
    /// How many bytes its subject has.
    pub subject: u64,
    /// How many bytes its headers have.
    pub headers: u64,
    /// How many bytes it carries beside them.
    pub data: u64,
}

impl JetStream {
    /// The first message at or after a sequence number; `None` when there is none.
    ///
    /// # Errors
    /// As for any read.
    pub async fn message_from(&self, stream: &str, seq: u64) -> Result<Option<Stored>, NatsError> {
        self.message_on(stream, seq, ">").await
    }

    /// The first message at or after a sequence number on a subject, which may hold wildcards; `None` when there is none.
    ///
    /// # Errors
    /// As for any read.
    pub async fn message_on(
        &self,
        stream: &str,
        seq: u64,
        subject: &str,
    ) -> Result<Option<Stored>, NatsError> {
        let call = format!("STREAM.MSG.GET.{}", checked("stream", stream)?);
        let body = Body::Json(json!({"seq": seq, "next_by_subj": subject}));
        let answer = absent_when(self.wire.read(&call, &body).await, &[NO_MESSAGE])?;
        Ok(answer.as_ref().and_then(stored))
    }

    /// What the last message on a subject carries; `None` when there is none.
    ///
    /// # Errors
    /// As for any read.
    pub async fn last_on(&self, stream: &str, subject: &str) -> Result<Option<Vec<u8>>, NatsError> {
        let call = format!("STREAM.MSG.GET.{}", checked("stream", stream)?);
        let body = Body::Json(json!({"last_by_subj": subject}));
        let answer = absent_when(self.wire.read(&call, &body).await, &[NO_MESSAGE])?;
        let data = answer.as_ref().and_then(|answer| answer.get("message"));
        let data = data.and_then(|message| message["data"].as_str());
        Ok(data.and_then(|text| STANDARD.decode(text).ok()))
    }

    /// How many messages of each subject a stream holds.
    ///
    /// # Errors
    /// As for any read.
    pub async fn stream_subjects(&self, stream: &str) -> Result<IndexMap<String, u64>, NatsError> {
        let call = format!("STREAM.INFO.{}", checked("stream", stream)?);
        let mut subjects = IndexMap::new();
        loop {
            let body = Body::Json(json!({"subjects_filter": ">", "offset": subjects.len()}));
            let page = self.wire.read(&call, &body).await?;
            let before = subjects.len();
            subjects.extend(counts(&page));
            if subjects.len() == before || subjects.len() >= total(&page) {
                return Ok(subjects);
            }
        }
    }

    /// The sequence numbers between a stream's first and last message that hold none.
    ///
    /// # Errors
    /// As for any read.
    pub async fn deleted_sequences(&self, stream: &str) -> Result<Vec<u64>, NatsError> {
        let call = format!("STREAM.INFO.{}", checked("stream", stream)?);
        let body = Body::Json(json!({"deleted_details": true}));
        let info = self.wire.read(&call, &body).await?;
        let deleted = info
            .get("state")
            .and_then(|state| state["deleted"].as_array());
        Ok(deleted
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect())
    }
}

fn counts(page: &Map<String, Value>) -> impl Iterator<Item = (String, u64)> + '_ {
    let subjects = page
        .get("state")
        .and_then(|state| state["subjects"].as_object());
    let one = |(subject, count): (&String, &Value)| Some((subject.clone(), count.as_u64()?));
    subjects.into_iter().flatten().filter_map(one)
}

fn stored(answer: &Map<String, Value>) -> Option<Stored> {
    let message = answer.get("message")?;
    let bytes = |field: &str| decoded_length(message[field].as_str().unwrap_or_default());
    Some(Stored {
        seq: message["seq"].as_u64()?,
        time: message["time"].as_str()?.to_owned(),
        subject: u64::try_from(message["subject"].as_str()?.len()).ok()?,
        headers: bytes("hdrs"),
        data: bytes("data"),
    })
}

/// How many bytes stand behind a text of padded base64.
fn decoded_length(base64: &str) -> u64 {
    let padding = base64
        .bytes()
        .rev()
        .take_while(|byte| *byte == b'=')
        .count();
    u64::try_from((base64.len() / 4 * 3).saturating_sub(padding)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_measured_and_not_kept() {
        let answer = json!({ "message": {
            "subject": "T.1", "seq": 7, "data": "bQ==", "hdrs": "TkFUUy8xLjANCg==",
            "time": "2026-11-27T11:20:54.362328934Z",
        } });
        let message = stored(answer.as_object().unwrap()).unwrap();
        assert_eq!((message.seq, message.subject), (7, 3));
        assert_eq!((message.headers, message.data), (10, 1));
    }

    #[test]
    fn base64_tells_its_length() {
        for (text, length) in [("", 0), ("bQ==", 1), ("bW0=", 2), ("bW1t", 3)] {
            assert_eq!(decoded_length(text), length, "{text}");
        }
    }
}
