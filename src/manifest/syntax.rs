//! Syntax errors of the parser as problems.

use std::sync::Arc;

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use super::yaml::{MOST_DEPTH, saturated};
use crate::model::{Code, Place, Problem};

/// What the parser complains of, at its place in the text.
pub(super) fn problem(error: &ScanError, name: &Arc<str>, text: &str) -> Problem {
    let before = before(error, text);
    let syntax = |at: usize, what: &str, hint: &str| {
        Problem::error(Code::YamlSyntax, what)
            .at(place_of(name, text, at))
            .hint(hint)
    };
    if let Some(tab) = tab(error, text) {
        return syntax(
            tab,
            "a tab can't indent",
            "indent with spaces, never with tabs",
        );
    }
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            let what = format!("more than {MOST_DEPTH} levels deep");
            Problem::error(Code::YamlTooLarge, what)
                .at(place_of(name, text, before.len()))
                .hint("a manifest needs no such thing")
        }
        _ if before.ends_with("${") || before.ends_with('$') => syntax(
            before.len(),
            "inside of `{ }` and `[ ]`, a variable stands in quotes",
            "write `\"${NAME}\"`",
        ),
        _ if star(before, text).is_some() => syntax(
            star(before, text).unwrap_or(before.len()),
            "`*` without quotes begins the name of an anchor, and none follows",
            "put it in quotes: `\"*\"`",
        ),
        _ => syntax(
            before.len(),
            &lower_first(&error.info()),
            "repair the line that the caret shows",
        ),
    }
}

/// The `*` at which an error stands.
fn star(before: &str, text: &str) -> Option<usize> {
    match text[before.len()..].starts_with('*') {
        true => Some(before.len()),
        false => before.ends_with('*').then(|| before.len() - 1),
    }
}

/// What no line of a manifest holds. YAML ends a line at a CR alone, editors and the rest of this
/// tool don't: the lines would be counted in two ways.
pub(super) fn no_text(name: &Arc<str>, text: &str) -> Option<Problem> {
    if !holds_any(text, [b'\0', b'\r']) {
        return None;
    }
    let at = |byte| place_of(name, text, byte);
    if let Some(byte) = text.find('\0') {
        return Some(Problem::error(Code::YamlSyntax, "a NUL byte: this is no text").at(at(byte)));
    }
    let mut returns = text.match_indices('\r').map(|(byte, _)| byte);
    let alone = returns.find(|byte| text.as_bytes().get(byte + 1) != Some(&b'\n'))?;
    let what = "a CR without an LF: line ends are LF or CRLF";
    let hint = "save the file with LF line ends, or write `\"\\r\"` where a text holds a CR";
    Some(
        Problem::error(Code::YamlSyntax, what)
            .at(at(alone))
            .hint(hint),
    )
}

/// Whether one of two ASCII characters is in a text; made to be compiled to vectors.
pub(super) fn holds_any(text: &str, [one, other]: [u8; 2]) -> bool {
    let is_in = |part: &[u8]| {
        let holds = |any, byte: &u8| any | (*byte == one) | (*byte == other);
        part.iter().fold(false, holds)
    };
    text.as_bytes().chunks(4096).any(is_in)
}

/// The tab that is the cause of an error, whatever was said.
pub(super) fn tab(error: &ScanError, text: &str) -> Option<usize> {
    tab_in_indentation(text, before(error, text))
}

fn before<'t>(error: &ScanError, text: &'t str) -> &'t str {
    let at = error.marker().byte_offset().unwrap_or(text.len());
    text.get(..at).unwrap_or(text)
}

/// A tab in the indentation of the error's line, or of the next that is not blank: it is the cause,
/// whatever was said. A plain scalar that goes on over a tab is complained of where it begins.
fn tab_in_indentation(text: &str, before: &str) -> Option<usize> {
    let mut start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let mut is_next = false;
    for line in text[start..].split_inclusive('\n') {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indentation].find('\t') {
            return Some(start + tab);
        }
        if is_next && !line.trim().is_empty() {
            return None;
        }
        is_next = true;
        start += line.len();
    }
    None
}

/// The place of a byte of a text.
pub(super) fn place_of(name: &Arc<str>, text: &str, byte: usize) -> Place {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place {
        file: name.clone(),
        line: saturated(before.matches('\n').count() + 1),
        column: saturated(before[line_start..].chars().count() + 1),
        bytes: (before.len(), before.len()),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
