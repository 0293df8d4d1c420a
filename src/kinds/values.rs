//! Values of a field: from manifest to wire, from wire to manifest, and compared.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Number, Value};

use super::declaration::{Declaration, Field, Shape};
use super::facts::{Compare, Facts};
use crate::model::Doc;
use crate::model::unit::Unit;

/// The word for "no limit".
const UNLIMITED: &str = "unlimited";

impl Field {
    /// The value in the broker's own units: `7d` becomes nanoseconds, `unlimited` its number.
    ///
    /// # Errors
    /// Says what is wrong with the value when it is no duration or size, or `unlimited` is not
    /// something the field can be.
    pub fn to_wire(&self, value: &Value) -> Result<Value, String> {
        match (&self.shape, value) {
            (Shape::List(item), Value::Array(items)) => {
                items.iter().map(|value| item.to_wire(value)).collect()
            }
            (Shape::Object(inner), Value::Object(object)) => {
                inner.to_wire(object).map(Value::Object)
            }
            (Shape::Map(entry), Value::Object(object)) => object
                .iter()
                .map(|(key, value)| Ok((key.clone(), self.entry_of(entry, key).to_wire(value)?)))
                .collect::<Result<Doc, String>>()
                .map(Value::Object),
            _ => self.scalar_to_wire(value),
        }
    }

    fn scalar_to_wire(&self, value: &Value) -> Result<Value, String> {
        let Value::String(text) = value else {
            return Ok(if self.facts.text {
                Value::String(plain_text(value))
            } else {
                value.clone()
            });
        };
        let number = if text == UNLIMITED {
            match (self.facts.unlimited.first(), self.facts.unit) {
                (Some(number), _) => *number,
                (None, Some(_)) => {
                    return Err("`unlimited` is not something this field can be".into());
                }
                (None, None) => return Ok(value.clone()),
            }
        } else {
            match self.facts.unit {
                Some(unit) => match text.parse::<i64>() {
                    Ok(number) => number,
                    Err(_) => unit.parse(text)?,
                },
                None => return Ok(value.clone()),
            }
        };
        Ok(if self.facts.text {
            Value::String(number.to_string())
        } else {
            number.into()
        })
    }

    /// The value as a manifest says it: a duration or size with its unit, `unlimited` by its word.
    pub fn to_manifest(&self, value: &Value) -> Value {
        match (&self.shape, value) {
            (Shape::List(item), Value::Array(items)) => {
                items.iter().map(|value| item.to_manifest(value)).collect()
            }
            (Shape::Object(inner), Value::Object(object)) => {
                Value::Object(inner.to_manifest(object))
            }
            (Shape::Map(entry), Value::Object(object)) => Value::Object(
                object
                    .iter()
                    .map(|(key, value)| (key.clone(), self.entry_of(entry, key).to_manifest(value)))
                    .collect(),
            ),
            _ => self.scalar_to_manifest(value),
        }
    }

    fn scalar_to_manifest(&self, value: &Value) -> Value {
        let Some(number) = whole_number(value, self.facts.text) else {
            return value.clone();
        };
        if self.facts.unlimited.contains(&number) {
            return UNLIMITED.into();
        }
        match self.facts.unit {
            Some(unit) => said(unit, number).map_or_else(|| value.clone(), Value::from),
            None => value.clone(),
        }
    }

    /// The value without what its own fields would mean anyway, were they left out.
    pub fn terse(&self, value: &Value) -> Value {
        match (&self.shape, value) {
            (Shape::List(item), Value::Array(items)) => {
                items.iter().map(|value| item.terse(value)).collect()
            }
            (Shape::Object(inner), Value::Object(object)) => Value::Object(inner.terse(object)),
            _ => value.clone(),
        }
    }

    /// Whether two wire values mean the same; `None` stands for an absent field.
    pub fn same(&self, left: Option<&Value>, right: Option<&Value>) -> bool {
        self.canonical(left) == self.canonical(right)
    }

    /// The form in which equal values are equal: defaults filled in, sets sorted, text parsed.
    /// None when the field is absent and has no default.
    pub fn canonical(&self, value: Option<&Value>) -> Option<Value> {
        let value = value
            .filter(|value| !value.is_null())
            .or(self.facts.default.as_ref())?;
        Some(match (&self.shape, value) {
            (Shape::List(item), Value::Array(items)) => {
                let items = items
                    .iter()
                    .filter_map(|value| item.canonical(Some(value)))
                    .collect();
                if self.facts.compare == Compare::Set {
                    sorted(items)
                } else {
                    Value::Array(items)
                }
            }
            (Shape::Object(inner), Value::Object(object)) => Value::Object(inner.canonical(object)),
            _ => canonical_scalar(&self.facts, value),
        })
    }

