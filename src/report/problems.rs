use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::line::{safe, wrap};
use crate::model::{Place, Problem, Severity};

/// A line longer than this gets an excerpt instead of a snippet, in bytes.
const LONG_LINE: usize = 2_000;
/// Lines up to so many columns are shown whole, however narrow the terminal: what is cut off is what is wanted.
const WIDE: usize = 140;
/// Below so many columns hints are broken; where no terminal is, they stay on one line.
const NARROW: usize = 100;
/// What is shown of such a line on each side of the place, in bytes.
const AROUND: usize = 60;
/// A place that covers more lines than this is shown by its first ones.
const MOST_LINES: usize = 4;

/// Problems as a screen, each with its code, the lines that it speaks of, a caret, and a hint.
///
/// `text` gives the text of a file by the name that a place has; where it does not know it, the
/// place is named without a snippet.
pub fn problems<'t>(
    problems: &[Problem],
    text: &dyn Fn(&str) -> Option<&'t str>,
    width: usize,
) -> String {
    let renderer = Renderer::styled().term_width(width.max(WIDE));
    let mut screen = String::new();
    for problem in problems {
        screen.push_str(&rendered(problem, text, &renderer, width));
        screen.push_str("\n\n");
    }
    screen
}

fn rendered<'t>(
    problem: &Problem,
    text: &dyn Fn(&str) -> Option<&'t str>,
    renderer: &Renderer,
    width: usize,
) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(message(problem))
        .id(problem.code.as_str());
    let mut group = Group::with_title(title);
    if let Some(place) = &problem.place {
        group = group.elements(shown(place, text, None, AnnotationKind::Primary));
    }
    for note in &problem.notes {
        let said = Some(note.message.as_str());
        group = group.elements(shown(&note.place, text, said, AnnotationKind::Context));
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(fitted(hint, width)));
    }
    renderer.render(&[group])
}

/// The hint, broken at spaces on a narrow page; what stands before it there takes 12 columns.
fn fitted(hint: &str, width: usize) -> String {
    const BEFORE: usize = 12;
    let hint = safe(hint);
    if width < NARROW {
        wrap(&hint, width.saturating_sub(BEFORE).max(BEFORE)).join("\n")
    } else {
        hint.into_owned()
    }
}

/// The message, with the resource before it where no place tells which one is meant.
fn message(problem: &Problem) -> String {
    let said = safe(&problem.message);
    match &problem.address {
        Some(address) if problem.place.is_none() => {
            let address = address.to_string();
            if said.contains(&address) {
                said.into_owned()
            } else {
                format!("{}: {said}", safe(&address))
            }
        }
        Some(_) | None => said.into_owned(),
    }
}

/// `--> file:line:column` and the lines of the place.
fn shown<'a, 't>(
    place: &'a Place,
    text: &dyn Fn(&str) -> Option<&'t str>,
    label: Option<&'a str>,
    kind: AnnotationKind,
) -> Vec<Element<'a>> {
    let Some((text, span)) = text(&place.file).and_then(|text| Some((text, span(text, place)?)))
    else {
        return bare(place, label.map(|label| safe(label).into_owned()));
    };
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = end_of_lines(text, &span);
    if end - start > LONG_LINE {
        return bare(place, Some(excerpt(text, &span, start, end)));
    }
    let shown = span.start - start..span.end.min(end).max(span.start) - start;
    let snippet = Snippet::source(clean(&text[start..end]))
        .path(safe(&place.file))
        .line_start(place.line as usize)
        .annotation(kind.span(shown).label(label.map(|l| safe(l).into_owned())));
    vec![snippet.into()]
}

/// `--> file:line:column` alone, and what is to be said of it.
fn bare(place: &Place, said: Option<String>) -> Vec<Element<'_>> {
    let origin = Origin::path(safe(&place.file))
        .line(place.line as usize)
        .char_column(place.column as usize);
    let said = said.map(|said| Level::NOTE.message(said).into());
    [Some(origin.into()), said].into_iter().flatten().collect()
}

/// What stands around a place in a very long line.
fn excerpt(text: &str, span: &Range<usize>, start: usize, end: usize) -> String {
    let from = floor(text, span.start.saturating_sub(AROUND).max(start));
    let to = floor(text, (span.start + AROUND).min(end)).max(from);
    format!("near `…{}…`", safe(&text[from..to]))
}

/// The same bytes long, with control characters (but tabs and line ends) blanked.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_ascii_control() => ' ',
            c => c,
        })
        .collect()
}

