//! How much a new limit leaves behind at the old end of a stream.

use super::holds::{Held, Standing};
use crate::kinds::loss::{Read, unread};
use crate::model::{counted, few, grouped};

/// How many consumers are named.
const NAMED: usize = 3;

/// What goes at the old end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// How many messages.
    pub(super) count: u64,
    /// How sure that is.
    pub(super) certainty: Certainty,
    /// The first sequence number that stays, where that is known.
    pub(super) stays_from: Option<u64>,
    /// How many it can be at most, where the number was reckoned from the average.
    pub(super) worst: Option<u64>,
}

/// How sure a count is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It is that many.
    #[default]
    Exact,
    /// It is not more.
    AtMost,
    /// It was reckoned from the average.
    About,
}

impl Certainty {
    /// How it is said: `about `.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Certainty::Exact => "",
            Certainty::AtMost => "up to ",
            Certainty::About => "about ",
        }
    }
}

impl Cut {
    /// So many of the oldest.
    pub(super) fn oldest(held: &Held, count: u64) -> Cut {
        let count = count.min(held.messages);
        let is_gapless = held.deleted == 0;
        Cut {
            count,
            certainty: Certainty::Exact,
            stays_from: is_gapless.then(|| held.first_seq.saturating_add(count)),
            worst: None,
        }
    }

    /// How many, and how sure that is: `up to 12`.
    pub(super) fn told(self) -> String {
        let told = format!("{}{}", self.certainty.word(), grouped(self.count));
        match self.worst.filter(|worst| *worst > self.count) {
            Some(worst) => format!("{told}, and at most {},", grouped(worst)),
            None => told,
        }
    }

    /// What somebody has to consent to: never less than what goes.
    pub(super) fn at_most(self) -> u64 {
        self.worst.map_or(self.count, |worst| worst.max(self.count))
    }
}

/// Which consumers have not read what goes; none where all have.
pub(super) fn told_unread(cut: Cut, consumers: &Read<Vec<Standing>>) -> Option<String> {
    let consumers = match consumers {
        Ok(consumers) => consumers,
        Err(why) => return Some(unread("which consumers have read them", why)),
    };
    let missed = |standing: &Standing| {
        let passed = cut.stays_from.map_or(u64::MAX, |stays| {
            stays.saturating_sub(standing.floor.saturating_add(1))
        });
        standing.left().min(passed).min(cut.at_most())
    };
    let made = consumers.iter().filter(|standing| !standing.is_internal);
    let mut behind: Vec<(u64, &str)> = made
        .map(|standing| (missed(standing), standing.name.as_str()))
        .filter(|(missed, _)| *missed > 0)
        .collect();
    behind.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.cmp(b)));
    let one = |(missed, name): &(u64, &str)| {
        format!(
            "`{name}` has not acknowledged up to {}",
            counted(*missed, "message")
        )
    };
    let shown = few(behind.iter().map(one), NAMED);
    (!behind.is_empty()).then(|| format!("of them, consumer {shown}"))
}
