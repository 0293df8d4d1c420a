use serde_json::Value;
use similar::{Algorithm, ChangeTag, DiffOp, capture_diff_slices};

use crate::model::{Change, KindName, Step};
use crate::report::line::safe;
use crate::report::value::{LONG, before, cut, lines};
use crate::report::{Line, Page, Tone, one_line};

/// The column of values never begins further left than this, behind the fields' names.
const NAMES: usize = 20;
/// Lines of a comparison beyond these are counted, not shown.
const MOST_LINES: usize = 40;
/// Values with more lines than these are not compared, only shown.
const MOST_COMPARED: usize = 5_000;
/// Values of so few columns stay on the field's line, however narrow the page.
const SHORT: usize = 24;
/// Characters shown before the difference of two long lines.
const BEFORE: usize = 40;
/// Stands below a text that differs from the other by how it ends.
const ENDLESS: &str = "(no newline at the end)";
/// Equal lines shown on each side of a difference.
const CONTEXT: usize = 1;

/// How wide the column of the step's field names is, on a page of this width.
pub(super) fn column(step: &Step, width: usize) -> usize {
    let names = step
        .changes
        .iter()
        .map(|c| shown(step.address.kind, &c.field));
    let widest = names.map(|name| name.len() + 2).max();
    let most = (width / 3).max(NAMES);
    widest.unwrap_or(0).clamp(NAMES, most)
}

/// The field as users know it: a topic's configs go by Kafka's own names.
pub(super) fn shown(kind: KindName, field: &str) -> &str {
    match kind {
        KindName::Topic => field.strip_prefix("config.").unwrap_or(field),
        KindName::Stream
        | KindName::Kv
        | KindName::ObjectStore
        | KindName::Consumer
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => field,
    }
}

/// One field, old and new: on one line where it fits, else line by line below its name.
pub(super) fn field(page: &mut Page, step: &Step, change: &Change, indent: usize, column: usize) {
    let name = shown(step.address.kind, &change.field);
    let (tone, mark) = mark(change);
    let start = Line::indented(indent)
        .put(tone, mark)
        .plain(" ")
        .plain(name);
    let line = start.clone().to_column(indent + 2 + column, 2);
    let value = sides(change);
    let note = change
        .note
        .as_ref()
        .map(|note| format!("  ({note})"))
        .unwrap_or_default();
    let wide = Line::new().plain(&note).width() + value.width();
    let fits = wide <= SHORT || line.width() + wide <= page.width();
    if fits && !many_lines(change) {
        return page.line(&line.then(value).put(Tone::Faint, &note));
    }
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            page.line(&start.put(Tone::Faint, &note));
            compared(page, before, after, indent + 4);
        }
        (None, Some(only)) => whole(page, line, only, "", &note),
        (Some(only), None) => whole(page, line, only, " -> broker default", &note),
        (None, None) => page.line(&line.put(Tone::Faint, &note)),
    }
}

const fn mark(change: &Change) -> (Tone, &'static str) {
    match (&change.before, &change.after) {
        (None, _) => (Tone::Good, "+"),
        (Some(_), Some(_)) => (Tone::Change, "~"),
        (Some(_), None) => (Tone::Bad, "-"),
    }
}

/// `old -> new` on one line.
fn sides(change: &Change) -> Line {
    let after = change.after.as_ref().map(one_line);
    match (before(change), after) {
        (None, Some(after)) => Line::new().plain(&after),
        (Some(before), after) => Line::new().plain(&before).put(Tone::Faint, " -> ").put(
            Tone::Strong,
            &after.unwrap_or_else(|| "broker default".to_owned()),
        ),
        (None, None) => Line::new(),
    }
}

pub(super) fn many_lines(change: &Change) -> bool {
    [&change.before, &change.after]
        .into_iter()
        .flatten()
        .any(|value| {
            value
                .as_str()
                .is_some_and(|text| text.trim_end().contains('\n'))
        })
}

