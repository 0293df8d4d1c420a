//! The defaults of a kind: checked once, laid beneath each of its resources.

use std::collections::HashMap;

use super::super::complaints::unknown_field;
use super::super::layers::copies_beneath;
use super::super::node::{Entry, Map};
use super::super::sections::defaults_of;
use super::super::suggest::nearest;
use super::super::walk::{Subject, Walk};
use super::gathered::MOST_RESOURCES;
use super::{Kinds, lifecycle, map_of, noun_of};
use crate::model::{Code, KindName, Problem};

/// Nodes that defaults may copy, however few the resources are.
const MOST_COPIES: usize = 200_000;
/// Nodes more that each resource allows for.
const COPIES_EACH: usize = 20;

/// What lies beneath the resources of each kind.
pub(super) type Defaults = HashMap<KindName, Map>;

/// Checks the defaults once, before they are laid beneath every entry.
pub(super) fn read(walk: &mut Walk<'_>, tree: &Map, kinds: Kinds<'_>) -> Defaults {
    let mut defaults = Defaults::new();
    for kind in KindName::ALL {
        let Some((head, word)) = defaults_of(kind) else {
            continue;
        };
        let found = tree
            .get(head)
            .and_then(|entry| entry.node.map()?.get("defaults")?.node.map()?.get(word));
        let (Some(entry), Some(declared)) = (found, kinds(kind)) else {
            continue;
        };
        let noun = format!("`{head}.defaults.{word}`");
        let Some(map) = map_of(walk, entry.clone(), format_args!("{noun}")) else {
            continue;
        };
        let mut fields = map.clone();
        let subject = Subject {
            noun: noun_of(kind),
            address: None,
            others: &["lifecycle"],
            complete: false,
        };
        if let Some(entry) = fields.shift_remove("lifecycle") {
            lifecycle::read(walk, entry, declared, subject);
        }
        walk.fields(declared.declaration(), &fields, None, subject);
        defaults.insert(kind, map);
    }
    defaults
}

/// Complains of what `defaults` has that is no kind's.
pub(super) fn words(walk: &mut Walk<'_>, head: &str, words: &[(&str, KindName)], entry: Entry) {
    let noun = format!("`{head}.defaults`");
    let map = map_of(walk, entry, format_args!("{noun}"));
    for (name, entry) in map.into_iter().flatten() {
        if !words.iter().any(|(word, _)| **word == *name) {
            let near = nearest(&name, words.iter().map(|(word, _)| *word));
            let problem = unknown_field(&noun, &name, near);
            walk.problems.push(problem.at(walk.files.place(entry.key)));
        }
    }
}

/// The nodes that defaults copy, and how many they may.
pub(super) struct Copies<'a> {
    defaults: &'a Defaults,
    made: usize,
    /// How many resources there are so far at most.
    resources: usize,
    /// Whether defaults have copied too much: they are laid beneath nothing more.
    pub are_too_many: bool,
}

impl<'a> Copies<'a> {
    pub fn of(defaults: &'a Defaults) -> Self {
        Copies {
            defaults,
            made: 0,
            resources: 0,
            are_too_many: false,
        }
    }

    /// So many resources allow for more copies.
    pub fn allow(&mut self, resources: usize) {
        self.resources = self.resources.saturating_add(resources).min(MOST_RESOURCES);
    }

    /// Counts what is copied beneath these fields; a problem where it is too much, which is said once.
    pub fn count(&mut self, kind: KindName, map: &Map) -> Option<Problem> {
        let defaults = self.defaults.get(&kind).filter(|_| !self.are_too_many)?;
        self.made += copies_beneath(map, defaults);
        self.are_too_many = self.made > MOST_COPIES + COPIES_EACH * self.resources;
        self.are_too_many.then(|| {
            let what = format!("the defaults of `{kind}` are too many for so many resources");
            let hint = "keep in `defaults` what most resources need";
            Problem::error(Code::YamlTooLarge, what).hint(hint)
        })
    }
}
