//! Reads a part of what the sections hold.

use super::super::access;
use super::super::complaints::Surplus;
use super::super::layers::lay_beneath;
use super::super::node::{Entry, Files, Spot};
use super::super::passwords::Passwords;
use super::super::walk::{Subject, Walk};
use super::defaults::Defaults;
use super::gathered::MOST_RESOURCES;
use super::listed::{Fields, Held, Item};
use super::{Faulty, Kinds, lifecycle, names_beside, noun_of};
use crate::kinds::Resources;
use crate::model::{Address, KindName, Problem, Resource, Tally};

/// What was read of a part.
#[derive(Default)]
pub(super) struct Part {
    pub resources: Resources,
    pub passwords: Passwords,
    pub faulty: Faulty,
    pub problems: Vec<Problem>,
    pub surplus: Surplus,
    /// In the order of the items.
    pub steps: Vec<Step>,
}

/// How far a part was when an item had been read.
pub(super) struct Step {
    /// Where the item stands.
    pub spot: Spot,
    /// How many resources it stood for at most.
    pub most: usize,
    pub resources: usize,
    /// Those that were dropped included.
    pub problems: Tally,
}

/// Reads items, without knowledge of what is not among them.
pub(super) struct Reading<'a> {
    kinds: Kinds<'a>,
    defaults: &'a Defaults,
    walk: Walk<'a>,
    part: Part,
}

impl<'a> Reading<'a> {
    pub fn new(files: &'a Files, kinds: Kinds<'a>, defaults: &'a Defaults) -> Self {
        Reading {
            kinds,
            defaults,
            walk: Walk::new(files),
            part: Part::default(),
        }
    }

    /// Reads these items. Where they alone are too many, the last step is the first for which there was no room.
    pub fn part(mut self, items: Vec<Item>) -> Part {
        let mut told = Tally::default();
        for Item { spot, most, holds } in items {
            let has_room = self.part.resources.len().saturating_add(most) <= MOST_RESOURCES;
            if has_room {
                let before = self.walk.problems.len();
                self.item(spot, holds);
                told = told.plus(Tally::of(&self.walk.problems[before..]));
                self.part.surplus.bound(&mut self.walk.problems);
            }
            self.part.steps.push(Step {
                spot,
                most,
                resources: self.part.resources.len(),
                problems: told,
            });
            if !has_room {
                break;
            }
        }
        self.part.problems = self.walk.problems;
        self.part
    }

    fn item(&mut self, spot: Spot, holds: Held) {
        match holds {
            Held::Fields(fields) => self.fields(spot, fields),
            Held::Access(topic, entry) => self.access(topic, &entry),
            Held::Acls(item) => {
                let acls = access::of_entry(&mut self.walk, &item);
                self.add_acls(acls);
            }
        }
    }

    fn fields(&mut self, spot: Spot, fields: Fields) {
        let Fields {
            address,
            mut map,
            takes_defaults,
            is_whole,
        } = fields;
        let Some(kind) = (self.kinds)(address.kind) else {
            return;
        };
        let before = self.walk.problems.len();
        if let Some(defaults) = self.defaults.get(&address.kind).filter(|_| takes_defaults) {
            lay_beneath(&mut map, defaults);
        }
        let has_secret = address.kind == KindName::User && {
            let Walk {
                files, problems, ..
            } = &mut self.walk;
            self.part
                .passwords
                .take(&address, &mut map, files, problems)
        };
        let lifecycle = map.shift_remove("lifecycle");
        let place = self.walk.files.place(spot);
        let noun = noun_of(address.kind);
        let aliases: Vec<&str> = kind.aliases().iter().map(|(alias, _)| *alias).collect();
        let others = [names_beside(address.kind), &aliases].concat();
        let subject = Subject {
            noun,
            address: Some(&address),
            others: &others,
            complete: is_whole,
        };
        let fields = self
            .walk
            .fields(kind.declaration(), &map, place.clone(), subject);
        let mut resource = Resource::new(address.clone(), fields.values);
        resource.field_places = fields.places;
        resource.place = place;
        resource.has_secret = has_secret;
        if let Some(entry) = lifecycle {
            resource.lifecycle = lifecycle::read(&mut self.walk, entry, kind, subject);
        }
        if self.walk.problems.len() > before || !fields.lost.is_empty() {
            self.part.faulty.insert(address.clone(), fields.lost);
        }
        kind.complete(&mut resource);
        self.part.resources.insert(address, resource);
    }

    fn access(&mut self, topic: Address, entry: &Entry) {
        let before = self.walk.problems.len();
        let acls = access::of_topic(&mut self.walk, &topic, entry);
        self.add_acls(acls);
        if self.walk.problems.len() > before {
            self.part.faulty.entry(topic).or_default();
        }
    }

    /// An ACL that two entries imply is one ACL.
    fn add_acls(&mut self, acls: Vec<Resource>) {
        for acl in acls {
            let known = self.part.resources.entry(acl.address.clone());
            known.or_insert(acl);
        }
    }
}
