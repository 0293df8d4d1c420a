//! What of a change can't be carried out.

use super::ends::is_exactly_once;
use super::{RouteSpec, spec_of};
use crate::kinds::{Case, NatsVersion};
use crate::model::{Code, Refusal};

/// The server that brought atomic batches (ADR-50).
const ATOMIC: NatsVersion = NatsVersion(2, 12, 0);

pub(super) fn judge(case: &Case<'_>) -> Vec<Refusal> {
    let Some(spec) = spec_of(&case.resource.declared) else {
        return Vec::new();
    };
    let too_old = too_old(case, &spec);
    too_old.into_iter().chain(dealt_anew(case, &spec)).collect()
}

fn too_old(case: &Case<'_>, spec: &RouteSpec) -> Option<Refusal> {
    let nats = case.surroundings.nats.as_ref()?;
    let is_atomic = is_exactly_once(spec) && spec.to.stream.is_some();
    (is_atomic && nats.version < ATOMIC).then(|| {
        let what = format!(
            "`delivery: exactly_once` into a stream needs NATS {ATOMIC}, and this is {}",
            nats.version
        );
        Refusal::new(
            Code::ServerTooOld,
            what,
            "upgrade the server, or take `delivery: at_least_once`",
        )
        .field("delivery")
    })
}

/// Subjects of a route with shards belong to one of them each, and so do positions.
fn dealt_anew(case: &Case<'_>, spec: &RouteSpec) -> Option<Refusal> {
    let is_sharded = spec.shards.is_some_and(|shards| shards > 1);
    let is_changed = case.live.is_some() && case.delta("from.subjects").is_some();
    (is_sharded && is_changed).then(|| {
        Refusal::new(
            Code::NeedsReplace,
            "the subjects of a route with shards can't change in place: each belongs to one shard's position",
            "apply it with a ledger first: what the stack owns is replaced, with consent; or make a second route for the new subjects",
        )
        .field("from.subjects")
    })
}
