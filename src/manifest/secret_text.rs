//! Secrets found in a text alone.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// A secret in a text.
pub(super) struct Found {
    /// What is blinded: to the end of its line or lines.
    pub shown: Range<usize>,
    /// What it says, as far as that can be told.
    pub value: Range<usize>,
}

/// The names of the properties that hold secrets.
const SECRET_NAMES: [&str; 9] = [
    "password",
    "token",
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.jaas.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
];

/// Whether a property of this name, known or not, holds a secret.
pub(super) fn names_secret(name: &str) -> bool {
    const ELSEWHERE: [&str; 4] = ["_file", ".url", ".file", ".location"];
    WORD.as_ref().is_some_and(|word| word.is_match(name))
        && !ELSEWHERE.iter().any(|end| name.ends_with(end))
}

/// Whether a text is a secret by its shape: an nkey's seed, a JWT, the text of a PEM or
/// credentials file.
pub(super) fn looks_secret(text: &str) -> bool {
    SHAPE.as_ref().is_some_and(|shape| shape.is_match(text))
}

static WORD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"pass|pasw|secret|token|pem|jaas|oauthbearer\.config").ok());

static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let seed = r"\bS[NCOAUX][A-Z2-7]{56}\b";
    let token = r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+";
    let pem = r"(?s:-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z))";
    Regex::new(&format!("{seed}|{token}|{pem}")).ok()
});

/// What is secret by its shape, and what follows a key that names a secret: one of the properties
/// in a text that was read to its end, any that sounds like one in another.
pub(super) fn written(text: &str, whole: bool) -> Vec<Found> {
    let shapes = SHAPE.iter().flat_map(|shape| shape.find_iter(text));
    let mut found: Vec<Found> = shapes
        .map(|secret| Found {
            shown: secret.range(),
            value: secret.range(),
        })
        .collect();
    let words = WORD.iter().flat_map(|word| word.find_iter(text));
    found.extend(words.filter_map(|word| behind_key(text, word.start(), whole)));
    found
}

/// The value behind the key that the byte at `within` belongs to.
fn behind_key(text: &str, within: usize, whole: bool) -> Option<Found> {
    let of_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let before = text[..within].trim_end_matches(of_key).len();
    let after = &text[within..];
    let end = text.len() - after.trim_start_matches(of_key).len();
    let name = &text[before..end];
    let is_secret = match whole {
        true => SECRET_NAMES.contains(&name),
        false => names_secret(name),
    };
    let colon = text[end..].trim_start_matches(['"', '\'', ' ', '\t']);
    let value = colon.strip_prefix(':')?;
    if !is_secret || !value.starts_with([' ', '\t', '\n', '\r']) {
        return None;
    }
    let start = text.len() - value.trim_start_matches([' ', '\t']).len();
    let line = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let said = &text[start..line];
    if says_where_it_is(said) {
        return None;
    }
    let shown = start..match goes_on(said, whole) {
        true => end_of_block(text, before, line),
        false => line,
    };
    let value = said.find([',', '}']).map_or(line, |at| start + at);
    let value = start..start + text[start..value].trim_end().len();
    Some(Found { shown, value })
}

/// A variable, an alias or a comment: what follows the key is no secret.
fn says_where_it_is(value: &str) -> bool {
    let bare = value
        .trim_end_matches([' ', ',', '}', '"', '\'', '\r'])
        .trim_start_matches(['"', '\'']);
    value.starts_with(['*', '#']) || (bare.starts_with("${") && !bare.contains([' ', '}', '-']))
}

/// Whether the value may go on below its line.
fn goes_on(said: &str, whole: bool) -> bool {
    let closed = |quote: char| said.len() > 1 && said.trim_end().ends_with(quote);
    match said.chars().next() {
        Some('|' | '>') => true,
        Some(quote @ ('"' | '\'')) => !closed(quote),
        _ => !whole,
    }
}

/// The end of the lines below that stand further in than the key's.
fn end_of_block(text: &str, key: usize, line_end: usize) -> usize {
    let depth = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let start = text[..key].rfind('\n').map_or(0, |at| at + 1);
    let floor = depth(&text[start..]);
    let below = (line_end + 1).min(text.len());
    let (mut at, mut end) = (below, line_end);
    for line in text[below..].split_inclusive('\n') {
        if !line.trim().is_empty() && depth(line) <= floor {
            break;
        }
        at += line.len();
        end = at;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, whole: bool) -> Vec<&str> {
        let found = written(text, whole);
        found.into_iter().map(|found| &text[found.shown]).collect()
    }

    #[test]
    fn what_follows_a_secret_key() {
        assert_eq!(
            values("a: { password: x, b: 1 }\nc: d", true),
            ["x, b: 1 }"]
        );
        assert_eq!(values("\"sasl.password\" : 'x'\n", true), ["'x'"]);
        assert_eq!(values("my_secret: x\n", false), ["x"]);
        for none in [
            "my_secret: x",
            "password: ${PW}",
            "password: *pw",
            "passwords: x",
            "password_file: x",
        ] {
            assert!(values(none, true).is_empty(), "{none}");
        }
        assert_eq!(values("password: ${PW:-x1}", true), ["${PW:-x1}"]);
    }

    #[test]
    fn what_goes_on_below() {
        let text = "k:\n  ssl.key.pem: |\n    line1\n    line2\n  next: 1\n";
        assert_eq!(values(text, true), ["|\n    line1\n    line2\n"]);
        let text = "k:\n  token:\n    CANARY\n  next: 1\n";
        assert_eq!(values(text, false), ["\n    CANARY\n"]);
    }

    #[test]
    fn shapes() {
        let seed = format!("SU{}", "A".repeat(56));
        for secret in [
            seed.as_str(),
            "-----BEGIN NATS USER JWT-----\nCANARY",
            "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
        ] {
            assert!(looks_secret(secret));
            assert_eq!(values(&format!("x: {secret}"), true), [secret]);
        }
        assert!(!looks_secret("/etc/nats/SUPPLIER.nk"));
    }
}
