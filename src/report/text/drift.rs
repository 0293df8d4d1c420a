use serde_json::Value;

use super::change::{compared, many_lines, shown};
use super::plan::header;
use super::step::{Told, mark_of, place, refusal};
use super::{View, summary, unread};
use crate::model::{Action, Change, KindName, Step};
use crate::plan::{Plan, UndeclaredField};
use crate::report::line::safe;
use crate::report::value::{LONG, cut};
use crate::report::{Line, Page, Tone, one_line};

/// What counts as drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// What the manifest declares and the brokers hold otherwise.
    Declared,
    /// That, and values on the brokers that the manifest does not declare.
    Strict,
}

impl Drift {
    /// Whether the plan shows any.
    pub fn is_in(self, plan: &Plan) -> bool {
        match self {
            Drift::Declared => plan.has_changes(),
            Drift::Strict => plan.has_changes() || !plan.undeclared.is_empty(),
        }
    }
}

/// The drift as a screen: each field that differs, live and declared side by side; what is
/// missing; what is set on the brokers and not declared.
pub fn drift(plan: &Plan, counted: Drift, view: &View<'_>) -> String {
    let mut page = Page::new(view.width);
    header(&mut page, plan);
    let is_drift = |s: &&Step| s.action != Action::Unread && !is_as_declared(s);
    let steps = plan.steps.iter().filter(is_drift);
    let mut told = Told::default();
    for step in steps {
        resource(&mut page, step, &mut told);
    }
    if plan.has_changes() {
        page.gap();
    }
    unread::all(&mut page, plan);
    undeclared(&mut page, &plan.undeclared, counted);
    verdict(&mut page, plan, counted);
    summary::next(&mut page, view.next);
    page.finish()
}

fn resource<'a>(page: &mut Page, step: &'a Step, told: &mut Told<'a>) {
    let missing = step.action == Action::Create;
    let (tone, mark) = if missing {
        (Tone::Bad, "-")
    } else {
        mark_of(step.action)
    };
    let line = Line::indented(2)
        .put(tone, mark)
        .plain(" ")
        .put(Tone::Strong, &step.address.to_string());
    let line = if missing {
        line.put(Tone::Bad, "  missing")
    } else {
        line
    };
    page.apart(line, &place(step.source.as_ref()), 6);
    if !missing && !step.changes.is_empty() {
        side_by_side(page, step);
    }
    for why in &step.refusals {
        refusal(page, step, why, 6, told);
    }
}

/// The fields that differ in three columns; one with long values line by line, in its place.
fn side_by_side(page: &mut Page, step: &Step) {
    let most = page.width() / 3;
    let row_of = |change: &Change| {
        let side = both(step, change);
        let short = !many_lines(change) && side.1.len() <= most && side.2.len() <= most;
        short.then_some(side)
    };
    let rows: Vec<_> = step.changes.iter().map(row_of).collect();
    let widest = |of: fn(&(String, String, String)) -> &String, least: usize| {
        let widths = rows
            .iter()
            .flatten()
            .map(|s| Line::new().plain(of(s)).width());
        widths.max().unwrap_or(0).max(least)
    };
    let (names, live) = (widest(|s| &s.0, 18), widest(|s| &s.1, 4));
    if rows.iter().any(Option::is_some) {
        let head = (String::new(), "live".to_owned(), "declared".to_owned());
        row(page, &head, names, live, [Tone::Faint; 2]);
    }
    for (change, side) in step.changes.iter().zip(&rows) {
        match side {
            Some(side) => row(page, side, names, live, [Tone::Change, Tone::Strong]),
            None => below(page, step, change),
        }
    }
}

/// A field with long values: what only the broker holds with `-`, what only the manifest says with `+`.
fn below(page: &mut Page, step: &Step, change: &Change) {
    let name = Line::indented(6).plain(shown(step.address.kind, &change.field));
    page.line(&name.to_column(26, 2).put(Tone::Faint, "- live, + declared"));
    let empty = Value::Array(Vec::new());
    let side = |value: &Option<Value>| value.clone().unwrap_or_else(|| empty.clone());
    compared(page, &side(&change.before), &side(&change.after), 10);
}

fn both(step: &Step, change: &Change) -> (String, String, String) {
    let said = |value: &Option<Value>, none: &str| value.as_ref().map_or(none.to_owned(), one_line);
    (
        shown(step.address.kind, &change.field).to_owned(),
        said(&change.before, "not set"),
        said(&change.after, "not set"),
    )
}

fn row(
    page: &mut Page,
    side: &(String, String, String),
    names: usize,
    live: usize,
    tones: [Tone; 2],
) {
    let line = Line::indented(6)
        .plain(&side.0)
        .to_column(6 + names, 0)
        .plain("  ")
        .put(tones[0], &side.1)
        .to_column(6 + names + 2 + live, 0)
        .plain("  ")
        .put(tones[1], &side.2);
    page.line(&line);
}

