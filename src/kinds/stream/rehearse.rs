//! What the server tells of subjects before anything is sent.

use std::collections::HashSet;

use serde_json::Value;

use super::change::StreamChange;
use super::origins::{has_sources, is_mirror};
use super::patterns::first_overlapping;
use super::said::Said;
use super::subjects;
use super::view::View;
use super::wire::each;
use super::{copies, room};
use crate::broker::Brokers;
use crate::broker::nats::{JetStream, NatsError};
use crate::kinds::Rehearsal;
use crate::model::{Action, Address, Code, Doc, LABEL, Problem, Refusal, Step};

/// Up to how many subjects the server is asked for each; beyond, all streams are listed once.
const ASKED_FOR: usize = 128;

/// A subject that a step adds, and the step's resource.
struct Wanted<'s> {
    subject: String,
    address: &'s Address,
}

/// The live stream of somebody else that captures a subject, if any; why nobody knows, otherwise.
type Other = Result<Option<String>, NatsError>;

/// Asks for streams that already capture what these steps want to capture. Streams that the same
/// plan changes are left out: they may be about to give the subjects up; those that it deletes go
/// too late for that. What can't be asked is told: the server finds it out when the step is carried out.
pub(in crate::kinds) async fn rehearse(
    view: &dyn View,
    brokers: &Brokers,
    steps: &[&Step],
) -> Rehearsal {
    let Some(nats) = &brokers.nats else {
        return Rehearsal::default();
    };
    let of = |step: &&Step| view.stream_name(&step.address.name);
    let (doomed, planned): (Vec<&Step>, Vec<&Step>) =
        steps.iter().partition(|step| step.action == Action::Delete);
    let mut rehearsal = Rehearsal::default();
    let guests = each(doomed.iter().map(|step| guest(view, nats, step))).await;
    rehearsal.refusals.extend(guests.into_iter().flatten());
    let doomed: HashSet<String> = doomed.iter().map(of).collect();
    let planned: HashSet<String> = planned.iter().map(of).collect();
    let wanted: Vec<Wanted<'_>> = steps
        .iter()
        .flat_map(|step| new_subjects(view, step))
        .collect();
    let mut unknown = Vec::new();
    for (wanted, other) in wanted.iter().zip(others(nats, &wanted, &planned).await) {
        match other {
            Ok(Some(other)) => {
                let goes_later = doomed.contains(&other);
                let refusal = refusal(view, wanted, &other, goes_later);
                rehearsal.refusals.push(refusal);
            }
            Ok(None) => {}
            Err(error) => unknown.push((wanted.subject.as_str(), error)),
        }
    }
    rehearsal.unasked.extend(unasked(&unknown));
    let no_room = room::rehearse(view, nats, steps).await;
    rehearsal.refusals.extend(no_room);
    let too_large = copies::rehearse(view, nats, steps).await;
    rehearsal.refusals.extend(too_large);
    rehearsal
}

/// A consumer that is another stack's by its label and would go with a stream of this one. Where it can't be read the risk of the
/// deletion tells.
async fn guest(view: &dyn View, nats: &JetStream, step: &Step) -> Option<(Address, Refusal)> {
    let stream = view.stream_name(&step.address.name);
    let info = nats.stream_info(&stream).await.ok()??;
    let own = label(&info)?;
    let consumers = nats.consumer_list(&stream).await.ok()?;
    let is_anothers = |info: &&Doc| label(info).is_some_and(|label| label != own);
    let consumer = consumers.iter().find(is_anothers)?;
    let name = consumer.get("name").and_then(Value::as_str)?;
    let other = label(consumer)?;
    let message =
        format!("consumer `{name}` in it is stack `{other}`'s, by its label, and would go with it");
    let hint = format!("let stack `{other}` delete it, or delete it by hand, then plan again");
    let refusal = Refusal::new(Code::OwnedByAnother, message, hint);
    Some((step.address.clone(), refusal))
}

/// Whose something is by its label.
fn label(info: &Doc) -> Option<&str> {
    let key = LABEL.trim_start_matches("metadata.");
    info.get("config")?.get("metadata")?.get(key)?.as_str()
}

