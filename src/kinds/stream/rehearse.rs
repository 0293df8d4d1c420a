//! What the server tells of subjects before anything is sent.

use std::collections::HashSet;

use super::change::StreamChange;
use super::origins::{has_sources, is_mirror};
use super::said::Said;
use super::subjects;
use super::view::View;
use super::wire::each;
use crate::broker::Brokers;
use crate::broker::nats::JetStream;
use crate::model::{Action, Address, Code, Refusal, Step};

/// Asks for streams that already capture what these steps want to capture. Streams that the same
/// plan changes are left out: they may be about to give the subjects up.
pub(in crate::kinds) async fn rehearse(
    view: &dyn View,
    brokers: &Brokers,
    steps: &[&Step],
) -> Vec<(Address, Refusal)> {
    let Some(nats) = &brokers.nats else {
        return Vec::new();
    };
    let planned: HashSet<String> = steps
        .iter()
        .map(|step| view.stream_name(&step.address.name))
        .collect();
    each(steps.iter().map(|step| overlap(view, nats, step, &planned)))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn overlap(
    view: &dyn View,
    nats: &JetStream,
    step: &Step,
    planned: &HashSet<String>,
) -> Option<(Address, Refusal)> {
    for subject in new_subjects(view, step) {
        let Ok(names) = nats.stream_names_overlapping(&subject).await else {
            continue;
        };
        if let Some(other) = names.into_iter().find(|name| !planned.contains(name)) {
            let refusal = Refusal::new(
                Code::SubjectOverlap,
                format!("`{subject}` overlaps with the subjects of the live stream `{other}`"),
                format!("take other subjects, change `{other}`, or source from it"),
            );
            let field = view.field_name("subjects");
            return Some((step.address.clone(), refusal.field(field)));
        }
    }
    None
}

/// The subjects that the step adds and that nothing before it covered.
fn new_subjects(view: &dyn View, step: &Step) -> Vec<String> {
    let change = match StreamChange::of_step(view, step) {
        Ok(change) => change,
        Err(_) => return Vec::new(),
    };
    let (live, next) = (Said(&change.live), Said(&change.next));
    let wanted = next.texts("subjects");
    if wanted.is_empty() && step.action == Action::Create && !is_mirror(next) && !has_sources(next)
    {
        return vec![view.stream_name(&step.address.name)];
    }
    let held = live.texts("subjects");
    let is_new = |subject: &&str| !held.iter().any(|old| subjects::is_within(subject, old));
    wanted
        .into_iter()
        .filter(is_new)
        .map(str::to_owned)
        .collect()
}
