//! Waiting until what was done is visible.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::observe::read;
use super::order::Order;
use super::{declaration, deletion};
use crate::broker::kafka::{Kafka, KafkaError, OldTopic, TOPICS_PER_DESCRIBE};
use crate::kinds::kafka::{Unseen, patience, still_seen, unseen, until_visible};
use crate::kinds::{Delta, Observed};
use crate::model::{Address, Outcome, Step};

type Orders = IndexMap<String, Order>;

/// Waits until what these steps did is visible: what was made is there, what was deleted is not.
pub(super) async fn see(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let order = |step: &&Step| Some((step.address.name.clone(), Order::of(step).ok()?));
    let orders: Orders = steps.iter().filter_map(order).collect();
    let (doomed, kept): (Orders, Orders) = orders
        .into_iter()
        .partition(|(_, order)| order.delete.is_some());
    let mut outcomes = see_made(kafka, &kept).await;
    outcomes.extend(see_gone(kafka, &doomed).await);
    let told = |step: &&Step| {
        let outcome = outcomes.remove(&step.address.name);
        (step.address.clone(), outcome.unwrap_or(Outcome::Applied))
    };
    steps.iter().map(told).collect()
}

/// Those that were not seen in time, with what is known of them.
type Late = HashMap<String, Outcome>;

/// While topics are still missing only their descriptions are asked for, those of the oldest
/// thousand: a broker shows changes in their order, and it is busy opening their logs. What is
/// there is then read once, configs and all.
async fn see_made(kafka: &Kafka, orders: &Orders) -> Late {
    let allowed = patience(orders.len());
    let is_new = |name: &&String| orders.get(*name).is_some_and(|o| o.create.is_some());
    let made: Vec<String> = orders.keys().filter(is_new).cloned().collect();
    let missing = until_visible(made, allowed, |names| still_missing(kafka, names)).await;
    let shown = |name: &&String| !missing.items.contains(*name);
    let there: Vec<String> = orders.keys().filter(shown).cloned().collect();
    let still_hidden = |names: Vec<String>| async move {
        let seen = read(kafka, &names).await?;
        let is_hidden = |name: &String| !is_visible(orders.get(name), seen.get(name));
        Ok(names.into_iter().filter(is_hidden).collect())
    };
    let hidden = match missing.failure.clone() {
        None => until_visible(there, allowed, still_hidden).await,
        failure => Unseen {
            items: there,
            failure,
        },
    };
    let mut late = Late::new();
    for left in [missing, hidden] {
        let outcome = unseen(allowed, left.failure.as_ref());
        late.extend(left.items.into_iter().map(|name| (name, outcome.clone())));
    }
    late
}

/// A broker shows a deleted topic until it has heard of the deletion.
async fn see_gone(kafka: &Kafka, orders: &Orders) -> Late {
    let allowed = patience(orders.len());
    let doomed: Vec<OldTopic> = orders.values().filter_map(|o| o.delete.clone()).collect();
    let left = until_visible(doomed, allowed, |topics| {
        deletion::still_there(kafka, topics)
    })
    .await;
    let outcome = still_seen(allowed, left.failure.as_ref());
    let items = left.items.into_iter();
    items.map(|topic| (topic.name, outcome.clone())).collect()
}

/// Those of these topics that the broker does not show yet.
async fn still_missing(kafka: &Kafka, mut names: Vec<String>) -> Result<Vec<String>, KafkaError> {
    let later = names.split_off(names.len().min(TOPICS_PER_DESCRIBE));
    let described = kafka.describe_topics(&names).await?;
    names.retain(|name| !matches!(described.get(name), Some(Ok(_))));
    // what is left of the oldest goes to the end, so that none that never shows keeps the others back
    Ok(later.into_iter().chain(names).collect())
}

fn is_visible(order: Option<&Order>, observed: Option<&Observed>) -> bool {
    match (order, observed) {
        (Some(order), Some(Observed::Present(live))) => {
            Delta::are_in(&order.deltas, &live.fields, declaration())
        }
        _ => false,
    }
}
