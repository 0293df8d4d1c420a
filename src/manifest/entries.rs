//! From the merged tree to resources: defaults, aliases, lifecycle, structural checks.

mod defaults;
mod lifecycle;

use std::collections::{HashMap, HashSet};
use std::fmt;

pub(super) use self::lifecycle::lifecycle_declaration;
use super::access;
use super::complaints::{Surplus, unknown_field};
use super::layers::Layer;
use super::node::{Entry, Files, Map, Node, Spot, Value};
use super::sections::{Holds, names_under, section};
use super::suggest::nearest;
use super::walk::{Subject, Walk};
use crate::kinds::stream::bucket_of;
use crate::kinds::{Kind, Resources};
use crate::model::{Address, Code, KindName, Place, Problem, Resource};

/// Suggestions among the names of a whole manifest; more of them are not worth their time.
const MOST_SUGGESTIONS: usize = 100;

/// Resources of a manifest, with the ACLs that an access or an entry stands for.
const MOST_RESOURCES: usize = 150_000;

/// The kinds by name.
pub(super) type Kinds<'a> = &'a (dyn Fn(KindName) -> Option<&'static dyn Kind> + Sync);

/// What the sections declare.
pub(super) struct Declared {
    pub resources: Resources,
    /// Those with a structural problem, each with the fields that it lost to one.
    pub faulty: HashMap<Address, Vec<String>>,
    pub problems: Vec<Problem>,
    /// The problems beyond what is kept.
    pub surplus: Surplus,
}

/// Reads the sections of a merged manifest. `whole` says that nothing of its text is missing.
pub(super) fn read(layer: Layer, files: &Files, kinds: Kinds<'_>, whole: bool) -> Declared {
    let Layer { tree, declared } = layer;
    let mut entries = Entries {
        declared,
        kinds,
        whole,
        walk: Walk::new(files),
        resources: Resources::new(),
        faulty: HashMap::new(),
        defaults: HashMap::new(),
        suggestions: 0,
        copies: 0,
        overfull: false,
        overflown: false,
        surplus: Surplus::default(),
    };
    entries.read_defaults(&tree);
    for (head, entry) in tree {
        if matches!(&*head, "nats" | "kafka") {
            entries.head(&head, entry);
        }
    }
    Declared {
        resources: entries.resources,
        faulty: entries.faulty,
        problems: entries.walk.problems,
        surplus: entries.surplus,
    }
}

/// The names that an entry of this kind takes beside its fields.
pub(super) fn names_beside(kind: KindName) -> &'static [&'static str] {
    match kind {
        KindName::Stream => &["consumers", "lifecycle"],
        KindName::Topic => &["access", "lifecycle"],
        KindName::Kv | KindName::ObjectStore | KindName::Consumer | KindName::Acl => &["lifecycle"],
    }
}

/// The kind with its article, for messages.
const fn noun_of(kind: KindName) -> &'static str {
    match kind {
        KindName::Stream => "a stream",
        KindName::Kv => "a kv",
        KindName::ObjectStore => "an object-store",
        KindName::Consumer => "a consumer",
        KindName::Topic => "a topic",
        KindName::Acl => "an acl",
    }
}

struct Entries<'a> {
    declared: HashSet<(KindName, Box<str>)>,
    kinds: Kinds<'a>,
    whole: bool,
    walk: Walk<'a>,
    resources: Resources,
    faulty: HashMap<Address, Vec<String>>,
    defaults: HashMap<KindName, Map>,
    suggestions: usize,
    copies: usize,
    /// Whether defaults have copied too much: they are laid beneath nothing more.
    overfull: bool,
    /// Whether there are too many resources: no more are read.
    overflown: bool,
    surplus: Surplus,
}

