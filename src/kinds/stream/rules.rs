//! What a stream's configuration may not be, as `checkStreamCfg` of nats-server 2.15 sees it.
//!
//! Each rule looks at a whole configuration, declared or live with changes laid over, so that the
//! offline check and the plan apply the same ones.

use super::complaint::Complaint;
use super::patterns::first_overlapping;
use super::said::Said;
use super::view::stream_declaration;
use super::wire::SERVER_METADATA;
use super::{instants, origins, purges, republish, subjects, transforms};
use crate::model::Code;

/// The shortest age and duplicate window, in nanoseconds.
const SHORTEST_AGE: i64 = 100_000_000;

/// The shortest time to live of a delete marker, in nanoseconds.
const SHORTEST_MARKER: i64 = 1_000_000_000;

/// The longest description, in bytes (`JSMaxDescriptionLen`).
const LONGEST_DESCRIPTION: usize = 4096;

/// The most that metadata may hold, in bytes (`JSMaxMetadataLen`).
const MOST_METADATA: usize = 128 * 1024;

type Rule = fn(Said<'_>) -> Option<Complaint>;

const RULES: &[Rule] = &[
    description,
    metadata,
    shortest_age,
    shortest_window,
    window_within_age,
    new_per_subject,
    purges::rollup_and_purge,
    purges::switch_and_purge,
    marker,
    counter_retention,
    counter_discard,
    counter_ttl,
    async_storage,
    async_replicas,
    async_atomic,
    republish::destination,
    republish::circle,
    republish::transform,
    placement_preferred,
];

/// Everything that contradicts itself or the server's limits.
pub(in crate::kinds) fn complaints(said: Said<'_>) -> Vec<Complaint> {
    let mut found: Vec<Complaint> = RULES.iter().filter_map(|rule| rule(said)).collect();
    found.extend(marker_switches(said));
    found.extend(schedules_switch(said));
    found.extend(sealed_forces(said));
    found.extend(subject_list(said));
    found.extend(origins::complaints(said));
    found.extend(transforms::complaints(said));
    found.extend(instants::complaints(said, stream_declaration()));
    found
}

pub(in crate::kinds) fn description(said: Said<'_>) -> Option<Complaint> {
    let length = said.text("description")?.len();
    (length > LONGEST_DESCRIPTION).then(|| {
        Complaint::new(
            Code::OutOfRange,
            "description",
            format!("the description is {length} bytes long; a server takes 4096"),
            "shorten it",
        )
    })
}

pub(in crate::kinds) fn metadata(said: Said<'_>) -> Option<Complaint> {
    let length: usize = said
        .under("metadata")
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    (length > MOST_METADATA).then(|| {
        Complaint::new(
            Code::OutOfRange,
            "metadata",
            format!("metadata holds {length} bytes; a server takes 131072"),
            "keep large notes elsewhere",
        )
    })
}

/// Metadata that the server keeps for itself.
pub(in crate::kinds) fn server_metadata(said: Said<'_>) -> Vec<Complaint> {
    said.under("metadata")
        .filter(|(key, _)| SERVER_METADATA.contains(key))
        .map(|(key, _)| {
            Complaint::contradiction(
                &format!("metadata.{key}"),
                format!("`metadata.{key}` is the server's own and would be overwritten"),
                "take another key, best one that doesn't begin with `_nats.`",
            )
        })
        .collect()
}

fn shortest_age(said: Said<'_>) -> Option<Complaint> {
    too_short(said, "max_age", SHORTEST_AGE)
}

fn shortest_window(said: Said<'_>) -> Option<Complaint> {
    too_short(said, "duplicate_window", SHORTEST_AGE)
}

fn marker(said: Said<'_>) -> Option<Complaint> {
    too_short(said, "subject_delete_marker_ttl", SHORTEST_MARKER)
}

fn too_short(said: Said<'_>, field: &str, shortest: i64) -> Option<Complaint> {
    let nanos = said.number(field)?;
    let is_short = nanos < 0 || (1..shortest).contains(&nanos);
    is_short.then(|| Complaint::too_short(field, nanos, shortest))
}

fn window_within_age(said: Said<'_>) -> Option<Complaint> {
    let (window, age) = (said.limit("duplicate_window")?, said.limit("max_age")?);
    (window > age).then(|| {
        Complaint::contradiction(
            "duplicate_window",
            "`duplicate_window` is longer than `max_age`",
            "shorten it to `max_age` at most, or leave it out: the server then fits it in",
        )
    })
}

fn new_per_subject(said: Said<'_>) -> Option<Complaint> {
    let fits = said.text("discard") == Some("new") && said.limit("max_msgs_per_subject").is_some();
    (said.is_on("discard_new_per_subject") && !fits).then(|| {
        Complaint::contradiction(
            "discard_new_per_subject",
            "`discard_new_per_subject` needs `discard: new` and a limit in `max_msgs_per_subject`",
            "set both, or switch it off",
        )
    })
}

fn counter_retention(said: Said<'_>) -> Option<Complaint> {
    let retention = said.text("retention").filter(|word| *word != "limits")?;
    said.is_on("allow_msg_counter").then(|| {
        Complaint::contradiction(
            "retention",
            format!("a stream of counters can't have `retention: {retention}`"),
            "take `retention: limits`",
        )
    })
}

fn counter_discard(said: Said<'_>) -> Option<Complaint> {
    (said.is_on("allow_msg_counter") && said.text("discard") == Some("new")).then(|| {
        Complaint::contradiction(
            "discard",
            "a stream of counters can't have `discard: new`",
            "take `discard: old`",
        )
    })
}

fn counter_ttl(said: Said<'_>) -> Option<Complaint> {
    (said.is_on("allow_msg_counter") && said.is_on("allow_msg_ttl")).then(|| {
        Complaint::contradiction(
            "allow_msg_counter",
            "a stream of counters can't hold messages with a time to live",
            "leave `allow_msg_ttl` out",
        )
    })
}

fn counter_schedules(said: Said<'_>) -> Option<Complaint> {
    (said.is_on("allow_msg_counter") && said.is_on("allow_msg_schedules")).then(|| {
        Complaint::contradiction(
            "allow_msg_schedules",
            "a stream of counters can't have `allow_msg_schedules` from NATS 2.12.10 and 2.14.2 on",
            "leave one of them out",
        )
    })
}

/// What may not stand beside schedules, and what only older servers take all the same: 2.12.0 to
/// 2.12.9, 2.14.0 and 2.14.1.
pub(super) fn beside_schedules(said: Said<'_>) -> Vec<Complaint> {
    let found = [counter_schedules(said), schedules_discard(said)];
    found.into_iter().flatten().collect()
}

fn schedules_discard(said: Said<'_>) -> Option<Complaint> {
    (said.is_on("allow_msg_schedules") && said.text("discard") == Some("new")).then(|| {
        Complaint::contradiction(
            "discard",
            "a stream with `allow_msg_schedules` can't have `discard: new` from NATS 2.12.10 and 2.14.2 on",
            "take `discard: old`",
        )
    })
}

fn is_async(said: Said<'_>) -> bool {
    said.text("persist_mode") == Some("async")
}

fn async_storage(said: Said<'_>) -> Option<Complaint> {
    (is_async(said) && said.text("storage") == Some("memory")).then(|| {
        Complaint::contradiction(
            "persist_mode",
            "`persist_mode: async` is for `storage: file` only",
            "take `storage: file`, or leave `persist_mode` out",
        )
    })
}

fn async_replicas(said: Said<'_>) -> Option<Complaint> {
    let replicas = said.number("num_replicas").filter(|number| *number > 1)?;
    is_async(said).then(|| {
        Complaint::contradiction(
            "persist_mode",
            format!("`persist_mode: async` is for one replica only, not {replicas}"),
            "take `num_replicas: 1`, or leave `persist_mode` out",
        )
    })
}

fn async_atomic(said: Said<'_>) -> Option<Complaint> {
    (is_async(said) && said.is_on("allow_atomic")).then(|| {
        Complaint::contradiction(
            "allow_atomic",
            "`allow_atomic` can't be had with `persist_mode: async`",
            "switch one of them off",
        )
    })
}

/// `subject_delete_marker_ttl` switches two fields on, whatever is said of them.
fn marker_switches(said: Said<'_>) -> Vec<Complaint> {
    let by = "subject_delete_marker_ttl";
    match said.limit(by) {
        Some(_) => switched_on(said, by, &["allow_msg_ttl", "allow_rollup_hdrs"]),
        None => Vec::new(),
    }
}

fn schedules_switch(said: Said<'_>) -> Vec<Complaint> {
    let by = "allow_msg_schedules";
    match said.is_on(by) {
        true => switched_on(said, by, &["allow_rollup_hdrs"]),
        false => Vec::new(),
    }
}

fn switched_on(said: Said<'_>, by: &str, fields: &[&str]) -> Vec<Complaint> {
    fields
        .iter()
        .filter(|field| said.flag(field) == Some(false))
        .map(|field| {
            Complaint::contradiction(
                field,
                format!("`{by}` switches `{field}` on"),
                format!("leave `{field}` out, or set it to true"),
            )
        })
        .collect()
}

/// `sealed` switches five fields.
fn sealed_forces(said: Said<'_>) -> Vec<Complaint> {
    let forced = [
        ("max_age", said.limit("max_age").is_some()),
        ("discard", said.text("discard") == Some("old")),
        ("deny_delete", said.flag("deny_delete") == Some(false)),
        ("deny_purge", said.flag("deny_purge") == Some(false)),
        ("allow_rollup_hdrs", said.is_on("allow_rollup_hdrs")),
    ];
    forced
        .into_iter()
        .filter(|(_, is_other)| *is_other && said.is_on("sealed"))
        .map(|(field, _)| {
            Complaint::contradiction(
                field,
                format!("`sealed` gives `{field}` another value"),
                format!(
                    "leave `{field}` out: a sealed stream discards nothing and denies all deletion"
                ),
            )
        })
        .collect()
}

fn placement_preferred(said: Said<'_>) -> Option<Complaint> {
    said.word("placement.preferred")?;
    Some(Complaint::contradiction(
        "placement.preferred",
        "a stream's placement can't prefer a server",
        "leave `placement.preferred` out; ask for a step-down instead",
    ))
}

/// What is wrong with the list of subjects.
fn subject_list(said: Said<'_>) -> Vec<Complaint> {
    let listed = said.texts("subjects");
    let is_sound = |subject: &&str| subjects::fault(subject).is_none();
    let sound: Vec<&str> = listed.iter().copied().filter(is_sound).collect();
    let mut others = first_overlapping(sound.iter().copied().enumerate()).into_iter();
    let mut found = Vec::new();
    for subject in listed {
        if let Some(reason) = subjects::fault(subject) {
            found.push(subjects::no_subject("subjects", subject, reason));
            continue;
        }
        found.extend(needs_no_ack(said, subject));
        if let Some(other) = others.next().flatten() {
            let other = sound[other];
            let overlap = Complaint::new(
                Code::SubjectOverlap,
                "subjects",
                format!("`{subject}` and `{other}` of the same stream overlap"),
                "leave the narrower one out",
            );
            found.push(overlap.word(subject));
        }
    }
    found
}

/// Subjects of the API, and everything, may be captured only without acknowledgements.
fn needs_no_ack(said: Said<'_>, subject: &str) -> Option<Complaint> {
    if subject == ">" && said.number("num_replicas").is_some_and(|n| n > 1) {
        return Some(Complaint::contradiction(
            "num_replicas",
            "a stream that captures `>` can have one replica only",
            "take `num_replicas: 1`, or narrower subjects",
        ));
    }
    let api = ["$JS.>", "$JSC.>", "$NRG.>"];
    let is_api = api.iter().any(|space| subjects::collide(subject, space));
    let is_system =
        subjects::collide(subject, "$SYS.>") && !subjects::is_within(subject, "$SYS.ACCOUNT.>");
    ((is_api || is_system) && !said.is_on("no_ack")).then(|| {
        Complaint::contradiction(
            "subjects",
            format!("`{subject}` covers subjects of the server itself, which needs `no_ack: true`"),
            "set `no_ack: true`, or take narrower subjects",
        )
        .word(subject)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_is_told_at_once() {
        let said = json!({
            "description": "x".repeat(LONGEST_DESCRIPTION + 1), "subjects": ["a..b", "c.>", "c.d"],
            "max_age": 5, "duplicate_window": 50, "sealed": true, "discard": "old", "deny_purge": false,
            "subject_delete_marker_ttl": 7, "allow_msg_ttl": false, "allow_rollup_hdrs": false,
        });
        let said = said.as_object().unwrap().clone().into_iter().collect();
        let told = complaints(Said(&said));
        let fields: Vec<&str> = told
            .iter()
            .map(|complaint| complaint.field.as_str())
            .collect();
        let expected = [
            "description",
            "max_age",
            "duplicate_window",
            "duplicate_window",
            "subject_delete_marker_ttl",
            "allow_msg_ttl",
            "allow_rollup_hdrs",
            "max_age",
            "discard",
            "deny_purge",
            "subjects",
            "subjects",
        ];
        assert_eq!(fields, expected);
    }
}
