use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::facts::{Edit, Facts};
use crate::model::{Doc, Flat};

/// A kind's fields as its Rust struct declares them: the one table that the diff, the schema,
/// `explain`, `export` and the tests' generators read.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The struct's doc comment.
    pub description: String,
    /// Its fields, in the order of the struct.
    pub fields: IndexMap<String, Field>,
}

/// One field of a declaration.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name on the wire and in the manifest.
    pub name: String,
    /// Its doc comment.
    pub description: String,
    /// What its attribute says.
    pub facts: Facts,
    /// What it holds.
    pub shape: Shape,
    /// Whether the manifest must give it.
    pub required: bool,
    /// The facts of an open map's entries, by key.
    pub entry_facts: Option<fn(&str) -> Facts>,
    /// What is known of an open map's entries, by key.
    pub entry_description: Option<fn(&str) -> Option<String>>,
    /// The keys of an open map that are known by name, where some are.
    pub entry_keys: Option<fn() -> Vec<&'static str>>,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Shape {
    /// true or false.
    Bool,
    /// A whole number within these bounds.
    Integer {
        /// The least that is taken.
        min: Option<i64>,
        /// The most that is taken.
        max: Option<i64>,
    },
    /// Any number.
    Number,
    /// Text.
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// A list of such.
    List(Box<Field>),
    /// An object with fields of its own.
    Object(Declaration),
    /// An open map: any key, such values.
    Map(Box<Field>),
    /// Whatever the schema says.
    Other(Value),
}

impl Declaration {
    /// The same, with facts for the entries of the open map `name`.
    pub fn with_entries(mut self, name: &str, facts: fn(&str) -> Facts) -> Declaration {
        if let Some(field) = self.fields.get_mut(name) {
            field.entry_facts = Some(facts);
        }
        self
    }

    /// The same, with words about the entries of the open map `name`.
    pub fn with_entry_descriptions(
        mut self,
        name: &str,
        description: fn(&str) -> Option<String>,
    ) -> Declaration {
        if let Some(field) = self.fields.get_mut(name) {
            field.entry_description = Some(description);
        }
        self
    }

    /// The same, with the keys of the open map `name` that are known by name.
    pub fn with_entry_keys(mut self, name: &str, keys: fn() -> Vec<&'static str>) -> Declaration {
        if let Some(field) = self.fields.get_mut(name) {
            field.entry_keys = Some(keys);
        }
        self
    }

    /// The field at a dotted path, with the facts of an open map's entry where it is one.
    pub fn field(&self, path: &str) -> Option<Cow<'_, Field>> {
        if let Some(field) = self.fields.get(path) {
            return Some(Cow::Borrowed(field));
        }
        let (head, rest) = path.split_once('.')?;
        let field = self.fields.get(head)?;
        match &field.shape {
            Shape::Object(inner) => inner.field(rest),
            Shape::Map(entry) => Some(Cow::Owned(field.entry(entry, rest))),
            Shape::Bool
            | Shape::Integer { .. }
            | Shape::Number
            | Shape::Text
            | Shape::Choice(_)
            | Shape::List(_)
            | Shape::Other(_) => None,
        }
    }

    /// The field at a dotted path, those of the objects in lists included (`sources.external.api`).
    pub fn within(&self, path: &str) -> Option<Cow<'_, Field>> {
        self.field(path).or_else(|| {
            let (head, rest) = path.split_once('.')?;
            self.fields.get(head)?.inside()?.within(rest)
        })
    }

    /// What a live resource says in fields that are not declared here: those of a newer server. One that is false, zero or
    /// empty says nothing: nobody has set it.
    pub fn unknown<'a>(&'a self, live: &'a Flat) -> impl Iterator<Item = (&'a String, &'a Value)> {
        live.iter()
            .filter(|(path, value)| !says_nothing(value) && self.field(path).is_none())
    }

    /// Takes nested objects and open maps apart. Unknown fields stay as they are.
    pub fn flatten(&self, doc: Doc) -> Flat {
        let mut flat = Flat::with_capacity(doc.len());
        for (name, value) in doc {
            match (self.fields.get(&name).map(|field| &field.shape), value) {
                (Some(Shape::Object(inner)), Value::Object(object)) => {
                    let nested = inner.flatten(object).into_iter();
                    flat.extend(nested.map(|(path, v)| (format!("{name}.{path}"), v)));
                }
                (Some(Shape::Map(_)), Value::Object(object)) => {
                    let entries = object.into_iter();
                    flat.extend(entries.map(|(key, v)| (format!("{name}.{key}"), v)));
                }
                (_, value) => {
                    flat.insert(name, value);
                }
            }
        }
        flat
    }

    /// Sets the value at a dotted path of a document; `None` removes it.
    pub fn set(&self, doc: &mut Doc, path: &str, value: Option<Value>) {
        let nested = path.split_once('.').and_then(|(head, rest)| {
            let field = self.fields.get(head)?;
            matches!(field.shape, Shape::Object(_) | Shape::Map(_)).then_some((field, head, rest))
        });
        let Some((field, head, rest)) = nested else {
            put(doc, path, value);
            return;
        };
        let inner = doc.entry(head).or_insert_with(|| json!({}));
        if !inner.is_object() {
            *inner = json!({});
        }
        if let Some(object) = inner.as_object_mut() {
            match &field.shape {
                Shape::Object(declaration) => declaration.set(object, rest, value),
                _ => put(object, rest, value),
            }
            if object.is_empty() {
                doc.remove(head);
            }
        }
    }

    /// Puts a flat document together again.
    pub fn unflatten(&self, flat: &Flat) -> Doc {
        let mut doc = Doc::new();
        for (path, value) in flat {
            self.set(&mut doc, path, Some(value.clone()));
        }
        doc
    }
}

