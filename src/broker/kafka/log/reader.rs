//! Reading to the end.

use std::time::Duration;

use indexmap::IndexMap;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{BrokerId, FetchRequest};
use tokio::time::Instant;

use super::frames::{Entry, decode};
use super::{Log, PARTITION, Seat, check};
use crate::broker::kafka::admin::topic_name;
use crate::broker::kafka::client::Target;
use crate::broker::kafka::error::{ItemError, KafkaError};

/// Up to where it was read, in which life of the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    topic_id: Option<String>,
    next: i64,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Tail {
    /// From where on nothing is read yet.
    pub position: Position,
    /// Whether what was read before counts no longer: the topic is another one, or its begin was cut off.
    pub anew: bool,
    /// The records, in their order.
    pub entries: Vec<Entry>,
}

/// The bytes of one answer; a batch that is larger comes whole (KIP-74).
const MAX_BYTES: i32 = 8 << 20;

/// Only what was committed (`READ_COMMITTED`).
const COMMITTED: i8 = 1;

/// How long a broker holds an answer back while there is nothing, in ms.
const WAIT_MS: i32 = 100;

/// How long an open transaction is waited for. One that nobody ends is given up by its coordinator after its timeout, which
/// is looked for every 10 s (`transaction.abort.timed.out.transaction.cleanup.interval.ms`).
const OPEN_AT_MOST: Duration = Duration::from_secs(40);

/// `OFFSET_OUT_OF_RANGE`.
const OUT_OF_RANGE: i16 = 1;

impl Log {
    /// Everything that was committed until now and lies behind a position; None where there is no such topic.
    ///
    /// The end is the leader's high watermark, so nothing that was written before is missed. Transactions that are open
    /// below it are waited for: what is behind them can't be read before they end.
    ///
    /// Needs READ on the topic.
    pub(crate) async fn read(&self, since: Option<&Position>) -> Result<Option<Tail>, KafkaError> {
        self.troubles.patiently(|| self.read_once(since)).await
    }

    async fn read_once(&self, since: Option<&Position>) -> Result<Option<Tail>, KafkaError> {
        match self.seat().await? {
            Some(seat) => self.read_at(&seat, since).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read_at(&self, seat: &Seat, since: Option<&Position>) -> Result<Tail, KafkaError> {
        let topic_id = &seat.topic.topic_id;
        let since = since.filter(|since| since.topic_id == *topic_id);
        let mut anew = since.is_none();
        let mut next = since.map_or(0, |since| since.next);
        let mut entries = Vec::new();
        let mut end = None;
        let mut patience = Instant::now() + OPEN_AT_MOST;
        let mut wait = 0;
        loop {
            let (part, held_back) = self.fetch(seat.leader, next, wait).await?;
            patience += held_back;
            if part.error_code == OUT_OF_RANGE {
                (anew, next, end) = (true, self.start(seat).await?, None);
                entries.clear();
                continue;
            }
            check("Fetch", part.error_code)?;
            let end = *end.get_or_insert(part.high_watermark);
            let records = part.records.unwrap_or_default();
            let aborted = part.aborted_transactions.unwrap_or_default();
            let frames = decode(records, next, aborted).map_err(|why| self.garbled(why))?;
            entries.extend(frames.entries);
            wait = frames.next.map_or(WAIT_MS, |_| 0);
            next = frames.next.unwrap_or(next);
            if next >= end {
                break;
            }
            if Instant::now() > patience {
                return Err(self.garbled(format!(
                    "a transaction is open at offset {next} for more than {} s",
                    OPEN_AT_MOST.as_secs()
                )));
            }
        }
        let position = Position {
            topic_id: topic_id.clone(),
            next,
        };
        Ok(Tail {
            position,
            anew,
            entries,
        })
    }

    /// What lies behind an offset, and how long a quota held it back.
    async fn fetch(
        &self,
        leader: i32,
        from: i64,
        wait: i32,
    ) -> Result<(PartitionData, Duration), KafkaError> {
        let partition = FetchPartition::default()
            .with_partition(PARTITION)
            .with_fetch_offset(from)
            .with_partition_max_bytes(MAX_BYTES);
        let topic = FetchTopic::default()
            .with_topic(topic_name(&self.topic))
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(wait)
            .with_min_bytes(1)
            .with_max_bytes(MAX_BYTES)
            .with_isolation_level(COMMITTED)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        let target = Target::Node(leader);
        let (answer, held_back) = self.kafka.fetched(target, &request).await?;
        check("Fetch", answer.error_code)?;
        let mut topics = answer.responses.into_iter();
        let part = topics
            .next()
            .and_then(|topic| topic.partitions.into_iter().next());
        let part = part.ok_or_else(|| KafkaError::refused("Fetch", ItemError::left_out()))?;
        Ok((part, held_back))
    }

    /// Where the records begin, after older ones were deleted.
    async fn start(&self, seat: &Seat) -> Result<i64, KafkaError> {
        let topics = IndexMap::from([(self.topic.clone(), seat.topic.clone())]);
        let spans = self.kafka.spans(&topics).await;
        let spans = spans.into_values().next();
        let spans =
            spans.ok_or_else(|| KafkaError::refused("ListOffsets", ItemError::left_out()))?;
        Ok(spans?.get(&PARTITION).map_or(0, |span| span.start))
    }

    pub(super) fn garbled(&self, cause: String) -> KafkaError {
        KafkaError::Records {
            topic: self.topic.clone(),
            cause,
        }
    }
}
