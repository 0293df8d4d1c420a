use crate::ledger::{Book, Holder, Phase, Record};
use crate::report::{Line, Page, Tone};

/// What each stack owns, this one's first.
pub fn ledger(place: &str, stack: &str, book: &Book, width: usize) -> String {
    let mut page = Page::new(width);
    page.wrapped(Line::new(), Tone::Faint, &format!("In {place}:"));
    let others = book.stacks().filter(|other| *other != stack);
    for name in std::iter::once(stack).chain(others) {
        page.gap();
        page.line(&Line::new().plain("Stack ").put(Tone::Strong, name));
        let mut records: Vec<&Record> = book.of(name).collect();
        records.sort_by(|a, b| a.address.cmp(&b.address));
        let rows: Vec<_> = records
            .into_iter()
            .map(|record| {
                let phase = match record.phase {
                    Phase::Present => (Tone::Good, "owned"),
                    Phase::Intent => (Tone::Change, "interrupted"),
                    Phase::Deleting => (Tone::Change, "being deleted"),
                };
                vec![
                    (Tone::Strong, record.address.to_string()),
                    (phase.0, phase.1.to_owned()),
                    (Tone::Faint, whole_seconds(&record.at)),
                ]
            })
            .collect();
        match rows.is_empty() {
            true => page.wrapped(Line::indented(2), Tone::Plain, "owns nothing"),
            false => page.table(2, &rows),
        }
    }
    page.finish()
}

/// A time without the parts of its seconds: `2026-11-28T06:15:11Z`.
fn whole_seconds(at: &str) -> String {
    match at.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => at.to_owned(),
    }
}

/// Who has the lock of a stack.
pub fn lock(stack: &str, holder: Option<&Holder>, width: usize) -> String {
    let mut page = Page::new(width);
    let text = match holder {
        None => format!("nobody has the lock of stack `{stack}`"),
        Some(holder) => format!(
            "{} on {} (pid {}) has the lock of stack `{stack}` since {} for `{}`, until {} unless it is renewed{}",
            holder.who,
            holder.host,
            holder.pid,
            holder.since,
            holder.command,
            holder.until,
            holder
                .ci_url
                .as_ref()
                .map_or_else(String::new, |url| format!("; {url}")),
        ),
    };
    page.wrapped(Line::new(), Tone::Plain, &text);
    page.finish()
}
