//! Message sizes of a copy and its origins in the same account: a mirror or a stream with sources
//! takes no smaller messages than they may hold (10030, 10046).

use std::collections::HashMap;

use super::change::StreamChange;
use super::complaint::Complaint;
use super::declared_as;
use super::origins::local_origins;
use super::said::Said;
use super::view::{View, stream_declaration};
use super::wire::config_of;
use crate::broker::nats::JetStream;
use crate::kinds::{Delta, Resources, is_in_place};
use crate::model::{Address, Code, Doc, Flat, KindName, Refusal, Step};

const SIZE: &str = "max_msg_size";

/// What is too small in view of the origins that are declared.
pub(in crate::kinds) fn beside(said: Said<'_>, all: &Resources) -> Option<Complaint> {
    let own = said.limit(SIZE)?;
    local_origins(said).into_iter().find_map(|origin| {
        let address = declared_as(origin, all)?;
        let declared = &all.get(&address)?.declared;
        let is_bucket = address.kind == KindName::Kv;
        let size = if is_bucket { "max_value_size" } else { SIZE };
        let of_origin = Said(declared).limit(size)?;
        (of_origin > own).then(|| {
            Complaint::contradiction(
                SIZE,
                format!("`{SIZE}` is below the {of_origin} bytes of its origin {address}"),
                format!("raise `{SIZE}`, lower the origin's, or leave it out"),
            )
        })
    })
}

/// Asks for live origins that hold larger messages than these steps let the copy take. Those whose
/// limit the same plan sets are left out.
pub(super) async fn rehearse(
    view: &dyn View,
    nats: &JetStream,
    steps: &[&Step],
) -> Vec<(Address, Refusal)> {
    let sets_size = |step: &&&Step| sets(view, step, &[SIZE]);
    let settled: Vec<String> = steps
        .iter()
        .filter(sets_size)
        .map(|step| view.stream_name(&step.address.name))
        .collect();
    let mut copies = Vec::new();
    for (step, next) in copying(view, nats, steps).await {
        let origins = local_origins(Said(&next)).into_iter().map(str::to_owned);
        let origins: Vec<String> = origins.filter(|name| !settled.contains(name)).collect();
        copies.extend(Said(&next).limit(SIZE).map(|own| (step, own, origins)));
    }
    let named = copies.iter().flat_map(|(_, _, origins)| origins).cloned();
    let live = live_configs(nats, named.collect()).await;
    let too_small = copies.into_iter().filter_map(|(step, own, origins)| {
        let size = |name: &String| live.get(name)?.get(SIZE)?.as_i64();
        let origin = origins.iter().find(|name| size(name) > Some(own))?;
        Some((step.address.clone(), refusal(view, origin)))
    });
    too_small.collect()
}

/// What the streams would be that get an origin or a limit by these steps.
async fn copying<'s>(
    view: &dyn View,
    nats: &JetStream,
    steps: &[&'s Step],
) -> Vec<(&'s Step, Flat)> {
    let steps = steps.iter().copied();
    let touched: Vec<&Step> = steps
        .filter(|step| sets(view, step, &[SIZE, "mirror", "sources"]))
        .collect();
    let updates = touched.iter().filter(|step| is_in_place(step));
    let names = updates.map(|step| view.stream_name(&step.address.name));
    let live = live_configs(nats, names.collect()).await;
    let next = |step: &'s Step| {
        let name = &step.address.name;
        let deltas = Delta::of_step(step, view.declaration()).ok()?;
        let change = match live.get(&view.stream_name(name)) {
            Some(config) => {
                let fields = view.in_own_terms(name, stream_declaration().flatten(config.clone()));
                StreamChange::updating(view, name, &fields, &deltas)
            }
            None => StreamChange::creating(view, name, &deltas),
        };
        Some((step, change.next))
    };
    touched.into_iter().filter_map(next).collect()
}

/// Whether the step sets one of these fields of the stream.
fn sets(view: &dyn View, step: &Step, stream_fields: &[&str]) -> bool {
    let mut own = stream_fields.iter().map(|field| view.field_name(field));
    own.any(|own| {
        let mut changes = step.changes.iter();
        changes.any(|change| change.field.split('.').next() == Some(own.as_str()))
    })
}

/// The live configurations of the streams that can be read among these.
async fn live_configs(nats: &JetStream, mut names: Vec<String>) -> HashMap<String, Doc> {
    names.sort();
    names.dedup();
    if names.is_empty() {
        return HashMap::new();
    }
    let mut infos = nats.stream_configs(&names).await;
    let config = |name: String| match infos.swap_remove(&name) {
        Some(Ok(Some(info))) => Some((name, config_of(info))),
        Some(Ok(None) | Err(_)) | None => None,
    };
    names.into_iter().filter_map(config).collect()
}

fn refusal(view: &dyn View, origin: &str) -> Refusal {
    let field = view.field_name(SIZE);
    Refusal::new(
        Code::Contradiction,
        format!("`{field}` is below the `{SIZE}` of its live origin `{origin}`"),
        format!("raise `{field}`, lower the origin's first, or leave it out"),
    )
    .field(field)
}
