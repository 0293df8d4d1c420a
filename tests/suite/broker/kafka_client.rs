//! What a client of the sandbox's Kafka does: it produces records and commits offsets. trueup itself does neither.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, FindCoordinatorRequest, FindCoordinatorResponse, GroupId, OffsetCommitRequest,
    OffsetCommitResponse, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sandbox::variable;

/// Appends so many records of 100 bytes to a partition.
pub async fn produce(topic: &str, partition: i32, count: i64) {
    produce_keyed(
        topic,
        partition,
        now(),
        &vec![None; count.try_into().unwrap()],
    )
    .await;
}

/// The time in ms since 1970.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
}

/// Appends a batch of records of 100 bytes with these keys, all of one time.
pub async fn produce_keyed(topic: &str, partition: i32, time: i64, keys: &[Option<String>]) {
    let record = |(offset, key): (usize, &Option<String>)| Record {
        timestamp: time,
        key: key.clone().map(Bytes::from),
        ..record(offset.try_into().unwrap())
    };
    let records: Vec<Record> = keys.iter().enumerate().map(record).collect();
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    RecordBatchEncoder::encode(&mut batch, &records, &options).unwrap();
    let partition = PartitionProduceData::default()
        .with_index(partition)
        .with_records(Some(batch.freeze()));
    let data = TopicProduceData::default()
        .with_name(name(topic))
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![data]);
    let started = Instant::now();
    loop {
        let answer: ProduceResponse = ask(ApiKey::Produce, 9, &request).await;
        let told = &answer.responses[0].partition_responses[0];
        // a broker may still be about to lead what it shows already: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER
        match told.error_code {
            0 => return,
            3 | 6 if started.elapsed() < Duration::from_secs(120) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            _ => panic!("{told:?}"),
        }
    }
}

/// Commits the offsets of a group that has no members.
pub async fn commit(group: &str, topic: &str, offsets: &[(i32, i64)]) {
    let partition = |(index, offset): &(i32, i64)| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(*index)
            .with_committed_offset(*offset)
    };
    let of_topic = OffsetCommitRequestTopic::default()
        .with_name(name(topic))
        .with_partitions(offsets.iter().map(partition).collect());
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![of_topic]);
    let started = Instant::now();
    loop {
        // the first one of all makes the topic in which offsets are kept
        let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]);
        let _: FindCoordinatorResponse = ask(ApiKey::FindCoordinator, 4, &find).await;
        let answer: OffsetCommitResponse = ask(ApiKey::OffsetCommit, 8, &request).await;
        let partitions = &answer.topics[0].partitions;
        if partitions.iter().all(|told| told.error_code == 0) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn record(offset: i64) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset,
        // records whose sequences don't follow each other would make batches of their own
        sequence: NO_SEQUENCE + i32::try_from(offset).unwrap(),
        timestamp: 0,
        key: None,
        value: Some(Bytes::from(vec![b'x'; 100])),
        headers: IndexMap::new(),
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

async fn ask<R, A>(key: ApiKey, version: i16, request: &R) -> A
where
    R: Encodable + HeaderVersion,
    A: Decodable + HeaderVersion,
{
    static ASKED: AtomicI32 = AtomicI32::new(0);
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(ASKED.fetch_add(1, Ordering::Relaxed))
        .with_client_id(Some(text("test")));
    let mut frame = BytesMut::new();
    header
        .encode(&mut frame, R::header_version(version))
        .unwrap();
    request.encode(&mut frame, version).unwrap();
    let mut stream = TcpStream::connect(variable("KAFKA_BROKERS")).await.unwrap();
    let mut sent = BytesMut::new();
    sent.put_u32(frame.len().try_into().unwrap());
    sent.extend(frame);
    stream.write_all(&sent).await.unwrap();
    let length = stream.read_u32().await.unwrap();
    let mut answer = vec![0; length.try_into().unwrap()];
    stream.read_exact(&mut answer).await.unwrap();
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, A::header_version(version)).unwrap();
    A::decode(&mut answer, version).unwrap()
}
