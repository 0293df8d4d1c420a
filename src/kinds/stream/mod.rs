//! Streams, and what every kind that is a stream underneath shares.

mod answer;
mod bucket;
mod change;
mod circles;
mod complaint;
mod converge;
mod copies;
mod deletion;
mod exchanges;
mod followers;
mod instants;
mod judge;
mod level;
mod links;
mod listing;
mod losses;
mod names;
mod origins;
mod overlaps;
mod patterns;
mod purges;
mod refused;
mod rehearse;
mod republish;
mod risks;
mod room;
mod rules;
mod said;
mod settle;
mod spec;
mod stages;
mod subjects;
mod tenants;
mod transforms;
mod update;
mod view;
pub(super) mod wire;

use std::sync::LazyLock;

use async_trait::async_trait;
use serde_json::Value;

pub use spec::{
    Compression, ConsumerLimits, Discard, External, PersistMode, Placement, Republish, Retention,
    SourceConsumer, Storage, StreamSource, StreamSpec, SubjectTransform,
};

pub(super) use answer::{failed, gone, life, moved, outcome_of, verdict, withheld};
pub(super) use bucket::{Template, fixed};
pub(super) use complaint::Complaint;
pub(super) use converge::{goes_on as servers_go_on, see as see_servers};
pub(super) use deletion::delete;
pub(super) use instants::complaints as bad_instants;
pub(super) use level::{forget_unknown, required_level, too_old, version};
pub(super) use links::links;
pub(super) use listing::none_hidden;
pub(super) use losses::left;
pub(super) use names::{asset_name, is_of_ledger, of_ledger};
pub(crate) use names::{bucket_of, stream_name};
pub(super) use origins::{has_sources, is_mirror, local_origins};
pub(super) use overlaps::captured;
pub(super) use patterns::{first_covering, first_overlapping};
pub use risks::consumer_filters;
pub(super) use risks::{
    Standing, by_sight as losses_by_sight, foretells, foretold, or_everything, risks as losses,
    standing,
};
pub(super) use room::account;
pub(super) use rules::{description, metadata, server_metadata};
pub(super) use said::Said;
pub(super) use settle::shared as shared_settle;
pub(super) use stages::{notes as staged_notes, stages as staged};
pub(crate) use subjects::is_within;
pub(super) use subjects::{collide, fault as subject_fault, no_subject, not_literal};
pub(super) use view::View;
pub(super) use wire::{
    config_of, each, exported, fields_of, told_left_out, unanswered, unconnected, unreadable,
};

use super::{
    Case, Caveat, Declaration, Delta, Edit, Kind, Link, Live, Observations, Rehearsal, Resources,
    Shape, Sight,
};
use crate::broker::Brokers;
use crate::model::{
    Address, Code, Flat, KindName, Outcome, Problem, Refusal, Resource, Risk, Severity, Step,
    Wanted,
};

/// JetStream streams.
#[derive(Clone, Copy, Debug)]
pub struct Stream;

static DECLARATION: LazyLock<Declaration> = LazyLock::new(|| {
    let mut declaration = Declaration::of::<StreamSpec>();
    rule_mirror(&mut declaration);
    declaration
});

/// What a seal does (`configUpdateCheck`, nats-server).
const SEALS: &str = "`sealed` is for good: from then on no message can be added or removed, none expires, and nobody can take the seal off";

/// What stands in the way of making it anew.
fn sealed() -> Caveat {
    Caveat::new(
        "sealed, as no new stream can be",
        "where they are not there yet, apply without `sealed`, fill them, then seal them",
    )
}

/// What no bucket can say of its stream, so that the stream itself is exported.
fn bent_bucket(fields: &Flat) -> Option<Caveat> {
    let (bucket, untold) = bucket_behind(fields).filter(|(_, untold)| !untold.is_empty())?;
    let untold: Vec<String> = untold.iter().map(|path| format!("`{path}`")).collect();
    let what = format!(
        "as a plain stream, for {} of it, which no bucket can declare",
        untold.join(", ")
    );
    let way_out = "as a stream it keeps all of that; to have the bucket, put its stream back to what a new bucket has with the server's own tool, then export again";
    Some(Caveat {
        known_as: Some(bucket),
        ..Caveat::new(what, way_out)
    })
}

/// The bucket that a live stream is, and what of the stream can't be said in the bucket's terms.
fn bucket_behind(fields: &Flat) -> Option<(Address, Vec<String>)> {
    let buckets: [&dyn View; 2] = [&super::kv::Kv, &super::object_store::ObjectStore];
    let name = Said(fields).text("name")?;
    buckets.iter().find_map(|view| {
        let bucket = view.resource_name(name)?;
        let untold = view.untold(&view.in_own_terms(bucket, fields.clone()));
        Some((Address::new(view.name(), bucket), untold))
    })
}

