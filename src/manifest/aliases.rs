//! Fields under another name: `retention` for `config.retention.ms`.

use super::entries::Kinds;
use super::node::{Entry, Files, Map, Node};
use super::sections::{Holds, SECTIONS};
use super::walk::Walk;
use crate::kinds::Kind;
use crate::model::{Code, KindName, Problem};

/// What stands under an alias though the field itself is set, too. It counts for nothing, and what is wrong with it is told
/// all the same.
pub(super) struct Double {
    kind: &'static dyn Kind,
    alias: &'static str,
    path: &'static str,
    pub entry: Entry,
}

/// What is wrong with these by themselves.
pub(super) fn check(doubles: &[Double], files: &Files) -> Vec<Problem> {
    let mut walk = Walk::new(files);
    for double in doubles {
        if let Some(field) = double.kind.declaration().field(double.path) {
            walk.alone(&field, &double.entry.node, double.alias);
        }
    }
    walk.problems
}

/// Puts what stands under an alias where the field itself stands, in every resource and every
/// default of a layer; so that layers and defaults meet under one name. What stands there already wins.
pub(super) fn resolve(
    tree: &mut Map,
    kinds: Kinds<'_>,
    files: &Files,
    problems: &mut Vec<Problem>,
) -> Vec<Double> {
    let mut all = Resolve {
        kinds,
        files,
        problems,
        doubles: Vec::new(),
    };
    for section in SECTIONS {
        let Some(entries) = under(tree, &[section.head, section.name]) else {
            continue;
        };
        match section.holds {
            Holds::Resources(kind) => {
                for entry in entries.values_mut() {
                    all.entry(kind, entry);
                }
            }
            Holds::Defaults(words) => {
                for (word, kind) in words {
                    if let Some(entry) = entries.get_mut(*word) {
                        all.entry(*kind, entry);
                    }
                }
            }
            Holds::NatsConnection
            | Holds::KafkaConnection
            | Holds::Consumers
            | Holds::Access
            | Holds::Principal
            | Holds::Acls => {}
        }
    }
    all.doubles
}

struct Resolve<'a> {
    kinds: Kinds<'a>,
    files: &'a Files,
    problems: &'a mut Vec<Problem>,
    doubles: Vec<Double>,
}

impl Resolve<'_> {
    fn entry(&mut self, kind: KindName, entry: &mut Entry) {
        let Some(map) = entry.node.map_mut() else {
            return;
        };
        if let Some(kind) = (self.kinds)(kind) {
            self.map(map, kind);
        }
        if kind == KindName::Stream
            && let Some(consumers) = under(map, &["consumers"])
        {
            for consumer in consumers.values_mut() {
                self.entry(KindName::Consumer, consumer);
            }
        }
    }

    fn map(&mut self, map: &mut Map, kind: &'static dyn Kind) {
        for (alias, path) in kind.aliases() {
            if let Some(entry) = map.shift_remove(*alias) {
                self.put(map, kind, (alias, path), entry);
            }
        }
    }

    fn put(
        &mut self,
        map: &mut Map,
        kind: &'static dyn Kind,
        (alias, path): (&'static str, &'static str),
        entry: Entry,
    ) {
        let (target, name) = match path.split_once('.') {
            None => (Some(map), path),
            Some((head, name)) => {
                let home = map.entry(head.into()).or_insert_with(|| Entry {
                    key: entry.key,
                    node: Node::empty_map(entry.key),
                });
                (home.node.map_mut(), name)
            }
        };
        // what is no map gets its own complaint
        let Some(target) = target else {
            return;
        };
        let Some(first) = target.get(name) else {
            target.insert(name.into(), entry);
            return;
        };
        let what = format!("`{alias}` and `{path}` are the same field");
        self.problems.push(
            Problem::error(Code::Contradiction, what)
                .at(self.files.place(entry.key))
                .note(self.files.place(first.key), "it is set here too")
                .hint("keep one of the two"),
        );
        self.doubles.push(Double {
            kind,
            alias,
            path,
            entry,
        });
    }
}

fn under<'m>(map: &'m mut Map, path: &[&str]) -> Option<&'m mut Map> {
    match path.split_first() {
        None => Some(map),
        Some((key, rest)) => under(map.get_mut(*key)?.node.map_mut()?, rest),
    }
}
