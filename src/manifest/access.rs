//! ACLs: the list of `kafka.acls` and what a topic's `access` stands for.

use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::complaints::unknown_field;
use super::entries::find;
use super::mended::{is_broken, mended};
use super::node::{Entry, Node, Value};
use super::said::untyped;
use super::suggest::nearest;
use super::typed::typed;
use super::walk::{Subject, Walk};
use crate::kinds::Declaration;
use crate::kinds::acl::{
    Access, AclEntry, ConsumerTerms, Expansion, ProducerTerms, expand_access, expand_entry,
};
use crate::model::{Address, Code, Doc, Problem, Resource, Severity};

/// The entries of `kafka.acls`.
pub(super) fn items(walk: &mut Walk<'_>, entry: Entry) -> Vec<Node> {
    match entry.node.value {
        Value::List(items) => items,
        Value::Null | Value::Broken => Vec::new(),
        _ => {
            let what = format!("`kafka.acls` is a list, not {}", entry.node.shown());
            say(walk, &entry.node, Problem::error(Code::WrongType, what));
            Vec::new()
        }
    }
}

/// How many ACLs an entry of `kafka.acls`, or of a topic's access, stands for at most.
pub(super) fn count(item: &Node) -> usize {
    let lists = item.map().into_iter().flat_map(|map| map.values());
    lists.fold(2, |count: usize, entry| match &entry.node.value {
        Value::List(items) => count.saturating_mul(items.len() + 1),
        _ => count,
    })
}

/// How many ACLs a topic's access stands for at most.
pub(super) fn count_of_topic(entry: &Entry) -> usize {
    let sides = entry.node.map().into_iter().flat_map(|map| map.values());
    let items = sides.flat_map(|side| match &side.node.value {
        Value::List(items) => items.as_slice(),
        _ => &[],
    });
    items.map(count).fold(0, usize::saturating_add)
}

/// The ACLs of an entry of `kafka.acls`.
pub(super) fn of_entry(walk: &mut Walk<'_>, item: &Node) -> Vec<Resource> {
    let subject = subject("an entry of `kafka.acls`", None);
    let is_sound = checked(walk, entry_declaration(), item, subject) && !is_broken(item);
    let entry = match is_sound {
        true => read::<AclEntry>(walk, item),
        false => mended(walk, entry_declaration(), item)
            .and_then(|said| serde_json::from_value(said).ok()),
    };
    let Some(entry) = entry else {
        return Vec::new();
    };
    let files = walk.files;
    let place = |path: &str| find(item, path).and_then(|node| files.place(node.spot));
    taken(walk, expand_entry(&entry, &place), is_sound)
}

/// The ACLs of a topic's `access`.
pub(super) fn of_topic(walk: &mut Walk<'_>, topic: &Address, entry: &Entry) -> Vec<Resource> {
    let before = walk.problems.len();
    check_access(walk, topic, &entry.node);
    let is_sound = walk.problems.len() == before && !is_broken(&entry.node);
    let access = match is_sound {
        true => read::<Access>(walk, &entry.node),
        false => mended_access(walk, &entry.node),
    };
    let Some(access) = access else {
        return Vec::new();
    };
    let files = walk.files;
    let place = |path: &str| find(&entry.node, path).and_then(|node| files.place(node.spot));
    taken(walk, expand_access(topic, &access, &place), is_sound)
}

/// The sound entries of an access that is partly wrong, each where it stands.
fn mended_access(walk: &Walk<'_>, node: &Node) -> Option<Access> {
    let Value::Map(map) = &node.value else {
        return None;
    };
    let mut access = Doc::new();
    for (side, terms) in &SIDES {
        let Some(Value::List(items)) = map.get(*side).map(|entry| &entry.node.value) else {
            continue;
        };
        let item = |item: &Node| match &item.value {
            Value::Text(_) | Value::Expanded(_) => untyped(item),
            _ => mended(walk, terms, item).unwrap_or_else(|| json!("User:x")),
        };
        access.insert((*side).to_owned(), items.iter().map(item).collect());
    }
    serde_json::from_value(access.into()).ok()
}

