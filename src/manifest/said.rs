//! Scalars of the tree as a field takes them.

use serde_json::{Number, Value as Json};

use super::node::{Node, Value, short};
use super::scalar;
use crate::kinds::{Field, Shape, is_in_form};
use crate::model::Doc;
use crate::model::unit::Unit;

/// The scalar as the field takes it, still in the manifest's units; none when it is of another type.
pub(super) fn said(field: &Field, node: &Node) -> Option<Json> {
    let expanded;
    let value = match &node.value {
        // what came from a variable takes the type that the field wants
        Value::Expanded(text) if !matches!(field.shape, Shape::Text | Shape::Choice(_)) => {
            expanded = scalar::plain(&text.text);
            match &expanded {
                Value::Null => &node.value,
                value => value,
            }
        }
        value => value,
    };
    let quantity = field.facts.unit.is_some() || !field.facts.unlimited.is_empty();
    match (&field.shape, value) {
        (_, Value::List(_)) if field.facts.single => None,
        (_, value) if field.facts.text => config_text(value),
        (Shape::Bool, Value::Bool(bool)) => Some(Json::Bool(*bool)),
        (Shape::Integer { .. } | Shape::Number, Value::Integer(number)) => Some((*number).into()),
        // beyond 63 bits, where the field takes what is never below zero
        (
            Shape::Integer {
                min: Some(0..),
                max: None,
            },
            Value::Number(digits),
        ) if field.facts.unit.is_none() => digits.parse::<u64>().ok().map(Json::from),
        (Shape::Integer { .. }, Value::Text(text)) => {
            let word_or_unit = field.facts.unit.is_some() || &**text == "unlimited";
            (quantity && word_or_unit).then(|| Json::from(&**text))
        }
        (Shape::Number, Value::Number(digits)) => float(digits),
        (Shape::Text | Shape::Choice(_), value) => text_of(value).map(Json::from),
        (Shape::Other(schema), value) => other(schema, value),
        _ => None,
    }
}

/// Whether a quantity is written in the form that the schema tells editors of.
///
/// # Errors
/// Says that it is not.
pub(super) fn in_form(field: &Field, said: &Json) -> Result<(), String> {
    let (Some(unit), Json::String(text)) = (field.facts.unit, said) else {
        return Ok(());
    };
    let noun = match unit {
        Unit::Bytes => "size",
        Unit::Nanos | Unit::Millis | Unit::Seconds => "duration",
    };
    let is_word = || text == "unlimited" || text.parse::<i64>().is_ok();
    match is_in_form(unit, text) || is_word() {
        true => Ok(()),
        false => Err(format!("`{}` is not a {noun}", short(text))),
    }
}

/// What Kafka keeps as text: a scalar as it is written, a list with commas between.
fn config_text(value: &Value) -> Option<Json> {
    match value {
        Value::List(items) => {
            let words: Option<Vec<String>> =
                items.iter().map(|item| scalar_text(&item.value)).collect();
            words.map(|words| words.join(",").into())
        }
        value => scalar_text(value).map(Json::from),
    }
}

/// A scalar as it is written.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Number(digits) => Some(digits.to_string()),
        value => text_of(value).map(str::to_owned),
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Expanded(expanded) => Some(&expanded.text),
        _ => None,
    }
}

/// A scalar for a field whose schema is none of the simple ones: any that its `type` names.
fn other(schema: &Json, value: &Value) -> Option<Json> {
    let json = scalar_json(value)?;
    let types = match &schema["type"] {
        Json::Array(types) => types.iter().filter_map(Json::as_str).collect(),
        Json::String(only) => vec![only.as_str()],
        _ => return Some(json),
    };
    let fits = match &json {
        Json::Bool(_) => types.contains(&"boolean"),
        Json::Number(number) if number.is_f64() => types.contains(&"number"),
        Json::Number(_) => types.contains(&"integer") || types.contains(&"number"),
        Json::String(_) => types.contains(&"string"),
        _ => false,
    };
    fits.then_some(json)
}

fn scalar_json(value: &Value) -> Option<Json> {
    match value {
        Value::Bool(bool) => Some(Json::Bool(*bool)),
        Value::Integer(number) => Some((*number).into()),
        Value::Number(digits) => float(digits),
        value => text_of(value).map(Json::from),
    }
}

fn float(digits: &str) -> Option<Json> {
    if let Ok(number) = digits.parse::<u64>() {
        return Some(number.into());
    }
    digits
        .parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map(Json::Number)
}

/// A tree that no declaration describes.
pub(super) fn untyped(node: &Node) -> Json {
    match &node.value {
        Value::List(items) => items.iter().map(untyped).collect(),
        Value::Map(map) => map
            .iter()
            .map(|(key, entry)| (key.to_string(), untyped(&entry.node)))
            .collect::<Doc>()
            .into(),
        value => scalar_json(value).unwrap_or(Json::Null),
    }
}
