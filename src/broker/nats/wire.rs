//! The one place where a request is sent, counted, bounded, tried again and its answer read.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::NatsError;
use super::denials::{Cut, Denials, GivenUp};
use super::election::{Attempts, Kind, Leader};
use super::error::Action;
use super::sift::Kept;
use crate::broker::Fence;

/// How many requests are in flight on one connection. A server that has 10,000 waiting drops them all without
/// a word (`request_queue_limit`); throughput does not grow beyond 64.
pub(super) const IN_FLIGHT: usize = 64;

/// How long a server that left a request unanswered may take for a sign of life before the next one.
const SIGN_OF_LIFE: Duration = Duration::from_millis(500);

/// How long one attempt of a repeatable request may take.
const ATTEMPT: Duration = Duration::from_secs(4);

/// How long a broken connection may take to come back before every request fails at once.
pub(super) const GIVE_UP: Duration = Duration::from_secs(5);

/// Answered by the very server that we are connected to, whether its cluster has a leader or not.
const ITSELF: &str = "$SYS.REQ.USER.INFO";

/// The header that makes a server below this API level refuse (2.12; older servers ignore it).
const REQUIRED_LEVEL: &str = "Nats-Required-Api-Level";

/// One connection with its bookkeeping.
pub(super) struct Wire {
    pub(super) client: Client,
    pub(super) denials: Arc<Denials>,
    pub(super) server: String,
    pub(super) prefix: String,
    /// Whether the server is one of a cluster: leaders are elected anew there, and others can stand in.
    pub(super) clustered: bool,
    pub(super) gate: Semaphore,
    pub(super) look: Mutex<()>,
    pub(super) leader: Leader,
    pub(super) fence: Fence,
    pub(super) sent: AtomicU64,
}

/// How one attempt ended without an answer.
#[derive(Debug)]
pub(super) enum Miss {
    TimedOut(Duration),
    NoResponders,
    Denied(Action, String),
    Lost(String),
    NotSent(GivenUp),
    Unsendable(String),
    /// The cluster has no leader to do it: so the server said, and did nothing.
    Leaderless(Duration),
    /// The cluster has a leader, and the stream's own one does not answer.
    StreamSilent(Duration),
}

/// Runs `ask` for each item, at most 64 at a time, and gives the answers in the order of the items.
pub async fn many<I, A, F, T>(items: I, ask: A) -> Vec<T>
where
    I: IntoIterator,
    A: FnMut(I::Item) -> F,
    F: Future<Output = T>,
{
    let items = items.into_iter();
    let mut answers = Vec::with_capacity(items.size_hint().0);
    let mut asked = pin!(futures::stream::iter(items).map(ask).buffered(IN_FLIGHT));
    while let Some(answer) = asked.next().await {
        answers.push(answer);
    }
    answers
}

impl Wire {
    /// An answer to a request that changes nothing; tried again when it stays out.
    pub(super) async fn read(
        &self,
        call: &str,
        body: &Body,
    ) -> Result<Map<String, Value>, NatsError> {
        let attempts = Attempts::of(Kind::Read, self.clustered);
        self.read_in(attempts, call, body, Kept::Whole).await
    }

    /// What `kept` says of the answer to a question without parameters.
    pub(super) async fn look(
        &self,
        call: &str,
        kept: Kept,
    ) -> Result<Map<String, Value>, NatsError> {
        let attempts = Attempts::of(Kind::Read, self.clustered);
        self.read_in(attempts, call, &Body::Empty, kept).await
    }

    /// The same in one attempt of `patience`, for probes.
    pub(super) async fn read_once(
        &self,
        call: &str,
        body: &Body,
        patience: Duration,
    ) -> Result<Map<String, Value>, NatsError> {
        let subject = self.subject(call);
        match self.once(&subject, body, None, patience).await {
            Ok(message) => self.answer(&subject, &message, Kept::Whole),
            Err(miss) => Err(self.read_error(subject, miss)),
        }
    }

    /// A listing's page, which a cluster gathers for up to 4 s before it answers.
    pub(super) async fn page(
        &self,
        call: &str,
        body: &Body,
        kept: Kept,
    ) -> Result<Map<String, Value>, NatsError> {
        let attempts = Attempts::of(Kind::Page, self.clustered);
        self.read_in(attempts, call, body, kept).await
    }

    /// A request outside of the JetStream API, once; nothing when nobody answers or may be asked.
    pub(super) async fn aside(&self, subject: &str) -> Option<Map<String, Value>> {
        let message = self
            .once(subject, &Body::Empty, None, ATTEMPT / 2)
            .await
            .ok()?;
        serde_json::from_slice(&message.payload).ok()
    }

    /// The full subject of an API call: `STREAM.INFO.EVENTS` under the domain or prefix.
    pub(super) fn subject(&self, call: &str) -> String {
        format!("{}.{call}", self.prefix)
    }

