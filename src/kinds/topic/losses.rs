//! What deleting a topic costs.

use indexmap::IndexMap;

use super::readers::readers;
use crate::broker::kafka::{Kafka, KafkaError, TopicDescription};
use crate::kinds::kafka::UNKNOWN_TOPIC;
use crate::kinds::loss::{Holdings, Read, deletions, gone};
use crate::model::{Address, Code, Harm, Problem, Risk, Step};

pub(super) const LEFT_OUT: &str = "the broker's answer does not mention it";

pub(in crate::kinds) type Topics = IndexMap<String, TopicDescription>;

/// Looks at the topics that these steps delete: their offsets, their size, and the groups that read them.
pub(super) async fn risks(
    client: Result<&Kafka, Problem>,
    steps: &[&Step],
) -> Vec<(Address, Vec<Risk>)> {
    let steps = deletions(steps);
    if steps.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = steps.iter().map(|step| step.address.name.clone()).collect();
    let mut found = match client {
        Ok(kafka) => look(kafka, &names).await,
        Err(problem) => all_unknown(&names, &problem.message),
    };
    let of = |step: &&Step| {
        let risk = found.swap_remove(&step.address.name);
        let risk = risk.unwrap_or_else(|| unknown(LEFT_OUT));
        (step.address.clone(), vec![risk])
    };
    steps.iter().map(of).collect()
}

/// The same where nothing can be looked at.
pub(super) fn unseen(steps: &[&Step], why: &str) -> Vec<(Address, Vec<Risk>)> {
    let steps = deletions(steps).into_iter();
    steps
        .map(|step| (step.address.clone(), vec![unknown(why)]))
        .collect()
}

async fn look(kafka: &Kafka, names: &[String]) -> IndexMap<String, Risk> {
    let described = match kafka.describe_topics(names).await {
        Ok(described) => described,
        Err(error) => return all_unknown(names, &error.to_string()),
    };
    let (mut risks, mut topics) = (IndexMap::new(), Topics::new());
    for (name, topic) in described {
        match topic {
            Ok(topic) => {
                topics.insert(name, topic);
            }
            Err(error) if error.code == UNKNOWN_TOPIC => {
                risks.insert(name, gone(Code::TopicDeleted));
            }
            Err(error) => {
                risks.insert(name, unknown(&error.to_string()));
            }
        }
    }
    risks.extend(of_found(kafka, &topics).await);
    risks
}

async fn of_found(kafka: &Kafka, topics: &Topics) -> Vec<(String, Risk)> {
    if topics.is_empty() {
        return Vec::new();
    }
    let (mut spans, mut sizes, readers) = tokio::join!(
        kafka.spans(topics),
        kafka.topic_sizes(topics),
        readers(kafka, topics)
    );
    let risk = |name: &String| {
        let spans = told(spans.swap_remove(name));
        let bytes = told(sizes.swap_remove(name)).map(|sizes| sizes.values().sum());
        let clauses = readers.of(name, spans.as_ref().ok());
        let count = spans.map(|spans| spans.values().map(|span| span.records()).sum());
        let holdings = Holdings {
            what: "record",
            count,
            bytes,
            least: Harm::Low,
            clauses,
        };
        (name.clone(), holdings.risk(Code::TopicDeleted))
    };
    topics.keys().map(risk).collect()
}

/// What was read of one topic.
pub(super) fn told<T>(read: Option<Result<T, KafkaError>>) -> Read<T> {
    let left_out = || Err(LEFT_OUT.to_owned());
    read.map_or_else(left_out, |read| read.map_err(|error| error.to_string()))
}

fn all_unknown(names: &[String], why: &str) -> IndexMap<String, Risk> {
    let names = names.iter();
    names.map(|name| (name.clone(), unknown(why))).collect()
}

fn unknown(why: &str) -> Risk {
    let holdings = Holdings {
        what: "record",
        count: Err(why.to_owned()),
        bytes: Err(why.to_owned()),
        least: Harm::Low,
        clauses: Vec::new(),
    };
    holdings.risk(Code::TopicDeleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_deletions_are_looked_at_and_what_nobody_read_is_critical() {
        let doomed = crate::kinds::deletion::doomed("topic/t", Some("id"));
        let mut kept = doomed.clone();
        kept.action = crate::model::Action::Update;
        let off = || Err(Problem::error(Code::Unreachable, "kafka is not connected"));
        assert!(risks(off(), &[&kept]).await.is_empty());
        let told = risks(off(), &[&doomed, &kept]).await;
        assert_eq!(told.len(), 1);
        let risk = &told[0].1[0];
        assert_eq!(
            (risk.code, risk.harm, risk.at_stake),
            (Code::TopicDeleted, Harm::Critical, None)
        );
        assert_eq!(
            risk.evidence,
            "how many records it holds could not be read: kafka is not connected"
        );
    }
}
