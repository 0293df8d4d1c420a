use std::collections::HashMap;

use super::change;
use crate::model::{
    Action, Address, Broker, Code, Harm, KindName, Refusal, Risk, Source, Step, counted,
};
use crate::report::{Line, Page, Tone};

/// Where a step's address begins, its fields, and what is said of a field.
const ADDRESS: usize = 2;
const FIELD: usize = 6;
const REMARK: usize = 8;

/// The reasons that a screen has told in full, each with the resource that it stands at.
#[derive(Default)]
pub(super) struct Told<'a>(HashMap<(Code, &'a str, Option<&'a str>), &'a Address>);

/// A step with its fields, refusals, notes and the count of what is hidden.
pub(super) fn whole<'a>(page: &mut Page, step: &'a Step, told: &mut Told<'a>) {
    heading(page, step);
    fields(page, step, told);
    reasons(page, step, told);
    hidden(page, step);
}

/// A step on one line, its fields hidden where the address already says them.
pub(super) fn short<'a>(page: &mut Page, step: &'a Step, told: &mut Told<'a>) {
    let line =
        mark(Line::indented(FIELD), step.action).put(Tone::Strong, &step.address.to_string());
    page.line(&line);
    if step.action != Action::Create {
        fields(page, step, told);
    }
    reasons(page, step, told);
}

/// The step's mark and address, with the place of its declaration at the right.
pub(super) fn heading(page: &mut Page, step: &Step) {
    let line =
        mark(Line::indented(ADDRESS), step.action).put(Tone::Strong, &step.address.to_string());
    let line = match step.action {
        Action::Replace => line.put(Tone::Bad, "  deleted and made anew"),
        Action::Adopt if step.refusals.is_empty() && step.notes.is_empty() => {
            line.put(Tone::Change, "  adopted: it is there, and nobody owns it")
        }
        Action::Delete => line.put(Tone::Bad, "  deleted: it is the stack's own"),
        Action::Forget => line.put(
            Tone::Change,
            "  forgotten: it stays as it is, and is the stack's no longer",
        ),
        Action::Create | Action::Adopt | Action::Update | Action::Unread => line,
    };
    page.apart(line, &place(step.source.as_ref()), FIELD);
}

fn mark(line: Line, action: Action) -> Line {
    let (tone, mark) = mark_of(action);
    line.put(tone, mark).plain(" ")
}

/// The sign that stands before a step of this action.
pub(super) const fn mark_of(action: Action) -> (Tone, &'static str) {
    match action {
        Action::Create => (Tone::Good, "+"),
        Action::Adopt => (Tone::Change, "="),
        Action::Update => (Tone::Change, "~"),
        Action::Replace => (Tone::Bad, "±"),
        Action::Delete => (Tone::Bad, "-"),
        Action::Forget => (Tone::Change, "/"),
        Action::Unread => (Tone::Bad, "?"),
    }
}

/// `file:line`, or nothing.
pub(super) fn place(source: Option<&Source>) -> Line {
    source.map_or_else(Line::new, |s| {
        Line::new().put(Tone::Faint, &format!("{}:{}", s.file, s.line))
    })
}

fn fields<'a>(page: &mut Page, step: &'a Step, told: &mut Told<'a>) {
    if step.address.kind == KindName::Acl && step.action == Action::Create {
        return;
    }
    let column = change::column(step, page.width());
    for change in &step.changes {
        change::field(page, step, change, FIELD, column);
        let about = |r: &&Refusal| r.field.as_deref() == Some(change.field.as_str());
        for refusal in step.refusals.iter().filter(about) {
            self::refusal(page, step, refusal, REMARK, told);
        }
        let about = |r: &&Risk| r.field.as_deref() == Some(change.field.as_str());
        for risk in step.risks.iter().filter(about) {
            self::risk(page, step, risk, REMARK);
        }
    }
}

/// The refusals and risks that stand under no field, then the notes.
pub(super) fn reasons<'a>(page: &mut Page, step: &'a Step, told: &mut Told<'a>) {
    let shown = |field: &str| step.changes.iter().any(|change| change.field == field);
    for refusal in &step.refusals {
        if !refusal.field.as_deref().is_some_and(shown) {
            self::refusal(page, step, refusal, FIELD, told);
        }
    }
    for risk in &step.risks {
        if !risk.field.as_deref().is_some_and(shown) {
            self::risk(page, step, risk, FIELD);
        }
    }
    for note in &step.notes {
        page.wrapped(
            Line::indented(FIELD).put(Tone::Faint, "note: "),
            Tone::Plain,
            note,
        );
    }
}

