//! Where the records of topics begin and end.

use std::collections::{BTreeMap, HashMap};

use futures::future::{join, join_all};
use indexmap::IndexMap;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest};

use super::{BROKER_TIMEOUT_MS, TopicDescription, topic_name};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// Where the records of a partition are: from `start`, below `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The offset of the first record that is kept.
    pub start: i64,
    /// The offset that the next record gets.
    pub end: i64,
}

impl Span {
    /// How many offsets it has: the number of records, and an upper bound where records were compacted away or mark the
    /// ends of transactions.
    pub fn records(self) -> u64 {
        u64::try_from(self.end - self.start).unwrap_or(0)
    }

    /// Those of them that are below an offset.
    pub fn below(self, offset: i64) -> Span {
        let end = offset.clamp(self.start, self.end.max(self.start));
        Span { end, ..self }
    }

    /// How many of them are at or after an offset: what a group that has committed it has not read.
    pub fn records_from(self, offset: i64) -> u64 {
        u64::try_from(self.end - offset.max(self.start)).unwrap_or(0)
    }
}

/// The timestamps that ask for the ends (`ListOffsetsRequest.json`, Kafka 4.1).
const EARLIEST: i64 = -2;
const LATEST: i64 = -1;

/// The first offset on local disk (KIP-405).
const EARLIEST_LOCAL: i64 = -4;

/// What every reader sees, and those of committed records (`IsolationLevel`).
const UNCOMMITTED: i8 = 0;
const COMMITTED: i8 = 1;

/// `LEADER_NOT_AVAILABLE`.
const NO_LEADER: i16 = 5;

/// A partition: its topic and its index.
type Place = (String, i32);

/// Offsets by partition.
type Offsets = HashMap<Place, Result<i64, KafkaError>>;

impl Kafka {
    /// The spans of these topics' partitions by index, each asked of its leader; a topic has them all or the failure of one.
    ///
    /// Needs DESCRIBE on each topic.
    pub async fn spans(
        &self,
        topics: &IndexMap<String, TopicDescription>,
    ) -> IndexMap<String, Result<BTreeMap<i32, Span>, KafkaError>> {
        let by_leader = by_leader(topics);
        let (starts, ends) = join(
            self.offsets(&by_leader, &|_| EARLIEST),
            self.offsets(&by_leader, &|_| LATEST),
        )
        .await;
        by_topic(topics, |place| {
            Ok(Span {
                start: offset(&starts, place)?,
                end: offset(&ends, place)?,
            })
        })
    }

    /// Of each of these topics' partitions the first offset whose record is of this time or later, in ms since 1970; none where
    /// all are older. Topics without a time are left out. Times are the records' own, so that later ones may be older.
    ///
    /// Needs DESCRIBE on each topic.
    pub async fn offsets_at(
        &self,
        topics: &IndexMap<String, TopicDescription>,
        times: &IndexMap<String, i64>,
    ) -> IndexMap<String, Result<BTreeMap<i32, Option<i64>>, KafkaError>> {
        let asked = topics.iter().filter(|(name, _)| times.contains_key(*name));
        let asked = asked.map(|(name, topic)| (name.clone(), topic.clone()));
        let asked: IndexMap<String, TopicDescription> = asked.collect();
        let time = |name: &str| times.get(name).copied().unwrap_or(LATEST);
        let offsets = self.offsets(&by_leader(&asked), &time).await;
        // -1 is the wire's word for "none"
        let told = |offset: i64| Some(offset).filter(|offset| *offset >= 0);
        by_topic(&asked, |place| offset(&offsets, place).map(told))
    }

    /// Of each of these topics' partitions the first offset that is on local disk: what is before it is in remote storage alone
    /// (KIP-405).
    ///
    /// Needs DESCRIBE on each topic.
    pub async fn local_starts(
        &self,
        topics: &IndexMap<String, TopicDescription>,
    ) -> IndexMap<String, Result<BTreeMap<i32, i64>, KafkaError>> {
        let offsets = self.offsets(&by_leader(topics), &|_| EARLIEST_LOCAL).await;
        by_topic(topics, |place| offset(&offsets, place))
    }

    /// Of each of these topics' partitions the offset before which every transaction has ended (the last stable offset): what
    /// is behind it can't be read as committed yet.
    ///
    /// Needs DESCRIBE on each topic.
    pub async fn committed_ends(
        &self,
        topics: &IndexMap<String, TopicDescription>,
    ) -> IndexMap<String, Result<BTreeMap<i32, i64>, KafkaError>> {
        let by_leader = by_leader(topics);
        let offsets = self.offsets_as(COMMITTED, &by_leader, &|_| LATEST).await;
        by_topic(topics, |place| offset(&offsets, place))
    }