    pub(super) async fn once(
        &self,
        subject: &str,
        body: &Body,
        level: Option<u8>,
        patience: Duration,
    ) -> Result<Message, Miss> {
        let _place = self.gate.acquire().await;
        self.given_up()?;
        self.connected().await?;
        self.heard().await?;
        self.send(subject, body, level, patience).await
    }

    fn given_up(&self) -> Result<(), Miss> {
        match self.denials.given_up() {
            Some(why) => Err(Miss::NotSent(why)),
            None => Ok(()),
        }
    }

    /// Looks whether a server that kept silent is there at all; another one of its cluster stands in for it.
    async fn heard(&self) -> Result<(), Miss> {
        let patience = match self.clustered {
            true => ATTEMPT / 2,
            false => GIVE_UP,
        };
        if self.denials.silent_for() < patience {
            return Ok(());
        }
        let _one_looks_for_all = self.look.lock().await;
        self.given_up()?;
        if self.denials.silent_for() < patience || self.gives_sign_of_life().await {
            return Ok(());
        }
        if self.clustered && self.moves_on().await {
            return Ok(());
        }
        self.denials.give_up(GivenUp::Silent);
        Err(Miss::NotSent(GivenUp::Silent))
    }

    /// Leaves a server that says nothing for another one of its cluster.
    async fn moves_on(&self) -> bool {
        let before = self.denials.connections();
        tracing::debug!(server = %self.server, "no sign of life, going to another server");
        if self.client.force_reconnect().await.is_err() {
            return false;
        }
        let come = async {
            while self.denials.connections() == before {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(GIVE_UP, come).await.is_ok()
    }

    /// Whether a server that kept silent answers at all; what changes something is not sent to one that
    /// does not, for it would be carried out long after we gave up. Asked once: who gave no sign is asked
    /// nothing more, or every request of a run would wait anew.
    async fn gives_sign_of_life(&self) -> bool {
        let subject = match self.clustered {
            true => ITSELF.to_owned(),
            false => self.subject("INFO"),
        };
        let asked = self.send(&subject, &Body::Empty, None, SIGN_OF_LIFE);
        !matches!(asked.await, Err(Miss::TimedOut(_) | Miss::Lost(_)))
    }

    async fn send(
        &self,
        subject: &str,
        body: &Body,
        level: Option<u8>,
        patience: Duration,
    ) -> Result<Message, Miss> {
        let mut watch = self.denials.watch(subject);
        let begin = Instant::now();
        self.sent.fetch_add(1, Ordering::Relaxed);
        tracing::trace!(subject, "request");
        let sending = self
            .client
            .send_request(subject.to_owned(), request(body, level));
        let answered = tokio::select! {
            answer = timeout(patience, sending) => match answer {
                Ok(Ok(message)) => Ok(message),
                Ok(Err(error)) => Err(Miss::from_client(&error, patience)),
                Err(_) => Err(Miss::TimedOut(patience)),
            },
            cut = watch.cut() => Err(Miss::from_cut(cut)),
        };
        match &answered {
            Err(Miss::TimedOut(_)) => self.denials.note_silence(begin),
            Ok(_) | Err(Miss::NoResponders | Miss::Denied(..)) => self.denials.note_answer(),
            Err(
                Miss::Lost(_)
                | Miss::NotSent(_)
                | Miss::Unsendable(_)
                | Miss::Leaderless(_)
                | Miss::StreamSilent(_),
            ) => {}
        }
        answered
    }

    /// Waits for a broken connection to come back, but no longer than [`GIVE_UP`] after it broke.
    ///
    /// Nothing is sent into a broken connection: it would wait there and be carried out long after we gave up.
    async fn connected(&self) -> Result<(), Miss> {
        while self.client.connection_state() != State::Connected {
            if self.denials.broken_for().max(self.denials.silent_for()) > GIVE_UP {
                return Err(Miss::NotSent(GivenUp::Silent));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(super) fn answer(
        &self,
        subject: &str,
        message: &Message,
        kept: Kept,
    ) -> Result<Map<String, Value>, NatsError> {
        let malformed = |reason: String| NatsError::MalformedAnswer {
            server: self.server.clone(),
            subject: subject.to_owned(),
            reason,
        };
        let mut document = kept
            .of(&message.payload)
            .map_err(|error| malformed(format!("a JSON object was expected: {error}")))?;
        match document.remove("error") {
            None => Ok(document),
            Some(Value::Object(error)) => Err(self.api_error(subject, &error)),
            Some(other) => Err(malformed(format!("`error` is `{other}`"))),
        }
    }

    fn api_error(&self, subject: &str, error: &Map<String, Value>) -> NatsError {
        let number = |field: &str| error.get(field).and_then(Value::as_u64).unwrap_or_default();
        let description = error
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or("no description");
        let server = self.server.clone();
        match number("err_code") {
            // JSNotEnabledErr, JSNotEnabledForAccountErr (nats-server `errors.json`)
            10076 | 10039 => NatsError::JetStreamNotEnabled {
                server,
                reason: description.to_owned(),
            },
            err_code => NatsError::Api {
                server,
                subject: subject.to_owned(),
                code: number("code"),
                err_code,
                description: description.to_owned(),
            },
        }
    }

    pub(super) fn read_error(&self, subject: String, miss: Miss) -> NatsError {
        let server = self.server.clone();
        match miss {
            Miss::TimedOut(after) => NatsError::RequestTimeout {
                server,
                subject,
                seconds: after.as_secs(),
            },
            Miss::Lost(reason) => NatsError::ConnectionLost {
                server,
                subject,
                reason,
            },
            Miss::NoResponders => NatsError::JetStreamNotEnabled {
                server,
                reason: format!("nobody answers on `{subject}`"),
            },
            Miss::Denied(action, subject) => NatsError::PermissionDenied {
                server,
                action,
                subject,
            },
            Miss::NotSent(GivenUp::Silent) => NatsError::NotAsked { server },
            Miss::NotSent(GivenUp::Leaderless) => NatsError::LeaderNotAsked { server },
            Miss::NotSent(GivenUp::Fenced) => NatsError::Fenced { server },
            Miss::Leaderless(after) => NatsError::Leaderless {
                server,
                subject,
                seconds: after.as_secs(),
            },
            Miss::StreamSilent(after) => NatsError::StreamSilent {
                server,
                seconds: after.as_secs(),
            },
            Miss::Unsendable(reason) => NatsError::Unsendable {
                server,
                subject,
                reason,
            },
        }
    }

    /// As for a read, but where the request may have been carried out its outcome is unknown.
    pub(super) fn write_error(&self, subject: String, miss: Miss) -> NatsError {
        let reason = match miss {
            Miss::TimedOut(after) => format!("nothing came within {} s", after.as_secs()),
            Miss::Lost(reason) => reason,
            Miss::Denied(Action::Subscribe, inbox) => format!("we may not subscribe to `{inbox}`"),
            Miss::Denied(Action::Publish, _)
            | Miss::NoResponders
            | Miss::NotSent(_)
            | Miss::Leaderless(_)
            | Miss::StreamSilent(_)
            | Miss::Unsendable(_) => return self.read_error(subject, miss),
        };
        NatsError::AnswerLost {
            server: self.server.clone(),
            subject,
            reason,
        }
    }
}

impl Miss {
    fn from_client(error: &async_nats::RequestError, patience: Duration) -> Miss {
        let reason = || match std::error::Error::source(error) {
            Some(source) => source.to_string(),
            None => error.to_string(),
        };
        match error.kind() {
            RequestErrorKind::TimedOut => Miss::TimedOut(patience),
            RequestErrorKind::NoResponders => Miss::NoResponders,
            RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                Miss::Unsendable(reason())
            }
            RequestErrorKind::Other => Miss::Lost(reason()),
        }
    }

    fn from_cut(cut: Cut) -> Miss {
        match cut {
            Cut::Denied(action, subject) => Miss::Denied(action, subject),
            Cut::Disconnected => Miss::Lost("it broke or gave no sign of life".to_owned()),
        }
    }

    /// Whether trying again can help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Miss::TimedOut(_) | Miss::NoResponders | Miss::Lost(_) | Miss::Leaderless(_) => true,
            Miss::Denied(..) | Miss::NotSent(_) | Miss::Unsendable(_) | Miss::StreamSilent(_) => {
                false
            }
        }
    }
}

/// The body of a request.
pub(super) enum Body {
    /// No byte at all: what endpoints without parameters want (`null` is refused with 10038).
    Empty,
    /// A document.
    Json(Value),
    /// Text that is no JSON, so that no server can carry it out.
    Unreadable,
    /// A message for a stream.
    Message(HeaderMap, Bytes),
}

impl Body {
    fn bytes(&self) -> Bytes {
        match self {
            Body::Empty => Bytes::new(),
            Body::Json(document) => Bytes::from(document.to_string()),
            Body::Unreadable => Bytes::from_static(b"?"),
            Body::Message(_, payload) => payload.clone(),
        }
    }
}

fn request(body: &Body, level: Option<u8>) -> Request {
    let mut headers = match body {
        Body::Message(headers, _) => headers.clone(),
        Body::Empty | Body::Json(_) | Body::Unreadable => HeaderMap::new(),
    };
    if let Some(level) = level {
        headers.insert(REQUIRED_LEVEL, level.to_string());
    }
    let request = Request::new().payload(body.bytes()).timeout(None);
    match headers.is_empty() {
        true => request,
        false => request.headers(headers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_items_and_the_pipe_is_bounded() {
        let now = AtomicU64::new(0);
        let most = AtomicU64::new(0);
        let answers = many(0..500_u64, |item| {
            let (now, most) = (&now, &most);
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..=(item % 7) {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                item
            }
        })
        .await;
        assert_eq!(answers, (0..500).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), 64);
    }

    #[test]
    fn an_endpoint_without_parameters_gets_no_byte() {
        assert!(Body::Empty.bytes().is_empty());
        assert!(serde_json::from_slice::<Value>(&Body::Unreadable.bytes()).is_err());
    }
}
