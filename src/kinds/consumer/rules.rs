//! What a consumer's configuration may not be, as `checkConsumerCfg` of nats-server 2.15 sees it.

use super::{DECLARATION, flow_control};
use crate::kinds::stream::{
    Complaint, Said, asset_name, bad_instants, description, first_covering, metadata, no_subject,
    not_literal, server_metadata, subject_fault,
};
use crate::model::{Address, Code};

type Rule = fn(Said<'_>) -> Option<Complaint>;

const RULES: &[Rule] = &[
    description,
    metadata,
    both_filters,
    start_sequence,
    start_time,
    backoff_and_deliver,
    backoff_and_wait,
    sample,
    flow_control_heartbeat,
    heartbeat_length,
    group_needs_push,
    policy_needs_groups,
    groups_need_policy,
    timeout_needs_policy,
    deliver_literal,
    pending_needs_acks,
    shortest_expiry,
];

/// Everything that contradicts itself or the server's limits.
pub(super) fn complaints(said: Said<'_>) -> Vec<Complaint> {
    let mut found: Vec<Complaint> = RULES.iter().filter_map(|rule| rule(said)).collect();
    found.extend(server_metadata(said));
    found.extend(group_names(said));
    found.extend(wrong_side(said));
    found.extend(flow_control::complaints(said));
    found.extend(filters(said));
    found.extend(last_per_subject(said));
    found.extend(bad_instants(said, &DECLARATION));
    found
}

/// What is wrong with the consumer's own name.
pub(super) fn name(address: &Address) -> Option<Complaint> {
    let name = address
        .stream_and_consumer()
        .map_or(address.name.as_str(), |(_, consumer)| consumer);
    asset_name("consumer", name)
}

/// Whether messages are pushed to a subject.
pub(super) fn is_push(said: Said<'_>) -> bool {
    said.word("deliver_subject").is_some()
}

/// The filters, whichever field holds them.
pub(super) fn filters_of<'a>(said: Said<'a>) -> Vec<&'a str> {
    match said.word("filter_subject") {
        Some(filter) => vec![filter],
        None => said.texts("filter_subjects"),
    }
}

fn both_filters(said: Said<'_>) -> Option<Complaint> {
    said.word("filter_subject")?;
    (!said.items("filter_subjects").is_empty()).then(|| {
        Complaint::contradiction(
            "filter_subject",
            "`filter_subject` and `filter_subjects` can't both be given",
            "put all filters into `filter_subjects`",
        )
    })
}

/// Filters are subjects and don't overlap.
fn filters(said: Said<'_>) -> Vec<Complaint> {
    let field = match said.word("filter_subject") {
        Some(_) => "filter_subject",
        None => "filter_subjects",
    };
    let given = filters_of(said);
    let is_sound = |filter: &&str| subject_fault(filter).is_none();
    let sound: Vec<&str> = given.iter().copied().filter(is_sound).collect();
    // where each takes something that the other doesn't, a server takes both
    let mut others = first_covering(sound.iter().copied().enumerate()).into_iter();
    let mut found = Vec::new();
    for filter in given {
        if let Some(reason) = subject_fault(filter) {
            found.push(no_subject(field, filter, reason));
            continue;
        }
        if let Some(other) = others.next().flatten() {
            let other = sound[other];
            let overlap = Complaint::new(
                Code::FilterOverlap,
                field,
                format!("the filters `{filter}` and `{other}` overlap"),
                "leave the narrower one out",
            );
            found.push(overlap.word(filter));
        }
    }
    found
}

fn policy(said: Said<'_>) -> &str {
    said.word("deliver_policy").unwrap_or("all")
}

fn start_sequence(said: Said<'_>) -> Option<Complaint> {
    start(
        said,
        "by_start_sequence",
        "opt_start_seq",
        said.is_above_zero("opt_start_seq"),
    )
}

fn start_time(said: Said<'_>) -> Option<Complaint> {
    start(
        said,
        "by_start_time",
        "opt_start_time",
        said.word("opt_start_time").is_some(),
    )
}

