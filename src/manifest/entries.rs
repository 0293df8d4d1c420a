//! From the merged tree to resources: defaults, aliases, lifecycle, structural checks.
//!
//! What the sections hold is listed first, then read, a part of the list in each thread, then put together. Whatever
//! depends on what stands before (bounds, suggestions) is decided while it is listed or put together, so that the
//! number of threads changes nothing.

mod defaults;
mod gathered;
mod lifecycle;
mod listed;
mod reading;

use std::collections::HashMap;
use std::fmt;

use self::gathered::Gathered;
pub(super) use self::lifecycle::lifecycle_declaration;
use self::listed::Listed;
use self::reading::Reading;
use super::complaints::Surplus;
use super::layers::Layer;
use super::node::{Entry, Files, Map, Node, Value};
use super::passwords::Passwords;
use super::walk::Walk;
use crate::kinds::{Kind, Resources};
use crate::model::{Address, Code, KindName, Problem, side_by_side};

/// The kinds by name.
pub(super) type Kinds<'a> = &'a (dyn Fn(KindName) -> Option<&'static dyn Kind> + Sync);

/// Resources with a structural problem, each with the fields that it lost to one.
pub(super) type Faulty = HashMap<Address, Vec<String>>;

/// What the sections declare.
pub(super) struct Declared {
    pub resources: Resources,
    /// The passwords of its users.
    pub passwords: Passwords,
    pub faulty: Faulty,
    pub problems: Vec<Problem>,
    /// The problems beyond what is kept.
    pub surplus: Surplus,
}

/// Reads the sections of a merged manifest. `whole` says that nothing of its text is missing.
pub(super) fn read(layer: Layer, files: &Files, kinds: Kinds<'_>, whole: bool) -> Declared {
    let Listed {
        items,
        defaults,
        faulty,
        problems,
        surplus,
    } = listed::list(layer, files, kinds, whole);
    let parts = side_by_side(items, |items| {
        Reading::new(files, kinds, &defaults).part(items)
    });
    let mut gathered = Gathered::new(Declared {
        resources: Resources::new(),
        passwords: Passwords::default(),
        faulty,
        problems,
        surplus,
    });
    for part in parts {
        gathered.add(part, files);
    }
    gathered.declared
}

/// The names that an entry of this kind takes beside its fields.
pub(super) fn names_beside(kind: KindName) -> &'static [&'static str] {
    match kind {
        KindName::Stream => &["consumers", "lifecycle"],
        KindName::Topic => &["access", "lifecycle"],
        KindName::User => &["password", "password_file", "lifecycle"],
        KindName::Kv
        | KindName::ObjectStore
        | KindName::Consumer
        | KindName::Acl
        | KindName::Quota
        | KindName::Route => &["lifecycle"],
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
        KindName::Quota => "a quota",
        KindName::User => "a user",
        KindName::Route => "a route",
    }
}

/// The map behind a key; an empty one for nothing, none (and a problem) for something else.
fn map_of(walk: &mut Walk<'_>, entry: Entry, noun: fmt::Arguments<'_>) -> Option<Map> {
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
            walk.problems.push(walk.files.at(&entry.node, problem));
            None
        }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::kinds::kind;
    use crate::manifest::{aliases, layers, yaml};

    const TEXT: &str = "
nats:
  defaults: { streams: { max_age: 1d, max_aeg: 1d } }
  streams:
    A: { subjects: [a], consumers: { one: {}, two: { ack_wait: x } } }
    B: 1
    C: { max_aeg: 1d, lifecycle: { protect: 1 } }
kafka:
  defaults: { topics: { partitions: 3 } }
  topics:
    t: { retention: 7d, access: { produce: [User:a, User:b], consume: [{ principal: User:c, groups: [g] }] } }
    u: { partitions: x, access: { consume: [{ principal: User:c, groups: [g] }, { principle: User:d }] } }
  acls:
    - { principal: User:a, operations: [read], resource: { topic: t } }
    - { principal: User:a, operations: [], resource: { topic: t } }
";

    fn listed(files: &Files) -> Listed {
        let parsed = yaml::parse(0, &files.0[0], TEXT, &AtomicUsize::new(0));
        let mut problems = Vec::new();
        let mut layer = layers::join(parsed.documents, files, &mut problems);
        aliases::resolve(&mut layer.tree, &kind, files, &mut problems);
        assert!(problems.is_empty());
        listed::list(layer, files, &kind, true)
    }

    /// What is declared when so many items are a part.
    fn in_parts(each: usize) -> Declared {
        let files = Files(vec!["a.yaml".into()]);
        let mut listed = listed(&files);
        let mut items = std::mem::take(&mut listed.items).into_iter();
        let defaults = std::mem::take(&mut listed.defaults);
        let mut gathered = Gathered::new(Declared {
            resources: Resources::new(),
            passwords: Passwords::default(),
            faulty: listed.faulty,
            problems: listed.problems,
            surplus: listed.surplus,
        });
        while items.len() > 0 {
            let part = items.by_ref().take(each).collect();
            let part = Reading::new(&files, &kind, &defaults).part(part);
            gathered.add(part, &files);
        }
        gathered.declared
    }

    #[test]
    fn the_same_is_declared_whatever_the_parts() {
        let whole = in_parts(100);
        assert!(whole.resources.len() > 12 && whole.problems.len() > 6);
        for each in 1..6 {
            let other = in_parts(each);
            assert!(whole.resources.iter().eq(other.resources.iter()), "{each}");
            assert_eq!(whole.problems, other.problems, "{each}");
            assert_eq!(whole.faulty, other.faulty, "{each}");
        }
    }
}
