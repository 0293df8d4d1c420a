//! How far a route is behind, as the brokers tell it, be a worker there or not.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::ends::is_exactly_once;
use super::{RouteSpec, Start, consumer_name, group, position_subject, shards, spec_of};
use crate::broker::Brokers;
use crate::broker::kafka::{Kafka, KafkaError, Span, TopicDescription};
use crate::broker::nats::{JetStream, NatsError};
use crate::kinds::Live;
use crate::kinds::kafka::UNKNOWN_TOPIC;
use crate::kinds::loss::Read;
use crate::kinds::stream::{consumer_filters, life};
use crate::model::Doc;

/// Up to how many offsets of a partition the records among them are counted.
pub const COUNTED: u64 = 500;

/// How many partitions are counted at a time, and altogether.
const AT_A_TIME: usize = 8;
const PARTITIONS: usize = 64;

/// What a route has not moved yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How many messages: exact from a stream, and from a topic where a partition has less than [`COUNTED`] of them; beyond that
    /// an upper bound, where records were compacted away or mark the ends of transactions.
    pub messages: u64,
    /// When the first of them was stored, RFC 3339; none where there is none, or where that could not be told.
    pub oldest: Option<String>,
}

/// Where a route stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// What it has not moved yet, or why that is not known.
    pub lag: Read<Lag>,
    /// Which life of its source is there now: the stream's `created`, the topic's id; none where it is gone.
    pub source: Read<Option<String>>,
}

/// Reads where a route stands.
pub async fn standing(brokers: &Brokers, name: &str, live: &Live) -> Standing {
    let Some(spec) = &spec_of(&live.fields) else {
        let why = "the record in the table is of another version";
        return Standing {
            lag: Err(why.to_owned()),
            source: Err(why.to_owned()),
        };
    };
    let epoch = live.raw.get("epoch").and_then(Value::as_u64);
    let epoch = epoch.unwrap_or_default();
    let unconnected = |broker: &str| Standing {
        lag: Err(format!("there is no connection to {broker}")),
        source: Err(format!("there is no connection to {broker}")),
    };
    match (&spec.from.stream, &spec.from.topic) {
        (Some(stream), _) => match &brokers.nats {
            Some(nats) => from_stream(nats, name, spec, stream).await,
            None => unconnected("NATS"),
        },
        (None, Some(topic)) => match &brokers.kafka {
            Some(kafka) => {
                from_topic(kafka, brokers.nats.as_ref(), name, (spec, epoch), topic).await
            }
            None => unconnected("Kafka"),
        },
        (None, None) => Standing {
            lag: Err("the route has no source".to_owned()),
            source: Err("the route has no source".to_owned()),
        },
    }
}

async fn from_stream(nats: &JetStream, name: &str, spec: &RouteSpec, stream: &str) -> Standing {
    let source = match nats.stream_info(stream).await {
        Ok(info) => Ok(info.and_then(|info| life(&info))),
        Err(error) => Err(error.to_string()),
    };
    Standing {
        lag: of_consumers(nats, name, spec, stream).await,
        source,
    }
}

/// Of all shards together.
async fn of_consumers(nats: &JetStream, name: &str, spec: &RouteSpec, stream: &str) -> Read<Lag> {
    let mut lag = Lag::default();
    for shard in 1..=shards(spec) {
        let consumer = consumer_name(name, shard);
        let info = nats.consumer_info(stream, &consumer).await;
        let info = info.map_err(|error| error.to_string())?;
        let info = info.ok_or_else(|| format!("consumer `{stream}/{consumer}` is not there"))?;
        let left = number(&info, "num_pending") + number(&info, "num_ack_pending");
        lag.messages += left;
        if left > 0 {
            let next = first_left(nats, stream, &info).await;
            let next = next.map_err(|error| error.to_string())?;
            // RFC 3339 with `Z`, as servers write it, sorts as it is
            lag.oldest = [lag.oldest, next].into_iter().flatten().min();
        }
    }
    Ok(lag)
}

/// When the first message was stored that a consumer has not done with.
async fn first_left(
    nats: &JetStream,
    stream: &str,
    info: &Doc,
) -> Result<Option<String>, NatsError> {
    let floor = info
        .get("ack_floor")
        .and_then(|floor| floor["stream_seq"].as_u64())
        .unwrap_or_default();
    let filters = consumer_filters(info);
    let mut first: Option<(u64, String)> = None;
    for filter in &filters {
        let next = nats.message_on(stream, floor + 1, filter).await?;
        let next = next.map(|stored| (stored.seq, stored.time));
        first = [first, next].into_iter().flatten().min();
    }
    Ok(first.map(|(_, time)| time))
}

