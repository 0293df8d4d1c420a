//! Reading what an assignment is made from.

use indexmap::IndexMap;

use super::assign::Holders;
use super::{Layout, assign};
use crate::broker::kafka::{
    Assignment, Broker, Kafka, KafkaError, Partition, Reassignment, TopicDescription,
};

/// What to send so that a topic gets so many replicas; nothing where its partitions have them, or will have them when
/// what is under way is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::kinds::topic) struct Moves {
    /// Partitions on their way to another number of replicas, which goes before all else.
    pub(in crate::kinds::topic) called_off: Option<Assignment>,
    /// Where replicas are to be.
    pub(in crate::kinds::topic) set: Option<Assignment>,
}

/// What to send, by topic; an error in words where the brokers are too few.
///
/// # Errors
/// What could not be read.
pub(in crate::kinds::topic) async fn assignments(
    kafka: &Kafka,
    factors: &[(String, usize)],
) -> Result<IndexMap<String, Result<Moves, String>>, KafkaError> {
    let all = kafka.list_topics().await?;
    let (cluster, described) = tokio::try_join!(kafka.cluster(), kafka.describe_topics(&all))?;
    let topics: IndexMap<String, TopicDescription> = described
        .into_iter()
        .filter_map(|(name, topic)| Some((name, topic.ok()?)))
        .collect();
    let mut holders = holders(cluster.brokers, &topics);
    let moving = under_way(kafka, &topics, factors).await?;
    let mut one = |(name, factor): &(String, usize)| {
        let topic = topics.get(name).ok_or("it is not there any more")?;
        let moving = moving.get(name).map(Vec::as_slice).unwrap_or_default();
        moves(&mut holders, name, topic, moving, *factor)
    };
    let factors = factors.iter();
    Ok(factors.map(|it| (it.0.clone(), one(it))).collect())
}

/// The brokers with all that they hold; what is being added counts.
fn holders(brokers: Vec<Broker>, topics: &IndexMap<String, TopicDescription>) -> Holders {
    let mut holders = Holders::new();
    for broker in brokers {
        let holder = holders.entry(broker.id).or_default();
        (holder.rack, holder.is_alive) = (broker.rack, true);
    }
    let partitions = topics.values().flat_map(|topic| &topic.partitions);
    for id in partitions.flat_map(|partition| &partition.replicas) {
        holders.entry(*id).or_default().held += 1;
    }
    holders
}

async fn under_way(
    kafka: &Kafka,
    topics: &IndexMap<String, TopicDescription>,
    factors: &[(String, usize)],
) -> Result<IndexMap<String, Vec<Reassignment>>, KafkaError> {
    let count = |(name, _): &(String, usize)| {
        let count = i32::try_from(topics.get(name)?.partitions.len()).ok()?;
        Some((name.clone(), count))
    };
    let counts: Vec<(String, i32)> = factors.iter().filter_map(count).collect();
    kafka.list_reassignments(&counts).await
}

fn moves(
    holders: &mut Holders,
    name: &str,
    topic: &TopicDescription,
    moving: &[Reassignment],
    factor: usize,
) -> Result<Moves, String> {
    let astray = moving.iter().filter(|it| it.target().len() != factor);
    let called_off = astray.map(|it| (it.partition, None)).collect();
    let layouts = layouts(topic, moving, factor);
    let set = assign(holders, &layouts, factor)
        .ok_or_else(|| format!("too few brokers are alive for {factor} replicas"))?;
    let set = set.into_iter().map(|(index, ids)| (index, Some(ids)));
    let some = |partitions: Vec<(i32, Option<Vec<i32>>)>| {
        let topic = name.to_owned();
        (!partitions.is_empty()).then_some(Assignment { topic, partitions })
    };
    Ok(Moves {
        called_off: some(called_off),
        set: some(set.collect()),
    })
}

/// The partitions as they will be when what is under way is done, or was called off because it goes elsewhere.
fn layouts(topic: &TopicDescription, moving: &[Reassignment], factor: usize) -> Vec<Layout> {
    let layout = |partition: &Partition| {
        let moved = moving.iter().find(|it| it.partition == partition.index);
        Layout {
            index: partition.index,
            leader: partition.leader,
            replicas: match moved {
                Some(moved) if moved.target().len() == factor => moved.target(),
                Some(moved) => moved.held(),
                None => partition.replicas.clone(),
            },
            in_sync: partition.in_sync.clone(),
        }
    };
    topic.partitions.iter().map(layout).collect()
}

#[cfg(test)]
mod tests {
    use super::super::assign::Holder;
    use super::*;

    /// Partition 0 on its way from one replica to three, partition 1 with one.
    fn sent(factor: usize) -> Moves {
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
        let moving = [Reassignment {
            partition: 0,
            replicas: vec![1, 2, 3],
            adding: vec![2, 3],
            removing: Vec::new(),
        }];
        let holder = |id| {
            let held = Holder {
                is_alive: true,
                ..Holder::default()
            };
            (id, held)
        };
        let mut holders: Holders = (1..=3).map(holder).collect();
        moves(&mut holders, "t", &topic, &moving, factor).unwrap()
    }

    fn of(partitions: &[(i32, Option<&[i32]>)]) -> Option<Assignment> {
        let partitions = partitions.iter();
        Some(Assignment {
            topic: "t".to_owned(),
            partitions: partitions
                .map(|(index, ids)| (*index, ids.map(<[i32]>::to_vec)))
                .collect(),
        })
    }

    #[test]
    fn what_is_under_way_is_not_sent_again() {
        let sent = sent(3);
        assert_eq!(sent.called_off, None);
        assert_eq!(sent.set, of(&[(1, Some(&[1, 2, 3]))]));
    }

    #[test]
    fn what_goes_elsewhere_is_called_off_first() {
        let back = sent(1);
        assert_eq!((back.called_off, back.set), (of(&[(0, None)]), None));
        let other = sent(2);
        assert_eq!(other.called_off, of(&[(0, None)]));
        assert_eq!(other.set, of(&[(0, Some(&[1, 2])), (1, Some(&[1, 3]))]));
    }
}
