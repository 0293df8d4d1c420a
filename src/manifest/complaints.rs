//! The words of structural complaints.

use super::node::{Node, Value, short};
use super::secret_text::shown_key;
use super::variables::is_variable_name;
use crate::kinds::{Facts, Field, Shape};
use crate::model::unit::Unit;
use crate::model::{Code, Problem, Severity, Tally};

/// Problems that are kept in memory while a manifest is checked.
const MOST_KEPT: usize = 5_000;
/// Where there are more, it goes down to so many at once: choosing looks at each.
const KEPT: usize = MOST_KEPT / 2;

/// The problems beyond what is kept: a manifest of bad intent has millions.
#[derive(Default)]
pub(super) struct Surplus(pub Tally);

impl Surplus {
    /// Counts what another counted.
    pub fn add(&mut self, other: &Surplus) {
        self.0 = self.0.plus(other.0);
    }

    /// Drops what is too much.
    pub fn bound(&mut self, problems: &mut Vec<Problem>) {
        if problems.len() > MOST_KEPT {
            self.0 = self.0.plus(cut(problems, KEPT));
        }
    }
}

/// Drops what is beyond so many and tells what that was: no warning takes the place of an error. The order stays.
pub(super) fn cut(problems: &mut Vec<Problem>, most: usize) -> Tally {
    let all = Tally::of(problems);
    let mut errors = most.min(all.errors);
    let mut warnings = most - errors;
    problems.retain(|problem| {
        let room = match problem.severity {
            Severity::Error => &mut errors,
            Severity::Warning => &mut warnings,
        };
        let fits = *room > 0;
        *room = room.saturating_sub(1);
        fits
    });
    all.minus(Tally::of(problems))
}

