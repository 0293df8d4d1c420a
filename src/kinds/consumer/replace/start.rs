//! The start that a consumer stands for, when its own carries a position on.
//!
//! A consumer that was made anew begins behind what the one before it had done (`by_start_sequence`), whatever its manifest
//! says of a start. Its label says what was declared, and it is compared as if it had begun there.

use serde_json::{Value, json};

use crate::kinds::stream::Said;
use crate::model::Flat;

/// Where the label lies.
pub(in crate::kinds::consumer) const START: &str = "metadata.trueup.start";

const POLICY: &str = "deliver_policy";
const SEQUENCE: &str = "opt_start_seq";
const TIME: &str = "opt_start_time";

/// The fields as they are compared: with the start that the label names in place of the consumer's own.
pub(in crate::kinds::consumer) fn as_declared(mut fields: Flat) -> Flat {
    let label = fields.get(START).and_then(Value::as_str).and_then(read);
    if let Some(start) = label {
        fields.shift_remove(START);
        forget(&mut fields);
        fields.extend(start);
    }
    fields
}

/// The fields of a consumer that stands for the start in them and begins at this sequence number.
pub(in crate::kinds::consumer) fn carried_on(mut fields: Flat, from: u64) -> Flat {
    let label = label(&fields);
    forget(&mut fields);
    fields.insert(START.to_owned(), label.into());
    fields.insert(POLICY.to_owned(), json!("by_start_sequence"));
    fields.insert(SEQUENCE.to_owned(), json!(from));
    fields
}

/// A start in words: `all`, `by_start_sequence 17`, `by_start_time 2026-01-31T00:00:00Z`.
pub(super) fn label(fields: &Flat) -> String {
    let policy = Said(fields).word(POLICY).unwrap_or("all");
    let sequence = fields.get(SEQUENCE).and_then(Value::as_u64);
    match (policy, sequence, Said(fields).word(TIME)) {
        ("by_start_sequence", Some(sequence), _) => format!("{policy} {sequence}"),
        ("by_start_time", _, Some(time)) => format!("{policy} {time}"),
        _ => policy.to_owned(),
    }
}

/// The fields that a label names; none where it is no label of ours.
fn read(label: &str) -> Option<Flat> {
    let (policy, at) = label.split_once(' ').unwrap_or((label, ""));
    let at = match policy {
        "all" | "last" | "new" | "last_per_subject" => None,
        "by_start_sequence" => Some((SEQUENCE.to_owned(), json!(at.parse::<u64>().ok()?))),
        "by_start_time" => Some((TIME.to_owned(), json!(at))),
        _ => return None,
    };
    let policy = (POLICY.to_owned(), json!(policy));
    Some([policy].into_iter().chain(at).collect())
}

fn forget(fields: &mut Flat) {
    for field in [POLICY, SEQUENCE, TIME] {
        fields.shift_remove(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: Value) -> Flat {
        value.as_object().unwrap().clone().into_iter().collect()
    }

    #[test]
    fn a_start_is_found_again_behind_the_position() {
        for start in [
            json!({ "deliver_policy": "all" }),
            json!({ "deliver_policy": "new" }),
            json!({ "deliver_policy": "by_start_sequence", "opt_start_seq": 17 }),
            json!({ "deliver_policy": "by_start_time", "opt_start_time": "2026-01-31T00:00:00+01:00" }),
        ] {
            let carried = carried_on(flat(start.clone()), 501);
            assert_eq!(carried["opt_start_seq"], json!(501));
            assert_eq!(carried["deliver_policy"], json!("by_start_sequence"));
            assert!(!carried.contains_key("opt_start_time"));
            assert_eq!(as_declared(carried), flat(start));
        }
    }

    #[test]
    fn what_is_no_label_of_ours_says_nothing() {
        for label in ["", "tomorrow", "by_start_sequence", "by_start_sequence x"] {
            let fields = flat(json!({ START: label, "deliver_policy": "new" }));
            assert_eq!(as_declared(fields.clone()), fields, "{label}");
        }
    }
}
