//! How many replicas a topic has, and their way to another number.
//!
//! A topic on its way has more than one number of replicas: what its partitions hold, and what they will. Such a topic
//! differs from every declaration until the brokers are done, so that whoever applies waits for them.

mod assign;
mod assignments;
mod throttle;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use assign::{Layout, assign};
pub(super) use assignments::assignments;
use throttle::{OTHERS, OURS};
pub(super) use throttle::{THROTTLED, Throttle, bind, free, tell_apart};

use crate::broker::kafka::{Reassignment, TopicDescription};
use crate::kinds::{Delta, Live};
use crate::model::{Flat, counted, grouped};

/// The field.
pub(super) const FACTOR: &str = "replication_factor";

/// Stands in the raw document of a topic while a reassignment is under way.
pub(super) const BEING_MOVED: &str = "being_moved";

/// How far a reassignment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Partitions that are as they will be.
    pub(super) done: usize,
    /// All partitions.
    pub(super) of: usize,
}

impl Progress {
    pub(super) fn of(topic: &TopicDescription, moving: &[Reassignment]) -> Progress {
        let of = topic.partitions.len();
        Progress {
            done: of.saturating_sub(moving.len()),
            of,
        }
    }

    /// None where nothing is under way.
    pub(super) fn of_live(live: &Live) -> Option<Progress> {
        let told = live.raw.get(BEING_MOVED)?;
        Progress::deserialize(told).ok()
    }

    /// Of several topics together.
    pub(super) fn sum(all: impl Iterator<Item = Progress>) -> Progress {
        all.fold(Progress { done: 0, of: 0 }, |sum, it| Progress {
            done: sum.done + it.done,
            of: sum.of + it.of,
        })
    }

    /// Said in a plan that finds it under way.
    pub(super) fn note(self) -> String {
        format!(
            "its replicas are being moved already: {self}; an apply sends what is missing and waits for the rest"
        )
    }

    /// Said of a step that nobody waits for any longer.
    pub(super) fn left_to_the_brokers(self) -> String {
        format!(
            "its replicas are being moved: {self}; the brokers go on by themselves, and the next run waits for them"
        )
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, of) = (
            grouped(self.done as u64),
            counted(self.of as u64, "partition"),
        );
        let are = if self.done == 1 { "is" } else { "are" };
        write!(f, "{done} of {of} {are} done")
    }
}

/// Said in a plan of a topic that is throttled.
pub(super) fn note_of_throttle(delta: &Delta, live: &Live) -> Option<&'static str> {
    if delta.before == Some(0.into()) {
        return Some(
            "its replicas are where they are to be: the throttle that an earlier run left is taken back",
        );
    }
    (whose_throttle(live) == Some(OTHERS))
        .then_some("somebody else throttles its replicas: that is left alone")
}

/// Whether trueup throttles its replicas, and has not taken that back.
pub(super) fn is_throttled_by_us(live: &Live) -> bool {
    whose_throttle(live) == Some(OURS)
}

fn whose_throttle(live: &Live) -> Option<&str> {
    live.raw.get(THROTTLED).and_then(Value::as_str)
}

/// The numbers of replicas that the partitions have and will have, as a field: one number, or all of them.
pub(super) fn written(factors: &BTreeSet<usize>) -> Value {
    match factors.len() {
        0 | 1 => factors.first().copied().unwrap_or(0).into(),
        _ => json!(factors),
    }
}

/// Several numbers become one: that which differs from what is declared, or the highest where nothing is. That of a throttle
/// that is left over (0) comes last: the number that is there decides what a change costs.
pub(super) fn settle(declared: &Flat, live: &mut Flat) {
    let Some(Value::Array(factors)) = live.get(FACTOR) else {
        return;
    };
    let one = match declared.get(FACTOR) {
        Some(wanted) => {
            let others = factors.iter().filter(|factor| *factor != wanted);
            others.min_by_key(|factor| factor.as_u64() == Some(0))
        }
        None => factors.last(),
    };
    let one = one.cloned().unwrap_or(Value::Null);
    live.insert(FACTOR.to_owned(), one);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_on_its_way_differs_from_every_number() {
        let settled = |factors: &[usize], declared: Option<usize>| {
            let flat = |value: Value| Flat::from_iter([(FACTOR.to_owned(), value)]);
            let mut live = flat(written(&factors.iter().copied().collect()));
            settle(
                &declared.map(|n| flat(n.into())).unwrap_or_default(),
                &mut live,
            );
            live[FACTOR].clone()
        };
        assert_eq!(settled(&[3], Some(3)), json!(3));
        assert_eq!(settled(&[1, 3], Some(3)), json!(1));
        assert_eq!(settled(&[1, 3], Some(1)), json!(3));
        assert_eq!(settled(&[2, 3], Some(2)), json!(3));
        assert_eq!(settled(&[1, 3], None), json!(3));
        // moved, and its throttle left over
        assert_eq!(settled(&[0, 3], Some(3)), json!(0));
        assert_eq!(settled(&[0, 3], Some(2)), json!(3));
        assert_eq!(settled(&[0, 3], None), json!(3));
    }
}
