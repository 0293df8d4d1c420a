//! Durable consumers.

mod among;
mod begin;
mod crowd;
mod flow_control;
mod judge;
mod losses;
mod queue;
mod replace;
mod risks;
mod rounds;
mod rules;
mod settle;
mod spec;
mod turns;
mod wire;

use std::sync::LazyLock;

use async_trait::async_trait;
pub use spec::{AckPolicy, ConsumerSpec, DeliverPolicy, PriorityPolicy, ReplayPolicy, Wait};

pub(super) use begin::{begin_at, sequence_at};
pub(super) use replace::KEEPS;
pub(super) use turns::changes_filters;
pub(super) use wire::is_internal;

use super::stream::{Said, declared_as};
use super::{
    Case, Declaration, Delta, End, Kind, Link, Live, Observations, Rehearsal, Resources, Sight,
    declared_of,
};
use crate::broker::Brokers;
use crate::model::{
    Address, Code, Flat, KindName, Outcome, Problem, Refusal, Resource, Risk, Step, Wanted,
};

/// JetStream consumers; an address is `STREAM/NAME`.
#[derive(Clone, Copy, Debug)]
pub struct Consumer;

static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<ConsumerSpec>);

#[async_trait]
impl Kind for Consumer {
    fn name(&self) -> KindName {
        KindName::Consumer
    }

    fn declaration(&self) -> &'static Declaration {
        &DECLARATION
    }

    fn check(&self, resource: &Resource, all: &Resources) -> Vec<Problem> {
        let said = Said(&resource.declared);
        rules::name(&resource.address)
            .into_iter()
            .chain(rules::complaints(said))
            .chain(among::of_stream(resource, all))
            .map(|complaint| complaint.problem(resource))
            .collect()
    }

    fn check_all(&self, all: &Resources) -> Vec<Problem> {
        let mut problems = among::check_all(all);
        problems.extend(crowd::check_all(all));
        problems
    }

    fn foretold(&self, all: &Resources) -> Vec<Problem> {
        let consumers = declared_of(KindName::Consumer, all);
        consumers.flat_map(risks::foretold).collect()
    }

    fn foretells(&self) -> Vec<Code> {
        risks::foretells()
    }

    fn rests_on(&self, resource: &Resource, all: &Resources) -> Vec<Address> {
        stream_of(resource)
            .and_then(|stream| declared_as(stream, all))
            .into_iter()
            .collect()
    }

    /// (A copy of a stream may wait for its origin; a consumer's stream must be there.)
    fn lives_in(&self, resource: &Resource, all: &Resources) -> Vec<Address> {
        self.rests_on(resource, all)
    }

    /// From the stream, by the filters; and on to where a push consumer delivers.
    fn links(&self, resource: &Resource, all: &Resources) -> Vec<Link> {
        let said = Said(&resource.declared);
        let here = || End::Resource(resource.address.clone());
        let stream = self.rests_on(resource, all).into_iter().map(|stream| {
            let filters = rules::filters_of(said).join(", ");
            Link::new(End::Resource(stream), here(), filters)
        });
        let on = said
            .word("deliver_subject")
            .map(|subject| Link::new(here(), End::Subject(subject.to_owned()), "push"));
        stream.chain(on).collect()
    }

    fn settle(&self, declared: &mut Flat, live: &mut Flat) {
        settle::settle(declared, live);
    }

    fn fit(&self, next: &mut Flat, deltas: &[Delta]) {
        wire::fit(next, deltas);
    }

    /// By the stream (`consumer_limits`).
    fn may_be_given(&self, path: &str) -> bool {
        ["inactive_threshold", "max_ack_pending"].contains(&path)
    }

    fn judge(&self, case: &Case<'_>) -> Vec<Refusal> {
        judge::judge(case)
    }

    fn arrange(&self, steps: &mut [Step], all: &Resources, observations: &Observations) {
        turns::arrange(steps, all, observations);
    }

    async fn observe(&self, brokers: &Brokers, addresses: &[Address]) -> Observations {
        wire::observe(brokers, addresses).await
    }

    async fn rehearse(&self, brokers: &Brokers, steps: &[&Step]) -> Rehearsal {
        let mut refusals = queue::rehearse(brokers, steps).await;
        refusals.extend(crowd::rehearse(brokers, steps).await);
        refusals.extend(replace::rehearse(brokers, steps).await);
        refusals.into()
    }

    async fn risks(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        risks::risks(brokers, steps).await
    }

    fn risks_by_sight(&self, sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        risks::by_sight(sight, steps)
    }

    async fn carry_out(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        wire::carry_out(self, brokers, steps).await
    }

    /// A replacement that was cut short.
    fn goes_on(&self, _step: &Step, live: &Live) -> Option<String> {
        let keeper = live.raw.get(replace::KEEPER)?.as_str()?;
        Some(format!(
            "consumer `{keeper}` holds its place, and the next run makes it anew"
        ))
    }

    async fn list(&self, brokers: &Brokers, wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        wire::list(brokers, wanted).await
    }

    async fn left_out(&self, brokers: &Brokers) -> Vec<Problem> {
        wire::left_out(brokers).await
    }
}

/// The stream of a consumer's address.
fn stream_of(resource: &Resource) -> Option<&str> {
    let (stream, _) = resource.address.stream_and_consumer()?;
    Some(stream)
}
