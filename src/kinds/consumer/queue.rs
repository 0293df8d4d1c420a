//! Live consumers of work queues that nobody declares and that a new filter would meet.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::among::queue_filters;
use super::{DECLARATION, wire};
use crate::broker::Brokers;
use crate::broker::nats::JetStream;
use crate::kinds::Delta;
use crate::kinds::stream::{Said, collide, each};
use crate::model::{Action, Address, Code, Doc, Flat, Refusal, Step};

/// Asks each work queue once for its consumers. Those that the same plan changes are left out: they
/// may be about to give their filters up (10099, 10100); those that it deletes go too late for that.
pub(super) async fn rehearse(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Refusal)> {
    let Some(nats) = &brokers.nats else {
        return Vec::new();
    };
    let wanted: Vec<(&Step, Flat)> = steps
        .iter()
        .filter_map(|step| Some((*step, new_filters(step)?)))
        .collect();
    let names: BTreeSet<String> = wanted.iter().map(|(step, _)| stream_of(step)).collect();
    let queues = work_queues(nats, names.into_iter().collect()).await;
    let planned: HashSet<&str> = steps
        .iter()
        .filter(|step| step.action != Action::Delete)
        .map(|step| step.address.name.as_str())
        .collect();
    wanted
        .iter()
        .filter_map(|(step, filters)| {
            let consumers = queues.get(&stream_of(step))?;
            Some((
                step.address.clone(),
                refusal(step, filters, consumers, &planned)?,
            ))
        })
        .collect()
}

fn stream_of(step: &Step) -> String {
    let stream = step.address.stream_and_consumer().map(|(stream, _)| stream);
    stream.unwrap_or_default().to_owned()
}

/// The filters that a step sets; none when it leaves them alone.
fn new_filters(step: &Step) -> Option<Flat> {
    let mut deltas = Delta::of_step(step, &DECLARATION).ok()?;
    deltas.retain(|delta| delta.path.starts_with("filter_subject"));
    let mut filters = Flat::new();
    Delta::lay_over(&mut filters, &deltas);
    wire::fit(&mut filters, &deltas);
    (step.action == Action::Create || !deltas.is_empty()).then_some(filters)
}

/// The live consumers of those streams that are work queues.
async fn work_queues(nats: &JetStream, names: Vec<String>) -> HashMap<String, Vec<Doc>> {
    let infos = nats.stream_infos(&names).await;
    let is_queue = |name: &String| match infos.get(name) {
        Some(Ok(Some(info))) => {
            let retention = info
                .get("config")
                .and_then(|config| config.get("retention"));
            retention.and_then(Value::as_str) == Some("workqueue")
        }
        _ => false,
    };
    let queues: Vec<String> = names
        .iter()
        .filter(|name| is_queue(name))
        .cloned()
        .collect();
    let lists = each(queues.iter().map(|name| nats.consumer_list(name))).await;
    queues
        .into_iter()
        .zip(lists)
        .filter_map(|(name, list)| match list {
            Ok(consumers) => Some((name, consumers)),
            Err(error) => {
                tracing::debug!(%error, stream = name, "can't list consumers");
                None
            }
        })
        .collect()
}

fn refusal(
    step: &Step,
    filters: &Flat,
    consumers: &[Doc],
    planned: &HashSet<&str>,
) -> Option<Refusal> {
    let stream = stream_of(step);
    for info in consumers {
        let name = info.get("name").and_then(Value::as_str).unwrap_or_default();
        let address = format!("{stream}/{name}");
        if planned.contains(address.as_str()) {
            continue;
        }
        let live = DECLARATION.flatten(crate::kinds::stream::config_of(info.clone()));
        for filter in queue_filters(filters) {
            for theirs in queue_filters(&live) {
                if collide(filter, theirs) {
                    return Some(overlap(filters, filter, theirs, &address));
                }
            }
        }
    }
    None
}

fn overlap(filters: &Flat, filter: &str, theirs: &str, other: &str) -> Refusal {
    let field = match Said(filters).word("filter_subject") {
        Some(_) => "filter_subject",
        None => "filter_subjects",
    };
    Refusal::new(
        Code::FilterOverlap,
        format!("`{filter}` overlaps with `{theirs}` of the live consumer `{other}`: consumers of a work queue share nothing"),
        format!("make the filters disjoint, or change or delete `{other}` first"),
    )
    .field(field)
}