fn put(doc: &mut Doc, name: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            doc.insert(name.to_owned(), value);
        }
        None => {
            doc.remove(name);
        }
    }
}

impl Field {
    /// The fields of an object, or of the objects of a list or map.
    pub fn inside(&self) -> Option<&Declaration> {
        match &self.shape {
            Shape::Object(inner) => Some(inner),
            Shape::List(item) | Shape::Map(item) => item.inside(),
            Shape::Bool
            | Shape::Integer { .. }
            | Shape::Number
            | Shape::Text
            | Shape::Choice(_)
            | Shape::Other(_) => None,
        }
    }

    /// Whether a live resource that holds this value takes the default in its place.
    pub fn can_reset(&self, live: &Value) -> bool {
        match self.facts.edit {
            Edit::Fixed => false,
            Edit::OneWay => *live != Value::Bool(true),
            Edit::InPlace | Edit::InPlaceSince(_) | Edit::Ruled => true,
        }
    }

    /// The entries of this open map that are known by name; none where it has none.
    pub fn entries(&self) -> Vec<Field> {
        match (&self.shape, self.entry_keys) {
            (Shape::Map(entry), Some(keys)) => keys()
                .into_iter()
                .map(|key| self.entry(entry, key))
                .collect(),
            (_, _) => Vec::new(),
        }
    }

    /// The entry `key` of this open map.
    fn entry(&self, entry: &Field, key: &str) -> Field {
        let facts = self
            .entry_facts
            .map_or_else(|| entry.facts.clone(), |facts| facts(key));
        let description = self.entry_description.and_then(|words| words(key));
        Field {
            name: key.to_owned(),
            facts,
            description: description.unwrap_or_else(|| entry.description.clone()),
            ..entry.clone()
        }
    }
}

/// Whether it is what a server shows of a field that was never set.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(says_nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::field;
    use super::*;
    use crate::model::unit::Unit;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    /// A thing.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Thing {
        /// How long.
        #[schemars(extend("x-field" = field().unit(Unit::Nanos).unlimited(&[0])))]
        max_age: Option<i64>,
        /// Which way.
        way: Option<Way>,
        /// Where.
        placement: Option<Placement>,
        /// Tags.
        #[serde(default)]
        metadata: IndexMap<String, String>,
    }

    /// A way.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Way {
        /// Up.
        Up,
        Down,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Placement {
        #[schemars(extend("x-field" = field().set()))]
        tags: Option<Vec<String>>,
    }

    fn doc(value: Value) -> Doc {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn facts_and_shapes_come_from_the_struct() {
        let thing = Declaration::of::<Thing>();
        assert_eq!(thing.description, "A thing.");
        let age = thing.field("max_age").unwrap();
        assert_eq!(
            (age.facts.unit, age.facts.unlimited.clone()),
            (Some(Unit::Nanos), vec![0])
        );
        assert_eq!(age.description, "How long.");
        assert!(matches!(age.shape, Shape::Integer { .. }));
        let way = thing.field("way").unwrap();
        assert_eq!(way.description, "Which way.");
        assert!(
            matches!(&way.shape, Shape::Choice(words) if *words == ["up", "down"] || *words == ["down", "up"])
        );
        let tags = thing.field("placement.tags").unwrap();
        assert_eq!(tags.facts.compare, super::super::facts::Compare::Set);
        assert!(thing.field("metadata.a.b").is_some());
        assert!(thing.field("nothing").is_none());
    }

    #[test]
    fn a_document_comes_apart_and_together() {
        let thing = Declaration::of::<Thing>();
        let whole = doc(json!({
            "max_age": 5, "placement": { "tags": ["a"] },
            "metadata": { "a.b": "c" }, "later": { "x": 1 }
        }));
        let flat = thing.flatten(whole.clone());
        assert_eq!(flat["placement.tags"], json!(["a"]));
        assert_eq!(flat["metadata.a.b"], json!("c"));
        assert_eq!(flat["later"], json!({ "x": 1 }));
        assert_eq!(thing.unflatten(&flat), whole);
    }
}