fn number(info: &Doc, field: &str) -> u64 {
    info.get(field).and_then(Value::as_u64).unwrap_or_default()
}

async fn from_topic(
    kafka: &Kafka,
    nats: Option<&JetStream>,
    name: &str,
    spec: (&RouteSpec, u64),
    topic: &str,
) -> Standing {
    let described = match kafka.describe_topics(&[topic.to_owned()]).await {
        Ok(mut described) => described.swap_remove(topic),
        Err(error) => {
            let why = error.to_string();
            return Standing {
                lag: Err(why.clone()),
                source: Err(why),
            };
        }
    };
    let description = match described {
        Some(Ok(description)) => description,
        Some(Err(error)) if error.code == UNKNOWN_TOPIC => {
            return Standing {
                lag: Err(format!("topic `{topic}` is not there")),
                source: Ok(None),
            };
        }
        other => {
            let why = match other {
                Some(Err(error)) => error.to_string(),
                _ => "the broker gave no answer for it".to_owned(),
            };
            return Standing {
                lag: Err(why.clone()),
                source: Err(why),
            };
        }
    };
    Standing {
        source: Ok(description.topic_id.clone()),
        lag: of_group(kafka, nats, name, spec, (topic, description)).await,
    }
}

/// What is behind the positions in the target, where the route keeps any there of this life of the topic, or else behind the
/// group's offsets: as the worker has it.
async fn of_group(
    kafka: &Kafka,
    nats: Option<&JetStream>,
    name: &str,
    (spec, epoch): (&RouteSpec, u64),
    (topic, description): (&str, TopicDescription),
) -> Read<Lag> {
    let life = description.topic_id.clone().unwrap_or_default();
    let topics = IndexMap::from([(topic.to_owned(), description)]);
    let spans = kafka.spans(&topics).await.swap_remove(topic);
    let spans = spans.ok_or("the brokers gave no answer for it")?;
    let spans = spans.map_err(|error| error.to_string())?;
    let mut positions = committed(kafka, name, topic, &topics).await?;
    if let (Some(nats), Some(stream)) = (nats, &spec.to.stream)
        && is_exactly_once(spec)
    {
        for partition in spans.keys() {
            let subject = position_subject(name, partition);
            let kept = nats.last_on(stream, &subject).await;
            let kept = kept.map_err(|error| error.to_string())?;
            if let Some(next) = kept.and_then(|kept| next_offset(&kept, &life, epoch)) {
                positions.insert(*partition, next);
            }
        }
    }
    let left = spans.iter().filter_map(|(partition, span)| {
        let position = positions.get(partition).copied();
        let from = position.unwrap_or_else(|| begin(spec, *span));
        let left = Span {
            start: from.max(span.start),
            end: span.end,
        };
        (left.records() > 0).then_some((*partition, left))
    });
    let mut left: BTreeMap<i32, Span> = left.collect();
    let counted = count(kafka, topic, &topics, &left).await;
    left.retain(|partition, _| counted.get(partition) != Some(&0));
    let messages = left.iter().map(|(partition, span)| {
        let counted = counted.get(partition).copied();
        counted.unwrap_or_else(|| span.records())
    });
    let messages = messages.sum();
    let firsts = left.into_iter().map(|(partition, span)| {
        let first = Span {
            start: span.start,
            end: span.start + 1,
        };
        (partition, first)
    });
    let oldest = oldest(kafka, topic, &topics, firsts.collect()).await;
    Ok(Lag { messages, oldest })
}

