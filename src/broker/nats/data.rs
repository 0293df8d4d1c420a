//! The data plane: a connection that outlives its servers, for who moves messages.
//!
//! [`super::JetStream`] serves commands, which end: it fails fast, and after a minute for good. A worker lives on, so that
//! here a lost connection is tried again for ever, and each answer that does not come is the caller's to judge.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_ROLLUP};
use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind, Subscriber};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::denials::{Cut, Denials};
use super::dial::{Endurance, dial};
use super::error::Action;
use super::facts::ServerFacts;
use super::keys::{Last, NO_MESSAGE, OPERATION, last};
use super::streams::STREAM_NOT_FOUND;
use super::{NatsError, NatsSettings};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Another message is the last of its subject, or is just being written (`JSStreamWrongLastSequenceErrF`,
/// `JSStreamWrongLastSequenceConstantErr`).
const OVERTAKEN: [u64; 2] = [10071, 10164];

/// A connection for moving messages; cheap to clone.
#[derive(Clone)]
pub struct NatsData(Arc<Inner>);

struct Inner {
    client: Client,
    denials: Arc<Denials>,
    server: String,
    tls: bool,
    prefix: String,
}

/// A message that a stream took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acked {
    /// The stream.
    pub stream: String,
    /// Its sequence.
    pub sequence: u64,
    /// Whether it was there before.
    pub duplicate: bool,
}

/// Why there is no answer, or which it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The server said no.
    #[error("{description} (NATS error {err_code})")]
    Refused {
        /// The HTTP-like code.
        code: u64,
        /// The server's error code.
        err_code: u64,
        /// Its words.
        description: String,
    },
    /// Nobody listens.
    #[error("nobody answers on `{0}`")]
    NoResponders(String),
    /// Nothing came in time.
    #[error("no answer on `{0}` in time")]
    Silent(String),
    /// The account lacks a right.
    #[error("the user may not {} `{subject}`", match action { Action::Publish => "publish to", Action::Subscribe => "subscribe to" })]
    Denied {
        /// What it may not do.
        action: Action,
        /// Where.
        subject: String,
    },
    /// The connection broke, or what came can't be read.
    #[error("{0}")]
    Lost(String),
}

impl DataError {
    /// The server's error code, where it said no.
    pub fn err_code(&self) -> Option<u64> {
        match self {
            DataError::Refused { err_code, .. } => Some(*err_code),
            DataError::NoResponders(_)
            | DataError::Silent(_)
            | DataError::Denied { .. }
            | DataError::Lost(_) => None,
        }
    }

    /// Whether it may have been done all the same.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, DataError::Silent(_) | DataError::Lost(_))
    }
}

impl NatsData {
    /// Connects to the first server that lets us in.
    ///
    /// # Errors
    /// As for [`super::JetStream::connect`], but that JetStream need not answer yet.
    pub async fn connect(settings: &NatsSettings) -> Result<NatsData, NatsError> {
        let line = dial(settings, Endurance::Forever).await?;
        Ok(NatsData(Arc::new(Inner {
            client: line.client,
            denials: line.denials,
            server: line.server,
            tls: line.tls,
            prefix: settings.api_prefix(),
        })))
    }

