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
use super::{Declaration, Kind, Observations, Rehearsal, Resources, Sight};
use crate::broker::Brokers;
use crate::model::{Address, KindName, Outcome, Problem, Resource, Risk, Step, Wanted};

/// The kind `quota`.
pub struct Quota;

/// A quota's fields.
pub fn declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<QuotaSpec>);
    &DECLARATION
}

/// A number as Kafka tells it, which keeps doubles only: whole where it has no rest. The largest whole number is a double
/// just above itself.
fn number(value: f64) -> Value {
    if value == i64::MAX as f64 {
        return i64::MAX.into();
    }
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

    /// `200.0` is `200`, and a number of more than 53 bits is the nearest one that Kafka can keep.
    fn complete(&self, resource: &mut Resource) {
        for value in resource.declared.values_mut() {
            if let Some(said) = value.as_f64() {
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

    fn risks_by_sight(&self, _sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is declared becomes what the cluster gives back.
    #[test]
    fn a_number_is_what_kafka_can_keep() {
        for (declared, kept) in [
            (json!(200.0), json!(200)),
            (json!(0.1), json!(0.1)),
            (
                json!(9_007_199_254_740_993_i64),
                json!(9_007_199_254_740_992_i64),
            ),
            (json!(i64::MAX), json!(i64::MAX)),
            (json!(1e308), json!(1e308)),
        ] {
            let address = "quota/user/a".parse().unwrap();
            let fields = [("producer_byte_rate".to_owned(), declared)];
            let mut resource = Resource::new(address, fields.into_iter().collect());
            Quota.complete(&mut resource);
            let held = &resource.declared["producer_byte_rate"];
            assert_eq!(*held, kept);
            assert_eq!(number(held.as_f64().unwrap()), kept);
        }
    }
}
