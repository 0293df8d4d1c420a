use indexmap::IndexMap;

use super::step::mark_of;
use super::{View, summary};
use crate::apply::Done;
use crate::model::{Action, Outcome};
use crate::plan::Plan;
use crate::report::{Line, Page, Tone};

/// What was applied is listed up to this many; beyond, it is counted.
const LISTED: usize = 20;
/// Of more steps that share one reason than that, so many are listed.
const FIRST: usize = 5;

/// The cells of a row of the table.
type Row = Vec<(Tone, String)>;

/// What became of the steps: a table of what did not go well, then the counts and the next command.
pub fn outcomes(plan: &Plan, done: &[Done], view: &View<'_>) -> String {
    let mut page = Page::new(view.width);
    let is = |word: Word| done.iter().filter(move |d| Word::of(&d.outcome) == word);
    let applied = is(Word::Applied).count();
    let mut rows = Vec::new();
    if applied <= LISTED {
        rows.extend(is(Word::Applied).map(|done| row("applied", Tone::Good, done)));
    }
    rows.extend(is(Word::Failed).map(|done| row("failed", Tone::Bad, done)));
    rows.extend(alike("unknown", is(Word::Unknown)));
    rows.extend(alike("not attempted", is(Word::NotAttempted)));
    page.table(2, &rows);
    if !done.is_empty() {
        page.gap();
    }
    counts(&mut page, plan, done);
    if is(Word::Unknown).count() > 0 {
        let text = "no answer came for these; the next run reads them and finds out";
        page.wrapped(
            Line::new().put(Tone::Change, "Unknown: "),
            Tone::Plain,
            text,
        );
    }
    summary::blocked(&mut page, plan);
    summary::incomplete(&mut page, plan);
    summary::next(&mut page, view.next);
    page.finish()
}

/// The four ways a step can end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Applied,
    Failed,
    Unknown,
    NotAttempted,
}

impl Word {
    const fn of(outcome: &Outcome) -> Word {
        match outcome {
            Outcome::Applied => Word::Applied,
            Outcome::Failed { .. } => Word::Failed,
            Outcome::NotAttempted { .. } => Word::NotAttempted,
            Outcome::Unknown { .. } => Word::Unknown,
        }
    }
}

/// A row each; of many that share one reason, the first ones and how many more there are.
fn alike<'a>(word: &str, done: impl Iterator<Item = &'a Done>) -> Vec<Row> {
    let mut by_why: IndexMap<&str, Vec<&Done>> = IndexMap::new();
    for done in done {
        by_why.entry(why(done)).or_default().push(done);
    }
    let mut rows = Vec::new();
    for (why, same) in by_why {
        let shown = if same.len() > LISTED {
            FIRST
        } else {
            same.len()
        };
        rows.extend(
            same.iter()
                .take(shown)
                .map(|done| row(word, Tone::Change, done)),
        );
        if same.len() > shown {
            rows.push(vec![
                (Tone::Change, word.to_owned()),
                (Tone::Plain, format!("… {} more", same.len() - shown)),
                (Tone::Plain, why.to_owned()),
            ]);
        }
    }
    rows
}

fn why(done: &Done) -> &str {
    match &done.outcome {
        Outcome::Applied => applied_how(done.action),
        Outcome::Failed { why } | Outcome::Unknown { why } => why,
        Outcome::NotAttempted { because } => because,
    }
}

fn row(word: &str, tone: Tone, done: &Done) -> Row {
    let (mark_tone, mark) = mark_of(done.action);
    vec![
        (tone, word.to_owned()),
        (mark_tone, format!("{mark} {}", done.address)),
        (Tone::Plain, why(done).to_owned()),
    ]
}

const fn applied_how(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "changed",
        Action::Replace => "deleted and made anew",
        Action::Unread => "",
    }
}

/// `Applied 198 of 203: 3 failed, 2 not attempted.`
fn counts(page: &mut Page, plan: &Plan, done: &[Done]) {
    let count = |word| done.iter().filter(|d| Word::of(&d.outcome) == word).count();
    let applied = count(Word::Applied);
    if done.is_empty() {
        let text = format!(
            "Nothing to do. {}.",
            summary::as_declared(plan.summary.unchanged)
        );
        return page.wrapped(Line::new(), Tone::Good, &text);
    }
    let mut parts = Vec::new();
    for (word, what) in [
        (Word::Failed, "failed"),
        (Word::Unknown, "unknown"),
        (Word::NotAttempted, "not attempted"),
    ] {
        if count(word) > 0 {
            parts.push(format!("{} {what}", count(word)));
        }
    }
    let all = applied == done.len();
    let tone = if all { Tone::Good } else { Tone::Bad };
    let rest = if all {
        String::new()
    } else {
        format!(": {}", parts.join(", "))
    };
    page.wrapped(
        Line::new(),
        tone,
        &format!("Applied {applied} of {}{rest}.", done.len()),
    );
}
