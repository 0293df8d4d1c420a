//! What a route needs beside its record: resources of their own, each `required_by` the route.

use serde_json::{Value, json};

use super::ends::{dead_letters, position, rests_on as uses, targets, topic};
use super::switches::on_target;
use super::{
    Ordering, RouteSpec, Start, address_of, consumer_name, group, keeps_position_in_topic,
    position_topic, rules, spec_of, transactional_id,
};
use crate::kinds::Resources;
use crate::kinds::acl::{
    AclBinding, Operation, PatternType, Permission, ResourceType, acl_of, address_of as acl_address,
};
use crate::kinds::stream::stream_name;
use crate::model::{Address, FieldPlace, Flat, KindName, Problem, Resource, Severity};

/// What a route implies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Implied {
    /// Resources: consumers, the topic of its position, ACLs.
    pub resources: Vec<Resource>,
    /// What a declared stream has to say beside what it says.
    pub on_streams: Vec<(Address, Flat)>,
}

/// How many messages may be out unacknowledged: several batches.
const MOST_PENDING: i64 = 20_000;

/// How long a message may be out, in nanoseconds: the server delivers it again to whoever takes over.
const ACK_WAIT: i64 = 30_000_000_000;

/// The smallest segments that Kafka takes from 4.0 on (KIP-1030), so that old positions are compacted away soon.
const SEGMENT: &str = "1048576";

/// What is implied by a route; nothing by one with an error. Rights are, where somebody says as whom its workers log in.
pub fn implied(route: &Resource, all: &Resources, principal: Option<&str>) -> Implied {
    let is_wrong = |problem: &Problem| problem.severity == Severity::Error;
    let spec = spec_of(&route.declared).filter(|_| !rules::check(route).iter().any(is_wrong));
    let Some(spec) = spec else {
        return Implied::default();
    };
    let name = &route.address.name;
    let mut resources = consumers(route, &spec);
    resources.extend(position(name, &spec).map(|topic| of_position(route, topic)));
    if let Some(principal) = principal {
        resources.extend(rights(route, &spec, principal));
    }
    Implied {
        resources,
        on_streams: on_target(name, &spec, all).into_iter().collect(),
    }
}

/// The route that implies a live resource; none where none does, as far as it tells itself.
pub fn implied_by(address: &Address, fields: &Flat) -> Option<Address> {
    let name = match address.kind {
        KindName::Consumer => fields.get(NOTE)?.as_str()?,
        KindName::Topic => address.name.strip_prefix(&position_topic(""))?,
        KindName::Stream
        | KindName::Kv
        | KindName::ObjectStore
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => return None,
    };
    Some(address_of(name))
}

/// Whether a route with these fields needs a resource: it lies on it, or implies it.
pub fn needs(route: &Address, fields: &Flat, other: &Address) -> bool {
    let name = &route.name;
    let ends = uses(fields);
    match other.kind {
        KindName::Acl => acl_of(other).is_ok_and(|acl| match acl.resource_type {
            ResourceType::Topic => {
                acl.name == position_topic(name) || ends.contains(&topic(&acl.name))
            }
            ResourceType::Group => acl.name == group(name),
            ResourceType::TransactionalId => {
                transactional_id(name, 1).starts_with(&acl.name) && !acl.name.is_empty()
            }
            ResourceType::Cluster | ResourceType::DelegationToken | ResourceType::User => false,
        }),
        KindName::Consumer => reads_for(other, name),
        KindName::Topic => other.name == position_topic(name) || ends.contains(other),
        KindName::Stream => ends.contains(other),
        KindName::Kv | KindName::ObjectStore => stream_name(other)
            .is_some_and(|stream| ends.contains(&Address::new(KindName::Stream, stream))),
        KindName::Quota | KindName::User | KindName::Route => false,
    }
}

/// Whether a consumer is that of one of a route's shards.
pub(super) fn reads_for(consumer: &Address, route: &str) -> bool {
    consumer
        .stream_and_consumer()
        .is_some_and(|(_, name)| (1..=MOST_SHARDS).any(|shard| name == consumer_name(route, shard)))
}

/// Whether a topic held the position of a route that keeps none any more.
pub fn is_left_behind(route: &Address, fields: &Flat, other: &Address) -> bool {
    let keeps = spec_of(fields).is_some_and(|spec| keeps_position_in_topic(&spec));
    other.kind == KindName::Topic && other.name == position_topic(&route.name) && !keeps
}

/// What a consumer says of the route that it is for.
const NOTE: &str = "metadata.trueup.route";

/// As many as `shards` can be.
const MOST_SHARDS: u32 = 64;

/// A resource that a route implies.
fn required(route: &Resource, address: Address, fields: Flat) -> Resource {
    Resource {
        place: route.place.clone(),
        required_by: Some(route.address.clone()),
        ..Resource::new(address, fields)
    }
}

