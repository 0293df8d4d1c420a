//! A look at the last records of topics.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use indexmap::IndexMap;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};

use super::{Span, TopicDescription, topic_name};
use crate::broker::kafka::batch::READS_IN_FLIGHT;
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};
use crate::broker::kafka::held::tell_reading;
use crate::broker::kafka::records::Sample;

/// How many offsets before the end of a partition a look begins.
const LOOKED_AT: i64 = 500;

/// How many bytes of a partition are asked for; a larger first batch comes whole.
const BYTES: i32 = 64 * 1024;

/// How many partitions are looked at in all, and of one topic.
const PARTITIONS: usize = 800;
const OF_ONE_TOPIC: usize = 8;

/// How often what is behind an answer is asked for.
const ROUNDS: usize = 4;

/// How long a quota may hold reading back.
const THROTTLED_AT_MOST: Duration = Duration::from_secs(60);

/// Partitions of one request: an answer stays within 4 MiB.
const PER_FETCH: usize = 64;

/// One partition to look at.
#[derive(Clone, Debug)]
struct Look {
    topic: String,
    index: i32,
    from: i64,
    end: i64,
}

impl Kafka {
    /// The last records of some partitions of these topics, without their values: a sample of bounded size. Empty partitions are
    /// left out; a topic has the whole sample or the failure of a part.
    ///
    /// Needs READ on each topic. Nothing is committed, and no group is joined.
    pub async fn samples(
        &self,
        topics: &IndexMap<String, TopicDescription>,
        spans: &IndexMap<String, BTreeMap<i32, Span>>,
    ) -> IndexMap<String, Result<BTreeMap<i32, Sample>, KafkaError>> {
        let each = (PARTITIONS / topics.len().max(1)).clamp(1, OF_ONE_TOPIC);
        let mut by_leader: IndexMap<i32, Vec<Look>> = IndexMap::new();
        for (name, topic) in topics {
            for (leader, look) in looks(name, topic, spans.get(name), each) {
                by_leader.entry(leader).or_default().push(look);
            }
        }
        let asks = by_leader.iter().flat_map(|(leader, looks)| {
            let slices = looks.chunks(PER_FETCH);
            slices.map(|looks| self.look_at(*leader, looks.to_vec()))
        });
        let asks: Vec<_> = asks.collect();
        let answers = stream::iter(asks).buffered(READS_IN_FLIGHT);
        let seen: Vec<_> = answers.collect().await;
        let mut samples: IndexMap<String, Result<BTreeMap<i32, Sample>, KafkaError>> = topics
            .keys()
            .map(|name| (name.clone(), Ok(BTreeMap::new())))
            .collect();
        for (look, sample) in seen.into_iter().flatten() {
            if let Some(of_topic) = samples.get_mut(&look.topic) {
                match (of_topic.as_mut(), sample) {
                    (Ok(samples), Ok(sample)) => {
                        samples.insert(look.index, sample);
                    }
                    (Ok(_), Err(error)) => *of_topic = Err(error),
                    (Err(_), _) => {}
                }
            }
        }
        samples
    }

    /// Looks at partitions of one leader; each has an outcome. An answer ends where a segment does, so that what is behind it is
    /// asked for as well.
    async fn look_at(
        &self,
        leader: i32,
        looks: Vec<Look>,
    ) -> Vec<(Look, Result<Sample, KafkaError>)> {
        let mut seen = Vec::new();
        let mut left = looks.clone();
        for _ in 0..ROUNDS {
            let answers = self.look_once(leader, left).await;
            left = answers.iter().filter_map(next).collect();
            seen.extend(answers);
            if left.is_empty() {
                break;
            }
        }
        looks.into_iter().map(|look| whole(look, &seen)).collect()
    }

    /// The answer of a Fetch. A broker that holds a client back by its quota answers at once, with nothing in it and the time that
    /// it wants (KIP-219): that is waited for, and it is asked again. How long was waited comes with it.
    pub(in crate::broker::kafka) async fn fetched(
        &self,
        target: Target,
        request: &FetchRequest,
    ) -> Result<(FetchResponse, Duration), KafkaError> {
        let mut waited = Duration::ZERO;
        loop {
            let answer = self.ask(target, Effect::Read, request, |_| false).await?;
            let throttle = u64::try_from(answer.throttle_time_ms).unwrap_or(0);
            let throttle = Duration::from_millis(throttle);
            let is_empty = answer.responses.is_empty() && answer.error_code == 0;
            if throttle.is_zero() || !is_empty || waited > THROTTLED_AT_MOST {
                return Ok((answer, waited));
            }
            tracing::debug!(?throttle, "a quota holds reading back");
            tell_reading(throttle);
            tokio::time::sleep(throttle).await;
            waited += throttle;
        }
    }

    async fn look_once(
        &self,
        leader: i32,
        looks: Vec<Look>,
    ) -> Vec<(Look, Result<Sample, KafkaError>)> {
        let answer = self.fetch(leader, &looks).await;
        let of = |look: Look| {
            let sample = match &answer {
                Ok(samples) => {
                    let left_out = || Err(refused(ItemError::left_out()));
                    let place = (look.topic.clone(), look.index);
                    let sample = samples.get(&place).cloned();
                    sample.unwrap_or_else(left_out)
                }
                Err(error) => Err(error.clone()),
            };
            (look, sample)
        };
        looks.into_iter().map(of).collect()
    }

