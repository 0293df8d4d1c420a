//! Consumers of one work queue that take filters from each other: in which order, and who gives up its own first.
//!
//! Consumers of a work queue share nothing: a server that stands alone refuses what overlaps (10099, 10100), and a cluster
//! takes it and delivers twice (seen on 2.11.11 to 2.15.1). So nobody gets a filter before who holds it has given it up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::among::{is_work_queue, queue_filters};
use super::rules::filters_of;
use super::{DECLARATION, wire};
use crate::kinds::stream::{Said, collide};
use crate::kinds::{Delta, Observations, Observed, Resources};
use crate::model::{Action, Address, Change, Flat, KindName, Stage, Step, few};

/// What stands before the name of a consumer in the subject on which it waits: nobody publishes there.
const PARKED: &str = "$trueup.parked.";

/// A step that gives a consumer of a work queue other filters, or its first.
struct Mover {
    /// Its place among the steps.
    at: usize,
    address: Address,
    /// What it is now; nothing when it gets created.
    live: Flat,
    holds: Vec<String>,
    wants: Vec<String>,
}

/// Says of each step what it waits for, and breaks circles: one of each gives its filters up first.
pub(super) fn arrange(steps: &mut [Step], all: &Resources, observations: &Observations) {
    let mut queues: BTreeMap<String, Vec<Mover>> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        if let Some((queue, mover)) = mover(at, step, all, observations) {
            queues.entry(queue).or_default().push(mover);
        }
    }
    for movers in queues.values() {
        let awaits = awaits(movers);
        let parked = parked(movers, &awaits);
        for (own, mover) in movers.iter().enumerate() {
            let step = &mut steps[mover.at];
            let of_others = awaits[own].iter().map(|other| &movers[*other]);
            step.awaits = of_others.map(|other| other.address.clone()).collect();
            if let Some(meanwhile) = parked.get(&own) {
                step.stages = stages(step, mover, meanwhile);
            }
            step.notes.extend(note(step, parked.get(&own)));
        }
    }
}

