//! The pages as JSON, for programs.

use serde_json::{Map, Value, json};

use super::kind::{all, under};
use super::words;
use crate::kinds::{Field, Kind, Shape, is_foretold};
use crate::manifest::Part;
use crate::model::unit::Unit;
use crate::model::{Broker, Code};
use crate::plan::FORMAT_VERSION;

/// What there is to explain: `{format_version, kinds, sections, codes}`.
pub fn overview(kinds: &[&dyn Kind], parts: &[Part]) -> Value {
    let kinds: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            let name = kind.name();
            json!({ "kind": name, "under": under(name), "description": kind.declaration().description })
        })
        .collect();
    let sections: Vec<Value> = parts
        .iter()
        .map(|part| json!({ "section": part.path, "description": part.description }))
        .collect();
    let codes: Vec<Value> = Code::ALL.iter().map(|code| words_of(*code)).collect();
    versioned(json!({ "kinds": kinds, "sections": sections, "codes": codes }))
}

/// A kind: `{format_version, kind, broker, under, description, aliases, fields}`.
pub fn kind(kind: &dyn Kind) -> Value {
    let name = kind.name();
    let fields = all(kind.declaration(), "");
    let aliases: Map<String, Value> = kind
        .aliases()
        .iter()
        .map(|(alias, path)| ((*alias).to_owned(), Value::from(*path)))
        .collect();
    versioned(json!({
        "kind": name,
        "broker": name.broker(),
        "under": under(name),
        "description": kind.declaration().description,
        "aliases": aliases,
        "fields": listed(&fields, Some(name.broker())),
    }))
}

/// A field of a kind by its path; none where it has no such field.
pub fn field(kind: &dyn Kind, path: &str) -> Option<Value> {
    let field = kind.declaration().within(path)?;
    let mut page = one(path, &field, Some(kind.name().broker()));
    page["kind"] = kind.name().as_str().into();
    Some(versioned(page))
}

/// A part of a manifest: `{format_version, section, description, fields}`.
pub fn part(part: &Part) -> Value {
    versioned(json!({
        "section": part.path,
        "description": part.description,
        "fields": listed(&part.fields, None),
    }))
}

/// A field of a part of a manifest by its path; none where it has no such field.
pub fn part_field(part: &Part, path: &str) -> Option<Value> {
    let (_, field) = part.fields.iter().find(|(name, _)| name == path)?;
    let mut page = one(path, field, None);
    page["section"] = part.path.as_str().into();
    Some(versioned(page))
}

/// A code: `{format_version, code, title, way_out}`, and `source` where the rule is not ours.
pub fn code(code: Code) -> Value {
    versioned(words_of(code))
}

fn words_of(code: Code) -> Value {
    let mut words = json!({ "code": code, "title": code.title(), "way_out": code.way_out() });
    if is_foretold(code) {
        words["told_by_validate"] = true.into();
    }
    if let Some(source) = code.source() {
        words["source"] = source.into();
    }
    words
}

fn listed(fields: &[(String, Field)], broker: Option<Broker>) -> Vec<Value> {
    fields
        .iter()
        .map(|(path, field)| one(path, field, broker))
        .collect()
}

/// A field; what it has not is left out. Only a field of a kind lives on a broker, and so has a
/// way to change.
fn one(path: &str, field: &Field, broker: Option<Broker>) -> Value {
    let facts = &field.facts;
    let mut page = json!({
        "field": path,
        "type": type_of(field),
        "takes": words::takes(field),
        "required": field.required,
        "description": field.description,
    });
    let since = broker.and_then(|broker| words::since(field, broker));
    let default = facts.default.as_ref().map(|value| field.to_manifest(value));
    let edit = broker.and_then(|_| serde_json::to_value(&facts.edit).ok());
    let said = [
        (
            "unit",
            facts.unit.map(|unit| words::plain_number(unit).into()),
        ),
        ("values", values(field)),
        ("entries", entries(&field.shape).map(Value::from)),
        ("default", default),
        ("edit", edit),
        ("since", since.map(Value::from)),
        ("source", facts.source.as_deref().map(Value::from)),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            page[name] = value;
        }
    }
    page
}

fn type_of(field: &Field) -> &'static str {
    match (field.facts.unit, &field.shape) {
        (Some(Unit::Nanos | Unit::Millis | Unit::Seconds), _) => "duration",
        (Some(Unit::Bytes), _) => "size",
        (None, shape) => match shape {
            Shape::Bool => "boolean",
            Shape::Integer { .. } => "integer",
            Shape::Number => "number",
            Shape::Text | Shape::Choice(_) => "text",
            Shape::List(_) => "list",
            Shape::Object(_) => "object",
            Shape::Map(_) => "map",
            Shape::Other(_) => "any",
        },
    }
}

fn entries(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::List(item) | Shape::Map(item) => Some(type_of(item)),
        Shape::Bool
        | Shape::Integer { .. }
        | Shape::Number
        | Shape::Text
        | Shape::Choice(_)
        | Shape::Object(_)
        | Shape::Other(_) => None,
    }
}

fn values(field: &Field) -> Option<Value> {
    match &field.shape {
        Shape::Choice(words) => Some(words.clone().into()),
        Shape::List(item) => values(item),
        Shape::Bool
        | Shape::Integer { .. }
        | Shape::Number
        | Shape::Text
        | Shape::Object(_)
        | Shape::Map(_)
        | Shape::Other(_) => None,
    }
}

fn versioned(page: Value) -> Value {
    let mut whole = Map::new();
    whole.insert("format_version".into(), FORMAT_VERSION.into());
    if let Value::Object(page) = page {
        whole.extend(page);
    }
    whole.into()
}
