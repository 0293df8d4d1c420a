//! Files of variables, as `--env-file` names them.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;

use super::variables::is_variable_name;
use crate::model::{Code, Place, Problem};

/// Problems of one file; the rest is counted.
const MOST_PROBLEMS: usize = 100;

/// What files of variables hold.
#[derive(Default)]
pub(super) struct EnvFiles {
    pub values: IndexMap<String, String>,
    /// The variables of lines that could not be read.
    pub lost: HashSet<String>,
    /// Whether more than these may be lost: a file could not be read.
    pub unread: bool,
}

impl EnvFiles {
    /// Takes what a later file holds.
    pub fn extend(&mut self, later: EnvFiles) {
        self.values.extend(later.values);
        self.lost.extend(later.lost);
    }

    /// Whether a variable that is not set may stand where something was complained of.
    pub fn may_have_lost(&self, name: &str) -> bool {
        self.unread || self.lost.contains(name)
    }
}

/// Reads a file's text: `NAME=VALUE` a line, `#` comments, `export` and quotes allowed. A complaint
/// shows no value.
pub(super) fn read(name: &str, text: &str, problems: &mut Vec<Problem>) -> EnvFiles {
    let mut all = EnvFiles::default();
    let file: Arc<str> = name.into();
    let (mut start, mut bad) = (0, 0_usize);
    for (line, number) in text.split_inclusive('\n').zip(1_u32..) {
        if let Err((at, problem)) = take(line, &mut all) {
            bad += 1;
            if bad <= MOST_PROBLEMS {
                problems.push(problem.at(place(&file, (start, number), line, at)));
            }
        }
        start += line.len();
    }
    if bad > MOST_PROBLEMS {
        let what = format!("`{name}` has {} bad lines more", bad - MOST_PROBLEMS);
        problems
            .push(Problem::error(Code::Variable, what).hint("is it a file of variables at all?"));
    }
    all
}

fn place(file: &Arc<str>, (start, number): (usize, u32), line: &str, at: usize) -> Place {
    let column = line[..at].chars().count() + 1;
    Place {
        file: file.clone(),
        line: number,
        column: u32::try_from(column).unwrap_or(u32::MAX),
        bytes: (start + at, start + at),
    }
}

/// Takes what a line says.
///
/// # Errors
/// What is wrong with it, and the byte of the line where it is.
fn take(line: &str, all: &mut EnvFiles) -> Result<(), (usize, Problem)> {
    let said = line.trim();
    let said = said.strip_prefix("export ").unwrap_or(said).trim_start();
    if said.is_empty() || said.starts_with('#') {
        return Ok(());
    }
    let at = said.as_ptr().addr() - line.as_ptr().addr();
    let (name, value) = said.split_once('=').unwrap_or((said, ""));
    let name = name.trim();
    if said.contains('=') && is_variable_name(name) {
        let value = value.trim();
        let at = value.as_ptr().addr() - line.as_ptr().addr();
        return match unquoted(value) {
            Ok(value) => {
                all.values.insert(name.to_owned(), value);
                Ok(())
            }
            Err((within, wrong)) => {
                all.lost.insert(name.to_owned());
                Err((at + within, wrong.problem(name)))
            }
        };
    }
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = name.split(|c| !of_name(c)).next().unwrap_or_default();
    all.lost.insert(first.to_owned());
    let problem = Problem::error(Code::Variable, "this line is no `NAME=VALUE`")
        .hint("a name is of letters, digits and `_`; a comment begins with `#`");
    Err((at, problem))
}

/// What is wrong with a value.
enum Wrong {
    Unclosed,
    Behind,
    Nul,
}