impl Entries<'_> {
    fn head(&mut self, head: &str, entry: Entry) {
        let sections = self.map_of(entry, format_args!("`{head}`"));
        for (name, entry) in sections.into_iter().flatten() {
            match section(head, &name).map(|section| section.holds) {
                Some(Holds::Resources(kind)) => self.resources(head, &name, kind, entry),
                Some(Holds::Acls) => self.acls(&entry),
                Some(Holds::Defaults(words)) => self.default_words(head, words, entry),
                Some(
                    Holds::Consumers
                    | Holds::Access
                    | Holds::NatsConnection
                    | Holds::KafkaConnection,
                ) => {}
                None => {
                    let near = nearest(&name, names_under(head));
                    let problem = unknown_field(&format!("`{head}`"), &name, near);
                    self.say(problem.at(self.place(entry.key)));
                }
            }
        }
    }

    fn resources(&mut self, head: &str, name: &str, kind: KindName, entry: Entry) {
        let map = self.map_of(entry, format_args!("`{head}.{name}`"));
        for (resource, entry) in map.into_iter().flatten() {
            if !entry.node.is_null() && self.has_room(1, entry.key) {
                self.resource(Address::new(kind, resource.to_string()), entry);
                self.surplus.bound(&mut self.walk.problems);
            }
        }
    }

    /// One resource, and what is declared inside of it: a stream's consumers, a topic's access.
    fn resource(&mut self, address: Address, entry: Entry) {
        let key = entry.key;
        let Some(mut map) = self.map_of(entry, format_args!("`{address}`")) else {
            self.faulty.insert(address, Vec::new());
            return;
        };
        let consumers = match address.kind {
            KindName::Stream => map.shift_remove("consumers"),
            _ => None,
        };
        let access = match address.kind {
            KindName::Topic => map.shift_remove("access"),
            _ => None,
        };
        if self.is_declared(&address) {
            self.declare(address.clone(), key, map);
        } else if !self.is_of_bucket(&address) {
            self.dangling(&address, consumers.as_ref(), access.as_ref());
        }
        if let Some(consumers) = consumers {
            self.consumers(&address, consumers);
        }
        if let Some(access) = access {
            self.access(&address, &access);
        }
    }

    fn consumers(&mut self, stream: &Address, entry: Entry) {
        let noun = format!("`consumers` of `{stream}`");
        for (name, entry) in self
            .map_of(entry, format_args!("{noun}"))
            .into_iter()
            .flatten()
        {
            let address = Address::new(KindName::Consumer, format!("{}/{name}", stream.name));
            let key = entry.key;
            if !entry.node.is_null()
                && self.has_room(1, key)
                && let Some(map) = self.map_of(entry, format_args!("`{address}`"))
            {
                self.declare(address, key, map);
            }
        }
    }

    fn declare(&mut self, address: Address, key: Spot, mut map: Map) {
        let Some(kind) = (self.kinds)(address.kind) else {
            return;
        };
        let before = self.walk.problems.len();
        self.lay_defaults(&address, key, &mut map);
        let lifecycle = map.shift_remove("lifecycle");
        let place = self.place(key);
        let noun = noun_of(address.kind);
        let aliases: Vec<&str> = kind.aliases().iter().map(|(alias, _)| *alias).collect();
        let others = [names_beside(address.kind), &aliases].concat();
        let subject = Subject {
            noun,
            address: Some(&address),
            others: &others,
            complete: self.whole,
        };
        let fields = self
            .walk
            .fields(kind.declaration(), &map, place.clone(), subject);
        let mut resource = Resource::new(address.clone(), fields.values);
        resource.field_places = fields.places;
        resource.place = place;
        if let Some(lifecycle) = lifecycle {
            resource.lifecycle = self.lifecycle(lifecycle, kind, subject);
        }
        if self.walk.problems.len() > before || !fields.lost.is_empty() {
            self.faulty.insert(address.clone(), fields.lost);
        }
        kind.complete(&mut resource);
        self.resources.insert(address, resource);
    }

    fn access(&mut self, topic: &Address, entry: &Entry) {
        if !self.has_room(access::count_of_topic(entry), entry.key) {
            return;
        }
        let before = self.walk.problems.len();
        let acls = access::of_topic(&mut self.walk, topic, entry);
        self.add_acls(acls);
        if self.walk.problems.len() > before {
            self.faulty.entry(topic.clone()).or_default();
        }
    }

    fn acls(&mut self, entry: &Entry) {
        for item in access::items(&mut self.walk, entry) {
            if self.has_room(access::count(item), item.spot) {
                let acls = access::of_entry(&mut self.walk, item);
                self.add_acls(acls);
                self.surplus.bound(&mut self.walk.problems);
            }
        }
    }

    /// Whether so many resources more may be declared; that they may not is said once.
    fn has_room(&mut self, more: usize, spot: Spot) -> bool {
        if self.overflown {
            return false;
        }
        self.overflown = self.resources.len().saturating_add(more) > MOST_RESOURCES;
        if self.overflown {
            let what = format!(
                "the manifest declares more than {MOST_RESOURCES} resources, ACLs included"
            );
            let problem = Problem::error(Code::YamlTooLarge, what)
                .at(self.place(spot))
                .hint("split the stack in several, each a manifest of its own; what follows was not read");
            self.say(problem);
        }
        !self.overflown
    }

    /// An ACL that two entries imply is one ACL.
    fn add_acls(&mut self, acls: Vec<Resource>) {
        for acl in acls {
            self.resources.entry(acl.address.clone()).or_insert(acl);
        }
    }

    fn is_declared(&self, address: &Address) -> bool {
        let of_names = matches!(address.kind, KindName::Stream | KindName::Topic);
        let key = (address.kind, address.name.as_str().into());
        !of_names || self.declared.contains(&key)
    }

    /// Whether it is the stream of a bucket that is declared as such.
    fn is_of_bucket(&self, stream: &Address) -> bool {
        let bucket = bucket_of(&stream.name).filter(|_| stream.kind == KindName::Stream);
        bucket.is_some_and(|bucket| {
            let key = (bucket.kind, bucket.name.into());
            self.declared.contains(&key)
        })
    }

    /// Consumers or an access beside a stream or topic that nothing declares.
    fn dangling(&mut self, address: &Address, consumers: Option<&Entry>, access: Option<&Entry>) {
        if !self.whole {
            return;
        }
        let near = self.near_declared(address);
        let keys = consumers
            .and_then(|entry| entry.node.map())
            .into_iter()
            .flat_map(|map| map.iter())
            .map(|(name, entry)| {
                let consumer = format!("{}/{name}", address.name);
                (Some(Address::new(KindName::Consumer, consumer)), entry)
            })
            .chain(access.map(|entry| (None, entry)));
        for (about, entry) in keys.collect::<Vec<_>>() {
            let what = format!("`{address}` is not declared in this manifest");
            let mut problem = Problem::error(Code::Dangling, what)
                .at(self.place(entry.key))
                .hint(match &near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("declare the {}, or repair the name", address.kind),
                });
            if let Some(consumer) = &about {
                self.faulty.entry(consumer.clone()).or_default();
            }
            problem.address = about;
            self.say(problem);
        }
    }

    fn near_declared(&mut self, address: &Address) -> Option<String> {
        self.suggestions += 1;
        if self.suggestions > MOST_SUGGESTIONS {
            return None;
        }
        let names = self
            .declared
            .iter()
            .filter(|(kind, _)| *kind == address.kind)
            .map(|(_, name)| name.as_ref());
        nearest(&address.name, names).map(str::to_owned)
    }

    /// The map behind a key; an empty one for nothing, none (and a problem) for something else.
    fn map_of(&mut self, entry: Entry, noun: fmt::Arguments<'_>) -> Option<Map> {
        match entry.node.value {
            Value::Map(map) => Some(*map),
            Value::Null => Some(Map::default()),
            Value::Broken => None,
            _ => {
                let what = format!("{noun} is a map, not {}", entry.node.shown());
                let hint = match &entry.node.value {
                    Value::List(_) => "write `name: ...` in place of `- ...`",
                    _ => "write its entries below it, each `name: ...`",
                };
                let problem = Problem::error(Code::WrongType, what).hint(hint);
                self.say(self.walk.files.at(&entry.node, problem));
                None
            }
        }
    }

    fn place(&self, key: Spot) -> Option<Place> {
        self.walk.files.place(key)
    }

    fn say(&mut self, problem: Problem) {
        self.walk.problems.push(problem);
    }
}

/// The value at a path within a node, such as `produce[0].groups[1]`.
pub(super) fn find<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    let mut node = node;
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        node = match (&node.value, step.strip_suffix(']')) {
            (Value::List(items), Some(index)) => items.get(index.parse::<usize>().ok()?)?,
            (Value::Map(map), _) => &map.get(step)?.node,
            _ => return None,
        };
    }
    Some(node)
}
