//! The topics that a route writes to, and which of them a message goes to.

use indexmap::IndexSet;

use super::Unreadable;
use crate::kinds::route::{RouteTarget, TopicTemplate};

/// One topic, or a closed set of which the subject chooses.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    template: TopicTemplate,
    all: Vec<String>,
}

impl Topics {
    pub(super) fn read(to: &RouteTarget) -> Result<Topics, Unreadable> {
        let text = to.topic.as_deref().unwrap_or_default();
        let template = TopicTemplate::parse(text)
            .map_err(|why| Unreadable(format!("`to.topic: {text}` can't be read: {why}")))?;
        let all = match template.is_fixed() {
            true => vec![text.to_owned()],
            false => {
                let listed: IndexSet<String> = to.topics.iter().flatten().cloned().collect();
                listed.into_iter().collect()
            }
        };
        if all.is_empty() {
            let what = "`to.topic` holds a token of the subject, and `to.topics` lists nothing";
            return Err(Unreadable(what.to_owned()));
        }
        Ok(Topics { template, all })
    }

    /// Every topic that it can be.
    pub(super) fn all(&self) -> Vec<String> {
        self.all.clone()
    }

    /// The place of the topic in [`Topics::all`], or why there is none.
    pub(super) fn of(&self, subject: &str) -> Result<usize, String> {
        if self.template.is_fixed() {
            return Ok(0);
        }
        let topic = self.template.topic(subject)?;
        let place = self.all.iter().position(|known| *known == topic);
        place.ok_or_else(|| format!("topic `{topic}` is none of `to.topics`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(topic: &str, closed: &[&str]) -> Result<Topics, Unreadable> {
        let closed: Vec<String> = closed.iter().map(|name| (*name).to_owned()).collect();
        Topics::read(&RouteTarget {
            topic: Some(topic.to_owned()),
            topics: Some(closed).filter(|closed| !closed.is_empty()),
            ..RouteTarget::default()
        })
    }

    #[test]
    fn a_token_chooses_of_the_closed_set() {
        let topics = read("t-{subject(2)}", &["t-a", "t-b"]).unwrap();
        assert_eq!(topics.of("x.b"), Ok(1));
        let twice = read("t-{subject(2)}", &["t-a", "t-a", "t-b"]).unwrap();
        assert_eq!((twice.of("x.b"), twice.all().len()), (Ok(1), 2));
        assert!(topics.of("x.c").unwrap_err().contains("`t-c` is none of"));
        assert!(topics.of("x").unwrap_err().contains("no token 2"));
        let one = read("t", &[]).unwrap();
        assert_eq!((one.of("any"), one.all()), (Ok(0), vec!["t".to_owned()]));
    }

    #[test]
    fn what_is_open_or_unreadable_is_told() {
        let open = read("t-{subject(2)}", &[]).unwrap_err().to_string();
        assert!(open.contains("lists nothing"), "{open}");
        for text in ["{subject(0)}", "{subject}", "{key}", "t-{subject(1"] {
            let told = read(text, &["t"]).unwrap_err().to_string();
            assert!(told.contains(&format!("`to.topic: {text}`")), "{told}");
        }
    }
}
