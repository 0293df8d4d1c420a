//! What a declaration says must become of a change.

use serde_json::Value;
use trueup::kinds::{Declaration, Edit, Field, Kind, NatsVersion, Shape};
use trueup::model::{Flat, KindName};

/// What must become of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// The plan has no step.
    Nothing,
    /// The plan has a step, and it is carried out.
    Done,
    /// The plan refuses it with this code; where a newer server is needed, with its version.
    Refused(&'static str, Option<String>),
    /// The kind's own rule decides: done, or refused by plan and server alike.
    AsTheServer,
}

/// One field's change, both sides settled.
pub struct Change<'a> {
    pub kind: &'a dyn Kind,
    pub path: &'a str,
    /// What is declared, whole.
    pub said: &'a Flat,
    /// What is live, whole; none when it gets created.
    pub live: Option<&'a Flat>,
    /// Whether what is not declared goes back to the default.
    pub resets: bool,
    pub server: NatsVersion,
}

impl Change<'_> {
    pub fn expected(&self) -> Expected {
        if let Some(since) = self.beyond() {
            return Expected::Refused("server-too-old", Some(since));
        }
        let Some(live) = self.live else {
            return Expected::Done;
        };
        let field = self.kind.declaration().field(self.path).unwrap();
        let (before, after) = (part(live, self.path), part(self.said, self.path));
        let (before, after) = (before.as_ref(), after.as_ref());
        let is_kept = after.is_none() && !self.is_reset(before);
        if is_kept || field.same(before, after) {
            return Expected::Nothing;
        }
        self.edited(&field, before)
    }

    fn is_reset(&self, before: Option<&Value>) -> bool {
        let is_own = !self.kind.may_be_given(self.path);
        self.resets && is_own && before.is_some_and(|value| self.kind.can_reset(self.path, value))
    }

    fn edited(&self, field: &Field, before: Option<&Value>) -> Expected {
        match &field.facts.edit {
            Edit::InPlace => Expected::Done,
            Edit::OneWay if field.canonical(before) == Some(true.into()) => {
                Expected::Refused("one-way", None)
            }
            Edit::OneWay => Expected::Done,
            Edit::Fixed if self.kind.name() == KindName::Consumer => {
                Expected::Refused("needs-replace", None)
            }
            Edit::Fixed => Expected::Refused("immutable", None),
            Edit::InPlaceSince(version) if self.is_older_than(version) => {
                Expected::Refused("server-too-old", Some(version.clone()))
            }
            Edit::InPlaceSince(_) => Expected::Done,
            Edit::Ruled => Expected::AsTheServer,
        }
    }

    /// The newest version that something which changes needs, where the server is older.
    fn beyond(&self) -> Option<String> {
        let declaration = self.kind.declaration();
        let mut versions = Vec::new();
        for (path, value) in self.said {
            let Some(field) = declaration.field(path) else {
                continue;
            };
            let live = self.live.and_then(|live| live.get(path));
            if !field.same(live, Some(value)) {
                needed(&field, value, &mut versions);
            }
        }
        versions.retain(|version| self.is_older_than(version));
        versions
            .into_iter()
            .max_by_key(|version| version.parse::<NatsVersion>().unwrap())
    }

    fn is_older_than(&self, version: &str) -> bool {
        self.server < version.parse().unwrap()
    }
}

/// What stands at a path; an open map's entries together.
fn part(fields: &Flat, path: &str) -> Option<Value> {
    let entries = fields.iter().filter_map(|(entry, value)| {
        let key = entry.strip_prefix(path)?.strip_prefix('.')?;
        Some((key.to_owned(), value.clone()))
    });
    let entries: serde_json::Map<String, Value> = entries.collect();
    match fields.get(path) {
        Some(value) => Some(value.clone()),
        None => (!entries.is_empty()).then_some(Value::Object(entries)),
    }
}

/// The versions that a value needs, with all that is in it.
fn needed(field: &Field, value: &Value, versions: &mut Vec<String>) {
    if field.same(Some(value), None) {
        return;
    }
    versions.extend(field.facts.since.clone());
    let words = field.facts.newer_words.iter();
    versions.extend(
        words
            .filter(|newer| *value == newer.word)
            .map(|newer| newer.since.clone()),
    );
    match (&field.shape, value) {
        (Shape::List(item), Value::Array(items)) => {
            items.iter().for_each(|value| needed(item, value, versions));
        }
        (Shape::Object(inner), Value::Object(object)) => in_object(inner, object, versions),
        _ => {}
    }
}

fn in_object(
    declaration: &Declaration,
    object: &serde_json::Map<String, Value>,
    versions: &mut Vec<String>,
) {
    for (name, value) in object {
        if let Some(field) = declaration.fields.get(name) {
            needed(field, value, versions);
        }
    }
}
