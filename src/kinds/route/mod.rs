//! Routes of the bridge: which messages go from which stream to which topic, and back.
//!
//! A route is a record in the bucket [`TABLE`], where workers find it. What it needs beside that (the durable consumer, the
//! topic or the subject of its position, rights) are resources of their own, which [`implied`] makes of it.

mod among;
mod circles;
mod ends;
mod follows;
mod implied;
mod judge;
mod key;
mod lag;
mod overlaps;
mod record;
mod rehearse;
mod risks;
mod rules;
mod spec;
mod steer;
mod switches;
mod table;
mod template;
mod wire;

use std::sync::LazyLock;

use async_trait::async_trait;
use serde_json::Value;

pub use ends::{is_exactly_once, keeps_position_in_topic, rests_on as uses, spec_of};
pub use implied::{Implied, implied, implied_by, is_left_behind, needs};
pub use key::{KEY_FORMS, KeyRule};
pub use lag::{Lag, Standing, standing};
pub use record::*;
pub use spec::*;
pub use steer::{
    Begins, LETTING_GO, Place, at_rest, begin, begin_anew, begins, moved_by, renew, set_state,
};
pub(super) use switches::asked_of;
pub use table::{Entry, Put, Table};
pub use template::{NoSubject, SubjectTemplate, TopicTemplate};
pub use wire::live as live_of;

use super::{
    Case, Declaration, End, Kind, Link, Observations, Rehearsal, Resources, Sight, declared_of,
};
use crate::broker::Brokers;
use crate::model::{
    Address, Flat, KindName, Outcome, Problem, Refusal, Resource, Risk, Severity, Step, Wanted,
};

/// The kind `route`.
#[derive(Clone, Copy, Debug)]
pub struct Route;

/// A route's fields.
pub fn declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<RouteSpec>);
    &DECLARATION
}

#[async_trait]
impl Kind for Route {
    fn name(&self) -> KindName {
        KindName::Route
    }

    fn declaration(&self) -> &'static Declaration {
        declaration()
    }

    fn check(&self, resource: &Resource, all: &Resources) -> Vec<Problem> {
        let mut problems = rules::check(resource);
        problems.extend(among::check(resource, all));
        problems
    }

    fn check_all(&self, all: &Resources) -> Vec<Problem> {
        let mut problems = circles::check(all);
        problems.extend(overlaps::check(all));
        problems
    }

    /// What it moves messages between, and what it implies.
    fn rests_on(&self, resource: &Resource, all: &Resources) -> Vec<Address> {
        let own = |other: &&Resource| other.required_by.as_ref() == Some(&resource.address);
        let of_ends = ends::rests_on(&resource.declared).into_iter();
        let mut found: Vec<Address> = of_ends
            .filter_map(|end| ends::declared(&end, all))
            .collect();
        found.extend(all.values().filter(own).map(|it| it.address.clone()));
        found
    }

    /// From its source, over it, to its target.
    fn links(&self, resource: &Resource, all: &Resources) -> Vec<Link> {
        let Some(spec) = spec_of(&resource.declared) else {
            return Vec::new();
        };
        let here = || End::Resource(resource.address.clone());
        let known = |end: Address| ends::declared(&end, all).unwrap_or(end);
        let subjects = spec.from.subjects.clone().unwrap_or_default().join(", ");
        let from = ends::sources(&spec).into_iter();
        let from = from.map(|end| Link::new(End::Resource(known(end)), here(), subjects.as_str()));
        let how = spec.to.subject.clone().unwrap_or_default();
        let to = ends::targets(&spec).into_iter();
        let to = to.map(|end| Link::new(here(), End::Resource(known(end)), how.as_str()));
        let dead = ends::dead_letters(&spec).into_iter();
        let dead = dead.map(|end| Link::new(here(), End::Resource(known(end)), "dlq"));
        from.chain(to).chain(dead).collect()
    }

    fn judge(&self, case: &Case<'_>) -> Vec<Refusal> {
        judge::judge(case)
    }

    /// Where it begins is said of each route that is there, and changed by no one.
    fn can_reset(&self, path: &str, _live: &Value) -> bool {
        !matches!(path, "from.stream" | "from.topic")
    }

    fn arrange(&self, steps: &mut [Step], _all: &Resources, _observations: &Observations) {
        follows::arrange(steps);
    }

    async fn observe(&self, brokers: &Brokers, addresses: &[Address]) -> Observations {
        wire::observe(brokers, addresses).await
    }

    async fn rehearse(&self, brokers: &Brokers, steps: &[&Step]) -> Rehearsal {
        rehearse::rehearse(brokers, steps).await
    }

    async fn risks(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        risks::risks(brokers, steps).await
    }

    fn risks_by_sight(&self, sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        risks::by_sight(sight, steps)
    }

    async fn carry_out(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        wire::carry_out(brokers, steps).await
    }

    async fn list(&self, brokers: &Brokers, _wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        wire::list(brokers).await
    }
}

/// The declared routes, each with what it says; those that say something wrong are left out.
fn all_of(all: &Resources) -> Vec<(&Resource, RouteSpec)> {
    let is_wrong = |problem: &Problem| problem.severity == Severity::Error;
    let routes = declared_of(KindName::Route, all);
    routes
        .filter(|route| !rules::check(route).iter().any(is_wrong))
        .filter_map(|route| Some((route, spec_of(&route.declared)?)))
        .collect()
}

/// How many workers a route from a stream is dealt among.
pub fn shards(spec: &RouteSpec) -> u32 {
    match &spec.from.stream {
        Some(_) => u32::try_from(spec.shards.unwrap_or(1)).unwrap_or(1).max(1),
        None => 1,
    }
}

/// The route of this name, as an address.
pub fn address_of(name: &str) -> Address {
    Address::new(KindName::Route, name)
}

/// What a route says, as the table holds it.
pub fn fields_of(spec: &RouteSpec) -> Flat {
    match serde_json::to_value(spec) {
        Ok(Value::Object(doc)) => declaration().flatten(doc),
        _ => Flat::new(),
    }
}
