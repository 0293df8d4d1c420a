//! Values that hold no others: their type, their unit, what they may be.

use serde_json::Value as Json;

use super::super::complaints::{dollar_hint, type_hint, wanted};
use super::super::node::{Node, Value, short};
use super::super::said::{in_form, said};
use super::super::suggest::nearest;
use super::{Subject, Walk};
use crate::kinds::{Field, Shape};
use crate::model::unit::Unit;
use crate::model::{Code, Problem};

impl Walk<'_> {
    /// The value in the broker's own units; none after a problem.
    pub(super) fn scalar(
        &mut self,
        field: &Field,
        node: &Node,
        path: &str,
        subject: Subject<'_>,
    ) -> Option<Json> {
        let Some(said) = said(field, node) else {
            self.wrong_type(field, node, path, subject);
            return None;
        };
        let wire = match in_form(field, &said).and_then(|()| field.to_wire(&said)) {
            Ok(wire) => wire,
            Err(why) => {
                self.bad_unit(field, node, path, why, subject);
                return None;
            }
        };
        match &field.shape {
            Shape::Choice(words) => self.choice(words, &wire, node, path, subject)?,
            Shape::Integer { min, max } => {
                self.range(field, (*min, *max), &wire, node, path, subject)?;
            }
            _ => {}
        }
        Some(wire)
    }

    fn choice(
        &mut self,
        words: &[String],
        wire: &Json,
        node: &Node,
        path: &str,
        subject: Subject<'_>,
    ) -> Option<()> {
        let word = wire.as_str().unwrap_or_default();
        if words.iter().any(|known| known == word) {
            return Some(());
        }
        let what = format!("`{path}` can't be {}", node.shown());
        let one_of = words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let hint = match nearest(word, words.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? it takes one of {one_of}"),
            None => format!("it takes one of {one_of}"),
        };
        let hint = dollar_hint(node).unwrap_or(hint);
        let problem = Problem::error(Code::UnknownValue, what).hint(hint);
        self.say(node, problem, subject);
        None
    }

    fn range(
        &mut self,
        field: &Field,
        (min, max): (Option<i64>, Option<i64>),
        wire: &Json,
        node: &Node,
        path: &str,
        subject: Subject<'_>,
    ) -> Option<()> {
        let number = match wire {
            Json::Number(number) => number.as_i64(),
            Json::String(digits) => digits.parse().ok(),
            _ => None,
        };
        let is_unsigned = wire.is_u64() && number.is_none() && max.is_none();
        let within = is_unsigned
            || number.is_some_and(|number| {
                field.facts.unlimited.contains(&number)
                    || (min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max))
            });
        if within {
            return Some(());
        }
        let unlimited = match field.facts.unlimited.is_empty() {
            true => "",
            false => ", or `unlimited`",
        };
        let shown = |bound: i64| match field.facts.unit {
            Some(unit) if bound > 0 && bound < i64::MAX => unit.format(bound),
            _ => bound.to_string(),
        };
        let bounds = match (min, max) {
            (Some(min), Some(max)) => format!("from {} to {}", shown(min), shown(max)),
            (Some(1), None) if field.facts.unit.is_some() => "more than 0".to_owned(),
            (Some(min), None) => format!("{} at least", shown(min)),
            (None, Some(max)) => format!("{} at most", shown(max)),
            (None, None) => "a whole number of 64 bits".to_owned(),
        };
        let default = match (number, min) {
            (Some(0), Some(1..)) => left_out(field),
            _ => String::new(),
        };
        let what = format!("`{path}` can't be {}", node.shown());
        let hint = format!("it takes {bounds}{unlimited}{default}");
        let problem = Problem::error(Code::OutOfRange, what).hint(hint);
        self.say(node, problem, subject);
        None
    }

    fn bad_unit(
        &mut self,
        field: &Field,
        node: &Node,
        path: &str,
        why: String,
        subject: Subject<'_>,
    ) {
        let code = match field.facts.unit {
            Some(Unit::Bytes) => Code::BadSize,
            Some(_) => Code::BadDuration,
            None => Code::WrongType,
        };
        let why = match &node.value {
            // what a variable held is never shown
            Value::Expanded(value) if value.text.is_empty() => {
                format!("the value of `{}` is empty", short(&value.written))
            }
            Value::Expanded(_) => format!("{} does not read", node.shown()),
            _ => why,
        };
        let mut hint = match field.facts.unit {
            Some(Unit::Bytes) => "write a number and a unit: `512B`, `64KiB`, `10GiB`, `10MB`",
            _ => "write a number and a unit: `500ms`, `30s`, `2m`, `12h`, `7d`, `1y`",
        }
        .to_owned();
        if !field.facts.unlimited.is_empty() {
            hint.push_str(", or `unlimited`");
        }
        let hint = dollar_hint(node).unwrap_or(hint);
        let problem = Problem::error(code, format!("`{path}`: {why}")).hint(hint);
        self.say(node, problem, subject);
    }

    fn wrong_type(&mut self, field: &Field, node: &Node, path: &str, subject: Subject<'_>) {
        let too_large = matches!((&field.shape, &node.value),
            (Shape::Integer { .. }, Value::Number(digits)) if digits.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'+'));
        let code = if too_large {
            Code::OutOfRange
        } else {
            Code::WrongType
        };
        let what = match too_large {
            true => format!("`{path}` can't be {}: it is beyond 64 bits", node.shown()),
            false => format!("`{path}` takes {}, not {}", wanted(field), node.shown()),
        };
        let mut problem = Problem::error(code, what);
        if let Some(hint) = type_hint(field, node) {
            problem = problem.hint(hint);
        }
        self.say(node, problem, subject);
    }
}

/// The way to the default, for whoever says 0 and means it: a server reads 0 as "not said".
fn left_out(field: &Field) -> String {
    let default = field.facts.default.as_ref().filter(|_| !field.required);
    let said = default.map(|default| match field.to_manifest(default) {
        Json::String(text) => text,
        other => other.to_string(),
    });
    said.map_or_else(String::new, |said| {
        format!("; for the default, `{said}`, leave it out")
    })
}
