use std::borrow::Cow;
use std::fmt;

use unicode_width::UnicodeWidthStr;

use super::style::Tone;

/// Columns of a mark and its space, such as `+ `, which stay with what they mark.
const MARK: usize = 2;

/// One line of a screen: pieces of text, each with its tone.
///
/// Text is made safe as it is put in: control characters (terminal escapes above all) and marks
/// that reorder text are shown as `\u{1b}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(Tone, String)>,
    width: usize,
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Line::default()
    }

    /// A line that begins with so many spaces.
    pub fn indented(columns: usize) -> Self {
        Line::new().plain(&" ".repeat(columns))
    }

    /// The same with this text behind.
    pub fn put(mut self, tone: Tone, text: &str) -> Self {
        let text = safe(text).into_owned();
        self.width += text.width();
        self.pieces.push((tone, text));
        self
    }

    /// The same with this text behind, in no particular tone.
    pub fn plain(self, text: &str) -> Self {
        self.put(Tone::Plain, text)
    }

    /// The same with spaces up to this column, and at least `least` of them.
    pub fn to_column(self, column: usize, least: usize) -> Self {
        let spaces = column.saturating_sub(self.width).max(least);
        self.plain(&" ".repeat(spaces))
    }

    /// The same with the pieces of another behind.
    pub fn then(mut self, other: Line) -> Self {
        self.width += other.width;
        self.pieces.extend(other.pieces);
        self
    }

    /// The spaces that it begins with.
    pub(super) fn indent(&self) -> usize {
        let mut spaces = 0;
        for (_, text) in &self.pieces {
            let rest = text.trim_start_matches(' ');
            spaces += text.len() - rest.len();
            if !rest.is_empty() {
                break;
            }
        }
        spaces
    }

    /// The line broken at spaces where it is wider than the page; further lines are indented by
    /// four more. A word is never broken, nor is a command, which is there to be copied.
    pub(super) fn broken(&self, width: usize) -> Vec<Line> {
        if self.width <= width {
            return vec![self.clone()];
        }
        let hang = (self.indent() + 4).min(width / 3);
        let (mut done, mut line, mut empty) = (Vec::new(), Line::new(), true);
        for (tone, text) in &self.pieces {
            if *tone == Tone::Command {
                line = line.put(*tone, text);
                empty = false;
                continue;
            }
            for word in text.split_inclusive(' ') {
                let columns = word.trim_end_matches(' ').width();
                let marked = line.width <= line.indent() + MARK;
                if columns > 0 && !marked && line.width + columns > width {
                    done.push(std::mem::replace(&mut line, Line::indented(hang)));
                    empty = true;
                }
                if columns > 0 || !empty || done.is_empty() {
                    line = line.put(*tone, word);
                }
                empty &= columns == 0;
            }
        }
        done.push(line);
        done
    }

    /// Columns of a terminal that it takes.
    pub fn width(&self) -> usize {
        self.width
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self
            .pieces
            .iter()
            .rposition(|(_, text)| !text.trim_end_matches(' ').is_empty())
            .map_or(0, |last| last + 1);
        for (at, (tone, text)) in self.pieces[..end].iter().enumerate() {
            let text = if at + 1 == end {
                text.trim_end_matches(' ')
            } else {
                text
            };
            let style = tone.style();
            write!(f, "{style}{text}{style:#}")?;
        }
        Ok(())
    }
}

/// The text with control characters, blanks that are no space, and marks that reorder text made visible.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        c if is_unsafe(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || c.is_whitespace() && c != ' '
        || matches!(c, '\u{200b}' | '\u{feff}')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text broken at spaces into lines of at most `width` columns; a word is never broken.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let columns = word.width();
        if used > 0 && used + 1 + columns > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += columns;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_a_terminal_are_shown_not_sent() {
        let line = Line::new().plain("a\u{1b}[31mb\u{202e}c\nd").to_string();
        assert_eq!(line, "a\\u{1b}[31mb\\u{202e}c\\nd");
    }

    #[test]
    fn no_line_ends_in_spaces() {
        let line = Line::new().put(Tone::Good, "a").to_column(10, 1).plain("");
        assert_eq!(
            anstream::adapter::strip_str(&line.to_string()).to_string(),
            "a"
        );
    }

    #[test]
    fn text_wraps_at_spaces_by_columns() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("消息消息 消息", 9), ["消息消息", "消息"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
