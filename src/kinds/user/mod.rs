//! Users of Kafka who log in by SCRAM.
//!
//! Kafka tells by which mechanisms a user logs in and how often the password is hashed, and never the password. So a
//! password comes by reference, is no field, and goes from the manifest to the request only; `version` says when it is to be
//! set anew, and only the ledger knows which one was.

mod carry_out;
mod judge;
mod observe;
mod order;
mod risks;
mod rules;
mod spec;

use std::sync::LazyLock;

use async_trait::async_trait;

pub use spec::UserSpec;

use super::kafka::{client, not_attempted, refuse_all, refused_without, unreadable};
use super::{
    Case, Caveat, Declaration, Delta, Kind, Live, Observations, Rehearsal, Resources, Sight,
    is_in_place,
};
use crate::broker::Brokers;
use crate::broker::kafka::Operation;
use crate::model::{
    Action, Address, KindName, Outcome, Problem, Refusal, Resource, Risk, Step, Wanted,
};

/// The right that changing users wants.
const RIGHT: &str = "ALTER on the cluster";

/// The field that stands for the password.
const VERSION: &str = "version";
const MECHANISM: &str = "mechanism";
const ITERATIONS: &str = "iterations";

/// The kind `user`.
pub struct User;

/// A user's fields.
pub fn declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<UserSpec>);
    &DECLARATION
}

pub(crate) use judge::own_login;

#[async_trait]
impl Kind for User {
    fn name(&self) -> KindName {
        KindName::User
    }

    fn declaration(&self) -> &'static Declaration {
        declaration()
    }

    fn check(&self, resource: &Resource, _all: &Resources) -> Vec<Problem> {
        rules::check(resource)
    }

    fn judge(&self, case: &Case<'_>) -> Vec<Refusal> {
        judge::judge(case)
    }

    fn notes(&self, case: &Case<'_>) -> Vec<String> {
        judge::notes(case)
    }

    fn wants_secret(&self, step: &Step) -> bool {
        let deltas = Delta::of_step(step, declaration()).unwrap_or_default();
        step.action == Action::Create || (is_in_place(step) && order::write_any(&deltas))
    }

    fn caveats(&self, _live: &Live) -> Vec<Caveat> {
        vec![Caveat::new(
            "without their passwords, which Kafka shows to nobody",
            "to make them on another cluster, add `password: ${NAME}` or `password_file`",
        )]
    }

    async fn observe(&self, brokers: &Brokers, addresses: &[Address]) -> Observations {
        match client(brokers) {
            Ok(kafka) => observe::observe(kafka, addresses).await,
            Err(problem) => unreadable(addresses, &problem),
        }
    }

    /// Kafka can't be asked to validate a password; but it tells whether we may set any.
    async fn rehearse(&self, brokers: &Brokers, steps: &[&Step]) -> Rehearsal {
        match client(brokers) {
            Ok(kafka) => refused_without(kafka, steps, Operation::Alter, RIGHT)
                .await
                .into(),
            Err(problem) => refuse_all(steps, &problem).into(),
        }
    }

    async fn risks(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        risks::risks(&client(brokers), steps).await
    }

    fn risks_by_sight(&self, sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        risks::by_sight(sight, steps)
    }

    async fn carry_out(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        match client(brokers) {
            Ok(kafka) => carry_out::carry_out(kafka, &brokers.passwords, steps).await,
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
