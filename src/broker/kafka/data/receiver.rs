//! Consumers.

use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::TopicPartitionList;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError as RdError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;

use super::{KafkaData, Login};

/// Who decides what becomes of partitions that come and go; what is to be read of those that come is what it gives back.
pub(crate) type OnChange =
    Box<dyn Fn(&Receiver, Change<'_>) -> Option<TopicPartitionList> + Send + Sync>;

/// Partitions that come or go.
pub(crate) enum Change<'t> {
    /// They are ours.
    Comes(&'t TopicPartitionList),
    /// They are ours until this is dealt with.
    Goes(&'t TopicPartitionList),
}

/// A consumer, which is read by one thread.
pub(crate) type Receiver = BaseConsumer<Asked>;

/// The queue of one partition.
pub(crate) type PartitionQueue = rdkafka::consumer::base_consumer::PartitionQueue<Asked>;

/// What librdkafka calls back.
pub(crate) struct Asked {
    login: Login,
    on_change: Option<OnChange>,
    failed_commit: AtomicBool,
}

impl Asked {
    /// Whether a commit that nobody waited for failed since this was asked last.
    pub(crate) fn take_failed_commit(&self) -> bool {
        self.failed_commit.swap(false, Ordering::Relaxed)
    }
}

impl ClientContext for Asked {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(?level, fac, "{message}");
    }

    fn error(&self, error: RdError, reason: &str) {
        tracing::debug!(%error, reason, "a consumer");
    }

    fn generate_oauth_token(
        &self,
        _: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.login.token()
    }
}

impl ConsumerContext for Asked {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        err: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let is_assignment = err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let change = match is_assignment {
            true => Change::Comes(partitions),
            false => Change::Goes(partitions),
        };
        let chosen = self
            .on_change
            .as_ref()
            .and_then(|on_change| on_change(consumer, change));
        let chosen = chosen.as_ref().unwrap_or(partitions);
        let is_cooperative = matches!(
            consumer.rebalance_protocol(),
            RebalanceProtocol::Cooperative
        );
        let done = match (is_assignment, is_cooperative) {
            (true, true) => consumer.incremental_assign(chosen),
            (true, false) => consumer.assign(chosen),
            (false, true) => consumer.incremental_unassign(partitions),
            (false, false) => consumer.unassign(),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "partitions could not be taken or let go");
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let of_each = || {
            offsets
                .elements()
                .into_iter()
                .find_map(|it| it.error().err())
        };
        if let Some(error) = result.err().or_else(of_each) {
            tracing::debug!(%error, "not committed");
            self.failed_commit.store(true, Ordering::Relaxed);
        }
    }
}

impl KafkaData {
    /// A member of a group, which commits nothing by itself and reads committed records only. A dead one's partitions move after
    /// 6 s, the least that brokers take by default (`group.min.session.timeout.ms`).
    pub(crate) fn member(
        &self,
        group: &str,
        held: u64,
        on_change: Option<OnChange>,
    ) -> Result<Receiver, RdError> {
        let held = held.div_ceil(1024).max(1).to_string();
        let mut config = self.config(&[
            ("group.id", group),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("isolation.level", "read_committed"),
            ("allow.auto.create.topics", "false"),
            ("enable.partition.eof", "false"),
            ("queued.max.messages.kbytes", &held),
            ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "2000"),
            // how soon new partitions are seen
            ("topic.metadata.refresh.interval.ms", "30000"),
        ]);
        config.remove("auto.commit.enable");
        if config.get("partition.assignment.strategy").is_none() {
            config.set("partition.assignment.strategy", "cooperative-sticky");
        }
        config.remove("group.protocol");
        self.receiver(&config, on_change)
    }

    /// A consumer of no group, which tells where a partition ends.
    pub(crate) fn reader(&self) -> Result<Receiver, RdError> {
        let config = self.config(&[
            ("group.id", "trueup.reader"),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
            ("allow.auto.create.topics", "false"),
            ("enable.partition.eof", "true"),
            ("queued.max.messages.kbytes", "4096"),
        ]);
        self.receiver(&config, None)
    }

    fn receiver(
        &self,
        config: &rdkafka::ClientConfig,
        on_change: Option<OnChange>,
    ) -> Result<Receiver, RdError> {
        let asked = Asked {
            login: self.login(),
            on_change,
            failed_commit: AtomicBool::new(false),
        };
        BaseConsumer::from_config_and_context(config, asked)
    }
}
