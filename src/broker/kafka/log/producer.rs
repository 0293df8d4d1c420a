//! Writing in transactions: of all who write under one transactional id, only the last who asked for it can.

use bytes::Bytes;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, EndTxnRequest, FindCoordinatorRequest, InitProducerIdRequest,
    ProduceRequest, ProducerId, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;

use super::frames::{Signature, encode};
use super::patience::{code, is_busy};
use super::{Log, PARTITION, check};
use crate::broker::kafka::admin::topic_name;
use crate::broker::kafka::client::api::Request;
use crate::broker::kafka::client::{Effect, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// How long a transaction may be open before its coordinator gives it up, in ms: who reads waits for it.
const TRANSACTION_TIMEOUT_MS: i32 = 10_000;

/// How long a leader may wait for its replicas, in ms.
const REPLICAS_TIMEOUT_MS: i32 = 5_000;

/// What a coordinator is asked for by (`FindCoordinatorRequest.json`): a transactional id.
const TRANSACTION: i8 = 1;

/// All replicas that are in sync have it before it is acknowledged.
const ALL: i16 = -1;

/// That another one writes under the transactional id now, or that its last transaction was given up meanwhile:
/// `INVALID_PRODUCER_EPOCH`, `INVALID_TXN_STATE`, `INVALID_PRODUCER_ID_MAPPING`, `OUT_OF_ORDER_SEQUENCE_NUMBER`,
/// `UNKNOWN_PRODUCER_ID`, `PRODUCER_FENCED`, `TRANSACTION_ABORTABLE`.
const FENCED: [i16; 7] = [47, 48, 49, 45, 59, 90, 120];

/// `UNKNOWN_SERVER_ERROR`: seen of Kafka 4.1.1 as the answer to EndTxn while others asked for the transactional id.
const UNTOLD: i16 = -1;

/// The right to write under a transactional id, until somebody else asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    log: Log,
    transactional_id: String,
    id: i64,
    epoch: i16,
    sequence: i32,
    coordinator: Option<i32>,
}

/// Where a record is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    /// Its offset.
    pub offset: i64,
    /// The leader's clock when it appended it, in ms since 1970; None where the topic keeps the writers' times.
    pub appended: Option<i64>,
}

/// Why a record was not written.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// Somebody else writes under the transactional id now; nothing was written.
    Fenced,
    /// There is no such topic any more.
    NoTopic,
    /// Nothing was written.
    Failed(KafkaError),
    /// It may have been written or not.
    Unknown(KafkaError),
}

impl Log {
    /// Asks for the right to write under a transactional id: who had it before writes nothing more, and what it had not
    /// ended is given up.
    ///
    /// Needs WRITE on the transactional id.
    pub(crate) async fn producer(&self, transactional_id: &str) -> Result<Producer, KafkaError> {
        let mut producer = Producer {
            log: self.clone(),
            transactional_id: transactional_id.to_owned(),
            id: -1,
            epoch: -1,
            sequence: 0,
            coordinator: None,
        };
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(producer.transaction()))
            .with_transaction_timeout_ms(TRANSACTION_TIMEOUT_MS)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let answer = producer.coordinate(&request, |answer| answer.error_code);
        let answer = answer.await?;
        producer.id = answer.producer_id.0;
        producer.epoch = answer.producer_epoch;
        Ok(producer)
    }

    /// Writes a key without a value outside of any transaction, which tells the time: that of the leader's clock, in ms
    /// since 1970. None where there is no such topic.
    ///
    /// Needs WRITE on the topic.
    pub(crate) async fn tick(&self, key: &str) -> Result<Option<Written>, KafkaError> {
        let batch = self.encoded(key, None, None)?;
        self.append(None, &batch).await
    }

    /// The broker that coordinates a transactional id.
    ///
    /// Needs DESCRIBE on it, which comes with WRITE.
    pub(crate) async fn coordinator(&self, transactional_id: &str) -> Result<i32, KafkaError> {
        let find = || self.coordinator_once(transactional_id);
        self.troubles.patiently(find).await
    }

    async fn coordinator_once(&self, transactional_id: &str) -> Result<i32, KafkaError> {
        let request = FindCoordinatorRequest::default()
            .with_key(StrBytes::from_string(transactional_id.to_owned()))
            .with_key_type(TRANSACTION);
        let target = Target::Any;
        let answer = self.kafka.ask(target, Effect::Read, &request, |_| false);
        let answer = answer.await?;
        check("FindCoordinator", answer.error_code)?;
        Ok(answer.node_id.0)
    }

    /// None where there is no such topic.
    async fn append(
        &self,
        transactional_id: Option<TransactionalId>,
        batch: &Bytes,
    ) -> Result<Option<Written>, KafkaError> {
        let mut patience = self.troubles.begin();
        while let Some(seat) = self.settled().await? {
            let produced = self.produce(seat.leader, transactional_id.clone(), batch);
            match produced.await {
                Err(error) => patience.bear(error).await?,
                Ok(written) => return Ok(Some(patience.over(written))),
            }
        }
        Ok(None)
    }

    async fn produce(
        &self,
        leader: i32,
        transactional_id: Option<TransactionalId>,
        batch: &Bytes,
    ) -> Result<Written, KafkaError> {
        let partition = PartitionProduceData::default()
            .with_index(PARTITION)
            .with_records(Some(batch.clone()));
        let topic = TopicProduceData::default()
            .with_name(topic_name(self.topic()))
            .with_partition_data(vec![partition]);
        let request = ProduceRequest::default()
            .with_transactional_id(transactional_id)
            .with_acks(ALL)
            .with_timeout_ms(REPLICAS_TIMEOUT_MS)
            .with_topic_data(vec![topic]);
        let target = Target::Node(leader);
        let answer = self
            .kafka
            .ask(target, Effect::Idempotent, &request, |_| false)
            .await?;
        let mut topics = answer.responses.into_iter();
        let part = topics
            .next()
            .and_then(|topic| topic.partition_responses.into_iter().next());
        written(part.ok_or_else(|| KafkaError::refused("Produce", ItemError::left_out()))?)
    }

    fn encoded(
        &self,
        key: &str,
        value: Option<&[u8]>,
        by: Option<Signature>,
    ) -> Result<Bytes, KafkaError> {
        encode(key, value, by).map_err(|why| self.garbled(why))
    }
}

