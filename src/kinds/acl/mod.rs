//! Kafka ACLs: identity and nothing else, so that one is made, is there, or goes.

mod binding;
mod carry_out;
mod effect;
mod entry;
mod expand;
mod export;
mod judge;
mod links;
mod losses;
mod observe;
mod own;
mod risks;
mod rules;
mod spec;
mod users;

use std::sync::LazyLock;

use async_trait::async_trait;

use binding::Parts;
pub use binding::{acl_of, address_of};
pub use effect::{may_replace, takes_some_of};
pub use entry::{Access, AclEntry, AclResource, Consumer, ConsumerTerms, Producer, ProducerTerms};
pub use expand::{Expansion, Places, expand_access, expand_entry};
pub use export::entries;
pub(in crate::kinds) use observe::describes_every_topic;
pub use own::{Own, Spared, allows_everybody};
pub use rules::{CLUSTER_NAME, operations, principal_fault, since};
pub use spec::AclSpec;

pub use crate::broker::kafka::{
    AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType,
};

use super::kafka::{client, not_attempted, refuse_all, unreadable};
use super::{Case, Declaration, Kind, Link, Observations, Rehearsal, Resources, Sight};
use crate::broker::Brokers;
use crate::model::{
    Address, Code, KindName, Outcome, Problem, Refusal, Resource, Risk, Step, Wanted,
};

/// The kind `acl`.
///
/// Its address holds all that it is, so a resource of this kind declares no fields.
pub struct Acl;

/// The seven fields of an ACL's identity.
pub fn declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<AclSpec>);
    &DECLARATION
}

#[async_trait]
impl Kind for Acl {
    fn name(&self) -> KindName {
        KindName::Acl
    }

    fn declaration(&self) -> &'static Declaration {
        declaration()
    }

    /// What the expansion of an entry has not told already: only what no broker takes.
    fn check(&self, resource: &Resource, _all: &Resources) -> Vec<Problem> {
        let problems = match Parts::of(&resource.address) {
            Ok(acl) => rules::acl(&acl),
            Err(why) => vec![Problem::error(Code::BadName, why)],
        };
        problems
            .into_iter()
            .map(|problem| problem.about(&resource.address).at(resource.place.clone()))
            .collect()
    }

    fn foretold(&self, all: &Resources) -> Vec<Problem> {
        risks::foretold(all)
    }

    fn foretells(&self) -> Vec<Code> {
        risks::FORETELLS.to_vec()
    }

    fn links(&self, resource: &Resource, all: &Resources) -> Vec<Link> {
        acl_of(&resource.address).map_or_else(|_| Vec::new(), |acl| links::links(&acl, all))
    }

    fn judge(&self, case: &Case<'_>) -> Vec<Refusal> {
        judge::judge(case)
    }

    fn notes(&self, case: &Case<'_>) -> Vec<String> {
        judge::notes(case)
    }

    async fn observe(&self, brokers: &Brokers, addresses: &[Address]) -> Observations {
        match client(brokers) {
            Ok(kafka) => observe::observe(kafka, addresses).await,
            Err(problem) => unreadable(addresses, &problem),
        }
    }

    async fn rehearse(&self, brokers: &Brokers, steps: &[&Step]) -> Rehearsal {
        match client(brokers) {
            Ok(kafka) => carry_out::rehearse(kafka, steps).await.into(),
            Err(problem) => refuse_all(steps, &problem).into(),
        }
    }

    async fn risks(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        let client = client(brokers);
        let held = losses::held(&client, steps).await;
        let mut told = losses::risks(steps, &held);
        users::tell(&client, &mut told).await;
        told.extend(risks::risks(&client, steps, &held).await);
        told
    }

    fn risks_by_sight(&self, sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        let held = sight.of(KindName::Acl);
        let held = Ok(held
            .filter_map(|(address, _)| acl_of(address).ok())
            .collect());
        let mut told = losses::risks(steps, &held);
        told.extend(risks::by_sight(sight, steps, &held));
        told
    }

    async fn carry_out(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        match client(brokers) {
            Ok(kafka) => carry_out::carry_out(kafka, steps).await,
            Err(problem) => not_attempted(steps, &problem.message),
        }
    }

    async fn see(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        match client(brokers) {
            Ok(kafka) => carry_out::see(kafka, steps).await,
            Err(problem) => not_attempted(steps, &problem.message),
        }
    }

    async fn list(&self, brokers: &Brokers, _wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        observe::list(client(brokers)?).await
    }

    async fn left_out(&self, brokers: &Brokers) -> Vec<Problem> {
        match client(brokers) {
            Ok(kafka) => observe::left_out(kafka).await,
            Err(_) => Vec::new(),
        }
    }
}
