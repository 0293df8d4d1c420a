use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::line::{Line, safe, wrap};
use super::style::Tone;

/// The least room that wrapped text gets behind something; half of a page that is narrow.
const LEAST: usize = 30;

/// A screen that grows line by line and knows how wide it is.
#[derive(Clone, Debug)]
pub struct Page {
    text: String,
    width: usize,
}

impl Page {
    /// An empty page for a terminal of so many columns.
    pub fn new(width: usize) -> Self {
        Page {
            text: String::new(),
            width,
        }
    }

    /// Columns of the terminal.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Adds a line, broken at spaces where it is too wide.
    pub fn line(&mut self, line: &Line) {
        for line in line.broken(self.width) {
            let _ = writeln!(self.text, "{line}");
        }
    }

    /// The least room that text behind something gets.
    fn least(&self) -> usize {
        LEAST.min(self.width / 2)
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Adds text behind `first`, broken at spaces; further lines begin where the text began. Where
    /// there is no room behind `first`, the text begins below it.
    pub fn wrapped(&mut self, first: Line, tone: Tone, text: &str) {
        let text = safe(text);
        let mut first = first;
        let mut hang = first.width();
        let room = self.width.saturating_sub(hang);
        if room < self.least() && text.width() > room {
            hang = (first.indent() + 2).min(self.width / 4);
            if first.width() > first.indent() {
                self.line(&first);
            }
            first = Line::indented(hang);
        }
        let room = self.width.saturating_sub(hang);
        let mut lines = wrap(&text, room).into_iter();
        self.line(&first.put(tone, &lines.next().unwrap_or_default()));
        for rest in lines {
            self.line(&Line::indented(hang).put(tone, &rest));
        }
    }

    /// Adds `left` with `right` at the right edge, or on a line of its own where both don't fit.
    pub fn apart(&mut self, left: Line, right: &Line, indent: usize) {
        if right.width() == 0 {
            return self.line(&left);
        }
        let column = self.width.saturating_sub(right.width());
        if left.width() + 2 <= column {
            self.line(&left.to_column(column, 2).then(right.clone()));
        } else {
            self.line(&left);
            self.line(&Line::indented(indent).then(right.clone()));
        }
    }

    /// Adds rows in columns; the last column wraps.
    pub fn table(&mut self, indent: usize, rows: &[Vec<(Tone, String)>]) {
        let widths = self.column_widths(rows);
        for row in rows {
            let Some(((tone, last), cells)) = row.split_last() else {
                self.gap();
                continue;
            };
            let mut line = Line::indented(indent);
            let mut column = indent;
            for (at, (tone, cell)) in cells.iter().enumerate() {
                column += widths.get(at).copied().unwrap_or(0) + 2;
                line = line.put(*tone, cell).to_column(column, 2);
            }
            self.cell(line, column.max(indent), *tone, last);
        }
    }

    /// The last cell of a row: behind the others, or below them where they took its room.
    fn cell(&mut self, line: Line, column: usize, tone: Tone, text: &str) {
        if line.width() <= column || line.width() + self.least() <= self.width {
            self.wrapped(line, tone, text);
        } else {
            self.line(&line);
            self.wrapped(Line::indented(column.min(8)), tone, text);
        }
    }

    /// The widest cell of each column, none wider than two thirds of the page.
    fn column_widths(&self, rows: &[Vec<(Tone, String)>]) -> Vec<usize> {
        let most = self.width * 2 / 3;
        let mut widths: Vec<usize> = Vec::new();
        for row in rows {
            for (at, (_, cell)) in row.iter().enumerate() {
                let width = Line::new().plain(cell).width().min(most);
                match widths.get_mut(at) {
                    Some(known) => *known = width.max(*known),
                    None => widths.push(width),
                }
            }
        }
        widths
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.text
    }
}
