use serde::Serialize;
use serde_json::{Value, json};

use crate::apply::Done;
use crate::engine::{Finding, Health};
use crate::ledger::{Book, Holder};
use crate::model::{Outcome, Place, Problem, Severity, Tally};
use crate::plan::{FORMAT_VERSION, Plan};

/// What became of the steps: `{format_version, plan_digest, outcomes, summary}`.
pub fn outcomes(plan: &Plan, done: &[Done]) -> String {
    let count = |word: &str| {
        done.iter()
            .filter(|done| word_and_why(&done.outcome).0 == word)
            .count()
    };
    let outcomes: Vec<Value> = done.iter().map(outcome).collect();
    pretty(&json!({
        "format_version": FORMAT_VERSION,
        "plan_digest": plan.plan_digest,
        "outcomes": outcomes,
        "summary": {
            "applied": count("applied"),
            "failed": count("failed"),
            "not_attempted": count("not-attempted"),
            "unknown": count("unknown"),
            "blocked": plan.blocked_steps().count(),
            "unread": plan.summary.unread,
            "unchanged": plan.summary.unchanged,
        },
    }))
}

fn outcome(done: &Done) -> Value {
    let (word, why) = word_and_why(&done.outcome);
    let mut entry = json!({ "address": done.address, "action": done.action, "outcome": word });
    if let Some(why) = why {
        entry["why"] = why.into();
    }
    entry
}

/// An outcome's word and its reason.
pub(super) fn word_and_why(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Applied => ("applied", None),
        Outcome::Failed { why } => ("failed", Some(why)),
        Outcome::NotAttempted { because } => ("not-attempted", Some(because)),
        Outcome::Unknown { why } => ("unknown", Some(why)),
    }
}

/// Problems: `{format_version, problems, summary}`, each with code, severity, message, place,
/// notes and hint. The summary counts those that are not shown, too.
pub fn problems(problems: &[Problem], not_shown: Tally) -> String {
    let all = Tally::of(problems).plus(not_shown);
    let entries: Vec<Value> = problems.iter().map(problem).collect();
    pretty(&json!({
        "format_version": FORMAT_VERSION,
        "problems": entries,
        "summary": {
            "errors": all.errors,
            "warnings": all.warnings,
            "not_shown": { "errors": not_shown.errors, "warnings": not_shown.warnings },
        },
    }))
}

fn problem(problem: &Problem) -> Value {
    let mut entry = json!({
        "code": problem.code,
        "severity": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": problem.message,
    });
    if let Some(address) = &problem.address {
        entry["address"] = address.to_string().into();
    }
    if let Some(at) = &problem.place {
        entry["place"] = place(at);
    }
    if !problem.notes.is_empty() {
        let note =
            |n: &crate::model::Note| json!({ "place": place(&n.place), "message": n.message });
        entry["notes"] = problem.notes.iter().map(note).collect();
    }
    if let Some(hint) = &problem.hint {
        entry["hint"] = hint.as_str().into();
    }
    entry
}

/// A ledger: `{format_version, place, stacks}`, each stack with its records.
pub fn ledger(place: &str, book: &Book) -> String {
    let stacks: Vec<Value> = book
        .stacks()
        .map(|stack| json!({ "stack": stack, "records": book.of(stack).collect::<Vec<_>>() }))
        .collect();
    pretty(&json!({ "format_version": FORMAT_VERSION, "place": place, "stacks": stacks }))
}

/// A lock: `{format_version, stack, holder}`; `null` where nobody has it.
pub fn lock(stack: &str, holder: Option<&Holder>) -> String {
    pretty(&json!({ "format_version": FORMAT_VERSION, "stack": stack, "holder": holder }))
}

/// What `doctor` found: `{format_version, findings}`.
pub fn findings(findings: &[Finding]) -> String {
    let entries: Vec<Value> = findings.iter().map(finding).collect();
    pretty(&json!({ "format_version": FORMAT_VERSION, "findings": entries }))
}

fn finding(finding: &Finding) -> Value {
    let verdict = match finding.verdict {
        Health::Good => "good",
        Health::Doubtful => "doubtful",
        Health::Bad => "bad",
    };
    let mut entry = json!({
        "broker": finding.broker,
        "what": finding.what,
        "verdict": verdict,
        "detail": finding.detail,
    });
    if let Some(hint) = &finding.hint {
        entry["hint"] = hint.as_str().into();
    }
    entry
}

fn place(place: &Place) -> Value {
    json!({ "file": &*place.file, "line": place.line, "column": place.column })
}

fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Code};
    use crate::report::samples::{done, mixed};

    #[test]
    fn outcomes_are_a_document_of_their_own() {
        let done = vec![
            done("stream/A", Action::Create, Outcome::Applied),
            done(
                "topic/b",
                Action::Update,
                Outcome::Failed { why: "no".into() },
            ),
        ];
        insta::assert_snapshot!(outcomes(&mixed(), &done));
    }

    #[test]
    fn problems_are_a_document_of_their_own() {
        let place = Place {
            file: "a.yaml".into(),
            line: 3,
            column: 5,
            bytes: (9, 12),
        };
        let problem = Problem::error(Code::DeclaredTwice, "twice")
            .at(place.clone())
            .note(place, "first here")
            .hint("keep one");
        insta::assert_snapshot!(problems(&[problem], Tally::default()));
    }
}
