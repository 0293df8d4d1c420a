//! Variables: `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, `$$`, as in Compose.

use std::sync::Arc;

use indexmap::IndexMap;

use super::node::{Expanded, Files, Map, Node, Value, short};
use super::syntax::place_of;
use crate::model::{Code, Problem};

/// Defaults within defaults.
const MOST_DEPTH: usize = 16;
/// What one scalar may grow to.
const MOST_BYTES: usize = 1024 * 1024;

/// Where variables come from; the earlier wins, as in Compose.
pub(super) struct Variables<'a> {
    pub given: &'a IndexMap<String, String>,
    pub environment: &'a IndexMap<String, String>,
    pub env_files: IndexMap<String, String>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.given
            .get(name)
            .or_else(|| self.environment.get(name))
            .or_else(|| self.env_files.get(name))
            .map(String::as_str)
    }

    /// Replaces the variables of every value. Keys stay as they are, and so does what stands under
    /// a top-level key that begins with `x-`: it counts where it is used.
    pub fn expand_all(&self, tree: &mut Map, files: &Files, problems: &mut Vec<Problem>) {
        for (key, entry) in tree.iter_mut() {
            if !key.starts_with("x-") {
                self.expand(&mut entry.node, files, problems);
            }
        }
    }

    fn expand(&self, node: &mut Node, files: &Files, problems: &mut Vec<Problem>) {
        let replaced = match &mut node.value {
            Value::Text(text) if text.contains('$') => self.replace(text, 0),
            Value::List(items) => {
                for item in items {
                    self.expand(item, files, problems);
                }
                return;
            }
            Value::Map(map) => {
                self.expand_map(map, files, problems);
                return;
            }
            _ => return,
        };
        let Value::Text(written) = &node.value else {
            return;
        };
        node.value = match replaced {
            Ok(Replaced { text, any: false }) => Value::Text(text.into()),
            Ok(Replaced { text, any: true }) => Value::Expanded(Box::new(Expanded {
                text: text.into(),
                written: written.clone(),
            })),
            Err(complaint) => {
                problems.push(files.at(node, complaint.problem()));
                Value::Broken
            }
        };
    }

    fn expand_map(&self, map: &mut Map, files: &Files, problems: &mut Vec<Problem>) {
        for entry in map.values_mut() {
            self.expand(&mut entry.node, files, problems);
        }
    }

    fn replace(&self, text: &str, depth: usize) -> Result<Replaced, Complaint> {
        let mut out = Replaced::default();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.text.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let end = closing(after).ok_or_else(|| {
                    Complaint::new(format!("`${{{}` is not closed", short(after)))
                })?;
                out.text.push_str(&self.value(&after[..end], depth)?);
                out.any = true;
                rest = &after[end + 1..];
            } else {
                out.text.push('$');
            }
            if out.text.len() > MOST_BYTES {
                return Err(Complaint::new(
                    "the value grows beyond 1 MiB when its variables are replaced".to_owned(),
                ));
            }
        }
        out.text.push_str(rest);
        Ok(out)
    }

    /// What stands between the braces, evaluated.
    fn value(&self, inside: &str, depth: usize) -> Result<String, Complaint> {
        if depth > MOST_DEPTH {
            return Err(Complaint::new(
                "defaults within defaults, too deep".to_owned(),
            ));
        }
        let end = inside
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(inside.len());
        let (name, operator) = inside.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(badly_written(inside));
        }
        let set = self.get(name);
        let filled = set.filter(|value| !value.is_empty());
        let nested = |text: &str| self.replace(text, depth + 1).map(|replaced| replaced.text);
        let split = operator
            .strip_prefix(':')
            .map_or((set, operator), |rest| (filled, rest));
        match (split.0, split.1.chars().next(), split.1.get(1..)) {
            (_, None, _) if operator.is_empty() => {
                set.map(str::to_owned).ok_or_else(|| unset(name))
            }
            (Some(value), Some('-' | '?'), _) => Ok(value.to_owned()),
            (None, Some('-'), Some(default)) => nested(default),
            (None, Some('?'), Some(message)) => Err(Complaint {
                what: match (set, message) {
                    (None, "") => format!("`{name}` is not set"),
                    (None, message) => format!("`{name}` is not set: {}", short(message)),
                    (Some(_), "") => format!("`{name}` is empty"),
                    (Some(_), message) => format!("`{name}` is empty: {}", short(message)),
                },
                name: Some(name.to_owned()),
            }),
            (Some(_), Some('+'), Some(instead)) => nested(instead),
            (None, Some('+'), _) => Ok(String::new()),
            _ => Err(badly_written(inside)),
        }
    }
}

/// The end of what a brace opens; braces of variables inside are skipped.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

#[derive(Default)]
struct Replaced {
    text: String,
    any: bool,
}

struct Complaint {
    what: String,
    name: Option<String>,
}

impl Complaint {
    fn new(what: String) -> Self {
        Complaint { what, name: None }
    }

