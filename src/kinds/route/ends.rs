//! What a route lies between.

use serde_json::Value;

use super::{Delivery, OnError, Ordering, RouteSpec, declaration, position_topic};
use crate::kinds::Resources;
use crate::kinds::stream::declared_as;
use crate::model::{Address, Flat, KindName};

/// What a flat configuration says, as a route; none where it says something wrong.
pub fn spec_of(fields: &Flat) -> Option<RouteSpec> {
    let known = fields
        .iter()
        .filter(|(path, _)| declaration().field(path).is_some());
    let known: Flat = known
        .map(|(path, value)| (path.clone(), value.clone()))
        .collect();
    serde_json::from_value(Value::Object(declaration().unflatten(&known))).ok()
}

/// The streams and topics that a route lies between, each once; none where it says something wrong.
pub fn rests_on(fields: &Flat) -> Vec<Address> {
    let Some(spec) = spec_of(fields) else {
        return Vec::new();
    };
    let mut found: Vec<Address> = Vec::new();
    let ends = sources(&spec).into_iter().chain(targets(&spec));
    for end in ends.chain(dead_letters(&spec)) {
        if !found.contains(&end) {
            found.push(end);
        }
    }
    found
}

/// Where its messages come from.
pub(super) fn sources(spec: &RouteSpec) -> Vec<Address> {
    both(&spec.from.stream, &spec.from.topic)
}

/// Where they go; each of the topics, where that depends on the message.
pub(super) fn targets(spec: &RouteSpec) -> Vec<Address> {
    match spec.to.topics.as_deref() {
        Some(topics) if !topics.is_empty() => topics.iter().map(|name| topic(name)).collect(),
        _ => both(&spec.to.stream, &spec.to.topic),
    }
}

/// Where those go that its target can't take.
pub(super) fn dead_letters(spec: &RouteSpec) -> Vec<Address> {
    let used = spec.on_error == Some(OnError::Dlq);
    let dlq = spec.dlq.as_ref().filter(|_| used);
    dlq.map_or_else(Vec::new, |dlq| both(&dlq.stream, &dlq.topic))
}

/// The topic of its position, where it has one: the consumer alone is none, as a server takes a message that is removed while it
/// is out for acknowledged, with `ack_policy: all` and all before it, too (seen on 2.15.1).
pub(super) fn position(name: &str, spec: &RouteSpec) -> Option<Address> {
    keeps_position_in_topic(spec).then(|| topic(&position_topic(name)))
}

/// Whether it writes its position beside its messages: a route from a stream that keeps the order.
pub fn keeps_position_in_topic(spec: &RouteSpec) -> bool {
    spec.from.stream.is_some() && spec.ordering != Some(Ordering::None)
}

/// Whether each message comes once.
pub fn is_exactly_once(spec: &RouteSpec) -> bool {
    spec.delivery == Some(Delivery::ExactlyOnce)
}

fn both(stream: &Option<String>, topic_name: &Option<String>) -> Vec<Address> {
    let stream = stream.iter().map(|name| stream_of(name));
    stream
        .chain(topic_name.iter().map(|name| topic(name)))
        .collect()
}

pub(super) fn topic(name: &str) -> Address {
    Address::new(KindName::Topic, name)
}

pub(super) fn stream_of(name: &str) -> Address {
    Address::new(KindName::Stream, name)
}

/// The declared resource that an end is: a bucket's stream is declared as the bucket.
pub(super) fn declared(end: &Address, all: &Resources) -> Option<Address> {
    match end.kind {
        KindName::Stream => declared_as(&end.name, all),
        _ => Some(end.clone()).filter(|end| all.contains_key(end)),
    }
}