/// Which live stream has captured what this step wants, after the server refused it for that.
pub(super) async fn captor(view: &dyn View, nats: &JetStream, step: &Step) -> Other {
    let own = HashSet::from([view.stream_name(&step.address.name)]);
    let wanted = new_subjects(view, step);
    let others = others(nats, &wanted, &own).await;
    let mut unknown = None;
    for other in others {
        match other {
            Ok(Some(other)) => return Ok(Some(other)),
            Ok(None) => {}
            Err(error) => unknown = Some(error),
        }
    }
    unknown.map_or(Ok(None), Err)
}

/// An answer for each subject, with few requests.
async fn others(nats: &JetStream, wanted: &[Wanted<'_>], planned: &HashSet<String>) -> Vec<Other> {
    if wanted.len() > ASKED_FOR {
        match nats.stream_list().await {
            Ok(listing) => return listed(&listing.streams, wanted, planned),
            Err(error) => tracing::debug!(%error, "can't list streams to look for overlaps"),
        }
    }
    each(wanted.iter().map(|wanted| asked(nats, wanted, planned))).await
}

/// The stream that the server names for one subject.
async fn asked(nats: &JetStream, wanted: &Wanted<'_>, planned: &HashSet<String>) -> Other {
    let names = nats.stream_names_overlapping(&wanted.subject).await?;
    Ok(names.into_iter().find(|name| !planned.contains(name)))
}

/// The same for many subjects, from one listing.
fn listed(streams: &[Doc], wanted: &[Wanted<'_>], planned: &HashSet<String>) -> Vec<Other> {
    let mut held = Vec::new();
    for info in streams {
        let config = &info["config"];
        let name = config["name"].as_str().unwrap_or_default();
        let captured = config["subjects"].as_array().into_iter().flatten();
        let captured = captured.filter_map(|subject| subject.as_str());
        if !planned.contains(name) {
            held.extend(captured.map(|subject| (name, subject)));
        }
    }
    let both = held.iter().map(|(_, subject)| (0, *subject));
    let both = both.chain(wanted.iter().map(|wanted| (1, wanted.subject.as_str())));
    let captors = first_overlapping(both).into_iter().skip(held.len());
    captors
        .map(|captor| Ok(captor.map(|captor| held[captor].0.to_owned())))
        .collect()
}

/// One warning for all subjects of which nobody could be asked.
fn unasked(unknown: &[(&str, NatsError)]) -> Option<Problem> {
    let (subject, error) = unknown.first()?;
    let more = match unknown.len() - 1 {
        0 => String::new(),
        more => format!(", or one of {more} more subjects,"),
    };
    let message = format!(
        "whether another stream captures `{subject}`{more} can't be known: {}",
        because(error)
    );
    let hint = match error {
        NatsError::PermissionDenied { .. } => "grant it; without it",
        _ => "plan again when the server answers; otherwise",
    };
    let hint = format!("{hint} the server refuses what overlaps only when it is applied");
    Some(Problem::warning(error.code(), message).hint(hint))
}

/// Why nobody could be asked: the right that is missing, or what went wrong.
pub(super) fn because(error: &NatsError) -> String {
    match error {
        NatsError::PermissionDenied {
            action, subject, ..
        } => format!("needs {action} to `{subject}`"),
        other => other.to_string(),
    }
}

fn refusal(
    view: &dyn View,
    wanted: &Wanted<'_>,
    other: &str,
    goes_later: bool,
) -> (Address, Refusal) {
    let hint = match goes_later {
        true => {
            format!("deletions come last: apply the one of `{other}` first, then declare this one")
        }
        false => format!("take other subjects, change `{other}`, or source from it"),
    };
    let refusal = Refusal::new(
        Code::SubjectOverlap,
        format!(
            "`{}` overlaps with the subjects of the live stream `{other}`",
            wanted.subject
        ),
        hint,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::nats::Action as Right;

    #[test]
    fn what_could_not_be_asked_is_told_once() {
        let denied = || NatsError::PermissionDenied {
            server: "nats://a".into(),
            action: Right::Publish,
            subject: "$JS.API.STREAM.NAMES".into(),
        };
        let told = unasked(&[("a.>", denied()), ("b", denied())]).unwrap();
        assert_eq!(told.code, Code::Denied);
        assert_eq!(
            told.message,
            "whether another stream captures `a.>`, or one of 1 more subjects, can't be known: needs publish to `$JS.API.STREAM.NAMES`"
        );
        assert_eq!(unasked(&[]), None);
    }
}