    fn problem(self) -> Problem {
        let hint = match self.name {
            Some(name) => format!(
                "set it in the environment, with `--var {name}=VALUE` or in an `--env-file`, or give a default: `${{{name}:-default}}`"
            ),
            None => {
                "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; `$$` is a dollar sign"
                    .to_owned()
            }
        };
        Problem::error(Code::Variable, self.what).hint(hint)
    }
}

fn unset(name: &str) -> Complaint {
    Complaint {
        what: format!("`{name}` is not set"),
        name: Some(name.to_owned()),
    }
}

fn badly_written(inside: &str) -> Complaint {
    Complaint::new(format!("`${{{}}}` is no variable", short(inside)))
}

/// Reads the text of an `--env-file`: `NAME=VALUE` a line, `#` comments, `export` and quotes allowed.
pub(super) fn read_env_file(
    name: &str,
    text: &str,
    problems: &mut Vec<Problem>,
) -> IndexMap<String, String> {
    let mut variables = IndexMap::new();
    let file: Arc<str> = name.into();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let said = line.trim();
        let said = said.strip_prefix("export ").unwrap_or(said);
        match said.split_once('=') {
            _ if said.is_empty() || said.starts_with('#') => {}
            Some((name, value)) if is_variable_name(name.trim()) => match unquoted(value.trim()) {
                Some(value) => {
                    variables.insert(name.trim().to_owned(), value);
                }
                None => problems.push(
                    Problem::error(
                        Code::Variable,
                        format!("the quote of `{}` is not closed on its line", name.trim()),
                    )
                    .at(place_of(&file, text, start))
                    .hint("close it; a line break in a value is written `\\n` in double quotes"),
                ),
            },
            _ => problems.push(
                Problem::error(Code::Variable, "this line is no `NAME=VALUE`")
                    .at(place_of(&file, text, start))
                    .hint("a name is of letters, digits and `_`; a comment begins with `#`"),
            ),
        }
        start += line.len();
    }
    variables
}

/// Whether a variable can have this name: letters, digits and `_`, no digit first.
pub fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A value without its quotes and its comment; none when a quote is not closed.
fn unquoted(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        return rest.split_once('\'').map(|(value, _)| value.to_owned());
    }
    if let Some(rest) = value.strip_prefix('"') {
        return double_quoted(rest);
    }
    Some(match value.find(" #") {
        Some(comment) => value[..comment].trim_end().to_owned(),
        None => value.to_owned(),
    })
}

/// What stands before the closing quote, its escapes resolved.
fn double_quoted(rest: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(value),
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

    fn replaced(text: &str) -> Result<String, String> {
        let given = IndexMap::from([("A".to_owned(), "1".to_owned())]);
        let environment = IndexMap::from([
            ("A".to_owned(), "2".to_owned()),
            ("EMPTY".to_owned(), String::new()),
            ("B".to_owned(), "b".to_owned()),
        ]);
        let variables = Variables {
            given: &given,
            environment: &environment,
            env_files: IndexMap::from([("B".to_owned(), "file".to_owned())]),
        };
        variables
            .replace(text, 0)
            .map(|replaced| replaced.text)
            .map_err(|complaint| complaint.what)
    }

    #[test]
    fn the_forms_of_compose() {
        for (text, wanted) in [
            ("${A}", "1"),
            ("x-${A}-${B}", "x-1-b"),
            ("${C:-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${C:-${D:-${A}}}", "1"),
            ("${C:-}", ""),
            ("${A:+yes}", "yes"),
            ("${C:+yes}", ""),
            ("${A:?needed}", "1"),
            ("$$", "$"),
            ("$${A}", "${A}"),
            ("$JS.API.>", "$JS.API.>"),
            ("$$JS.API.>", "$JS.API.>"),
            ("cost: 5$", "cost: 5$"),
        ] {
            assert_eq!(replaced(text), Ok(wanted.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_unset_or_badly_written() {
        for (text, wanted) in [
            ("${C}", "`C` is not set"),
            ("${C:?ask Bob}", "`C` is not set: ask Bob"),
            ("${EMPTY:?}", "`EMPTY` is empty"),
            ("${EMPTY:?why}", "`EMPTY` is empty: why"),
            ("${A", "`${A` is not closed"),
            ("${}", "`${}` is no variable"),
            ("${A B}", "`${A B}` is no variable"),
            ("${1A}", "`${1A}` is no variable"),
        ] {
            assert_eq!(replaced(text), Err(wanted.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_env_file() {
        let text = "# c\nA=1\nexport B='x # y'\nC=\"a\\nb\" \n\nD=x # c\r\nno line\nE=\n";
        let mut problems = Vec::new();
        let read = read_env_file("x.env", text, &mut problems);
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
        let read = read_env_file("x.env", text, &mut problems);
        assert_eq!((read["A"].as_str(), read["D"].as_str()), ("x", "a\\n\""));
        let lines: Vec<_> = problems
            .iter()
            .map(|p| p.place.as_ref().unwrap().line)
            .collect();
        assert_eq!(lines, [2, 3]);
        assert!(!format!("{problems:?}").contains("CANARY"));
    }
}
