//! Consumers on the wire: read whole, written whole.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Consumer, DECLARATION, replace, rounds};
use crate::broker::Brokers;
use crate::broker::nats::{ConsumerAction, JetStream, NatsError};
use crate::kinds::kv::Kv;
use crate::kinds::object_store::ObjectStore;
use crate::kinds::stream::{
    Stream, View, asset_name, bucket_of, delete, each, exported, failed, fields_of, forget_unknown,
    gone, life, moved, none_hidden, outcome_of, required_level, told_left_out, unanswered,
    unconnected, unreadable, verdict, version, withheld,
};
use crate::kinds::{Delta, Kind, Live, Observations, Observed};
use crate::model::{Action, Address, Doc, Flat, KindName, Outcome, Problem, Step, Wanted};

/// The name is taken by a consumer of another configuration (10148).
pub(super) const EXISTS: u64 = 10148;

/// The consumer is not there (10149, 10014).
const NOT_FOUND: [u64; 2] = [10149, 10014];

/// Filters of consumers of one work queue overlap (10099, 10100).
const QUEUE_OVERLAP: [u64; 2] = [10099, 10100];

/// The field that has a request of its own: an update ignores it.
const PAUSE: &str = "pause_until";

/// A time that was never set, as Go writes it: what resumed a consumer may leave it there.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Why a keeper is in no export.
const KEEPS: &str = "trueup made it to hold the place of a consumer that it replaces: apply again, and it goes; \
    where nobody declares that consumer any longer, delete it by hand";

/// Reads consumers, with few requests.
pub(super) async fn observe(brokers: &Brokers, addresses: &[Address]) -> Observations {
    let Some(nats) = &brokers.nats else {
        return unconnected(addresses);
    };
    let names: Vec<(String, String)> = addresses.iter().map(split).collect();
    let mut answers = replace::look_at(nats, &names).await;
    addresses
        .iter()
        .zip(&names)
        .map(|(address, name)| {
            let observed = match answers.swap_remove(name) {
                Some(Ok(Some(live))) => Observed::Present(live),
                Some(Ok(None)) => Observed::Absent,
                Some(Err(error)) => unreadable(address, &error),
                None => unanswered(address),
            };
            (address.clone(), observed)
        })
        .collect()
}

pub(super) fn split(address: &Address) -> (String, String) {
    let (stream, name) = address.stream_and_consumer().unwrap_or_default();
    (stream.to_owned(), name.to_owned())
}

/// A consumer as its document tells, with the start that it stands for.
pub(super) fn live(info: Doc) -> Live {
    Live {
        incarnation: life(&info),
        fields: replace::as_declared(never_paused(fields_of(&DECLARATION, info))),
        raw: Doc::new(),
        inherited: Arc::default(),
    }
}

/// Without the pause that is none.
fn never_paused(mut fields: Flat) -> Flat {
    if fields.get(PAUSE).and_then(Value::as_str) == Some(NEVER) {
        fields.shift_remove(PAUSE);
    }
    fields
}

/// Carries steps out side by side, but for those that take turns. What failed because of another consumer's filters gets a second
/// try when the others are done: the other may have given them up.
pub(super) async fn carry_out(
    kind: &Consumer,
    brokers: &Brokers,
    steps: &[&Step],
) -> Vec<(Address, Outcome)> {
    let Some(nats) = &brokers.nats else {
        return withheld(steps, "there is no connection to NATS");
    };
    let (in_turns, steps) = rounds::apart(steps);
    let mut outcomes = rounds::carry_out(kind, nats, &in_turns).await;
    let first = each(steps.iter().map(|step| write(kind, nats, step))).await;
    for (step, result) in steps.iter().zip(first) {
        let result = match result {
            Err(error) if steps.len() > 1 && is_one_of(&error, &QUEUE_OVERLAP) => {
                write(kind, nats, step).await
            }
            other => other,
        };
        outcomes.push((step.address.clone(), told(result)));
    }
    outcomes
}