/// One long value: wrapped behind the name, or below it line by line.
fn whole(page: &mut Page, line: Line, value: &Value, gone: &str, note: &str) {
    let by_line = value.is_object() || lines(value).len() > 1 && value.is_string();
    if !by_line {
        let text = cut(&one_line(value), LONG) + gone + note;
        return page.wrapped(line, Tone::Plain, &text);
    }
    page.line(&line.put(Tone::Faint, &format!("{gone}{note}")));
    let lines = lines(value);
    for text in lines.iter().take(MOST_LINES) {
        page.wrapped(Line::indented(10), Tone::Plain, &cut(text, LONG));
    }
    more(page, 10, lines.len().saturating_sub(MOST_LINES));
}

/// Two long values line by line, with a little of what is equal around the differences.
pub(super) fn compared(page: &mut Page, before: &Value, after: &Value, indent: usize) {
    let (mut old, mut new) = (lines(before), lines(after));
    if let ([old], [new]) = (&mut old[..], &mut new[..]) {
        from_the_difference(old, new);
    }
    match (ends_a_line(before), ends_a_line(after)) {
        (Some(false), Some(true)) => old.push(ENDLESS.to_owned()),
        (Some(true), Some(false)) => new.push(ENDLESS.to_owned()),
        (_, _) => {}
    }
    let mut left = MOST_LINES;
    let mut hidden = 0;
    for (tag, text) in differences(&old, &new) {
        if left == 0 {
            hidden += 1;
            continue;
        }
        left -= 1;
        let (tone, mark) = match tag {
            Some(ChangeTag::Delete) => (Tone::Bad, "- "),
            Some(ChangeTag::Insert) => (Tone::Good, "+ "),
            Some(ChangeTag::Equal) => (Tone::Plain, "  "),
            None => (Tone::Faint, "  "),
        };
        let start = Line::indented(indent).put(tone, mark);
        page.wrapped(start, tone, &cut(&safe(&text), LONG));
    }
    more(page, indent, hidden);
}

/// Whether it is a text that ends with the end of a line; of what is no text there is nothing to say.
fn ends_a_line(value: &Value) -> Option<bool> {
    value.as_str().map(|text| text.ends_with('\n'))
}

/// Of two long lines that begin alike, leaves what stands just before the difference and all that
/// follows.
fn from_the_difference(old: &mut String, new: &mut String) {
    let alike = old
        .chars()
        .zip(new.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let hidden = alike.saturating_sub(BEFORE);
    for text in [old, new] {
        if hidden > LONG / 2 {
            *text = format!("…{}", text.chars().skip(hidden).collect::<String>());
        }
    }
}

/// The lines that differ and those next to them; what is left out between is counted (no tag).
fn differences(old: &[String], new: &[String]) -> Vec<(Option<ChangeTag>, String)> {
    let ops = if old.len().max(new.len()) > MOST_COMPARED {
        vec![DiffOp::Replace {
            old_index: 0,
            old_len: old.len(),
            new_index: 0,
            new_len: new.len(),
        }]
    } else {
        capture_diff_slices(Algorithm::Myers, old, new)
    };
    let mut found = Vec::new();
    let last = ops.len().saturating_sub(1);
    for (at, op) in ops.iter().enumerate() {
        match op {
            DiffOp::Equal { old_index, len, .. } => {
                let equal = old.get(*old_index..old_index + len).unwrap_or_default();
                context(&mut found, equal, at == 0, at == last);
            }
            _ => found.extend(
                op.iter_changes(old, new)
                    .map(|change| (Some(change.tag()), change.value().clone())),
            ),
        }
    }
    found
}

fn context(
    found: &mut Vec<(Option<ChangeTag>, String)>,
    equal: &[String],
    first: bool,
    last: bool,
) {
    let head = if first { 0 } else { CONTEXT.min(equal.len()) };
    let tail = if last {
        0
    } else {
        CONTEXT.min(equal.len() - head)
    };
    let keep = |line: &String| (Some(ChangeTag::Equal), line.clone());
    let hidden = equal.len() - head - tail;
    found.extend(equal[..head].iter().map(keep));
    if hidden > 0 {
        found.push((None, format!("({hidden} more the same)")));
    }
    found.extend(equal[equal.len() - tail..].iter().map(keep));
}

fn more(page: &mut Page, indent: usize, hidden: usize) {
    if hidden > 0 {
        let text = format!("({hidden} more lines; `--output json` has them all)");
        page.line(&Line::indented(indent).put(Tone::Faint, &text));
    }
}
