//! Instants, as Go's `time.RFC3339` reads them, which is what a server does.

use jiff::Timestamp;
use serde_json::Value;

use super::complaint::Complaint;
use super::said::Said;
use crate::kinds::{Compare, Declaration, Field, Shape};
use crate::model::Code;

/// Every value that stands where an instant is wanted and is none.
pub(in crate::kinds) fn complaints(said: Said<'_>, declaration: &Declaration) -> Vec<Complaint> {
    let mut found = Vec::new();
    let texts = |(_, value): &(&String, &Value)| value.is_string() || value.is_array();
    for (path, value) in said.0.iter().filter(texts) {
        if let Some(field) = declaration.field(path) {
            for text in wrong(&field, value) {
                found.push(complaint(path, &field.name, text));
            }
        }
    }
    found
}

fn complaint(path: &str, name: &str, text: &str) -> Complaint {
    Complaint::new(
        Code::BadTime,
        path,
        format!("`{text}` in `{name}` is no instant"),
        "write it as RFC 3339: `2026-01-31T12:00:00Z`",
    )
}

/// The texts within the value that should be instants.
fn wrong<'v>(field: &Field, value: &'v Value) -> Vec<&'v str> {
    match (&field.shape, value) {
        (Shape::List(item), Value::Array(items)) => {
            items.iter().flat_map(|value| wrong(item, value)).collect()
        }
        (Shape::Object(inner), Value::Object(object)) => object
            .iter()
            .filter_map(|(name, value)| Some((inner.fields.get(name)?, value)))
            .flat_map(|(field, value)| wrong(field, value))
            .collect(),
        (_, Value::String(text)) if field.facts.compare == Compare::Instant => {
            let is_wrong = !is_instant(text);
            is_wrong.then_some(text.as_str()).into_iter().collect()
        }
        (_, _) => Vec::new(),
    }
}

/// Stricter than `jiff`: `T` and `Z` stand as capitals, and minutes follow an offset's hours.
fn is_instant(text: &str) -> bool {
    let bytes = text.as_bytes();
    let second = text.get(17..19);
    let has_zone = match bytes.split_last() {
        Some((b'Z', _)) => true,
        _ => {
            let hours = text
                .len()
                .checked_sub(5)
                .and_then(|at| text.get(at..at + 2));
            let hours = hours.and_then(|hours| hours.parse::<u8>().ok());
            bytes.iter().rev().nth(2) == Some(&b':') && hours < Some(24) && hours.is_some()
        }
    };
    bytes.get(4) == Some(&b'-')
        && bytes.get(10) == Some(&b'T')
        && second.is_some_and(|second| second != "60")
        && has_zone
        && text.parse::<Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_instant;

    #[test]
    fn instants_are_taken_as_go_takes_them() {
        for good in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.123456789Z",
            "2026-01-31T12:00:00+01:00",
        ] {
            assert!(is_instant(good), "{good}");
        }
        for bad in [
            "",
            "yesterday",
            "2020-02-30",
            "2020-13-01T00:00:00Z",
            "2020-02-30T00:00:00Z",
            "2020-02-20t00:00:00Z",
            "2020-02-20 00:00:00Z",
            "2020-02-20T00:00:00z",
            "2020-02-20T00:00:00",
            "2020-02-20T00:00:00+24:00",
            "2020-02-20T00:00:00+0100",
            "2020-02-20T00:00:60Z",
            "2020-02-20T00:00Z",
        ] {
            assert!(!is_instant(bad), "{bad}");
        }
    }
}
