use std::collections::HashSet;

use serde_json::Value;

use crate::kinds::{Delta, Kind, Live};
use crate::model::{Flat, LABEL, Lifecycle, Resource, Undeclared};

/// What differs between one resource's declaration and its live state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// The fields that are to change, in wire units.
    pub deltas: Vec<Delta>,
    /// How many declared fields are as they should be.
    pub unchanged: usize,
    /// Live values that differ from the default and are not declared, in wire units.
    pub undeclared: Vec<(String, Value)>,
    /// Live values in fields that this version does not know, as they are.
    pub unknown: Vec<(String, Value)>,
}

/// Compares what is declared with what is live; every declared field is a change when nothing is. A field that was
/// once set by us and is no longer declared goes back to the default. The stack's label is no field of a resource.
pub fn diff(
    kind: &dyn Kind,
    resource: &Resource,
    live: Option<&Live>,
    once_set: &Flat,
) -> Difference {
    let mut declared = resource.declared.clone();
    declared.retain(|path, _| !is_ignored(&resource.lifecycle, path));
    let Some(live) = live else {
        return Difference {
            deltas: created(declared),
            ..Difference::default()
        };
    };
    let mut fields = live.fields.clone();
    fields.retain(|path, _| path != LABEL && !is_ignored(&resource.lifecycle, path));
    let resets = match resource.lifecycle.undeclared {
        Undeclared::Keep if once_set.keys().all(|path| declared.contains_key(path)) => Vec::new(),
        Undeclared::Keep => resets(kind, &declared, fields.clone(), |path| {
            once_set.contains_key(path)
        }),
        Undeclared::Reset => resets(kind, &declared, fields.clone(), |path| {
            once_set.contains_key(path) || !kind.may_be_given(path)
        }),
    };
    kind.settle(&mut declared, &mut fields);
    let mut difference = compare(kind, &declared, &fields);
    let stays = |path: &String| !resets.iter().any(|reset| reset.path == *path);
    difference.undeclared.retain(|(path, _)| stays(path));
    difference.deltas.extend(resets);
    difference
}

fn created(declared: Flat) -> Vec<Delta> {
    declared
        .into_iter()
        .map(|(path, value)| Delta {
            path,
            before: None,
            after: Some(value),
        })
        .collect()
}

fn compare(kind: &dyn Kind, declared: &Flat, live: &Flat) -> Difference {
    let mut difference = Difference::default();
    for (path, wanted) in declared {
        let held = live.get(path);
        let same = match kind.declaration().field(path) {
            Some(field) => field.same(Some(wanted), held),
            None => Some(wanted) == held,
        };
        if same {
            difference.unchanged += 1;
        } else {
            let delta = Delta {
                path: path.clone(),
                before: held.cloned(),
                after: Some(wanted.clone()),
            };
            difference.deltas.push(delta);
        }
    }
    difference.undeclared = undeclared_values(kind, declared, live);
    let unknown = kind.declaration().unknown(live);
    difference.unknown = unknown
        .map(|(path, value)| (path.clone(), value.clone()))
        .collect();
    difference
}

fn undeclared_values(kind: &dyn Kind, declared: &Flat, live: &Flat) -> Vec<(String, Value)> {
    live.iter()
        .filter(|(path, value)| {
            !declared.contains_key(*path)
                && kind.declaration().field(path).is_some_and(|field| {
                    !field.facts.hidden && !field.facts.inherent && !field.same(Some(value), None)
                })
        })
        .map(|(path, value)| (path.clone(), value.clone()))
        .collect()
}

/// Going back to the default, for each undeclared field that is meant and can change at all. What a field that goes had
/// switched on or derived (the `ack_wait` of a `backoff`) goes with it: it is looked again at what is left, and what shows
/// only then is meant, too.
fn resets(
    kind: &dyn Kind,
    declared: &Flat,
    mut live: Flat,
    is_meant: impl Fn(&str) -> bool,
) -> Vec<Delta> {
    let mut found = Vec::new();
    let mut shown: Option<HashSet<String>> = None;
    loop {
        let (mut wanted, mut held) = (declared.clone(), live.clone());
        kind.settle(&mut wanted, &mut held);
        let mut undeclared = undeclared_values(kind, &wanted, &held);
        let paths = || undeclared.iter().map(|(path, _)| path.clone()).collect();
        let shown = shown.get_or_insert_with(paths);
        undeclared.retain(|(path, value)| {
            let goes_along = !shown.contains(path);
            live.contains_key(path) && (goes_along || is_meant(path)) && kind.can_reset(path, value)
        });
        if undeclared.is_empty() {
            return found;
        }
        for (path, value) in undeclared {
            live.shift_remove(&path);
            found.push(Delta {
                path,
                before: Some(value),
                after: None,
            });
        }
    }
}

/// Whether a resource's lifecycle leaves this field to others.
pub(super) fn is_ignored(lifecycle: &Lifecycle, path: &str) -> bool {
    lifecycle.ignore.iter().any(|ignored| {
        path == ignored
            || path
                .strip_prefix(ignored.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
            || path.strip_prefix("config.") == Some(ignored)
    })
}