/// A mirror is judged as a whole; its fields have other facts as a source's.
pub(super) fn rule_mirror(declaration: &mut Declaration) {
    if let Some(mirror) = declaration.fields.get_mut("mirror") {
        rule(&mut mirror.shape);
    }
}

fn rule(shape: &mut Shape) {
    if let Shape::Object(inner) = shape {
        for field in inner.fields.values_mut() {
            field.facts.edit = Edit::Ruled;
            rule(&mut field.shape);
        }
    }
}

#[async_trait]
impl Kind for Stream {
    fn name(&self) -> KindName {
        KindName::Stream
    }

    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn check(&self, resource: &Resource, all: &Resources) -> Vec<Problem> {
        let said = Said(&resource.declared);
        let name = &resource.address.name;
        let complaints = names::asset_name("stream", name)
            .into_iter()
            .chain(rules::server_metadata(said))
            .chain(empty_subjects(said))
            .chain(origins::own_origin(name, said))
            .chain(republish::circle_of_name(name, said))
            .chain(copies::beside(said, all))
            .chain(rules::complaints(said));
        complaints
            .map(|complaint| complaint.problem(resource))
            .chain(only_on_older_servers(resource))
            .chain(bucket_in_disguise(resource))
            .chain(of_ledger(resource))
            .collect()
    }

    fn check_all(&self, all: &Resources) -> Vec<Problem> {
        let mut problems = overlaps::check(all);
        problems.extend(all.values().filter_map(|bucket| bucket_twice(bucket, all)));
        problems.extend(circles::check(all));
        problems
    }

    fn foretold(&self, all: &Resources) -> Vec<Problem> {
        risks::foretold(self, all)
    }

    fn foretells(&self) -> Vec<Code> {
        risks::foretells(self)
    }

    fn rests_on(&self, resource: &Resource, all: &Resources) -> Vec<Address> {
        origins::local_origins(Said(&resource.declared))
            .into_iter()
            .filter_map(|name| declared_as(name, all))
            .collect()
    }

    fn links(&self, resource: &Resource, all: &Resources) -> Vec<Link> {
        links::links(&resource.address, Said(&resource.declared), all)
    }

    fn settle(&self, declared: &mut Flat, live: &mut Flat) {
        settle::settle(declared, live);
    }

    /// The window of a stream that has origins: from 2.14 on a server gives none by itself.
    fn also_says(&self, live: &Live) -> Flat {
        let window = "duplicate_window";
        let held = live.fields.get(window);
        let is_told = settle::has_origins(Said(&live.fields));
        held.filter(|_| is_told)
            .map(|value| (window.to_owned(), value.clone()))
            .into_iter()
            .collect()
    }

    fn caveats(&self, live: &Live) -> Vec<Caveat> {
        let is_sealed = Said(&live.fields).is_on("sealed");
        let seal = is_sealed.then(sealed);
        seal.into_iter().chain(bent_bucket(&live.fields)).collect()
    }

    fn judge(&self, case: &Case<'_>) -> Vec<Refusal> {
        judge::judge(self, case)
    }

    fn notes(&self, case: &Case<'_>) -> Vec<String> {
        let seal = case.delta("sealed").and_then(|delta| delta.after.as_ref());
        let seals = case.live.is_some() && seal == Some(&Value::Bool(true));
        let seal = seals.then(|| SEALS.to_owned());
        seal.into_iter()
            .chain(change::window_that_follows(self, case))
            .chain(stages::notes(self, case))
            .chain(super::route::asked_of(case))
            .collect()
    }

    fn stages(&self, case: &Case<'_>) -> Vec<Vec<Delta>> {
        stages::stages(self, case)
    }

    fn arrange(&self, steps: &mut [Step], _all: &Resources, observations: &Observations) {
        followers::arrange(steps, observations);
        exchanges::let_streams_go_first(steps);
        exchanges::refuse(steps);
    }

    async fn observe(&self, brokers: &Brokers, addresses: &[Address]) -> Observations {
        wire::observe(self, brokers, addresses).await
    }

    async fn rehearse(&self, brokers: &Brokers, steps: &[&Step]) -> Rehearsal {
        let mut rehearsal = wire::rehearse(self, brokers, steps).await;
        rehearsal
            .refusals
            .extend(tenants::rehearse(brokers, steps).await);
        if let Some(nats) = &brokers.nats {
            let in_the_way = followers::rehearse(nats, steps).await;
            rehearsal.refusals.extend(in_the_way);
        }
        rehearsal
    }