/// A start and the policy that uses it come together.
fn start(said: Said<'_>, needed: &str, field: &str, is_given: bool) -> Option<Complaint> {
    let has_policy = policy(said) == needed;
    if has_policy == is_given {
        return None;
    }
    Some(if has_policy {
        Complaint::contradiction(
            "deliver_policy",
            format!("`deliver_policy: {needed}` needs `{field}`"),
            format!("give `{field}`, or take another policy"),
        )
    } else {
        Complaint::contradiction(
            field,
            format!("`{field}` is for `deliver_policy: {needed}` only"),
            format!("leave `{field}` out, or take that policy"),
        )
    })
}

/// `last_per_subject` delivers the last message of each filtered subject.
fn last_per_subject(said: Said<'_>) -> Option<Complaint> {
    (policy(said) == "last_per_subject" && filters_of(said).is_empty()).then(|| {
        Complaint::contradiction(
            "deliver_policy",
            "`deliver_policy: last_per_subject` needs a filter",
            "give `filter_subject: \">\"` for all subjects",
        )
    })
}

fn backoff_and_deliver(said: Said<'_>) -> Option<Complaint> {
    let waits = said.items("backoff").len();
    let most = usize::try_from(said.limit("max_deliver")?).ok()?;
    (waits > most).then(|| {
        Complaint::contradiction(
            "backoff",
            format!("`backoff` has {waits} waits and `max_deliver: {most}` leaves no use for them"),
            format!("raise `max_deliver` to {waits} or more, or shorten `backoff`"),
        )
    })
}

fn backoff_and_wait(said: Said<'_>) -> Option<Complaint> {
    let first = said.items("backoff").first()?.as_i64()?;
    let wait = said.number("ack_wait")?;
    (wait != first).then(|| {
        Complaint::contradiction(
            "ack_wait",
            "`backoff` takes the place of `ack_wait`: its first wait is the one that counts",
            "leave `ack_wait` out, or make it the same as the first wait",
        )
    })
}

pub(super) fn acks(said: Said<'_>) -> &str {
    said.word("ack_policy").unwrap_or("explicit")
}

fn sample(said: Said<'_>) -> Option<Complaint> {
    let text = said.word("sample_freq")?;
    let fits = text.trim_end_matches('%').parse::<u32>().is_ok();
    (!fits).then(|| {
        Complaint::new(
            Code::OutOfRange,
            "sample_freq",
            format!("`sample_freq: {text}` is no percentage"),
            "write `0%` to `100%`",
        )
    })
}

/// Fields that a server refuses for the other sort of consumer. (`max_batch` and its kin, and
/// `deliver_group`, it takes for both.)
const PULL_ONLY: &[&str] = &[
    "max_waiting",
    "priority_policy",
    "priority_groups",
    "priority_timeout",
];
const PUSH_ONLY: &[&str] = &["rate_limit_bps", "flow_control", "idle_heartbeat"];

/// What stands on the wrong side of a consumer that pushes, or of one that is pulled from.
pub(super) fn wrong_side(said: Said<'_>) -> Vec<Complaint> {
    let (fields, side, way_out) = if is_push(said) {
        (PULL_ONLY, "pull", "leave `deliver_subject` out")
    } else if acks(said) == "flow_control" {
        return Vec::new();
    } else {
        (PUSH_ONLY, "push", "give a `deliver_subject`")
    };
    let is_given = |field: &str| {
        said.is_above_zero(field)
            || said.is_on(field)
            || said.word(field).is_some_and(|word| word != "none")
            || !said.items(field).is_empty()
    };
    fields
        .iter()
        .filter(|field| is_given(field))
        .map(|field| {
            Complaint::contradiction(
                field,
                format!("`{field}` is for {side} consumers only"),
                format!("leave `{field}` out, or {way_out}"),
            )
        })
        .collect()
}

/// A push consumer delivers to one subject (10079, 10112).
fn deliver_literal(said: Said<'_>) -> Option<Complaint> {
    let subject = said.word("deliver_subject")?;
    let reason = not_literal(subject)?;
    Some(
        Complaint::new(
            Code::BadName,
            "deliver_subject",
            format!("a consumer can't deliver to `{subject}`: {reason}"),
            "take one subject without `*` and `>`",
        )
        .word(subject),
    )
}

