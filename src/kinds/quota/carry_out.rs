//! Setting and removing quotas, batched, each with its own outcome.

use std::collections::HashMap;

use super::observe::{observe, read};
use super::{declaration, entity_of};
use crate::broker::kafka::{Kafka, KafkaError, QuotaChange};
use crate::kinds::kafka::{
    each, is_denial, moved, needs, outcome, patience, refuse_all, still_seen, unseen, until_visible,
};
use crate::kinds::{Delta, Live, Observations, Observed, is_in_place};
use crate::model::{Action, Address, Code, Outcome, Refusal, Step};

/// The right that changing quotas wants.
const RIGHT: &str = "ALTER_CONFIGS on the cluster";

/// What the cluster would refuse, asked with `validate_only`.
pub(super) async fn rehearse(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Refusal)> {
    let seen = observe(kafka, &addresses(steps)).await;
    let orders: Vec<(&Step, QuotaChange)> = steps
        .iter()
        .filter_map(|step| Some((*step, order(step, seen.get(&step.address)).ok()??)))
        .collect();
    let changes: Vec<QuotaChange> = orders.iter().map(|(_, change)| change.clone()).collect();
    let answers = match kafka.alter_quotas(&changes, true).await {
        Ok(answers) => answers,
        Err(error) => return refuse_all(steps, &error.problem()),
    };
    let refused = orders.iter().zip(answers);
    let refused = refused.filter_map(|((step, _), answer)| {
        let error = answer.err()?;
        let refusal = match is_denial(&error) {
            true => Refusal::new(Code::Denied, needs(RIGHT), Code::Denied.way_out()),
            false => Refusal::new(
                Code::RefusedByBroker,
                error.to_string(),
                Code::RefusedByBroker.way_out(),
            ),
        };
        Some((step.address.clone(), refusal))
    });
    refused.collect()
}

/// Sets and removes the keys. What is changed or deleted is read anew right before.
pub(super) async fn carry_out(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let seen = observe(kafka, &addresses(steps)).await;
    let mut outcomes = HashMap::new();
    let mut orders: Vec<(&Address, QuotaChange)> = Vec::new();
    for step in steps {
        match checked(step, &seen) {
            Ok(Some(change)) => orders.push((&step.address, change)),
            Ok(None) => {}
            Err(outcome) => {
                outcomes.insert(step.address.clone(), outcome);
            }
        }
    }
    let changes: Vec<QuotaChange> = orders.iter().map(|(_, change)| change.clone()).collect();
    match kafka.alter_quotas(&changes, false).await {
        Ok(answers) => {
            let refused = orders.iter().zip(answers);
            outcomes.extend(refused.filter_map(|((address, _), answer)| {
                Some(((*address).clone(), outcome(&answer.err()?, RIGHT)))
            }));
        }
        Err(error) => outcomes.extend(orders.iter().map(|(address, _)| {
            let because = error.to_string();
            ((*address).clone(), Outcome::NotAttempted { because })
        })),
    }
    each(steps, outcomes)
}

fn addresses(steps: &[&Step]) -> Vec<Address> {
    steps.iter().map(|step| step.address.clone()).collect()
}

/// What to send for a step; nothing where it is done already.
fn checked(step: &Step, seen: &Observations) -> Result<Option<QuotaChange>, Outcome> {
    let found = seen.get(&step.address);
    let of_base = found.filter(|found| {
        let is_gone = matches!(found, Observed::Absent);
        is_in_place(step) || (step.action == Action::Delete && !is_gone)
    });
    if let Some(outcome) = of_base.and_then(|found| moved(step, found)) {
        return Err(outcome);
    }
    if let (Action::Create, Some(Observed::Present(_))) = (step.action, found) {
        let why = "it exists since the plan was made; plan again".to_owned();
        return Err(Outcome::Failed { why });
    }
    order(step, found).map_err(|why| Outcome::Failed { why })
}

fn order(step: &Step, found: Option<&Observed>) -> Result<Option<QuotaChange>, String> {
    let entity = entity_of(&step.address)?;
    let ops: Vec<(String, Option<f64>)> = match step.action {
        Action::Create | Action::Update | Action::Adopt => {
            let deltas = Delta::of_step(step, declaration())?.into_iter();
            let ops = deltas.map(|delta| (delta.path, delta.after.and_then(|v| v.as_f64())));
            ops.collect()
        }
        Action::Delete => match found {
            Some(Observed::Present(live)) => {
                live.fields.keys().map(|key| (key.clone(), None)).collect()
            }
            Some(Observed::Absent | Observed::Unreadable(_)) | None => Vec::new(),
        },
        Action::Replace | Action::Forget | Action::Unread => {
            return Err("a quota is set or removed, and nothing else".to_owned());
        }
    };
    Ok((!ops.is_empty()).then_some(QuotaChange { entity, ops }))
}

/// Waits until what was set is visible, and what was removed is gone.
pub(super) async fn see(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let allowed = patience(steps.len());
    let items: Vec<&Step> = steps.to_vec();
    let late = until_visible(items, allowed, |items| left(kafka, items)).await;
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
    let shows = |live: &Live| match Delta::of_step(step, declaration()) {
        Ok(deltas) => Delta::are_in(&deltas, &live.fields, declaration()),
        Err(_) => true,
    };
    match (step.action, found) {
        (Action::Delete, found) => matches!(found, Some(Observed::Absent)),
        (_, Some(Observed::Present(live))) => shows(live),
        (_, _) => false,
    }
}
