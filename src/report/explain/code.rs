use crate::kinds::is_foretold;
use crate::model::Code;
use crate::report::{Line, Page, Tone};

/// Where a risk is told beside a plan.
pub(super) const FORETOLD: &str = "`trueup validate` tells it, too, where what is declared shows it without a look at the brokers.";

/// The page of a code: what it means and the way out.
pub fn code(code: Code, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&Line::new().put(Tone::Strong, code.as_str()));
    page.gap();
    page.wrapped(Line::indented(2), Tone::Plain, code.title());
    page.gap();
    page.wrapped(
        Line::indented(2).put(Tone::Good, "way out: "),
        Tone::Plain,
        code.way_out(),
    );
    if is_foretold(code) {
        page.gap();
        page.wrapped(
            Line::indented(2).put(Tone::Faint, "also:    "),
            Tone::Plain,
            FORETOLD,
        );
    }
    if let Some(source) = code.source() {
        page.gap();
        page.wrapped(
            Line::indented(2).put(Tone::Faint, "source:  "),
            Tone::Plain,
            source,
        );
    }
    page.finish()
}

/// Every code with its sentence.
pub fn codes(width: usize) -> String {
    let mut page = Page::new(width);
    let rows: Vec<_> = Code::ALL
        .iter()
        .map(|code| {
            vec![
                (Tone::Strong, code.as_str().to_owned()),
                (Tone::Plain, code.title().to_owned()),
            ]
        })
        .collect();
    page.table(2, &rows);
    page.finish()
}
