//! Subjects and what becomes of them.

use super::scene::{Scene, clauses};
use super::{Need, Rule};
use crate::kinds::foretold::Foretold;
use crate::kinds::loss::{Finding, unread};
use crate::kinds::stream::change::StreamChange;
use crate::kinds::stream::said::Said;
use crate::kinds::stream::subjects::is_within;
use crate::model::{Code, Harm, counted, few};

/// How many of each are named.
const NAMED: usize = 3;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::StreamSubjectRemoved,
        fields: &["subjects"],
        fires: |change| !uncovered(&change.live, &change.next).is_empty(),
        needs: &[Need::Consumers, Need::Subjects],
        foretold: None,
        find: removed,
    },
    Rule {
        code: Code::StreamCatchesAll,
        fields: &["subjects"],
        fires: |change| !catching(change).is_empty(),
        needs: &[],
        foretold: Some(|change| {
            let first = catching(change).into_iter().next().unwrap_or_default();
            Foretold::at_word(&first, catches(change))
        }),
        find: |scene| Finding::keeping(Harm::High, catches(&scene.change)),
    },
    Rule {
        code: Code::StreamTransformChanged,
        fields: &["subject_transform.src", "subject_transform.dest"],
        fires: |_| true,
        needs: &[Need::Consumers, Need::Readers],
        foretold: None,
        find: transform,
    },
    Rule {
        code: Code::StreamRepublishChanged,
        fields: &["republish.dest", "republish.src", "republish.headers_only"],
        fires: |change| Said(&change.live).word("republish.dest").is_some(),
        needs: &[],
        foretold: None,
        find: |scene| {
            let dest = scene.live().word("republish.dest").unwrap_or_default();
            let words = format!(
                "who listens on `{dest}` may get nothing more, or something else; no broker tells who does"
            );
            Finding::keeping(scene.unless_unused(Harm::High), words)
        },
    },
    Rule {
        code: Code::StreamOriginChanged,
        fields: &["sources"],
        fires: |change| !forsaken(change).is_empty(),
        needs: &[],
        foretold: None,
        find: |scene| {
            let names = few(quoted(&forsaken(&scene.change)).iter(), NAMED);
            Finding::keeping(
                Harm::Medium,
                format!("{names} is no longer copied as before"),
            )
        },
    },
    // "stream mirror configuration can not be updated" (10055) but for taking it away (nats-server 2.12)
    Rule {
        code: Code::StreamOriginChanged,
        fields: &["mirror.name"],
        fires: |change| unmirrored(change).is_some(),
        needs: &[],
        foretold: None,
        find: |scene| {
            let name = unmirrored(&scene.change).unwrap_or_default();
            Finding::keeping(
                Harm::High,
                format!(
                    "`{name}` is no longer mirrored, for good: no server makes a stream a mirror again"
                ),
            )
        },
    },
];

