//! Retention that is raised: whether the disks have the room.

use std::collections::BTreeMap;

use super::evidence::Seen;
use super::turn::{After, Before, Turn};
use super::{Rule, Want};
use crate::broker::kafka::Partition;
use crate::kinds::loss::{Finding, unread};
use crate::model::{Code, Harm, rough_size};

const MS: &str = "retention.ms";
const BYTES: &str = "retention.bytes";
const DAY: u64 = 86_400_000;

pub(super) const TIME: Rule = Rule {
    code: Code::TopicRetentionRaised,
    field: "config.retention.ms",
    when_empty: Harm::Low,
    wants: &[Want::Sizes, Want::Room],
    foretold: None,
    applies: |turn| raises(turn, MS),
    find: |turn, seen| weigh(turn, seen, longer),
};

pub(super) const SIZE: Rule = Rule {
    code: Code::TopicRetentionRaised,
    field: "config.retention.bytes",
    when_empty: Harm::Low,
    wants: &[Want::Sizes, Want::Room],
    foretold: None,
    applies: |turn| raises(turn, BYTES) && !raises(turn, MS),
    find: |turn, seen| weigh(turn, seen, larger),
};

/// Whether a topic that deletes keeps more on its brokers' own disks. What is not known is told by the rule for less.
fn raises(turn: &Turn, key: &str) -> bool {
    let is_local = turn.is_on(After, "remote.storage.enable") != Some(true);
    let is_higher = match (turn.number(Before, key), turn.number(After, key)) {
        (Some(before), Some(after)) => after > before,
        (_, _) => false,
    };
    is_local && is_higher && turn.cleans_by(After, "delete") != Some(false)
}

/// How many bytes more a partition of this size comes to hold; none where nothing bounds it.
type Growth = fn(&Turn, u64) -> Option<u64>;

/// As much comes as came, for longer.
fn longer(turn: &Turn, size: u64) -> Option<u64> {
    let (before, after) = (
        bound(turn.number(Before, MS)),
        bound(turn.number(After, MS)),
    );
    let by_time = after.zip(before).map(|(after, before)| {
        let more = u128::from(size) * u128::from(after.saturating_sub(before));
        u64::try_from(more / u128::from(before.max(1))).unwrap_or(u64::MAX)
    });
    let by_size = bound(turn.number(After, BYTES)).map(|limit| limit.saturating_sub(size));
    by_time.into_iter().chain(by_size).min()
}

/// A partition that has reached its size grows to the new one; another one stays as it is.
fn larger(turn: &Turn, size: u64) -> Option<u64> {
    let is_full = bound(turn.number(Before, BYTES)).is_some_and(|before| size >= before);
    match (is_full, bound(turn.number(After, BYTES))) {
        (false, _) => Some(0),
        (true, Some(after)) => Some(after.saturating_sub(size)),
        (true, None) => None,
    }
}

/// A limit that limits.
fn bound(number: Option<i64>) -> Option<u64> {
    let number = number.filter(|number| *number != i64::MAX)?;
    u64::try_from(number).ok()
}

/// A broker, what comes to it, and what it has free.
type Load = (i32, u64, u64);

fn weigh(turn: &Turn, seen: &Seen, growth: Growth) -> Finding {
    let read = (&turn.topic, &seen.sizes, &seen.room);
    let (topic, sizes, room) = match read {
        (Some(topic), Ok(sizes), Ok(room)) => (topic, sizes, room),
        (_, Err(why), _) | (_, _, Err(why)) => {
            let text = unread("whether the disks have the room", why);
            return Finding::of(Harm::Medium, [text]).at_stake(0);
        }
        (None, _, _) => {
            let text = "whether the disks have the room could not be read";
            return Finding::of(Harm::Medium, [text.to_owned()]).at_stake(0);
        }
    };
    let size = |partition: &Partition| sizes.get(&partition.index).copied().unwrap_or(0);
    let is_bound = topic
        .partitions
        .iter()
        .all(|it| growth(turn, size(it)).is_some());
    let mut loads: BTreeMap<i32, u64> = BTreeMap::new();
    for partition in &topic.partitions {
        let bytes = match is_bound {
            true => growth(turn, size(partition)).unwrap_or_default(),
            false => a_day(turn, size(partition)),
        };
        for broker in &partition.replicas {
            let load = loads.entry(*broker).or_default();
            *load = load.saturating_add(bytes);
        }
    }
    let loads = loads.into_iter();
    let loads = loads.filter_map(|(broker, bytes)| Some((broker, bytes, *room.get(&broker)?)));
    let tightest = loads.min_by_key(|(_, bytes, free)| i128::from(*free) - i128::from(*bytes));
    let Some(tightest) = tightest else {
        let text = unread(
            "how much room the disks have",
            "brokers before Kafka 3.3 do not tell",
        );
        return Finding::of(Harm::Medium, [text]).at_stake(0);
    };
    let (harm, text) = match is_bound {
        true => told(tightest),
        false => told_unbound(tightest),
    };
    Finding::of(harm, [text]).at_stake(0)
}

/// How much came on a day, where all that is held came within the retention of now.
fn a_day(turn: &Turn, size: u64) -> u64 {
    let kept = bound(turn.number(Before, MS)).unwrap_or(DAY).max(1);
    let bytes = u128::from(size) * u128::from(DAY) / u128::from(kept);
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn told((broker, more, free): Load) -> (Harm, String) {
    let (size, free_size) = (rough_size(more), rough_size(free));
    match more > free {
        true => (
            Harm::High,
            format!("about {size} more come to broker {broker}, which has {free_size} free"),
        ),
        false => (
            Harm::Low,
            format!("about {size} more come to broker {broker}, which has room: {free_size}"),
        ),
    }
}

fn told_unbound((broker, a_day, free): Load) -> (Harm, String) {
    let free_size = rough_size(free);
    let full = match free.checked_div(a_day) {
        None => format!("broker {broker} has {free_size} free"),
        Some(days) => format!(
            "at the rate of now (about {} a day) the {free_size} that broker {broker} has free are full in {}",
            rough_size(a_day),
            crate::model::counted(days, "day")
        ),
    };
    let text = format!("nothing bounds from then on how much it holds; {full}");
    (Harm::Medium, text)
}
