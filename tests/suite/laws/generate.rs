//! Random documents, made from the kinds' own declarations: a field that is added there is tried here.

use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};
use trueup::kinds::{Compare, Declaration, Field, Kind, Resources, Shape, kind};
use trueup::model::unit::Unit;
use trueup::model::{Address, Code, Doc, Flat, KindName, Resource, Severity};

/// A second in nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// Fields of this kind in wire units, as the kind's own rules allow them: each is there with this
/// probability, those that a manifest must give always.
pub fn fields(name: KindName, likely: f64) -> BoxedStrategy<Flat> {
    let kind = kind(name).unwrap();
    let declaration = kind.declaration();
    let documents = match name {
        KindName::Route => route(declaration, likely),
        _ => document(declaration, likely),
    };
    documents
        .prop_map(|doc| declaration.flatten(doc))
        .prop_filter("the kind's rules", move |fields| is_possible(kind, fields))
        .boxed()
}

fn is_possible(kind: &dyn Kind, fields: &Flat) -> bool {
    let name = match kind.name() {
        KindName::Consumer => "S/c",
        KindName::Quota => "user/R",
        _ => "R",
    };
    let resource = Resource::new(Address::new(kind.name(), name), fields.clone());
    let problems = kind.check(&resource, &Resources::new());
    problems
        .iter()
        .all(|problem| problem.severity == Severity::Warning || problem.code == Code::Dangling)
}

/// A route of either direction: where it lies decides what else it may say, so that a document of all fields would hardly ever
/// be one. What speaks of one another is there together.
fn route(declaration: &'static Declaration, likely: f64) -> BoxedStrategy<Doc> {
    const TOGETHER: [&str; 8] = [
        "from",
        "to",
        "key",
        "on_error",
        "dlq",
        "start",
        "start_sequence",
        "start_time",
    ];
    let alone = declaration.fields.values();
    let alone = alone.filter(|field| !TOGETHER.contains(&field.name.as_str()));
    let mut rest = declaration.clone();
    rest.fields = alone.map(|it| (it.name.clone(), it.clone())).collect();
    let ends = select(vec![
        json!({ "from": { "stream": "S" }, "to": { "topic": "t" } }),
        json!({ "from": { "stream": "S", "subjects": ["a.*", "b.*", "c"] }, "to": { "topic": "t" }, "key": "subject(2)" }),
        json!({ "from": { "stream": "S2", "subjects": ["c", "d.>"] }, "to": { "topic": "t-{subject(1)}", "topics": ["t-c", "t-d"] } }),
        json!({ "from": { "topic": "t" }, "to": { "stream": "S", "subject": "a.{key}" } }),
        json!({ "from": { "topic": "t2" }, "to": { "stream": "S2", "subject": "{topic}.{partition}" } }),
    ]);
    let more = select(vec![
        json!({}),
        json!({ "start": "new" }),
        json!({ "start_sequence": 7 }),
        json!({ "start_time": "2026-02-01T12:00:00Z" }),
        json!({ "on_error": "skip" }),
        json!({ "on_error": "dlq", "dlq": { "topic": "dead" } }),
        json!({ "on_error": "dlq", "dlq": { "stream": "DEAD", "subject": "dead" } }),
    ]);
    (ends, more, document(&rest, likely))
        .prop_map(|(ends, more, mut doc)| {
            for part in [ends, more] {
                doc.extend(part.as_object().unwrap().clone());
            }
            doc
        })
        .boxed()
}

fn document(declaration: &Declaration, likely: f64) -> BoxedStrategy<Doc> {
    let mut all: BoxedStrategy<Doc> = Just(Doc::new()).boxed();
    for field in declaration
        .fields
        .values()
        .filter(|field| !field.facts.hidden)
    {
        let Some(strategy) = value(field) else {
            continue;
        };
        let name = field.name.clone();
        let strategy = match field.required {
            true => strategy.prop_map(Some).boxed(),
            false => weighted(likely, strategy).boxed(),
        };
        all = (all, strategy)
            .prop_map(move |(mut doc, value)| {
                if let Some(value) = value {
                    doc.insert(name.clone(), value);
                }
                doc
            })
            .boxed();
    }
    all
}

