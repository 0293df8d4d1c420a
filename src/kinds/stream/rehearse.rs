//! What the server tells of subjects before anything is sent.

use std::collections::HashSet;

use super::change::StreamChange;
use super::origins::{has_sources, is_mirror};
use super::room;
use super::said::Said;
use super::subjects::{self, SubjectTree};
use super::view::View;
use super::wire::each;
use crate::broker::Brokers;
use crate::broker::nats::JetStream;
use crate::model::{Action, Address, Code, Refusal, Step};

/// Up to how many subjects the server is asked for each; beyond, all streams are listed once.
const ASKED_FOR: usize = 128;

/// A subject that a step adds, and the step's resource.
struct Wanted<'s> {
    subject: String,
    address: &'s Address,
}

/// Asks for streams that already capture what these steps want to capture. Streams that the same
/// plan changes are left out: they may be about to give the subjects up. What can't be asked is
/// found out by the server when the step is carried out.
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
    let wanted: Vec<Wanted<'_>> = steps
        .iter()
        .flat_map(|step| new_subjects(view, step))
        .collect();
    let others = if wanted.len() > ASKED_FOR {
        listed(nats, &wanted, &planned).await
    } else {
        each(wanted.iter().map(|wanted| asked(nats, wanted, &planned))).await
    };
    let overlaps = wanted
        .iter()
        .zip(others)
        .filter_map(|(wanted, other)| Some(refusal(view, wanted, &other?)));
    let mut refusals: Vec<(Address, Refusal)> = overlaps.collect();
    refusals.extend(room::rehearse(view, nats, steps).await);
    refusals
}

/// The stream that the server names for one subject.
async fn asked(nats: &JetStream, wanted: &Wanted<'_>, planned: &HashSet<String>) -> Option<String> {
    match nats.stream_names_overlapping(&wanted.subject).await {
        Ok(names) => names.into_iter().find(|name| !planned.contains(name)),
        Err(error) => {
            tracing::debug!(%error, subject = wanted.subject, "can't ask for overlapping streams");
            None
        }
    }
}

/// The same for many subjects, from one listing.
async fn listed(
    nats: &JetStream,
    wanted: &[Wanted<'_>],
    planned: &HashSet<String>,
) -> Vec<Option<String>> {
    let listing = nats.stream_list().await.unwrap_or_else(|error| {
        tracing::debug!(%error, "can't list streams to look for overlaps");
        Default::default()
    });
    let mut tree = SubjectTree::default();
    for info in &listing.streams {
        let config = &info["config"];
        let name = config["name"].as_str().unwrap_or_default();
        let captured = config["subjects"].as_array().into_iter().flatten();
        for subject in captured.filter_map(|subject| subject.as_str()) {
            tree.insert(subject, name.to_owned());
        }
    }
    let is_theirs = |name: &String| !planned.contains(name);
    wanted
        .iter()
        .map(|wanted| tree.overlapping(&wanted.subject, &is_theirs).cloned())
        .collect()
}

fn refusal(view: &dyn View, wanted: &Wanted<'_>, other: &str) -> (Address, Refusal) {
    let refusal = Refusal::new(
        Code::SubjectOverlap,
        format!(
            "`{}` overlaps with the subjects of the live stream `{other}`",
            wanted.subject
        ),
        format!("take other subjects, change `{other}`, or source from it"),
    );
    let field = view.field_name("subjects");
    (wanted.address.clone(), refusal.field(field))
}

/// The subjects that the step adds and that nothing before it covered.
fn new_subjects<'s>(view: &dyn View, step: &'s Step) -> Vec<Wanted<'s>> {
    let Ok(change) = StreamChange::of_step(view, step) else {
        return Vec::new();
    };
    let (live, next) = (Said(&change.live), Said(&change.next));
    let held = live.texts("subjects");
    let is_new = |subject: &&str| !held.iter().any(|old| subjects::is_within(subject, old));
    let mut subjects: Vec<String> = next
        .texts("subjects")
        .into_iter()
        .filter(is_new)
        .map(str::to_owned)
        .collect();
    let is_named_so = !next.0.contains_key("subjects") && !is_mirror(next) && !has_sources(next);
    if step.action == Action::Create && is_named_so {
        subjects.push(view.stream_name(&step.address.name));
    }
    let address = &step.address;
    subjects
        .into_iter()
        .map(|subject| Wanted { subject, address })
        .collect()
}
