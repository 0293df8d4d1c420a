//! Records that are no longer kept: by age, by size, or because `delete` begins.

use std::collections::BTreeMap;
use std::time::Duration;

use super::evidence::{Each, Seen};
use super::turn::{After, Before, Turn};
use super::{Rule, Want};
use crate::broker::kafka::Span;
use crate::kinds::loss::{Finding, Read, Sooner, of_sooner, unread};
use crate::model::unit::Unit;
use crate::model::{Code, Harm, counted, rough_size};

pub(super) const TIME: Rule = Rule {
    code: Code::TopicRetentionLowered,
    field: "config.retention.ms",
    when_empty: Harm::Low,
    wants: &[Want::Age, Want::Sizes, Want::Readers],
    foretold: None,
    applies: |turn| has_deleted_before(turn) && turn.lowers("retention.ms"),
    find: |turn, seen| {
        let told = format!("older than {}", turn.said(After, "retention.ms"));
        let cut = by_age(seen);
        sooner(turn, seen, &cut, weight(turn, seen, &told, &cut))
    },
};

pub(super) const SIZE: Rule = Rule {
    code: Code::TopicRetentionLowered,
    field: "config.retention.bytes",
    when_empty: Harm::Low,
    wants: &[Want::Sizes, Want::Readers],
    foretold: None,
    applies: |turn| has_deleted_before(turn) && turn.lowers("retention.bytes"),
    find: |turn, seen| {
        let said = turn.said(After, "retention.bytes");
        let told = format!("beyond the last {said} of their partition");
        weighed_at_most(turn, seen, &told, &by_size(turn, seen))
    },
};

pub(super) const DELETION_ON: Rule = Rule {
    code: Code::TopicDeletionOn,
    field: "config.cleanup.policy",
    when_empty: Harm::Low,
    wants: &[Want::Age, Want::Sizes, Want::Readers],
    foretold: None,
    applies: |turn| {
        turn.cleans_by(After, "delete") != Some(false)
            && turn.cleans_by(Before, "delete") == Some(false)
    },
    find: |turn, seen| {
        let (age, size) = (
            turn.said(After, "retention.ms"),
            turn.said(After, "retention.bytes"),
        );
        let told = match size.as_str() {
            "unlimited" => format!("older than `retention.ms`, {age}"),
            size => {
                format!("older than `retention.ms`, {age}, or beyond `retention.bytes`, {size}")
            }
        };
        let cut = by_age(seen).and_then(|age| Ok(longer(age, by_size(turn, seen)?)));
        sooner(turn, seen, &cut, weighed_at_most(turn, seen, &told, &cut))
    },
};

/// Whether records are deleted by age and size before and after, as far as is known; where that begins, another rule tells.
fn has_deleted_before(turn: &Turn) -> bool {
    [Before, After]
        .into_iter()
        .all(|side| turn.cleans_by(side, "delete") != Some(false))
}

/// The records of each partition that are older than they would be kept.
fn by_age(seen: &Seen) -> Read<Each<Span>> {
    let spans = seen.spans.as_ref().map_err(String::clone)?;
    let kept_from = seen.kept_from.as_ref().map_err(String::clone)?;
    let going = |(index, span): (&i32, &Span)| {
        let kept = kept_from.get(index).copied().flatten();
        (*index, span.below(kept.unwrap_or(span.end)))
    };
    Ok(spans.iter().map(going).collect())
}

/// The records of each partition that are too many, as if all were of one size.
fn by_size(turn: &Turn, seen: &Seen) -> Read<Each<Span>> {
    let limit = turn.number(After, "retention.bytes");
    let limit = limit.ok_or("the broker does not tell its default")?;
    let spans = seen.spans.as_ref().map_err(String::clone)?;
    if limit == i64::MAX {
        let none = spans
            .iter()
            .map(|(index, span)| (*index, span.below(span.start)));
        return Ok(none.collect());
    }
    if turn.is_on(After, "remote.storage.enable") == Some(true) {
        return Err("how much is in remote storage no broker tells".to_owned());
    }
    let sizes = seen.sizes.as_ref().map_err(String::clone)?;
    let limit = u64::try_from(limit).unwrap_or(0);
    let going = |(index, span): (&i32, &Span)| {
        let size = sizes.get(index).copied().unwrap_or(0);
        let records = share(span.records(), size.saturating_sub(limit), size);
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        (*index, span.below(span.start.saturating_add(records)))
    };
    Ok(spans.iter().map(going).collect())
}