/// A value that the field can hold; none for shapes that only a schema describes.
fn value(field: &Field) -> Option<BoxedStrategy<Value>> {
    let strategy = match &field.shape {
        Shape::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Integer { min, max } => number(field, *min, *max),
        Shape::Number => (1..100i64).prop_map(|n| json!(n as f64 / 4.0)).boxed(),
        Shape::Text => text(field),
        Shape::Choice(words) => select(words.clone()).prop_map(Value::from).boxed(),
        Shape::List(item) => vec(value(item)?, 0..4).prop_map(distinct).boxed(),
        Shape::Object(declaration) => document(declaration, 0.7).prop_map(Value::Object).boxed(),
        Shape::Map(entry) => map(field, entry)?,
        Shape::Other(_) => return None,
    };
    Some(strategy)
}

fn number(field: &Field, min: Option<i64>, max: Option<i64>) -> BoxedStrategy<Value> {
    let numbers = match field.facts.unit {
        Some(Unit::Nanos) => (1..100_000i64).prop_map(|n| n * SECOND).boxed(),
        Some(Unit::Millis | Unit::Seconds) => (1..1_000_000_000i64).boxed(),
        Some(Unit::Bytes) => (1..1_000_000_000i64).boxed(),
        None => (min.unwrap_or(1)..=max.unwrap_or(1000).min(1000)).boxed(),
    };
    let unlimited = field.facts.unlimited.clone();
    if unlimited.is_empty() {
        return numbers.prop_map(Value::from).boxed();
    }
    prop_oneof![4 => numbers, 1 => select(unlimited)]
        .prop_map(Value::from)
        .boxed()
}

fn text(field: &Field) -> BoxedStrategy<Value> {
    if field.facts.text && field.facts.unit.is_some() {
        return number(field, None, None)
            .prop_map(|n| Value::String(n.to_string()))
            .boxed();
    }
    match field.facts.compare {
        Compare::Instant => (0..28u8)
            .prop_map(|day| format!("2026-02-{:02}T12:00:00Z", day + 1).into())
            .boxed(),
        Compare::Percent => (1..100u8).prop_map(|n| format!("{n}%").into()).boxed(),
        Compare::TextSet => subsequence(vec!["compact", "delete"], 1..=2)
            .prop_shuffle()
            .prop_map(|words| words.join(",").into())
            .boxed(),
        Compare::Exact | Compare::Set => "[a-z]{1,6}".prop_map(Value::from).boxed(),
    }
}

/// Entries under keys that are known, where some are, and under any where none is.
fn map(field: &Field, entry: &Field) -> Option<BoxedStrategy<Value>> {
    let known = field.entries();
    if known.is_empty() {
        let entries = btree_map("[a-z]{1,4}(\\.[a-z]{1,4})?", value(entry)?, 0..4);
        return Some(
            entries
                .prop_map(|entries| entries.into_iter().collect())
                .boxed(),
        );
    }
    let mut all: BoxedStrategy<Doc> = Just(Doc::new()).boxed();
    for entry in known {
        let Some(strategy) = value(&entry) else {
            continue;
        };
        all = (all, weighted(0.1, strategy))
            .prop_map(move |(mut doc, value)| {
                if let Some(value) = value {
                    doc.insert(entry.name.clone(), value);
                }
                doc
            })
            .boxed();
    }
    Some(all.prop_map(Value::Object).boxed())
}

fn distinct(mut items: Vec<Value>) -> Value {
    let mut seen = Vec::new();
    items.retain(|item| {
        let is_new = !seen.contains(item);
        seen.push(item.clone());
        is_new
    });
    Value::Array(items)
}
