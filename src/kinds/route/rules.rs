//! What is wrong with a route by itself.

mod between;
mod made;

use std::collections::HashSet;

use super::ends::is_exactly_once;
use super::{Ordering, RouteSpec, declaration, spec_of};
use crate::kinds::stream::{
    Complaint, Said, bad_instants, first_covering, no_subject, subject_fault,
};
use crate::kinds::topic;
use crate::model::{Address, Code, Problem, Resource};

type Rule = fn(&RouteSpec) -> Vec<Complaint>;

const RULES: &[Rule] = &[
    between::from,
    between::to,
    made::key,
    made::topics,
    made::subject,
    subjects,
    between::dead_letters,
    once_and_ordered,
    shards,
    start,
    made::headers,
    batch,
];

/// Every problem of one route. One that has lost a field to another problem is told of that alone.
pub(super) fn check(route: &Resource) -> Vec<Problem> {
    let said = Said(&route.declared);
    let mut found: Vec<Complaint> = name(&route.address).into_iter().collect();
    found.extend(bad_instants(said, declaration()));
    if let Some(spec) = spec_of(&route.declared) {
        found.extend(RULES.iter().flat_map(|rule| rule(&spec)));
    }
    let found = found.into_iter();
    found.map(|complaint| complaint.problem(route)).collect()
}

/// The longest name: it becomes part of a topic's, which has 249 signs at most.
const LONGEST: usize = 200;

/// The name becomes part of those of a consumer, a topic, a group, and a key of the table.
fn name(address: &Address) -> Option<Complaint> {
    let name = &address.name;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let reason = if name.len() > LONGEST {
        "it is longer than 200 characters"
    } else if name.is_empty() || !name.chars().all(fits) {
        "it holds something else than letters, digits, `_` and `-`"
    } else {
        return None;
    };
    let what = format!("`{name}` can't be the name of a route: {reason}");
    Some(Complaint::new(
        Code::BadName,
        "",
        what,
        "use letters, digits, `_` and `-`; consumers, topics and groups are called after it",
    ))
}

/// Filters of one consumer, or of several that share nothing.
fn subjects(spec: &RouteSpec) -> Vec<Complaint> {
    let given = spec.from.subjects.as_deref().unwrap_or_default();
    let field = "from.subjects";
    let mut found: Vec<Complaint> = given
        .iter()
        .filter_map(|subject| Some(no_subject(field, subject, subject_fault(subject)?)))
        .collect();
    let sound: Vec<&str> = given
        .iter()
        .map(String::as_str)
        .filter(|subject| subject_fault(subject).is_none())
        .collect();
    let others = first_covering(sound.iter().copied().enumerate());
    for (subject, other) in sound.iter().zip(others) {
        if let Some(other) = other {
            let what = format!("the subjects `{subject}` and `{}` overlap", sound[other]);
            let hint = "leave the narrower one out";
            found.push(Complaint::new(Code::FilterOverlap, field, what, hint).word(subject));
        }
    }
    found
}

fn once_and_ordered(spec: &RouteSpec) -> Vec<Complaint> {
    let contradicts = is_exactly_once(spec) && spec.ordering == Some(Ordering::None);
    let complaint = contradicts.then(|| {
        Complaint::contradiction(
            "ordering",
            "`delivery: exactly_once` needs the order: what was delivered is told by one position",
            "leave `ordering: none` out, or take `delivery: at_least_once`",
        )
    });
    complaint.into_iter().collect()
}

fn shards(spec: &RouteSpec) -> Vec<Complaint> {
    let Some(shards) = spec.shards.filter(|shards| *shards > 1) else {
        return Vec::new();
    };
    let wrong = |what: String, hint: &str| vec![Complaint::contradiction("shards", what, hint)];
    if spec.from.topic.is_some() {
        return wrong(
            "`shards` is for routes from a stream: a topic is spread over workers by its partitions"
                .to_owned(),
            "leave `shards` out",
        );
    }
    if spec.ordering == Some(Ordering::None) {
        return wrong(
            "`shards` is for routes that keep their order: with `ordering: none` any number of workers shares the route"
                .to_owned(),
            "leave `shards` out",
        );
    }
    let subjects = spec.from.subjects.as_deref().unwrap_or_default();
    let distinct: HashSet<&String> = subjects.iter().collect();
    if i64::try_from(distinct.len()).is_ok_and(|count| count < shards) {
        return wrong(
            format!(
                "{shards} shards need as many subjects at least, and `from.subjects` lists {}",
                distinct.len()
            ),
            "list more subjects that share nothing, such as `events.eu.>` and `events.us.>`, or take fewer shards",
        );
    }
    Vec::new()
}

/// One way to say where it begins.
fn start(spec: &RouteSpec) -> Vec<Complaint> {
    let given = [
        ("start", spec.start.is_some()),
        ("start_sequence", spec.start_sequence.is_some()),
        ("start_time", spec.start_time.is_some()),
    ];
    let given: Vec<&str> = given
        .iter()
        .filter_map(|(field, is_given)| is_given.then_some(*field))
        .collect();
    if let [first, other, ..] = given.as_slice() {
        return vec![Complaint::contradiction(
            other,
            format!("`{first}` and `{other}` both say where the route begins"),
            "keep one of `start`, `start_sequence` and `start_time`",
        )];
    }
    let is_nothing = spec.start_sequence == Some(0) && spec.from.stream.is_some();
    let complaint = is_nothing.then(|| {
        Complaint::new(
            Code::OutOfRange,
            "start_sequence",
            "the first sequence of a stream is 1",
            "take 1 or more, or `start: all`",
        )
    });
    complaint.into_iter().collect()
}

/// The most messages of an atomic batch beside the one that holds the position (ADR-50: 1,000).
const MOST_OF_BATCH: i64 = 999;

fn batch(spec: &RouteSpec) -> Vec<Complaint> {
    let most = spec.batch.as_ref().and_then(|batch| batch.max_messages);
    let is_atomic = is_exactly_once(spec) && spec.to.stream.is_some();
    let complaint = most.filter(|most| is_atomic && *most > MOST_OF_BATCH).map(|most| {
        Complaint::new(
            Code::OutOfRange,
            "batch.max_messages",
            format!("`batch.max_messages: {most}` is more than an atomic batch of JetStream holds beside the position"),
            "take 999 or less",
        )
    });
    complaint.into_iter().collect()
}

fn topic_name(field: &str, name: &str) -> Vec<Complaint> {
    let faults = topic::name_faults(name).into_iter();
    let complaint = |(what, hint)| Complaint::new(Code::BadName, field, what, hint).word(name);
    faults.map(complaint).collect()
}

fn missing(field: &str, what: impl Into<String>, hint: impl Into<String>) -> Complaint {
    Complaint::new(Code::MissingField, field, what, hint)
}

/// The same about another field.
fn at(complaint: Complaint, field: &str) -> Complaint {
    Complaint {
        field: field.to_owned(),
        ..complaint
    }
}