impl Wrong {
    fn problem(&self, name: &str) -> Problem {
        let (what, hint) = match self {
            Wrong::Unclosed => (
                format!("the quote of `{name}` is not closed on its line"),
                "close it; a line break in a value is written `\\n` in double quotes",
            ),
            Wrong::Behind => (
                format!("text stands behind the closing quote of `{name}`"),
                "put all of the value in one pair of quotes; in double ones, `\\\"` is a quote",
            ),
            Wrong::Nul => (
                format!("the value of `{name}` holds a NUL byte"),
                "is it a file of variables at all?",
            ),
        };
        Problem::error(Code::Variable, what).hint(hint)
    }
}

/// A value without its quotes and its comment.
///
/// # Errors
/// What is wrong, and at which byte.
fn unquoted(value: &str) -> Result<String, (usize, Wrong)> {
    if let Some(nul) = value.find('\0') {
        return Err((nul, Wrong::Nul));
    }
    let (said, behind) = match value.chars().next() {
        Some('\'') => single_quoted(&value[1..]),
        Some('"') => double_quoted(&value[1..]),
        _ => {
            let end = value.find(" #").unwrap_or(value.len());
            return Ok(value[..end].trim_end().to_owned());
        }
    }
    .ok_or((0, Wrong::Unclosed))?;
    let after = behind.trim_start();
    match after.is_empty() || (after.starts_with('#') && after.len() < behind.len()) {
        true => Ok(said),
        false => Err((value.len() - behind.len(), Wrong::Behind)),
    }
}

/// What stands before the closing quote, and behind it.
fn single_quoted(rest: &str) -> Option<(String, &str)> {
    let (value, behind) = rest.split_once('\'')?;
    Some((value.to_owned(), behind))
}

/// What stands before the closing quote, its escapes resolved, and behind it.
fn double_quoted(rest: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                c @ ('"' | '\\') => value.push(c),
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_env_file() {
        let text = "# c\nA=1\nexport B='x # y'\nC=\"a\\nb\" \n\nD=x # c\r\nno line\nE=\n";
        let mut problems = Vec::new();
        let read = read("x.env", text, &mut problems).values;
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            read,
            [
                ("A", "1"),
                ("B", "x # y"),
                ("C", "a\nb"),
                ("D", "x"),
                ("E", "")
            ]
        );
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place.as_ref().map(|p| p.line), Some(7));
    }

    #[test]
    fn quotes_of_an_env_file() {
        let text = "A=\"x\" # c\nB=\"CANARY\nC='CANARY\nD=\"a\\\\n\\\"\"\n";
        let mut problems = Vec::new();
        let read = read("x.env", text, &mut problems).values;
        assert_eq!((read["A"].as_str(), read["D"].as_str()), ("x", "a\\n\""));
        let lines: Vec<_> = problems
            .iter()
            .map(|p| p.place.as_ref().unwrap().line)
            .collect();
        assert_eq!(lines, [2, 3]);
        assert!(!format!("{problems:?}").contains("CANARY"));
    }

    #[test]
    fn what_stands_behind_a_quote_and_what_is_no_text() {
        let text = "A=\"abc\"CANARY\nB='x' y # c\nC='x'# c\n D=\"x\"\t # c\nE=a\0b\nP x\n";
        let mut problems = Vec::new();
        let read = read("x.env", text, &mut problems);
        assert_eq!(
            read.values,
            IndexMap::from([("D".to_owned(), "x".to_owned())])
        );
        let places: Vec<_> = problems
            .iter()
            .map(|p| p.place.as_ref().map(|p| (p.line, p.column)).unwrap())
            .collect();
        assert_eq!(places, [(1, 8), (2, 6), (3, 6), (5, 4), (6, 1)]);
        assert!(
            ["A", "B", "C", "E", "P"]
                .into_iter()
                .all(|name| read.may_have_lost(name))
        );
        assert!(!read.may_have_lost("D") && !format!("{problems:?}").contains("CANARY"));
    }

    #[test]
    fn a_flood_of_bad_lines_is_counted() {
        let mut problems = Vec::new();
        read("x.env", &"x\n".repeat(200_000), &mut problems);
        assert_eq!(problems.len(), 101);
        assert!(problems[100].message.contains("199900 bad lines more"));
    }
}
