//! What the sections hold, in the order of the tree.

use std::collections::HashSet;

use super::super::access;
use super::super::complaints::{Surplus, unknown_field};
use super::super::layers::Layer;
use super::super::node::{Entry, Files, Map, Node, Spot};
use super::super::sections::{Holds, names_under, section};
use super::super::suggest::nearest;
use super::super::walk::Walk;
use super::defaults::{self, Copies, Defaults};
use super::{Faulty, Kinds, map_of};
use crate::kinds::stream::bucket_of;
use crate::model::{Address, Code, KindName, Problem};

/// Suggestions among the names of a whole manifest; more of them are not worth their time.
const MOST_SUGGESTIONS: usize = 100;

/// What is to be read, and what was found on the way.
pub(super) struct Listed {
    pub items: Vec<Item>,
    pub defaults: Defaults,
    pub faulty: Faulty,
    pub problems: Vec<Problem>,
    pub surplus: Surplus,
}

/// Something that stands for resources.
pub(super) struct Item {
    /// Where it stands.
    pub spot: Spot,
    /// How many resources it stands for at most.
    pub most: usize,
    pub holds: Held,
}

pub(super) enum Held {
    /// The fields of a resource.
    Fields(Fields),
    /// The `access` of a topic.
    Access(Address, Entry),
    /// An entry of `kafka.acls`.
    Acls(Node),
}

pub(super) struct Fields {
    pub address: Address,
    pub map: Map,
    /// Whether the defaults of its kind are laid beneath it.
    pub takes_defaults: bool,
    /// Whether a field that it lacks is missing, and not only unread.
    pub is_whole: bool,
}

/// Lists the sections of a merged manifest. `whole` says that nothing of its text is missing.
pub(super) fn list(layer: Layer, files: &Files, kinds: Kinds<'_>, whole: bool) -> Listed {
    let Layer { tree, declared } = layer;
    let mut walk = Walk::new(files);
    let defaults = defaults::read(&mut walk, &tree, kinds);
    let mut list = List {
        declared,
        whole,
        walk,
        copies: Copies::of(&defaults),
        items: Vec::new(),
        faulty: Faulty::new(),
        suggestions: 0,
        surplus: Surplus::default(),
    };
    for (head, entry) in tree {
        if matches!(&*head, "nats" | "kafka" | "bridge") {
            list.head(&head, entry);
        }
    }
    let List {
        items,
        faulty,
        surplus,
        walk,
        ..
    } = list;
    Listed {
        items,
        faulty,
        surplus,
        problems: walk.problems,
        defaults,
    }
}

struct List<'a> {
    declared: HashSet<(KindName, Box<str>)>,
    whole: bool,
    walk: Walk<'a>,
    copies: Copies<'a>,
    items: Vec<Item>,
    faulty: Faulty,
    suggestions: usize,
    surplus: Surplus,
}

impl List<'_> {
    fn head(&mut self, head: &str, entry: Entry) {
        let sections = map_of(&mut self.walk, entry, format_args!("`{head}`"));
        for (name, entry) in sections.into_iter().flatten() {
            match section(head, &name).map(|section| section.holds) {
                Some(Holds::Resources(kind)) => self.resources(head, &name, kind, entry),
                Some(Holds::Acls) => self.acls(entry),
                Some(Holds::Defaults(words)) => {
                    defaults::words(&mut self.walk, head, words, entry);
                }
                Some(
                    Holds::Consumers
                    | Holds::Access
                    | Holds::NatsConnection
                    | Holds::KafkaConnection
                    | Holds::Principal,
                ) => {}
                None => {
                    let near = nearest(&name, names_under(head));
                    let problem = unknown_field(&format!("`{head}`"), &name, near);
                    self.say(entry.key, problem);
                }
            }
        }
    }

    fn resources(&mut self, head: &str, name: &str, kind: KindName, entry: Entry) {
        let map = map_of(&mut self.walk, entry, format_args!("`{head}.{name}`"));
        for (resource, entry) in map.into_iter().flatten() {
            if !entry.node.is_null() {
                self.resource(Address::new(kind, resource.to_string()), entry);
                self.surplus.bound(&mut self.walk.problems);
            }
        }
    }

    /// One resource, and what is declared inside of it: a stream's consumers, a topic's access.
    fn resource(&mut self, address: Address, entry: Entry) {
        let key = entry.key;
        let Some(mut map) = map_of(&mut self.walk, entry, format_args!("`{address}`")) else {
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
        // an overlay took it away
        let access = access.filter(|entry| !entry.node.is_null());
        if self.is_declared(&address) {
            self.fields(address.clone(), key, map);
        } else if !self.is_of_bucket(&address) {
            self.dangling(&address, consumers.as_ref(), access.as_ref());
        }
        if let Some(consumers) = consumers {
            self.consumers(&address, consumers);
        }
        if let Some(access) = access {
            let most = access::count_of_topic(&access);
            self.hold(access.key, most, Held::Access(address, access));
        }
    }

    fn consumers(&mut self, stream: &Address, entry: Entry) {
        let noun = format!("`consumers` of `{stream}`");
        let map = map_of(&mut self.walk, entry, format_args!("{noun}"));
        for (name, entry) in map.into_iter().flatten() {
            let address = Address::new(KindName::Consumer, format!("{}/{name}", stream.name));
            let key = entry.key;
            if !entry.node.is_null()
                && let Some(map) = map_of(&mut self.walk, entry, format_args!("`{address}`"))
            {
                self.fields(address, key, map);
            }
        }
    }

    fn fields(&mut self, address: Address, key: Spot, map: Map) {
        let takes_defaults = !self.copies.are_too_many;
        if let Some(problem) = self.copies.count(address.kind, &map) {
            // nothing is missing from the rest that was not kept from it
            self.whole = false;
            self.say(key, problem);
        }
        let fields = Fields {
            address,
            map,
            takes_defaults,
            is_whole: self.whole,
        };
        self.hold(key, 1, Held::Fields(fields));
    }

    fn acls(&mut self, entry: Entry) {
        for item in access::items(&mut self.walk, entry) {
            self.hold(item.spot, access::count(&item), Held::Acls(item));
        }
    }

    fn hold(&mut self, spot: Spot, most: usize, holds: Held) {
        self.copies.allow(most);
        self.items.push(Item { spot, most, holds });
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
            let mut problem = Problem::error(Code::Dangling, what).hint(match &near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("declare the {}, or repair the name", address.kind),
            });
            if let Some(consumer) = &about {
                self.faulty.entry(consumer.clone()).or_default();
            }
            problem.address = about;
            self.say(entry.key, problem);
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

    fn say(&mut self, spot: Spot, problem: Problem) {
        let problem = problem.at(self.walk.files.place(spot));
        self.walk.problems.push(problem);
    }
}
