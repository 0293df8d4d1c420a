//! How much room topics take.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::future::join_all;
use indexmap::IndexMap;
use kafka_protocol::messages::DescribeLogDirsRequest;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;

use super::{TopicDescription, topic_name};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// `CLUSTER_AUTHORIZATION_FAILED`.
const DENIED: i16 = 31;

/// Bytes by topic and partition.
type Sizes = HashMap<(String, i32), u64>;

impl Kafka {
    /// How many bytes each partition of these topics has on disk, by its largest replica; what was moved to remote storage
    /// is not among them.
    ///
    /// Needs DESCRIBE on the cluster: [`KafkaError::ClusterAuthorizationFailed`]. A replica whose broker does not answer is left
    /// out, as long as another one of its partition is told.
    pub async fn topic_sizes(
        &self,
        topics: &IndexMap<String, TopicDescription>,
    ) -> IndexMap<String, Result<BTreeMap<i32, u64>, KafkaError>> {
        let partitions = topics.values().flat_map(|topic| &topic.partitions);
        let brokers: BTreeSet<i32> = partitions.flat_map(|it| it.replicas.clone()).collect();
        let asks = brokers.iter().map(|id| self.sizes_on(*id, topics));
        let (mut largest, mut failure) = (Sizes::new(), None);
        for answer in join_all(asks).await {
            match answer {
                Ok(sizes) => keep_largest(&mut largest, sizes),
                Err(error) => failure = Some(error),
            }
        }
        let of = |(name, topic): (&String, &TopicDescription)| {
            let size = |index| Some((index, *largest.get(&(name.clone(), index))?));
            let sizes = topic.partitions.iter().map(|it| size(it.index));
            let all = sizes.collect::<Option<BTreeMap<i32, u64>>>();
            let unknown = || failure.clone().unwrap_or_else(denied);
            (name.clone(), all.ok_or_else(unknown))
        };
        topics.iter().map(of).collect()
    }

    /// How many bytes each of these brokers has free for a partition: the most that one of its log directories has.
    ///
    /// Needs DESCRIBE on the cluster. A broker older than Kafka 3.3 does not tell and is left out (KIP-827).
    pub async fn free_room(
        &self,
        brokers: &BTreeSet<i32>,
    ) -> Result<BTreeMap<i32, u64>, KafkaError> {
        let asks = brokers.iter().map(|id| async move {
            let request = DescribeLogDirsRequest::default().with_topics(Some(Vec::new()));
            let answer = self
                .ask(Target::Node(*id), Effect::Read, &request, |_| false)
                .await?;
            ItemError::check(answer.error_code, None).map_err(refused)?;
            let free = answer
                .results
                .iter()
                .map(|directory| directory.usable_bytes);
            let most = free.max().and_then(|most| u64::try_from(most).ok());
            Ok(most.map(|most| (*id, most)))
        });
        let free: Result<Vec<Option<(i32, u64)>>, KafkaError> =
            join_all(asks).await.into_iter().collect();
        Ok(free?.into_iter().flatten().collect())
    }

    async fn sizes_on(
        &self,
        broker: i32,
        topics: &IndexMap<String, TopicDescription>,
    ) -> Result<Sizes, KafkaError> {
        let asked = topics.iter().map(|(name, topic)| {
            let indexes = topic.partitions.iter().map(|partition| partition.index);
            DescribableLogDirTopic::default()
                .with_topic(topic_name(name))
                .with_partitions(indexes.collect())
        });
        let request = DescribeLogDirsRequest::default().with_topics(Some(asked.collect()));
        let answer = self
            .ask(Target::Node(broker), Effect::Read, &request, |_| false)
            .await?;
        ItemError::check(answer.error_code, None).map_err(refused)?;
        let mut sizes = Sizes::new();
        for directory in answer.results {
            ItemError::check(directory.error_code, None).map_err(refused)?;
            for topic in directory.topics {
                let kept = topic.partitions.iter().filter(|it| !it.is_future_key);
                sizes.extend(kept.map(|partition| {
                    let size = u64::try_from(partition.partition_size).unwrap_or(0);
                    ((topic.name.to_string(), partition.partition_index), size)
                }));
            }
        }
        Ok(sizes)
    }
}

fn keep_largest(largest: &mut Sizes, sizes: Sizes) {
    for (place, size) in sizes {
        let known = largest.entry(place).or_default();
        *known = size.max(*known);
    }
}

/// Before Kafka 3.0 a broker says by an empty answer that the right is missing.
fn denied() -> KafkaError {
    refused(ItemError::refused(DENIED, None))
}

fn refused(error: ItemError) -> KafkaError {
    KafkaError::refused("DescribeLogDirs", error)
}
