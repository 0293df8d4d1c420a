//! What is wrong with a route by itself.

use std::collections::HashSet;

use super::ends::is_exactly_once;
use super::key::{KEY_FORMS, KeyRule, is_header};
use super::template::{NoSubject, SubjectTemplate, TopicTemplate};
use super::{OnError, Ordering, PATH_HEADER, RouteSpec, declaration, spec_of};
use crate::kinds::stream::{
    Complaint, Said, asset_name, bad_instants, first_covering, no_subject, not_literal,
    subject_fault,
};
use crate::kinds::topic;
use crate::model::{Address, Code, Problem, Resource};

type Rule = fn(&RouteSpec) -> Vec<Complaint>;

const RULES: &[Rule] = &[
    from,
    to,
    key,
    topics,
    subject,
    subjects,
    dead_letters,
    once_and_ordered,
    shards,
    start,
    headers,
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

/// From one of the two.
fn from(spec: &RouteSpec) -> Vec<Complaint> {
    match (&spec.from.stream, &spec.from.topic) {
        (Some(stream), None) => asset_name("stream", stream)
            .map(|it| at(it, "from.stream"))
            .into_iter()
            .collect(),
        (None, Some(topic)) => {
            let mut found = topic_name("from.topic", topic);
            if spec.from.subjects.is_some() {
                found.push(Complaint::contradiction(
                    "from.subjects",
                    "`from.subjects` is for routes from a stream: a topic has no subjects",
                    "leave `from.subjects` out",
                ));
            }
            found
        }
        (Some(_), Some(_)) => vec![Complaint::contradiction(
            "from.topic",
            "a route comes from one place: `from.stream` and `from.topic` are both given",
            "keep one of the two, and make a route for the other",
        )],
        (None, None) => vec![missing(
            "from",
            "the route does not say where its messages come from",
            "say `from: { stream: NAME }` or `from: { topic: NAME }`",
        )],
    }
}

/// To the other broker.
fn to(spec: &RouteSpec) -> Vec<Complaint> {
    let (from_stream, from_topic) = (spec.from.stream.is_some(), spec.from.topic.is_some());
    if from_stream == from_topic {
        return Vec::new();
    }
    let to = &spec.to;
    let wrong =
        |field: &str, what: &str, hint: &str| vec![Complaint::contradiction(field, what, hint)];
    if from_stream && (to.stream.is_some() || to.subject.is_some()) {
        let field = if to.stream.is_some() {
            "to.stream"
        } else {
            "to.subject"
        };
        return wrong(
            field,
            "a route from a stream goes to a topic",
            "say `to: { topic: NAME }`; a stream takes another one's messages by `sources`",
        );
    }
    if from_topic && (to.topic.is_some() || to.topics.is_some()) {
        let field = if to.topic.is_some() {
            "to.topic"
        } else {
            "to.topics"
        };
        return wrong(
            field,
            "a route from a topic goes to a stream",
            "say `to: { stream: NAME, subject: SUBJECT }`; between topics, Kafka's own MirrorMaker or Streams does it",
        );
    }
    match (&to.stream, &to.subject) {
        (None, None) if from_stream && to.topic.is_some() => Vec::new(),
        (Some(stream), Some(_)) => asset_name("stream", stream)
            .map(|it| at(it, "to.stream"))
            .into_iter()
            .collect(),
        (Some(_), None) => vec![missing(
            "to",
            "the route does not say on which subject it publishes",
            "say `to: { stream: NAME, subject: SUBJECT }`; the subject may hold `{key}`, `{topic}` and `{partition}`",
        )],
        (None, Some(_)) => vec![missing(
            "to",
            "the route does not say which stream takes what it publishes",
            "say `to: { stream: NAME, subject: SUBJECT }`",
        )],
        (None, None) => vec![missing(
            "to",
            "the route does not say where its messages go",
            match from_stream {
                true => "say `to: { topic: NAME }`",
                false => "say `to: { stream: NAME, subject: SUBJECT }`",
            },
        )],
    }
}

fn key(spec: &RouteSpec) -> Vec<Complaint> {
    let Some(said) = &spec.key else {
        return Vec::new();
    };
    if spec.from.topic.is_some() {
        return vec![Complaint::contradiction(
            "key",
            "`key` is for routes into a topic: a record's own key goes into a subject as `{key}`",
            "leave `key` out",
        )];
    }
    let why = match KeyRule::parse(said) {
        Err(why) => why,
        Ok(rule) => match beyond(&rule, spec) {
            Some(why) => why,
            None => return Vec::new(),
        },
    };
    let what = format!("`{said}` is no rule for a key: {why}");
    vec![Complaint::new(Code::UnknownValue, "key", what, KEY_FORMS).word(said)]
}

/// A token that none of the subjects has.
fn beyond(rule: &KeyRule, spec: &RouteSpec) -> Option<String> {
    let KeyRule::Token(number) = rule else {
        return None;
    };
    let subjects = spec.from.subjects.as_deref().unwrap_or_default();
    let has = |subject: &String| subject.ends_with('>') || subject.split('.').count() >= *number;
    (!subjects.is_empty() && !subjects.iter().any(has))
        .then(|| format!("no subject of the route has {number} tokens"))
}

/// The topic, or those that its template can become.
fn topics(spec: &RouteSpec) -> Vec<Complaint> {
    let Some(said) = spec.to.topic.as_ref().filter(|_| spec.from.topic.is_none()) else {
        return Vec::new();
    };
    let field = "to.topic";
    let template = match TopicTemplate::parse(said) {
        Ok(template) => template,
        Err(why) => {
            let what = format!("`{said}` is no topic to go to: {why}");
            return vec![
                Complaint::new(
                    Code::BadName,
                    field,
                    what,
                    "write `{subject(N)}` for the Nth token, counted from 1",
                )
                .word(said),
            ];
        }
    };
    let closed = spec.to.topics.as_deref().unwrap_or_default();
    match (template.is_fixed(), closed) {
        (true, []) => return topic_name(field, said),
        (true, _) => {
            return vec![Complaint::contradiction(
                "to.topics",
                format!(
                    "`to.topics` is for a `to.topic` with `{{subject(N)}}` in it; `{said}` is always the same"
                ),
                "leave `to.topics` out",
            )];
        }
        (false, []) => {
            return vec![missing(
                field,
                format!("`{said}` goes by the subject, and which topics that can be is not said"),
                "list each of them: `to: { topics: [a, b] }`; any other is an error of its message",
            )];
        }
        (false, _) => {}
    }
    let mut found = Vec::new();
    for topic in closed {
        found.extend(topic_name("to.topics", topic));
        if !template.can_be(topic) {
            let what = format!("`{said}` never becomes `{topic}`");
            let hint = "take it out, or repair the one or the other";
            found.push(Complaint::contradiction("to.topics", what, hint).word(topic));
        }
    }
    found
}

fn subject(spec: &RouteSpec) -> Vec<Complaint> {
    let Some(said) = spec
        .to
        .subject
        .as_ref()
        .filter(|_| spec.from.stream.is_none())
    else {
        return Vec::new();
    };
    let complaint = unfit(said, spec.from.topic.as_deref()).map(|why| {
        let what = format!("nothing can be published on `{said}`: {why}");
        let hint =
            "tokens stand between dots; the subject may hold `{key}`, `{topic}` and `{partition}`";
        Complaint::new(Code::BadName, "to.subject", what, hint).word(said)
    });
    complaint.into_iter().collect()
}

/// Why nothing can be published on a subject: as a worker makes it of a record of this topic.
fn unfit(said: &str, topic: Option<&str>) -> Option<String> {
    let template = match SubjectTemplate::parse(said) {
        Ok(template) => template,
        Err(why) => return Some(why),
    };
    // a topic whose name is wrong is told of that alone
    let topic = topic.filter(|name| topic_name("from.topic", name).is_empty());
    match template.subject(Some(b"key"), topic.unwrap_or("topic"), 0) {
        Ok(_) => None,
        Err(NoSubject::Unfit { why, subject }) if subject == said => Some(why.to_owned()),
        Err(NoSubject::Unfit { why, subject }) => Some(format!("it becomes `{subject}`: {why}")),
        Err(no @ (NoSubject::NoKey | NoSubject::EmptyKey | NoSubject::TooLong(_))) => {
            Some(no.to_string())
        }
    }
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

/// A place for what can't be delivered, where that is what becomes of it.
fn dead_letters(spec: &RouteSpec) -> Vec<Complaint> {
    let goes_there = spec.on_error == Some(OnError::Dlq);
    let Some(dlq) = &spec.dlq else {
        return match goes_there {
            true => vec![missing(
                "on_error",
                "`on_error: dlq` needs a `dlq`",
                "say `dlq: { topic: NAME }` or `dlq: { stream: NAME, subject: SUBJECT }`",
            )],
            false => Vec::new(),
        };
    };
    if !goes_there {
        return vec![Complaint::contradiction(
            "dlq",
            "`dlq` is for `on_error: dlq` only",
            "say `on_error: dlq`, or leave `dlq` out",
        )];
    }
    match (&dlq.topic, &dlq.stream, &dlq.subject) {
        (Some(topic), None, None) => topic_name("dlq.topic", topic),
        (None, Some(stream), Some(subject)) => {
            let name = asset_name("stream", stream).map(|it| at(it, "dlq.stream"));
            let subject = not_literal(subject).map(|why| {
                let what = format!("nothing can be published on `{subject}`: {why}");
                let hint = "take one subject without `*` and `>`";
                Complaint::new(Code::BadName, "dlq.subject", what, hint).word(subject)
            });
            name.into_iter().chain(subject).collect()
        }
        _ => vec![Complaint::contradiction(
            "dlq",
            "`dlq` is a topic, or a subject of a stream",
            "say `dlq: { topic: NAME }` or `dlq: { stream: NAME, subject: SUBJECT }`",
        )],
    }
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

/// Headers that NATS or trueup gives a meaning are no one's to add.
fn headers(spec: &RouteSpec) -> Vec<Complaint> {
    let Some(headers) = &spec.headers else {
        return Vec::new();
    };
    let unfit = |field: &str, name: &str| {
        let what = format!("`{name}` can't be the name of a header");
        let hint = "use visible characters of ASCII, and no colon";
        Complaint::new(Code::BadName, field, what, hint).word(name)
    };
    let mut found = Vec::new();
    for name in headers
        .deny
        .iter()
        .flatten()
        .filter(|name| !is_header(name))
    {
        found.push(unfit("headers.deny", name));
    }
    for (name, value) in headers.add.iter().flatten() {
        let field = format!("headers.add.{name}");
        let lower = name.to_ascii_lowercase();
        if !is_header(name) {
            found.push(unfit(&field, name));
        } else if lower.starts_with("nats-") || lower == PATH_HEADER {
            let what =
                format!("`{name}` has a meaning to the server or to trueup, so no route adds it");
            found.push(Complaint::contradiction(&field, what, "take another name"));
        } else if value.contains(['\r', '\n']) {
            let what =
                format!("the value of header `{name}` holds a line break, which NATS can't carry");
            found.push(Complaint::contradiction(
                &field,
                what,
                "take the line break out",
            ));
        }
    }
    found
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
