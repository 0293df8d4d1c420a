//! The topic that a message goes to.

use super::Unreadable;
use super::subject::token;

/// A topic, or one with `{subject(N)}` in it that becomes one of a closed set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopicRule {
    One(String),
    Of {
        parts: Vec<Part>,
        closed: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Token(usize),
}

impl TopicRule {
    pub(super) fn read(text: &str, closed: &[String]) -> Result<TopicRule, Unreadable> {
        if !text.contains('{') {
            return Ok(TopicRule::One(text.to_owned()));
        }
        if closed.is_empty() {
            let what = "`to.topic` holds a token of the subject, and `to.topics` lists nothing";
            return Err(Unreadable(what.to_owned()));
        }
        let parts = parts(text)
            .ok_or_else(|| Unreadable(format!("`to.topic: {text}`: write `{{subject(N)}}`")))?;
        let closed = closed.to_vec();
        Ok(TopicRule::Of { parts, closed })
    }

    /// Every topic that it can become.
    pub(super) fn all(&self) -> Vec<String> {
        match self {
            TopicRule::One(topic) => vec![topic.clone()],
            TopicRule::Of { closed, .. } => closed.clone(),
        }
    }

    /// The place of the topic in [`TopicRule::all`], or why there is none.
    pub(super) fn of(&self, subject: &str) -> Result<usize, String> {
        let TopicRule::Of { parts, closed } = self else {
            return Ok(0);
        };
        let mut topic = String::new();
        for part in parts {
            match part {
                Part::Literal(text) => topic.push_str(text),
                Part::Token(place) => match token(subject, *place) {
                    Some(token) => topic.push_str(token),
                    None => return Err(format!("subject `{subject}` has no token {place}")),
                },
            }
        }
        let place = closed.iter().position(|known| *known == topic);
        place.ok_or_else(|| format!("topic `{topic}` is none of `to.topics`"))
    }
}

fn parts(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((literal, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}')?;
        let place = name.strip_prefix("subject(")?.strip_suffix(')')?;
        let place = place.parse().ok().filter(|place| *place > 0)?;
        parts.push(Part::Literal(literal.to_owned()));
        parts.push(Part::Token(place));
        rest = tail;
    }
    parts.push(Part::Literal(rest.to_owned()));
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_chooses_of_the_closed_set() {
        let closed = ["t-a".to_owned(), "t-b".to_owned()];
        let rule = TopicRule::read("t-{subject(2)}", &closed).unwrap();
        assert_eq!(rule.of("x.b"), Ok(1));
        assert!(rule.of("x.c").unwrap_err().contains("`t-c` is none of"));
        assert!(rule.of("x").unwrap_err().contains("no token 2"));
        let one = TopicRule::read("t", &[]).unwrap();
        assert_eq!((one.of("any"), one.all()), (Ok(0), vec!["t".to_owned()]));
    }

    #[test]
    fn what_is_open_or_unreadable_is_told() {
        assert!(TopicRule::read("t-{subject(2)}", &[]).is_err());
        let closed = ["t".to_owned()];
        for text in ["{subject(0)}", "{subject}", "{key}", "t-{subject(1"] {
            assert!(TopicRule::read(text, &closed).is_err(), "{text}");
        }
    }
}
