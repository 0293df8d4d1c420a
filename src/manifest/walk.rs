//! The structural check: a tree against a declaration, every problem at once.

mod scalars;

use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::complaints::{unknown_field, wanted};
use super::node::{Entry, Files, Map, Node, Value};
use super::said::untyped;
use super::suggest::nearest;
use crate::kinds::{Declaration, Field, Shape};
use crate::model::{Address, Code, Doc, FieldPlace, Flat, Place, Problem};

/// What is being checked, for messages.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// What has the fields: `stream`, `connections.nats`.
    pub noun: &'a str,
    /// The resource, where it is one.
    pub address: Option<&'a Address>,
    /// Names that are taken beside the declaration's, for suggestions.
    pub others: &'a [&'a str],
    /// Whether fields that must be there are asked for.
    pub complete: bool,
}

/// Fields in the broker's own units, and where they stand.
#[derive(Default)]
pub(super) struct Fields {
    pub values: Flat,
    pub places: IndexMap<String, FieldPlace>,
    /// The paths whose values were refused, and the fields that misspelt keys most likely mean.
    pub lost: Vec<String>,
}

/// Walks trees and collects what is wrong with them.
pub(super) struct Walk<'a> {
    pub files: &'a Files,
    pub problems: Vec<Problem>,
    /// The facts of open maps' entries that were asked for before.
    entries: HashMap<usize, HashMap<Box<str>, Rc<Field>>>,
}

impl<'a> Walk<'a> {
    pub fn new(files: &'a Files) -> Self {
        Walk {
            files,
            problems: Vec::new(),
            entries: HashMap::new(),
        }
    }

    /// The fields of a map, taken apart into dotted paths. `at` is where the whole stands.
    pub fn fields(
        &mut self,
        declaration: &Declaration,
        map: &Map,
        at: Option<Place>,
        subject: Subject<'_>,
    ) -> Fields {
        let mut out = Fields::default();
        self.object(declaration, map, "", at, subject, &mut out);
        out
    }

    fn object(
        &mut self,
        declaration: &Declaration,
        map: &Map,
        prefix: &str,
        at: Option<Place>,
        subject: Subject<'_>,
        out: &mut Fields,
    ) {
        for (key, entry) in map {
            match self.known(declaration, key, entry, prefix, subject) {
                Ok(field) => self.field(field, entry, joined(prefix, key), subject, out),
                Err(near) => out.lost.extend(near.map(|near| joined(prefix, &near))),
            }
        }
        self.missing(declaration, map, prefix, at, subject);
    }

    /// One field of an object: nested objects and open maps come apart, the rest stays whole.
    fn field(
        &mut self,
        field: &Field,
        entry: &Entry,
        path: String,
        subject: Subject<'_>,
        out: &mut Fields,
    ) {
        match (&field.shape, &entry.node.value) {
            (_, Value::Null) => {}
            (Shape::Object(inner), Value::Map(map)) => {
                let at = self.files.place(entry.key);
                self.object(inner, map, &path, at, subject, out);
            }
            (Shape::Map(values), Value::Map(map)) => {
                for (key, entry) in map.iter() {
                    if entry.node.is_null() {
                        continue;
                    }
                    let field = self.entry_field(field, values, key);
                    self.put(&field, entry, joined(&path, key), subject, out);
                }
            }
            _ => self.put(field, entry, path, subject, out),
        }
    }

    fn put(
        &mut self,
        field: &Field,
        entry: &Entry,
        path: String,
        subject: Subject<'_>,
        out: &mut Fields,
    ) {
        if let Some(place) = self.files.place_of(entry) {
            out.places.insert(path.clone(), place);
        }
        match self.value(field, &entry.node, &path, subject) {
            Some(value) => {
                out.values.insert(path, value);
            }
            None => out.lost.push(path),
        }
    }

    /// The facts of an open map's entry; they are made once for each key.
    fn entry_field(&mut self, map: &Field, values: &Field, key: &str) -> Rc<Field> {
        let known_as = match map.entry_facts {
            Some(_) => key,
            None => "",
        };
        let of_map = self.entries.entry(std::ptr::from_ref(map).addr());
        let of_map = of_map.or_default();
        if let Some(known) = of_map.get(known_as) {
            return Rc::clone(known);
        }
        let entry = Rc::new(Field {
            name: known_as.to_owned(),
            facts: map
                .entry_facts
                .map_or_else(|| values.facts.clone(), |facts| facts(key)),
            ..values.clone()
        });
        of_map.insert(known_as.into(), Rc::clone(&entry));
        entry
    }

    /// Collects what is wrong with a value that counts for nothing.
    pub fn alone(&mut self, field: &Field, node: &Node, path: &str) {
        let subject = Subject {
            noun: path,
            address: None,
            others: &[],
            complete: false,
        };
        if !node.is_null() {
            self.value(field, node, path, subject);
        }
    }