impl Producer {
    /// Writes one record in a transaction of its own.
    ///
    /// Needs WRITE on the topic and on the transactional id.
    pub(crate) async fn write(
        &mut self,
        key: &str,
        value: Option<&[u8]>,
    ) -> Result<Written, Unwritten> {
        let by = Signature {
            producer_id: self.id,
            epoch: self.epoch,
            sequence: self.sequence,
        };
        let batch = self.log.encoded(key, value, Some(by)).map_err(not_done)?;
        if self.log.settled().await.map_err(not_done)?.is_none() {
            return Err(Unwritten::NoTopic);
        }
        self.begin().await.map_err(not_done)?;
        let appended = self.log.append(Some(self.transaction()), &batch).await;
        let Some(written) = self.or_give_up(appended).await? else {
            return Err(Unwritten::NoTopic);
        };
        self.sequence += 1;
        self.end(true).await.map_err(not_known)?;
        Ok(written)
    }

    /// What was not appended leaves no open transaction for others to wait for, as far as the coordinator answers.
    async fn or_give_up<T>(&mut self, appended: Result<T, KafkaError>) -> Result<T, Unwritten> {
        match appended {
            Err(error) => {
                if code(&error).is_some()
                    && let Err(open) = self.end(false).await
                {
                    tracing::debug!("the transaction ends by itself: {open}");
                }
                Err(not_done(error))
            }
            Ok(appended) => Ok(appended),
        }
    }

    /// Opens a transaction that will write to the partition.
    async fn begin(&mut self) -> Result<(), KafkaError> {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(topic_name(self.log.topic()))
            .with_partitions(vec![PARTITION]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(self.transaction())
            .with_v3_and_below_producer_id(ProducerId(self.id))
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![topic]);
        let added = self.coordinate(&request, |answer| {
            let topics = answer.results_by_topic_v3_and_below.iter();
            let mut parts = topics.flat_map(|topic| &topic.results_by_partition);
            parts.next().map_or(0, |part| part.partition_error_code)
        });
        added.await.map(drop)
    }

    /// Commits what was written, or gives it up.
    async fn end(&mut self, committed: bool) -> Result<(), KafkaError> {
        let request = EndTxnRequest::default()
            .with_transactional_id(self.transaction())
            .with_producer_id(ProducerId(self.id))
            .with_producer_epoch(self.epoch)
            .with_committed(committed);
        let ended = self.coordinate(&request, |answer| answer.error_code);
        ended.await.map(drop)
    }

    /// Asks the coordinator of the transactional id, wherever it moves.
    async fn coordinate<R: Request>(
        &mut self,
        request: &R,
        code: impl Fn(&R::Response) -> i16,
    ) -> Result<R::Response, KafkaError> {
        let troubles = self.log.troubles.clone();
        let mut patience = troubles.begin();
        loop {
            match self.coordinate_once(request, &code).await {
                Err(error) => patience.bear(error).await?,
                Ok(answer) => return Ok(patience.over(answer)),
            }
        }
    }

    async fn coordinate_once<R: Request>(
        &mut self,
        request: &R,
        code: impl Fn(&R::Response) -> i16,
    ) -> Result<R::Response, KafkaError> {
        let node = match self.coordinator {
            Some(node) => node,
            None => self.log.coordinator_once(&self.transactional_id).await?,
        };
        let target = Target::Node(node);
        let kafka = &self.log.kafka;
        let answer = kafka.ask(target, Effect::Idempotent, request, |_| false);
        let answer = answer.await.and_then(|answer| {
            check(R::NAME, code(&answer))?;
            Ok(answer)
        });
        let is_there = answer.as_ref().err().is_none_or(is_busy);
        self.coordinator = is_there.then_some(node);
        answer
    }

    fn transaction(&self) -> TransactionalId {
        TransactionalId(StrBytes::from_string(self.transactional_id.clone()))
    }
}

fn written(part: PartitionProduceResponse) -> Result<Written, KafkaError> {
    check("Produce", part.error_code)?;
    Ok(Written {
        offset: part.base_offset,
        appended: Some(part.log_append_time_ms).filter(|time| *time >= 0),
    })
}

/// What failed before the commit was asked for.
fn not_done(error: KafkaError) -> Unwritten {
    match code(&error) {
        Some(code) if FENCED.contains(&code) => Unwritten::Fenced,
        Some(super::UNKNOWN_TOPIC) => Unwritten::NoTopic,
        Some(_) | None => Unwritten::Failed(error),
    }
}

/// What failed when the commit was asked for. A fenced one may have been carried out all the same; who becomes the writer
/// anew, which ends the transaction either way, and reads, sees it.
fn not_known(error: KafkaError) -> Unwritten {
    match code(&error) {
        Some(code) if FENCED.contains(&code) || code == UNTOLD => Unwritten::Fenced,
        Some(_) | None if matches!(error, KafkaError::Fenced { .. }) => Unwritten::Failed(error),
        Some(_) | None => Unwritten::Unknown(error),
    }
}
