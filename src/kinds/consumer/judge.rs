//! What the server would refuse of a change, beyond what the fields' facts say.

use super::rules::{complaints, is_push};
use super::{DECLARATION, among, replace, stream_of};
use crate::kinds::stream::{Complaint, Said, declared_as, too_old};
use crate::kinds::{Case, Delta};
use crate::model::{Code, Flat, Refusal};

/// Every refusal of this case.
pub(super) fn judge(case: &Case<'_>) -> Vec<Refusal> {
    let live = case
        .live
        .map(|live| live.fields.clone())
        .unwrap_or_default();
    let next = next(&live, case);
    let mut found = new_complaints(&live, &next, case);
    found.extend(deliver_subject(&live, &next, case));
    found.extend(in_stream(&next, case));
    if let Some(server) = &case.surroundings.nats {
        found.extend(too_old(&DECLARATION, &live, &next, server));
    }
    found.into_iter().map(Complaint::refusal).collect()
}

/// The configuration that would be sent.
fn next(live: &Flat, case: &Case<'_>) -> Flat {
    if case.live.is_some() && !replace::reasons(live, case.deltas).is_empty() {
        return replace::next(live, case.deltas);
    }
    let mut next = live.clone();
    Delta::lay_over(&mut next, case.deltas);
    super::wire::fit(&mut next, case.deltas);
    next
}

fn new_complaints(live: &Flat, next: &Flat, case: &Case<'_>) -> Vec<Complaint> {
    let before = match case.live {
        Some(_) => complaints(Said(live)),
        None => Vec::new(),
    };
    let mut found = complaints(Said(next));
    found.retain(|complaint| !before.contains(complaint));
    found
}

/// A push consumer never becomes a pull consumer, nor the reverse.
fn deliver_subject(live: &Flat, next: &Flat, case: &Case<'_>) -> Option<Complaint> {
    let turns = case.live.is_some() && is_push(Said(live)) != is_push(Said(next));
    turns.then(|| {
        Complaint::new(
            Code::NeedsReplace,
            "deliver_subject",
            "a push consumer can't become a pull consumer in place, nor the reverse",
            "apply it as it is first, with a ledger: what the stack owns is replaced, with consent",
        )
    })
}

/// What the declared stream forbids, when only the live values of the consumer show it.
fn in_stream(next: &Flat, case: &Case<'_>) -> Vec<Complaint> {
    let name = stream_of(case.resource).unwrap_or_default();
    let stream = declared_as(name, case.all).and_then(|address| case.all.get(&address));
    let Some(stream) = stream else {
        return Vec::new();
    };
    let touched = |complaint: &Complaint| case.delta(&complaint.field).is_some();
    let said = Said(next);
    let mut found = among::of_work_queue(said, &stream.declared);
    found.extend(among::limits(said, &stream.declared));
    found.extend(among::circle(said, name, &stream.declared));
    found.retain(touched);
    found
}
