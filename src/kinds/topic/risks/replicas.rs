//! More replicas or fewer.

use super::evidence::Seen;
use super::turn::Turn;
use super::{Rule, Want};
use crate::broker::kafka::Partition;
use crate::kinds::loss::{Finding, unread};
use crate::model::{Code, Harm, counted, rough_size};

pub(super) const LOWERED: Rule = Rule {
    code: Code::TopicReplicasLowered,
    field: "replication_factor",
    when_empty: Harm::Low,
    wants: &[],
    foretold: None,
    applies: |turn| turn.factors().is_none_or(|(before, after)| after < before),
    find: |turn, _| Finding::of(Harm::High, [fewer(turn), in_sync(turn)]),
};

pub(super) const MOVED: Rule = Rule {
    code: Code::TopicMoved,
    field: "replication_factor",
    when_empty: Harm::Low,
    wants: &[Want::Sizes],
    foretold: None,
    applies: |turn| {
        let copies = |(before, after)| before > 0 && after > before;
        turn.factors().is_none_or(copies)
    },
    find: |turn, seen| Finding::of(Harm::Medium, [copies(turn, seen), in_sync(turn)]),
};

fn fewer(turn: &Turn) -> String {
    match turn.factors() {
        Some((_, 1)) => "each record is on one broker alone, and lost with it".to_owned(),
        Some((before, after)) => {
            format!("each record is on {after} brokers instead of {before}")
        }
        None => "each record may be on fewer brokers than before".to_owned(),
    }
}

/// How much is copied: each partition as often as it gets a new replica. What is on its way already counts as there.
fn copies(turn: &Turn, seen: &Seen) -> String {
    let (Some(topic), Some((_, after))) = (&turn.topic, turn.factors()) else {
        return "how much is copied could not be read".to_owned();
    };
    let missing = |it: &Partition| after.saturating_sub(it.replicas.len() as u64);
    let new: u64 = topic.partitions.iter().map(missing).sum();
    if new == 0 {
        return "all new replicas are on their way already".to_owned();
    }
    let new_replicas = counted(new, "new replica");
    match &seen.sizes {
        Ok(sizes) => {
            let bytes = topic.partitions.iter();
            let bytes = bytes.map(|it| missing(it) * sizes.get(&it.index).copied().unwrap_or(0));
            format!(
                "about {} are copied to {new_replicas}",
                rough_size(bytes.sum())
            )
        }
        Err(why) => unread(&format!("how much is copied to {new_replicas}"), why),
    }
}

fn in_sync(turn: &Turn) -> String {
    let Some(topic) = &turn.topic else {
        return "how many replicas are in sync could not be read".to_owned();
    };
    let mut partitions = topic.partitions.iter();
    match partitions.find(|it| it.in_sync.len() < it.replicas.len()) {
        Some(short) => format!(
            "partition {} has {} in sync of {}",
            short.index,
            short.in_sync.len(),
            short.replicas.len()
        ),
        None => "all replicas are in sync now".to_owned(),
    }
}
