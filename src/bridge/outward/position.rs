//! Up to where a route wrote: a record in a topic of its own, in the transactions of its messages.

use std::time::Duration;

use indexmap::IndexMap;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError as RdError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use super::setup::{USUAL_LARGEST, fence};
use crate::bridge::fault::{Fault, of_code};
use crate::bridge::reports::Reported;
use crate::bridge::stop::Stop;
use crate::broker::kafka::{Kafka, KafkaData, RdCode, Sizes, ToWrite, TopicDescription};
use crate::kinds::route::{position_topic, transactional_id};

/// What the record says; its key is the shard's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::bridge) struct Position {
    pub(in crate::bridge) stream: String,
    /// Which life of the stream.
    pub(in crate::bridge) created: String,
    /// The last message that was written.
    pub(in crate::bridge) sequence: u64,
    #[serde(default)]
    pub(in crate::bridge) epoch: u64,
}

/// How many of the last offsets are looked at first: each transaction takes two.
const TAIL: i64 = 2_000;

/// How long transactions of other shards that are open are waited for.
const OPEN_AT_MOST: Duration = Duration::from_secs(70);

/// How long reading may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long writing one may take.
const WRITTEN: Duration = Duration::from_secs(30);

/// The position of a shard; none where none was ever written.
///
/// Call it when no transaction of the shard can be open: after `init_transactions`. Nothing that was committed before is missed:
/// the end is that of all records, and what other shards have open below it is waited for.
pub(super) async fn read(
    data: &KafkaData,
    admin: &Kafka,
    topic: &str,
    described: &TopicDescription,
    shard: u32,
    stop: &Stop,
) -> Result<Option<Position>, Fault> {
    let (start, end) = settled(admin, topic, described, stop).await?;
    if end <= start {
        return Ok(None);
    }
    let key = shard.to_string();
    for from in [start.max(end - TAIL), start] {
        let (data, topic, key) = (data.clone(), topic.to_owned(), key.clone());
        let name = topic.clone();
        let reading = tokio::task::spawn_blocking(move || last_of(&data, &name, from, end, &key));
        let found = reading
            .await
            .map_err(|error| Fault::passing(error.to_string()))??;
        if let Some(value) = found {
            let read = serde_json::from_slice(&value);
            let unreadable = |error| {
                Fault::standing(format!(
                    "the position in topic `{topic}` can't be read: {error}"
                ))
            };
            return read.map(Some).map_err(unreadable);
        }
        if from == start {
            break;
        }
    }
    Ok(None)
}

/// Writes the position of a shard, as the worker does: whoever writes under the same transactional id is fenced out.
pub(in crate::bridge) async fn write(
    data: &KafkaData,
    route: &str,
    shard: u32,
    position: &Position,
) -> Result<(), Fault> {
    let topic = position_topic(route);
    let of = |fault: Fault| fault.of(&format!("the position in topic `{topic}`"));
    let reported = Reported::new();
    let sizes = Sizes {
        held: 1 << 20,
        largest: USUAL_LARGEST,
        batch: USUAL_LARGEST,
    };
    let id = transactional_id(route, shard);
    let sender = data.sender(Some(&id), sizes, reported.reports());
    let sender = sender.map_err(|error| of(error.into()))?;
    fence(&sender, &Stop::default()).await.map_err(of)?;
    reported.begin();
    sender.begin().map_err(|error| of(error.into()))?;
    let value = serde_json::to_vec(position).unwrap_or_default();
    let key = shard.to_string();
    let record = ToWrite {
        topic: &topic,
        key: Some(key.as_bytes()),
        value: Some(&value),
        headers: &[],
    };
    sender.send(0, &record).map_err(|error| of(error.into()))?;
    let is_reported = reported.wait(1, WRITTEN).await;
    if let Some((_, code)) = reported.failure() {
        return Err(of(of_code(code, code.to_string())));
    }
    if !is_reported {
        return Err(of(Fault::passing("Kafka takes nothing")));
    }
    let committed = sender.commit(WRITTEN).await;
    committed.map_err(|error| of(error.into()))
}

/// Where the topic begins and ends, when nothing in between is open any more.
async fn settled(
    admin: &Kafka,
    topic: &str,
    described: &TopicDescription,
    stop: &Stop,
) -> Result<(i64, i64), Fault> {
    let topics = IndexMap::from([(topic.to_owned(), described.clone())]);
    let span = admin.spans(&topics).await.swap_remove(topic);
    let missing = || Fault::passing(format!("topic `{topic}` has no partition 0"));
    let span = span.ok_or_else(missing)??.remove(&0).ok_or_else(missing)?;
    let patience = tokio::time::Instant::now() + OPEN_AT_MOST;
    loop {
        let stable = admin.committed_ends(&topics).await.swap_remove(topic);
        let stable = stable
            .ok_or_else(missing)??
            .remove(&0)
            .ok_or_else(missing)?;
        if stable >= span.end {
            return Ok((span.start, span.end));
        }
        if tokio::time::Instant::now() > patience {
            let what = format!("a transaction on topic `{topic}` stays open at offset {stable}");
            return Err(Fault::passing(what));
        }
        if !stop.pause(Duration::from_millis(100)).await {
            return Err(Fault::passing("stopped"));
        }
    }
}

/// The last committed value of a key between two offsets.
fn last_of(
    data: &KafkaData,
    topic: &str,
    from: i64,
    end: i64,
    key: &str,
) -> Result<Option<Vec<u8>>, Fault> {
    let reader = data.reader()?;
    let mut places = TopicPartitionList::new();
    places.add_partition_offset(topic, 0, Offset::Offset(from))?;
    reader.assign(&places)?;
    let begin = std::time::Instant::now();
    let mut found = None;
    while begin.elapsed() < PATIENCE {
        match reader.poll(Duration::from_millis(200)) {
            None => {}
            // what is open was settled before, so that nothing stands between the end that readers see and that of the topic
            Some(Err(RdError::PartitionEOF(_))) => return Ok(found),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RdCode::TopicAuthorizationFailed | RdCode::UnknownTopicOrPartition) => {
                    return Err(Fault::from(error).of("reading the position"));
                }
                // brokers that come back, and the right to a group, which reading takes no use of
                Some(_) | None => tracing::debug!(%error, topic, "reading the position"),
            },
            Some(Ok(message)) => {
                if message.key() == Some(key.as_bytes()) {
                    found = message.payload().map(<[u8]>::to_vec);
                }
                if message.offset() + 1 >= end {
                    return Ok(found);
                }
            }
        }
    }
    Err(Fault::passing(format!(
        "topic `{topic}` could not be read in time"
    )))
}
