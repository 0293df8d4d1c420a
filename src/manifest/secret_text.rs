//! Secrets found in a text alone.

mod urls;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::node::short;
use urls::no_ports;

pub(super) use urls::logins;
pub(crate) use urls::without_logins;

/// A secret in a text.
pub(super) struct Found {
    /// What is blinded: to the end of its line or lines.
    pub shown: Range<usize>,
    /// What it says, as far as that can be told; empty where it can't.
    pub value: Range<usize>,
}

/// The names of the properties that hold secrets.
const SECRET_NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "sasl.password",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "sasl.jaas.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
];

/// Bytes of a line that are looked at for the end of a value.
const LONGEST_VALUE: usize = 4096;

/// Whether a property of this name, known or not, holds a secret.
pub(super) fn names_secret(name: &str) -> bool {
    const ELSEWHERE: [&str; 4] = ["_file", ".url", ".file", ".location"];
    matches(&WORD, name) && !ELSEWHERE.iter().any(|end| name.ends_with(end))
}

/// Whether a variable of this name holds a secret.
pub(super) fn is_secret_variable(name: &str) -> bool {
    static VARIABLE: Pattern = LazyLock::new(|| Regex::new(r"(?i)(?:^|_)pw(?:$|_)").ok());
    names_secret(name) || matches(&VARIABLE, name)
}

/// Whether a text is a secret by its shape: an nkey's seed, a JWT, the text of a PEM or
/// credentials file.
pub(super) fn looks_secret(text: &str) -> bool {
    matches(&SHAPE, text)
}

/// Whether what stands where a path is wanted has neither folder nor ending: it may be a secret itself.
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '.', '\\'])
}

/// Whether a word has the shape of an nkey's seed, were it cut short or typed with others of its letters.
pub(super) fn is_seed_like(word: &str) -> bool {
    const LEAST: usize = 12;
    let of_a_role = ["SN", "SC", "SO", "SA", "SU", "SX"];
    let is_base32 = |c: char| matches!(c, 'A'..='Z' | '2'..='7');
    word.len() >= LEAST
        && of_a_role.iter().any(|role| word.starts_with(role))
        && word.chars().all(is_base32)
}

/// Whether the line up to this byte names a secret: what stands there may be one.
pub(super) fn stands_behind_secret_name(text: &str, byte: usize) -> bool {
    const NEAR: usize = 200;
    let start = (byte.saturating_sub(NEAR)..=byte).find(|at| text.is_char_boundary(*at));
    let before = start.and_then(|start| text.get(start..byte));
    let before = before.unwrap_or_default().trim_end();
    let line = before.rsplit('\n').next().unwrap_or_default();
    matches(&WORD, line)
}

/// A key as a message may show it: of `password:x`, where a blank was forgotten, the name alone.
pub(super) fn shown_key(key: &str) -> String {
    let word = WORD.as_ref().and_then(|word| word.find(key));
    let end = word.map_or(key.len(), |word| {
        key.len() - key[word.end()..].trim_start_matches(of_key).len()
    });
    match key[end..].chars().next() {
        Some(separator) => format!("{}{separator}…", short(&key[..end])),
        None => short(key),
    }
}

/// The name in a key that has swallowed its value: `password` of `password:x` and `password=x`.
pub(super) fn name_alone(key: &str) -> &str {
    key.split([':', '=', ' ']).next().unwrap_or(key)
}

type Pattern = LazyLock<Option<Regex>>;