    async fn fetch(
        &self,
        leader: i32,
        looks: &[Look],
    ) -> Result<IndexMap<(String, i32), Result<Sample, KafkaError>>, KafkaError> {
        let target = Target::Node(leader);
        let mut topics: IndexMap<&String, Vec<FetchPartition>> = IndexMap::new();
        for look in looks {
            let partition = FetchPartition::default()
                .with_partition(look.index)
                .with_fetch_offset(look.from)
                .with_partition_max_bytes(BYTES);
            topics.entry(&look.topic).or_default().push(partition);
        }
        let topics = topics.into_iter().map(|(name, partitions)| {
            FetchTopic::default()
                .with_topic(topic_name(name))
                .with_partitions(partitions)
        });
        // no session is kept (KIP-227), and nothing is waited for
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(0)
            .with_min_bytes(0)
            .with_max_bytes(BYTES.saturating_mul(i32::try_from(looks.len()).unwrap_or(1)))
            .with_session_id(0)
            .with_session_epoch(-1)
            .with_topics(topics.collect());
        let (answer, _) = self.fetched(target, &request).await?;
        ItemError::check(answer.error_code, None).map_err(refused)?;
        let from: IndexMap<(String, i32), i64> = looks
            .iter()
            .map(|look| ((look.topic.clone(), look.index), look.from))
            .collect();
        let mut samples = IndexMap::new();
        for topic in answer.responses {
            for partition in topic.partitions {
                let place = (topic.topic.to_string(), partition.partition_index);
                let Some(from) = from.get(&place) else {
                    continue;
                };
                let checked = ItemError::check(partition.error_code, None).map_err(refused);
                let bytes = partition.records.unwrap_or_default();
                samples.insert(place, checked.map(|()| Sample::read(*from, &bytes)));
            }
        }
        Ok(samples)
    }
}

/// What is left to look at behind what was read, where that brought something.
fn next((look, sample): &(Look, Result<Sample, KafkaError>)) -> Option<Look> {
    let sample = sample.as_ref().ok()?;
    (look.from < sample.to && sample.to < look.end).then(|| Look {
        from: sample.to,
        ..look.clone()
    })
}

/// All that was read of one partition, or the failure of a part.
fn whole(
    look: Look,
    seen: &[(Look, Result<Sample, KafkaError>)],
) -> (Look, Result<Sample, KafkaError>) {
    let of_it = |other: &Look| other.topic == look.topic && other.index == look.index;
    let parts = seen.iter().filter(|(other, _)| of_it(other));
    let begin = Sample {
        from: look.from,
        to: look.from,
        ..Sample::default()
    };
    let sample = parts
        .map(|(_, sample)| sample)
        .try_fold(begin, |whole, part| match part {
            Ok(part) => Ok(whole.followed_by(part)),
            Err(error) => Err(error.clone()),
        });
    (look, sample)
}

/// The partitions of a topic that are looked at, spread over all that hold records, each with its leader.
fn looks(
    name: &str,
    topic: &TopicDescription,
    spans: Option<&BTreeMap<i32, Span>>,
    most: usize,
) -> Vec<(i32, Look)> {
    let full: Vec<(i32, i32, Span)> = topic
        .partitions
        .iter()
        .filter_map(|partition| {
            let span = *spans?.get(&partition.index)?;
            (span.records() > 0).then_some((partition.leader?, partition.index, span))
        })
        .collect();
    let step = full.len().div_ceil(most).max(1);
    let look = |(leader, index, span): &(i32, i32, Span)| {
        let look = Look {
            topic: name.to_owned(),
            index: *index,
            from: span.start.max(span.end - LOOKED_AT),
            end: span.end,
        };
        (*leader, look)
    };
    full.iter().step_by(step).map(look).collect()
}

fn refused(error: ItemError) -> KafkaError {
    KafkaError::refused("Fetch", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::kafka::Partition;

    #[test]
    fn a_sample_is_spread_and_begins_near_the_end() {
        let partition = |index| Partition {
            index,
            leader: Some(1),
            replicas: vec![1],
            in_sync: vec![1],
            offline: Vec::new(),
        };
        let topic = TopicDescription {
            topic_id: Some("AAAAAAAAAAAAAAAAAAAAAQ".to_owned()),
            internal: false,
            partitions: (0..7).map(partition).collect(),
            authorized_operations: None,
        };
        let span = |start, end| Span { start, end };
        let spans = (0..7).map(|index| (index, span(0, 2_000 * i64::from(index))));
        let spans: BTreeMap<i32, Span> = spans.collect();
        let told: Vec<_> = looks("t", &topic, Some(&spans), 3)
            .into_iter()
            .map(|(_, look)| (look.index, look.from))
            .collect();
        assert_eq!(told, [(1, 1_500), (3, 5_500), (5, 9_500)]);
        assert!(looks("t", &topic, None, 3).is_empty());
        let few = BTreeMap::from([(2, span(10, 20))]);
        assert_eq!(looks("t", &topic, Some(&few), 3)[0].1.from, 10);
    }
}