/// `key` is not one of the fields of `whole`.
pub(super) fn unknown_field(whole: &str, key: &str, near: Option<&str>) -> Problem {
    let what = format!("{whole} has no field `{}`", shown_key(key));
    let problem = Problem::error(Code::UnknownField, what);
    if let Some((name, _)) = key.split_once([':', '=']) {
        let name = short(name);
        return problem.hint(format!(
            "write `{name}: ...`, with a blank behind the colon"
        ));
    }
    match near {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// Whether a rule's problem may come of the fields that a resource lost to other problems: of
/// contradictions, those that name one of them.
pub(super) fn follows(problem: &Problem, lost: &[String]) -> bool {
    let hint = problem.hint.as_deref().unwrap_or_default();
    match problem.code {
        Code::Dangling | Code::MissingField => true,
        Code::Contradiction => named(&problem.message)
            .chain(named(hint))
            .any(|name| lost.iter().any(|path| is_same(name, path))),
        _ => false,
    }
}

/// What stands in backquotes, without a value behind it.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|quoted| quoted.split([':', ' ']).next())
}

/// Whether they are one field, one holds the other, or both are forms of one (`filter_subject`,
/// `filter_subjects`). Topics' properties are named without `config`.
fn is_same(name: &str, path: &str) -> bool {
    let path = path.strip_prefix("config.").unwrap_or(path);
    let holds = |whole: &str, part: &str| {
        part.strip_prefix(whole)
            .is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    name.trim_end_matches('s') == path.trim_end_matches('s')
        || holds(name, path)
        || holds(path, name)
}

/// What a field takes, for messages.
pub(super) fn wanted(field: &Field) -> String {
    let Facts {
        unit, unlimited, ..
    } = &field.facts;
    let base = match (&field.shape, unit) {
        (_, Some(Unit::Bytes)) => "a size".to_owned(),
        (_, Some(_)) => "a duration".to_owned(),
        (_, None) if field.facts.single => "one value".to_owned(),
        (Shape::Bool, None) => "`true` or `false`".to_owned(),
        (Shape::Integer { .. }, None) => "a whole number".to_owned(),
        (Shape::Number, None) => "a number".to_owned(),
        (Shape::Text, None) => "text".to_owned(),
        (Shape::Choice(words), None) => format!("one of `{}`", words.join("`, `")),
        (Shape::List(item), None) => format!("a list, each {}", wanted(item)),
        (Shape::Object(_) | Shape::Map(_), None) => "a map".to_owned(),
        (Shape::Other(_), None) => "text, a number, `true` or `false`, or a list".to_owned(),
    };
    match unlimited.is_empty() {
        true => base,
        false => format!("{base} or `unlimited`"),
    }
}

/// What to write in place of `$NAME`, which is no variable here.
pub(super) fn dollar_hint(node: &Node) -> Option<String> {
    let Value::Text(text) = &node.value else {
        return None;
    };
    let name = text
        .strip_prefix('$')
        .filter(|name| is_variable_name(name))?;
    Some(format!("a variable is written `${{{name}}}`"))
}

pub(super) fn type_hint(field: &Field, node: &Node) -> Option<String> {
    if let Some(hint) = dollar_hint(node) {
        return Some(hint);
    }
    if let Some(hint) = one_in_a_list(field, node) {
        return Some(hint);
    }
    match (&field.shape, &node.value) {
        (_, Value::Expanded(_)) => Some(format!(
            "set the variable, or its default, to {}",
            wanted(field)
        )),
        (Shape::Choice(words), Value::Bool(_) | Value::Integer(_) | Value::Number(_))
            if !words
                .iter()
                .any(|word| *word == node.shown().trim_matches('`')) =>
        {
            None
        }
        (Shape::Text | Shape::Choice(_), Value::Bool(_) | Value::Integer(_)) => Some(format!(
            "put it in quotes: \"{}\"",
            node.shown().trim_matches('`')
        )),
        (Shape::Text | Shape::Choice(_), Value::Number(digits)) => {
            Some(format!("put it in quotes: \"{digits}\""))
        }
        (Shape::Bool, Value::Text(text)) => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" | "true" => Some("write `true`".to_owned()),
            "no" | "off" | "n" | "false" => Some("write `false`".to_owned()),
            _ => None,
        },
        (Shape::Integer { .. }, Value::Text(text)) if text.parse::<i64>().is_ok() => {
            let digits = text.trim_start_matches(['-', '+']);
            let has_zero = digits.len() > 1 && digits.starts_with('0');
            let number = text.parse::<i64>().unwrap_or_default();
            Some(match has_zero {
                true => format!("write it without the zero in front: `{number}`"),
                false => format!("the quotes make it a text; take them away: `{text}`"),
            })
        }
        (Shape::Integer { .. }, Value::Text(text) | Value::Number(text))
            if field.facts.unit.is_none() && text.contains(|c: char| !c.is_ascii_digit()) =>
        {
            Some("write a whole number, such as `3`".to_owned())
        }
        (Shape::List(_), Value::Text(text)) => Some(format!("write `[{}]`", short(text))),
        _ => None,
    }
}

/// The way out where a list stands though there is but one value.
fn one_in_a_list(field: &Field, node: &Node) -> Option<String> {
    let is_list = matches!(
        field.shape,
        Shape::List(_) | Shape::Object(_) | Shape::Map(_)
    );
    let Value::List(items) = &node.value else {
        return None;
    };
    let is_plain = |item: &Node| !matches!(item.value, Value::List(_) | Value::Map(_));
    match items.as_slice() {
        _ if is_list => None,
        [only] if is_plain(only) => Some(format!("write it without brackets: {}", only.shown())),
        _ => Some("write one value, without brackets".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::kind;
    use crate::manifest::node::Spot;
    use crate::model::KindName;

    #[test]
    fn an_error_behind_a_crowd_of_warnings_is_kept_in_its_place() {
        let warnings = |count| (0..count).map(|_| Problem::warning(Code::UnknownField, "w"));
        let error = |what: &str| Problem::error(Code::WrongType, what);
        let mut all: Vec<Problem> = warnings(3).chain([error("a")]).collect();
        all.extend(warnings(2).chain([error("b")]));
        let told = |all: &[Problem]| all.iter().map(|p| p.message.clone()).collect::<String>();
        let left_out = |errors, warnings| Tally { errors, warnings };
        assert_eq!(cut(&mut all, 4), left_out(0, 3));
        assert_eq!(told(&all), "wwab");
        assert_eq!(cut(&mut all, 1), left_out(1, 2));
        assert_eq!(told(&all), "a");
        let mut flood: Vec<Problem> = warnings(MOST_KEPT).chain([error("a")]).collect();
        let mut surplus = Surplus::default();
        surplus.bound(&mut flood);
        assert_eq!(surplus.0, left_out(0, MOST_KEPT + 1 - KEPT));
        assert!(told(&flood).ends_with("wa"));
    }

    #[test]
    fn quotes_are_for_what_would_be_taken_in_them() {
        let stream = kind(KindName::Stream).unwrap().declaration();
        let hint = |field: &str| {
            let node = Node::new(
                Value::Bool(true),
                Spot {
                    file: 0,
                    line: 1,
                    column: 1,
                    start: 0,
                    end: 0,
                },
            );
            type_hint(&stream.field(field).unwrap(), &node)
        };
        assert_eq!(hint("compression"), None);
        assert_eq!(
            hint("description").as_deref(),
            Some("put it in quotes: \"true\"")
        );
    }
}