    fn entry_of(&self, entry: &Field, key: &str) -> Field {
        match self.entry_facts {
            Some(facts) => Field {
                facts: facts(key),
                ..entry.clone()
            },
            None => entry.clone(),
        }
    }
}

impl Declaration {
    /// Every known field of the document in the broker's own units.
    ///
    /// # Errors
    /// As [`Field::to_wire`], with the field's name before it.
    pub fn to_wire(&self, doc: &Doc) -> Result<Doc, String> {
        doc.iter()
            .map(|(name, value)| {
                let value = match self.fields.get(name) {
                    Some(field) => field
                        .to_wire(value)
                        .map_err(|why| format!("{name}: {why}"))?,
                    None => value.clone(),
                };
                Ok((name.clone(), value))
            })
            .collect()
    }

    /// Every known field of the document as a manifest says it.
    pub fn to_manifest(&self, doc: &Doc) -> Doc {
        doc.iter()
            .map(|(name, value)| {
                let value = self
                    .fields
                    .get(name)
                    .map_or_else(|| value.clone(), |f| f.to_manifest(value));
                (name.clone(), value)
            })
            .collect()
    }

    fn terse(&self, object: &Doc) -> Doc {
        let terse = |(name, value): (&String, &Value)| match self.fields.get(name) {
            Some(field) => {
                let tells = field.required || !field.same(Some(value), None);
                tells.then(|| (name.clone(), field.terse(value)))
            }
            None => Some((name.clone(), value.clone())),
        };
        object.iter().filter_map(terse).collect()
    }

    /// The object with defaults and absent fields told alike; unknown fields are kept.
    fn canonical(&self, object: &Doc) -> Doc {
        let mut known: Doc = self
            .fields
            .iter()
            .filter_map(|(name, field)| Some((name.clone(), field.canonical(object.get(name))?)))
            .collect();
        for (name, value) in object {
            if !self.fields.contains_key(name) {
                known.insert(name.clone(), value.clone());
            }
        }
        known.sort_keys();
        known
    }
}

fn canonical_scalar(facts: &Facts, value: &Value) -> Value {
    match (facts.compare, value) {
        (Compare::Instant, Value::String(text)) => text
            .parse::<Timestamp>()
            .map_or_else(|_| value.clone(), |instant| instant.to_string().into()),
        (Compare::Percent, Value::String(text)) => text.trim_end_matches('%').into(),
        (Compare::TextSet, Value::String(text)) => sorted(
            text.split(',')
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(Value::from)
                .collect(),
        ),
        _ => match whole_number(value, facts.text) {
            Some(number) if facts.unlimited.contains(&number) => UNLIMITED.into(),
            Some(number) => number.into(),
            None if facts.text => canonical_text(value),
            None => value.clone(),
        },
    }
}

/// Text of the wire that is a boolean or a fraction, as what it is.
fn canonical_text(value: &Value) -> Value {
    let Value::String(text) = value else {
        return value.clone();
    };
    match text.trim() {
        t if t.eq_ignore_ascii_case("true") => true.into(),
        t if t.eq_ignore_ascii_case("false") => false.into(),
        t => match t.parse::<f64>() {
            Ok(fraction) => number(fraction).map_or_else(|| value.clone(), Value::Number),
            Err(_) => value.clone(),
        },
    }
}

/// A fraction as a number; one without a rest as a whole one: a broker says `1.0` where a manifest says `1`.
fn number(fraction: f64) -> Option<Number> {
    match fraction.to_string().parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => Number::from_f64(fraction),
    }
}

/// The number with its unit; none for one that does not read back (below zero, or a duration
/// beyond some 20,000 years), which stays a plain number.
fn said(unit: Unit, number: i64) -> Option<String> {
    let text = (number >= 0).then(|| unit.format(number))?;
    (unit.parse(&text) == Ok(number)).then_some(text)
}

fn whole_number(value: &Value, text: bool) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(digits) if text => digits.trim().parse().ok(),
        _ => None,
    }
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn sorted(mut items: Vec<Value>) -> Value {
    items.sort_by(order);
    Value::Array(items)
}

fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => a.to_string().cmp(&b.to_string()),
    }
}

/// Whether text of a manifest names a quantity of this unit, for a schema's `pattern`.
pub const fn pattern(unit: Unit) -> &'static str {
    match unit {
        Unit::Nanos | Unit::Millis | Unit::Seconds => {
            r"^(\d+(\.\d+)?\s*(ns|us|ms|s|m|h|d|w|y)\s*)+$|^\d+$"
        }
        Unit::Bytes => r"^\d+(\.\d+)?\s*([kKMGTP]i?)?B$|^\d+$",
    }
}

/// Whether a text is of the form that [`pattern`] describes, in ASCII digits. Said by hand: compiling the two patterns took
/// half of the time that a plan of one resource does.
pub fn is_in_form(unit: Unit, text: &str) -> bool {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let measured = match unit {
        Unit::Bytes => is_size,
        Unit::Nanos | Unit::Millis | Unit::Seconds => is_duration,
    };
    is_number || measured(text)
}

fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 9] = ["ns", "us", "ms", "s", "m", "h", "d", "w", "y"];
    let mut rest = text;
    while let Some(unit) = behind_number(rest) {
        match UNITS.iter().find_map(|word| unit.strip_prefix(word)) {
            Some(behind) => rest = behind.trim_start(),
            None => return false,
        }
        if rest.is_empty() {
            return true;
        }
    }
    false
}

fn is_size(text: &str) -> bool {
    let Some(unit) = behind_number(text).and_then(|unit| unit.strip_suffix('B')) else {
        return false;
    };
    let prefix = unit.strip_suffix('i').unwrap_or(unit);
    unit.is_empty() || ["k", "K", "M", "G", "T", "P"].contains(&prefix)
}

/// What follows a number and the spaces behind it; none where no number stands.
fn behind_number(text: &str) -> Option<&str> {
    let behind_digits =
        |text: &'_ str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let whole = behind_digits(text);
    let rest = text.get(whole..).filter(|_| whole > 0)?;
    let rest = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let digits = behind_digits(fraction);
            fraction.get(digits..).filter(|_| digits > 0)?
        }
    };
    Some(rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::facts::field;
    use serde_json::json;

    #[test]
    fn the_form_by_hand_is_the_pattern() {
        let texts = [
            "",
            "1",
            "12",
            "1.5",
            "1.5h",
            "1 h",
            "1h30m",
            "1h 30m ",
            " 1h",
            "1ms",
            "5m s",
            "1.h",
            "h",
            "1hh",
            "1d2",
            "10us",
            "1B",
            "1KiB",
            "1.5 GiB",
            "1kB",
            "1K",
            "1iB",
            "1 B",
            "1B ",
            "1KiiB",
            "1.B",
            "B",
            "1ZB",
            "1y2w3d4h5m6s7ms8us9ns",
            "-1h",
        ];
        for unit in [Unit::Nanos, Unit::Bytes] {
            let regex = regex::Regex::new(pattern(unit)).unwrap();
            for text in texts {
                assert_eq!(
                    is_in_form(unit, text),
                    regex.is_match(text),
                    "{unit:?} {text:?}"
                );
            }
        }
    }

    fn of(facts: Facts, shape: Shape) -> Field {
        Field {
            name: "f".into(),
            description: String::new(),
            facts,
            shape,
            required: false,
            entry_facts: None,
            entry_description: None,
            entry_keys: None,
        }
    }

    const INTEGER: Shape = Shape::Integer {
        min: None,
        max: None,
    };

    #[test]
    fn units_go_to_the_wire_and_back() {
        let age = of(field().unit(Unit::Nanos).unlimited(&[0]), INTEGER);
        for (said, wire, again) in [
            (json!("7d"), json!(604_800_000_000_000_i64), json!("7d")),
            (json!("168h"), json!(604_800_000_000_000_i64), json!("7d")),
            (json!("unlimited"), json!(0), json!("unlimited")),
            (json!(1_000_000_000), json!(1_000_000_000), json!("1s")),
        ] {
            assert_eq!(age.to_wire(&said), Ok(wire.clone()));
            assert_eq!(age.to_manifest(&wire), again);
        }
        assert!(age.to_wire(&json!("soon")).is_err());
        let config = of(
            field().unit(Unit::Millis).unlimited(&[-1]).text(),
            Shape::Text,
        );
        assert_eq!(config.to_wire(&json!("7d")), Ok(json!("604800000")));
        assert_eq!(config.to_wire(&json!("unlimited")), Ok(json!("-1")));
        assert_eq!(config.to_manifest(&json!("604800000")), json!("7d"));
    }

    #[test]
    fn values_compare_as_what_they_are() {
        let max = of(field().unlimited(&[-1, 0]).default_is(-1), INTEGER);
        assert!(max.same(Some(&json!(0)), None));
        assert!(!max.same(Some(&json!(1)), None));
        let set = of(
            field().set(),
            Shape::List(Box::new(of(field(), Shape::Text))),
        );
        assert!(set.same(Some(&json!(["a", "b"])), Some(&json!(["b", "a"]))));
        let policy = of(field().compare(Compare::TextSet).text(), Shape::Text);
        assert!(policy.same(
            Some(&json!("compact,delete")),
            Some(&json!("delete, compact"))
        ));
        let ratio = of(field().text(), Shape::Text);
        assert!(ratio.same(Some(&json!("0.50")), Some(&json!("0.5"))));
        let at = of(field().compare(Compare::Instant), Shape::Text);
        assert!(at.same(
            Some(&json!("2026-01-01T01:00:00+01:00")),
            Some(&json!("2026-01-01T00:00:00Z"))
        ));
    }
}