/// The place's bytes where they are sound, else the point at its line and column.
fn span(text: &str, place: &Place) -> Option<Range<usize>> {
    let bytes = place.range();
    let sound = bytes.start < bytes.end
        && bytes.end <= text.len()
        && text.is_char_boundary(bytes.start)
        && text.is_char_boundary(bytes.end);
    if sound {
        return Some(bytes);
    }
    let mut start = 0;
    for _ in 1..place.line {
        start += text.get(start..)?.find('\n')? + 1;
    }
    let line = text.get(start..)?;
    let line = line.split(['\n', '\r']).next().unwrap_or_default();
    let skip = (place.column as usize).saturating_sub(1);
    let at = line
        .char_indices()
        .nth(skip)
        .map_or(line.len(), |(at, _)| at);
    let next = line[at..].chars().next().map_or(0, char::len_utf8);
    Some(start + at..start + at + next)
}

/// The end of the last line of the span that is shown, without its line end.
fn end_of_lines(text: &str, span: &Range<usize>) -> usize {
    let mut end = span.start;
    for _ in 0..MOST_LINES {
        end = text[end..].find('\n').map_or(text.len(), |at| end + at);
        if end + 1 >= span.end || end == text.len() {
            break;
        }
        end += 1;
    }
    let end = if end > span.start && text[..end].ends_with('\n') {
        end - 1
    } else {
        end
    };
    if end > span.start && text[..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}

/// The nearest character boundary at or below.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    fn at(line: u32, column: u32, bytes: (usize, usize)) -> Place {
        Place {
            file: "a.yaml".into(),
            line,
            column,
            bytes,
        }
    }

    fn screen(text: &str, problem: Problem) -> String {
        let screen = problems(&[problem], &|_| Some(text), 100);
        anstream::adapter::strip_str(&screen).to_string()
    }

    #[test]
    fn a_problem_shows_its_line_a_caret_the_other_place_and_a_hint() {
        let text = "kafka:\n  topics:\n    a: {}\n    b: {}\n    a: {}\n";
        let problem = Problem::error(Code::DuplicateKey, "`a` stands twice")
            .at(at(5, 5, (41, 42)))
            .note(at(3, 5, (21, 22)), "it stands here first")
            .hint("keep one of the two");
        insta::assert_snapshot!(screen(text, problem));
    }

    #[test]
    fn tabs_wide_characters_and_line_ends_of_windows_leave_the_caret_right() {
        let text = "\ttopics: 消息\r\n\tmax_agee: 7d\r\n";
        let start = text.find("max_agee").unwrap();
        let problem = Problem::error(Code::UnknownField, "`max_agee` is no field of a stream")
            .at(at(2, 2, (start, start + 8)));
        insta::assert_snapshot!(screen(text, problem));
        let wide = text.find("消").unwrap();
        let problem = Problem::error(Code::BadName, "no").at(at(1, 10, (wide, wide + 6)));
        insta::assert_snapshot!(screen(text, problem));
    }

    #[test]
    fn a_very_long_line_is_shown_around_the_place() {
        let text = format!(
            "a: {}é{}BAD{}",
            "x".repeat(9_000),
            "y".repeat(300),
            "z".repeat(9_000)
        );
        let start = text.find("BAD").unwrap();
        let problem = Problem::error(Code::WrongType, "no").at(at(1, 9_305, (start, start + 3)));
        let screen = screen(&text, problem);
        assert!(screen.contains("a.yaml:1:9305"), "{screen}");
        assert!(screen.contains("BAD") && screen.len() < 400, "{screen}");
    }

    #[test]
    fn a_point_at_the_end_of_the_file_or_beyond_is_no_panic() {
        for (line, column, bytes) in [
            (1, 1, (0, 0)),
            (2, 9, (0, 0)),
            (9, 9, (70, 80)),
            (1, 4, (3, 3)),
        ] {
            for text in ["", "a: b", "a: b\n", "é\n\n"] {
                let problem = Problem::error(Code::YamlSyntax, "no").at(at(line, column, bytes));
                assert!(screen(text, problem).contains("error[yaml-syntax]"));
            }
        }
    }

    #[test]
    fn without_a_place_or_a_text_the_message_says_it_all() {
        let problem = Problem::error(Code::Unreachable, "NATS does not answer at `127.0.0.1:1`")
            .hint("is it running?");
        insta::assert_snapshot!(screen("", problem));
        let unknown = Problem::warning(Code::Dangling, "no such stream").at(at(3, 4, (0, 0)));
        let shown = problems(&[unknown], &|_| None, 100);
        assert!(
            anstream::adapter::strip_str(&shown)
                .to_string()
                .contains("a.yaml:3:4")
        );
    }
}
