//! Streams on the wire, for every kind that is one: read whole, written whole.

use std::sync::Arc;

use futures::StreamExt;
use serde_json::Value;

use super::answer::{failed, life, withheld};
use super::change::StreamChange;
use super::converge;
use super::deletion;
use super::level::{required_level, version};
use super::names::asset_name;
use super::refused::told;
use super::rehearse::{because, captor};
use super::said::Said;
use super::update::update;
use super::view::{View, stream_declaration};
use crate::broker::Brokers;
use crate::broker::nats::{JetStream, NatsError};
use crate::kinds::{Declaration, Delta, Live, NatsVersion, Observations, Observed};
use crate::model::{Action, Address, Code, Doc, Flat, Outcome, Problem, Step, few};

/// How many steps are on their way at once; the connection holds each back until its turn.
pub(in crate::kinds) const AT_ONCE: usize = 64;

/// The subjects overlap with another stream's (10065).
const OVERLAP: u64 = 10065;

/// Reads streams, with few requests.
pub(in crate::kinds) async fn observe(
    view: &dyn View,
    brokers: &Brokers,
    addresses: &[Address],
) -> Observations {
    let Some(nats) = &brokers.nats else {
        return unconnected(addresses);
    };
    let names: Vec<String> = addresses
        .iter()
        .map(|address| view.stream_name(&address.name))
        .collect();
    let mut answers = nats.stream_configs(&names).await;
    addresses
        .iter()
        .zip(&names)
        .map(|(address, name)| {
            let observed = match answers.swap_remove(name) {
                Some(Ok(Some(info))) => Observed::Present(live(view, &address.name, info)),
                Some(Ok(None)) => Observed::Absent,
                Some(Err(error)) => unreadable(address, &error),
                None => unanswered(address),
            };
            (address.clone(), observed)
        })
        .collect()
}

/// What nobody is connected for can't be known.
pub(in crate::kinds) fn unconnected(addresses: &[Address]) -> Observations {
    let problem = |address| {
        Problem::error(Code::Unreachable, "there is no connection to NATS").about(address)
    };
    addresses
        .iter()
        .map(|address| (address.clone(), Observed::Unreadable(problem(address))))
        .collect()
}

/// A failed read, which says nothing of whether the resource exists.
pub(in crate::kinds) fn unreadable(address: &Address, error: &NatsError) -> Observed {
    Observed::Unreadable(error.problem().about(address))
}

/// A question without an answer.
pub(in crate::kinds) fn unanswered(address: &Address) -> Observed {
    let problem = Problem::error(Code::Unreadable, "the server gave no answer for it");
    Observed::Unreadable(problem.about(address))
}

/// A stream's document as a live resource of the kind.
pub(in crate::kinds) fn live(view: &dyn View, name: &str, info: Doc) -> Live {
    let raw = converge::noted(&info);
    Live {
        incarnation: life(&info),
        fields: view.in_own_terms(name, fields_of(stream_declaration(), info)),
        raw,
        inherited: Arc::default(),
    }
}

/// The configuration in an answer about a stream or a consumer.
pub(in crate::kinds) fn config_of(mut info: Doc) -> Doc {
    match info.remove("config") {
        Some(Value::Object(config)) => config,
        _ => Doc::new(),
    }
}

/// The keys that a server writes into `metadata` by itself, over whatever stands there
/// (`jetstream_versioning.go`, nats-server 2.11 to 2.15). All other keys are their owners', those
/// that begin with `_nats.` too: a server keeps them as they are.
pub(super) const SERVER_METADATA: [&str; 3] = ["_nats.level", "_nats.req.level", "_nats.ver"];

/// The configuration in an answer, flat, without what the server notes in `metadata` for itself (ADR-44).
pub(in crate::kinds) fn fields_of(declaration: &Declaration, info: Doc) -> Flat {
    let mut fields = declaration.flatten(config_of(info));
    for key in SERVER_METADATA {
        fields.shift_remove(&format!("metadata.{key}"));
    }
    fields.shrink_to_fit();
    fields
}