fn is_one_of(error: &NatsError, codes: &[u64]) -> bool {
    error.api_code().is_some_and(|code| codes.contains(&code))
}

pub(super) fn told(result: Result<Outcome, NatsError>) -> Outcome {
    match result {
        Ok(outcome) => outcome,
        Err(error) if is_one_of(&error, &[EXISTS]) => {
            failed("somebody created it meanwhile with another configuration; plan again")
        }
        Err(error) if is_one_of(&error, &NOT_FOUND) => gone(),
        Err(error) => outcome_of(&error),
    }
}

/// Carries one step out, whatever its stages.
pub(super) async fn write(
    kind: &Consumer,
    nats: &JetStream,
    step: &Step,
) -> Result<Outcome, NatsError> {
    let deltas = match Delta::of_step(step, kind.declaration()) {
        Ok(deltas) => deltas,
        Err(why) => return Ok(failed(why)),
    };
    match step.action {
        Action::Create => create(kind, nats, step, &deltas).await,
        Action::Update | Action::Adopt => update(kind, nats, step, &deltas).await,
        Action::Delete => {
            let place = split(&step.address);
            let outcome = erase(nats, step, &place).await?;
            if outcome == Outcome::Applied {
                replace::drop_keeper(nats, &place).await?;
            }
            Ok(outcome)
        }
        Action::Forget => Ok(failed("what is forgotten is left alone on the server")),
        Action::Replace => replace::carry_out(kind, nats, step, &deltas).await,
        Action::Unread => Ok(Outcome::NotAttempted {
            because: "it could not be read".to_owned(),
        }),
    }
}

/// Deletes the consumer that a step means, and no other life of its name.
pub(super) async fn erase(
    nats: &JetStream,
    step: &Step,
    (stream, name): &(String, String),
) -> Result<Outcome, NatsError> {
    let read = || nats.consumer_info(stream, name);
    delete(step, read, || nats.consumer_delete(stream, name)).await
}

async fn create(
    kind: &Consumer,
    nats: &JetStream,
    step: &Step,
    deltas: &[Delta],
) -> Result<Outcome, NatsError> {
    let mut next = Flat::new();
    next.insert("ack_policy".to_owned(), json!("explicit"));
    Delta::lay_over(&mut next, deltas);
    make(kind, nats, &split(&step.address), next, deltas).await
}

/// Makes a consumer of these fields; the changes must be in what the server answers.
pub(super) async fn make(
    kind: &Consumer,
    nats: &JetStream,
    (stream, name): &(String, String),
    next: Flat,
    deltas: &[Delta],
) -> Result<Outcome, NatsError> {
    let level = required_level(&DECLARATION, &Flat::new(), &next);
    let doc = document(name, next, nats);
    let reply = nats
        .consumer_create(stream, &doc, ConsumerAction::Create, level)
        .await?;
    Ok(verdict(kind, deltas, live(reply).fields))
}

async fn update(
    kind: &Consumer,
    nats: &JetStream,
    step: &Step,
    deltas: &[Delta],
) -> Result<Outcome, NatsError> {
    let place = split(&step.address);
    let seen = replace::look(nats, &place).await?;
    let Some(live) = seen.live() else {
        return Ok(gone());
    };
    if let Some(outcome) = moved(step, &live).filter(|_| !is_rescaled(step, &live)) {
        return Ok(outcome);
    }
    if Delta::are_in(deltas, &live.fields, &DECLARATION) && !deltas.is_empty() {
        return Ok(Outcome::Applied);
    }
    let Some(info) = &seen.consumer else {
        let from = seen.keeper.as_ref().map(|kept| kept.from);
        return replace::make_anew(kind, nats, &place, (&live.fields, from), deltas).await;
    };
    if seen.keeper.is_some() {
        replace::drop_keeper(nats, &place).await?;
    }
    let of_server = deltas.iter().filter(|delta| delta.path != replace::KEEPER);
    let (pauses, others): (Vec<Delta>, Vec<Delta>) =
        of_server.cloned().partition(|delta| delta.path == PAUSE);
    let (stream, name) = &place;
    if !others.is_empty() {
        let outcome = reconfigure(kind, nats, &place, info, &others).await?;
        if outcome != Outcome::Applied {
            return Ok(outcome);
        }
    }
    for pause in &pauses {
        let until = pause.after.as_ref().and_then(Value::as_str);
        let level = required_level(&DECLARATION, &Flat::new(), &flat_of(pause));
        nats.consumer_pause(stream, name, until, level).await?;
    }
    Ok(Outcome::Applied)
}

