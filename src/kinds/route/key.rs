use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// What a record's key is made of, of a route into a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyRule {
    /// Nothing: the key is null.
    #[default]
    None,
    /// The whole subject.
    Subject,
    /// A token of the subject, counted from 1.
    Token(usize),
    /// The first value of a header, whatever its case.
    Header(String),
    /// What stands at this JSON pointer of the payload (RFC 6901): text as it is, anything else as JSON. Null finds nothing.
    Json(String),
    /// Always this text.
    Fixed(String),
}

/// What a key can be made of, in words.
pub const KEY_FORMS: &str = "take `subject`, `subject(N)` (a token, counted from 1), `header(NAME)`, `json(/POINTER)`, `fixed(TEXT)` or `none`";

impl KeyRule {
    /// Reads a rule.
    ///
    /// # Errors
    /// What is wrong with it, as it follows "`key: ...`: ".
    pub fn parse(text: &str) -> Result<KeyRule, String> {
        match text {
            "none" => return Ok(KeyRule::None),
            "subject" => return Ok(KeyRule::Subject),
            _ => {}
        }
        let (word, rest) = text
            .split_once('(')
            .ok_or_else(|| "it is none of those that there are".to_owned())?;
        let inner = rest
            .strip_suffix(')')
            .ok_or_else(|| "its bracket is not closed at the end".to_owned())?;
        match word {
            "subject" => token_number(inner).map(KeyRule::Token),
            "header" if is_header(inner) => Ok(KeyRule::Header(inner.to_owned())),
            "header" => Err(format!("`{inner}` can't be the name of a header")),
            "json" if is_pointer(inner) => Ok(KeyRule::Json(inner.to_owned())),
            "json" => Err(format!(
                "`{inner}` is no JSON pointer; one begins with `/`, and `~` is written `~0`, `/` within a name `~1`"
            )),
            "fixed" if !inner.is_empty() => Ok(KeyRule::Fixed(inner.to_owned())),
            "fixed" => Err("its text is empty; for no key at all write `none`".to_owned()),
            _ => Err(format!("there is no `{word}(...)`")),
        }
    }

    /// The key of a message with this subject, these headers and this payload; none, which is null, where nothing is found or an
    /// empty text. `header` is to find the first value under a name, whatever its case.
    pub fn key<'h>(
        &self,
        subject: &str,
        header: impl FnOnce(&str) -> Option<&'h str>,
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        let text = match self {
            KeyRule::None => None,
            KeyRule::Subject => Some(subject.to_owned()),
            KeyRule::Token(number) => token(subject, *number).map(str::to_owned),
            KeyRule::Header(name) => header(name).map(str::to_owned),
            KeyRule::Json(pointer) => at_pointer(payload, pointer),
            KeyRule::Fixed(text) => Some(text.clone()),
        };
        text.filter(|text| !text.is_empty()).map(String::into_bytes)
    }
}

/// A token of a subject, counted from 1.
pub(super) fn token(subject: &str, number: usize) -> Option<&str> {
    subject.split('.').nth(number.checked_sub(1)?)
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

/// The number of a token.
pub(super) fn token_number(text: &str) -> Result<usize, String> {
    let is_number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match text.parse() {
        Ok(0) => Err("tokens are counted from 1".to_owned()),
        Ok(number) if is_number => Ok(number),
        _ => Err(format!("`{text}` is no number of a token")),
    }
}

/// What a NATS header can be called: visible characters but the colon.
pub(super) fn is_header(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic() && c != ':')
}

/// RFC 6901; the whole document is no key.
fn is_pointer(text: &str) -> bool {
    let mut rest = text.chars();
    let mut escapes = true;
    while let Some(c) = rest.next() {
        if c == '~' {
            escapes &= matches!(rest.next(), Some('0' | '1'));
        }
    }
    text.starts_with('/') && escapes
}

impl FromStr for KeyRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        KeyRule::parse(text)
    }
}

impl fmt::Display for KeyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyRule::None => f.write_str("none"),
            KeyRule::Subject => f.write_str("subject"),
            KeyRule::Token(number) => write!(f, "subject({number})"),
            KeyRule::Header(name) => write!(f, "header({name})"),
            KeyRule::Json(pointer) => write!(f, "json({pointer})"),
            KeyRule::Fixed(text) => write!(f, "fixed({text})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_and_is_written_the_same() {
        for (text, rule) in [
            ("none", KeyRule::None),
            ("subject", KeyRule::Subject),
            ("subject(2)", KeyRule::Token(2)),
            ("header(Order-Id)", KeyRule::Header("Order-Id".to_owned())),
            ("json(/a/0/b~1c)", KeyRule::Json("/a/0/b~1c".to_owned())),
            ("json(/)", KeyRule::Json("/".to_owned())),
            ("fixed(a (b))", KeyRule::Fixed("a (b)".to_owned())),
        ] {
            assert_eq!(KeyRule::parse(text), Ok(rule.clone()), "{text}");
            assert_eq!(rule.to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "none of those"),
            ("Subject", "none of those"),
            ("subjects", "none of those"),
            ("subject(0)", "counted from 1"),
            ("subject(+1)", "no number"),
            ("subject(x)", "no number"),
            ("subject(99999999999999999999)", "no number"),
            ("subject(1", "not closed"),
            ("subject(x", "not closed"),
            ("subject(1) ", "not closed"),
            ("subject()", "no number"),
            ("header()", "name of a header"),
            ("header(a b)", "name of a header"),
            ("header(a:b)", "name of a header"),
            ("json(a)", "no JSON pointer"),
            ("json()", "no JSON pointer"),
            ("json(/a~2)", "no JSON pointer"),
            ("json(/a~)", "no JSON pointer"),
            ("fixed()", "`none`"),
            ("payload(1)", "no `payload(...)`"),
            ("none(1)", "no `none(...)`"),
        ] {
            let told = KeyRule::parse(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }

    fn key(rule: &KeyRule, payload: &str) -> Option<String> {
        let header = |name: &str| (name == "Tenant").then_some("acme");
        let key = rule.key("orders.7.made", header, payload.as_bytes());
        key.map(|key| String::from_utf8(key).unwrap())
    }

    #[test]
    fn each_rule_finds_its_key() {
        let payload = r#"{"a":{"b":"x"},"n":12,"list":[1,{"a/b":true}],"nil":null,"nothing":""}"#;
        for (rule, expected) in [
            ("none", None),
            ("subject", Some("orders.7.made")),
            ("subject(1)", Some("orders")),
            ("subject(2)", Some("7")),
            ("subject(9)", None),
            ("header(Tenant)", Some("acme")),
            ("header(absent)", None),
            ("json(/a/b)", Some("x")),
            ("json(/a)", Some(r#"{"b":"x"}"#)),
            ("json(/n)", Some("12")),
            ("json(/list/1/a~1b)", Some("true")),
            ("json(/nil)", None),
            ("json(/nothing)", None),
            ("json(/no)", None),
            ("fixed(all)", Some("all")),
        ] {
            let rule = KeyRule::parse(rule).unwrap();
            assert_eq!(key(&rule, payload).as_deref(), expected, "{rule}");
        }
        let pointer = KeyRule::parse("json(/a)").unwrap();
        assert_eq!(key(&pointer, "no json"), None);
    }

    #[test]
    fn what_no_rule_says_finds_nothing() {
        for rule in [KeyRule::Fixed(String::new()), KeyRule::Token(0)] {
            assert_eq!(key(&rule, "{}"), None, "{rule}");
        }
    }
}
