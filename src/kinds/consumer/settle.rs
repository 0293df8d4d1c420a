//! Both sides in one form before they are compared.

use serde_json::{Value, json};

use super::{flow_control, replace};
use crate::kinds::stream::Said;
use crate::model::Flat;

/// What the server derives is left out, and one filter is the same whichever field holds it.
pub(super) fn settle(declared: &mut Flat, live: &mut Flat) {
    one_filter_field(declared, live);
    forget_derived_wait(declared, live);
    flow_control::forget_given(declared, live);
    default_pin(declared, live);
    replace::is_unwanted(declared, live);
}

const ONE: &str = "filter_subject";
const MANY: &str = "filter_subjects";

/// `filter_subject: a` and `filter_subjects: [a]` mean the same; a switch from one field to the
/// other, and taking all filters away, empties both.
fn one_filter_field(declared: &mut Flat, live: &mut Flat) {
    let said = Said(declared);
    if !said.items(MANY).is_empty() {
        many_from_one(live);
    } else if said.word(ONE).is_some() {
        one_from_many(declared, live);
    } else if declared.contains_key(ONE) || declared.contains_key(MANY) {
        for (field, nothing) in [(ONE, json!("")), (MANY, json!([]))] {
            if live.contains_key(field) {
                declared.insert(field.to_owned(), nothing);
            }
        }
    }
}

fn many_from_one(live: &mut Flat) {
    if let Some(filter) = live.shift_remove(ONE) {
        live.entry(MANY.to_owned())
            .or_insert_with(|| Value::Array(vec![filter]));
    }
}

fn one_from_many(declared: &mut Flat, live: &mut Flat) {
    match live.shift_remove(MANY) {
        Some(Value::Array(filters)) if filters.len() == 1 => {
            live.extend(filters.into_iter().map(|filter| (ONE.to_owned(), filter)));
        }
        Some(filters) => {
            live.insert(MANY.to_owned(), filters);
            declared.insert(MANY.to_owned(), json!([]));
        }
        None => {}
    }
}

/// `backoff` takes the place of `ack_wait`.
fn forget_derived_wait(declared: &mut Flat, live: &mut Flat) {
    let backoff = if declared.contains_key("backoff") {
        Said(declared).items("backoff")
    } else {
        Said(live).items("backoff")
    };
    let first = backoff.first().cloned();
    if first.is_none() {
        return;
    }
    if declared.get("ack_wait") == first.as_ref() {
        declared.shift_remove("ack_wait");
    }
    if !declared.contains_key("ack_wait") {
        live.shift_remove("ack_wait");
    }
}

/// How long a pinned client may be silent where nothing is said of it, in nanoseconds
/// (`JsDefaultPinnedTTL`, nats-server 2.11).
const PIN: i64 = 120_000_000_000;

/// A pinned client always has a timeout: the server turns none into its own.
fn default_pin(declared: &mut Flat, live: &mut Flat) {
    const TIMEOUT: &str = "priority_timeout";
    let policy = Said(declared)
        .word("priority_policy")
        .or_else(|| Said(live).word("priority_policy"));
    if policy != Some("pinned_client") {
        return;
    }
    match Said(declared).number(TIMEOUT) {
        Some(0) => {
            declared.insert(TIMEOUT.to_owned(), json!(PIN));
        }
        None if Said(live).number(TIMEOUT) == Some(PIN) => {
            live.shift_remove(TIMEOUT);
        }
        Some(_) | None => {}
    }
}
