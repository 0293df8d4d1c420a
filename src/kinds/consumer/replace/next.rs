//! The configuration of the consumer that takes another one's place.

use serde_json::json;

use super::super::rules::{is_push, pending_needs_acks, wrong_side};
use super::super::{DECLARATION, wire};
use crate::kinds::stream::Said;
use crate::kinds::{Delta, Edit};
use crate::model::Flat;

/// The changes for which a consumer is deleted and made anew: fields that never change, and a turn from push to pull or back.
pub(in crate::kinds::consumer) fn reasons<'d>(live: &Flat, deltas: &'d [Delta]) -> Vec<&'d Delta> {
    let turns = is_push(Said(live)) != is_push(Said(&laid_over(live, deltas)));
    let is_reason = |delta: &&Delta| {
        let field = DECLARATION.field(&delta.path);
        let is_fixed = field.is_some_and(|field| field.facts.edit == Edit::Fixed);
        is_fixed || (turns && delta.path == "deliver_subject")
    };
    deltas.iter().filter(is_reason).collect()
}

/// What takes the place of a live consumer: all that it is with the changes, without what only its own sort may have.
pub(in crate::kinds::consumer) fn next(live: &Flat, deltas: &[Delta]) -> Flat {
    let mut next = laid_over(live, deltas);
    next.entry("ack_policy".to_owned())
        .or_insert_with(|| json!("explicit"));
    let is_declared = |path: &str| deltas.iter().any(|delta| delta.path == path);
    let policy = Said(&next)
        .word("deliver_policy")
        .unwrap_or("all")
        .to_owned();
    for (start, needed) in [
        ("opt_start_seq", "by_start_sequence"),
        ("opt_start_time", "by_start_time"),
    ] {
        if policy != needed && !is_declared(start) {
            next.shift_remove(start);
        }
    }
    let unfit = wrong_side(Said(&next)).into_iter();
    let unfit: Vec<String> = unfit
        .chain(pending_needs_acks(Said(&next)))
        .map(|complaint| complaint.field)
        .collect();
    for field in unfit.iter().filter(|field| !is_declared(field)) {
        next.shift_remove(field);
    }
    next
}

fn laid_over(live: &Flat, deltas: &[Delta]) -> Flat {
    let mut next = live.clone();
    Delta::lay_over(&mut next, deltas);
    wire::fit(&mut next, deltas);
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn flat(value: Value) -> Flat {
        value.as_object().unwrap().clone().into_iter().collect()
    }

    fn deltas(value: Value) -> Vec<Delta> {
        let all = flat(value).into_iter();
        all.map(|(path, after)| Delta {
            path,
            before: None,
            after: Some(after),
        })
        .collect()
    }

    #[test]
    fn what_never_changes_is_a_reason_and_the_rest_is_not() {
        let pull = flat(json!({ "max_waiting": 512, "deliver_policy": "all" }));
        let push = flat(json!({ "deliver_subject": "d" }));
        for (live, change, reasons_are) in [
            (
                &pull,
                json!({ "max_deliver": 5, "deliver_policy": "new" }),
                vec!["deliver_policy"],
            ),
            (&pull, json!({ "max_deliver": 5 }), vec![]),
            (
                &pull,
                json!({ "deliver_subject": "d" }),
                vec!["deliver_subject"],
            ),
            (&push, json!({ "deliver_subject": "e" }), vec![]),
            (
                &push,
                json!({ "deliver_subject": "" }),
                vec!["deliver_subject"],
            ),
        ] {
            let change = deltas(change);
            let found: Vec<&str> = reasons(live, &change)
                .iter()
                .map(|delta| delta.path.as_str())
                .collect();
            assert_eq!(found, reasons_are, "{change:?}");
        }
    }

    #[test]
    fn what_nobody_changes_is_kept_unless_the_other_sort_can_not_have_it() {
        let live = flat(json!({
            "deliver_policy": "by_start_sequence", "opt_start_seq": 9, "max_waiting": 512, "max_ack_pending": 1000,
            "max_deliver": 5, "metadata.team": "x", "of_a_newer_server": 1,
        }));
        let change = deltas(
            json!({ "deliver_policy": "all", "deliver_subject": "d", "ack_policy": "none" }),
        );
        let wanted = flat(json!({
            "deliver_policy": "all", "max_deliver": 5, "metadata.team": "x", "of_a_newer_server": 1,
            "deliver_subject": "d", "ack_policy": "none",
        }));
        let mut found = next(&live, &change);
        let mut sorted = wanted.clone();
        found.sort_keys();
        sorted.sort_keys();
        assert_eq!(found, sorted);
    }
}
