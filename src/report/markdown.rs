mod problems;
mod risks;

pub use problems::problems;

use std::fmt::Write;

use serde_json::Value;

use super::alike::by_reason;
use super::json::word_and_why;
use super::line::safe;
use super::one_line;
use super::text::{Drift, blocked_why, counts, drift_counts, held};
use super::value::{LONG, before, cut};
use crate::apply::Done;
use crate::model::{Action, Change, KindName, Refusal, Step};
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
    risks::risks(&mut text, plan);
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
        let live = code(&held(field));
        let word = if field.unknown {
            "unknown field"
        } else {
            "not declared"
        };
        let _ = writeln!(text, "| {word} | {address} | {name} | {live} | |");
    }
    if left > 0 {
        let _ = writeln!(text, "\n… and {left} more; `--output json` has them all.");
    }
    text
}

fn drifted(text: &mut String, step: &Step) {
    let word = match step.action {
        Action::Create => "missing",
        Action::Update | Action::Adopt | Action::Replace => "differs",
        Action::Delete => "no longer declared",
        Action::Forget => "to be forgotten",
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
    } else if plan.complete && plan.summary.blocked > 0 {
        let as_declared = plan.summary.unchanged;
        format!("**No changes can be made.** {as_declared} as declared.")
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
        Action::Adopt => "🤝 adopt",
        Action::Update => "✏️ change",
        Action::Replace => "♻️ replace",
        Action::Delete => "🗑️ delete",
        Action::Forget => "👋 forget",
        Action::Unread => "❓ not read",
    }
}

fn sides(change: &Change) -> (String, String) {
    let said = |text: String| code(&cut(&text, LONG));
    let after = match (&change.before, change.after.as_ref().map(one_line)) {
        (Some(_), None) => "broker default".to_owned(),
        (_, after) => after.map(said).unwrap_or_default(),
    };
    (before(change).map(said).unwrap_or_default(), after)
}

/// Why steps are blocked, what could not be read and what is worth knowing, each reason once.
fn reasons(text: &mut String, plan: &Plan) {
    let refusals = plan.steps.iter().flat_map(|step| {
        let about = |r: &Refusal| match &r.field {
            Some(field) => format!("{} {}", code(&step.address.to_string()), code(field)),
            None => code(&step.address.to_string()),
        };
        step.refusals.iter().map(move |r| {
            let way_out = r.hint.as_deref().unwrap_or(r.code.way_out());
            ((r.code, &*r.message, way_out), about(r))
        })
    });
    let notes = plan.steps.iter().flat_map(|step| {
        let about = code(&step.address.to_string());
        step.notes.iter().map(move |note| (note, about.clone()))
    });
    let problems = plan.problems.iter().map(|problem| {
        let about = problem.address.as_ref().map(|a| code(&a.to_string()));
        ((problem.code, &*problem.message), about.unwrap_or_default())
    });
    let mut left = 0;
    for ((code, message, way_out), same) in by_reason(refusals) {
        if text.len() > MOST_BYTES {
            left += 1;
            continue;
        }
        let (about, why, way_out) = (same.on_a_line(), escaped(message), escaped(way_out));
        let _ = writeln!(text, "- ⛔ {about}: **{code}** {why} → {way_out}");
    }
    for ((code, message), same) in by_reason(problems) {
        if text.len() > MOST_BYTES {
            left += 1;
            continue;
        }
        let about = format!(" {}", same.on_a_line());
        let _ = writeln!(
            text,
            "- ⚠️{} **{code}** {}",
            about.trim_end(),
            escaped(message)
        );
    }
    for (note, same) in by_reason(notes) {
        if text.len() > MOST_BYTES {
            left += 1;
            continue;
        }
        let _ = writeln!(text, "- ℹ️ {} {}", same.on_a_line(), escaped(note));
    }
    if left > 0 {
        let _ = writeln!(text, "- … and {left} more reasons.");
    }
}

/// What became of the steps, as Markdown: the counts, then those that did not go well
/// in a table, each reason once.
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
    let reasons = done.iter().filter_map(|done| {
        let (word, why) = word_and_why(&done.outcome);
        Some(((word, why?), code(&done.address.to_string())))
    });
    for ((word, why), same) in by_reason(reasons) {
        if text.len() > MOST_BYTES {
            text.push_str("\n… and more.\n");
            break;
        }
        let why = escaped(&cut(why, LONG));
        let _ = writeln!(text, "| {word} | {} | {why} |", same.on_a_line());
    }
    text
}

/// The text as a code span that survives a table: pipes escaped, backticks fenced.
pub(super) fn code(text: &str) -> String {
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
    use crate::model::{Code, Outcome};
    use crate::report::samples::{change, done, mixed, of, of_a_newer_server, step};
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
    fn a_field_of_a_newer_server_is_a_row_of_strict_drift() {
        let mut plan = of(Vec::new(), 1);
        plan.undeclared = vec![of_a_newer_server()];
        let row = r#"| unknown field | `stream/A` | `of_a_newer_server` | `{"deep":["x y"]}` | |"#;
        assert!(drift(&plan, Drift::Strict).contains(row));
        assert!(!drift(&plan, Drift::Declared).contains("of_a_newer"));
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
    fn a_reason_that_many_share_is_told_once() {
        let why = "the broker says POLICY_VIOLATION";
        let mut steps = Vec::new();
        let mut all = Vec::new();
        for n in 0..400 {
            let address = format!("topic/t{n}");
            let mut blocked = step(&address, Action::Update, n);
            blocked.refusals = vec![Refusal::new(Code::Immutable, why, "ask for it")];
            steps.push(blocked);
            all.push(done(
                &address,
                Action::Update,
                Outcome::Failed { why: why.into() },
            ));
        }
        let plan_of_all = of(steps, 0);
        let named = "`topic/t0`, `topic/t1`, `topic/t2`, `topic/t3`, `topic/t4` and 395 more";
        for (text, line) in [
            (plan(&plan_of_all), format!("- ⛔ {named}: **immutable**")),
            (
                outcomes(&plan_of_all, &all),
                format!("| failed | {named} | the broker"),
            ),
        ] {
            assert_eq!(text.matches("VIOLATION").count(), 1, "{text}");
            assert!(text.contains(&line), "{text}");
        }
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
