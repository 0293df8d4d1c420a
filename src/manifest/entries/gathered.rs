//! The parts put together, up to a bound.

use super::super::node::{Files, Spot};
use super::Declared;
use super::reading::Part;
use crate::manifest::complaints::Surplus;
use crate::model::{Code, Problem, Tally};

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
            passwords,
            faulty,
            problems,
            surplus,
        } = &mut self.declared;
        let mut found = part.problems;
        let mut read = part.resources.into_iter();
        let (mut taken, mut told) = (0_usize, Tally::default());
        let mut more = part.surplus;
        for step in part.steps {
            if resources.len().saturating_add(step.most) > MOST_RESOURCES {
                self.overflown = true;
                found.truncate(told.total());
                more = Surplus(told.minus(Tally::of(&found)));
                found.push(too_many(step.spot, files));
                break;
            }
            for (address, resource) in read.by_ref().take(step.resources - taken) {
                resources.entry(address).or_insert(resource);
            }
            (taken, told) = (step.resources, step.problems);
        }
        passwords.extend(part.passwords);
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

#[cfg(test)]
mod tests {
    use super::super::reading::Step;
    use super::*;
    use crate::kinds::Resources;
    use crate::manifest::entries::Faulty;
    use crate::manifest::passwords::Passwords;
    use crate::model::{Address, Flat, Resource};

    fn nothing() -> Declared {
        Declared {
            resources: Resources::new(),
            passwords: Passwords::default(),
            faulty: Faulty::new(),
            problems: Vec::new(),
            surplus: Surplus::default(),
        }
    }

    /// Three items, each with a stream and a problem; the last stands for so many resources at most.
    fn part(names: [&str; 3], most: usize) -> Part {
        let resource = |name: &str| {
            let address: Address = format!("stream/{name}").parse().unwrap();
            (address.clone(), Resource::new(address, Flat::new()))
        };
        let step = |count: usize| Step {
            spot: Spot {
                file: 0,
                line: 1,
                column: 1,
                start: 0,
                end: 0,
            },
            most: if count == 3 { most } else { 1 },
            resources: count,
            problems: Tally {
                errors: count,
                warnings: 0,
            },
        };
        Part {
            resources: names.map(resource).into_iter().collect(),
            problems: names
                .map(|name| Problem::error(Code::BadName, name))
                .to_vec(),
            steps: (1..=3).map(step).collect(),
            ..Part::default()
        }
    }

    #[test]
    fn what_stands_behind_the_bound_is_left_out_wherever_parts_end() {
        let mut gathered = Gathered::new(nothing());
        for part in [
            part(["a", "b", "c"], 1),
            part(["d", "e", "f"], MOST_RESOURCES - 4),
            part(["g", "h", "i"], 1),
        ] {
            gathered.add(part, &Files::default());
        }
        let Declared {
            resources,
            problems,
            ..
        } = gathered.declared;
        let names: Vec<&str> = resources.keys().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "e"]);
        let told: Vec<&str> = problems.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(told[..5], ["a", "b", "c", "d", "e"]);
        assert!(told.len() == 6 && told[5].contains("more than 150000 resources"));
    }
}