/// How many records there are in those partitions that have few offsets left: what ends a transaction takes one, too. A partition
/// that can't be looked at whole is left out.
async fn count(
    kafka: &Kafka,
    topic: &str,
    topics: &IndexMap<String, TopicDescription>,
    left: &BTreeMap<i32, Span>,
) -> BTreeMap<i32, u64> {
    let few = left.iter().filter(|(_, span)| span.records() <= COUNTED);
    let few: Vec<(i32, Span)> = few
        .map(|(index, span)| (*index, *span))
        .take(PARTITIONS)
        .collect();
    let mut counts = BTreeMap::new();
    for some in few.chunks(AT_A_TIME) {
        let some: BTreeMap<i32, Span> = some.iter().copied().collect();
        let spans = IndexMap::from([(topic.to_owned(), some.clone())]);
        let mut samples = kafka.samples(topics, &spans).await;
        let Some(Ok(samples)) = samples.swap_remove(topic) else {
            continue;
        };
        counts.extend(samples.into_iter().filter_map(|(index, sample)| {
            let is_whole = sample.gap.is_none() && sample.to >= some.get(&index)?.end;
            is_whole.then_some((index, sample.keys.len() as u64))
        }));
    }
    counts
}

/// Where a partition begins without a position. By time nobody knows without a look at its records: nothing of it counts.
fn begin(spec: &RouteSpec, span: Span) -> i64 {
    match (spec.start_sequence, &spec.start_time, spec.start) {
        (Some(offset), _, _) => offset,
        (None, Some(_), _) | (None, None, Some(Start::New)) => span.end,
        (None, None, Some(Start::All) | None) => span.start,
    }
}

/// What the route's group has committed.
async fn committed(
    kafka: &Kafka,
    name: &str,
    topic: &str,
    topics: &IndexMap<String, TopicDescription>,
) -> Read<BTreeMap<i32, i64>> {
    let told = |error: KafkaError| error.to_string();
    let cluster = kafka.cluster().await.map_err(told)?;
    let groups = kafka.list_groups(&cluster.brokers).await.map_err(told)?;
    let id = group(name);
    let own: Vec<_> = groups.into_iter().filter(|it| it.id == id).collect();
    let mut found = kafka.committed(&own, topics).await;
    match found.swap_remove(&id) {
        None => Ok(BTreeMap::new()),
        Some(offsets) => {
            let mut offsets = offsets.map_err(told)?;
            Ok(offsets.swap_remove(topic).unwrap_or_default())
        }
    }
}

/// The offset in a position that a route keeps in its target, when it is of this life of the topic, and of no earlier time.
fn next_offset(position: &[u8], life: &str, epoch: u64) -> Option<i64> {
    let position: Value = serde_json::from_slice(position).ok()?;
    let is_current = position["epoch"].as_u64().unwrap_or_default() >= epoch;
    let is_of_it = is_current && position["topic_id"].as_str() == Some(life);
    is_of_it.then(|| position["next_offset"].as_i64())?
}

/// The earliest time of these records, where it can be read.
async fn oldest(
    kafka: &Kafka,
    topic: &str,
    topics: &IndexMap<String, TopicDescription>,
    firsts: BTreeMap<i32, Span>,
) -> Option<String> {
    if firsts.is_empty() {
        return None;
    }
    let spans = IndexMap::from([(topic.to_owned(), firsts)]);
    let samples = kafka
        .samples(topics, &spans)
        .await
        .swap_remove(topic)?
        .ok()?;
    let times = samples.values().filter_map(|sample| sample.first_time);
    let time = jiff::Timestamp::from_millisecond(times.min()?).ok()?;
    Some(time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_consumer_tells_its_filters() {
        let of = |config: Value| consumer_filters(json!({ "config": config }).as_object().unwrap());
        assert_eq!(of(json!({})), [">"]);
        assert_eq!(of(json!({ "filter_subject": "a" })), ["a"]);
        assert_eq!(of(json!({ "filter_subjects": ["a", "b"] })), ["a", "b"]);
    }

    #[test]
    fn a_partition_begins_as_the_route_says() {
        let span = Span { start: 3, end: 9 };
        let of = |spec: RouteSpec| begin(&spec, span);
        assert_eq!(of(RouteSpec::default()), 3);
        let new = RouteSpec {
            start: Some(Start::New),
            ..RouteSpec::default()
        };
        assert_eq!(of(new), 9);
        let at = RouteSpec {
            start_sequence: Some(5),
            ..RouteSpec::default()
        };
        assert_eq!(of(at), 5);
    }

    #[test]
    fn a_position_is_read() {
        let position = br#"{"topic_id":"x","next_offset":7}"#;
        assert_eq!(next_offset(position, "x", 0), Some(7));
        assert_eq!(next_offset(position, "x", 1), None, "of an earlier time");
        assert_eq!(next_offset(position, "y", 0), None, "of another life");
        assert_eq!(next_offset(b"rubbish", "x", 0), None);
    }
}