/// Whether nothing but its replicas differs from what the step rests on: where acknowledgements delete messages, a cluster gives a
/// consumer those of its stream (seen on 2.11.11 to 2.15.1), and the stream may just have got others.
fn is_rescaled(step: &Step, live: &Live) -> bool {
    const MOST: i64 = 5;
    let mut before = live.clone();
    let mut is_base = |replicas: Option<i64>| {
        match replicas {
            Some(replicas) => before
                .fields
                .insert("num_replicas".to_owned(), replicas.into()),
            None => before.fields.shift_remove("num_replicas"),
        };
        moved(step, &before).is_none()
    };
    is_base(None) || (0..=MOST).any(|replicas| is_base(Some(replicas)))
}

fn flat_of(delta: &Delta) -> Flat {
    let mut flat = Flat::new();
    Delta::lay_over(&mut flat, std::slice::from_ref(delta));
    flat
}

/// Lays changes over a consumer's own document: the start that it stands for is in its label.
pub(super) async fn reconfigure(
    kind: &Consumer,
    nats: &JetStream,
    (stream, name): &(String, String),
    info: &Doc,
    deltas: &[Delta],
) -> Result<Outcome, NatsError> {
    let fields = &fields_of(&DECLARATION, info.clone());
    let mut next = fields.clone();
    Delta::lay_over(&mut next, deltas);
    fit(&mut next, deltas);
    let level = required_level(&DECLARATION, fields, &next);
    let doc = document(name, next, nats);
    let reply = nats
        .consumer_create(stream, &doc, ConsumerAction::Update, level)
        .await?;
    Ok(verdict(kind, deltas, live(reply).fields))
}

/// Takes away what the change itself makes void: the other filter field, the wait that a new
/// `backoff` replaces, the live wait that `backoff` forces.
pub(super) fn fit(next: &mut Flat, deltas: &[Delta]) {
    let is_set = |path: &str| {
        deltas.iter().any(|delta| {
            let after = delta.after.as_ref();
            delta.path == path
                && after.is_some_and(|value| *value != json!([]) && *value != json!(""))
        })
    };
    if is_set("filter_subjects") {
        next.shift_remove("filter_subject");
    }
    if is_set("filter_subject") {
        next.shift_remove("filter_subjects");
    }
    if is_set("backoff") && !is_set("ack_wait") {
        next.shift_remove("ack_wait");
    }
}

/// The document to send to this server; always with the durable name, without which an update would make the
/// consumer an ephemeral one.
pub(super) fn document(name: &str, mut fields: Flat, nats: &JetStream) -> Doc {
    forget_unknown(&DECLARATION, &mut fields, version(nats));
    let mut doc = DECLARATION.unflatten(&fields);
    doc.insert("durable_name".to_owned(), name.into());
    doc.insert("name".to_owned(), name.into());
    doc
}

