//! JSON Schema (draft-07) from declarations, for editors.

use serde_json::{Map, Value, json};

use super::declaration::{Declaration, Field, Shape};
use super::facts::Facts;
use super::values::pattern;
use crate::model::unit::Unit;

/// Text in which a variable stands, which can be anything once it is replaced.
pub(crate) const VARIABLE: &str = r"\$\{";

/// A quantity of nothing, whatever its unit: `0s`, `0h 0m`, `0.0KiB`.
const NOTHING: &str = r"^(0+(\.0+)?\s*[a-zA-Z]*\s*)+$";

/// Where a schema is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// A part, an overlay or what defaults lie beneath: every field may be missing, and `null`
    /// takes a field away.
    Partial,
    /// An item of a list, which nothing is merged into.
    Whole,
}

/// The schema of an object with the fields of this declaration, in manifest units.
pub fn schema_of(declaration: &Declaration, completeness: Completeness) -> Value {
    let fields = declaration
        .fields
        .iter()
        .filter(|(_, field)| !field.facts.hidden);
    let properties: Map<String, Value> = fields
        .clone()
        .map(|(name, field)| (name.clone(), of_field(field, completeness)))
        .collect();
    let mut schema = Map::new();
    if !declaration.description.is_empty() {
        schema.insert("description".into(), declaration.description.clone().into());
    }
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), properties.into());
    schema.insert("additionalProperties".into(), false.into());
    if completeness == Completeness::Whole {
        let required: Vec<&String> = fields
            .filter(|(_, field)| field.required)
            .map(|(name, _)| name)
            .collect();
        if !required.is_empty() {
            schema.insert("required".into(), json!(required));
        }
    }
    schema.into()
}

/// The schema of a field, `null` included where the field may be taken away.
pub fn of_field(field: &Field, completeness: Completeness) -> Value {
    let mut schema = bare(field, completeness);
    if completeness == Completeness::Partial || !field.required {
        schema = or_null(schema);
    }
    if let Value::Object(object) = &mut schema {
        describe(object, field);
    }
    schema
}

fn bare(field: &Field, completeness: Completeness) -> Value {
    if field.facts.text {
        return of_text_on_the_wire(field);
    }
    match &field.shape {
        Shape::Bool => json!({ "type": ["boolean", "string"], "pattern": VARIABLE }),
        Shape::Integer { min, max } => integer(field, *min, *max),
        Shape::Number => json!({ "type": ["number", "string"], "pattern": VARIABLE }),
        Shape::Text => json!({ "type": "string" }),
        Shape::Choice(words) => json!({
            "anyOf": [{ "enum": words }, { "type": "string", "pattern": VARIABLE }]
        }),
        Shape::List(item) => json!({
            "type": "array",
            "items": of_item(item)
        }),
        Shape::Object(inner) => schema_of(inner, completeness),
        Shape::Map(entry) => of_map(field, entry, completeness),
        Shape::Other(schema) => schema.clone(),
    }
}

fn of_item(item: &Field) -> Value {
    let mut schema = bare(item, Completeness::Whole);
    if let Value::Object(object) = &mut schema {
        describe(object, item);
    }
    schema
}

fn integer(field: &Field, min: Option<i64>, max: Option<i64>) -> Value {
    let facts = &field.facts;
    let mut schema = json!({
        "type": ["integer", "string"],
        "pattern": quantity(facts.unit, !facts.unlimited.is_empty()) + &in_quotes(facts),
    });
    // the numbers that mean `unlimited` are taken too
    let least = min.map(|min| facts.unlimited.iter().copied().fold(min, i64::min));
    if let Some(least) = least {
        schema["minimum"] = least.into();
    }
    let mut refused = Vec::new();
    let holes = holes(min, &facts.unlimited);
    if !holes.is_empty() {
        refused.push(json!({ "enum": holes }));
    }
    if min.is_some_and(|min| min > 0) && !facts.unlimited.contains(&0) {
        refused.push(json!({ "type": "string", "pattern": NOTHING }));
    }
    match refused.len() {
        0 => {}
        1 => schema["not"] = refused.remove(0),
        _ => schema["not"] = json!({ "anyOf": refused }),
    }
    if let Some(max) = max {
        schema["maximum"] = max.into();
    }
    schema
}

/// The numbers below zero that mean `unlimited`, which a quantity takes as text, too.
fn in_quotes(facts: &Facts) -> String {
    let below = facts.unlimited.iter().filter(|number| **number < 0);
    let forms = below.filter(|_| facts.unit.is_some());
    forms.map(|number| format!("|^{number}$")).collect()
}

/// The numbers between those that mean `unlimited` and the least other one.
fn holes(min: Option<i64>, unlimited: &[i64]) -> Vec<i64> {
    match (min, unlimited.iter().min()) {
        (Some(min), Some(least)) => (*least..min)
            .filter(|number| !unlimited.contains(number))
            .collect(),
        (_, _) => Vec::new(),
    }
}

/// What Kafka keeps as text: a quantity, or any scalar, or a list where it is not one value.
fn of_text_on_the_wire(field: &Field) -> Value {
    match field.facts.unit {
        Some(unit) => {
            let forms = quantity(Some(unit), !field.facts.unlimited.is_empty());
            json!({ "type": ["integer", "string"], "pattern": format!(r"{forms}|^[-+]?\d+$") })
        }
        None if field.facts.single => json!({ "type": ["string", "number", "boolean"] }),
        None => json!({
            "type": ["string", "number", "boolean", "array"],
            "items": { "type": ["string", "number", "boolean"] },
        }),
    }
}

fn of_map(field: &Field, entry: &Field, completeness: Completeness) -> Value {
    let any = match field.entry_facts {
        // an unknown key's facts follow from its name, so all forms are open to it
        Some(_) => or_null(json!({
            "type": ["string", "number", "boolean", "array"],
            "items": { "type": ["string", "number", "boolean"] },
        })),
        None => of_field(entry, completeness),
    };
    json!({ "type": "object", "additionalProperties": any })
}

fn quantity(unit: Option<Unit>, unlimited: bool) -> String {
    let mut forms = Vec::new();
    if let Some(unit) = unit {
        forms.push(pattern(unit));
    }
    if unlimited {
        forms.push("^unlimited$");
    }
    forms.push(VARIABLE);
    forms.join("|")
}

fn describe(schema: &mut Map<String, Value>, field: &Field) {
    let mut text = field.description.clone();
    if let Some(since) = &field.facts.since {
        let server = if field.facts.text { "Kafka" } else { "NATS" };
        text.push_str(&format!(" Since {server} {since}."));
    }
    for newer in &field.facts.newer_words {
        text.push_str(&format!(" `{}` since NATS {}.", newer.word, newer.since));
    }
    if !text.is_empty() {
        schema.insert("description".into(), text.trim().into());
    }
    if let Some(default) = &field.facts.default {
        schema.insert("default".into(), field.to_manifest(default));
    }
}

/// The schema with `null` allowed beside.
pub fn or_null(mut schema: Value) -> Value {
    let Value::Object(object) = &mut schema else {
        return schema;
    };
    match object.get_mut("type") {
        Some(Value::Array(types)) => types.push("null".into()),
        Some(Value::String(only)) => {
            let only = std::mem::take(only);
            object.insert("type".into(), json!([only, "null"]));
        }
        _ => match object.get_mut("anyOf") {
            Some(Value::Array(branches)) => branches.push(json!({ "type": "null" })),
            _ => return json!({ "anyOf": [schema, { "type": "null" }] }),
        },
    }
    schema
}
