//! The tree that a manifest's text becomes: every key and value with its place.

use std::sync::Arc;

use indexmap::IndexMap;

use super::said::scalar_text;
use crate::model::{FieldPlace, Place, Problem};

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Node {
    pub value: Value,
    /// Where it is written.
    pub spot: Spot,
    /// The alias or merge key that brought it to where it is used.
    pub used: Option<Spot>,
}

/// What stands at a node.
#[derive(Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is no signed 64-bit integer, as written.
    Number(Box<str>),
    Text(Box<str>),
    /// Text in which variables were replaced.
    Expanded(Box<Expanded>),
    List(Vec<Node>),
    Map(Box<Map>),
    /// Something that was already complained of; nobody complains again.
    Broken,
}

/// Text in which variables were replaced.
#[derive(Clone)]
pub(super) struct Expanded {
    pub text: Box<str>,
    /// As it stands in the manifest; the only form that a message may show.
    pub written: Box<str>,
}

/// A map's entries in the order of the text.
pub(super) type Map = IndexMap<Box<str>, Entry, foldhash::fast::RandomState>;

/// A map's entry.
#[derive(Clone)]
pub(super) struct Entry {
    /// Where the key stands.
    pub key: Spot,
    pub node: Node,
}

/// A place, small enough to stand at every node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub file: u32,
    pub line: u32,
    pub column: u32,
    pub start: u32,
    pub end: u32,
}

/// The names of the files that spots count.
#[derive(Default)]
pub(super) struct Files(pub Vec<Arc<str>>);

impl Files {
    /// The place of a spot.
    pub fn place(&self, spot: Spot) -> Option<Place> {
        Some(Place {
            file: self.0.get(spot.file as usize)?.clone(),
            line: spot.line,
            column: spot.column,
            bytes: (spot.start as usize, spot.end as usize),
        })
    }

    /// Where an entry stands, its key and what of its value may be pointed at.
    pub fn place_of(&self, entry: &Entry) -> Option<FieldPlace> {
        let (key, node) = (self.place(entry.key)?, &entry.node);
        let mut place = FieldPlace {
            key,
            value: None,
            words: Vec::new(),
        };
        match &node.value {
            _ if node.used.is_some() => {}
            Value::List(_) | Value::Map(_) => self.words(node, &mut place.words),
            _ => place.value = self.place(node.spot),
        }
        Some(place)
    }

    /// The words within a node. What an alias brought in is no word of this place.
    fn words(&self, node: &Node, words: &mut Vec<(Box<str>, Place)>) {
        match &node.value {
            _ if node.used.is_some() => {}
            Value::List(items) => items.iter().for_each(|item| self.words(item, words)),
            Value::Map(map) => map
                .values()
                .for_each(|entry| self.words(&entry.node, words)),
            value => {
                let word = scalar_text(value).map(String::into_boxed_str);
                words.extend(word.zip(self.place(node.spot)));
            }
        }
    }

    /// The problem at the node's place, and at the place that uses it where that is another.
    pub fn at(&self, node: &Node, problem: Problem) -> Problem {
        let problem = problem.at(self.place(node.spot));
        match node.used {
            Some(used) => problem.note(self.place(used), "brought in here"),
            None => problem,
        }
    }
}

/// Bytes of text that weigh as much as a node when an alias copies them.
const COPIED_TEXT: usize = 64;

impl Node {
    pub fn new(value: Value, spot: Spot) -> Node {
        Node {
            value,
            spot,
            used: None,
        }
    }

    /// A map with nothing in it, standing here.
    pub fn empty_map(spot: Spot) -> Node {
        Node::new(Value::Map(Box::default()), spot)
    }

    pub fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Expanded(expanded) => Some(&expanded.text),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub fn is_broken(&self) -> bool {
        matches!(self.value, Value::Broken)
    }

    /// The value as a message may show it: never what a variable held.
    pub fn shown(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(bool) => format!("`{bool}`"),
            Value::Integer(number) => format!("`{number}`"),
            Value::Number(number) => format!("`{}`", short(number)),
            Value::Text(text) => format!("`{}`", short(text)),
            Value::Expanded(expanded) => {
                let is_empty = if expanded.text.is_empty() {
                    ", which is empty"
                } else {
                    ""
                };
                format!("the value of `{}`{is_empty}", short(&expanded.written))
            }
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Broken => "this".to_owned(),
        }
    }

    /// How many nodes it is, itself included, and how many floors it has.
    pub fn extent(&self) -> (usize, usize) {
        let of = |nodes: &mut dyn Iterator<Item = &Node>| {
            nodes.fold((1, 1), |(size, height), node| {
                let (more, floors) = node.extent();
                (size + more, height.max(floors + 1))
            })
        };
        match &self.value {
            Value::List(items) => of(&mut items.iter()),
            Value::Map(map) => {
                let keys: usize = map.keys().map(|key| key.len() / COPIED_TEXT).sum();
                let (size, height) = of(&mut map.values().map(|entry| &entry.node));
                (size + keys, height)
            }
            Value::Text(text) | Value::Number(text) => (1 + text.len() / COPIED_TEXT, 1),
            _ => (1, 1),
        }
    }

    /// A copy that says of every node that it is used at `spot`.
    pub fn used_at(&self, spot: Spot) -> Node {
        let value = match &self.value {
            Value::List(items) => Value::List(items.iter().map(|n| n.used_at(spot)).collect()),
            Value::Map(map) => Value::Map(Box::new(
                map.iter()
                    .map(|(key, entry)| {
                        let node = entry.node.used_at(spot);
                        (
                            key.clone(),
                            Entry {
                                key: entry.key,
                                node,
                            },
                        )
                    })
                    .collect(),
            )),
            other => other.clone(),
        };
        Node {
            value,
            spot: self.spot,
            used: Some(spot),
        }
    }
}

/// The first characters of a text, on one line, for a message.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
