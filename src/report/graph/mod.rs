//! What a manifest ties together, as a picture: streams and their consumers, topics, who writes and
//! reads them and in which groups.

mod dot;
mod json;
mod mermaid;

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use crate::kinds::{End, Link, Resources, kind};
use crate::model::{Broker, KindName, Resource};

pub use dot::dot;
pub use json::json;
pub use mermaid::mermaid;

/// The picture: what stands in it and the arrows between.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// The stack's name.
    pub stack: String,
    /// What stands in it, with the lines that are written there, in manifest order.
    pub nodes: IndexMap<End, Node>,
    /// The arrows, none twice.
    pub links: IndexSet<Link>,
}

/// What is told of one end of an arrow.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub role: Role,
    /// What is written in it, by line; the first is its name.
    pub lines: Vec<String>,
    /// The broker whose box it stands in.
    pub broker: Broker,
    /// Whether the manifest declares it or only speaks of it.
    pub is_declared: bool,
}

/// What an end of an arrow is, and so how it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A resource.
    Kind(KindName),
    /// A stream of another account or domain.
    Elsewhere,
    /// A NATS subject.
    Subject,
    /// Kafka topics by a pattern.
    Topics,
    /// Consumer groups.
    Group,
    /// A Kafka principal.
    Principal,
}

impl Role {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Kind(kind) => kind.as_str(),
            Role::Elsewhere => "stream elsewhere",
            Role::Subject => "subject",
            Role::Topics => "topics",
            Role::Group => "group",
            Role::Principal => "principal",
        }
    }
}

impl Node {
    /// Whether it is a resource that the manifest speaks of and does not declare.
    fn is_foreign(&self) -> bool {
        !self.is_declared && matches!(self.role, Role::Kind(_) | Role::Elsewhere)
    }
}

impl Graph {
    /// The picture of these resources.
    pub fn of<'a>(
        stack: &str,
        chosen: impl Iterator<Item = &'a Resource> + Clone,
        all: &Resources,
    ) -> Graph {
        let mut nodes = IndexMap::new();
        for resource in chosen.clone() {
            // an ACL is an arrow; who logs in, and how much he may take, is no way of messages
            if !resource.address.kind.is_its_name() {
                let end = End::Resource(resource.address.clone());
                let node = node(&end, Some(resource));
                nodes.insert(end, node);
            }
        }
        let links: IndexSet<Link> = chosen
            .filter_map(|resource| Some(kind(resource.address.kind)?.links(resource, all)))
            .flatten()
            .collect();
        for end in links.iter().flat_map(|link| [&link.from, &link.to]) {
            if !nodes.contains_key(end) {
                nodes.insert(end.clone(), node(end, declared(end, all)));
            }
        }
        Graph {
            stack: stack.to_owned(),
            nodes,
            links,
        }
    }

    /// The nodes of this broker, each with its number.
    fn of_broker(&self, broker: Broker) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes
            .values()
            .enumerate()
            .filter(move |(_, node)| node.broker == broker)
    }

    /// The number of an end; every end of a link has one.
    fn number(&self, end: &End) -> usize {
        self.nodes.get_index_of(end).unwrap_or_default()
    }
}

fn declared<'a>(end: &End, all: &'a Resources) -> Option<&'a Resource> {
    match end {
        End::Resource(address) => all.get(address),
        End::Elsewhere(_)
        | End::Subject(_)
        | End::Topics(_)
        | End::Groups(_)
        | End::Principal(_) => None,
    }
}

fn node(end: &End, resource: Option<&Resource>) -> Node {
    let (role, name, broker) = match end {
        End::Resource(address) => {
            let name = address
                .stream_and_consumer()
                .map_or(&*address.name, |(_, name)| name);
            (Role::Kind(address.kind), name, address.kind.broker())
        }
        End::Elsewhere(name) => (Role::Elsewhere, &**name, Broker::Nats),
        End::Subject(name) => (Role::Subject, &**name, Broker::Nats),
        End::Topics(name) => (Role::Topics, &**name, Broker::Kafka),
        End::Groups(name) => (Role::Group, &**name, Broker::Kafka),
        End::Principal(name) => (Role::Principal, &**name, Broker::Kafka),
    };
    let mut lines = vec![name.to_owned()];
    lines.extend(resource.into_iter().flat_map(told));
    Node {
        role,
        lines,
        broker,
        is_declared: resource.is_some(),
    }
}

/// What a reader of the picture wants to know of a resource: what a stream captures, how wide a
/// topic is.
fn told(resource: &Resource) -> Vec<String> {
    let declared = &resource.declared;
    match resource.address.kind {
        KindName::Stream => {
            let subjects = declared.get("subjects").and_then(Value::as_array);
            let subjects = subjects.into_iter().flatten().filter_map(Value::as_str);
            subjects.map(str::to_owned).collect()
        }
        KindName::Topic => {
            let partitions = declared.get("partitions").and_then(Value::as_u64);
            let counted = partitions.map(|count| match count {
                1 => "1 partition".to_owned(),
                more => format!("{more} partitions"),
            });
            counted.into_iter().collect()
        }
        KindName::Kv
        | KindName::ObjectStore
        | KindName::Consumer
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
