//! What the steps may cost, who consented to it, and whose consent does not hold.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::document::{Plan, PlanProblem};
use super::standing::{count, hold_back, let_go};
use crate::kinds::kind;
use crate::model::{Action, Address, Approval, Code, Risk, Step, rough_size};

impl Plan {
    /// The plan with what its steps may cost now, judged by its approvals: what blocks and what may be done is found anew.
    pub fn weighed(mut self, risks: Vec<(Address, Vec<Risk>)>, now: Timestamp) -> Plan {
        self.take_risks(risks, now);
        let_go(&mut self.steps);
        hold_back(&mut self.steps);
        self.summary = count(&self.steps, self.summary.unchanged);
        let is_applyable = self.open_steps().next().is_some();
        self.applyable = is_applyable;
        self
    }

    /// The same plan, its steps that have brokers copy data bound to so many bytes a second.
    pub fn throttled(mut self, rate: Option<u64>) -> Plan {
        let copies =
            |step: &&mut Step| kind(step.address.kind).is_some_and(|kind| kind.copies_data(step));
        for step in self.steps.iter_mut().filter(copies) {
            step.throttle = rate;
            let told = |rate| {
                format!(
                    "each broker copies at most {} a second, until its replicas are there",
                    rough_size(rate)
                )
            };
            step.notes.extend(rate.map(told));
        }
        self
    }

    /// The same plan without the steps of these resources, which turned out to be as declared.
    pub fn settled(mut self, is_settled: impl Fn(&Address) -> bool) -> Plan {
        let steps = self.steps.len();
        self.steps.retain(|step| !is_settled(&step.address));
        let of_others = |problem: &PlanProblem| !problem.address.as_ref().is_some_and(&is_settled);
        self.problems.retain(of_others);
        let unchanged = self.summary.unchanged + (steps - self.steps.len());
        self.summary = count(&self.steps, unchanged);
        let was_not_learned = |step: &Step| {
            let mut refusals = step.refusals.iter();
            step.action == Action::Unread || refusals.any(|it| it.code.is_of_silence())
        };
        self.complete = !self.steps.iter().any(was_not_learned);
        self
    }

    /// Lays what was read of the steps' risks over what was known of them, and applies the plan's approvals to all.
    fn take_risks(&mut self, risks: Vec<(Address, Vec<Risk>)>, now: Timestamp) {
        let mut read: HashMap<Address, Vec<Risk>> = risks.into_iter().collect();
        for step in &mut self.steps {
            let fresh = read.remove(&step.address).unwrap_or_default();
            step.risks = laid_over(std::mem::take(&mut step.risks), fresh);
        }
        let idle: Vec<Approval> = self.idle_approvals().cloned().collect();
        for Step { address, risks, .. } in &mut self.steps {
            judge(risks, address, &self.approvals, now);
            for risk in risks {
                if risk.blocks() && risk.unapproved.is_none() {
                    risk.unapproved = elsewhere(risk, &idle);
                }
            }
        }
    }

    /// The risks of one of its steps as they are read now, each approved or not as of now.
    pub fn risks_now(&self, step: &Step, fresh: Vec<Risk>, now: Timestamp) -> Vec<Risk> {
        let mut risks = laid_over(step.risks.clone(), fresh);
        judge(&mut risks, &step.address, &self.approvals, now);
        risks
    }

    /// That approvals are of no use here: nothing in this plan needs them. Those that ended are told elsewhere.
    pub fn needless_approvals(&self, now: Timestamp) -> Vec<PlanProblem> {
        let idle = self
            .idle_approvals()
            .filter(|approval| !approval.is_over(now));
        idle.map(needless).collect()
    }

    fn idle_approvals(&self) -> impl Iterator<Item = &Approval> {
        let needs = |step: &Step, approval: &Approval| {
            let mut risks = step.risks.iter();
            // of what could not be read nobody knows what it needs
            let is_unread = step.action == Action::Unread && step.address == approval.address;
            is_unread || risks.any(|risk| approval.is_of(risk, &step.address))
        };
        self.approvals
            .iter()
            .filter(move |approval| !self.steps.iter().any(|step| needs(step, approval)))
    }
}