/// What the brokers hold beside what is declared: what could be declared, then what no manifest can.
fn undeclared(page: &mut Page, fields: &[UndeclaredField], counted: Drift) {
    let is_right = |field: &&UndeclaredField| field.address.kind == KindName::Acl;
    let (rights, fields): (Vec<_>, Vec<_>) = fields.iter().partition(is_right);
    let (unknown, known) = fields.into_iter().partition(|field| field.unknown);
    for (among, heading, way_out) in [
        (known, "Set on the brokers and not declared:", DECLARE),
        (
            unknown,
            "Set on the brokers in fields that this trueup does not know:",
            UNKNOWN,
        ),
        (
            rights,
            "Rights on declared topics that are not declared:",
            RIGHTS,
        ),
    ] {
        let rows: Vec<_> = among.into_iter().map(undeclared_row).collect();
        if rows.is_empty() {
            continue;
        }
        page.line(&Line::new().put(Tone::Faint, heading));
        page.table(2, &rows);
        if counted == Drift::Strict {
            let arrow = Line::indented(2).plain("→ ");
            page.wrapped(arrow, Tone::Plain, way_out);
        }
        page.gap();
    }
}

fn undeclared_row(field: &UndeclaredField) -> Vec<(Tone, String)> {
    let name = shown(field.address.kind, &field.field).to_owned();
    vec![
        (Tone::Plain, field.address.to_string()),
        (Tone::Plain, name),
        (Tone::Plain, held(field)),
    ]
}

/// The value as a manifest would say it; where none can, compact JSON, as the server tells it.
pub(in crate::report) fn held(field: &UndeclaredField) -> String {
    let said = match field.unknown {
        true => safe(&field.value.to_string()).into_owned(),
        false => one_line(&field.value),
    };
    cut(&said, LONG)
}

/// The way out of values that `apply` leaves alone.
const DECLARE: &str = "declare them, or put them back to the defaults with `lifecycle: { undeclared: reset }`; `apply` leaves them alone";

/// The way out of rights that nobody here has given.
const RIGHTS: &str = "declare them (`access` in the topic, or `kafka.acls`), or take them away with Kafka's own tool; `apply` leaves them alone";

/// The way out of fields that no manifest can declare.
const UNKNOWN: &str = "no manifest can declare them, and `apply` writes them back as they are: take a trueup that knows the server's version, or put them back with the server's own tool";

/// What drifted, counted: `1 differs from the manifest`, `2 missing`; nothing where nothing did.
pub(in crate::report) fn counts(plan: &Plan, counted: Drift) -> Vec<String> {
    let missing = plan.summary.create;
    let differ = plan
        .steps
        .iter()
        .filter(|s| matches!(s.action, Action::Update | Action::Adopt | Action::Replace))
        .filter(|s| !is_as_declared(s))
        .count();
    let mut parts = Vec::new();
    for (count, what) in [
        (
            differ,
            if differ == 1 {
                "differs from the manifest"
            } else {
                "differ from the manifest"
            },
        ),
        (missing, "missing"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if counted == Drift::Strict {
        for (is_unknown, what) in [(false, "not declared"), (true, "in unknown fields")] {
            let among = plan.undeclared.iter();
            let count = among.filter(|field| field.unknown == is_unknown).count();
            if count > 0 {
                let values = if count == 1 { "value" } else { "values" };
                parts.push(format!("{count} {values} {what}"));
            }
        }
    }
    parts
}

/// Whether only the ledger does not know of it yet.
fn is_as_declared(step: &Step) -> bool {
    step.action == Action::Adopt && step.changes.is_empty() && step.refusals.is_empty()
}

/// How many resources are as the manifest says.
fn as_declared(plan: &Plan) -> usize {
    let unknown = plan.steps.iter().filter(|step| is_as_declared(step));
    plan.summary.unchanged + unknown.count()
}

fn verdict(page: &mut Page, plan: &Plan, counted: Drift) {
    let mut parts = counts(plan, counted);
    if parts.is_empty() {
        let (tone, text) = if plan.complete {
            (
                Tone::Good,
                format!("No drift. {}.", summary::as_declared(as_declared(plan))),
            )
        } else {
            (Tone::Plain, summary::of_what_was_read(plan))
        };
        page.wrapped(Line::new(), tone, &text);
    } else {
        parts.push(format!("{} as declared", as_declared(plan)));
        page.wrapped(
            Line::new().put(Tone::Change, "Drift: "),
            Tone::Plain,
            &(parts.join(", ") + "."),
        );
    }
    summary::blocked(page, plan, "`trueup plan` tells the way out of each");
    summary::incomplete(page, plan);
}
