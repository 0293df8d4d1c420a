//! The JetStream plane: one connection, the API's requests, whole JSON documents.
//!
//! `async-nats` is the connection only. Its typed configurations lose fields that they do not know, so every
//! document here is the server's own JSON. This room knows the API and no resource kind of ours.
//!
//! What it promises: an answer or an error within 10 s, in a cluster within 25 s, never a hang; a missing right, a
//! time-out or an incomplete listing is never absence; a mutation is sent once, and a lost answer is said to be lost.
//! Only in a cluster, and only where the same again changes nothing, a lost one is sent again: see `election`.

mod address;
mod consumers;
mod context;
mod credentials;
mod data;
mod denials;
mod diagnose;
mod dial;
mod election;
mod error;
mod facts;
mod keys;
mod messages;
mod names;
mod peers;
mod problem;
mod rights;
mod settings;
mod sift;
mod streams;
mod tls;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::{Mutex, Semaphore};

pub use consumers::ConsumerAction;
pub use data::{Acked, DataError, NatsData};
pub use error::{Action, NatsError};
pub use facts::{AccountFacts, AccountLimits, AccountUsage, ServerFacts, Tier};
pub use keys::{Bucket, Last, Template, Writing, Written};
pub use messages::Stored;
pub use peers::Peers;
pub use rights::{RightProbe, Verdict, WantedRights};
pub use settings::{NatsSettings, SettingComplaint};
pub use streams::{Deletion, StreamListing};
pub use wire::many;

use super::Fence;
use dial::Endurance;
use election::Leader;
use wire::{Body, Wire};

/// A document, or `None` when the server says that there is no such thing.
pub type Answer = Result<Option<Map<String, Value>>, NatsError>;

/// How long connecting may take altogether, in seconds.
const CONNECT_SECONDS: u64 = 10;

/// How long the first answer of the JetStream API may take.
const FIRST_ANSWER: Duration = Duration::from_secs(4);

/// A connection to the JetStream API; cheap to clone.
#[derive(Clone)]
pub struct JetStream {
    wire: Arc<Wire>,
    facts: Arc<ServerFacts>,
}

impl JetStream {
    /// Connects and makes sure that JetStream answers, within 10 s; in a cluster that elects its leader, within
    /// those and the time that an election may take.
    ///
    /// # Errors
    /// Each way to fail has its own [`NatsError`].
    pub async fn connect(settings: NatsSettings) -> Result<JetStream, NatsError> {
        let end = Instant::now() + Duration::from_secs(CONNECT_SECONDS);
        let line = by(end, &settings, dial::dial(&settings, Endurance::Minute)).await?;
        let facts = ServerFacts::new(line.server.clone(), line.tls, line.client.server_info());
        let wire = Wire {
            client: line.client,
            denials: line.denials,
            server: line.server,
            prefix: settings.api_prefix(),
            clustered: facts.cluster.is_some(),
            gate: Semaphore::new(wire::IN_FLIGHT),
            look: Mutex::new(()),
            leader: Leader::default(),
            fence: Fence::default(),
            sent: AtomicU64::new(0),
        };
        match wire.clustered {
            true => wire.read("INFO", &Body::Empty).await?,
            false => {
                let asked = wire.read_once("INFO", &Body::Empty, FIRST_ANSWER);
                by(end, &settings, asked).await?
            }
        };
        tracing::debug!(server = %facts.url, version = %facts.version, "connected to JetStream");
        Ok(JetStream {
            wire: Arc::new(wire),
            facts: Arc::new(facts),
        })
    }

    /// The server that we are connected to.
    pub fn server(&self) -> &ServerFacts {
        &self.facts
    }

    /// Until when changes may be sent.
    pub fn fence(&self) -> &Fence {
        &self.wire.fence
    }

    /// The account: limits, usage, API level and, where the server tells, its identity.
    ///
    /// # Errors
    /// As for any read; a refusal to tell the identity is none.
    pub async fn account(&self) -> Result<AccountFacts, NatsError> {
        let (document, identity) = tokio::join!(
            self.wire.read("INFO", &Body::Empty),
            self.wire.aside("$SYS.REQ.USER.INFO"),
        );
        AccountFacts::read(document?, identity).map_err(|error| NatsError::MalformedAnswer {
            server: self.facts.url.clone(),
            subject: self.wire.subject("INFO"),
            reason: error.to_string(),
        })
    }

    /// How many requests have been sent over this connection, repeated ones included.
    pub fn requests_sent(&self) -> u64 {
        self.wire.sent.load(Ordering::Relaxed)
    }
}

/// What comes before `end`, or that the server could not be reached in time.
async fn by<T>(
    end: Instant,
    settings: &NatsSettings,
    work: impl Future<Output = Result<T, NatsError>>,
) -> Result<T, NatsError> {
    let late = || NatsError::ConnectTimeout {
        server: settings.display_url(),
        seconds: CONNECT_SECONDS,
    };
    let done = tokio::time::timeout_at(end.into(), work).await;
    done.unwrap_or_else(|_| Err(late()))
}

impl std::fmt::Debug for JetStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JetStream")
            .field("server", &self.facts)
            .finish_non_exhaustive()
    }
}