    /// The client itself.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        self.0.client.connection_state() == State::Connected
    }

    /// How often a connection came about.
    pub fn connections(&self) -> u64 {
        self.0.denials.connections()
    }

    /// What the server said, since this was asked last, that the account may not publish to or subscribe to, of subjects that
    /// begin so: a publish that nobody waits for fails without a word else.
    pub fn denied(&self, prefix: &str) -> Option<DataError> {
        let (action, subject) = self.0.denials.take(prefix)?;
        Some(DataError::Denied { action, subject })
    }

    /// The server that we are connected to now.
    pub fn server(&self) -> ServerFacts {
        let Inner { server, tls, .. } = &*self.0;
        ServerFacts::new(server.clone(), *tls, self.0.client.server_info())
    }

    /// The full subject of a call of the JetStream API.
    pub fn subject(&self, call: &str) -> String {
        format!("{}.{call}", self.0.prefix)
    }

    /// An answer of the JetStream API. Without a document no byte is sent.
    ///
    /// # Errors
    /// Each way to get none.
    pub async fn api(
        &self,
        call: &str,
        body: Option<&Value>,
    ) -> Result<Map<String, Value>, DataError> {
        let payload = body.map(Value::to_string).unwrap_or_default();
        let request = Request::new().payload(payload.into());
        let subject = self.subject(call);
        document(&self.ask(&subject, request, PATIENCE).await?)
    }

    /// The document of a stream; none where there is no such stream.
    ///
    /// # Errors
    /// As for any call.
    pub async fn stream(&self, name: &str) -> Result<Option<Map<String, Value>>, DataError> {
        let answer = self.api(&format!("STREAM.INFO.{name}"), None).await;
        absent_when(answer, STREAM_NOT_FOUND)
    }

    /// Publishes a message and waits until a stream has it.
    ///
    /// # Errors
    /// Where it may be there all the same, [`DataError::is_outcome_unknown`].
    pub async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Acked, DataError> {
        self.publish_within(subject, headers, payload, PATIENCE)
            .await
    }

    /// The same with a patience of its own.
    ///
    /// # Errors
    /// As for [`NatsData::publish`].
    pub async fn publish_within(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
        patience: Duration,
    ) -> Result<Acked, DataError> {
        let request = Request::new().headers(headers).payload(payload);
        let answer = document(&self.ask(subject, request, patience).await?)?;
        let acked = Acked {
            stream: text(&answer, "stream"),
            sequence: answer
                .get("seq")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            duplicate: answer.get("duplicate") == Some(&Value::Bool(true)),
        };
        match acked.sequence {
            0 => Err(DataError::Lost(
                "what came is no acknowledgement".to_owned(),
            )),
            _ => Ok(acked),
        }
    }

    /// Asks once.
    ///
    /// # Errors
    /// Each way to get no answer.
    pub async fn ask(
        &self,
        subject: &str,
        request: Request,
        patience: Duration,
    ) -> Result<Message, DataError> {
        let mut watch = self.0.denials.watch(subject);
        let asked = self
            .0
            .client
            .send_request(subject.to_owned(), request.timeout(Some(patience)));
        tokio::select! {
            answer = asked => answer.map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => DataError::NoResponders(subject.to_owned()),
                RequestErrorKind::TimedOut => DataError::Silent(subject.to_owned()),
                RequestErrorKind::InvalidSubject
                | RequestErrorKind::MaxPayloadExceeded
                | RequestErrorKind::Other => DataError::Lost(error.to_string()),
            }),
            cut = watch.cut() => Err(match cut {
                Cut::Denied(action, subject) => DataError::Denied { action, subject },
                Cut::Disconnected => DataError::Lost("the connection to NATS broke".to_owned()),
            }),
        }
    }

    /// Subscribes.
    ///
    /// # Errors
    /// The client is closed.
    pub async fn subscribe(&self, subject: String) -> Result<Subscriber, DataError> {
        let subscribed = self.0.client.subscribe(subject).await;
        subscribed.map_err(|error| DataError::Lost(error.to_string()))
    }

    /// The last message of a key of a bucket; none where there never was one.
    ///
    /// # Errors
    /// As for any call; 10059 where there is no such bucket.
    pub async fn key(&self, bucket: &str, key: &str) -> Result<Option<Last>, DataError> {
        let subject = format!("$KV.{bucket}.{key}");
        self.last(&format!("KV_{bucket}"), &subject).await
    }

    /// The last message of a subject in a stream, told by its leader; none where there is none.
    ///
    /// # Errors
    /// As for any call.
    pub async fn last(&self, stream: &str, subject: &str) -> Result<Option<Last>, DataError> {
        let body = json!({ "last_by_subj": subject });
        let answer = self
            .api(&format!("STREAM.MSG.GET.{stream}"), Some(&body))
            .await;
        let Some(document) = absent_when(answer, NO_MESSAGE)? else {
            return Ok(None);
        };
        let found = document.get("message").and_then(last);
        let garbled = || DataError::Lost(format!("the last message of `{subject}` can't be read"));
        found.map(Some).ok_or_else(garbled)
    }

    /// Writes a value, or (without one) takes the key away, where its last message has this sequence, 0 for none. The sequence
    /// that it became; none where another one was faster.
    ///
    /// # Errors
    /// As for [`NatsData::publish`].
    pub async fn write_key(
        &self,
        bucket: &str,
        key: &str,
        value: Option<&[u8]>,
        after: Option<u64>,
    ) -> Result<Option<u64>, DataError> {
        let mut headers = HeaderMap::new();
        if let Some(after) = after {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, after.to_string());
        }
        if value.is_none() {
            headers.insert(OPERATION, "PURGE");
            headers.insert(NATS_ROLLUP, "sub");
        }
        let payload = Bytes::copy_from_slice(value.unwrap_or_default());
        match self
            .publish(&self.key_subject(bucket, key), headers, payload)
            .await
        {
            Ok(acked) => Ok(Some(acked.sequence)),
            Err(error)
                if error
                    .err_code()
                    .is_some_and(|code| OVERTAKEN.contains(&code)) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What is published to. Where a prefix or a domain is set, the buckets lie behind it like the API
    /// (nats-server, `generateJSMappingTable`).
    fn key_subject(&self, bucket: &str, key: &str) -> String {
        let subject = format!("$KV.{bucket}.{key}");
        match self.0.prefix.as_str() {
            "$JS.API" => subject,
            _ => self.subject(&subject),
        }
    }
}

impl std::fmt::Debug for NatsData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsData")
            .field("server", &self.0.server)
            .finish_non_exhaustive()
    }
}

fn document(message: &Message) -> Result<Map<String, Value>, DataError> {
    let parsed: Result<Map<String, Value>, _> = serde_json::from_slice(&message.payload);
    let document =
        parsed.map_err(|error| DataError::Lost(format!("an answer can't be read: {error}")))?;
    let Some(Value::Object(error)) = document.get("error") else {
        return Ok(document);
    };
    let number = |name: &str| error.get(name).and_then(Value::as_u64).unwrap_or_default();
    Err(DataError::Refused {
        code: number("code"),
        err_code: number("err_code"),
        description: text(error, "description"),
    })
}

fn text(document: &Map<String, Value>, name: &str) -> String {
    let text = document.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn absent_when<T>(answer: Result<T, DataError>, code: u64) -> Result<Option<T>, DataError> {
    match answer {
        Err(error) if error.err_code() == Some(code) => Ok(None),
        answer => answer.map(Some),
    }
}
