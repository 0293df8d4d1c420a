use std::collections::HashMap;

use super::step;
use crate::model::{Action, Address, Step};
use crate::plan::{Plan, PlanProblem};
use crate::report::{Line, Page, Tone};

/// What could not be read, each with why, then the problems that speak of nothing in particular.
pub(super) fn all(page: &mut Page, plan: &Plan) {
    let mut told: HashMap<&Address, Vec<&PlanProblem>> = HashMap::new();
    for problem in &plan.problems {
        if let Some(address) = &problem.address {
            told.entry(address).or_default().push(problem);
        }
    }
    let unread: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|s| s.action == Action::Unread)
        .collect();
    resources(page, &unread, &told);
    for step in &unread {
        told.remove(&step.address);
    }
    let left = |p: &&PlanProblem| p.address.as_ref().is_none_or(|a| told.contains_key(a));
    let left: Vec<_> = plan.problems.iter().filter(left).collect();
    for problem in &left {
        self::problem(page, problem, 0);
    }
    if !left.is_empty() {
        page.gap();
    }
}

fn resources(page: &mut Page, unread: &[&Step], told: &HashMap<&Address, Vec<&PlanProblem>>) {
    if unread.is_empty() {
        return;
    }
    let text = "Could not be read, so nothing is decided about:";
    page.line(&Line::new().put(Tone::Bad, text));
    for step in unread {
        step::heading(page, step);
        step::reasons(page, step);
        let said = |p: &&&PlanProblem| step.refusals.iter().any(|r| r.code == p.code);
        let told = told.get(&step.address).into_iter().flatten();
        for problem in told.filter(|p| !said(p)) {
            self::problem(page, problem, 6);
        }
    }
    page.gap();
}

fn problem(page: &mut Page, problem: &PlanProblem, indent: usize) {
    let first = Line::indented(indent).put(Tone::Change, "! ");
    let about = match &problem.address {
        Some(address) if indent == 0 => format!("{address}: "),
        Some(_) | None => String::new(),
    };
    let text = format!("{}: {about}{}", problem.code, problem.message);
    page.wrapped(first, Tone::Plain, &text);
    if let Some(hint) = &problem.hint {
        let arrow = Line::indented(indent + 2).plain("→ ");
        page.wrapped(arrow, Tone::Plain, &step::as_hint(hint));
    }
}
