//! How many consumers a stream may have.

use std::collections::HashMap;

use super::stream_of;
use super::wire::is_internal;
use crate::broker::Brokers;
use crate::broker::nats::{AccountFacts, JetStream};
use crate::kinds::Resources;
use crate::kinds::stream::{Said, account, each};
use crate::model::{Action, Address, Code, Doc, KindName, Problem, Refusal, Resource, Step};

/// Streams with more declared consumers than their own `max_consumers` (10026).
pub(super) fn check_all(all: &Resources) -> Vec<Problem> {
    let mut declared: HashMap<&str, i64> = HashMap::new();
    for name in all.values().filter_map(stream_of) {
        *declared.entry(name).or_default() += 1;
    }
    all.values()
        .filter(|stream| stream.address.kind == KindName::Stream)
        .filter_map(|stream| {
            let most = Said(&stream.declared).limit("max_consumers")?;
            let number = *declared.get(stream.address.name.as_str())?;
            (number > most).then(|| too_many(stream, number, most))
        })
        .collect()
}

fn too_many(stream: &Resource, number: i64, most: i64) -> Problem {
    let message = format!("{number} consumers are declared, and `max_consumers` is {most}");
    Problem::error(Code::Contradiction, message)
        .about(&stream.address)
        .at(stream.place_of("max_consumers"))
        .hint("raise `max_consumers`, or leave consumers out")
}

/// Refuses new consumers beyond what the account allows each stream (10026).
pub(super) async fn rehearse(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Refusal)> {
    let mut new: HashMap<&str, Vec<&Address>> = HashMap::new();
    for step in steps.iter().filter(|step| step.action == Action::Create) {
        if let Some((stream, _)) = step.address.stream_and_consumer() {
            new.entry(stream).or_default().push(&step.address);
        }
    }
    let Some(nats) = brokers.nats.as_ref().filter(|_| !new.is_empty()) else {
        return Vec::new();
    };
    let Some(account) = account(nats).await.filter(limits_consumers) else {
        return Vec::new();
    };
    let asked = each(
        new.into_iter()
            .map(|(stream, new)| beyond(nats, &account, stream, new)),
    );
    asked.await.into_iter().flatten().collect()
}

fn limits_consumers(account: &AccountFacts) -> bool {
    let limits = account.tiers.values().map(|tier| &tier.limits);
    let mut all = limits.chain([&account.limits]);
    all.any(|limits| limits.max_consumers.is_some())
}

/// The new consumers of one stream that come after the last one that fits.
async fn beyond(
    nats: &JetStream,
    account: &AccountFacts,
    stream: &str,
    new: Vec<&Address>,
) -> Vec<(Address, Refusal)> {
    let Ok(info) = nats.stream_info(stream).await else {
        return Vec::new();
    };
    let replicas = info.as_ref().map_or(1, replicas);
    let most = account
        .tier(replicas)
        .and_then(|tier| tier.limits.max_consumers);
    let Some(most) = most else {
        return Vec::new();
    };
    let held = match &info {
        Some(_) => nats.consumer_list(stream).await.unwrap_or_default(),
        None => Vec::new(),
    };
    let held = held.iter().filter(|info| !is_internal(info)).count();
    let left = usize::try_from(most)
        .unwrap_or(usize::MAX)
        .saturating_sub(held);
    let refused = new.into_iter().skip(left);
    refused
        .map(|address| (address.clone(), full(stream, most)))
        .collect()
}

fn replicas(info: &Doc) -> i64 {
    let config = info.get("config");
    let replicas = config.and_then(|config| config["num_replicas"].as_i64());
    replicas.unwrap_or(1)
}

fn full(stream: &str, most: u64) -> Refusal {
    Refusal::new(
        Code::RefusedByBroker,
        format!(
            "the account allows a stream {most} consumers, and `{stream}` has them or is about to"
        ),
        "raise the account's `max_consumers`, or leave consumers out",
    )
}
