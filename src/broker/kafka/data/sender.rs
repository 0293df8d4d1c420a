//! Producers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError as RdError, RDKafkaErrorCode as RdCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer};

use super::{KafkaData, Login};

/// Who is told how a record fared: its number, and why it was not written.
pub(crate) type Reports = Arc<dyn Fn(usize, Option<RdCode>) + Send + Sync>;

/// A producer: idempotent, `acks=all`, with the partitioner of the Java clients. Dropping it forgets what is not written yet.
pub(crate) struct Sender {
    producer: Option<ThreadedProducer<Told>>,
    trouble: Arc<OnceLock<String>>,
}

/// What librdkafka calls back.
struct Told {
    reports: Reports,
    login: Login,
    trouble: Arc<OnceLock<String>>,
}

/// How librdkafka marks the line that says what ended a transaction: what is asked of it afterwards fails with no more than that
/// its state is wrong.
const TRANSACTION_ENDED: &str = "TXNERR";

impl ClientContext for Told {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(?level, fac, "{message}");
        if fac == TRANSACTION_ENDED {
            // the first is the cause of the others
            let _is_first = self.trouble.set(message.to_owned());
        }
    }

    fn error(&self, error: RdError, reason: &str) {
        tracing::debug!(%error, reason, "a producer");
    }

    fn generate_oauth_token(
        &self,
        _: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.login.token()
    }
}

impl ProducerContext for Told {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let failure = result
            .as_ref()
            .err()
            .map(|(error, _)| error.rdkafka_error_code().unwrap_or(RdCode::Unknown));
        (self.reports)(number, failure);
    }
}

/// A record to be written.
pub(crate) struct ToWrite<'r> {
    pub(crate) topic: &'r str,
    pub(crate) key: Option<&'r [u8]>,
    pub(crate) value: Option<&'r [u8]>,
    pub(crate) headers: &'r [(String, Option<Vec<u8>>)],
}

/// How much is written at a time, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// What is held back at most.
    pub(crate) held: u64,
    /// The largest record that any topic takes.
    pub(crate) largest: u64,
    /// The largest batch that every topic takes: a record that is larger goes alone.
    pub(crate) batch: u64,
}

/// librdkafka's `batch.size`.
const USUAL_BATCH: u64 = 1_000_000;

impl KafkaData {
    /// A producer of records of these sizes. With a transactional id, only one at a time writes; without, records are never
    /// given up.
    pub(crate) fn sender(
        &self,
        transactional_id: Option<&str>,
        sizes: Sizes,
        reports: Reports,
    ) -> Result<Sender, RdError> {
        let held = (sizes.held.div_ceil(1024) + 1).to_string();
        let largest = sizes.largest.clamp(1000, 1_000_000_000).to_string();
        let said = self.number("batch.size").unwrap_or(USUAL_BATCH);
        let batch = said.min(sizes.batch).max(1).to_string();
        let mut ours = vec![
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("partitioner", "murmur2_random"),
            ("allow.auto.create.topics", "false"),
            ("delivery.report.only.error", "false"),
            ("queue.buffering.max.messages", "0"),
            ("queue.buffering.max.kbytes", &held),
            ("message.max.bytes", &largest),
            ("batch.size", &batch),
            ("topic.metadata.propagation.max.ms", "10000"),
        ];
        match transactional_id {
            Some(id) => ours.push(("transactional.id", id)),
            None => ours.push(("message.timeout.ms", "0")),
        }
        let mut config = self.config(&ours);
        for name in [
            "request.required.acks",
            "delivery.timeout.ms",
            "retries",
            "message.send.max.retries",
        ] {
            config.remove(name);
        }
        if transactional_id.is_some() {
            config.remove("message.timeout.ms");
        }
        let trouble = Arc::new(OnceLock::new());
        let told = Told {
            reports,
            login: self.login(),
            trouble: Arc::clone(&trouble),
        };
        let producer = ThreadedProducer::from_config_and_context(&config, told)?;
        Ok(Sender {
            producer: Some(producer),
            trouble,
        })
    }
}

impl Sender {
    /// What ended a transaction, in librdkafka's words.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    /// Hands a record over; it is written in the background and reported under its number.
    ///
    /// # Errors
    /// [`RdCode::QueueFull`] while too much is held back, and what can never be sent.
    pub(crate) fn send(&self, number: usize, record: &ToWrite<'_>) -> Result<(), RdError> {
        let Some(producer) = &self.producer else {
            return Err(RdError::Canceled);
        };
        let mut to = BaseRecord::<[u8], [u8], usize>::with_opaque_to(record.topic, number);
        to.key = record.key;
        to.payload = record.value;
        if !record.headers.is_empty() {
            let empty = OwnedHeaders::new_with_capacity(record.headers.len());
            let put = |headers: OwnedHeaders, (key, value): &(String, Option<Vec<u8>>)| {
                let value = value.as_deref();
                headers.insert(Header { key, value })
            };
            to.headers = Some(record.headers.iter().fold(empty, put));
        }
        producer.send(to).map_err(|(error, _)| error)
    }

    /// Begins a transaction.
    pub(crate) fn begin(&self) -> Result<(), RdError> {
        match &self.producer {
            Some(producer) => producer.begin_transaction(),
            None => Err(RdError::Canceled),
        }
    }

    /// Fences out whoever wrote under the same transactional id, and waits until what was open is settled.
    pub(crate) async fn init(&self, patience: Duration) -> Result<(), RdError> {
        self.blocking(move |producer| producer.init_transactions(patience))
            .await
    }

    /// Commits. Everything must have been reported before: a commit that waits for records is slow.
    pub(crate) async fn commit(&self, patience: Duration) -> Result<(), RdError> {
        self.blocking(move |producer| producer.commit_transaction(patience))
            .await
    }

    /// Gives the transaction up.
    pub(crate) async fn abort(&self, patience: Duration) -> Result<(), RdError> {
        self.blocking(move |producer| {
            producer.purge(PurgeConfig::default().queue().inflight());
            producer.abort_transaction(patience)
        })
        .await
    }

    async fn blocking(
        &self,
        work: impl FnOnce(&ThreadedProducer<Told>) -> Result<(), RdError> + Send + 'static,
    ) -> Result<(), RdError> {
        let Some(producer) = self.producer.clone() else {
            return Err(RdError::Canceled);
        };
        let done = tokio::task::spawn_blocking(move || work(&producer)).await;
        done.unwrap_or(Err(RdError::Canceled))
    }
}

impl Drop for Sender {
    /// Letting go of a producer waits for its threads.
    fn drop(&mut self) {
        let producer = self.producer.take();
        std::thread::spawn(move || {
            if let Some(producer) = &producer {
                producer.purge(PurgeConfig::default().queue().inflight());
            }
            drop(producer);
        });
    }
}
