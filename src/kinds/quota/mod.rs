//! Client quotas of Kafka: what users, client ids and IP addresses may take at most.

mod carry_out;
mod entity;
mod losses;
mod observe;
mod rules;
mod spec;

use std::sync::LazyLock;

use async_trait::async_trait;
use serde_json::Value;

pub use entity::{address_of, entity_of};
pub use spec::QuotaSpec;

use super::kafka::{client, not_attempted, refuse_all, unreadable};
use super::{Declaration, Kind, Observations, Rehearsal, Resources};
use crate::broker::Brokers;
use crate::model::{Address, KindName, Outcome, Problem, Resource, Risk, Step, Wanted};

/// The kind `quota`.
pub struct Quota;

/// A quota's fields.
pub fn declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<QuotaSpec>);
    &DECLARATION
}

/// A number as Kafka tells it: whole where it has no rest.
fn number(value: f64) -> Value {
    match value.to_string().parse::<i64>() {
        Ok(whole) => whole.into(),
        Err(_) => value.into(),
    }
}

#[async_trait]
impl Kind for Quota {
    fn name(&self) -> KindName {
        KindName::Quota
    }

    fn declaration(&self) -> &'static Declaration {
        declaration()
    }

    /// `200.0` is `200`.
    fn complete(&self, resource: &mut Resource) {
        for value in resource.declared.values_mut() {
            if let Some(said) = value.as_f64().filter(|_| value.is_f64()) {
                *value = number(said);
            }
        }
    }

    fn check(&self, resource: &Resource, _all: &Resources) -> Vec<Problem> {
        rules::check(resource)
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

    async fn risks(&self, _brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        losses::risks(steps)
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
}
