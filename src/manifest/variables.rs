//! Variables: `${VAR}`, `${VAR:-default}`, `${VAR:?message}`, `$$`, as in Compose.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::complaints::Surplus;
use super::env_file::EnvFiles;
use super::node::{Entry, Expanded, Files, Map, Node, Value, short};
use super::secret_text::names_secret;
use super::suggest::nearest;
use crate::model::{Code, Problem};

/// Defaults within defaults.
const MOST_DEPTH: usize = 16;
/// What one scalar may grow to.
const MOST_BYTES: usize = 1024 * 1024;
/// What all scalars together may grow to.
const MOST_BYTES_TOGETHER: usize = 16 * 1024 * 1024;
/// Complaints about one scalar.
const MOST_COMPLAINTS: usize = 20;

/// Where variables come from; the earlier wins, as in Compose.
pub(super) struct Variables<'a> {
    pub given: &'a IndexMap<String, String>,
    pub environment: &'a IndexMap<String, String>,
    pub env_files: EnvFiles,
    /// Bytes of all values that came of variables so far.
    pub grown: Cell<usize>,
    /// The names that were asked for so far.
    pub asked: RefCell<BTreeSet<String>>,
}

/// Where values stand, and where what is wrong with their variables goes.
pub(super) struct Telling<'a> {
    pub files: &'a Files,
    pub problems: &'a mut Vec<Problem>,
    pub surplus: &'a mut Surplus,
}