/// One durable consumer for each shard of a route from a stream.
fn consumers(route: &Resource, spec: &RouteSpec) -> Vec<Resource> {
    let Some(stream) = &spec.from.stream else {
        return Vec::new();
    };
    let name = &route.address.name;
    let dealt = dealt(spec).into_iter().zip(1..);
    let consumer = |(subjects, shard): (Vec<String>, u32)| {
        let address = format!("{stream}/{}", consumer_name(name, shard));
        let mut fields = start(spec);
        let acks = match spec.ordering.unwrap_or_default() {
            Ordering::Stream => "all",
            Ordering::None => "explicit",
        };
        fields.insert("ack_policy".to_owned(), acks.into());
        fields.insert("ack_wait".to_owned(), ACK_WAIT.into());
        fields.insert("max_deliver".to_owned(), (-1).into());
        fields.insert("max_ack_pending".to_owned(), MOST_PENDING.into());
        if !subjects.is_empty() {
            fields.insert("filter_subjects".to_owned(), json!(subjects));
        }
        fields.insert(NOTE.to_owned(), name.as_str().into());
        let address = Address::new(KindName::Consumer, address);
        let mut consumer = required(route, address, fields);
        let places = [
            ("filter_subjects", "from.subjects"),
            ("deliver_policy", "start"),
            ("opt_start_seq", "start_sequence"),
            ("opt_start_time", "start_time"),
            ("ack_policy", "ordering"),
        ];
        let place = |(field, of): (&str, &str)| {
            let place: FieldPlace = route.field_places.get(of)?.clone();
            Some((field.to_owned(), place))
        };
        consumer.field_places = places.into_iter().filter_map(place).collect();
        consumer
    };
    dealt.map(consumer).collect()
}

/// The subjects of each shard: in their alphabetical order, dealt out one by one. Which shard has a subject is told by the
/// list alone, in whatever order it stands.
pub(super) fn dealt(spec: &RouteSpec) -> Vec<Vec<String>> {
    let mut subjects = spec.from.subjects.clone().unwrap_or_default();
    let shards = spec.shards.unwrap_or(1);
    let shards = usize::try_from(shards).unwrap_or(1).max(1);
    if shards == 1 {
        return vec![subjects];
    }
    subjects.sort();
    subjects.dedup();
    let of = |shard| subjects.iter().skip(shard).step_by(shards).cloned();
    (0..shards).map(|shard| of(shard).collect()).collect()
}

/// Where a consumer begins when it is made.
fn start(spec: &RouteSpec) -> Flat {
    let mut fields = Flat::new();
    let mut set = |field: &str, value: Value| fields.insert(field.to_owned(), value);
    if let Some(sequence) = spec.start_sequence {
        set("deliver_policy", "by_start_sequence".into());
        set("opt_start_seq", sequence.into());
    } else if let Some(time) = &spec.start_time {
        set("deliver_policy", "by_start_time".into());
        set("opt_start_time", time.as_str().into());
    } else {
        let policy = match spec.start.unwrap_or_default() {
            Start::All => "all",
            Start::New => "new",
        };
        set("deliver_policy", policy.into());
    }
    fields
}

/// The topic in which each shard keeps its position; of each only the last record counts.
fn of_position(route: &Resource, topic: Address) -> Resource {
    let fields = [
        ("partitions", json!(1)),
        ("config.cleanup.policy", json!("compact")),
        ("config.segment.bytes", json!(SEGMENT)),
    ];
    let fields = fields.map(|(field, value)| (field.to_owned(), value));
    required(route, topic, fields.into_iter().collect())
}