/// What it may cost, with what was read, and how to consent or go a safer way.
fn risk(page: &mut Page, step: &Step, risk: &Risk, indent: usize) {
    let (tone, word) = match risk.harm {
        Harm::Low => (Tone::Faint, "low"),
        Harm::Medium => (Tone::Change, "medium"),
        Harm::High => (Tone::Bad, "high"),
        Harm::Critical => (Tone::Bad, "critical"),
    };
    let first = Line::indented(indent)
        .put(tone, &format!("! {word} "))
        .put(tone, risk.code.as_str())
        .plain(": ");
    flow(page, first, indent + 2, &risk.evidence);
    let hang = Line::indented(indent + 2);
    if let Some(total) = in_all(step, risk) {
        page.wrapped(hang.clone(), tone, &total);
    }
    if let Some(by) = &risk.approved_by {
        page.wrapped(hang, Tone::Good, &format!("approved by {by}"));
    } else if risk.blocks() {
        if let Some(why) = &risk.unapproved {
            page.wrapped(hang.clone(), Tone::Bad, why);
        }
        page.wrapped(hang.plain("→ "), Tone::Plain, &consent(step, risk));
    }
}

/// What several fields cost together, where a step has the same risk of several: what a bound is held against.
pub(in crate::report) fn in_all(step: &Step, risk: &Risk) -> Option<String> {
    let what = match step.address.kind.broker() {
        Broker::Nats => "message",
        Broker::Kafka => "record",
    };
    let others = step.risks.iter().filter(|other| {
        other.code == risk.code && other.field != risk.field && other.at_stake != Some(0)
    });
    let others = others.filter_map(|other| Some(format!("`{}`", other.field.as_ref()?)));
    let others: Vec<String> = others.collect();
    let total = counted(risk.at_stake_in_all?, what);
    Some(match others.is_empty() {
        true => format!("up to {total} in all"),
        false => format!("up to {total} together with {}", others.join(", ")),
    })
}

/// The safer way, or the words that consent.
fn consent(step: &Step, risk: &Risk) -> String {
    let approve = format!("`--approve {}@{}`", risk.code, step.address);
    match risk.safer.as_deref().map(as_hint) {
        Some(safer) => format!("{safer}; or {approve}"),
        None => approve,
    }
}

/// Why not, and the way out; where another resource has told the same before, which one.
pub(super) fn refusal<'a>(
    page: &mut Page,
    step: &'a Step,
    refusal: &'a Refusal,
    indent: usize,
    told: &mut Told<'a>,
) {
    let first = Line::indented(indent)
        .put(Tone::Bad, "! blocked ")
        .put(Tone::Bad, refusal.code.as_str())
        .plain(": ");
    let reason = (refusal.code, &*refusal.message, refusal.hint.as_deref());
    let at = *told.0.entry(reason).or_insert(&step.address);
    if *at != step.address {
        let text = format!("for the same reason as {at}");
        return page.wrapped(first, Tone::Plain, &text);
    }
    let hang = Line::indented(indent + 2);
    if first.width() + 30 > page.width() {
        page.line(&first);
        page.wrapped(hang.clone(), Tone::Plain, &refusal.message);
    } else {
        flow(page, first, indent + 2, &refusal.message);
    }
    let hint = refusal.hint.as_deref().unwrap_or(refusal.code.way_out());
    page.wrapped(hang.plain("→ "), Tone::Plain, &as_hint(hint));
}

/// A code's way out is a sentence on its own page; behind an arrow it is written as a hint.
pub(super) fn as_hint(text: &str) -> String {
    let text = text.strip_suffix('.').unwrap_or(text);
    let names = ["JetStream", "Kafka", "NATS"];
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if first.is_uppercase() && !names.iter().any(|n| text.starts_with(n)) => {
            first.to_lowercase().chain(letters).collect()
        }
        Some(_) | None => text.to_owned(),
    }
}

/// Text behind `first`; further lines begin at `hang`, not behind it.
fn flow(page: &mut Page, first: Line, hang: usize, text: &str) {
    let room = page.width().saturating_sub(first.width());
    let mut lines = crate::report::line::wrap(text, room).into_iter();
    let head = lines.next().unwrap_or_default();
    page.line(&first.plain(&head));
    let rest = lines.collect::<Vec<_>>().join(" ");
    if !rest.is_empty() {
        page.wrapped(Line::indented(hang), Tone::Plain, &rest);
    }
}

fn hidden(page: &mut Page, step: &Step) {
    if step.unchanged == 0 || step.action == Action::Create {
        return;
    }
    let fields = if step.unchanged == 1 {
        "field"
    } else {
        "fields"
    };
    let text = format!("{} {fields} as declared", step.unchanged);
    page.line(&Line::indented(FIELD).put(Tone::Faint, &text));
}
