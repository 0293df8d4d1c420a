//! What a record's key is made of.

use async_nats::HeaderMap;
use serde_json::Value;

use super::Unreadable;
use super::headers::first_of;
use super::subject::token;

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyRule {
    /// There is none.
    None,
    /// The whole subject.
    Subject,
    /// A token of the subject, counted from 1.
    Token(usize),
    /// The first value of a header, whatever the case of its name.
    Header(String),
    /// What a JSON pointer finds in the payload.
    Json(String),
    /// Always this.
    Fixed(String),
}

impl KeyRule {
    /// Reads `subject`, `subject(N)`, `header(NAME)`, `json(/POINTER)`, `fixed(TEXT)` and `none`.
    pub(super) fn read(text: &str) -> Result<KeyRule, Unreadable> {
        let unreadable = || Unreadable(format!("`key: {text}` can't be read"));
        let (word, inner) = match text.split_once('(') {
            None => (text, None),
            Some((word, rest)) => (word, Some(rest.strip_suffix(')').ok_or_else(unreadable)?)),
        };
        match (word, inner) {
            ("none", None) => Ok(KeyRule::None),
            ("subject", None) => Ok(KeyRule::Subject),
            ("subject", Some(place)) => match place.parse() {
                Ok(place) if place > 0 => Ok(KeyRule::Token(place)),
                Ok(_) | Err(_) => Err(unreadable()),
            },
            ("header", Some(name)) if !name.is_empty() => Ok(KeyRule::Header(name.to_owned())),
            ("json", Some(pointer)) if pointer.is_empty() || pointer.starts_with('/') => {
                Ok(KeyRule::Json(pointer.to_owned()))
            }
            ("fixed", Some(text)) => Ok(KeyRule::Fixed(text.to_owned())),
            _ => Err(unreadable()),
        }
    }

    /// The key; none where nothing is found, or nothing stands there.
    pub(super) fn of(
        &self,
        subject: &str,
        headers: Option<&HeaderMap>,
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        let text = match self {
            KeyRule::None => None,
            KeyRule::Subject => Some(subject.to_owned()),
            KeyRule::Token(place) => token(subject, *place).map(str::to_owned),
            KeyRule::Header(name) => first_of(headers?, name).map(str::to_owned),
            KeyRule::Json(pointer) => at_pointer(payload, pointer),
            KeyRule::Fixed(text) => Some(text.clone()),
        };
        text.filter(|text| !text.is_empty()).map(String::into_bytes)
    }
}

/// A text as it is; numbers, objects and the like as JSON.
fn at_pointer(payload: &[u8], pointer: &str) -> Option<String> {
    let document: Value = serde_json::from_slice(payload).ok()?;
    match document.pointer(pointer)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(rule: &str, payload: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("Tenant", "acme");
        let rule = KeyRule::read(rule).unwrap();
        let key = rule.of("orders.7.made", Some(&headers), payload.as_bytes());
        key.map(|key| String::from_utf8(key).unwrap())
    }

    #[test]
    fn each_rule_finds_its_key() {
        for (rule, expected) in [
            ("none", None),
            ("subject", Some("orders.7.made")),
            ("subject(1)", Some("orders")),
            ("subject(2)", Some("7")),
            ("subject(9)", None),
            ("header(tenant)", Some("acme")),
            ("header(absent)", None),
            ("json(/a/b)", Some("x")),
            ("json(/n)", Some("12")),
            ("json(/nil)", None),
            ("json(/no)", None),
            ("fixed(all)", Some("all")),
            ("fixed()", None),
        ] {
            let found = key(rule, r#"{"a":{"b":"x"},"n":12,"nil":null}"#);
            assert_eq!(found.as_deref(), expected, "{rule}");
        }
        assert_eq!(key("json(/a)", "no json"), None);
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for rule in [
            "",
            "subjects",
            "subject(0)",
            "subject(x",
            "header()",
            "json(a)",
            "none(1)",
        ] {
            assert!(KeyRule::read(rule).is_err(), "{rule}");
        }
    }
}
