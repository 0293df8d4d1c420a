use std::fmt::Write;

use serde_json::Value;

use super::json::word_and_why;
use super::line::safe;
use super::one_line;
use super::text::{Drift, blocked_why, counts, drift_counts};
use super::value::{LONG, cut};
use crate::apply::Done;
use crate::model::{Action, Change, KindName, Problem, Severity, Step};
use crate::plan::Plan;

/// A comment of GitHub holds 65,536 characters; rows stop before that, and the rest is counted.
const MOST_BYTES: usize = 55_000;

/// The plan as Markdown, for the comment on a pull request.
pub fn plan(plan: &Plan) -> String {
    let mut text = format!("### trueup plan: {}\n\n", code(&plan.stack));
    let _ = writeln!(text, "{}\n", verdict(plan));
    if let Some(why) = blocked_why(plan) {
        let _ = writeln!(text, "> ⛔ **Blocked:** {}\n", escaped(&why));
    }
    if !plan.complete {
        text.push_str("> ⚠️ **Incomplete:** not everything that is declared could be read.\n\n");
    }
    steps(&mut text, plan);
    reasons(&mut text, plan);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The drift as Markdown: what the brokers hold beside what the manifest declares.
pub fn drift(plan: &Plan, counted: Drift) -> String {
    let mut text = format!("### trueup drift: {}\n\n", code(&plan.stack));
    let parts = drift_counts(plan, counted);
    let verdict = match (parts.is_empty(), plan.complete) {
        (false, _) => format!("**{}.**", parts.join(", ")),
        (true, true) => format!("✅ **No drift.** {} as declared.", plan.summary.unchanged),
        (true, false) => "**No drift in what could be read.**".to_owned(),
    };
    let _ = writeln!(text, "{verdict}\n");
    let undeclared = counted == Drift::Strict && !plan.undeclared.is_empty();
    if !plan.steps.is_empty() || undeclared {
        text.push_str("| | resource | field | live | declared |\n|---|---|---|---|---|\n");
    }
    let mut left = 0;
    for step in &plan.steps {
        if text.len() > MOST_BYTES {
            left += 1;
        } else {
            drifted(&mut text, step);
        }
    }
    for field in plan.undeclared.iter().filter(|_| undeclared) {
        if text.len() > MOST_BYTES {
            left += 1;
            continue;
        }
        let (address, name) = (code(&field.address.to_string()), code(&field.field));
        let live = code(&cut(&one_line(&field.value), LONG));
        let _ = writeln!(text, "| not declared | {address} | {name} | {live} | |");
    }
    if left > 0 {
        let _ = writeln!(text, "\n… and {left} more; `--output json` has them all.");
    }
    text
}

fn drifted(text: &mut String, step: &Step) {
    let word = match step.action {
        Action::Create => "missing",
        Action::Update | Action::Replace => "differs",
        Action::Unread => "❓ not read",
    };
    let address = code(&step.address.to_string());
    if step.changes.is_empty() || step.action == Action::Create {
        let _ = writeln!(text, "| {word} | {address} | | | |");
        return;
    }
    for change in &step.changes {
        let side = |value: &Option<Value>| match value {
            Some(value) => code(&cut(&one_line(value), LONG)),
            None => "not set".to_owned(),
        };
        let (live, declared) = (side(&change.before), side(&change.after));
        let field = code(&change.field);
        let _ = writeln!(
            text,
            "| {word} | {address} | {field} | {live} | {declared} |"
        );
    }
}

fn verdict(plan: &Plan) -> String {
    if plan.has_changes() {
        format!("**{}**", counts(plan))
    } else if plan.complete {
        format!("✅ **No changes.** {} as declared.", plan.summary.unchanged)
    } else {
        "**No changes in what could be read.**".to_owned()
    }
}

fn steps(text: &mut String, plan: &Plan) {
    if plan.steps.is_empty() {
        return;
    }
    text.push_str("| | resource | field | before | after |\n|---|---|---|---|---|\n");
    for (at, step) in plan.steps.iter().enumerate() {
        if text.len() > MOST_BYTES {
            let left = plan.steps.len() - at;
            let _ = writeln!(
                text,
                "\n… and {left} more resources; the plan file has them all."
            );
            break;
        }
        rows(text, step);
    }
    text.push('\n');
}

fn rows(text: &mut String, step: &Step) {
    let blocked = if step.is_open() { "" } else { "⛔ blocked " };
    let address = code(&step.address.to_string());
    let mut name = format!("{blocked}{} | {address}", mark(step.action));
    let said = step.address.kind == KindName::Acl && step.action == Action::Create;
    if step.changes.is_empty() || said {
        let _ = writeln!(text, "| {name} | | | |");
        return;
    }
    for change in &step.changes {
        let (before, after) = sides(change);
        let _ = writeln!(
            text,
            "| {name} | {} | {before} | {after} |",
            code(&change.field)
        );
        name = "| ".to_owned();
    }
}

const fn mark(action: Action) -> &'static str {
    match action {
        Action::Create => "➕ create",
        Action::Update => "✏️ change",
        Action::Replace => "♻️ replace",
        Action::Unread => "❓ not read",
    }
}

