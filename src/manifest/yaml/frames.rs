//! What is open while events come: lists, and maps with their keys and merge keys.

use super::super::node::{Entry, Map, Node, Spot, Value};
use super::super::secret_text::shown_key;
use super::{Builder, MOST_DEPTH};
use crate::model::{Code, Problem};

/// A list or map that is not closed yet.
pub(super) struct Frame {
    spot: Spot,
    anchor: usize,
    pub(super) holds: Holds,
}

/// What stands in it so far.
pub(super) enum Holds {
    Items(Vec<Node>),
    Entries {
        map: Map,
        key: Option<Key>,
        merges: Vec<Node>,
    },
}

/// A key that waits for its value.
pub(super) enum Key {
    Name(Box<str>, Spot),
    Merge,
    /// Complained of; its value is dropped.
    Broken,
}

impl Frame {
    pub(super) const fn spot(&self) -> Spot {
        self.spot
    }

    /// The key whose value never came stands there with one that counts for nothing.
    pub(super) fn drop_key(&mut self) {
        let spot = self.spot;
        if let Holds::Entries { map, key, .. } = &mut self.holds
            && let Some(Key::Name(name, at)) = key.take_if(|key| matches!(key, Key::Name(..)))
        {
            let node = Node::new(Value::Broken, spot);
            map.entry(name).or_insert(Entry { key: at, node });
        }
    }
}

impl Builder<'_> {
    pub(super) fn begin(&mut self, spot: Spot, anchor: usize, holds: Holds) -> Result<(), Problem> {
        if self.open.len() >= MOST_DEPTH {
            return Err(self.too_large(spot, &format!("more than {MOST_DEPTH} levels deep")));
        }
        self.open.push(Frame {
            spot,
            anchor,
            holds,
        });
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), Problem> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        let value = match frame.holds {
            Holds::Items(items) => Value::List(items),
            Holds::Entries { map, merges, .. } => Value::Map(Box::new(self.merged(map, merges))),
        };
        self.done(Node::new(value, frame.spot), frame.anchor, None, false)
    }

    pub(super) fn put(&mut self, node: Node, raw: Option<&str>, is_merge: bool) {
        let Some(mut frame) = self.open.pop() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return;
        };
        match &mut frame.holds {
            Holds::Items(items) => items.push(node),
            Holds::Entries { map, key, merges } => match key.take() {
                None if is_merge => *key = Some(Key::Merge),
                None => *key = Some(self.key(node, raw)),
                Some(Key::Merge) => merges.push(node),
                Some(Key::Broken) => {}
                Some(Key::Name(name, spot)) => self.enter(map, name, spot, node),
            },
        }
        self.open.push(frame);
    }

    fn enter(&mut self, map: &mut Map, name: Box<str>, spot: Spot, node: Node) {
        if let Some(first) = map.get(&name) {
            let what = format!("`{}` stands twice in this map", shown_key(&name));
            self.say(
                Problem::error(Code::DuplicateKey, what)
                    .at(self.place(spot))
                    .note(self.place(first.key), "it stands here first")
                    .hint("keep one of the two"),
            );
            return;
        }
        map.insert(name, Entry { key: spot, node });
    }

    fn key(&mut self, node: Node, raw: Option<&str>) -> Key {
        let spot = node.used.unwrap_or(node.spot);
        match (raw, node.value) {
            (_, Value::Text(text)) => Key::Name(text, spot),
            (Some(""), Value::Null) => self.bad_key(node.spot),
            (Some(raw), _) => Key::Name(raw.into(), spot),
            (None, _) => self.bad_key(node.spot),
        }
    }

    fn bad_key(&mut self, spot: Spot) -> Key {
        let what = "a key must be text";
        self.say(Problem::error(Code::YamlSyntax, what).at(self.place(spot)));
        Key::Broken
    }

    /// The map with what its merge keys bring: its own entries win, then the earlier merge.
    fn merged(&mut self, mut map: Map, merges: Vec<Node>) -> Map {
        for merge in merges {
            let (spot, sources) = (merge.spot, merge_sources(merge));
            if sources.is_none() {
                let what = "`<<` takes a map, an alias of one, or a list of such";
                self.say(Problem::error(Code::YamlSyntax, what).at(self.place(spot)));
            }
            for (name, entry) in sources.into_iter().flatten().flatten() {
                map.entry(name).or_insert(entry);
            }
        }
        map
    }
}

/// The maps that a merge key brings in; none when it brings something else.
fn merge_sources(node: Node) -> Option<Vec<Map>> {
    match node.value {
        Value::Map(map) => Some(vec![*map]),
        Value::List(items) => items
            .into_iter()
            .map(|item| match item.value {
                Value::Map(map) => Some(*map),
                _ => None,
            })
            .collect(),
        Value::Broken => Some(Vec::new()),
        _ => None,
    }
}
