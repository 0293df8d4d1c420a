//! Waiting until what was done is visible.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use indexmap::IndexMap;

use super::observe::{read, read_keys};
use super::order::Order;
use super::replicas::{Progress, free};
use super::{declaration, deletion};
use crate::broker::kafka::{Kafka, KafkaError, OldTopic, TOPICS_PER_DESCRIBE};
use crate::kinds::kafka::{Unseen, patience, still_seen, unseen, until_visible};
use crate::kinds::news::News;
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
    free_throttled(kafka, &kept, &mut outcomes).await;
    outcomes.extend(see_gone(kafka, &doomed).await);
    free_deleted(kafka, &doomed).await;
    let told = |step: &&Step| {
        let outcome = outcomes.remove(&step.address.name);
        (step.address.clone(), outcome.unwrap_or(Outcome::Applied))
    };
    steps.iter().map(told).collect()
}

/// Takes back the throttles of those whose replicas are where they are to be.
async fn free_throttled(kafka: &Kafka, orders: &Orders, outcomes: &mut Late) {
    let moved = orders.iter().filter(|(_, order)| order.replicas.is_some());
    let moved = moved
        .map(|(name, _)| name)
        .filter(|name| !outcomes.contains_key(*name));
    let moved: BTreeSet<String> = moved.cloned().collect();
    if moved.is_empty() {
        return;
    }
    if let Err(why) = free(kafka, &moved).await {
        let why = format!(
            "its replicas are where they are to be, and its throttle could not be taken back, which the next run does: {why}"
        );
        for name in moved {
            outcomes.insert(name, Outcome::Failed { why: why.clone() });
        }
    }
}

/// Takes back what an apply that was interrupted left on the brokers for topics that are gone now.
async fn free_deleted(kafka: &Kafka, doomed: &Orders) {
    if doomed.is_empty() {
        return;
    }
    let gone: BTreeSet<String> = doomed.keys().cloned().collect();
    if let Err(why) = free(kafka, &gone).await {
        tracing::warn!(target: "trueup::waiting", "a throttle that was left on the brokers for a deleted topic could not be taken back: {why}");
    }
}

/// Those that were not seen in time, with what is known of them.
type Late = HashMap<String, Outcome>;

/// While topics are still missing only their descriptions are asked for, those of the oldest
/// thousand: a broker shows changes in their order, and it is busy opening their logs. What is
/// there is then read once, with the configs that were set.
async fn see_made(kafka: &Kafka, orders: &Orders) -> Late {
    let allowed = patience(orders.len());
    let is_new = |name: &&String| orders.get(*name).is_some_and(|o| o.create.is_some());
    let made: Vec<String> = orders.keys().filter(is_new).cloned().collect();
    let missing = until_visible(made, allowed, |names| still_missing(kafka, names)).await;
    let moved = see_moved(kafka, orders).await;
    let shown = |name: &&String| !missing.items.contains(*name) && !moved.items.contains(*name);
    let there: Vec<String> = orders.keys().filter(shown).cloned().collect();
    let still_hidden = |names: Vec<String>| async move {
        let wanted = |name: &String| (name.clone(), orders.get(name).map(keys).unwrap_or_default());
        let seen = read_keys(kafka, names.iter().map(wanted).collect()).await?;
        let is_hidden = |name: &String| !is_visible(orders.get(name), seen.get(name));
        Ok(names.into_iter().filter(is_hidden).collect())
    };
    let hidden = match missing.failure.clone().or(moved.failure.clone()) {
        None => until_visible(there, allowed, still_hidden).await,
        failure => Unseen {
            items: there,
            failure,
        },
    };
    let mut late = Late::new();
    for left in [missing, moved, hidden] {
        let outcome = unseen(allowed, left.failure.as_ref());
        late.extend(left.items.into_iter().map(|name| (name, outcome.clone())));
    }
    late
}

/// The configs that an order sets or takes away.
fn keys(order: &Order) -> Vec<String> {
    let paths = order.deltas.iter().map(|delta| delta.path.as_str());
    let keys = paths.filter_map(|path| path.strip_prefix("config."));
    keys.map(str::to_owned).collect()
}

/// Waits until the broker shows these topics; gives back those that it does not show in time. Whoever waits is told how
/// many are left.
pub(super) async fn appear(kafka: &Kafka, hidden: Vec<Address>) -> Vec<Address> {
    let allowed = patience(hidden.len());
    let news = News::at_once();
    let look = |hidden| still_hidden(kafka, hidden, &news, allowed);
    until_visible(hidden, allowed, look).await.items
}

async fn still_hidden(
    kafka: &Kafka,
    mut hidden: Vec<Address>,
    news: &News,
    allowed: Duration,
) -> Result<Vec<Address>, KafkaError> {
    let names = hidden.iter().map(|address| address.name.clone()).collect();
    let left: HashSet<String> = still_missing(kafka, names).await?.into_iter().collect();
    hidden.retain(|address| left.contains(&address.name));
    if let Some(first) = hidden.first() {
        news.tell(|| {
            format!(
                "waiting up to {} s for the broker to show topics that exist: {} left (`{first}` first)",
                allowed.as_secs(),
                hidden.len()
            )
        });
    }
    Ok(hidden)
}

/// Replicas take as long as their data: hours, some of them. Whoever waits is told how far they are, and may stop
/// waiting at any time.
async fn see_moved(kafka: &Kafka, orders: &Orders) -> Unseen<String> {
    let moved = orders.iter().filter(|(_, order)| order.replicas.is_some());
    let moved: Vec<String> = moved.map(|(name, _)| name.clone()).collect();
    let news = News::at_once();
    until_visible(moved, Duration::MAX, |names| {
        still_moving(kafka, names, &news)
    })
    .await
}

/// Those of these topics whose replicas are on their way.
async fn still_moving(
    kafka: &Kafka,
    mut names: Vec<String>,
    news: &News,
) -> Result<Vec<String>, KafkaError> {
    let seen = read(kafka, &names).await?;
    let progress = |name: &String| match seen.get(name)? {
        Observed::Present(live) => Progress::of_live(live),
        Observed::Absent | Observed::Unreadable(_) => None,
    };
    let mut all = names
        .iter()
        .filter_map(|name| Some((name, progress(name)?)));
    if let Some((first, _)) = all.next() {
        let whole = Progress::sum(names.iter().filter_map(progress));
        news.tell(|| {
            format!(
                "waiting for replicas on their way (`topic/{first}` first): {whole}; Ctrl-C leaves it to the brokers"
            )
        });
    }
    names.retain(|name| progress(name).is_some());
    Ok(names)
}

/// Waits until these topics show so many partitions.
pub(super) async fn see_partitions(kafka: &Kafka, counts: Vec<(String, i32)>) {
    let allowed = patience(counts.len());
    until_visible(counts, allowed, |counts| async move {
        let names: Vec<String> = counts.iter().map(|(name, _)| name.clone()).collect();
        let described = kafka.describe_topics(&names).await?;
        let is_short = |(name, count): &(String, i32)| match described.get(name) {
            Some(Ok(topic)) => i32::try_from(topic.partitions.len()).is_ok_and(|it| it < *count),
            Some(Err(_)) | None => true,
        };
        Ok(counts.into_iter().filter(is_short).collect())
    })
    .await;
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
