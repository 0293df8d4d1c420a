use std::fmt::Write;

use super::key::token;

/// The topic that a route writes to, by the subject of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicTemplate {
    parts: Vec<TopicPart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TopicPart {
    Text(String),
    Token(usize),
}

impl TopicTemplate {
    /// Reads a topic's name, with `{subject(N)}` in it where it goes by a message's subject.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<TopicTemplate, String> {
        let parts = pieces(text)?.into_iter().map(|piece| match piece {
            Piece::Text(text) => Ok(TopicPart::Text(text.to_owned())),
            Piece::Placeholder(name) => {
                let number = name
                    .strip_prefix("subject(")
                    .and_then(|rest| rest.strip_suffix(')'));
                let number = number.ok_or_else(|| {
                    format!("`{{{name}}}` is none that a topic can hold; take `{{subject(N)}}`")
                })?;
                token(number).map(TopicPart::Token)
            }
        });
        let parts = parts.collect::<Result<Vec<_>, String>>()?;
        Ok(TopicTemplate { parts })
    }

    /// Whether it is the same topic for every message.
    pub fn is_fixed(&self) -> bool {
        let is_text = |part: &TopicPart| matches!(part, TopicPart::Text(_));
        self.parts.iter().all(is_text)
    }

    /// The topic of a message with this subject; none where the subject has too few tokens.
    pub fn topic(&self, subject: &str) -> Option<String> {
        let mut topic = String::new();
        for part in &self.parts {
            topic.push_str(match part {
                TopicPart::Text(text) => text,
                TopicPart::Token(number) => subject.split('.').nth(number - 1)?,
            });
        }
        Some(topic)
    }

    /// Whether some subject leads to this topic, as far as its parts tell each by itself.
    pub fn can_be(&self, topic: &str) -> bool {
        can_be(&self.parts, topic)
    }
}

fn can_be(parts: &[TopicPart], rest: &str) -> bool {
    match parts.split_first() {
        None => rest.is_empty(),
        Some((TopicPart::Text(text), parts)) => rest
            .strip_prefix(text.as_str())
            .is_some_and(|rest| can_be(parts, rest)),
        // a token is at least one character, and holds no dot
        Some((TopicPart::Token(_), parts)) => rest
            .char_indices()
            .take_while(|(_, c)| *c != '.')
            .map(|(at, c)| at + c.len_utf8())
            .any(|end| can_be(parts, &rest[end..])),
    }
}

/// The subject that a route publishes to, by a record's key, topic and partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectTemplate {
    parts: Vec<SubjectPart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SubjectPart {
    Text(String),
    Key,
    Topic,
    Partition,
}

impl SubjectTemplate {
    /// Reads a subject with `{key}`, `{topic}` and `{partition}` in it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<SubjectTemplate, String> {
        let parts = pieces(text)?.into_iter().map(|piece| match piece {
            Piece::Text(text) => Ok(SubjectPart::Text(text.to_owned())),
            Piece::Placeholder("key") => Ok(SubjectPart::Key),
            Piece::Placeholder("topic") => Ok(SubjectPart::Topic),
            Piece::Placeholder("partition") => Ok(SubjectPart::Partition),
            Piece::Placeholder(name) => Err(format!(
                "`{{{name}}}` is none that a subject can hold; take `{{key}}`, `{{topic}}` or `{{partition}}`"
            )),
        });
        let parts = parts.collect::<Result<Vec<_>, String>>()?;
        Ok(SubjectTemplate { parts })
    }

    /// The subject of a record. The key becomes a part of one token: what is no letter, digit, `-` or `_` is percent-encoded.
    /// None where the subject needs a key and there is none, or an empty one.
    pub fn subject(&self, key: Option<&[u8]>, topic: &str, partition: i32) -> Option<String> {
        let mut subject = String::new();
        for part in &self.parts {
            match part {
                SubjectPart::Text(text) => subject.push_str(text),
                SubjectPart::Key => {
                    let key = key.filter(|key| !key.is_empty())?;
                    encode(key, &mut subject);
                }
                SubjectPart::Topic => subject.push_str(topic),
                SubjectPart::Partition => subject.push_str(&partition.to_string()),
            }
        }
        Some(subject)
    }

    /// Whether it goes by a record's key.
    pub fn needs_key(&self) -> bool {
        self.parts.contains(&SubjectPart::Key)
    }

    /// All subjects that records of this topic get, as one with wildcards: a token that goes by the record is `*`.
    pub fn pattern(&self, topic: &str) -> String {
        // what stands for the record's own is a sign that no subject holds
        const OPEN: char = '\u{0}';
        let mut text = String::new();
        for part in &self.parts {
            match part {
                SubjectPart::Text(part) => text.push_str(part),
                SubjectPart::Topic => text.push_str(topic),
                SubjectPart::Key | SubjectPart::Partition => text.push(OPEN),
            }
        }
        let tokens = text.split('.').map(|token| match token.contains(OPEN) {
            true => "*",
            false => token,
        });
        tokens.collect::<Vec<_>>().join(".")
    }
}