impl Telling<'_> {
    /// Warns of a key in which a variable seems to be meant.
    fn doubt_key(&mut self, key: &str, entry: &Entry) {
        let Some(name) = key.split_once("${").and_then(|(_, after)| {
            let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
            let is_one = after[end..].starts_with(['}', ':', '-', '?', '+']);
            after
                .get(..end)
                .filter(|name| is_one && is_variable_name(name))
        }) else {
            return;
        };
        let what = format!("`${{{name}}}` stands in a key, where no variable is replaced");
        let problem = Problem::warning(Code::Variable, what)
            .at(self.files.place(entry.key))
            .hint("write out what is meant: variables count in values alone");
        self.problems.push(problem);
        self.surplus.bound(self.problems);
    }
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.given
            .get(name)
            .or_else(|| self.environment.get(name))
            .or_else(|| self.env_files.values.get(name))
            .map(String::as_str)
    }

    /// Every variable that is set, each with its value; one name may come more than once.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.given.iter().chain(self.environment);
        all.chain(&self.env_files.values)
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A warning for each variable that was given and that no value asked for.
    pub fn unused(&self) -> Vec<Problem> {
        let asked = self.asked.borrow();
        let unused = self.given.keys().filter(|name| !asked.contains(*name));
        let others = || asked.iter().filter(|name| !self.given.contains_key(*name));
        unused
            .map(|name| {
                let what = format!("`--var {name}` is used nowhere in the manifest");
                let hint = match nearest(name, others().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        format!("write `${{{name}}}` where its value should stand, or leave it out")
                    }
                };
                Problem::warning(Code::Variable, what).hint(hint)
            })
            .collect()
    }

    /// Replaces the variables of every value. Keys stay as they are, with a warning where one looks as if it held some, and so does
    /// what stands under a top-level key that begins with `x-`: it counts where it is used.
    pub fn expand_all(&self, tree: &mut Map, telling: &mut Telling<'_>) {
        for (key, entry) in tree.iter_mut() {
            if !key.starts_with("x-") {
                telling.doubt_key(key, entry);
                let secret = &**key == "connections" || names_secret(key);
                self.expand(&mut entry.node, secret, telling);
            }
        }
    }

    /// The same in one value of a resource.
    pub fn expand_one(&self, node: &mut Node, telling: &mut Telling<'_>) {
        self.expand(node, false, telling);
    }

    /// `secret` says that a complaint can't show the text.
    fn expand(&self, node: &mut Node, secret: bool, telling: &mut Telling<'_>) {
        let mut complaints = Vec::new();
        let replaced = match &mut node.value {
            Value::Text(text) if text.contains('$') => self.replace(text, 0, &mut complaints),
            Value::List(items) => {
                for item in items {
                    self.expand(item, secret, telling);
                }
                return;
            }
            Value::Map(map) => {
                for (key, entry) in map.iter_mut() {
                    telling.doubt_key(key, entry);
                    self.expand_under(key, &mut entry.node, secret, telling);
                }
                return;
            }
            _ => return,
        };
        let Value::Text(written) = &node.value else {
            return;
        };
        let is_broken = replaced.broken || self.is_too_much(&replaced, &mut complaints);
        node.value = match replaced {
            _ if is_broken => Value::Broken,
            Replaced {
                text, any: false, ..
            } => Value::Text(text.into()),
            Replaced { text, .. } => Value::Expanded(Box::new(Expanded {
                text: text.into(),
                written: written.clone(),
            })),
        };
        for complaint in complaints {
            let problem = telling.files.at(node, complaint.problem(secret));
            telling.problems.push(problem);
            telling.surplus.bound(telling.problems);
        }
    }

    /// The same in what stands behind a key. The keys of `metadata` are the user's own, dollars and braces among them.
    fn expand_under(&self, key: &str, node: &mut Node, secret: bool, telling: &mut Telling<'_>) {
        let secret = secret || names_secret(key);
        match &mut node.value {
            Value::Map(map) if key == "metadata" => {
                for (key, entry) in map.iter_mut() {
                    self.expand(&mut entry.node, secret || names_secret(key), telling);
                }
            }
            _ => self.expand(node, secret, telling),
        }
    }

    /// Whether the values have grown too large together; said once.
    fn is_too_much(&self, replaced: &Replaced, complaints: &mut Vec<Complaint>) -> bool {
        if !replaced.any {
            return false;
        }
        let before = self.grown.get();
        self.grown.set(before.saturating_add(replaced.text.len()));
        let is_too_much = self.grown.get() > MOST_BYTES_TOGETHER;
        if is_too_much && before <= MOST_BYTES_TOGETHER {
            complaints.push(Complaint::TooLarge {
                what: format!(
                    "the values of the manifest grow beyond {} MiB when their variables are replaced",
                    MOST_BYTES_TOGETHER >> 20
                ),
            });
        }
        is_too_much
    }

    /// The text with its variables replaced, as far as that can be done.
    fn replace(&self, text: &str, depth: usize, complaints: &mut Vec<Complaint>) -> Replaced {
        let mut out = Replaced::default();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.text.push('$');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                out.any = true;
                let Some(end) = closing(after) else {
                    out.broken = true;
                    complain(complaints, Complaint::written("is not closed", after, ""));
                    return out;
                };
                match self.value(&after[..end], depth, complaints) {
                    Some(value) => out.text.push_str(&value),
                    None => out.broken = true,
                }
                rest = &after[end + 1..];
            } else {
                out.text.push('$');
            }
            if out.text.len() > MOST_BYTES {
                out.broken = true;
                let what = "the value grows beyond 1 MiB when its variables are replaced";
                complain(
                    complaints,
                    Complaint::TooLarge {
                        what: what.to_owned(),
                    },
                );
                return out;
            }
        }
        out.text.push_str(rest);
        out
    }

    /// What stands between the braces, evaluated; none after a complaint, or where an `--env-file`
    /// that was complained of may have set it.
    fn value(&self, inside: &str, depth: usize, complaints: &mut Vec<Complaint>) -> Option<String> {
        if depth > MOST_DEPTH {
            let what = "defaults within defaults, too deep".to_owned();
            complain(complaints, Complaint::TooLarge { what });
            return None;
        }
        let end = inside
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(inside.len());
        let (name, operator) = inside.split_at(end);
        let set = self.get(name);
        let filled = set.filter(|value| !value.is_empty());
        let mut nested = |text: &str| {
            let replaced = self.replace(text, depth + 1, complaints);
            (!replaced.broken).then_some(replaced.text)
        };
        let split = operator
            .strip_prefix(':')
            .map_or((set, operator), |rest| (filled, rest));
        let unset = match (split.0, split.1.chars().next(), split.1.get(1..)) {
            _ if !is_variable_name(name) => Complaint::written("is no variable", inside, "}"),
            (_, None, _) if operator.is_empty() => match set {
                Some(value) => return Some(value.to_owned()),
                None => Complaint::unset(name, "is not set", ""),
            },
            (Some(value), Some('-' | '?'), _) => return Some(value.to_owned()),
            (None, Some('-'), Some(default)) => return nested(default),
            (Some(_), Some('+'), Some(instead)) => return nested(instead),
            (None, Some('+'), _) => return Some(String::new()),
            (None, Some('?'), Some(why)) => match set {
                None => Complaint::unset(name, "is not set", why),
                Some(_) => Complaint::unset(name, "is empty", why),
            },
            _ => Complaint::written("is no variable", inside, "}"),
        };
        let may_be_lost = set.is_none() && self.env_files.may_have_lost(name);
        if !(may_be_lost && matches!(unset, Complaint::Unset { .. })) {
            complain(complaints, unset);
        }
        None
    }
}