fn sides(change: &Change) -> (String, String) {
    let said = |value: &Option<Value>| value.as_ref().map(|v| code(&cut(&one_line(v), LONG)));
    let after = match (&change.before, said(&change.after)) {
        (Some(_), None) => "broker default".to_owned(),
        (_, after) => after.unwrap_or_default(),
    };
    (said(&change.before).unwrap_or_default(), after)
}

fn reasons(text: &mut String, plan: &Plan) {
    let mut left = 0;
    for step in &plan.steps {
        for refusal in &step.refusals {
            if text.len() > MOST_BYTES {
                left += 1;
                continue;
            }
            let field = refusal.field.as_ref().map(|f| format!(" {}", code(f)));
            let _ = writeln!(
                text,
                "- ⛔ {}{}: **{}** {} → {}",
                code(&step.address.to_string()),
                field.unwrap_or_default(),
                refusal.code,
                escaped(&refusal.message),
                escaped(refusal.hint.as_deref().unwrap_or(refusal.code.way_out())),
            );
        }
    }
    for problem in plan
        .problems
        .iter()
        .filter(|_| text.len() <= MOST_BYTES)
        .collect::<Vec<_>>()
    {
        let about = problem
            .address
            .as_ref()
            .map(|a| format!(" {}", code(&a.to_string())));
        let _ = writeln!(
            text,
            "- ⚠️{} **{}** {}",
            about.unwrap_or_default(),
            problem.code,
            escaped(&problem.message)
        );
    }
    if left > 0 {
        let _ = writeln!(text, "- … and {left} more reasons.");
    }
}

/// What became of the steps, as Markdown: those that did not go well in a table, then the counts.
pub fn outcomes(plan: &Plan, done: &[Done]) -> String {
    let mut text = format!("### trueup apply: {}\n\n", code(&plan.stack));
    let applied = done
        .iter()
        .filter(|d| word_and_why(&d.outcome).0 == "applied")
        .count();
    let _ = writeln!(text, "**Applied {applied} of {}.**\n", done.len());
    if applied < done.len() {
        text.push_str("| outcome | resource | why |\n|---|---|---|\n");
    }
    for Done {
        address, outcome, ..
    } in done
    {
        let (word, Some(why)) = word_and_why(outcome) else {
            continue;
        };
        if text.len() > MOST_BYTES {
            text.push_str("\n… and more.\n");
            break;
        }
        let _ = writeln!(
            text,
            "| {word} | {} | {} |",
            code(&address.to_string()),
            escaped(&cut(why, LONG))
        );
    }
    text
}

/// Problems as a Markdown list, each with its place.
pub fn problems(problems: &[Problem]) -> String {
    let mut text = String::from("### trueup: problems\n\n");
    for problem in problems {
        if text.len() > MOST_BYTES {
            text.push_str("- … and more\n");
            break;
        }
        let sign = match problem.severity {
            Severity::Error => "⛔",
            Severity::Warning => "⚠️",
        };
        let place = problem
            .place
            .as_ref()
            .map(|p| format!("{} ", code(&p.to_string())));
        let hint = problem.hint.as_ref().map(|h| format!(" → {}", escaped(h)));
        let _ = writeln!(
            text,
            "- {sign} {}**{}** {}{}",
            place.unwrap_or_default(),
            problem.code,
            escaped(&problem.message),
            hint.unwrap_or_default()
        );
    }
    text
}

/// The text as a code span that survives a table: pipes escaped, backticks fenced.
fn code(text: &str) -> String {
    let text = safe(text).replace('|', "\\|");
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// Text that holds no markup of its own but code spans.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in safe(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '|' | '*' | '_' | '[' | ']' | '#' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{change, mixed, of, step};
    use serde_json::json;

    #[test]
    fn a_plan_as_a_comment() {
        insta::assert_snapshot!(plan(&mixed()));
    }

    #[test]
    fn drift_has_a_page_of_its_own() {
        let text = drift(&mixed(), Drift::Declared);
        assert!(
            text.starts_with("### trueup drift: `events-platform`\n"),
            "{text}"
        );
        assert!(text.contains("| live | declared |"), "{text}");
        assert!(
            text.contains("| missing | `stream/NOTIFICATIONS` | | | |"),
            "{text}"
        );
        let row = "| differs | `topic/analytics-events` | `config.retention.ms` | `7d` | `1d` |";
        assert!(text.contains(row), "{text}");
        let none = drift(&of(Vec::new(), 3), Drift::Strict);
        assert!(none.contains("**No drift.** 3 as declared."), "{none}");
    }

    #[test]
    fn values_cannot_break_out_of_the_table() {
        let mut hostile = step("topic/a", Action::Update, 1);
        hostile.changes = vec![change("x", json!("a|b`c\n| d"), json!("@team <script>"))];
        let text = plan(&of(vec![hostile], 0));
        assert!(
            text.contains(r#"| `` "a\|b`c\n\| d" `` | `@team <script>` |"#),
            "{text}"
        );
    }

    #[test]
    fn a_huge_plan_fits_a_comment_and_counts_the_rest() {
        let steps = (0..5_000).map(|n| step(&format!("topic/topic-{n}"), Action::Create, n));
        let text = plan(&of(steps.collect(), 0));
        assert!(text.len() < 65_536, "{}", text.len());
        assert!(
            text.contains("more resources"),
            "{}",
            &text[text.len() - 200..]
        );
    }
}
