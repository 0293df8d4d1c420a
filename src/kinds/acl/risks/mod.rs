//! What making an ACL costs, and what a manifest shows of it.

mod first;
mod overlap;
mod shadow;
mod wide;

use indexmap::IndexMap;

use super::effect::is_on_all_of;
use super::losses::Held;
use super::{AclBinding, acl_of};
use crate::broker::kafka::Kafka;
use crate::kinds::foretold::warning;
use crate::kinds::loss::{Read, unread};
use crate::kinds::{Resources, Sight, declared_of};
use crate::model::{Action, Address, Code, KindName, Place, Problem, Resource, Risk, Step};
use first::{First, first_on, is_of_one_topic};
use overlap::{Beside, beside, overlaps, with_made};
use shadow::shadows;
use wide::wide;

/// What these creations cost, beside the ACLs that there are.
pub(super) async fn risks(
    client: &Result<&Kafka, Problem>,
    steps: &[&Step],
    held: &Held,
) -> Vec<(Address, Vec<Risk>)> {
    let made = made(steps);
    if made.is_empty() {
        return Vec::new();
    }
    let acls: Vec<&AclBinding> = made.iter().map(|(_, acl)| acl).collect();
    let first = match client {
        Ok(kafka) => first_on(kafka, &acls).await,
        Err(_) => First::default(),
    };
    let beside = beside(client, &acls).await;
    told(&made, held, &beside, |_| &first)
}

/// The same by what was seen: all ACLs, and not whether a resource without one is open to all.
pub(super) fn by_sight(
    sight: &Sight<'_>,
    steps: &[&Step],
    held: &Held,
) -> Vec<(Address, Vec<Risk>)> {
    let (known, unknown) = (
        First::default(),
        First::unknown(unread("whether it is set", sight.why)),
    );
    let covered = |acl: &AclBinding| {
        let mut held = held.iter().flatten();
        held.any(|held| is_on_all_of(held, acl))
    };
    let is_absent = |acl: &AclBinding| {
        let topic = Address::new(KindName::Topic, acl.name.as_str());
        is_of_one_topic(acl) && !sight.resources.contains_key(&topic)
    };
    let made = made(steps);
    let topics = sight.of(KindName::Topic);
    let beside = Beside {
        prefixed: held.clone().map(|held| with_made(held, &made)),
        topics: Ok(topics.map(|(topic, _)| topic.name.clone()).collect()),
    };
    told(&made, held, &beside, |acl| {
        match covered(acl) || is_absent(acl) {
            true => &known,
            false => &unknown,
        }
    })
}

fn made<'s>(steps: &[&'s Step]) -> Vec<(&'s Address, AclBinding)> {
    let made = steps.iter().filter(|step| step.action == Action::Create);
    made.filter_map(|step| Some((&step.address, acl_of(&step.address).ok()?)))
        .collect()
}

fn told<'f>(
    made: &[(&Address, AclBinding)],
    held: &Held,
    beside: &Beside,
    first: impl Fn(&AclBinding) -> &'f First,
) -> Vec<(Address, Vec<Risk>)> {
    let of = |(address, acl): &(&Address, AclBinding)| {
        let risks = [
            shadows(acl, held),
            overlaps(acl, &beside.prefixed, &beside.topics),
            wide(acl),
            first(acl).risk(acl),
        ];
        ((*address).clone(), risks.into_iter().flatten().collect())
    };
    let told = made.iter().map(of);
    told.filter(|(_, risks): &(Address, Vec<Risk>)| !risks.is_empty())
        .collect()
}

/// The codes that [`foretold`] may tell: those that follow from an ACL alone, or from two.
pub(super) const FORETELLS: [Code; 5] = [
    Code::AclDenyShadows,
    Code::AclPrefixOverlaps,
    Code::AclInternal,
    Code::AclAdmin,
    Code::AclWide,
];

/// What declared ACLs show by themselves. An entry is many ACLs: what is said of one of them is said once.
pub(super) fn foretold(all: &Resources) -> Vec<Problem> {
    let acls = declared_of(KindName::Acl, all);
    let acls = acls.filter_map(|resource| Some((resource, acl_of(&resource.address).ok()?)));
    let acls: Vec<(&Resource, AclBinding)> = acls.collect();
    let held: Held = Ok(acls.iter().map(|(_, acl)| acl.clone()).collect());
    let topics = declared_of(KindName::Topic, all).map(|topic| topic.address.name.clone());
    let topics: Read<Vec<String>> = Ok(topics.collect());
    let mut told: IndexMap<(Code, Option<Place>), (Problem, usize)> = IndexMap::new();
    for (resource, acl) in &acls {
        let risks = [
            shadows(acl, &held),
            overlaps(acl, &held, &topics),
            wide(acl),
        ];
        for risk in risks.into_iter().flatten() {
            let first = || (warning(risk.code, risk.evidence, resource), 0);
            let of_entry = (risk.code, resource.place.clone());
            told.entry(of_entry)
                .and_modify(|(_, more)| *more += 1)
                .or_insert_with(first);
        }
    }
    told.into_values().map(with_more).collect()
}

fn with_more((problem, more): (Problem, usize)) -> Problem {
    let said = &problem.message;
    let message = match more {
        0 => return problem,
        1 => format!("{said}; and so does another right of the same entry"),
        many => format!("{said}; and so do {many} more rights of the same entry"),
    };
    Problem { message, ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Harm;

    pub(super) fn acl(text: &str) -> AclBinding {
        acl_of(&format!("acl/{text}").parse().unwrap()).unwrap()
    }

    pub(super) fn told(risk: Option<Risk>) -> Option<(Code, Harm)> {
        risk.map(|risk| (risk.code, risk.harm))
    }
}
