//! What is asked just before a topic is deleted, and just after.

use indexmap::IndexMap;

use crate::broker::kafka::{ItemError, Kafka, KafkaError, OldTopic, Operation, TopicDescription};
use crate::kinds::deletion::{another_life, kept};
use crate::kinds::kafka::{UNKNOWN_TOPIC, needs, outcome, refuse_all};
use crate::model::{Action, Address, Code, Outcome, Refusal, Step};

type Described = IndexMap<String, Result<TopicDescription, ItemError>>;

/// The right that deleting a topic wants.
pub(super) fn right(name: &str) -> String {
    format!("DELETE and DESCRIBE on topic/{name}")
}

/// The deletions among these steps.
fn doomed<'s>(steps: &[&'s Step]) -> Vec<&'s Step> {
    let doomed = steps.iter().copied();
    doomed
        .filter(|step| step.action == Action::Delete)
        .collect()
}

async fn described(kafka: &Kafka, steps: &[&Step]) -> Result<Described, KafkaError> {
    let names: Vec<String> = steps.iter().map(|step| step.address.name.clone()).collect();
    kafka.describe_topics(&names).await
}

/// The deletions among these steps that are not to be sent, with what becomes of each.
pub(super) async fn settled(kafka: &Kafka, steps: &[&Step]) -> Vec<(String, Outcome)> {
    let steps = doomed(steps);
    if steps.is_empty() {
        return Vec::new();
    }
    let described = described(kafka, &steps).await;
    let settled = |step: &&Step| {
        let name = &step.address.name;
        let outcome = match &described {
            Ok(described) => before(step, described.get(name)),
            Err(error) => Some(Outcome::NotAttempted {
                because: format!("it can't be read now: {error}"),
            }),
        };
        Some((name.clone(), outcome?))
    };
    steps.iter().filter_map(settled).collect()
}

/// What becomes of a deletion that is not to be sent; none where it is.
fn before(step: &Step, found: Option<&Result<TopicDescription, ItemError>>) -> Option<Outcome> {
    if let Some(outcome) = kept(step) {
        return Some(outcome);
    }
    match found {
        Some(Ok(topic)) if topic.internal => Some(Outcome::Failed {
            why: "it is one of Kafka's own topics, and nothing internal is ever deleted".to_owned(),
        }),
        Some(Ok(topic)) => another_life(step, topic.topic_id.as_deref()),
        Some(Err(error)) if error.code == UNKNOWN_TOPIC => {
            tracing::debug!(address = %step.address, "it was gone already");
            Some(Outcome::Applied)
        }
        Some(Err(error)) => Some(outcome(error, &right(&step.address.name))),
        None => Some(Outcome::NotAttempted {
            because: "the broker's answer does not mention it".to_owned(),
        }),
    }
}

/// Those of these topics that the broker still shows; another one of the same name is none of them.
pub(super) async fn still_there(
    kafka: &Kafka,
    mut topics: Vec<OldTopic>,
) -> Result<Vec<OldTopic>, KafkaError> {
    let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let described = kafka.describe_topics(&names).await?;
    topics.retain(|topic| match described.get(&topic.name) {
        Some(Ok(found)) => found.topic_id.as_deref() == Some(&topic.topic_id),
        Some(Err(error)) => error.code != UNKNOWN_TOPIC,
        None => true,
    });
    Ok(topics)
}

/// Kafka can't be asked to validate a deletion; but it tells whether the user may.
pub(super) async fn rehearse(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Refusal)> {
    let steps = doomed(steps);
    if steps.is_empty() {
        return Vec::new();
    }
    let described = match described(kafka, &steps).await {
        Ok(described) => described,
        Err(error) => return refuse_all(&steps, &error.problem()),
    };
    let refused = |step: &&Step| {
        let topic = described.get(&step.address.name)?.as_ref().ok()?;
        let rights = topic.authorized_operations.as_ref()?;
        let denied = !rights.contains(&Operation::Delete);
        denied.then(|| (step.address.clone(), denied_to(&step.address.name)))
    };
    steps.iter().filter_map(refused).collect()
}

fn denied_to(name: &str) -> Refusal {
    let needed = needs(&format!("DELETE on topic/{name}"));
    Refusal::new(Code::Denied, needed, Code::Denied.way_out())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::kafka::Fate;
    use crate::kinds::deletion::doomed;

    fn found(id: Option<&str>, internal: bool) -> Result<TopicDescription, ItemError> {
        Ok(TopicDescription {
            topic_id: id.map(str::to_owned),
            internal,
            partitions: Vec::new(),
            authorized_operations: None,
        })
    }

    fn error(code: i16) -> Result<TopicDescription, ItemError> {
        Err(ItemError {
            code,
            name: "NAME",
            message: None,
            fate: Fate::Refused,
        })
    }

    #[test]
    fn only_the_topic_that_the_plan_means_is_sent() {
        let step = doomed("topic/t", Some("one"));
        assert_eq!(before(&step, Some(&found(Some("one"), false))), None);
        let gone = before(&step, Some(&error(UNKNOWN_TOPIC)));
        assert_eq!(gone, Some(Outcome::Applied));
        for (found, word) in [
            (found(Some("two"), false), "not the one that the stack owns"),
            (found(None, false), "does not tell which life"),
            (found(Some("one"), true), "Kafka's own"),
            (error(29), "NAME"),
        ] {
            let Some(Outcome::Failed { why }) = before(&step, Some(&found)) else {
                panic!("{found:?} is sent");
            };
            assert!(why.contains(word), "{why}");
        }
        let unknown = before(&step, None);
        assert!(matches!(unknown, Some(Outcome::NotAttempted { .. })));
        let internal = doomed("topic/__t", Some("one"));
        let kept = before(&internal, Some(&found(Some("one"), false)));
        assert!(matches!(kept, Some(Outcome::Failed { .. })), "{kept:?}");
    }
}