/// The queue of a step that sets filters there, and what it is about.
fn mover(
    at: usize,
    step: &Step,
    all: &Resources,
    observations: &Observations,
) -> Option<(String, Mover)> {
    let sets_filters = match step.action {
        Action::Create => true,
        Action::Update | Action::Adopt | Action::Replace => changes_filters(step),
        Action::Delete | Action::Forget | Action::Unread => false,
    };
    if step.address.kind != KindName::Consumer || !sets_filters || !step.is_fit() {
        return None;
    }
    let (queue, _) = step.address.stream_and_consumer()?;
    let stream = all.get(&Address::new(KindName::Stream, queue))?;
    if !is_work_queue(Said(&stream.declared)) {
        return None;
    }
    let live = match observations.get(&step.address)? {
        Observed::Present(live) => Some(live.fields.clone()),
        Observed::Absent => None,
        Observed::Unreadable(_) => return None,
    };
    let deltas = Delta::of_step(step, &DECLARATION).ok()?;
    let mut next = live.clone().unwrap_or_default();
    Delta::lay_over(&mut next, &deltas);
    wire::fit(&mut next, &deltas);
    let of = |fields: &Flat| {
        queue_filters(fields)
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let mover = Mover {
        at,
        address: step.address.clone(),
        holds: live.as_ref().map(of).unwrap_or_default(),
        wants: of(&next),
        live: live.unwrap_or_default(),
    };
    Some((queue.to_owned(), mover))
}

/// Whether a consumer's step sets its filters, in the one field or the other.
pub(in crate::kinds) fn changes_filters(step: &Step) -> bool {
    let mut changes = step.changes.iter();
    changes.any(|change| change.field.starts_with("filter_subject"))
}

fn meet(these: &[String], those: &[String]) -> bool {
    let mut these = these.iter();
    these.any(|this| those.iter().any(|that| collide(this, that)))
}

/// For each the others that hold what it wants.
fn awaits(movers: &[Mover]) -> Vec<BTreeSet<usize>> {
    let holders: Vec<usize> = (0..movers.len())
        .filter(|it| !movers[*it].holds.is_empty())
        .collect();
    let of = |own: usize| {
        let others = holders.iter().copied().filter(|other| *other != own);
        others
            .filter(|other| meet(&movers[*other].holds, &movers[own].wants))
            .collect()
    };
    (0..movers.len()).map(of).collect()
}

/// One of each circle, with the filters that it has until its turn comes: what it wants and nobody holds.
fn parked(movers: &[Mover], awaits: &[BTreeSet<usize>]) -> BTreeMap<usize, Vec<String>> {
    let mut left: BTreeSet<usize> = (0..movers.len()).collect();
    let mut parked = BTreeMap::new();
    loop {
        let is_free = |own: &usize| {
            let mut others = awaits[*own].iter();
            others.all(|other| !left.contains(other) || parked.contains_key(other))
        };
        let free: Vec<usize> = left.iter().copied().filter(is_free).collect();
        if !free.is_empty() {
            left.retain(|own| !free.contains(own));
            continue;
        }
        let awaited = |own: &usize| left.iter().any(|other| awaits[*other].contains(own));
        let mut blocking = left.iter().filter(|own| !parked.contains_key(*own));
        let Some(own) = blocking.find(|own| awaited(own)).copied() else {
            return parked;
        };
        parked.insert(own, meanwhile(movers, own));
    }
}

fn meanwhile(movers: &[Mover], own: usize) -> Vec<String> {
    let mover = &movers[own];
    let others = || movers.iter().enumerate().filter(|(at, _)| *at != own);
    let is_held = |filter: &String| {
        let filter = std::slice::from_ref(filter);
        others().any(|(_, other)| meet(&other.holds, filter))
    };
    let free: Vec<String> = mover
        .wants
        .iter()
        .filter(|it| !is_held(it))
        .cloned()
        .collect();
    match free.is_empty() {
        true => {
            let (_, name) = mover.address.stream_and_consumer().unwrap_or_default();
            vec![format!("{PARKED}{name}")]
        }
        false => free,
    }
}

/// First the filters of meanwhile, then all that the step changes.
fn stages(step: &Step, mover: &Mover, meanwhile: &[String]) -> Vec<Stage> {
    let is_listed = mover.live.contains_key("filter_subjects");
    let (field, after): (&str, Value) = match meanwhile {
        [one] if !is_listed => ("filter_subject", json!(one)),
        many => ("filter_subjects", json!(many)),
    };
    let gives_up = Change {
        field: field.to_owned(),
        before: mover.live.get(field).cloned(),
        after: Some(after),
        note: None,
    };
    let last = Stage {
        changes: step.changes.clone(),
    };
    let first = Stage {
        changes: vec![gives_up],
    };
    vec![first, last]
}

/// What the plan says of a step that waits for others.
fn note(step: &Step, meanwhile: Option<&Vec<String>>) -> Option<String> {
    if step.awaits.is_empty() {
        return None;
    }
    let quoted = |text: &dyn std::fmt::Display| format!("`{text}`");
    let others = few(step.awaits.iter().map(|it| quoted(it)), 3);
    Some(match meanwhile {
        None => format!("after {others}: consumers of a work queue share no filter"),
        Some(meanwhile) => {
            let filters = few(meanwhile.iter().map(|it| quoted(it)), 3);
            format!(
                "in two updates, for consumers of a work queue share no filter: on {filters} first, and on its own when {others} gave it up; what comes meanwhile stays in the queue"
            )
        }
    })
}

/// What puts the filters back that a first stage gave up.
pub(super) fn way_back(stage: &[Delta], live: &Flat) -> Vec<Delta> {
    let held = filters_of(Said(live));
    let field = match live.contains_key("filter_subjects") {
        true => "filter_subjects",
        false => "filter_subject",
    };
    let after = match (field, held.as_slice()) {
        ("filter_subjects", many) => Some(json!(many)),
        (_, [one]) => Some(json!(one)),
        (_, _) => None,
    };
    let mut back: Vec<Delta> = stage
        .iter()
        .filter(|delta| delta.path != field)
        .map(|delta| Delta {
            after: None,
            ..delta.clone()
        })
        .collect();
    back.push(Delta {
        path: field.to_owned(),
        before: None,
        after,
    });
    back
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movers(all: &[(&str, &[&str], &[&str])]) -> Vec<Mover> {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let mover = |(at, (name, holds, wants)): (usize, &(&str, &[&str], &[&str]))| Mover {
            at,
            address: Address::new(KindName::Consumer, format!("Q/{name}")),
            live: Flat::new(),
            holds: texts(holds),
            wants: texts(wants),
        };
        all.iter().enumerate().map(mover).collect()
    }

    fn arranged(all: &[(&str, &[&str], &[&str])]) -> (Vec<Vec<usize>>, Vec<(usize, String)>) {
        let movers = movers(all);
        let awaits = awaits(&movers);
        let parked = parked(&movers, &awaits);
        let parked = parked.into_iter().map(|(at, it)| (at, it.join(" ")));
        let awaits = awaits.into_iter().map(|it| it.into_iter().collect());
        (awaits.collect(), parked.collect())
    }

    fn on(at: usize, filters: &str) -> (usize, String) {
        (at, filters.to_owned())
    }

    #[test]
    fn a_chain_needs_an_order_only() {
        let chain: &[(&str, &[&str], &[&str])] = &[
            ("a", &["a.>"], &["b.>"]),
            ("b", &["b.>"], &["c.>"]),
            ("c", &["c.>"], &["d.>"]),
            ("new", &[], &["a.x"]),
        ];
        let (awaits, parked) = arranged(chain);
        assert_eq!(awaits, [vec![1], vec![2], vec![], vec![0]]);
        assert!(parked.is_empty());
    }

    #[test]
    fn one_of_a_circle_gives_up_first() {
        let swap: &[(&str, &[&str], &[&str])] =
            &[("a", &["a.>"], &["b.>"]), ("b", &["b.>"], &["a.>"])];
        let (awaits, parked) = arranged(swap);
        assert_eq!(awaits, [vec![1], vec![0]]);
        assert_eq!(parked, [on(0, "$trueup.parked.a")]);
        let ring: &[(&str, &[&str], &[&str])] = &[
            ("a", &["a.>"], &["b.>"]),
            ("b", &["b.>"], &["c.>"]),
            ("c", &["c.>"], &["a.>"]),
            ("x", &["x"], &["y"]),
            ("y", &["y"], &["x"]),
        ];
        let (_, parked) = arranged(ring);
        let both = [on(0, "$trueup.parked.a"), on(3, "$trueup.parked.x")];
        assert_eq!(parked, both);
    }

    #[test]
    fn who_gives_up_keeps_what_is_its_own_in_the_end_and_nobodys_else() {
        let swap: &[(&str, &[&str], &[&str])] = &[
            ("a", &["a.>", "own"], &["b.>", "own", "new"]),
            ("b", &["b.>"], &["a.>"]),
        ];
        assert_eq!(arranged(swap).1, [on(0, "own new")]);
    }

    #[test]
    fn the_way_back_leads_to_what_was_there() {
        let delta = |path: &str, after: Value| Delta {
            path: path.to_owned(),
            before: None,
            after: Some(after),
        };
        let flat = |path: &str, value: Value| Flat::from_iter([(path.to_owned(), value)]);
        let narrowed = [delta("filter_subjects", json!(["own", "new"]))];
        let back = way_back(&narrowed, &flat("filter_subject", json!("a.>")));
        let mut gone = narrowed[0].clone();
        gone.after = None;
        assert_eq!(back, [gone, delta("filter_subject", json!("a.>"))]);
        let everything = way_back(&[delta("filter_subject", json!("$p"))], &Flat::new());
        assert_eq!(everything.len(), 1);
        assert_eq!(everything[0].after, None);
    }
}
