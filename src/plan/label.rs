//! The label: what a NATS resource itself says of its owner, a second witness beside the ledger.
//!
//! It is written with a create and with an update that has another reason, never for its own sake; so what is adopted as it
//! is bears none yet. Where the ledger says that it was written, and it is gone, somebody erased it.

use serde_json::Value;

use super::diff::is_ignored;
use crate::kinds::{Delta, Live, NatsVersion, Surroundings};
use crate::model::{Broker, Flat, LABEL, Resource};

/// The server that brought metadata to streams and consumers.
const SINCE: NatsVersion = NatsVersion(2, 10, 0);

/// The stack that a live resource says it belongs to.
pub fn label_of(live: &Live) -> Option<&str> {
    live.fields.get(LABEL).and_then(Value::as_str)
}

/// Whether what was applied had the label with it.
pub(super) fn has_label(applied: &Flat) -> bool {
    applied.contains_key(LABEL)
}

/// Whether a resource is to bear a label: a server that knows metadata, and nobody else's hand on it.
pub(super) fn bears_label(resource: &Resource, surroundings: &Surroundings) -> bool {
    let is_nats = resource.address.kind.broker() == Broker::Nats;
    let server = surroundings.nats.as_ref();
    let knows = server.is_some_and(|server| server.version >= SINCE);
    is_nats && knows && !is_ignored(&resource.lifecycle, LABEL)
}

/// The change that writes the label of this stack.
pub(super) fn labelling(stack: &str, live: Option<&Live>) -> Delta {
    Delta {
        path: LABEL.to_owned(),
        before: live.and_then(|live| live.fields.get(LABEL)).cloned(),
        after: Some(stack.into()),
    }
}