/// What a worker needs on Kafka, and no more.
fn rights(route: &Resource, spec: &RouteSpec, principal: &str) -> Vec<Resource> {
    use Operation::{Describe, Read, Write};
    let name = &route.address.name;
    let literal = |kind, name: &str| (kind, PatternType::Literal, name.to_owned());
    let mut grants = Vec::new();
    let mut grant = |on: (ResourceType, PatternType, String), operations: &[Operation]| {
        grants.extend(operations.iter().map(|operation| (on.clone(), *operation)));
    };
    let written = targets(spec).into_iter().chain(dead_letters(spec));
    for topic in written.filter(|end| end.kind == KindName::Topic) {
        grant(
            literal(ResourceType::Topic, &topic.name),
            &[Write, Describe],
        );
    }
    if let Some(topic) = position(name, spec) {
        grant(
            literal(ResourceType::Topic, &topic.name),
            &[Read, Write, Describe],
        );
    }
    if spec.from.stream.is_some() {
        let first = transactional_id(name, 1);
        let all = first.trim_end_matches('1').to_owned();
        let ids = (ResourceType::TransactionalId, PatternType::Prefixed, all);
        grant(ids, &[Write, Describe]);
    }
    if let Some(topic) = &spec.from.topic {
        grant(literal(ResourceType::Topic, topic), &[Read, Describe]);
        grant(literal(ResourceType::Group, &group(name)), &[Read]);
    }
    let acl = |((resource_type, pattern, name), operation)| {
        let binding = AclBinding {
            principal: principal.to_owned(),
            permission: Permission::Allow,
            operation,
            resource_type,
            pattern,
            name,
            host: "*".to_owned(),
        };
        required(route, acl_address(&binding), Flat::new())
    };
    grants.into_iter().map(acl).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(address: &str, fields: Value) -> Resource {
        let fields = fields.as_object().unwrap().clone();
        Resource::new(address.parse().unwrap(), fields.into_iter().collect())
    }

    fn of(fields: Value, beside: &[Resource]) -> Implied {
        let all = beside.iter().cloned();
        let all = all.map(|it| (it.address.clone(), it)).collect();
        implied(&resource("route/r", fields), &all, Some("User:bridge"))
    }

    fn addresses(implied: &Implied) -> Vec<String> {
        let all = implied.resources.iter();
        all.map(|it| it.address.to_string()).collect()
    }

    #[test]
    fn a_route_from_a_stream_has_a_consumer_a_position_and_rights() {
        let found = of(
            json!({ "from.stream": "S", "from.subjects": ["a.>"], "to.topic": "t", "delivery": "exactly_once", "start": "new" }),
            &[],
        );
        assert_eq!(
            addresses(&found),
            [
                "consumer/S/trueup-r",
                "topic/trueup.position.r",
                "acl/User:bridge/allow/write/topic/literal/t/*",
                "acl/User:bridge/allow/describe/topic/literal/t/*",
                "acl/User:bridge/allow/read/topic/literal/trueup.position.r/*",
                "acl/User:bridge/allow/write/topic/literal/trueup.position.r/*",
                "acl/User:bridge/allow/describe/topic/literal/trueup.position.r/*",
                "acl/User:bridge/allow/write/transactional_id/prefixed/trueup.r./*",
                "acl/User:bridge/allow/describe/transactional_id/prefixed/trueup.r./*",
            ]
        );
        let consumer = &found.resources[0].declared;
        assert_eq!(consumer["deliver_policy"], json!("new"));
        assert_eq!(consumer["ack_policy"], json!("all"));
        assert_eq!(consumer["filter_subjects"], json!(["a.>"]));
        let by = found.resources.iter().map(|it| it.required_by.clone());
        let route: Address = "route/r".parse().unwrap();
        assert!(by.into_iter().all(|by| by == Some(route.clone())));
    }

    #[test]
    fn a_route_from_a_topic_has_rights_and_a_target_that_keeps_its_position() {
        let target = resource("stream/S", json!({ "allow_direct": true }));
        let spec = json!({ "from.topic": "t", "to.stream": "S", "to.subject": "S", "delivery": "exactly_once" });
        let found = of(spec.clone(), &[target]);
        assert_eq!(
            addresses(&found),
            [
                "acl/User:bridge/allow/read/topic/literal/t/*",
                "acl/User:bridge/allow/describe/topic/literal/t/*",
                "acl/User:bridge/allow/read/group/literal/trueup.r/*",
            ]
        );
        let (address, fields) = &found.on_streams[0];
        assert_eq!(address.to_string(), "stream/S");
        assert_eq!(
            json!(fields),
            json!({ "allow_atomic": true, "allow_rollup_hdrs": true, "subjects": ["S", "trueup.position.r.*"] })
        );
        let whole = json!({ "allow_atomic": true, "allow_rollup_hdrs": true, "allow_direct": true, "subjects": [">"] });
        let found = of(spec.clone(), &[resource("stream/S", whole)]);
        assert!(found.on_streams.is_empty());
        assert!(of(spec, &[]).on_streams.is_empty());
    }

    #[test]
    fn shards_share_nothing_and_have_all() {
        let spec = json!({ "from.stream": "S", "from.subjects": ["c", "a", "e", "b", "d"], "to.topic": "t", "shards": 2 });
        let found = of(spec, &[]);
        let consumers: Vec<_> = found
            .resources
            .iter()
            .filter(|it| it.address.kind == KindName::Consumer)
            .map(|it| {
                (
                    it.address.name.as_str(),
                    it.declared["filter_subjects"].clone(),
                )
            })
            .collect();
        assert_eq!(
            consumers,
            [
                ("S/trueup-r", json!(["a", "c", "e"])),
                ("S/trueup-r-2", json!(["b", "d"]))
            ]
        );
    }

    #[test]
    fn a_route_with_an_error_implies_nothing() {
        let found = of(json!({ "from.stream": "S", "to.stream": "T" }), &[]);
        assert_eq!(found, Implied::default());
    }
}
