use std::fmt;
use std::str::FromStr;

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
            "subject" => token(inner).map(KeyRule::Token),
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
}

/// The number of a token.
pub(super) fn token(text: &str) -> Result<usize, String> {
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
            ("subject(0)", "counted from 1"),
            ("subject(+1)", "no number"),
            ("subject(x)", "no number"),
            ("subject(99999999999999999999)", "no number"),
            ("subject(1", "not closed"),
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
        ] {
            let told = KeyRule::parse(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