/// Carries steps out side by side. What failed because of another stream's subjects is tried again for as long as others get
/// done: one of them may have given them up.
pub(in crate::kinds) async fn carry_out(
    view: &dyn View,
    brokers: &Brokers,
    steps: &[&Step],
) -> Vec<(Address, Outcome)> {
    let Some(nats) = &brokers.nats else {
        return withheld(steps, "there is no connection to NATS");
    };
    let mut results = each(steps.iter().map(|step| write(view, nats, step))).await;
    let mut done = steps.len() - overlapping(&results).len();
    while done > 0 {
        let waiting = overlapping(&results);
        let again = each(waiting.iter().map(|at| write(view, nats, steps[*at]))).await;
        for (at, result) in waiting.iter().zip(again) {
            results[*at] = result;
        }
        done = waiting.len() - overlapping(&results).len();
    }
    let mut outcomes = Vec::new();
    for (step, result) in steps.iter().zip(results) {
        let told = match result {
            Err(error) if error.api_code() == Some(OVERLAP) => {
                with_captor(view, nats, step, &error).await
            }
            other => told(other, step, nats),
        };
        outcomes.push((step.address.clone(), told));
    }
    outcomes
}

/// The places of those that the server refused for another stream's subjects.
fn overlapping(results: &[Result<Outcome, NatsError>]) -> Vec<usize> {
    let is_overlap = |result: &Result<Outcome, NatsError>| {
        let error = result.as_ref().err();
        error.is_some_and(|error| error.api_code() == Some(OVERLAP))
    };
    let places = results.iter().enumerate();
    let refused = places.filter(|(_, result)| is_overlap(result));
    refused.map(|(at, _)| at).collect()
}

