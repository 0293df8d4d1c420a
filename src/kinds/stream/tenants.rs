//! Live consumers that a stream's new limits would shut out.

use serde_json::Value;

use super::Stream;
use super::change::StreamChange;
use super::said::Said;
use super::wire::each;
use crate::broker::Brokers;
use crate::broker::nats::JetStream;
use crate::kinds::is_in_place;
use crate::model::{Address, Code, Doc, Refusal, Step};

/// Asks for consumers above the `consumer_limits` that these steps set (10069).
pub(super) async fn rehearse(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Refusal)> {
    let Some(nats) = &brokers.nats else {
        return Vec::new();
    };
    let lowering: Vec<&Step> = steps
        .iter()
        .copied()
        .filter(|step| is_in_place(step) && sets_limits(step))
        .collect();
    let found = each(lowering.iter().map(|step| violations(nats, step))).await;
    found.into_iter().flatten().collect()
}

fn sets_limits(step: &Step) -> bool {
    let mut changes = step.changes.iter();
    changes.any(|change| change.field.starts_with("consumer_limits."))
}

async fn violations(nats: &JetStream, step: &Step) -> Vec<(Address, Refusal)> {
    let Ok(change) = StreamChange::of_step(&Stream, step) else {
        return Vec::new();
    };
    let consumers = match nats.consumer_list(&step.address.name).await {
        Ok(consumers) => consumers,
        Err(error) => {
            tracing::debug!(%error, stream = step.address.name, "can't list consumers");
            return Vec::new();
        }
    };
    let next = Said(&change.next);
    ["max_ack_pending", "inactive_threshold"]
        .into_iter()
        .filter_map(|field| {
            let most = next.limit(&format!("consumer_limits.{field}"))?;
            let consumer = consumers.iter().find(|info| is_above(info, field, most))?;
            Some((step.address.clone(), refusal(consumer, field)))
        })
        .collect()
}

fn is_above(info: &Doc, field: &str, most: i64) -> bool {
    let own = info.get("config").and_then(|config| config.get(field));
    own.and_then(Value::as_i64).is_some_and(|own| own > most)
}

fn refusal(consumer: &Doc, field: &str) -> Refusal {
    let name = consumer.get("name").and_then(Value::as_str);
    Refusal::new(
        Code::Contradiction,
        format!(
            "`{field}` of the live consumer `{}` is above the new `consumer_limits.{field}`",
            name.unwrap_or_default()
        ),
        "lower it at the consumer first and apply, then set the stream's limit",
    )
    .field(format!("consumer_limits.{field}"))
}