/// What is read now counts; what only the plan knew of stays.
fn laid_over(known: Vec<Risk>, fresh: Vec<Risk>) -> Vec<Risk> {
    let is_fresh = |old: &Risk| {
        let mut fresh = fresh.iter();
        fresh.any(|new| (new.code, &new.field) == (old.code, &old.field))
    };
    let mut risks: Vec<Risk> = known.into_iter().filter(|old| !is_fresh(old)).collect();
    risks.extend(fresh);
    risks
}

/// Who approves the risks of a step, or why nobody who was to does. What has one code is approved as a whole: a bound is for
/// all that is lost by it, whichever fields lose it.
fn judge(risks: &mut [Risk], address: &Address, approvals: &[Approval], now: Timestamp) {
    let codes: BTreeSet<Code> = risks.iter().map(|risk| risk.code).collect();
    for code in codes {
        let alike: Vec<&Risk> = risks.iter().filter(|risk| risk.code == code).collect();
        let costly = alike.iter().filter(|risk| risk.at_stake != Some(0)).count();
        let Some(whole) = Risk::together(&alike) else {
            continue;
        };
        let about = approvals.iter().filter(|a| a.is_of(&whole, address));
        let verdicts: Vec<_> = about.map(|a| (a, a.holds(&whole, now))).collect();
        let holds = verdicts.iter().find(|(_, verdict)| verdict.is_ok());
        let void = verdicts.iter().find_map(|(approval, verdict)| {
            let why = verdict.as_ref().err()?;
            Some(format!("approval {approval} does not hold: {why}"))
        });
        let approved_by = holds.map(|(approval, _)| approval.to_string());
        for risk in risks.iter_mut().filter(|risk| risk.code == code) {
            risk.at_stake_in_all = whole.at_stake.filter(|_| costly > 1);
            risk.approved_by.clone_from(&approved_by);
            risk.unapproved = void.clone().filter(|_| risk.blocks());
        }
    }
}

/// An approval of the same risk that nothing needs: most likely it was meant for this resource.
fn elsewhere(risk: &Risk, idle: &[Approval]) -> Option<String> {
    let meant = idle.iter().find(|approval| approval.risk == risk.code)?;
    Some(format!("approval {meant} is for `{}`", meant.address))
}

fn needless(approval: &Approval) -> PlanProblem {
    let source = approval.terms.as_ref().map(|terms| terms.source.clone());
    let hint = match source {
        None => "take code and address from the plan",
        Some(_) => {
            "where its work is done, take it out of the manifest; else take code and address from the plan"
        }
    };
    PlanProblem {
        code: Code::ApprovalUnneeded,
        message: format!(
            "`{}` was approved, and nothing in this plan needs it",
            approval.risk
        ),
        address: Some(approval.address.clone()),
        source,
        hint: Some(hint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_approval_of_what_could_not_be_read_is_not_called_needless() {
        let step = |name: &str, action| Step::of(format!("stream/{name}").parse().unwrap(), action);
        let approval = |name: &str| Approval {
            risk: Code::StreamDeleted,
            address: format!("stream/{name}").parse().unwrap(),
            max: None,
            max_bytes: None,
            terms: None,
        };
        let plan: Plan = serde_json::from_value(json!({
            "format_version": "1.0", "tool_version": "0", "stack": "s", "manifest_digest": "",
            "targets": [], "complete": false, "applyable": false,
            "summary": crate::plan::Summary::default(),
            "steps": [step("DARK", Action::Unread), step("SEEN", Action::Update)],
            "approvals": [approval("DARK"), approval("SEEN"), approval("OTHER")],
        }))
        .unwrap();
        let told = plan.needless_approvals(Timestamp::UNIX_EPOCH);
        let told: Vec<String> = told
            .into_iter()
            .filter_map(|problem| problem.address)
            .map(|address| address.to_string())
            .collect();
        assert_eq!(told, ["stream/SEEN", "stream/OTHER"]);
    }
}
