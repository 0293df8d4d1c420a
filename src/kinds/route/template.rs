use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::key::{token, token_number};
use crate::kinds::stream::not_literal;

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
                token_number(number).map(TopicPart::Token)
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

    /// The topic of a message with this subject.
    ///
    /// # Errors
    /// Where the subject has too few tokens.
    pub fn topic(&self, subject: &str) -> Result<String, String> {
        let mut topic = String::new();
        for part in &self.parts {
            topic.push_str(match part {
                TopicPart::Text(text) => text,
                TopicPart::Token(number) => token(subject, *number)
                    .ok_or_else(|| format!("subject `{subject}` has no token {number}"))?,
            });
        }
        Ok(topic)
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

/// What a token keeps of a key: everything else is percent-encoded, so that no key can become two tokens or a wildcard.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// The longest subject, in bytes. A line of the protocol takes 4096, the reply subject and the sizes in it (nats-server
/// `MAX_CONTROL_LINE_SIZE`).
const MAX_SUBJECT: usize = 3_500;

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

    /// The subject of a record. The key becomes a part of one token: what is no letter, digit, `-`, `_` or `~` is
    /// percent-encoded.
    ///
    /// # Errors
    /// Where the subject needs a key and there is none, or an empty one; where nothing can be published on it.
    pub fn subject(
        &self,
        key: Option<&[u8]>,
        topic: &str,
        partition: i32,
    ) -> Result<String, NoSubject> {
        let mut subject = String::new();
        for part in &self.parts {
            match part {
                SubjectPart::Text(text) => subject.push_str(text),
                SubjectPart::Key => match key {
                    None => return Err(NoSubject::NoKey),
                    Some([]) => return Err(NoSubject::EmptyKey),
                    Some(key) => subject.extend(percent_encode(key, &KEPT)),
                },
                SubjectPart::Topic => subject.push_str(topic),
                SubjectPart::Partition => subject.push_str(&partition.to_string()),
            }
        }
        publishable(subject)
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

/// Why a record has no subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSubject {
    /// Its subject holds its key, which is null.
    #[error("it has no key, and its subject holds it")]
    NoKey,
    /// Its subject holds its key, which is empty.
    #[error("its key is empty, and its subject holds it")]
    EmptyKey,
    /// Its subject has more bytes than fit into a line of the protocol: so many.
    #[error("the subject has {0} bytes, and may have {max} at most", max = MAX_SUBJECT)]
    TooLong(usize),
    /// Its subject is none, or one with wildcards.
    #[error("nothing can be published on `{subject}`: {why}")]
    Unfit {
        /// The subject.
        subject: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

fn publishable(subject: String) -> Result<String, NoSubject> {
    if subject.len() > MAX_SUBJECT {
        return Err(NoSubject::TooLong(subject.len()));
    }
    match not_literal(&subject) {
        None => Ok(subject),
        Some(why) => Err(NoSubject::Unfit { subject, why }),
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
            Ok("events-eu")
        );
        let told = template.topic("events").unwrap_err();
        assert!(told.contains("`events` has no token 2"), "{told}");
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
            Ok("models.t.a%20b%2Ec%2A%3E.p3")
        );
        assert_eq!(
            subject(Some("\u{e9}".as_bytes())).as_deref(),
            Ok("models.t.%C3%A9.p3")
        );
        assert_eq!(subject(None), Err(NoSubject::NoKey));
        assert_eq!(subject(Some(b"")), Err(NoSubject::EmptyKey));
        assert!(template.needs_key());
        assert_eq!(template.pattern("a.b"), "models.a.b.*.*");
        let fixed = SubjectTemplate::parse("models.all").unwrap();
        assert_eq!(fixed.subject(None, "t", 0).as_deref(), Ok("models.all"));
        assert_eq!(fixed.pattern("t"), "models.all");
    }

    fn made(template: &str, key: Option<&[u8]>) -> Result<String, NoSubject> {
        let template = SubjectTemplate::parse(template).unwrap();
        template.subject(key, "t.x", 3)
    }

    #[test]
    fn a_key_is_one_token() {
        for (template, key, expected) in [
            ("m.{key}", "a-b_c~1", "m.a-b_c~1"),
            ("m.{key}.x", "a.b *>", "m.a%2Eb%20%2A%3E.x"),
            ("m.{key}", "ä%", "m.%C3%A4%25"),
            ("m.{key}", ">", "m.%3E"),
            ("m.{key}", "\0\r\n", "m.%00%0D%0A"),
        ] {
            let subject = made(template, Some(key.as_bytes()));
            assert_eq!(subject.as_deref(), Ok(expected), "{template} {key}");
        }
        assert_eq!(made("{topic}.{partition}", None).as_deref(), Ok("t.x.3"));
        let told = |key| made("m.{key}", key).unwrap_err().to_string();
        assert!(told(None).contains("no key"));
        assert!(told(Some(b"")).contains("empty"));
    }

    #[test]
    fn a_subject_has_3500_bytes_at_most() {
        let longest = vec![b'a'; 3_498];
        assert_eq!(made("m.{key}", Some(&longest)).unwrap().len(), 3_500);
        let more = vec![b'a'; 3_499];
        let told = made("m.{key}", Some(&more)).unwrap_err();
        assert_eq!(told, NoSubject::TooLong(3_501));
        // what counts is what is published: each of these dots becomes three signs
        let told = made("m.{key}", Some(&[b'.'; 2_000])).unwrap_err();
        assert!(told.to_string().contains("6002 bytes"), "{told}");
    }

    #[test]
    fn what_nothing_can_be_published_on_is_told() {
        for (template, topic, why) in [
            ("", "t", "it is empty"),
            ("m..{topic}", "t", "is empty"),
            ("m.{topic}", "a..b", "is empty"),
            ("m.{topic}", ".a", "is empty"),
            ("m.*", "t", "a wildcard"),
            ("m.>", "t", "a wildcard"),
            ("m a", "t", "a blank"),
            ("m.\u{7f}", "t", "a blank"),
        ] {
            let template = SubjectTemplate::parse(template).unwrap();
            let told = template.subject(None, topic, 0).unwrap_err().to_string();
            assert!(told.contains(why), "{template:?} {topic}: {told}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, why) in [
            ("a{", "not closed"),
            ("a}", "closes nothing"),
            ("a{key}", "`{subject(N)}`"),
            ("a{subject}", "`{subject(N)}`"),
            ("a{subject(0)}", "counted from 1"),
            ("{subject(+1)}", "no number"),
            ("t-{subject(1", "not closed"),
        ] {
            let told = TopicTemplate::parse(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
        for (text, why) in [
            ("a.{subject(1)}", "`{key}`"),
            ("m.{kay}", "`{key}`"),
            ("m.{key", "not closed"),
            ("m.key}", "closes nothing"),
        ] {
            let told = SubjectTemplate::parse(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