fn matches(pattern: &Pattern, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

static WORD: Pattern = LazyLock::new(|| {
    Regex::new(
        r"(?i)pass|pasw|pwd|secret|token|seed|nkey|creds|credential|pem|jaas|oauthbearer\.config",
    )
    .ok()
});

static SHAPE: Pattern = LazyLock::new(|| {
    // ASCII alone: Unicode's classes take ten times as long to compile, at every start
    let seed = r"(?i-u:\bS[NCOAUX][A-Z2-7]{40,}\b)";
    let token = r"(?-u:\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+)";
    let pem = r"(?s:-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z))";
    Regex::new(&format!("{seed}|{token}|{pem}")).ok()
});

/// What is secret by its shape, the logins of URLs, and what follows a key that names a secret:
/// one of the properties in a text that was read to its end, any that sounds like one in another.
pub(super) fn written(text: &str, whole: bool) -> Vec<Found> {
    let shapes = SHAPE.iter().flat_map(|shape| shape.find_iter(text));
    let mut found: Vec<Found> = shapes
        .map(|secret| Found {
            shown: secret.range(),
            value: secret.range(),
        })
        .collect();
    found.extend(logins(text).into_iter().map(|shown| {
        let password = text[shown.clone()].find(':').map(|at| shown.start + at + 1);
        let value = password.unwrap_or(shown.end)..shown.end;
        Found { shown, value }
    }));
    found.extend(no_ports(text).map(|port| Found {
        shown: port.clone(),
        value: port,
    }));
    let words = WORD.iter().flat_map(|word| word.find_iter(text));
    let mut line_end = 0;
    found.extend(words.filter_map(|word| behind_key(text, word.start(), whole, &mut line_end)));
    found
}

fn of_key(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// What stands between a key and its value.
#[derive(PartialEq)]
enum Separator {
    /// As YAML has it.
    Colon,
    /// `=`, or a colon without the blank behind it.
    Tight,
    /// A blank alone.
    Blank,
}

/// The separator behind a key that ends here, and where the value begins.
fn separated(text: &str, (begin, end): (usize, usize)) -> Option<(Separator, usize)> {
    let rest = &text[end..];
    let tail = rest.trim_start_matches(['"', '\'', ' ', '\t']);
    let at = text.len() - tail.len();
    match tail.chars().next()? {
        ':' if tail[1..].starts_with([' ', '\t', '\n', '\r']) || tail.len() == 1 => {
            Some((Separator::Colon, at + 1))
        }
        ':' | '=' => Some((Separator::Tight, at + 1)),
        '\n' | '\r' | ',' | '}' | ']' | '#' => None,
        _ if rest.starts_with([' ', '\t']) && is_key_position(&text[..begin]) => {
            Some((Separator::Blank, at))
        }
        _ => None,
    }
}

/// Whether a key may begin behind this.
fn is_key_position(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t', '"', '\'']);
    before.is_empty() || before.ends_with(['\n', '{', ',', '-'])
}

/// The value behind the key that the byte at `within` belongs to. `line_end` is the end of the
/// line that was looked at last: all that follows on a line is blinded once.
fn behind_key(text: &str, within: usize, whole: bool, line_end: &mut usize) -> Option<Found> {
    let before = text[..within].trim_end_matches(of_key).len();
    let after = &text[within..];
    let end = text.len() - after.trim_start_matches(of_key).len();
    let name = text[before..end].to_ascii_lowercase();
    let (separator, start) = separated(text, (before, end))?;
    let is_secret = match (whole, &separator) {
        (true, Separator::Colon) => SECRET_NAMES.contains(&name.as_str()),
        (true, Separator::Tight | Separator::Blank) => ends_in_secret(&name),
        (false, _) => names_secret(&name),
    };
    if !is_secret {
        return None;
    }
    let start = start + text[start..].len() - text[start..].trim_start_matches([' ', '\t']).len();
    let is_blinded = start < *line_end;
    if !is_blinded {
        *line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    }
    let line = *line_end;
    if says_where_it_is(&text[start..line], whole) {
        *line_end = start;
        return None;
    }
    let shown = start..match goes_on(&text[start..line], whole) {
        _ if is_blinded => start,
        true => end_of_block(text, before, line, whole),
        false => line,
    };
    let value = start..start + value_length(&text[start..line], &separator);
    Some(Found { shown, value })
}

/// Whether a name ends in the word for a secret: `old-password`, not `password-resets`.
fn ends_in_secret(name: &str) -> bool {
    static END: Pattern = LazyLock::new(|| {
        Regex::new(r"(?:password|passwd|passphrase|pwd|secret|token|seed|nkey|creds)$").ok()
    });
    matches(&END, name)
}

/// How much of the rest of a line is the value.
fn value_length(rest: &str, separator: &Separator) -> usize {
    let near = (LONGEST_VALUE..rest.len()).find(|at| rest.is_char_boundary(*at));
    let rest = &rest[..near.unwrap_or(rest.len())];
    let ends = |c: char| match separator {
        Separator::Colon => matches!(c, ',' | '}'),
        Separator::Tight => matches!(c, ',' | '}' | ' ' | '\t'),
        Separator::Blank => true,
    };
    let value = rest[..rest.find(ends).unwrap_or(rest.len())].trim_end();
    value.len()
}

/// A variable, or an alias in a text that was read to its end: what follows the key is no secret.
fn says_where_it_is(value: &str, whole: bool) -> bool {
    let bare = value
        .trim_end_matches([' ', ',', '}', '"', '\'', '\r'])
        .trim_start_matches(['"', '\'']);
    (whole && value.starts_with('*'))
        || (bare.starts_with("${") && !bare.contains([' ', '}', '-', '!']))
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

/// The end of the lines below that stand further in than the key's; in a text that was not read to
/// its end, of all lines before the next key, however they stand.
fn end_of_block(text: &str, key: usize, line_end: usize, whole: bool) -> usize {
    let depth = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let start = text[..key].rfind('\n').map_or(0, |at| at + 1);
    let floor = depth(&text[start..]);
    let below = (line_end + 1).min(text.len());
    let (mut at, mut end) = (below, line_end);
    for line in text[below..].split_inclusive('\n') {
        if !line.trim().is_empty() && depth(line) <= floor && (whole || begins_with_key(line)) {
            break;
        }
        at += line.len();
        end = at;
    }
    end
}

/// Whether a line is an entry of a map: `key:` and a blank or nothing.
fn begins_with_key(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t', '-', '"', '\'']);
    let behind = line
        .trim_start_matches(of_key)
        .trim_start_matches(['"', '\'']);
    let is_key = behind.len() < line.len() && behind.starts_with(':');
    is_key && behind[1..].chars().next().is_none_or(char::is_whitespace)
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
        assert_eq!(values("  password=x y\n", true), ["x y"]);
        assert_eq!(values("{ a: 1, password:x }\n", true), ["x }"]);
        assert_eq!(values("Password x: y\n", true), ["x: y"]);
        assert_eq!(values("token: *x", false), ["*x"]);
        assert_eq!(values("token: #x", true), ["#x"]);
        for none in [
            "my_secret: x",
            "password: ${PW}",
            "password: *pw",
            "passwords: x",
            "password_file: x",
            "password-resets=x",
            "a password x",
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
    fn what_stands_out_of_step_below() {
        for text in [
            "    password:\n\tCANARY\nnats: {}\n",
            "    password:\n    CANARY\nnats: {}\n",
            "    password:\nCANARY\n  - next: 1\n",
            "    password: |\n      a\n  CANARY\nnats:\n",
        ] {
            let shown = values(text, false).concat();
            assert!(shown.contains("CANARY"), "{text}: {shown}");
            assert!(
                !shown.contains("nats") && !shown.contains("next"),
                "{shown}"
            );
        }
    }

    #[test]
    fn logins_of_urls() {
        let shown = |text| {
            let found = logins(text).into_iter();
            found.map(|range| &text[range]).collect::<Vec<_>>()
        };
        for (text, login) in [
            ("nats://a:b/c@h:1", "a:b/c"),
            ("x \"u:pw@h\"", "pw"),
            ("`tls://u:pw…`", "pw"),
            ("(//token@h)", "token"),
        ] {
            assert_eq!(shown(text), [login], "{text}");
        }
        assert!(shown("nats://h:4222 mail@h a: b@c").is_empty());
    }

    #[test]
    fn many_secrets_on_one_line() {
        let text = "{ token: a1b2c3, ".repeat(50_000);
        let found = written(&text, true);
        assert_eq!(found.len(), 50_000);
        assert!(found[1..].iter().all(|found| found.shown.is_empty()));
        assert_eq!(&text[found[9].value.clone()], "a1b2c3");
    }

    #[test]
    fn keys_as_they_are_shown() {
        for (key, shown) in [
            ("password:x", "password:…"),
            ("password x", "password …"),
            ("sasl.password=x", "sasl.password=…"),
            ("password_x", "password_x"),
        ] {
            assert_eq!(shown_key(key), shown);
        }
    }

    #[test]
    fn shapes() {
        let seed = format!("SU{}", "A".repeat(56));
        let lower = seed.to_lowercase();
        for secret in [
            seed.as_str(),
            lower.as_str(),
            &seed[..50],
            "-----BEGIN NATS USER JWT-----\nCANARY",
            "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
        ] {
            assert!(looks_secret(secret));
            assert_eq!(values(&format!("x: {secret}"), true), [secret]);
        }
        assert!(!looks_secret("/etc/nats/SUPPLIER.nk"));
    }
}