fn check_access(walk: &mut Walk<'_>, topic: &Address, node: &Node) {
    let map = match &node.value {
        Value::Map(map) => map,
        Value::Null | Value::Broken => return,
        _ => {
            let what = format!("`access` is a map, not {}", node.shown());
            let problem = Problem::error(Code::WrongType, what).about(topic);
            say(walk, node, problem);
            return;
        }
    };
    for (key, entry) in map.iter() {
        let Some((_, terms)) = SIDES.iter().find(|(side, _)| *side == &**key) else {
            let near = nearest(key, SIDES.iter().map(|(side, _)| *side));
            let problem = unknown_field("`access`", key, near)
                .about(topic)
                .at(walk.files.place(entry.key));
            walk.problems.push(problem);
            continue;
        };
        check_side(walk, topic, key, terms, &entry.node);
    }
}

fn check_side(
    walk: &mut Walk<'_>,
    topic: &Address,
    side: &str,
    terms: &'static Declaration,
    node: &Node,
) {
    let noun = format!("an entry of `access.{side}`");
    let wrong = |walk: &mut Walk<'_>, node: &Node, wanted: &str| {
        let what = format!("`access.{side}` {wanted}, not {}", node.shown());
        say(
            walk,
            node,
            Problem::error(Code::WrongType, what).about(topic),
        );
    };
    match &node.value {
        Value::List(items) => {
            for item in items {
                match &item.value {
                    Value::Text(_) | Value::Expanded(_) | Value::Broken => {}
                    Value::Map(_) => {
                        checked(walk, terms, item, subject(&noun, Some(topic)));
                    }
                    _ => wrong(walk, item, "names principals, or maps with a `principal`"),
                }
            }
        }
        Value::Null | Value::Broken => {}
        _ => wrong(walk, node, "is a list"),
    }
}

/// Whether the node fits the declaration; what does not is complained of.
fn checked(
    walk: &mut Walk<'_>,
    declaration: &Declaration,
    node: &Node,
    subject: Subject<'_>,
) -> bool {
    let before = walk.problems.len();
    match &node.value {
        Value::Map(map) => {
            let place = walk.files.place(node.spot);
            walk.fields(declaration, map, place, subject);
        }
        Value::Broken => return false,
        _ => {
            let what = format!("{} is a map, not {}", subject.noun, node.shown());
            say(walk, node, Problem::error(Code::WrongType, what));
        }
    }
    walk.problems.len() == before
}

/// Of an entry that is not sound only the errors count: its ACLs are not what was meant.
fn taken(walk: &mut Walk<'_>, expansion: Expansion, is_sound: bool) -> Vec<Resource> {
    let Expansion { acls, problems } = expansion;
    let counts = |problem: &Problem| is_sound || problem.severity == Severity::Error;
    walk.problems.extend(problems.into_iter().filter(counts));
    if is_sound { acls } else { Vec::new() }
}

/// What nobody complained of as what it stands for: never less than it says, without a word.
fn read<T: DeserializeOwned>(walk: &mut Walk<'_>, node: &Node) -> Option<T> {
    typed(node)
        .map_err(|why| say(walk, node, Problem::error(Code::WrongType, why)))
        .ok()
}

fn say(walk: &mut Walk<'_>, node: &Node, problem: Problem) {
    let problem = walk.files.at(node, problem);
    walk.problems.push(problem);
}

fn subject<'a>(noun: &'a str, address: Option<&'a Address>) -> Subject<'a> {
    Subject {
        noun,
        address,
        others: &[],
        complete: true,
    }
}

/// The two sides of an access, each with what one of its entries may say.
pub(super) static SIDES: [(&str, LazyLock<Declaration>); 2] = [
    ("produce", LazyLock::new(Declaration::of::<ProducerTerms>)),
    ("consume", LazyLock::new(Declaration::of::<ConsumerTerms>)),
];

/// What an entry of `kafka.acls` may say.
pub(super) fn entry_declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<AclEntry>);
    &DECLARATION
}
