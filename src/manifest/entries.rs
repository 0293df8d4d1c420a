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
