use std::collections::HashMap;

use super::step::{self, Told};
use crate::model::{Action, Address, Code, Step};
use crate::plan::{Plan, PlanProblem};
use crate::report::alike::by_reason;
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
    let reasons = unread.iter().map(|step| (reason(step, told), *step));
    for (_, same) in by_reason(reasons) {
        for step in &same.named {
            step::heading(page, step);
        }
        if same.more > 0 {
            let text = format!("… and {} more, all for one reason:", same.more);
            page.line(&Line::indented(4).plain(&text));
        }
        if let Some(step) = same.named.first() {
            step::reasons(page, step, &mut Told::default());
            for problem in beside(step, told) {
                self::problem(page, problem, 6);
            }
        }
    }
    page.gap();
}

/// A code, a message and a hint.
type Reason<'a> = (Code, &'a str, Option<&'a str>);

/// All that is told of why a step could not be read.
fn reason<'a>(
    step: &'a Step,
    told: &HashMap<&Address, Vec<&'a PlanProblem>>,
) -> (Vec<Reason<'a>>, &'a [String]) {
    let refusals = step.refusals.iter();
    let refusals = refusals.map(|r| (r.code, &*r.message, r.hint.as_deref()));
    let problems = beside(step, told).map(|p| (p.code, &*p.message, p.hint.as_deref()));
    (refusals.chain(problems).collect(), &step.notes)
}

/// The problems about a step that say what its refusals don't.
fn beside<'a, 't>(
    step: &'t Step,
    told: &'t HashMap<&Address, Vec<&'a PlanProblem>>,
) -> impl Iterator<Item = &'a PlanProblem> + 't {
    let said = |p: &&PlanProblem| step.refusals.iter().any(|r| r.code == p.code);
    let about = told.get(&step.address).into_iter().flatten().copied();
    about.filter(move |p| !said(p))
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
