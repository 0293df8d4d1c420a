use serde_json::Value;

use crate::kinds::{Compare, Edit, Field, Shape};
use crate::model::unit::Unit;
use crate::model::{Broker, KindName};
use crate::report::one_line;

/// What a field takes, in a few words: `duration`, `size`, `one of file, memory`.
pub(super) fn takes(field: &Field) -> String {
    let what = match (&field.facts.unit, &field.shape) {
        (None, _) if field.facts.takes.is_some() => field.facts.takes.clone().unwrap_or_default(),
        (Some(Unit::Nanos | Unit::Millis | Unit::Seconds), shape) => above_zero("duration", shape),
        (Some(Unit::Bytes), shape) => above_zero("size", shape),
        (None, shape) => of_shape(shape),
    };
    if field.facts.unlimited.is_empty() {
        what
    } else {
        format!("{what} or `unlimited`")
    }
}

fn above_zero(quantity: &str, shape: &Shape) -> String {
    match shape {
        Shape::Integer { min: Some(1..), .. } => format!("{quantity} above 0"),
        _ => quantity.to_owned(),
    }
}

fn of_shape(shape: &Shape) -> String {
    match shape {
        Shape::Bool => "true or false".to_owned(),
        Shape::Integer { min, max } => match (min, max) {
            (Some(min), Some(max)) => format!("integer, {min} to {max}"),
            (Some(min), None) => format!("integer, at least {min}"),
            (None, Some(max)) => format!("integer, at most {max}"),
            (None, None) => "integer".to_owned(),
        },
        Shape::Number => "number".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Choice(words) => format!("one of {}", words.join(", ")),
        Shape::List(item) => match &item.shape {
            Shape::Object(_) => "list of objects".to_owned(),
            _ => format!("list of {}", takes(item)),
        },
        Shape::Object(_) => "object".to_owned(),
        Shape::Map(entry) => match &entry.shape {
            Shape::Other(_) => "map, any key".to_owned(),
            _ => format!("map of {}", takes(entry)),
        },
        Shape::Other(_) => "any value".to_owned(),
    }
}

/// How a plain number is read, where the field has a unit.
pub(super) fn plain_number(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanos => "nanoseconds",
        Unit::Millis => "milliseconds",
        Unit::Seconds => "seconds",
        Unit::Bytes => "bytes",
    }
}

/// How a live resource takes a change of the field, in words.
pub(super) fn edits(edit: &Edit, kind: KindName) -> String {
    match edit {
        Edit::InPlace => "in place".to_owned(),
        Edit::OneWay => "one way: it can be switched on, never off".to_owned(),
        Edit::Fixed => match kind {
            KindName::Consumer => {
                "never in place; the consumer is replaced, with consent".to_owned()
            }
            KindName::Route => "never in place; the route is replaced, with consent".to_owned(),
            KindName::Acl => "never in place; another field means another ACL".to_owned(),
            KindName::Stream
            | KindName::Kv
            | KindName::ObjectStore
            | KindName::Topic
            | KindName::Quota
            | KindName::User => {
                "never after creation; a plan that asks for it is refused".to_owned()
            }
        },
        Edit::InPlaceSince(version) => format!("in place from {} {version} on", kind.broker()),
        Edit::Ruled => "depends on the old and the new value; the plan says".to_owned(),
    }
}

/// The same in a word or two, for a table.
pub(super) fn edits_short(edit: &Edit) -> String {
    match edit {
        Edit::InPlace => "in place".to_owned(),
        Edit::OneWay => "on only".to_owned(),
        Edit::Fixed => "fixed".to_owned(),
        Edit::InPlaceSince(version) => format!("from {version}"),
        Edit::Ruled => "by rule".to_owned(),
    }
}

/// How two values are compared, where that is not plain.
pub(super) fn compared(compare: Compare) -> Option<&'static str> {
    match compare {
        Compare::Exact => None,
        Compare::Set | Compare::TextSet => Some("the order has no meaning"),
        Compare::Instant => Some("as instants, whatever the time zone"),
        Compare::Percent => Some("with or without the `%`"),
    }
}

/// The field's default as a manifest says it.
pub(super) fn default(field: &Field) -> Option<String> {
    let default: &Value = field.facts.default.as_ref()?;
    Some(one_line(&field.to_manifest(default)))
}

/// The server that brought the field, and those that brought words of it later.
pub(super) fn since(field: &Field, broker: Broker) -> Option<String> {
    let facts = &field.facts;
    let server = |version: &str, level: Option<u8>| match level {
        Some(level) => format!("{broker} {version} (JetStream API level {level})"),
        None => format!("{broker} {version}"),
    };
    let own = facts
        .since
        .iter()
        .map(|since| server(since, facts.api_level));
    let words = facts.newer_words.iter().map(|newer| {
        let brought = server(&newer.since, Some(newer.api_level));
        format!("`{}` with {brought}", newer.word)
    });
    let said: Vec<String> = own.chain(words).collect();
    (!said.is_empty()).then(|| said.join("; "))
}
