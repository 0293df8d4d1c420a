//! Subjects: their tokens, what they match, and what is made of a record.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::Unreadable;

/// What a token keeps of a key: everything else is percent-encoded, so that no key can become two tokens or a wildcard.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// A line of the protocol takes 4096 bytes, the reply subject and the sizes in it (nats-server `MAX_CONTROL_LINE_SIZE`).
const MAX_SUBJECT: usize = 3_500;

/// The token at this place, counted from 1.
pub(super) fn token(subject: &str, place: usize) -> Option<&str> {
    subject.split('.').nth(place.checked_sub(1)?)
}

/// Whether a message can be published to it.
fn is_publishable(subject: &str) -> bool {
    let fits = |token: &str| {
        !token.is_empty()
            && token != "*"
            && token != ">"
            && !token.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
    };
    subject.len() <= MAX_SUBJECT && subject.split('.').all(fits)
}

/// Whether a subject with wildcards takes a literal one.
pub(crate) fn takes(filter: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in filter.split('.') {
        match (wanted, tokens.next()) {
            (">", found) => return found.is_some(),
            ("*", Some(_)) => {}
            (wanted, Some(found)) if wanted == found => {}
            (_, _) => return false,
        }
    }
    tokens.next().is_none()
}

/// A subject with `{key}`, `{topic}` and `{partition}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SubjectRule(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Key,
    Topic,
    Partition,
}

impl SubjectRule {
    pub(super) fn read(text: &str) -> Result<SubjectRule, Unreadable> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once('{') {
            let Some((name, tail)) = tail.split_once('}') else {
                return Err(Unreadable(format!(
                    "`to.subject: {text}`: a brace is not closed"
                )));
            };
            parts.push(Part::Literal(literal.to_owned()));
            parts.push(match name {
                "key" => Part::Key,
                "topic" => Part::Topic,
                "partition" => Part::Partition,
                _ => {
                    let what = format!("`to.subject: {text}`: there is no `{{{name}}}`");
                    return Err(Unreadable(what));
                }
            });
            rest = tail;
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(SubjectRule(parts))
    }

    /// The subject, or why there is none.
    pub(super) fn of(
        &self,
        key: Option<&[u8]>,
        topic: &str,
        partition: i32,
    ) -> Result<String, String> {
        let mut subject = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => subject.push_str(text),
                Part::Topic => subject.push_str(topic),
                Part::Partition => subject.push_str(&partition.to_string()),
                Part::Key => match key {
                    Some(key) if !key.is_empty() => {
                        subject.extend(percent_encode(key, &KEPT));
                    }
                    Some(_) => return Err("its key is empty, and its subject holds it".to_owned()),
                    None => return Err("it has no key, and its subject holds it".to_owned()),
                },
            }
        }
        match is_publishable(&subject) {
            true => Ok(subject),
            false => Err(format!(
                "`{subject}` is no subject that can be published to"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(rule: &str, key: Option<&[u8]>) -> Result<String, String> {
        SubjectRule::read(rule).unwrap().of(key, "t.x", 3)
    }

    #[test]
    fn a_key_is_one_token() {
        assert_eq!(made("m.{key}", Some(b"a-b_c~1")).unwrap(), "m.a-b_c~1");
        assert_eq!(
            made("m.{key}.x", Some(b"a.b *>")).unwrap(),
            "m.a%2Eb%20%2A%3E.x"
        );
        assert_eq!(
            made("m.{key}", Some("ä%".as_bytes())).unwrap(),
            "m.%C3%A4%25"
        );
        assert_eq!(made("{topic}.{partition}", None).unwrap(), "t.x.3");
        assert!(made("m.{key}", None).unwrap_err().contains("no key"));
        assert!(made("m.{key}", Some(b"")).unwrap_err().contains("empty"));
        assert!(made("m.{key}", Some(&[b'.'; 2000])).is_err(), "too long");
    }

    #[test]
    fn braces_are_closed_and_known() {
        assert!(SubjectRule::read("m.{key").is_err());
        assert!(SubjectRule::read("m.{kay}").is_err());
    }

    #[test]
    fn wildcards_take_what_they_take() {
        for (filter, subject, expected) in [
            ("a.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a", true),
            ("a.b.c", "a.b", false),
        ] {
            assert_eq!(takes(filter, subject), expected, "{filter} {subject}");
        }
    }
}