    async fn risks(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        risks::risks(self, brokers, steps).await
    }

    fn risks_by_sight(&self, sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        risks::by_sight(self, sight, steps)
    }

    async fn carry_out(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        wire::carry_out(self, brokers, steps).await
    }

    async fn see(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        converge::see(self, brokers, steps).await
    }

    fn goes_on(&self, step: &Step, live: &Live) -> Option<String> {
        converge::goes_on(self, step, live)
    }

    fn is_unsettled(&self, step: &Step, live: &Live) -> bool {
        converge::goes_on(self, step, live).is_some()
    }

    async fn list(&self, brokers: &Brokers, wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        wire::list(self, brokers, wanted).await
    }

    async fn left_out(&self, brokers: &Brokers) -> Vec<Problem> {
        wire::left_out(brokers).await
    }
}

impl View for Stream {
    fn what(&self) -> &'static str {
        "stream"
    }

    fn stream_name(&self, name: &str) -> String {
        name.to_owned()
    }

    fn resource_name<'n>(&self, stream: &'n str) -> Option<&'n str> {
        Some(stream)
    }

    fn in_own_terms(&self, _name: &str, stream: Flat) -> Flat {
        stream
    }

    fn in_stream_terms(&self, _name: &str, fields: Flat) -> Flat {
        fields
    }

    fn field_name(&self, stream_field: &str) -> String {
        stream_field.to_owned()
    }

    /// A bucket's stream is exported as a bucket, where a bucket can say all of it.
    fn tells_all(&self, fields: &Flat) -> bool {
        bucket_behind(fields).is_none_or(|(_, untold)| !untold.is_empty())
    }
}

/// The resource that a stream's name stands for: a stream, or the bucket that is declared as such.
pub(super) fn declared_as(stream: &str, all: &Resources) -> Option<Address> {
    std::iter::once(Address::new(KindName::Stream, stream))
        .chain(bucket_of(stream))
        .find(|address| all.contains_key(address))
}

/// What the plan refuses once it knows that the server does.
fn only_on_older_servers(resource: &Resource) -> Vec<Problem> {
    let warning = |complaint: Complaint| Problem {
        severity: Severity::Warning,
        ..complaint.problem(resource)
    };
    let found = rules::beside_schedules(Said(&resource.declared)).into_iter();
    found.map(warning).collect()
}

/// Without subjects the server captures the stream's name.
fn empty_subjects(said: Said<'_>) -> Option<Complaint> {
    let is_empty = said.0.contains_key("subjects") && said.items("subjects").is_empty();
    let is_copy = origins::is_mirror(said) || origins::has_sources(said);
    (is_empty && !is_copy).then(|| {
        Complaint::new(
            Code::Contradiction,
            "subjects",
            "a stream without subjects captures the subject that is its name",
            "leave `subjects` out for that, or list some",
        )
    })
}

/// A bucket whose stream is declared as a plain stream, too: one of them would undo the other.
fn bucket_twice(bucket: &Resource, all: &Resources) -> Option<Problem> {
    let stream = Address::new(KindName::Stream, stream_name(&bucket.address)?);
    if stream == bucket.address {
        return None;
    }
    let other = all.get(&stream)?;
    let message = format!("`{}` and `{stream}` are the same stream", bucket.address);
    Some(
        Problem::error(Code::DeclaredTwice, message)
            .about(&bucket.address)
            .at(bucket.place.clone())
            .note(other.place.clone(), format!("{stream} is declared here"))
            .hint("keep one of the two: the bucket, where a bucket is meant"),
    )
}

/// A bucket's stream declared as a plain stream escapes the bucket's own rules.
fn bucket_in_disguise(resource: &Resource) -> Option<Problem> {
    let name = resource.address.name.as_str();
    let bucket = bucket_of(name)?;
    let section = match bucket.kind {
        KindName::Kv => "key_value",
        KindName::ObjectStore => "object_store",
        KindName::Stream
        | KindName::Consumer
        | KindName::Topic
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => return None,
    };
    let bucket = bucket.name;
    if names::bucket_name("bucket", &bucket).is_some() {
        return None;
    }
    Some(
        Problem::warning(
            Code::BadName,
            format!("`{name}` is the stream of a bucket, declared as a plain stream"),
        )
        .about(&resource.address)
        .at(resource.place.clone())
        .hint(format!(
            "declare `{bucket}` under `{section}` if a bucket is meant"
        )),
    )
}
