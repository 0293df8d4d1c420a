//! Another filter: what waits outside of it.

use indexmap::IndexMap;

use super::scene::{Position, Scene};
use super::{Rule, Turn};
use crate::kinds::consumer::losses::Retention;
use crate::kinds::consumer::rules::filters_of;
use crate::kinds::loss::{Finding, unread};
use crate::kinds::stream::{Said, Standing, is_within, or_everything};
use crate::model::{Code, Flat, Harm, counted};

pub(super) const RULES: &[Rule] = &[Rule {
    code: Code::ConsumerFilterChanged,
    fields: &["filter_subject", "filter_subjects"],
    fires: differ,
    looks_at_subjects: true,
    foretold: None,
    find: changed,
}];

fn filters(fields: &Flat) -> Vec<String> {
    let filters = filters_of(Said(fields)).into_iter();
    or_everything(filters.map(str::to_owned).collect())
}

fn differ(turn: &Turn) -> bool {
    let (mut before, mut after) = (filters(&turn.live), filters(&turn.next));
    before.sort_unstable();
    after.sort_unstable();
    before != after
}

/// What a filter meets and another one does not.
struct Moved<'a> {
    /// What it got and gets no more, by subject.
    dropped: Vec<(&'a str, u64)>,
    /// How many messages it did not get and does from now on.
    gained: u64,
}

fn moved<'a>(turn: &Turn, subjects: &'a IndexMap<String, u64>) -> Moved<'a> {
    let (before, after) = (filters(&turn.live), filters(&turn.next));
    let gets =
        |filters: &[String], literal: &str| filters.iter().any(|filter| is_within(literal, filter));
    let mut moved = Moved {
        dropped: Vec::new(),
        gained: 0,
    };
    for (literal, count) in subjects {
        match (gets(&before, literal), gets(&after, literal)) {
            (true, false) => moved.dropped.push((literal, *count)),
            (false, true) => moved.gained += count,
            (true, true) | (false, false) => {}
        }
    }
    moved
}

fn changed(scene: &Scene) -> Finding {
    let (position, subjects) = match (&scene.position, &scene.subjects) {
        (Ok(position), Ok(subjects)) => (position, subjects),
        (Err(why), _) | (_, Err(why)) => return unknown(scene, why),
    };
    let moved = moved(&scene.turn, subjects);
    let held: u64 = moved.dropped.iter().map(|(_, count)| count).sum();
    match held.min(position.standing.left()) {
        0 => gained(moved.gained, position),
        skipped => lost(scene, &moved, skipped),
    }
}

fn unknown(scene: &Scene, why: &str) -> Finding {
    let keeps = matches!(
        scene.retention,
        Ok(Retention::Limits | Retention::WorkQueue)
    );
    Finding {
        harm: if keeps { Harm::High } else { Harm::Critical },
        evidence: unread("what waits for it outside of the new filter", why),
        at_stake: None,
    }
}

/// Nothing that waits is skipped. What came before its position and meets only the new filter is not delivered.
fn gained(earlier: u64, position: &Position) -> Finding {
    if earlier == 0 || position.standing.floor == 0 {
        return Finding::keeping(Harm::Low, "nothing waits for it outside of the new filter");
    }
    let what = counted(earlier, "message");
    let words = format!(
        "of {what} that the new filter meets besides, those before its position are not delivered"
    );
    Finding::keeping(Harm::Medium, words)
}

fn lost(scene: &Scene, moved: &Moved<'_>, skipped: u64) -> Finding {
    let is_shared = shared(scene, moved);
    let up_to = if is_shared { "up to " } else { "" };
    let what = format!("{up_to}{}", counted(skipped, "message"));
    match &scene.retention {
        Ok(Retention::Limits) => Finding::keeping(
            Harm::High,
            format!(
                "up to {} that may wait for it are skipped; its stream keeps them",
                counted(skipped, "message")
            ),
        )
        .at_stake(skipped),
        Ok(Retention::WorkQueue) if is_shared => Finding::keeping(
            Harm::Medium,
            format!(
                "{what} that wait for it stay in the work queue; another consumer filters on such subjects"
            ),
        ),
        Ok(Retention::WorkQueue) => Finding::keeping(
            Harm::High,
            format!("{what} that wait for it stay in the work queue, and nobody reads them"),
        )
        .at_stake(skipped),
        Ok(Retention::Interest) => Finding {
            harm: Harm::Critical,
            evidence: match is_shared {
                true => format!(
                    "{what} that wait for it are deleted, unless another consumer holds them"
                ),
                false => {
                    format!("{what} that wait for it and for no other consumer are deleted at once")
                }
            },
            at_stake: Some(skipped),
        },
        Err(why) => Finding {
            harm: Harm::Critical,
            evidence: format!(
                "{what} that wait for it are skipped; {}",
                unread("whether its stream keeps them", why)
            ),
            at_stake: None,
        },
    }
}

/// Whether another consumer gets some of what this one gives up, or nobody knows.
fn shared(scene: &Scene, moved: &Moved<'_>) -> bool {
    let gets = |standing: &Standing| {
        moved
            .dropped
            .iter()
            .any(|(literal, _)| standing.gets(literal))
    };
    match &scene.others {
        Ok(others) => others.iter().any(gets),
        Err(_) => true,
    }
}
