//! Streams of one plan that take subjects from each other in a circle. No server takes subjects that overlap (10065), so that
//! none of them can go first.

use std::collections::BTreeSet;

use serde_json::Value;

use super::subjects::{collide, is_within};
use crate::kinds::is_in_place;
use crate::model::{Address, Code, KindName, Refusal, Step, few};

const SUBJECTS: &str = "subjects";

/// A stream that gives subjects up and gets others. Whoever does only one of it is in no circle.
struct Exchange {
    /// Its place among the steps.
    at: usize,
    address: Address,
    gives: Vec<String>,
    gets: Vec<String>,
}

/// Refuses the updates that wait for each other, and those that wait for these.
pub(super) fn refuse(steps: &mut [Step]) {
    let all: Vec<Exchange> = steps.iter().enumerate().filter_map(exchange).collect();
    for (own, holders) in stuck(&all) {
        let step = &mut steps[all[own].at];
        step.refusals
            .push(refusal(&all[own], holders.iter().map(|at| &all[*at])));
    }
}

fn exchange((at, step): (usize, &Step)) -> Option<Exchange> {
    if step.address.kind != KindName::Stream || !is_in_place(step) || !step.is_fit() {
        return None;
    }
    let mut changes = step.changes.iter();
    let change = changes.find(|change| change.field == SUBJECTS)?;
    let (before, after) = (texts(&change.before), texts(&change.after));
    let beyond = |these: &[String], those: &[String]| -> Vec<String> {
        let is_beyond = |one: &&String| !those.iter().any(|wider| is_within(one, wider));
        these.iter().filter(is_beyond).cloned().collect()
    };
    let (gives, gets) = (beyond(&before, &after), beyond(&after, &before));
    (!gives.is_empty() && !gets.is_empty()).then(|| Exchange {
        at,
        address: step.address.clone(),
        gives,
        gets,
    })
}

fn texts(value: &Option<Value>) -> Vec<String> {
    let list = value.as_ref().and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Those whose turn never comes, each with those that hold what it gets.
fn stuck(all: &[Exchange]) -> Vec<(usize, BTreeSet<usize>)> {
    let holders = |own: usize| -> BTreeSet<usize> {
        let others = (0..all.len()).filter(|other| *other != own);
        others
            .filter(|other| meets(&all[*other].gives, &all[own].gets))
            .collect()
    };
    let mut left: Vec<(usize, BTreeSet<usize>)> =
        (0..all.len()).map(|own| (own, holders(own))).collect();
    loop {
        let waiting: BTreeSet<usize> = left.iter().map(|(own, _)| *own).collect();
        let before = left.len();
        left.retain(|(_, holders)| !holders.is_disjoint(&waiting));
        if left.len() == before {
            return left;
        }
    }
}

fn meets(these: &[String], those: &[String]) -> bool {
    let mut these = these.iter();
    these.any(|this| those.iter().any(|that| collide(this, that)))
}

fn refusal<'e>(own: &Exchange, holders: impl Iterator<Item = &'e Exchange>) -> Refusal {
    let holders: Vec<&Exchange> = holders.collect();
    let is_held = |subject: &&String| {
        let subject = std::slice::from_ref(*subject);
        holders.iter().any(|holder| meets(&holder.gives, subject))
    };
    let held: Vec<&String> = own.gets.iter().filter(is_held).collect();
    let held = few(held.iter().map(|subject| format!("`{subject}`")), 3);
    let holders = few(holders.iter().map(|it| format!("`{}`", it.address)), 3);
    let message = format!(
        "{held} comes from {holders}, which waits for subjects in turn: they take them from each other in a circle, no server takes subjects that overlap (10065), and so none of them can go first"
    );
    let hint = format!(
        "in two applies: take {held} away from {holders} first (until the second, what is published there is kept nowhere), then declare it here"
    );
    Refusal::new(Code::SubjectOverlap, message, hint).field(SUBJECTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Change};
    use serde_json::json;

    fn update(name: &str, before: Value, after: Value) -> Step {
        let mut step = Step::of(Address::new(KindName::Stream, name), Action::Update);
        step.changes.push(Change {
            field: SUBJECTS.to_owned(),
            before: Some(before),
            after: Some(after),
            note: None,
        });
        step
    }

    fn refused(mut steps: Vec<Step>) -> Vec<(String, String)> {
        refuse(&mut steps);
        let of = |step: Step| {
            let name = step.address.name.clone();
            let messages = step.refusals.into_iter();
            messages.map(move |refusal| (name.clone(), refusal.message))
        };
        steps.into_iter().flat_map(of).collect()
    }

    #[test]
    fn a_swap_is_refused_and_names_both_subjects_and_streams() {
        let told = refused(vec![
            update("A", json!(["a.>", "x"]), json!(["b.>"])),
            update("B", json!(["b.>"]), json!(["a.>", "x"])),
        ]);
        assert_eq!(told.len(), 2);
        assert!(told[0].1.starts_with("`b.>` comes from `stream/B`"));
        assert!(told[1].1.starts_with("`a.>`, `x` comes from `stream/A`"));
    }

    #[test]
    fn a_ring_is_refused_with_who_waits_for_it() {
        let told = refused(vec![
            update("A", json!(["a"]), json!(["b"])),
            update("B", json!(["b", "b2"]), json!(["c"])),
            update("C", json!(["c"]), json!(["a"])),
            update("D", json!(["d"]), json!(["b2"])),
        ]);
        let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["A", "B", "C", "D"]);
    }

    #[test]
    fn a_chain_a_move_and_what_is_kept_are_fine() {
        let chain = vec![
            update("A", json!(["a"]), json!(["b"])),
            update("B", json!(["b"]), json!(["c"])),
            update("C", json!(["c"]), json!(["d"])),
        ];
        assert_eq!(refused(chain), []);
        let to_and_fro = vec![
            update("A", json!(["a.>", "own"]), json!(["own"])),
            update("B", json!(["b"]), json!(["b", "a.>"])),
        ];
        assert_eq!(refused(to_and_fro), []);
    }
}
