//! Reading what an assignment is made from.

use indexmap::IndexMap;

use super::assign::Holders;
use super::{Layout, assign};
use crate::broker::kafka::{
    Assignment, Kafka, KafkaError, Partition, Reassignment, TopicDescription,
};

/// What to send so that these topics get so many replicas; a topic whose partitions have them, or will have them when
/// what is under way is done, needs nothing. An error in words where the brokers are too few.
///
/// # Errors
/// What could not be read.
pub(in crate::kinds::topic) async fn assignments(
    kafka: &Kafka,
    factors: &[(String, usize)],
) -> Result<IndexMap<String, Result<Option<Assignment>, String>>, KafkaError> {
    let all = kafka.list_topics().await?;
    let (cluster, described) = tokio::try_join!(kafka.cluster(), kafka.describe_topics(&all))?;
    let topics: IndexMap<String, TopicDescription> = described
        .into_iter()
        .filter_map(|(name, topic)| Some((name, topic.ok()?)))
        .collect();
    let mut holders = Holders::new();
    for broker in cluster.brokers {
        let holder = holders.entry(broker.id).or_default();
        (holder.rack, holder.is_alive) = (broker.rack, true);
    }
    let partitions = topics.values().flat_map(|topic| &topic.partitions);
    for id in partitions.flat_map(|partition| &partition.replicas) {
        holders.entry(*id).or_default().held += 1;
    }
    let moving = under_way(kafka, &topics, factors).await?;
    let mut one = |(name, factor): &(String, usize)| -> Result<Option<Assignment>, String> {
        let topic = topics.get(name).ok_or("it is not there any more")?;
        let layouts = layouts(topic, moving.get(name));
        let assigned = assign(&mut holders, &layouts, *factor)
            .ok_or_else(|| format!("too few brokers are alive for {factor} replicas"))?;
        let assignment = Assignment {
            topic: name.clone(),
            partitions: assigned,
        };
        Ok(Some(assignment).filter(|it| !it.partitions.is_empty()))
    };
    let factors = factors.iter();
    Ok(factors.map(|it| (it.0.clone(), one(it))).collect())
}

type UnderWay = IndexMap<String, Vec<Reassignment>>;

async fn under_way(
    kafka: &Kafka,
    topics: &IndexMap<String, TopicDescription>,
    factors: &[(String, usize)],
) -> Result<UnderWay, KafkaError> {
    let count = |(name, _): &(String, usize)| {
        let count = i32::try_from(topics.get(name)?.partitions.len()).ok()?;
        Some((name.clone(), count))
    };
    let counts: Vec<(String, i32)> = factors.iter().filter_map(count).collect();
    kafka.list_reassignments(&counts).await
}

/// The partitions as they will be when what is under way is done.
fn layouts(topic: &TopicDescription, moving: Option<&Vec<Reassignment>>) -> Vec<Layout> {
    let layout = |partition: &Partition| {
        let moved = moving
            .into_iter()
            .flatten()
            .find(|it| it.partition == partition.index);
        Layout {
            index: partition.index,
            leader: partition.leader,
            replicas: moved.map_or_else(|| partition.replicas.clone(), Reassignment::target),
            in_sync: partition.in_sync.clone(),
        }
    };
    topic.partitions.iter().map(layout).collect()
}

#[cfg(test)]
mod tests {
    use super::super::assign::Holder;
    use super::*;

    #[test]
    fn what_is_under_way_counts_as_it_will_be() {
        let partition = |index, replicas: &[i32]| Partition {
            index,
            leader: Some(1),
            replicas: replicas.to_vec(),
            in_sync: vec![1],
            offline: Vec::new(),
        };
        let topic = TopicDescription {
            topic_id: None,
            internal: false,
            partitions: vec![partition(0, &[1, 2, 3]), partition(1, &[1])],
            authorized_operations: None,
        };
        let moving = vec![Reassignment {
            partition: 0,
            replicas: vec![1, 2, 3],
            adding: vec![2, 3],
            removing: Vec::new(),
        }];
        let layouts = layouts(&topic, Some(&moving));
        let holder = |id| {
            let held = Holder {
                is_alive: true,
                ..Holder::default()
            };
            (id, held)
        };
        let mut holders: Holders = (1..=3).map(holder).collect();
        let to_send = assign(&mut holders, &layouts, 3).unwrap();
        assert_eq!(to_send, [(1, vec![1, 2, 3])]);
    }
}