/// The durable consumers of all streams. Ephemeral ones are their clients' own, and those for
/// sources and mirrors the server's.
///
/// # Errors
/// When a listing fails or has holes: an export with holes would be taken for the whole.
pub(super) async fn list(brokers: &Brokers, wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
    let Some(nats) = &brokers.nats else {
        return Ok(Vec::new());
    };
    let listing = nats.stream_list().await.map_err(|error| error.problem())?;
    let may_be_wanted = |stream: &str| wanted.may_take_under(&format!("consumer/{stream}/"));
    // of a stream that is wanted itself its own list tells
    let is_told = |stream: &str| {
        let known_as = bucket_of(stream);
        let stream = Address::new(KindName::Stream, stream);
        wanted.takes(&stream) || known_as.is_some_and(|bucket| wanted.takes(&bucket))
    };
    none_hidden(&listing, &|stream| {
        may_be_wanted(stream) && !is_told(stream)
    })?;
    let streams = listing.streams.iter().filter_map(with_consumers);
    let streams: Vec<String> = streams.filter(|stream| may_be_wanted(stream)).collect();
    let listings = each(streams.iter().map(|stream| nats.consumer_list(stream))).await;
    let mut found = Vec::new();
    for (stream, consumers) in streams.iter().zip(listings) {
        let consumers = consumers.map_err(|error| error.problem())?;
        found.extend(consumers.iter().filter_map(|info| durable(stream, info)));
    }
    Ok(found)
}

/// The consumers that an export leaves out though they are no server's own: ephemeral ones, and
/// those whose name no manifest can say.
pub(super) async fn left_out(brokers: &Brokers) -> Vec<Problem> {
    let Some(nats) = &brokers.nats else {
        return Vec::new();
    };
    let Ok(listing) = nats.stream_list().await else {
        return Vec::new();
    };
    let streams: Vec<String> = listing.streams.iter().filter_map(with_consumers).collect();
    let listings = each(streams.iter().map(|stream| nats.consumer_list(stream))).await;
    let (mut ephemeral, mut unsayable, mut keepers) = (Vec::new(), Vec::new(), Vec::new());
    for (stream, consumers) in streams.iter().zip(listings) {
        for info in consumers.iter().flatten().filter(|info| !is_internal(info)) {
            let name = info.get("name").and_then(Value::as_str).unwrap_or_default();
            let shown = format!("{stream}/{name}");
            if durable_name(info).is_none() {
                ephemeral.push(shown);
            } else if replace::is_keeper(info) {
                keepers.push(shown);
            } else if asset_name("consumer", name).is_some() {
                unsayable.push(shown);
            }
        }
    }
    let clients =
        "their clients make them and the server takes them away; trueup's consumers are durable";
    [
        told_left_out("ephemeral consumer", &ephemeral, clients),
        told_left_out("consumer", &unsayable, "a manifest can't say its name"),
        told_left_out("consumer", &keepers, KEEPS),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The name of a stream that has consumers and that a manifest can declare, as a stream or as a
/// bucket.
fn with_consumers(info: &Doc) -> Option<String> {
    let count = info.get("state")?.get("consumer_count")?.as_u64()?;
    let views: [&dyn View; 3] = [&Stream, &Kv, &ObjectStore];
    let is_exported = count > 0 && views.iter().any(|view| exported(*view, info).is_some());
    let name = info.get("config")?.get("name")?.as_str()?;
    is_exported.then(|| name.to_owned())
}

fn durable(stream: &str, info: &Doc) -> Option<Address> {
    let name = durable_name(info)?;
    let is_ours =
        !is_internal(info) && !replace::is_keeper(info) && asset_name("consumer", name).is_none();
    is_ours.then(|| Address::new(KindName::Consumer, format!("{stream}/{name}")))
}

fn durable_name(info: &Doc) -> Option<&str> {
    let name = info.get("config")?.get("durable_name")?.as_str()?;
    (!name.is_empty()).then_some(name)
}

/// Whether the server keeps it for a source or a mirror.
pub(in crate::kinds) fn is_internal(info: &Doc) -> bool {
    let config = info.get("config");
    let name = info.get("name").and_then(Value::as_str).unwrap_or_default();
    let flag = |field: &str| config.and_then(|config| config.get(field)) == Some(&json!(true));
    let own = ["JS_SRC_", "JS_MIRROR_"];
    own.iter().any(|prefix| name.starts_with(prefix)) || flag("sourcing") || flag("direct")
}
