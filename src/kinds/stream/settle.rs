//! Both sides in one form before they are compared.

use serde_json::json;

use super::origins::{has_sources, is_mirror};
use super::said::Said;
use crate::model::Flat;

/// The server's own duplicate window, in nanoseconds.
const WINDOW: i64 = 120_000_000_000;

/// What the server derives, or overwrites whatever was sent, is left out of the comparison.
pub(in crate::kinds) fn settle(declared: &mut Flat, live: &mut Flat) {
    mirror_direct_follows(declared, live);
    forget_derived_subjects(declared, live);
    forget_derived_window(declared, live);
    forget_forced(declared, live);
    shared(declared);
}

/// The part that holds for buckets, too.
pub(in crate::kinds) fn shared(declared: &mut Flat) {
    if declared.get("republish.src") == Some(&json!("")) {
        declared.insert("republish.src".to_owned(), json!(">"));
    }
}

/// A mirror of a stream in the same account takes the origin's `allow_direct`, silently.
fn mirror_direct_follows(declared: &mut Flat, live: &mut Flat) {
    let said = Said(live);
    if is_mirror(said) && !said.has_under("mirror.external") {
        declared.shift_remove("mirror_direct");
        live.shift_remove("mirror_direct");
    }
}

/// Subjects that nobody gave are the stream's name.
fn forget_derived_subjects(declared: &Flat, live: &mut Flat) {
    let said = Said(live);
    let derived = said.text("name").map(|name| vec![name]);
    if !declared.contains_key("subjects") && derived == Some(said.texts("subjects")) {
        live.shift_remove("subjects");
    }
}

/// A window that nobody gave is 2m or `max_age`, or none at all (mirrors; sources from 2.14 on).
fn forget_derived_window(declared: &Flat, live: &mut Flat) {
    let said = Said(live);
    match (
        declared.contains_key("duplicate_window"),
        said.number("duplicate_window"),
    ) {
        (true, None) => {
            live.insert("duplicate_window".to_owned(), json!(0));
        }
        (false, Some(window)) if window == derived_window(said) => {
            live.shift_remove("duplicate_window");
        }
        (true, Some(_)) | (false, _) => {}
    }
}

/// Whether the window is the one that every server gives by itself: streams with origins may get
/// none (mirrors; sources from 2.14 on), so that theirs may have been asked for.
pub(in crate::kinds) fn is_derived_window(said: Said<'_>) -> bool {
    !has_origins(said) && said.number("duplicate_window") == Some(derived_window(said))
}

/// Whether the stream takes its messages from others.
pub(in crate::kinds) fn has_origins(said: Said<'_>) -> bool {
    is_mirror(said) || has_sources(said)
}

/// The duplicate window that a server gives by itself, in nanoseconds.
pub(in crate::kinds) fn derived_window(said: Said<'_>) -> i64 {
    said.limit("max_age").map_or(WINDOW, |age| age.min(WINDOW))
}

/// Fields that others switch on are not "undeclared".
fn forget_forced(declared: &Flat, live: &mut Flat) {
    let mut both = live.clone();
    both.extend(declared.clone());
    for field in forced(Said(&both)) {
        if !declared.contains_key(field) {
            live.shift_remove(field);
        }
    }
}

/// The fields that the server itself gives a value because of others.
pub(in crate::kinds) fn forced(said: Said<'_>) -> Vec<&'static str> {
    let mut forced = Vec::new();
    if said.limit("subject_delete_marker_ttl").is_some() {
        forced.extend(["allow_msg_ttl", "allow_rollup_hdrs"]);
    }
    if said.is_on("allow_msg_schedules") {
        forced.push("allow_rollup_hdrs");
    }
    if said.is_on("sealed") {
        forced.extend(SEAL);
    }
    forced
}

/// The fields that `sealed` sets.
pub(in crate::kinds) const SEAL: [&str; 5] = [
    "discard",
    "max_age",
    "deny_delete",
    "deny_purge",
    "allow_rollup_hdrs",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn flat(fields: Value) -> Flat {
        fields.as_object().unwrap().clone().into_iter().collect()
    }

    #[test]
    fn what_the_server_derives_is_left_out() {
        for (said, held, left) in [
            (
                json!({}),
                json!({ "name": "S", "subjects": ["S"] }),
                json!({ "name": "S" }),
            ),
            (
                json!({}),
                json!({ "max_age": 5, "duplicate_window": 5 }),
                json!({ "max_age": 5 }),
            ),
            (json!({}), json!({ "duplicate_window": WINDOW }), json!({})),
            (
                json!({}),
                json!({ "duplicate_window": 7 }),
                json!({ "duplicate_window": 7 }),
            ),
            (
                json!({ "duplicate_window": WINDOW }),
                json!({}),
                json!({ "duplicate_window": 0 }),
            ),
            (
                json!({}),
                json!({ "subject_delete_marker_ttl": 1, "allow_msg_ttl": true, "allow_rollup_hdrs": true }),
                json!({ "subject_delete_marker_ttl": 1 }),
            ),
            (
                json!({ "mirror_direct": true }),
                json!({ "mirror.name": "A", "mirror_direct": false }),
                json!({ "mirror.name": "A" }),
            ),
            (
                json!({}),
                json!({ "mirror.name": "A", "mirror.external.api": "x", "mirror_direct": false }),
                json!({ "mirror.name": "A", "mirror.external.api": "x", "mirror_direct": false }),
            ),
        ] {
            let (mut declared, mut live) = (flat(said), flat(held.clone()));
            settle(&mut declared, &mut live);
            assert_eq!(live, flat(left), "{held}");
        }
    }
}
