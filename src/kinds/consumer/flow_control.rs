//! Rules for `ack_policy: flow_control`, which copies of streams acknowledge with (nats-server 2.14).

use serde_json::json;

use super::rules::{acks, is_push};
use crate::kinds::stream::{Complaint, Said};
use crate::model::Flat;

/// The heartbeat that a server gives such a consumer, in nanoseconds (`sourceHealthHB`).
const HEARTBEAT: i64 = 1_000_000_000;

/// Whether the replies to flow control are the acknowledgements.
pub(super) fn is_acked_by_it(said: Said<'_>) -> bool {
    acks(said) == "flow_control"
}

/// What such a consumer can't be (10218 to 10222).
pub(super) fn complaints(said: Said<'_>) -> Vec<Complaint> {
    if !is_acked_by_it(said) {
        return Vec::new();
    }
    let push = (!is_push(said)).then(|| {
        Complaint::contradiction(
            "ack_policy",
            "`ack_policy: flow_control` is for push consumers only",
            "give a `deliver_subject`, or take another policy",
        )
    });
    push.into_iter()
        .chain(unfit(said))
        .chain(given(said))
        .collect()
}

/// Fields whose value it excludes.
fn unfit(said: Said<'_>) -> impl Iterator<Item = Complaint> {
    let is_negative = said.number("max_ack_pending").is_some_and(|most| most < 0);
    [
        ("ack_wait", said.limit("ack_wait").is_some()),
        ("backoff", !said.items("backoff").is_empty()),
        ("max_deliver", said.limit("max_deliver").is_some()),
        ("max_ack_pending", is_negative),
    ]
    .into_iter()
    .filter(|(_, is_unfit)| *is_unfit)
    .map(|(field, _)| {
        Complaint::contradiction(
            field,
            format!("`ack_policy: flow_control` can't have this `{field}`"),
            format!("leave `{field}` out, or take another policy"),
        )
    })
}

/// Fields that a server gives a value of its own.
fn given(said: Said<'_>) -> impl Iterator<Item = Complaint> {
    let beat = said.number("idle_heartbeat");
    [
        ("flow_control", said.flag("flow_control") == Some(false)),
        ("idle_heartbeat", beat.is_some_and(|beat| beat != HEARTBEAT)),
    ]
    .into_iter()
    .filter(|(_, is_other)| *is_other)
    .map(|(field, _)| {
        Complaint::contradiction(
            field,
            format!("`ack_policy: flow_control` gives `{field}` another value"),
            format!("leave `{field}` out: flow control is on, with a heartbeat each second"),
        )
    })
}

/// What the server gave by itself is not "undeclared".
pub(super) fn forget_given(declared: &Flat, live: &mut Flat) {
    if !is_acked_by_it(Said(live)) {
        return;
    }
    for (field, given) in [
        ("flow_control", json!(true)),
        ("idle_heartbeat", json!(HEARTBEAT)),
    ] {
        if !declared.contains_key(field) && live.get(field) == Some(&given) {
            live.shift_remove(field);
        }
    }
}
