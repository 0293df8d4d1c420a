//! The parts put together, up to a bound.

use super::super::node::{Files, Spot};
use super::Declared;
use super::reading::Part;
use crate::model::{Code, Problem};

/// Resources of a manifest, with the ACLs that an access or an entry stands for.
pub(super) const MOST_RESOURCES: usize = 150_000;

/// What the parts declare together.
pub(super) struct Gathered {
    pub declared: Declared,
    /// Whether there are too many resources: no more are taken.
    overflown: bool,
}

impl Gathered {
    pub fn new(declared: Declared) -> Self {
        Gathered {
            declared,
            overflown: false,
        }
    }

    /// Adds the next part, as far as there is room. An ACL that two parts imply is one ACL.
    pub fn add(&mut self, part: Part, files: &Files) {
        if self.overflown {
            return;
        }
        let Declared {
            resources,
            faulty,
            problems,
            surplus,
        } = &mut self.declared;
        let mut found = part.problems;
        let mut read = part.resources.into_iter();
        let (mut taken, mut told) = (0_usize, 0_usize);
        let mut more = part.surplus;
        for step in part.steps {
            if resources.len().saturating_add(step.most) > MOST_RESOURCES {
                self.overflown = true;
                more.count = told.saturating_sub(found.len());
                found.truncate(told);
                found.push(too_many(step.spot, files));
                break;
            }
            for (address, resource) in read.by_ref().take(step.resources - taken) {
                resources.entry(address).or_insert(resource);
            }
            (taken, told) = (step.resources, step.problems);
        }
        for (address, lost) in part.faulty {
            faulty.entry(address).or_default().extend(lost);
        }
        problems.extend(found);
        surplus.add(&more);
        surplus.bound(problems);
    }
}

fn too_many(spot: Spot, files: &Files) -> Problem {
    let what = format!("the manifest declares more than {MOST_RESOURCES} resources, ACLs included");
    Problem::error(Code::YamlTooLarge, what)
        .at(files.place(spot))
        .hint("split the stack in several, each a manifest of its own; what follows was not read")
}
