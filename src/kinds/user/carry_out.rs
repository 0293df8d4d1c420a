//! Making, changing and deleting users, batched, each with its own outcome.

use std::collections::HashMap;

use indexmap::IndexMap;
use secrecy::SecretString;

use super::observe::{observe, read};
use super::order::Order;
use super::{RIGHT, VERSION, declaration};
use crate::broker::kafka::{Kafka, KafkaError, ScramChange};
use crate::kinds::kafka::{each, moved, outcome, patience, still_seen, unseen, until_visible};
use crate::kinds::{Delta, Observed, is_in_place};
use crate::model::{Action, Address, Outcome, Step};

/// Writes and removes credentials. What is changed or deleted is read anew right before.
pub(super) async fn carry_out(
    kafka: &Kafka,
    passwords: &IndexMap<String, SecretString>,
    steps: &[&Step],
) -> Vec<(Address, Outcome)> {
    let seen = observe(kafka, &addresses(steps)).await;
    let mut outcomes = HashMap::new();
    let mut changes: Vec<ScramChange> = Vec::new();
    for step in steps {
        let password = passwords.get(&step.address.name);
        match checked(step, seen.get(&step.address), password) {
            Ok(Some(change)) => changes.push(change),
            Ok(None) => {}
            Err(outcome) => {
                outcomes.insert(step.address.clone(), outcome);
            }
        }
    }
    let failed = |because: String| Outcome::NotAttempted { because };
    let address = |user: &str| Address::new(crate::model::KindName::User, user);
    if !changes.is_empty() {
        tracing::debug!(users = changes.len(), "changing users");
        match kafka.alter_users(&changes).await {
            Ok(answers) => outcomes.extend(answers.into_iter().filter_map(|(user, answer)| {
                Some((address(&user), outcome(&answer.err()?, RIGHT)))
            })),
            Err(error) => outcomes.extend(
                changes
                    .iter()
                    .map(|change| (address(&change.user), failed(error.to_string()))),
            ),
        }
    }
    each(steps, outcomes)
}

fn addresses(steps: &[&Step]) -> Vec<Address> {
    steps.iter().map(|step| step.address.clone()).collect()
}

/// What to send for a step; nothing where it is done already.
fn checked(
    step: &Step,
    found: Option<&Observed>,
    password: Option<&SecretString>,
) -> Result<Option<ScramChange>, Outcome> {
    let failed = |why: String| Outcome::Failed { why };
    let live = match (step.action, found) {
        (Action::Create, Some(Observed::Present(_))) => {
            return Err(failed(
                "it exists since the plan was made; plan again".to_owned(),
            ));
        }
        (Action::Delete, Some(Observed::Absent)) => return Ok(None),
        (_, Some(Observed::Present(live))) => Some(live),
        (_, Some(Observed::Absent) | None) => None,
        (_, Some(unread @ Observed::Unreadable(_))) => {
            return moved(step, unread).map_or(Ok(None), Err);
        }
    };
    let rests_on_it = is_in_place(step) || step.action == Action::Delete;
    if let Some(outcome) = found.filter(|_| rests_on_it).and_then(|it| moved(step, it)) {
        return Err(outcome);
    }
    let order = Order::of(step, live).map_err(failed)?;
    let change = order.change(&step.address.name, password).map_err(failed)?;
    Ok((!change.set.is_empty() || !change.delete.is_empty()).then_some(change))
}

/// Waits until what was written is visible, and what was deleted is gone. Of a password nothing is ever visible.
pub(super) async fn see(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let allowed = patience(steps.len());
    let late = until_visible(steps.to_vec(), allowed, |steps| left(kafka, steps)).await;
    let late_ones = late.items.iter().map(|step| {
        let told = match step.action {
            Action::Delete => still_seen(allowed, late.failure.as_ref()),
            _ => unseen(allowed, late.failure.as_ref()),
        };
        (step.address.clone(), told)
    });
    each(steps, late_ones.collect())
}

async fn left<'a>(kafka: &Kafka, steps: Vec<&'a Step>) -> Result<Vec<&'a Step>, KafkaError> {
    let seen = read(kafka, &addresses(&steps)).await?;
    let is_left = |step: &&Step| !is_seen(step, seen.get(&step.address));
    Ok(steps.into_iter().filter(is_left).collect())
}

fn is_seen(step: &Step, found: Option<&Observed>) -> bool {
    let mut deltas = Delta::of_step(step, declaration()).unwrap_or_default();
    deltas.retain(|delta| delta.path != VERSION);
    match (step.action, found) {
        (Action::Delete, found) => matches!(found, Some(Observed::Absent)),
        (_, Some(Observed::Present(live))) => Delta::are_in(&deltas, &live.fields, declaration()),
        (_, _) => false,
    }
}