fn quoted(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

/// The subjects that were captured and are not within any that will be.
fn uncovered(live: &crate::model::Flat, next: &crate::model::Flat) -> Vec<String> {
    let after = Said(next).texts("subjects");
    let is_lost = |subject: &&str| !after.iter().any(|wider| is_within(subject, wider));
    let before = Said(live).texts("subjects").into_iter();
    before.filter(is_lost).map(str::to_owned).collect()
}

/// Subjects from the first token on that were not captured before.
fn catching(change: &StreamChange) -> Vec<String> {
    let before = Said(&change.live).texts("subjects");
    let is_new = |subject: &&str| !before.iter().any(|wider| is_within(subject, wider));
    let after = Said(&change.next).texts("subjects").into_iter();
    let catches = |subject: &&str| subject.starts_with('*') || subject.starts_with('>');
    after
        .filter(catches)
        .filter(is_new)
        .map(str::to_owned)
        .collect()
}

fn catches(change: &StreamChange) -> String {
    let caught = few(quoted(&catching(change)).iter(), NAMED);
    format!(
        "{caught} begins with a wildcard: replies to requests (`_INBOX.>`) and what other services are sent are kept, too"
    )
}

fn removed(scene: &Scene<'_>) -> Finding {
    let gone = uncovered(&scene.change.live, &scene.change.next);
    let named = few(quoted(&gone).iter(), NAMED);
    let all = || gone.iter();
    let taker = scene.others.iter().find(|(_, subjects)| {
        all().all(|subject| subjects.iter().any(|wider| is_within(subject, wider)))
    });
    if let Some((address, _)) = taker {
        return Finding::keeping(
            Harm::Medium,
            format!(
                "{named} goes to `{address}` of the same plan; between the two changes nothing keeps it"
            ),
        );
    }
    let (messages, consumers) = match (&scene.subjects, &scene.consumers) {
        (Ok(subjects), Ok(consumers)) => (held(scene, subjects), consumers),
        (Err(why), _) | (_, Err(why)) => {
            return Finding::keeping(Harm::High, unread(&format!("who uses {named}"), why));
        }
    };
    let filtering: Vec<String> = consumers
        .iter()
        .filter(|standing| all().any(|subject| standing.filters_on(subject)))
        .map(|standing| format!("`{}`", standing.name))
        .collect();
    if messages == 0 && filtering.is_empty() {
        return Finding::keeping(
            Harm::Low,
            format!("it holds no message of {named}, and no consumer filters on it"),
        );
    }
    let evidence = clauses([
        Some(format!(
            "what is published to {named} is kept nowhere from then on, and its publishers get no answer"
        )),
        (messages > 0).then(|| {
            format!(
                "it holds {} of it, which stay",
                counted(messages, "message")
            )
        }),
        (!filtering.is_empty())
            .then(|| format!("consumer {} filters on it", few(filtering.iter(), NAMED))),
    ]);
    Finding::keeping(Harm::High, evidence)
}

/// How many messages came in by a subject that goes.
fn held(scene: &Scene<'_>, subjects: &indexmap::IndexMap<String, u64>) -> u64 {
    let (before, after) = (
        scene.live().texts("subjects"),
        scene.next().texts("subjects"),
    );
    let within =
        |literal: &str, wider: &[&str]| wider.iter().any(|wider| is_within(literal, wider));
    let counts = subjects.iter();
    let counts = counts.filter(|(literal, _)| within(literal, &before) && !within(literal, &after));
    counts.map(|(_, count)| count).sum()
}

fn transform(scene: &Scene<'_>) -> Finding {
    let words = "what comes from then on is kept under other subjects";
    let consumers = match &scene.consumers {
        Ok(consumers) => consumers,
        Err(why) => {
            let evidence = clauses([Some(words.to_owned()), Some(unread("its consumers", why))]);
            return Finding::keeping(Harm::High, evidence);
        }
    };
    let filtering: Vec<String> = consumers
        .iter()
        .filter(|standing| standing.filters_on(">"))
        .map(|standing| format!("`{}`", standing.name))
        .collect();
    let copies = scene.readers.clone();
    let harm = match filtering.is_empty() && copies.is_none() {
        true => Harm::Medium,
        false => Harm::High,
    };
    let filters = (!filtering.is_empty()).then(|| {
        format!(
            "consumer {} filters by subject",
            few(filtering.iter(), NAMED)
        )
    });
    let evidence = clauses([Some(words.to_owned()), filters, copies]);
    Finding::keeping(scene.unless_unused(harm), evidence)
}

/// The origins that are not copied as they were.
fn forsaken(change: &StreamChange) -> Vec<String> {
    let (live, next) = (Said(&change.live), Said(&change.next));
    let kept = next.items("sources");
    let sources = live
        .items("sources")
        .iter()
        .filter(|source| !kept.contains(source));
    let names = sources.filter_map(|source| source["name"].as_str());
    names.map(str::to_owned).collect()
}

/// What was mirrored, where nothing is any longer.
fn unmirrored(change: &StreamChange) -> Option<String> {
    let next = Said(&change.next);
    let was = Said(&change.live).word("mirror.name").map(str::to_owned);
    was.filter(|_| next.word("mirror.name").is_none())
}
