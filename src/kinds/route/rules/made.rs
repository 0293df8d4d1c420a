//! What is made of a message: its key, topic, subject and headers.

use super::{missing, topic_name};
use crate::kinds::route::key::is_header;
use crate::kinds::route::{
    KEY_FORMS, KeyRule, NoSubject, PATH_HEADER, RouteSpec, SubjectTemplate, TopicTemplate,
};
use crate::kinds::stream::Complaint;
use crate::model::Code;

pub(super) fn key(spec: &RouteSpec) -> Vec<Complaint> {
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
pub(super) fn topics(spec: &RouteSpec) -> Vec<Complaint> {
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

pub(super) fn subject(spec: &RouteSpec) -> Vec<Complaint> {
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

/// Headers that NATS or trueup gives a meaning are no one's to add.
pub(super) fn headers(spec: &RouteSpec) -> Vec<Complaint> {
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
