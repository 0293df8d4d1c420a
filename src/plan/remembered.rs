//! Fields that no broker holds: what the ledger says was last applied stands in for the live value.

use super::ownership::Title;
use crate::kinds::{Kind, Live};
use crate::model::{Code, Problem, Resource};

/// What a live resource holds, with the fields that only the ledger knows.
///
/// Where nobody knows what was applied (no ledger, or a resource that becomes the stack's only now), such a field is taken to be
/// as declared, or every plan would write it anew.
pub(super) fn with_remembered(
    kind: &dyn Kind,
    resource: &Resource,
    live: &Live,
    title: Option<&Title>,
) -> Live {
    let mut live = live.clone();
    for (path, _) in standing_for(kind, resource) {
        let held = match title {
            Some(title) if title.is_interrupted => None,
            Some(title) if !title.is_new => title.once_set.get(path),
            Some(_) | None => resource.declared.get(path),
        };
        match held {
            Some(held) => live.fields.insert(path.clone(), held.clone()),
            None => live.fields.shift_remove(path),
        };
    }
    live
}

/// The declared fields that no broker holds, each with what it stands for.
pub(super) fn standing_for<'r>(
    kind: &dyn Kind,
    resource: &'r Resource,
) -> Vec<(&'r String, String)> {
    let fields = resource.declared.keys().filter_map(|path| {
        let field = kind.declaration().field(path)?;
        Some((path, field.facts.stands_for.clone()?))
    });
    fields.collect()
}

/// Said of a resource that is adopted.
pub(super) fn note(path: &str, what: &str) -> String {
    format!(
        "whether {what} is the declared one can't be known: it stays as it is; to have it set, raise `{path}` after this"
    )
}

/// Said where there is no ledger.
pub(super) fn unknown(resource: &Resource, path: &str, what: &str) -> Problem {
    Problem::warning(
        Code::VersionUnknown,
        format!("without a ledger nobody knows which `{path}` was applied: {what} stays as it is"),
    )
    .about(&resource.address)
    .at(resource.place_of(path))
    .hint("name a ledger with `--ledger`, which remembers it")
}
