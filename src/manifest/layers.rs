//! Parts joined into a layer, and layers laid over each other.

use std::collections::HashSet;

use super::node::{Entry, Files, Map, Node, Spot, Value, short};
use super::secret_text::shown_key;
use super::sections::{Holds, section};
use super::suggest::nearest;
use crate::model::{Address, Code, KindName, Problem};

/// One `-f`: its parts as one tree.
pub(super) struct Layer {
    pub tree: Map,
    /// The streams, buckets and topics that it declares, not only adds a consumer or an access to.
    pub declared: HashSet<(KindName, Box<str>)>,
}

/// Joins the parts of one `-f`. What two parts say of the same thing is a problem.
pub(super) fn join(parts: Vec<Node>, files: &Files, problems: &mut Vec<Problem>) -> Layer {
    let mut join = Join { files, problems };
    let mut tree = Map::default();
    for part in parts {
        match part.value {
            Value::Map(map) => join.maps(&mut tree, *map, &mut Vec::new()),
            Value::Broken => {}
            _ => join.say_no_map("a manifest", &part),
        }
    }
    let declared = declared(&tree);
    join.fold_consumers(&mut tree);
    join.fold_access(&mut tree);
    Layer { tree, declared }
}

/// In the first layer, a resource with nothing behind its name is declared with nothing; in an
/// overlay it is taken away.
pub(super) fn declare_empty(tree: &mut Map) {
    for head in ["nats", "kafka", "bridge"] {
        let Some(sections) = tree.get_mut(head).and_then(|e| e.node.map_mut()) else {
            continue;
        };
        for (name, entry) in sections.iter_mut() {
            let holds = section(head, name).map(|section| section.holds);
            if let (Some(Holds::Resources(_)), Some(map)) = (holds, entry.node.map_mut()) {
                fill_empty(map);
            }
        }
    }
}

fn fill_empty(resources: &mut Map) {
    for entry in resources.values_mut() {
        if entry.node.is_null() {
            entry.node = Node::empty_map(entry.key);
        }
        let consumers = entry
            .node
            .map_mut()
            .and_then(|map| map.get_mut("consumers"));
        for consumer in consumers
            .and_then(|entry| entry.node.map_mut())
            .into_iter()
            .flat_map(|map| map.values_mut())
        {
            if consumer.node.is_null() {
                consumer.node = Node::empty_map(consumer.key);
            }
        }
    }
}

/// Lays a later layer over an earlier one: maps merge, the rest replaces, `null` takes away. A
/// `null` that takes nothing away is warned of.
pub(super) fn lay_over(
    base: &mut Layer,
    mut over: Layer,
    files: &Files,
    problems: &mut Vec<Problem>,
) {
    let moved = [("nats", "consumers"), ("kafka", "access")];
    problems.extend(moved.into_iter().filter_map(|(head, name)| {
        let spot = null_section(&mut over.tree, head, name)?;
        Some(no_whole_section(head, name).at(files.place(spot)))
    }));
    let mut defaults = HashSet::new();
    for tree in [&base.tree, &over.tree] {
        for head in ["nats", "kafka"] {
            let of_head = tree.get(head).and_then(|entry| entry.node.map());
            if let Some(entry) = of_head.and_then(|map| map.get("defaults")) {
                names_within(&entry.node, &mut defaults);
            }
        }
    }
    let mut merge = Merge {
        files,
        problems,
        defaults,
    };
    merge.warn_of_another_stack(&base.tree, &over.tree);
    merge.maps(&mut base.tree, over.tree);
    base.declared.extend(over.declared);
}

/// Takes a section that is `null` out of a layer: where it stands.
fn null_section(tree: &mut Map, head: &str, name: &str) -> Option<Spot> {
    let sections = tree.get_mut(head)?.node.map_mut()?;
    let section = sections.get(name).filter(|entry| entry.node.is_null())?;
    let spot = section.key;
    sections.shift_remove(name);
    Some(spot)
}

/// That entries which were moved to what they belong to can't be taken away by their section.
fn no_whole_section(head: &str, name: &str) -> Problem {
    let one = match name {
        "consumers" => "STREAM/CONSUMER: null",
        _ => "TOPIC: null",
    };
    let what = format!("`{head}.{name}` can't be taken away as a whole");
    Problem::error(Code::Dangling, what).hint(format!("take its entries away, one by one: `{one}`"))
}

pub(super) fn names_within(node: &Node, names: &mut HashSet<Box<str>>) {
    for (name, entry) in node.map().into_iter().flatten() {
        names.insert(name.clone());
        names_within(&entry.node, names);
    }
}

struct Merge<'a> {
    files: &'a Files,
    problems: &'a mut Vec<Problem>,
    /// The names that stand in `defaults`: an overlay's `null` may take these away.
    defaults: HashSet<Box<str>>,
}

