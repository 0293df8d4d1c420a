//! Streams of one plan whose subjects change: their consumers follow, and where streams take subjects from each other in a circle
//! none can go first, as no server takes subjects that overlap (10065).

use std::collections::BTreeSet;

use serde_json::Value;

use super::subjects::{collide, is_within};
use crate::kinds::consumer::changes_filters;
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

/// Lets the consumers of a stream follow it whose filters follow its subjects, and those that are new: where it does not get its
/// subjects, they would wait for what never comes.
pub(super) fn let_streams_go_first(steps: &mut [Step]) {
    let changes_subjects = |step: &&Step| {
        let mut changes = step.changes.iter();
        step.address.kind == KindName::Stream
            && is_in_place(step)
            && changes.any(|change| change.field == SUBJECTS)
    };
    let streams: Vec<(Address, Vec<Address>)> = steps
        .iter()
        .filter(changes_subjects)
        .map(|step| (step.address.clone(), step.rests_on.clone()))
        .collect();
    for (stream, waits_for) in streams {
        // one that the stream waits for goes before it
        let is_free = |step: &&mut Step| !waits_for.contains(&step.address);
        let followers = steps.iter_mut().filter(|step| follows(step, &stream));
        let followers = followers.filter(is_free);
        followers.for_each(|step| step.rests_on.push(stream.clone()));
    }
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

fn follows(step: &Step, stream: &Address) -> bool {
    let of = step.address.stream_and_consumer().map(|(stream, _)| stream);
    step.address.kind == KindName::Consumer
        && of == Some(stream.name.as_str())
        && step.is_on_broker()
        && changes_filters(step)
        && !step.rests_on.contains(stream)
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
    fn a_consumer_that_follows_with_its_filter_waits_for_its_stream() {
        let consumer = |name: &str, field: &str| {
            let address = Address::new(KindName::Consumer, name);
            let mut step = Step::of(address, Action::Update);
            step.changes.push(Change {
                field: field.to_owned(),
                before: None,
                after: Some(json!("b.x")),
                note: None,
            });
            step
        };
        let mut steps = vec![
            update("A", json!(["a.>"]), json!(["b.>"])),
            update("B", json!(["b.>"]), json!(["a.>"])),
            consumer("A/follows", "filter_subject"),
            consumer("A/other", "description"),
        ];
        let_streams_go_first(&mut steps);
        assert_eq!(steps[2].rests_on, [Address::new(KindName::Stream, "A")]);
        assert!(steps[3].rests_on.is_empty());
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