/// Without acknowledgements nothing that was pushed is pending (10082).
pub(super) fn pending_needs_acks(said: Said<'_>) -> Option<Complaint> {
    let is_pushed_unacknowledged = is_push(said) && acks(said) == "none";
    (is_pushed_unacknowledged && said.limit("max_ack_pending").is_some()).then(|| {
        Complaint::contradiction(
            "max_ack_pending",
            "`max_ack_pending` of a push consumer needs acknowledgements",
            "leave `max_ack_pending` out, or take another `ack_policy` than `none`",
        )
    })
}

/// The shortest time that a pull may wait, in nanoseconds.
const SHORTEST_EXPIRY: i64 = 1_000_000;

fn shortest_expiry(said: Said<'_>) -> Option<Complaint> {
    let expiry = said.limit("max_expires")?;
    (expiry < SHORTEST_EXPIRY && !is_push(said))
        .then(|| Complaint::too_short("max_expires", expiry, SHORTEST_EXPIRY))
}

fn group_needs_push(said: Said<'_>) -> Option<Complaint> {
    let group = said.word("deliver_group")?;
    let is_queue_name = !group.contains(char::is_whitespace);
    (!is_queue_name).then(|| {
        Complaint::new(
            Code::BadName,
            "deliver_group",
            format!("`{group}` can't be the name of a queue group: it holds a blank"),
            "use letters, digits, `_` and `-`",
        )
        .word(group)
    })
}

/// (`ack_policy: flow_control` brings its own.)
fn flow_control_heartbeat(said: Said<'_>) -> Option<Complaint> {
    let is_alone = said.is_on("flow_control") && said.limit("idle_heartbeat").is_none();
    (is_alone && acks(said) != "flow_control").then(|| {
        Complaint::contradiction(
            "flow_control",
            "`flow_control` needs `idle_heartbeat`",
            "give `idle_heartbeat: 5s` or the like",
        )
    })
}

/// The shortest heartbeat, in nanoseconds.
const SHORTEST_HEARTBEAT: i64 = 100_000_000;

fn heartbeat_length(said: Said<'_>) -> Option<Complaint> {
    let beat = said.limit("idle_heartbeat")?;
    (beat < SHORTEST_HEARTBEAT)
        .then(|| Complaint::too_short("idle_heartbeat", beat, SHORTEST_HEARTBEAT))
}

fn priority(said: Said<'_>) -> &str {
    said.word("priority_policy").unwrap_or("none")
}

fn policy_needs_groups(said: Said<'_>) -> Option<Complaint> {
    (priority(said) != "none" && said.items("priority_groups").is_empty()).then(|| {
        Complaint::contradiction(
            "priority_policy",
            format!(
                "`priority_policy: {}` needs `priority_groups`",
                priority(said)
            ),
            "name at least one group",
        )
    })
}

fn groups_need_policy(said: Said<'_>) -> Option<Complaint> {
    (priority(said) == "none" && !said.items("priority_groups").is_empty()).then(|| {
        Complaint::contradiction(
            "priority_groups",
            "`priority_groups` have no meaning without a `priority_policy`",
            "leave them out, or take a policy",
        )
    })
}

fn group_names(said: Said<'_>) -> Vec<Complaint> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "/_=-".contains(c);
    let is_fit = |group: &str| (1..=16).contains(&group.len()) && group.chars().all(fits);
    let groups = said.texts("priority_groups").into_iter();
    groups
        .filter(|group| !is_fit(group))
        .map(|wrong| {
            Complaint::new(
                Code::BadName,
                "priority_groups",
                format!("`{wrong}` can't be the name of a priority group"),
                "use 1 to 16 letters, digits, `_`, `-`, `/` and `=`",
            )
            .word(wrong)
        })
        .collect()
}

fn timeout_needs_policy(said: Said<'_>) -> Option<Complaint> {
    said.limit("priority_timeout")?;
    (priority(said) == "none").then(|| {
        Complaint::contradiction(
            "priority_timeout",
            "`priority_timeout` has no meaning without a `priority_policy`",
            "leave it out, or take a policy",
        )
    })
}