impl Merge<'_> {
    /// Warns of an overlay that is for another stack than what it lies over: perhaps a file of another manifest.
    fn warn_of_another_stack(&mut self, base: &Map, over: &Map) {
        let text = |tree: &Map| match tree.get("stack") {
            Some(entry) => match &entry.node.value {
                Value::Text(text) => Some((text.to_string(), entry.key)),
                _ => None,
            },
            None => None,
        };
        let (Some((was, first)), Some((is, second))) = (text(base), text(over)) else {
            return;
        };
        if was == is {
            return;
        }
        let what = format!("`stack` was `{was}`, and is `{is}` from here on");
        let hint = format!(
            "what stack `{is}` owns and none of the files declares is deleted: see that all of them belong to it"
        );
        let problem = Problem::warning(Code::Contradiction, what).hint(hint);
        let problem = problem
            .at(self.files.place(second))
            .note(self.files.place(first), "it is another one here");
        self.problems.push(problem);
    }

    fn maps(&mut self, base: &mut Map, over: Map) {
        for (key, entry) in over {
            match base.get_mut(&key) {
                None => {
                    if !key.starts_with("x-") {
                        self.doubt(base, &key, &entry);
                    }
                    base.insert(key, entry);
                }
                Some(under) => match (&mut under.node.value, entry.node.value) {
                    (Value::Map(under), Value::Map(over)) => self.maps(under, *over),
                    (_, value) => {
                        under.node = Node {
                            value,
                            ..entry.node
                        };
                        under.key = entry.key;
                    }
                },
            }
        }
    }

    /// Warns of each `null` in what has nothing beneath it.
    fn doubt(&mut self, base: &Map, key: &str, entry: &Entry) {
        if entry.node.is_null() && !self.defaults.contains(key) {
            self.warn(base, key, entry);
        }
        for (key, entry) in entry.node.map().into_iter().flatten() {
            self.doubt(&Map::default(), key, entry);
        }
    }

    fn warn(&mut self, base: &Map, key: &str, entry: &Entry) {
        let what = format!("there is no `{}` here to take away", shown_key(key));
        let near = nearest(key, base.keys().map(AsRef::as_ref));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "an overlay's `null` takes away what an earlier `-f` says; take the line away"
                .to_owned(),
        };
        let problem = Problem::warning(Code::Dangling, what).hint(hint);
        self.problems.push(problem.at(self.files.place(entry.key)));
    }
}

/// Lays what `default` says beneath an entry; an explicit `null` of the entry stays and wins.
pub(super) fn lay_beneath(entry: &mut Map, default: &Map) {
    for (key, under) in default {
        match entry.get_mut(key) {
            None => {
                entry.insert(key.clone(), under.clone());
            }
            Some(over) => {
                if let (Value::Map(over), Value::Map(under)) =
                    (&mut over.node.value, &under.node.value)
                {
                    lay_beneath(over, under);
                }
            }
        }
    }
}

/// How many nodes [`lay_beneath`] copies.
pub(super) fn copies_beneath(entry: &Map, default: &Map) -> usize {
    let copies = default.iter().map(|(key, under)| match entry.get(key) {
        None => under.node.extent().0,
        Some(over) => match (over.node.map(), under.node.map()) {
            (Some(over), Some(under)) => copies_beneath(over, under),
            _ => 0,
        },
    });
    copies.sum()
}

fn declared(tree: &Map) -> HashSet<(KindName, Box<str>)> {
    let names = |head: &str, name: &str, kind: KindName| {
        let map = tree
            .get(head)
            .and_then(|entry| entry.node.map()?.get(name)?.node.map());
        map.into_iter()
            .flat_map(|map| map.keys().cloned())
            .map(move |name| (kind, name))
            .collect::<Vec<_>>()
    };
    let mut all = names("nats", "streams", KindName::Stream);
    all.extend(names("nats", "key_value", KindName::Kv));
    all.extend(names("nats", "object_store", KindName::ObjectStore));
    all.extend(names("kafka", "topics", KindName::Topic));
    all.into_iter().collect()
}

struct Join<'a> {
    files: &'a Files,
    problems: &'a mut Vec<Problem>,
}

