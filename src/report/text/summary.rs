use std::collections::BTreeMap;

use crate::model::{Action, Code, Step};
use crate::plan::Plan;
use crate::report::{Line, Page, Tone};

/// Codes that are named in the line about what is blocked.
const NAMED: usize = 5;

/// The last lines of a plan: counts, what is blocked, what is missing, the next command.
pub(super) fn plan(page: &mut Page, plan: &Plan, next: Option<&str>) {
    let counts = counts(plan);
    if plan.has_changes() {
        page.wrapped(
            Line::new().put(Tone::Strong, "Plan: "),
            Tone::Plain,
            &counts,
        );
    } else if plan.complete {
        let there = plan.summary.unchanged + open(plan, Action::Adopt);
        // what is blocked would be something; it is told below
        let text = match (plan.summary.blocked, there) {
            (0, there) => format!("No changes. {}.", as_declared(there)),
            (_, 0) => "No changes can be made.".to_owned(),
            (_, there) => format!("No changes can be made. {}.", as_declared(there)),
        };
        page.wrapped(Line::new(), Tone::Good, &text);
        for_the_ledger(page, plan);
    } else {
        page.wrapped(Line::new(), Tone::Plain, &of_what_was_read(plan));
    }
    blocked(page, plan, "The way out stands at each after `→`");
    incomplete(page, plan);
    self::next(page, next);
}

/// How many steps of this action can be carried out.
fn open(plan: &Plan, action: Action) -> usize {
    plan.open_steps()
        .filter(|step| step.action == action)
        .count()
}

/// What an apply would write into the ledger alone.
fn for_the_ledger(page: &mut Page, plan: &Plan) {
    let (adopt, forget) = (open(plan, Action::Adopt), open(plan, Action::Forget));
    let counts = [(adopt, "to adopt"), (forget, "to forget")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = counts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !parts.is_empty() {
        let text = format!(
            "{}: an apply records that, and changes nothing on the brokers.",
            parts.join(", ")
        );
        page.wrapped(
            Line::new().put(Tone::Strong, "Ledger: "),
            Tone::Plain,
            &text,
        );
    }
}

/// `3 to create, 2 to change, 0 to delete, 214 unchanged.`
pub(in crate::report) fn counts(plan: &Plan) -> String {
    let counts = &plan.summary;
    let mut parts = vec![
        format!("{} to create", counts.create),
        format!("{} to change", counts.update),
    ];
    for (count, what) in [
        (counts.replace, "to replace"),
        (counts.adopt, "to adopt"),
        (counts.forget, "to forget"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.push(format!("{} to delete", counts.delete));
    parts.push(format!("{} unchanged", counts.unchanged));
    parts.join(", ") + "."
}

/// What is said of a plan without changes that is not complete.
pub(super) fn of_what_was_read(plan: &Plan) -> String {
    match plan.summary.unchanged {
        0 => "Nothing could be compared.".to_owned(),
        n => format!("{} of what could be read.", as_declared(n)),
    }
}

pub(super) fn as_declared(count: usize) -> String {
    match count {
        0 => "Nothing is declared".to_owned(),
        1 => "1 resource is as declared".to_owned(),
        n => format!("{n} resources are as declared"),
    }
}

/// What stands in the way of a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hindrance {
    /// It can't be done, whoever asks.
    Impossible,
    /// A right is missing.
    Denied,
    /// Nobody has consented to what it may cost.
    Unapproved,
}

impl Hindrance {
    fn of(step: &Step) -> Hindrance {
        let mut codes = step.refusals.iter().map(|refusal| refusal.code);
        match (
            step.refusals.is_empty(),
            codes.all(|code| code == Code::Denied),
        ) {
            (true, _) => Hindrance::Unapproved,
            (false, true) => Hindrance::Denied,
            (false, false) => Hindrance::Impossible,
        }
    }

    fn words(self, steps: usize) -> String {
        match (self, steps) {
            (Hindrance::Impossible, 1) => "1 step can't be carried out".to_owned(),
            (Hindrance::Impossible, n) => format!("{n} steps can't be carried out"),
            (Hindrance::Denied, 1) => "1 step lacks a right".to_owned(),
            (Hindrance::Denied, n) => format!("{n} steps lack a right"),
            (Hindrance::Unapproved, 1) => "1 step needs an approval".to_owned(),
            (Hindrance::Unapproved, n) => format!("{n} steps need an approval"),
        }
    }
}

/// How many steps are blocked by what, and the reasons by code, counted where they are not one a step.
pub(in crate::report) fn blocked_why(plan: &Plan) -> Option<String> {
    let mut all: BTreeMap<Hindrance, Vec<&Step>> = BTreeMap::new();
    for step in plan.blocked_steps() {
        all.entry(Hindrance::of(step)).or_default().push(step);
    }
    let told = all.iter().map(|(by, steps)| hindered(*by, steps));
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// `2 steps can't be carried out, for 3 reasons: needs-replace ×2, partition-decrease`.
fn hindered(by: Hindrance, steps: &[&Step]) -> String {
    let mut codes: BTreeMap<Code, usize> = BTreeMap::new();
    for step in steps {
        let refused = step.refusals.iter().map(|refusal| refusal.code);
        let risky = step.risks.iter().filter(|risk| risk.blocks());
        for code in refused.chain(risky.map(|risk| risk.code)) {
            *codes.entry(code).or_default() += 1;
        }
    }
    let reasons: usize = codes.values().sum();
    let for_reasons = match reasons == steps.len() {
        true => String::new(),
        false => format!(", for {reasons} reasons"),
    };
    let words = by.words(steps.len());
    format!("{words}{for_reasons}: {}", named(&codes))
}

/// `immutable ×2, partition-decrease`, and how many reasons more.
fn named(codes: &BTreeMap<Code, usize>) -> String {
    let times = |(code, count): (&Code, &usize)| match count {
        1 => code.to_string(),
        n => format!("{code} ×{n}"),
    };
    let mut named: Vec<_> = codes.iter().take(NAMED).map(times).collect();
    let rest: usize = codes.values().skip(NAMED).sum();
    if rest > 0 {
        named.push(format!("{rest} more"));
    }
    named.join(", ")
}

/// `way_out` says where it stands.
pub(super) fn blocked(page: &mut Page, plan: &Plan, way_out: &str) {
    let Some(why) = blocked_why(plan) else { return };
    let first = Line::new().put(Tone::Bad, "Blocked: ");
    let text = format!("{why}. {way_out}; `trueup explain CODE` says more.");
    page.wrapped(first, Tone::Plain, &text);
}

pub(super) fn incomplete(page: &mut Page, plan: &Plan) {
    if plan.complete {
        return;
    }
    let unread = plan
        .steps
        .iter()
        .filter(|s| s.action == Action::Unread)
        .count();
    let text = match unread {
        0 => "not everything that is declared could be read".to_owned(),
        1 => "1 resource could not be read; it is not taken to be absent".to_owned(),
        n => format!("{n} resources could not be read; they are not taken to be absent"),
    };
    page.wrapped(
        Line::new().put(Tone::Bad, "Incomplete: "),
        Tone::Plain,
        &format!("{text}."),
    );
}

pub(super) fn next(page: &mut Page, next: Option<&str>) {
    if let Some(command) = next {
        page.gap();
        page.line(&Line::new().plain("Next: ").put(Tone::Command, command));
    }
}
