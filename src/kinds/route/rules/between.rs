//! What a route lies between.

use super::{at, missing, topic_name};
use crate::kinds::route::{OnError, RouteSpec};
use crate::kinds::stream::{Complaint, asset_name, not_literal};
use crate::model::Code;

/// From one of the two.
pub(super) fn from(spec: &RouteSpec) -> Vec<Complaint> {
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
pub(super) fn to(spec: &RouteSpec) -> Vec<Complaint> {
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

/// A place for what can't be delivered, where that is what becomes of it.
pub(super) fn dead_letters(spec: &RouteSpec) -> Vec<Complaint> {
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