impl Join<'_> {
    fn maps(&mut self, into: &mut Map, from: Map, path: &mut Vec<Box<str>>) {
        for (key, entry) in from {
            let Some(first) = into.get_mut(&key) else {
                into.insert(key, entry);
                continue;
            };
            path.push(key);
            self.entry(first, entry, path);
            path.pop();
        }
    }

    fn entry(&mut self, first: &mut Entry, second: Entry, path: &mut Vec<Box<str>>) {
        let words: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let together = may_meet(&words);
        match (&mut first.node.value, second.node.value) {
            _ if words[0].starts_with("x-") => {}
            (Value::Map(into), Value::Map(from)) if together => self.maps(into, *from, path),
            (Value::List(into), Value::List(from)) if together => into.extend(from),
            (Value::Null, value) if together => {
                first.node = Node {
                    value,
                    ..second.node
                };
            }
            (_, Value::Null | Value::Broken) if together => {}
            (Value::Text(one), Value::Text(other))
                if (words == ["stack"] || words == ["ledger"]) && *one == other => {}
            (_, _) => self.say_twice(&words, first.key, second.key),
        }
    }

    fn say_twice(&mut self, words: &[&str], first: Spot, second: Spot) {
        let address = address_of(words);
        let what = match &address {
            Some(address) => format!("`{address}` is declared twice"),
            None => format!("`{}` is set twice", short(&words.join("."))),
        };
        let mut problem = Problem::error(Code::DeclaredTwice, what)
            .at(self.files.place(second))
            .note(self.files.place(first), "the first one is here")
            .hint(
                "keep one of the two; what an environment changes belongs in an overlay, a later `-f`",
            );
        problem.address = address;
        self.problems.push(problem);
    }

    fn say_no_map(&mut self, what: &str, node: &Node) {
        let what = format!("{what} is a map, not {}", node.shown());
        let problem = Problem::error(Code::WrongType, what);
        self.problems.push(self.files.at(node, problem));
    }

    /// Moves `nats.consumers."STREAM/NAME"` to `nats.streams.STREAM.consumers.NAME`.
    fn fold_consumers(&mut self, tree: &mut Map) {
        for (name, entry) in self.taken(tree, "nats", "consumers") {
            let Some((stream, consumer)) = name.split_once('/') else {
                let what = format!("`{}` names no stream", short(&name));
                self.problems.push(
                    Problem::error(Code::BadName, what)
                        .at(self.files.place(entry.key))
                        .hint("write `STREAM/CONSUMER`"),
                );
                continue;
            };
            let path = ["nats", "streams", stream, "consumers"];
            let Some(consumers) = map_under(tree, &path, entry.key) else {
                continue;
            };
            match consumers.get(consumer) {
                Some(first) => {
                    let first = first.key;
                    self.say_twice(
                        &["nats", "streams", stream, "consumers", consumer],
                        first,
                        entry.key,
                    );
                }
                None => {
                    consumers.insert(consumer.into(), entry);
                }
            }
        }
    }

    /// Moves `kafka.access.TOPIC` to `kafka.topics.TOPIC.access`; both of them together count.
    fn fold_access(&mut self, tree: &mut Map) {
        for (topic, entry) in self.taken(tree, "kafka", "access") {
            let path = ["kafka", "topics", &topic];
            let Some(topic_map) = map_under(tree, &path, entry.key) else {
                continue;
            };
            match topic_map.get_mut("access") {
                Some(first) => {
                    let mut path = ["kafka", "access", &topic].map(Box::from).to_vec();
                    self.entry(first, entry, &mut path);
                }
                None => {
                    topic_map.insert("access".into(), entry);
                }
            }
        }
    }

    /// The entries of a section, taken out of the tree.
    fn taken(&mut self, tree: &mut Map, head: &str, name: &str) -> Map {
        let sections = tree.get_mut(head).and_then(|entry| entry.node.map_mut());
        // an overlay's `null` stays, to be warned of
        let section = sections
            .filter(|map| map.get(name).is_some_and(|entry| !entry.node.is_null()))
            .and_then(|map| map.shift_remove(name));
        match section.map(|entry| entry.node) {
            Some(Node {
                value: Value::Map(map),
                ..
            }) => *map,
            Some(node) if !node.is_null() && !node.is_broken() => {
                self.say_no_map(&format!("`{head}.{name}`"), &node);
                Map::default()
            }
            _ => Map::default(),
        }
    }
}

/// The map at this path, made where it is missing; none where something else stands in the way,
/// which gets its own complaint.
fn map_under<'m>(map: &'m mut Map, path: &[&str], spot: Spot) -> Option<&'m mut Map> {
    let Some((key, rest)) = path.split_first() else {
        return Some(map);
    };
    let entry = map.entry((*key).into()).or_insert_with(|| Entry {
        key: spot,
        node: Node::empty_map(spot),
    });
    if entry.node.is_null() {
        entry.node = Node::empty_map(spot);
    }
    map_under(entry.node.map_mut()?, rest, spot)
}

/// Whether two parts may both say something under this path.
fn may_meet(path: &[&str]) -> bool {
    match path {
        ["stack"] => false,
        [_] | ["connections" | "nats" | "kafka", _] | ["nats" | "kafka", "defaults", ..] => true,
        ["kafka", "access", ..] | ["bridge", "routes"] => true,
        _ => false,
    }
}

/// The resource that a path declares.
fn address_of(path: &[&str]) -> Option<Address> {
    match path {
        ["nats", "streams", stream, "consumers", name] => {
            Some(Address::new(KindName::Consumer, format!("{stream}/{name}")))
        }
        ["nats", "consumers", name] => Some(Address::new(KindName::Consumer, *name)),
        [head, name, resource] => match section(head, name)?.holds {
            Holds::Resources(kind) => Some(Address::new(kind, *resource)),
            _ => None,
        },
        _ => None,
    }
}