fn complain(complaints: &mut Vec<Complaint>, complaint: Complaint) {
    if complaints.len() < MOST_COMPLAINTS && !complaints.contains(&complaint) {
        complaints.push(complaint);
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
    /// Whether there was a variable in it.
    any: bool,
    /// Whether a part of it is missing.
    broken: bool,
}

#[derive(PartialEq)]
enum Complaint {
    Unset {
        what: String,
        name: String,
    },
    /// `shown` is as it stands in the manifest.
    Written {
        shown: String,
        what: &'static str,
    },
    TooLarge {
        what: String,
    },
}

impl Complaint {
    fn unset(name: &str, what: &str, why: &str) -> Self {
        let why = match why {
            "" => String::new(),
            why => format!(": {}", short(why)),
        };
        Complaint::Unset {
            what: format!("`{name}` {what}{why}"),
            name: name.to_owned(),
        }
    }

    fn written(what: &'static str, inside: &str, end: &str) -> Self {
        let shown = format!("${{{}{end}", short(inside));
        Complaint::Written { shown, what }
    }

    /// The problem; where the text may be a `secret`, it is not shown.
    fn problem(self, secret: bool) -> Problem {
        match self {
            Complaint::Unset { what, name } => Problem::error(Code::Variable, what).hint(format!(
                "set it in the environment, with `--var {name}=VALUE` or in an `--env-file`, or give a default: `${{{name}:-default}}`"
            )),
            Complaint::Written { shown, what } => {
                let shown = match (secret, shown.ends_with('}')) {
                    (false, _) => shown,
                    (true, true) => "${…}".to_owned(),
                    (true, false) => "${…".to_owned(),
                };
                Problem::error(Code::Variable, format!("`{shown}` {what}")).hint(
                    "write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; `$$` is a dollar sign",
                )
            }
            Complaint::TooLarge { what } => {
                Problem::error(Code::YamlTooLarge, what).hint("a manifest needs no such thing")
            }
        }
    }
}

/// Whether a variable can have this name: letters, digits and `_`, no digit first.
pub fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
            env_files: EnvFiles {
                values: IndexMap::from([("B".to_owned(), "file".to_owned())]),
                lost: HashSet::from(["LOST".to_owned()]),
                unread: false,
            },
            grown: Cell::default(),
            asked: RefCell::default(),
        };
        let mut complaints = Vec::new();
        let replaced = variables.replace(text, 0, &mut complaints);
        let told: Vec<String> = complaints
            .into_iter()
            .map(|complaint| complaint.problem(false).message)
            .collect();
        match replaced.broken {
            true => Err(told.join(", ")),
            false => Ok(replaced.text),
        }
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
            ("${C}${D:-${E}}${C}", "`C` is not set, `E` is not set"),
            ("${LOST}", ""),
            ("${LOST}${C}", "`C` is not set"),
        ] {
            assert_eq!(replaced(text), Err(wanted.to_owned()), "{text}");
        }
    }
}