/// Runs these, some at once, with the results in their order.
pub(in crate::kinds) async fn each<F: Future>(work: impl Iterator<Item = F>) -> Vec<F::Output> {
    let work: Vec<F> = work.collect();
    futures::stream::iter(work)
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// A step that the server refused for another stream's subjects, with that stream's name.
async fn with_captor(view: &dyn View, nats: &JetStream, step: &Step, error: &NatsError) -> Outcome {
    failed(match captor(view, nats, step).await {
        Ok(Some(other)) => format!(
            "its subjects overlap with those of the live stream `{other}`: take other subjects, change `{other}`, or source from it"
        ),
        Ok(None) => error.to_string(),
        Err(why) => format!(
            "its subjects overlap with those of another live stream; which one can't be known: {}",
            because(&why)
        ),
    })
}

async fn write(view: &dyn View, nats: &JetStream, step: &Step) -> Result<Outcome, NatsError> {
    let deltas = match Delta::of_step(step, view.declaration()) {
        Ok(deltas) => deltas,
        Err(why) => return Ok(failed(why)),
    };
    match step.action {
        Action::Create => create(view, nats, step, &deltas).await,
        Action::Update | Action::Adopt => update(view, nats, step).await,
        Action::Delete => delete(view, nats, step).await,
        Action::Forget => Ok(failed("what is forgotten is left alone on the server")),
        Action::Replace => Ok(failed("what holds data is never replaced")),
        Action::Unread => Ok(Outcome::NotAttempted {
            because: "it could not be read".to_owned(),
        }),
    }
}

async fn create(
    view: &dyn View,
    nats: &JetStream,
    step: &Step,
    deltas: &[Delta],
) -> Result<Outcome, NatsError> {
    let name = &step.address.name;
    let change = StreamChange::creating(view, name, deltas);
    let level = required_level(stream_declaration(), &change.live, &change.next);
    let reply = nats
        .stream_create(&document(view, name, &change, version(nats)), level)
        .await?;
    Ok(verdict(view, name, deltas, reply))
}

/// Deletes the stream behind a resource, a bucket's too.
async fn delete(view: &dyn View, nats: &JetStream, step: &Step) -> Result<Outcome, NatsError> {
    let stream = view.stream_name(&step.address.name);
    let (read, erase) = (|| nats.stream_info(&stream), || nats.stream_delete(&stream));
    deletion::delete(step, read, erase).await
}

/// The document to send. A newer field that says what leaving it out says is left out: a server that
/// doesn't know it would refuse the whole (10025), and one that knows it takes an empty list of a
/// mirror's transforms for another mirror than the one without that it shows, which it refuses to
/// change (10055).
pub(super) fn document(
    view: &dyn View,
    name: &str,
    change: &StreamChange,
    server: NatsVersion,
) -> Doc {
    let mut stream = change.next.clone();
    stream.retain(|path, value| change.live.contains_key(path) || !is_needless(path, value));
    say_what_a_marker_needs(&mut stream, server);
    let mut doc = stream_declaration().unflatten(&stream);
    doc.insert("name".to_owned(), view.stream_name(name).into());
    doc
}

/// Whether this is the default of a field that not every server has.
fn is_needless(path: &str, value: &Value) -> bool {
    let field = stream_declaration().field(path);
    field.is_some_and(|field| field.facts.since.is_some() && field.same(Some(value), None))
}

/// Before 2.11.2 a server refuses a marker without what later ones switch on by themselves.
fn say_what_a_marker_needs(stream: &mut Flat, server: NatsVersion) {
    let marks = Said(stream).limit("subject_delete_marker_ttl").is_some();
    if marks && server < NatsVersion(2, 11, 2) {
        for field in ["allow_msg_ttl", "allow_rollup_hdrs"] {
            stream.insert(field.to_owned(), true.into());
        }
    }
}

/// Compares the reply with what was asked for: before 2.12 a server drops what it doesn't know
/// and says that all is well.
fn verdict(view: &dyn View, name: &str, deltas: &[Delta], reply: Doc) -> Outcome {
    let got = live(view, name, reply).fields;
    super::answer::verdict(view, deltas, got)
}

pub(in crate::kinds) use super::listing::list;
pub(in crate::kinds) use super::rehearse::rehearse;

/// The streams that an export leaves out: what the server keeps for MQTT, and those whose name no
/// manifest can say.
pub(super) async fn left_out(brokers: &Brokers) -> Vec<Problem> {
    let Some(nats) = &brokers.nats else {
        return Vec::new();
    };
    let Ok(listing) = nats.stream_list().await else {
        return Vec::new();
    };
    let (mut internal, mut unsayable, mut consumers) = (Vec::new(), Vec::new(), 0);
    for info in &listing.streams {
        let config = info.get("config");
        let name = config.and_then(|config| config["name"].as_str());
        let name = name.unwrap_or_default();
        if is_internal(name) {
            internal.push(name.to_owned());
        } else if asset_name("stream", name).is_some() {
            unsayable.push(name.to_owned());
            consumers += consumer_count(info);
        }
    }
    [
        told_left_out(
            "stream",
            &internal,
            "the server keeps its MQTT clients' state there",
        ),
        told_left_out(
            "stream",
            &unsayable,
            &match consumers {
                0 => "a manifest can't say its name".to_owned(),
                1 => "a manifest can't say its name; 1 consumer is left out with it".to_owned(),
                count => {
                    format!("a manifest can't say its name; {count} consumers are left out with it")
                }
            },
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How many consumers a stream has.
fn consumer_count(info: &Doc) -> u64 {
    let count = info
        .get("state")
        .and_then(|state| state["consumer_count"].as_u64());
    count.unwrap_or_default()
}

/// Whether the server keeps this stream for itself (`mqttStreamNamePrefix`, nats-server 2.15).
pub(super) fn is_internal(stream: &str) -> bool {
    stream.starts_with("$MQTT_")
}

/// One warning for all that is left out for the same reason.
pub(in crate::kinds) fn told_left_out(what: &str, names: &[String], why: &str) -> Option<Problem> {
    const SHOWN: usize = 3;
    let shown = few(names.iter().map(|name| format!("`{name}`")), SHOWN);
    let plural = if names.len() == 1 { "" } else { "s" };
    let message = format!("left out: the {what}{plural} {shown}");
    (!names.is_empty()).then(|| Problem::warning(Code::LeftOut, message).hint(why))
}

/// The resource of this kind that tells all of a stream; none where it is another kind's.
pub(in crate::kinds) fn exported(view: &dyn View, info: &Doc) -> Option<Address> {
    let stream = info.get("config")?.get("name")?.as_str()?;
    let is_sayable = !is_internal(stream) && asset_name("stream", stream).is_none();
    let name = view.resource_name(stream).filter(|_| is_sayable)?;
    view.tells_all(&live(view, name, info.clone()).fields)
        .then(|| Address::new(view.name(), name))
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;
    use crate::model::Flat;
    use serde_json::json;

    #[test]
    fn only_what_says_something_is_sent_of_newer_fields() {
        let flat = |fields: Value| -> Flat {
            fields
                .as_object()
                .cloned()
                .unwrap_or_default()
                .into_iter()
                .collect()
        };
        let change = StreamChange {
            live: flat(json!({ "allow_atomic": true })),
            next: flat(json!({
                "max_msgs": -1, "allow_atomic": false, "allow_batched": false, "allow_msg_ttl": true,
                "mirror.name": "A", "mirror.subject_transforms": [],
            })),
            creates: false,
        };
        let sent = json!({
            "max_msgs": -1, "allow_atomic": false, "allow_msg_ttl": true, "mirror": { "name": "A" },
            "name": "S",
        });
        assert_eq!(
            Value::Object(document(&Stream, "S", &change, NatsVersion(2, 15, 1))),
            sent
        );
    }
}
