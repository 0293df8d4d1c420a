use super::step::mark_of;
use super::{View, summary};
use crate::apply::Done;
use crate::model::{Action, Outcome};
use crate::plan::Plan;
use crate::report::alike::by_reason;
use crate::report::{Line, Page, Tone};

/// Of what was applied so many are listed, and the rest is counted.
const LISTED: usize = 20;

/// The cells of a row of the table.
type Row = Vec<(Tone, String)>;

/// What became of the steps: a table of what did not go well, then the counts and the next command.
pub fn outcomes(plan: &Plan, done: &[Done], view: &View<'_>) -> String {
    let mut page = Page::new(view.width);
    let is = |word: Word| done.iter().filter(move |d| Word::of(&d.outcome) == word);
    let applied = is(Word::Applied).map(|done| row("applied", Tone::Good, done));
    let mut rows: Vec<Row> = applied.take(LISTED).collect();
    let more = is(Word::Applied).count().saturating_sub(LISTED);
    if more > 0 {
        let text = format!("… and {more} more applied");
        rows.push(vec![(Tone::Good, String::new()), (Tone::Plain, text)]);
    }
    rows.extend(alike("failed", Tone::Bad, is(Word::Failed)));
    rows.extend(alike("unknown", Tone::Change, is(Word::Unknown)));
    let left = is(Word::NotAttempted);
    rows.extend(alike("not attempted", Tone::Change, left));
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

/// A row each, those with one reason together, which the first of them tells; of many, the first
/// ones and how many more there are.
fn alike<'a>(word: &str, tone: Tone, done: impl Iterator<Item = &'a Done>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (_, same) in by_reason(done.map(|done| (why(done), done))) {
        let mut each = same.named.iter().map(|done| row(word, tone, done));
        rows.extend(each.next());
        rows.extend(each.map(the_same));
        if same.more > 0 {
            rows.push(the_same(vec![
                (tone, word.to_owned()),
                (Tone::Plain, format!("… {} more", same.more)),
                (Tone::Plain, String::new()),
            ]));
        }
    }
    rows
}

fn the_same(mut row: Row) -> Row {
    if let Some(why) = row.last_mut() {
        *why = (Tone::Faint, "for the same reason".to_owned());
    }
    row
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
        Action::Adopt => "adopted",
        Action::Update => "changed",
        Action::Replace => "deleted and made anew",
        Action::Delete => "deleted",
        Action::Forget => "forgotten",
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