fn encode(key: &[u8], into: &mut String) {
    for byte in key {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => into.push(char::from(*byte)),
            // writing to a string can't fail
            other => drop(write!(into, "%{other:02X}")),
        }
    }
}

enum Piece<'t> {
    Text(&'t str),
    Placeholder(&'t str),
}

/// A template taken apart at its braces.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| "a `{` in it is not closed".to_owned())?;
        let parts = [Piece::Text(before), Piece::Placeholder(name)];
        pieces.extend(parts.into_iter().filter(|part| !is_empty(part)));
        rest = after;
    }
    if rest.contains('}') {
        return Err("a `}` in it closes nothing".to_owned());
    }
    pieces.extend([Piece::Text(rest)].into_iter().filter(|p| !is_empty(p)));
    Ok(pieces)
}

fn is_empty(piece: &Piece<'_>) -> bool {
    matches!(piece, Piece::Text(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_goes_by_the_tokens_of_a_subject() {
        let template = TopicTemplate::parse("events-{subject(2)}").unwrap();
        assert!(!template.is_fixed());
        assert_eq!(
            template.topic("events.eu.created").as_deref(),
            Some("events-eu")
        );
        assert_eq!(template.topic("events"), None);
        for (topic, can) in [
            ("events-eu", true),
            ("events-", false),
            ("events-eu.west", false),
            ("event-eu", false),
        ] {
            assert_eq!(template.can_be(topic), can, "{topic}");
        }
        let two = TopicTemplate::parse("{subject(1)}-{subject(2)}").unwrap();
        assert!(two.can_be("a-b-c") && !two.can_be("ab"));
        assert!(TopicTemplate::parse("events").unwrap().is_fixed());
    }

    #[test]
    fn a_subject_goes_by_a_record() {
        let template = SubjectTemplate::parse("models.{topic}.{key}.p{partition}").unwrap();
        let subject = |key| template.subject(key, "t", 3);
        assert_eq!(
            subject(Some(b"a b.c*>")).as_deref(),
            Some("models.t.a%20b%2Ec%2A%3E.p3")
        );
        assert_eq!(
            subject(Some("\u{e9}".as_bytes())).as_deref(),
            Some("models.t.%C3%A9.p3")
        );
        assert_eq!((subject(None), subject(Some(b""))), (None, None));
        assert!(template.needs_key());
        assert_eq!(template.pattern("a.b"), "models.a.b.*.*");
        let fixed = SubjectTemplate::parse("models.all").unwrap();
        assert_eq!(fixed.subject(None, "t", 0).as_deref(), Some("models.all"));
        assert_eq!(fixed.pattern("t"), "models.all");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, why) in [
            ("a{", "not closed"),
            ("a}", "closes nothing"),
            ("a{key}", "`{subject(N)}`"),
            ("a{subject}", "`{subject(N)}`"),
            ("a{subject(0)}", "counted from 1"),
        ] {
            let told = TopicTemplate::parse(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
        let told = SubjectTemplate::parse("a.{subject(1)}").unwrap_err();
        assert!(told.contains("`{key}`"), "{told}");
    }
}
