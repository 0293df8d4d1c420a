//! Changes that a cluster does not take in one update.

use super::change::StreamChange;
use super::converge;
use super::said::Said;
use super::view::{View, stream_declaration};
use crate::kinds::{Case, Delta};

const REPLICAS: &str = "num_replicas";

/// The two updates of a stream that is moved and scaled, which a cluster refuses at once (10123 on all versions); none otherwise.
///
/// It is moved while it has the fewer replicas: as many servers of the old or of the new placement are sure to be enough,
/// and no more than these are copied.
pub(in crate::kinds) fn stages(view: &dyn View, case: &Case<'_>) -> Vec<Vec<Delta>> {
    let change = StreamChange::of_case(view, case);
    let is_clustered = case
        .surroundings
        .nats
        .as_ref()
        .is_some_and(|it| it.clustered);
    if change.creates || !is_clustered || !scales(&change) || !moves(&change) {
        return Vec::new();
    }
    let replicas = |said: Said<'_>| said.number(REPLICAS).unwrap_or(1);
    let grows = replicas(Said(&change.live)) < replicas(Said(&change.next));
    let scale = view.field_name(REPLICAS);
    let placement = format!("{}.", view.field_name("placement"));
    let is_last = |delta: &Delta| match grows {
        true => delta.path == scale,
        false => delta.path.starts_with(&placement),
    };
    let (last, first): (Vec<Delta>, Vec<Delta>) = case.deltas.iter().cloned().partition(is_last);
    match last.is_empty() || first.is_empty() {
        true => Vec::new(),
        false => vec![first, last],
    }
}

/// What a plan says of them, and of a cluster that is still at an earlier change.
pub(in crate::kinds) fn notes(view: &dyn View, case: &Case<'_>) -> Vec<String> {
    let stages = stages(view, case);
    let of_servers = |deltas: &Vec<Delta>| {
        let field = deltas.iter().map(|it| it.path.as_str());
        let scale = view.field_name(REPLICAS);
        let is_scale = field.into_iter().any(|path| path == scale);
        if is_scale { REPLICAS } else { "placement" }
    };
    let told = match stages.as_slice() {
        [first, last] => Some(format!(
            "in two updates, for a cluster refuses both at once: `{}` first, and `{}` when its servers are done with that; an apply waits for both",
            view.field_name(of_servers(first)),
            view.field_name(of_servers(last)),
        )),
        _ => None,
    };
    told.into_iter().chain(converge::note(case.live)).collect()
}

fn scales(change: &StreamChange) -> bool {
    let [live, next] = [&change.live, &change.next].map(|it| Said(it).number(REPLICAS));
    live != next
}

/// A placement that is taken away moves nothing.
fn moves(change: &StreamChange) -> bool {
    let (live, next) = (Said(&change.live), Said(&change.next));
    let is_other = |path: &&str| {
        let field = stream_declaration().field(path);
        field.is_some_and(|field| !field.same(live.0.get(*path), next.0.get(*path)))
    };
    let mut paths = ["placement.cluster", "placement.tags"].iter();
    next.has_under("placement") && paths.any(is_other)
}
