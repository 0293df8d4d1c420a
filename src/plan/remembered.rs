//! Fields that no broker holds: what the ledger says was last applied stands in for the live value.

use super::ownership::Title;
use crate::kinds::{Kind, Live};
use crate::model::{Code, Problem, Resource};

/// What is remembered of a live resource, and what nobody knows of it.
#[derive(Default)]
pub(super) struct Memory {
    /// What it holds, with the fields that only the ledger knows; none where it has no such field.
    pub live: Option<Live>,
    /// One for each field of which there is no ledger to know.
    pub unknown: Vec<Problem>,
    /// One for each field of a resource that is adopted.
    pub notes: Vec<String>,
}

impl Memory {
    /// Without a title where there is no ledger.
    pub fn of(
        kind: &dyn Kind,
        resource: &Resource,
        live: Option<&Live>,
        title: Option<&Title>,
    ) -> Memory {
        let fields = standing_for(kind, resource);
        let Some(live) = live.filter(|_| !fields.is_empty()) else {
            return Memory::default();
        };
        let is_adopted = title.is_some_and(|title| title.is_new && !title.is_interrupted);
        let unknown = fields.iter().filter(|_| title.is_none());
        let noted = fields.iter().filter(|_| is_adopted);
        Memory {
            live: Some(with_remembered(&fields, resource, live, title)),
            unknown: unknown
                .map(|(path, what)| unknown_problem(resource, path, what))
                .collect(),
            notes: noted.map(|(path, what)| note(path, what)).collect(),
        }
    }
}

/// What a live resource holds, with the fields that only the ledger knows.
///
/// Where nobody knows what was applied (no ledger, or a resource that becomes the stack's only now), such a field is taken to be
/// as declared, or every plan would write it anew.
fn with_remembered(
    fields: &[(&String, String)],
    resource: &Resource,
    live: &Live,
    title: Option<&Title>,
) -> Live {
    let mut live = live.clone();
    for (path, _) in fields {
        let held = match title {
            Some(title) if title.is_interrupted => None,
            Some(title) if !title.is_new => title.once_set.get(*path),
            Some(_) | None => resource.declared.get(*path),
        };
        match held {
            Some(held) => live.fields.insert((*path).clone(), held.clone()),
            None => live.fields.shift_remove(*path),
        };
    }
    live
}

/// The declared fields that no broker holds, each with what it stands for.
fn standing_for<'r>(kind: &dyn Kind, resource: &'r Resource) -> Vec<(&'r String, String)> {
    let fields = resource.declared.keys().filter_map(|path| {
        let field = kind.declaration().field(path)?;
        Some((path, field.facts.stands_for.clone()?))
    });
    fields.collect()
}

/// Said of a resource that is adopted.
fn note(path: &str, what: &str) -> String {
    format!(
        "whether {what} is the declared one can't be known: it stays as it is; to have it set, raise `{path}` after this"
    )
}

/// Said where there is no ledger.
fn unknown_problem(resource: &Resource, path: &str, what: &str) -> Problem {
    Problem::warning(
        Code::VersionUnknown,
        format!("without a ledger nobody knows which `{path}` was applied: {what} stays as it is"),
    )
    .about(&resource.address)
    .at(resource.place_of(path))
    .hint("name a ledger with `--ledger`, which remembers it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Live, kind};
    use crate::model::{Flat, KindName};
    use serde_json::{Value, json};

    /// What a user's `version` is compared with, where 2 is declared and the ledger says this.
    fn held(title: Option<Title>) -> Option<Value> {
        let fields = |value: Value| -> Flat { [("version".to_owned(), value)].into() };
        let user = Resource::new("user/ann".parse().unwrap(), fields(json!(2)));
        let live = Live {
            fields: Flat::new(),
            raw: Default::default(),
            incarnation: None,
            inherited: Default::default(),
        };
        let kind = kind(KindName::User).unwrap();
        let is_none = title.is_none();
        let memory = Memory::of(kind, &user, Some(&live), title.as_ref());
        let is_adopted = title.is_some_and(|title| title.is_new && !title.is_interrupted);
        assert_eq!(memory.notes.len(), usize::from(is_adopted));
        assert_eq!(memory.unknown.len(), usize::from(is_none));
        memory.live.unwrap().fields.get("version").cloned()
    }

    fn recorded(version: Option<i64>) -> Title {
        let applied = version.map(|version| ("version".to_owned(), json!(version)));
        Title {
            once_set: applied.into_iter().collect(),
            ..Title::default()
        }
    }

    #[test]
    fn what_the_ledger_remembers_is_compared() {
        assert_eq!(held(Some(recorded(Some(1)))), Some(json!(1)));
        assert_eq!(held(Some(recorded(None))), None);
    }

    #[test]
    fn what_nobody_knows_is_as_declared() {
        assert_eq!(held(None), Some(json!(2)));
        let adopted = Title {
            is_new: true,
            ..recorded(Some(1))
        };
        assert_eq!(held(Some(adopted)), Some(json!(2)));
    }

    /// The password may have been set before the apply ended, or not: it is set again.
    #[test]
    fn what_an_interrupted_apply_recorded_counts_for_nothing() {
        let interrupted = Title {
            is_new: true,
            is_interrupted: true,
            ..recorded(Some(2))
        };
        assert_eq!(held(Some(interrupted)), None);
    }
}
