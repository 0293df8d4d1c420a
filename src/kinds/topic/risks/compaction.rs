//! Compaction: which records it drops, and how long it shows what was deleted.

use std::collections::BTreeSet;

use super::evidence::{Each, Seen};
use super::turn::{After, Before};
use super::{Rule, Want};
use crate::broker::kafka::{Sample, Span};
use crate::kinds::loss::{Finding, unread};
use crate::model::{Code, Harm, counted, grouped};

pub(super) const ON: Rule = Rule {
    code: Code::TopicCompactionOn,
    field: "config.cleanup.policy",
    when_empty: Harm::Low,
    wants: &[Want::Sample],
    foretold: None,
    applies: |turn| {
        turn.cleans_by(After, "compact") == Some(true)
            && turn.cleans_by(Before, "compact") != Some(true)
    },
    find: |_, seen| on(seen),
};

pub(super) const TOMBSTONES: Rule = Rule {
    code: Code::TopicTombstonesShortened,
    field: "config.delete.retention.ms",
    when_empty: Harm::Low,
    wants: &[Want::Readers],
    foretold: None,
    applies: |turn| {
        turn.cleans_by(After, "compact") != Some(false) && turn.lowers("delete.retention.ms")
    },
    find: |turn, seen| {
        let first = format!(
            "who needs longer than {} to read it from the beginning may miss what was deleted",
            turn.said(After, "delete.retention.ms")
        );
        let readers = seen.readers.of(turn.name(), seen.spans.as_ref().ok());
        Finding::of(Harm::Medium, std::iter::once(first).chain(readers))
    },
};

fn on(seen: &Seen) -> Finding {
    let (spans, samples) = match (&seen.spans, &seen.samples) {
        (Ok(spans), Ok(samples)) => (spans, samples),
        (Err(why), _) => {
            return Finding::of(Harm::Critical, [unread("how many records it holds", why)]);
        }
        (Ok(spans), Err(why)) => {
            let clauses = [of_all(spans), unread("whether they have keys", why)];
            return Finding::of(Harm::Critical, clauses).at_stake(sum(spans));
        }
    };
    match are_all(spans, samples) {
        true => of_every_one(samples),
        false => of_sample(spans, samples),
    }
}

/// Whether the look saw every record there is.
fn are_all(spans: &Each<Span>, samples: &Each<Sample>) -> bool {
    let mut full = spans.iter().filter(|(_, span)| span.records() > 0);
    let seen = |(index, span): (&i32, &Span)| {
        let sample = samples.get(index);
        sample.is_some_and(|sample| {
            sample.gap.is_none() && sample.from <= span.start && sample.to >= span.end
        })
    };
    full.all(seen)
}

/// Every record was looked at, so that what goes is known.
fn of_every_one(samples: &Each<Sample>) -> Finding {
    let (mut all, mut bare, mut old) = (0, 0, 0);
    for sample in samples.values() {
        let keys: Vec<u64> = sample.keys.iter().flatten().copied().collect();
        let distinct: BTreeSet<&u64> = keys.iter().collect();
        all += sample.keys.len() as u64;
        bare += (sample.keys.len() - keys.len()) as u64;
        old += (keys.len() - distinct.len()) as u64;
    }
    let going = bare + old;
    if going == 0 {
        let all = counted(all, "record");
        let text = format!("{all}, each with a key of its own: compaction drops none of them");
        return Finding::of(Harm::Low, [text]).at_stake(0);
    }
    let text = format!(
        "of {}, compaction drops {} without a key and {} that {} newer one of the same key",
        counted(all, "record"),
        grouped(bare),
        grouped(old),
        if old == 1 { "has a" } else { "have a" },
    );
    Finding::of(
        Harm::Critical,
        [text, producers(bare)]
            .into_iter()
            .filter(|text| !text.is_empty()),
    )
    .at_stake(going)
}

fn of_sample(spans: &Each<Span>, samples: &Each<Sample>) -> Finding {
    let keys = || samples.values().flat_map(|sample| &sample.keys);
    let (all, bare) = (keys().count(), keys().filter(|key| key.is_none()).count());
    let sample = match samples.values().find_map(|sample| sample.gap.as_ref()) {
        Some(why) => unread("whether all that were looked at have keys", why),
        None if bare == 0 => format!("all of the {} looked at have a key", grouped(all as u64)),
        None => format!(
            "{} of the {} looked at have no key, and such go altogether",
            grouped(bare as u64),
            grouped(all as u64)
        ),
    };
    let clauses = [of_all(spans), sample, producers(bare as u64)];
    let clauses = clauses.into_iter().filter(|text| !text.is_empty());
    Finding::of(Harm::Critical, clauses).at_stake(sum(spans))
}

/// Kafka refuses records without a key on a compacted topic (`INVALID_RECORD`).
fn producers(bare: u64) -> String {
    match bare {
        0 => String::new(),
        _ => "producers that send none are refused from then on".to_owned(),
    }
}

fn of_all(spans: &Each<Span>) -> String {
    let all = counted(sum(spans), "record");
    format!("of up to {all}, compaction keeps only the last of each key")
}

fn sum(spans: &Each<Span>) -> u64 {
    spans.values().map(|span| span.records()).sum()
}
