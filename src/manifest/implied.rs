//! What the routes of the bridge imply, added to what is declared.

use super::complaints::Surplus;
use super::entries::Declared;
use super::node::{Files, Map};
use super::said::untyped;
use crate::kinds::acl::principal_fault;
use crate::kinds::route::{Implied, implied};
use crate::kinds::{Resources, kind};
use crate::model::{Address, Code, KindName, Problem, Resource};

/// What a manifest says of all its routes.
#[derive(Debug, Default)]
pub(super) struct Terms {
    /// As whom workers log in to Kafka.
    principal: Option<String>,
    /// How many replicas a topic has where it does not say.
    replication_factor: Option<i64>,
}

/// Reads what is said of all routes.
pub(super) fn terms(tree: &Map, files: &Files, problems: &mut Vec<Problem>) -> Terms {
    Terms {
        principal: principal(tree, files, problems),
        replication_factor: replication_factor(tree),
    }
}

fn principal(tree: &Map, files: &Files, problems: &mut Vec<Problem>) -> Option<String> {
    let node = &tree.get("bridge")?.node.map()?.get("principal")?.node;
    if node.is_null() || node.is_broken() {
        return None;
    }
    let Some(text) = node.text() else {
        let what = format!("`bridge.principal` takes text, not {}", node.shown());
        problems.push(files.at(node, Problem::error(Code::WrongType, what)));
        return None;
    };
    match principal_fault(text) {
        Some(problem) => {
            problems.push(files.at(node, problem));
            None
        }
        None => Some(text.to_owned()),
    }
}

/// What `kafka.defaults` says; a wrong value is told there.
fn replication_factor(tree: &Map) -> Option<i64> {
    let defaults = tree.get("kafka")?.node.map()?.get("defaults")?.node.map()?;
    let topic = defaults.get("topic")?.node.map()?;
    let said = untyped(&topic.get("replication_factor")?.node);
    said.as_i64()
        .or_else(|| said.as_str().and_then(|text| text.parse().ok()))
}

/// Adds what the sound ones of the declared routes imply.
pub(super) fn imply(declared: &mut Declared, terms: &Terms) {
    let is_route = |resource: &&Resource| resource.address.kind == KindName::Route;
    let is_sound = |route: &&Resource| !declared.faulty.contains_key(&route.address);
    let routes = declared.resources.values().filter(is_route);
    let routes: Vec<Resource> = routes.filter(is_sound).cloned().collect();
    let mut found = Vec::new();
    for route in &routes {
        let principal = terms.principal.as_deref();
        let Implied {
            resources,
            on_streams,
        } = implied(route, &declared.resources, principal);
        for (address, fields) in on_streams {
            if let Some(stream) = declared.resources.get_mut(&address) {
                stream.declared.extend(fields);
            }
        }
        for resource in resources {
            add(&mut declared.resources, resource, terms, &mut found);
        }
    }
    declared.problems.extend(found);
    let mut surplus = Surplus::default();
    surplus.bound(&mut declared.problems);
    declared.surplus.add(&surplus);
}

/// Adds one resource. An ACL that is there already is the same ACL.
fn add(all: &mut Resources, mut resource: Resource, terms: &Terms, found: &mut Vec<Problem>) {
    let address = resource.address.clone();
    match all.get(&address) {
        Some(_) if address.kind == KindName::Acl => return,
        Some(other) => {
            found.push(said_twice(&resource, other));
            return;
        }
        None => {}
    }
    if let (KindName::Topic, Some(factor)) = (address.kind, terms.replication_factor) {
        let field = "replication_factor".to_owned();
        resource.declared.insert(field, factor.into());
    }
    if let Some(kind) = kind(address.kind) {
        kind.complete(&mut resource);
    }
    all.insert(address, resource);
}

fn said_twice(resource: &Resource, other: &Resource) -> Problem {
    let address = &resource.address;
    let by = |resource: &Resource| -> Option<Address> { resource.required_by.clone() };
    let route = by(resource)
        .map(|route| route.to_string())
        .unwrap_or_default();
    let (what, hint) = match by(other) {
        Some(first) => (
            format!("`{address}` is required by `{first}` and by `{route}`, and can't be both"),
            "give one of the routes another name",
        ),
        None => (
            format!("`{address}` is declared, and `{route}` implies it"),
            "take it out: what a route needs follows from the route",
        ),
    };
    Problem::error(Code::DeclaredTwice, what)
        .about(address)
        .at(other.place.clone())
        .note(resource.place.clone(), format!("{route} is here"))
        .hint(hint)
}