/// So much of a whole as a part is of all.
fn share(whole: u64, part: u64, all: u64) -> u64 {
    let share = u128::from(whole) * u128::from(part) / u128::from(all.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// Of each partition the larger part.
fn longer(one: Each<Span>, other: Each<Span>) -> Each<Span> {
    let mut longer = one;
    for (index, span) in other {
        let known = longer.entry(index).or_insert(span);
        known.end = known.end.max(span.end);
    }
    longer
}

fn weight(turn: &Turn, seen: &Seen, told: &str, going: &Read<Each<Span>>) -> Finding {
    let going = match going {
        Ok(going) => going,
        Err(why) => {
            let what = format!("how many records are {told}");
            return Finding::of(Harm::Critical, [unread(&what, why)]);
        }
    };
    let records = going.values().map(|span| span.records()).sum();
    if records == 0 {
        return Finding::of(Harm::Low, [format!("no record is {told}")]).at_stake(0);
    }
    let bytes = rough_bytes(seen, going).map(|bytes| format!(" ({})", rough_size(bytes)));
    let first = format!(
        "about {}{} {} {told} and become deletable at once",
        counted(records, "record"),
        bytes.unwrap_or_default(),
        if records == 1 { "is" } else { "are" },
    );
    let readers = seen.readers.of_them(turn.name(), going);
    Finding::of(Harm::Critical, std::iter::once(first).chain(readers)).at_stake(records)
}

/// The same where a size counts, too: records need not be of one size, so that all of a partition which is too large may go.
fn weighed_at_most(turn: &Turn, seen: &Seen, told: &str, going: &Read<Each<Span>>) -> Finding {
    let found = weight(turn, seen, told, going);
    let (Ok(by_size), Ok(going), Ok(spans)) = (by_size(turn, seen), going, &seen.spans) else {
        return found;
    };
    let is_too_large = |index: &i32| by_size.get(index).is_some_and(|span| span.records() > 0);
    let at_most = going.iter().map(|(index, span)| match spans.get(index) {
        Some(all) if is_too_large(index) => all.records(),
        Some(_) | None => span.records(),
    });
    let at_most: u64 = at_most.sum();
    match found.at_stake {
        Some(about) if at_most > about => Finding {
            evidence: format!(
                "{}; at most {}, where the old ones are small",
                found.evidence,
                counted(at_most, "record")
            ),
            at_stake: Some(at_most),
            ..found
        },
        Some(_) | None => found,
    }
}

/// The same with what is younger: it is kept for a shorter time than it was.
fn sooner(turn: &Turn, seen: &Seen, going: &Read<Each<Span>>, now: Finding) -> Finding {
    let (Ok(going), Ok(all)) = (going, seen.records()) else {
        return now;
    };
    let gone: u64 = going.values().map(|span| span.records()).sum();
    let rest = all.saturating_sub(gone);
    if rest == 0 {
        return now;
    }
    // what `delete` was not said of was kept for ever
    let kept = |side| match turn.cleans_by(side, "delete") {
        Some(false) => None,
        Some(true) | None => turn
            .number(side, "retention.ms")
            .filter(|ms| *ms != i64::MAX),
    };
    let age = |ms: Option<i64>| Some(Duration::from_millis(u64::try_from(ms?).ok()?));
    let Some(next) = kept(After) else {
        return in_its_turn(turn, rest, now);
    };
    let sooner = Sooner {
        rest,
        what: "record",
        does: ["becomes deletable", "become deletable"],
        within: Unit::Millis.format(next),
        before: kept(Before).map(|ms| Unit::Millis.format(ms)),
        harm: of_sooner(age(kept(Before)), age(Some(next))),
    };
    if gone > 0 {
        return sooner.behind(now);
    }
    let sizes = seen.sizes.as_ref().ok();
    let size = sizes.map(|sizes| rough_size(sizes.values().sum()));
    let spans = seen.spans.as_ref().ok();
    let readers = spans.map(|spans| seen.readers.of_them(turn.name(), spans));
    let clauses = std::iter::once(sooner.all(size)).chain(readers.into_iter().flatten());
    Finding::of(sooner.harm, clauses).at_stake(rest)
}

/// What no time ends, but a size does: the oldest go as new ones come.
fn in_its_turn(turn: &Turn, rest: u64, now: Finding) -> Finding {
    let size = turn.number(After, "retention.bytes");
    if size == Some(i64::MAX) || now.harm > Harm::Medium {
        return now;
    }
    let later = format!(
        "from then on the oldest of its {} go as others come beyond {} of a partition; before, it kept every key for ever",
        counted(rest, "record"),
        turn.said(After, "retention.bytes"),
    );
    Finding {
        harm: Harm::Medium,
        evidence: [now.evidence, later].join("; "),
        at_stake: now.at_stake,
    }
}

/// How large they are, as if all records of a partition were of one size; none where that is not known.
fn rough_bytes(seen: &Seen, going: &BTreeMap<i32, Span>) -> Option<u64> {
    let (spans, sizes) = (seen.spans.as_ref().ok()?, seen.sizes.as_ref().ok()?);
    let of = |(index, going): (&i32, &Span)| {
        Some(share(
            *sizes.get(index)?,
            going.records(),
            spans.get(index)?.records(),
        ))
    };
    going.iter().map(of).sum()
}