    /// One offset of each partition, from all leaders at once.
    async fn offsets(
        &self,
        by_leader: &IndexMap<i32, Vec<Place>>,
        timestamp: &(dyn Fn(&str) -> i64 + Sync),
    ) -> Offsets {
        self.offsets_as(UNCOMMITTED, by_leader, timestamp).await
    }

    async fn offsets_as(
        &self,
        isolation: i8,
        by_leader: &IndexMap<i32, Vec<Place>>,
        timestamp: &(dyn Fn(&str) -> i64 + Sync),
    ) -> Offsets {
        let asks = by_leader.iter().map(|(leader, places)| async move {
            match self.offsets_of(isolation, *leader, places, timestamp).await {
                Ok(offsets) => offsets,
                Err(error) => {
                    let failed = |place: &Place| (place.clone(), Err(error.clone()));
                    places.iter().map(failed).collect()
                }
            }
        });
        join_all(asks).await.into_iter().flatten().collect()
    }

    async fn offsets_of(
        &self,
        isolation: i8,
        leader: i32,
        places: &[Place],
        timestamp: &(dyn Fn(&str) -> i64 + Sync),
    ) -> Result<Offsets, KafkaError> {
        let mut topics: IndexMap<&String, Vec<ListOffsetsPartition>> = IndexMap::new();
        for (name, index) in places {
            let partition = ListOffsetsPartition::default()
                .with_partition_index(*index)
                .with_timestamp(timestamp(name));
            topics.entry(name).or_default().push(partition);
        }
        let topics = topics.into_iter().map(|(name, partitions)| {
            ListOffsetsTopic::default()
                .with_name(topic_name(name))
                .with_partitions(partitions)
        });
        let request = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(isolation)
            .with_topics(topics.collect())
            .with_timeout_ms(BROKER_TIMEOUT_MS);
        let answer = self
            .ask(Target::Node(leader), Effect::Read, &request, |_| false)
            .await?;
        let mut offsets = Offsets::new();
        for topic in answer.topics {
            for partition in topic.partitions {
                let place = (topic.name.to_string(), partition.partition_index);
                let checked = ItemError::check(partition.error_code, None);
                let offset = checked.map(|()| partition.offset).map_err(refused);
                offsets.insert(place, offset);
            }
        }
        Ok(offsets)
    }
}

/// What is known of each partition by topic; a topic has it of all or the failure of one.
fn by_topic<T>(
    topics: &IndexMap<String, TopicDescription>,
    told: impl Fn(&Place) -> Result<T, KafkaError>,
) -> IndexMap<String, Result<BTreeMap<i32, T>, KafkaError>> {
    let of = |(name, topic): (&String, &TopicDescription)| {
        let indexes = topic.partitions.iter().map(|partition| partition.index);
        let each = indexes.map(|index| Ok((index, told(&(name.clone(), index))?)));
        (name.clone(), each.collect())
    };
    topics.iter().map(of).collect()
}

/// The partitions by the broker that leads them; those without a leader are left out.
fn by_leader(topics: &IndexMap<String, TopicDescription>) -> IndexMap<i32, Vec<Place>> {
    let mut by_leader: IndexMap<i32, Vec<Place>> = IndexMap::new();
    for (name, topic) in topics {
        for partition in &topic.partitions {
            if let Some(leader) = partition.leader {
                let places = by_leader.entry(leader).or_default();
                places.push((name.clone(), partition.index));
            }
        }
    }
    by_leader
}

/// What was not asked has no leader.
fn offset(offsets: &Offsets, place: &Place) -> Result<i64, KafkaError> {
    let missing = || Err(refused(ItemError::refused(NO_LEADER, None)));
    offsets.get(place).cloned().unwrap_or_else(missing)
}

fn refused(error: ItemError) -> KafkaError {
    KafkaError::refused("ListOffsets", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_ends_where_the_records_do() {
        let span = Span {
            start: 100,
            end: 140,
        };
        assert_eq!(span.records(), 40);
        let unread = [0, 100, 130, 140, 200].map(|offset| span.records_from(offset));
        assert_eq!(unread, [40, 40, 10, 0, 0]);
        assert_eq!(Span { start: 5, end: 3 }.records(), 0);
        let below = [0, 100, 130, 200].map(|offset| span.below(offset).records());
        assert_eq!(below, [0, 0, 30, 40]);
    }
}