    /// The value in the broker's own units; none after a problem.
    fn value(
        &mut self,
        field: &Field,
        node: &Node,
        path: &str,
        subject: Subject<'_>,
    ) -> Option<Json> {
        match (&field.shape, &node.value) {
            (_, Value::Broken) => None,
            (Shape::List(item), Value::List(items)) => {
                self.list(item, items, path, subject).map(Json::Array)
            }
            (Shape::Object(inner), Value::Map(map)) => self
                .whole(inner, map, node, path, subject)
                .map(Json::Object),
            (Shape::Map(values), Value::Map(map)) => {
                self.open_map(field, values, map, path, subject)
            }
            (Shape::Other(_), Value::Map(_) | Value::List(_)) if !field.facts.text => {
                Some(untyped(node))
            }
            _ => self.scalar(field, node, path, subject),
        }
    }

    fn list(
        &mut self,
        item: &Field,
        items: &[Node],
        path: &str,
        subject: Subject<'_>,
    ) -> Option<Vec<Json>> {
        let values: Vec<Option<Json>> = items
            .iter()
            .enumerate()
            .map(|(index, node)| self.value(item, node, &format!("{path}[{index}]"), subject))
            .collect();
        values.into_iter().collect()
    }

    /// An object that stays whole (an item of a list).
    fn whole(
        &mut self,
        declaration: &Declaration,
        map: &Map,
        node: &Node,
        path: &str,
        subject: Subject<'_>,
    ) -> Option<Doc> {
        let before = self.problems.len();
        let mut doc = Doc::new();
        for (key, entry) in map {
            let Ok(field) = self.known(declaration, key, entry, path, subject) else {
                continue;
            };
            if entry.node.is_null() {
                continue;
            }
            if let Some(value) = self.value(field, &entry.node, &joined(path, key), subject) {
                doc.insert(key.to_string(), value);
            }
        }
        self.missing(declaration, map, path, self.files.place(node.spot), subject);
        (self.problems.len() == before).then_some(doc)
    }

    fn open_map(
        &mut self,
        field: &Field,
        values: &Field,
        map: &Map,
        path: &str,
        subject: Subject<'_>,
    ) -> Option<Json> {
        let mut doc = Doc::new();
        for (key, entry) in map {
            let field = self.entry_field(field, values, key);
            let value = self.value(&field, &entry.node, &joined(path, key), subject)?;
            doc.insert(key.to_string(), value);
        }
        Some(Json::Object(doc))
    }

    /// The field of this name.
    ///
    /// # Errors
    /// There is none, which is said; the field that was most likely meant.
    fn known<'d>(
        &mut self,
        declaration: &'d Declaration,
        key: &str,
        entry: &Entry,
        prefix: &str,
        subject: Subject<'_>,
    ) -> Result<&'d Field, Option<String>> {
        if let Some(field) = declaration.fields.get(key) {
            if !field.facts.hidden {
                return Ok(field);
            }
            let what = format!("`{}` is set by the server alone", joined(prefix, key));
            let problem = Problem::error(Code::UnknownField, what).hint("take the line away");
            self.say_at(entry, problem, subject);
            return Err(None);
        }
        let whole = match prefix {
            "" => subject.noun.to_owned(),
            prefix => format!("`{prefix}`"),
        };
        let names = declaration
            .fields
            .iter()
            .filter(|(_, field)| !field.facts.hidden)
            .map(|(name, _)| name.as_str());
        let others = if prefix.is_empty() {
            subject.others
        } else {
            &[]
        };
        let near = nearest(key, names.chain(others.iter().copied()));
        let problem = unknown_field(&whole, key, near);
        self.say_at(entry, problem, subject);
        Err(near.map(str::to_owned))
    }

    fn missing(
        &mut self,
        declaration: &Declaration,
        map: &Map,
        prefix: &str,
        at: Option<Place>,
        subject: Subject<'_>,
    ) {
        if !subject.complete {
            return;
        }
        for (name, field) in &declaration.fields {
            let is_there = map.get(name.as_str()).is_some_and(|e| !e.node.is_null());
            if field.required && !field.facts.hidden && !is_there {
                let what = format!("`{}` is missing", joined(prefix, name));
                let mut problem = Problem::error(Code::MissingField, what)
                    .at(at.clone())
                    .hint(format!("it takes {}", wanted(field)));
                problem.address = subject.address.cloned();
                self.problems.push(problem);
            }
        }
    }

    fn say(&mut self, node: &Node, problem: Problem, subject: Subject<'_>) {
        let mut problem = self.files.at(node, problem);
        problem.address = subject.address.cloned();
        self.problems.push(problem);
    }

    fn say_at(&mut self, entry: &Entry, problem: Problem, subject: Subject<'_>) {
        let mut problem = problem.at(self.files.place(entry.key));
        if let Some(used) = entry.node.used {
            problem = problem.note(self.files.place(used), "brought in here");
        }
        problem.address = subject.address.cloned();
        self.problems.push(problem);
    }
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}
