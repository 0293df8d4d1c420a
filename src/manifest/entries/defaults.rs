//! The defaults of a kind: checked once, laid beneath each of its resources.

use super::super::complaints::unknown_field;
use super::super::layers::lay_beneath;
use super::super::node::{Entry, Map, Spot};
use super::super::sections::defaults_of;
use super::super::suggest::nearest;
use super::super::walk::Subject;
use super::{Entries, noun_of};
use crate::model::{Address, Code, KindName, Problem};

/// Nodes that defaults may copy, however few the resources are.
const MOST_COPIES: usize = 200_000;
/// Nodes more that each resource allows for.
const COPIES_EACH: usize = 20;

impl Entries<'_> {
    /// Checks the defaults once, before they are laid beneath every entry.
    pub(super) fn read_defaults(&mut self, tree: &Map) {
        for kind in KindName::ALL {
            let Some((head, word)) = defaults_of(kind) else {
                continue;
            };
            let found = tree
                .get(head)
                .and_then(|entry| entry.node.map()?.get("defaults")?.node.map()?.get(word));
            let (Some(entry), Some(declared)) = (found, (self.kinds)(kind)) else {
                continue;
            };
            let noun = format!("`{head}.defaults.{word}`");
            let Some(map) = self.map_of(entry.clone(), format_args!("{noun}")) else {
                continue;
            };
            let mut fields = map.clone();
            let noun = noun_of(kind);
            let subject = Subject {
                noun,
                address: None,
                others: &["lifecycle"],
                complete: false,
            };
            if let Some(lifecycle) = fields.shift_remove("lifecycle") {
                self.lifecycle(lifecycle, declared, subject);
            }
            self.walk
                .fields(declared.declaration(), &fields, None, subject);
            self.defaults.insert(kind, map);
        }
    }

    pub(super) fn default_words(&mut self, head: &str, words: &[(&str, KindName)], entry: Entry) {
        let noun = format!("`{head}.defaults`");
        for (name, entry) in self
            .map_of(entry, format_args!("{noun}"))
            .into_iter()
            .flatten()
        {
            if !words.iter().any(|(word, _)| **word == *name) {
                let near = nearest(&name, words.iter().map(|(word, _)| *word));
                let problem = unknown_field(&noun, &name, near);
                self.say(problem.at(self.place(entry.key)));
            }
        }
    }

    /// Lays the defaults of its kind beneath a resource, as long as their copies are within bounds.
    pub(super) fn lay_defaults(&mut self, address: &Address, key: Spot, map: &mut Map) {
        if self.overfull {
            return;
        }
        if let Some(defaults) = self.defaults.get(&address.kind) {
            self.copies += lay_beneath(map, defaults);
        }
        if self.copies > MOST_COPIES + COPIES_EACH * self.resources.len() {
            self.overfull = true;
            // nothing is missing from the rest that was not kept from it
            self.whole = false;
            let what = format!(
                "the defaults of `{}` are too many for so many resources",
                address.kind
            );
            let hint = "keep in `defaults` what most resources need";
            let problem = Problem::error(Code::YamlTooLarge, what).hint(hint);
            self.say(problem.at(self.place(key)));
        }
    }
}
