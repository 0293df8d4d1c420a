use std::collections::HashMap;

use crate::kinds::acl::{AclBinding, acl_of, may_replace, takes_some_of};
use crate::model::{Action, Address, KindName, Outcome, Step};
use crate::plan::Plan;

/// ACLs that were to be made and may not be there: what they may be to take the place of stays, be it a right or the denial of
/// one.
pub(super) struct Unmade<'a>(Vec<(&'a Address, Option<AclBinding>)>);

impl<'a> Unmade<'a> {
    /// Those of a plan, where ACLs go in this wave.
    pub(super) fn before(
        wave: &[&Step],
        plan: &'a Plan,
        outcomes: &HashMap<Address, Outcome>,
    ) -> Unmade<'a> {
        if !wave.iter().any(|step| takes_a_right(step)) {
            return Unmade(Vec::new());
        }
        let is_unmade = |step: &&Step| {
            let outcome = outcomes.get(&step.address);
            step.address.kind == KindName::Acl
                && matches!(step.action, Action::Create | Action::Unread)
                && outcome.is_some_and(|outcome| *outcome != Outcome::Applied)
        };
        let unmade = plan.steps.iter().filter(is_unmade);
        Unmade(
            unmade
                .map(|step| (&step.address, acl_of(&step.address).ok()))
                .collect(),
        )
    }

    /// Why a step is not sent.
    pub(super) fn holds(&self, step: &Step) -> Option<String> {
        if self.0.is_empty() || !takes_a_right(step) {
            return None;
        }
        let gone = acl_of(&step.address).ok();
        let mut unmade = self.0.iter();
        let (before, _) = unmade.find(|(_, made)| match (made, &gone) {
            (Some(made), Some(gone)) => may_replace(made, gone),
            (_, _) => true,
        })?;
        Some(format!(
            "`{before}` was not applied, which may be to take its place"
        ))
    }
}

/// Rights that were to go and stay: what denies them stays, too.
pub(super) struct Staying<'a>(Vec<(&'a Address, AclBinding)>);

impl<'a> Staying<'a> {
    /// Those of the steps that are not sent.
    pub(super) fn among(held: impl Iterator<Item = &'a Step>) -> Staying<'a> {
        let rights = held.filter(|step| takes_a_right(step));
        Staying(
            rights
                .filter_map(|step| Some((&step.address, acl_of(&step.address).ok()?)))
                .collect(),
        )
    }

    /// Why a step is not sent.
    pub(super) fn holds(&self, step: &Step) -> Option<String> {
        if self.0.is_empty() || !takes_a_right(step) {
            return None;
        }
        let gone = acl_of(&step.address).ok()?;
        let mut stays = self.0.iter();
        let (right, _) = stays.find(|(_, right)| takes_some_of(&gone, right))?;
        Some(format!("`{right}` stays, and this denies some of it"))
    }
}

fn takes_a_right(step: &Step) -> bool {
    step.address.kind == KindName::Acl && step.action == Action::Delete
}
