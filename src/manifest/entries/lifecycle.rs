//! The `lifecycle` of a resource.

use std::sync::LazyLock;

use super::super::complaints::unknown_field;
use super::super::node::{Entry, Map, Value};
use super::super::suggest::nearest;
use super::super::walk::{Subject, Walk};
use super::{map_of, noun_of};
use crate::kinds::{Declaration, Kind};
use crate::model::{Doc, Lifecycle};

/// The fields of `lifecycle`.
pub(in crate::manifest) fn lifecycle_declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<Lifecycle>);
    &DECLARATION
}

/// What it says; whatever is wrong with it is complained of.
pub(super) fn read(
    walk: &mut Walk<'_>,
    entry: Entry,
    kind: &dyn Kind,
    subject: Subject<'_>,
) -> Lifecycle {
    let Some(map) = map_of(walk, entry, format_args!("`lifecycle`")) else {
        return Lifecycle::default();
    };
    let subject = Subject {
        noun: "`lifecycle`",
        others: &[],
        ..subject
    };
    let declaration = lifecycle_declaration();
    let fields = walk.fields(declaration, &map, None, subject);
    let doc: Doc = declaration.unflatten(&fields.values);
    let mut lifecycle: Lifecycle = serde_json::from_value(doc.into()).unwrap_or_default();
    let aliased = |name: &String| {
        kind.aliases()
            .iter()
            .find(|(alias, _)| alias == name)
            .map_or_else(|| name.clone(), |(_, path)| (*path).to_owned())
    };
    lifecycle.ignore = lifecycle.ignore.iter().map(aliased).collect();
    ignored(walk, &lifecycle, &map, kind, subject);
    lifecycle
}

/// The fields that `ignore` names must be there to be ignored.
fn ignored(
    walk: &mut Walk<'_>,
    lifecycle: &Lifecycle,
    map: &Map,
    kind: &dyn Kind,
    subject: Subject<'_>,
) {
    let Some(entry) = map.get("ignore") else {
        return;
    };
    let Value::List(items) = &entry.node.value else {
        return;
    };
    for (name, item) in lifecycle.ignore.iter().zip(items) {
        if kind.declaration().field(name).is_some() {
            continue;
        }
        let names = kind.declaration().fields.keys().map(String::as_str);
        let near = nearest(name, names);
        let mut problem = unknown_field(noun_of(kind.name()), name, near);
        problem.address = subject.address.cloned();
        walk.problems.push(walk.files.at(item, problem));
    }
}
