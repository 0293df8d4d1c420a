//! An entry about ACLs that is partly wrong: what is sound of it is judged all the same.
//!
//! Something that nobody complains of stands in for each part that was complained of, so that one
//! mistake hides no other.

use serde_json::{Value as Json, json};

use super::node::{Entry, Map, Node, Value};
use super::said::untyped;
use super::walk::{Subject, Walk};
use crate::kinds::{Declaration, Field, Shape};
use crate::model::Doc;

/// The node as a value of the declaration; none when it is no map.
pub(super) fn mended(walk: &Walk<'_>, declaration: &Declaration, node: &Node) -> Option<Json> {
    let Value::Map(map) = &node.value else {
        return None;
    };
    let mut doc = Doc::new();
    for (key, entry) in map.iter().filter(|(_, entry)| !entry.node.is_null()) {
        if let Some(field) = declaration.fields.get(&**key) {
            doc.insert(key.to_string(), part(walk, declaration, field, entry));
        }
    }
    for (name, field) in declaration
        .fields
        .iter()
        .filter(|(_, field)| field.required)
    {
        doc.entry(name.clone()).or_insert_with(|| stand_in(field));
    }
    Some(Json::Object(doc))
}

fn part(walk: &Walk<'_>, declaration: &Declaration, field: &Field, entry: &Entry) -> Json {
    if is_sound(walk, declaration, field, entry) {
        return untyped(&entry.node);
    }
    match (&field.shape, &entry.node.value) {
        (Shape::List(_), Value::List(items)) => items
            .iter()
            .map(|item| {
                let alone = with_value(entry, Value::List(vec![item.clone()]));
                match is_sound(walk, declaration, field, &alone) {
                    true => untyped(item),
                    false => stand_in(field)[0].clone(),
                }
            })
            .collect(),
        (Shape::Object(inner), Value::Map(_)) => resource(walk, inner, field, &entry.node),
        _ => stand_in(field),
    }
}

/// A resource keeps its sound names; where none is left, another stands in for them.
fn resource(walk: &Walk<'_>, inner: &Declaration, field: &Field, node: &Node) -> Json {
    match mended(walk, inner, node) {
        Some(Json::Object(doc)) if doc.keys().any(|key| key != "pattern") => Json::Object(doc),
        _ => stand_in(field),
    }
}

fn is_sound(walk: &Walk<'_>, declaration: &Declaration, field: &Field, entry: &Entry) -> bool {
    let mut alone = Walk::new(walk.files);
    let map = Map::from_iter([(field.name.as_str().into(), entry.clone())]);
    let subject = Subject {
        noun: "",
        address: None,
        others: &[],
        complete: false,
    };
    alone.fields(declaration, &map, None, subject);
    alone.problems.is_empty() && !is_broken(&entry.node)
}

/// Whether something within was already complained of.
pub(super) fn is_broken(node: &Node) -> bool {
    match &node.value {
        Value::Broken => true,
        Value::List(items) => items.iter().any(is_broken),
        Value::Map(map) => map.values().any(|entry| is_broken(&entry.node)),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Expanded(_) => false,
    }
}

fn with_value(entry: &Entry, value: Value) -> Entry {
    let mut entry = entry.clone();
    entry.node.value = value;
    entry
}

/// What nobody complains of.
fn stand_in(field: &Field) -> Json {
    match field.name.as_str() {
        "principal" => json!("User:x"),
        "principals" => json!(["User:x"]),
        "operations" => json!(["all"]),
        "resource" => json!({ "topic": "x" }),
        "host" => json!("*"),
        "hosts" => json!(["*"]),
        "permission" => json!("allow"),
        "pattern" => json!("literal"),
        "cluster" => json!("kafka-cluster"),
        _ if matches!(field.shape, Shape::List(_)) => json!(["x"]),
        _ => json!("x"),
    }
}
