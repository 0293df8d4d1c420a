//! What deleting a topic costs.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::broker::kafka::{
    Committed, Group, Kafka, KafkaError, Operation, Span, TopicDescription,
};
use crate::kinds::kafka::UNKNOWN_TOPIC;
use crate::kinds::loss::{Holdings, Read, deletions, gone, unread};
use crate::model::{Address, Code, Problem, Risk, Step, counted, few, grouped};

/// How many groups are looked at; each costs a listing of what it committed.
const LOOKED_AT: usize = 200;

/// How many of those that read a topic are named.
const NAMED: usize = 3;

const LEFT_OUT: &str = "the broker's answer does not mention it";

type Topics = IndexMap<String, TopicDescription>;

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
        let bytes = told(sizes.swap_remove(name));
        let clauses = readers.of(name, spans.as_ref().ok());
        let count = spans.map(|spans| spans.values().map(|span| span.records()).sum());
        let holdings = Holdings {
            what: "record",
            count,
            bytes,
            clauses,
        };
        (name.clone(), holdings.risk(Code::TopicDeleted))
    };
    topics.keys().map(risk).collect()
}

fn told<T>(read: Option<Result<T, KafkaError>>) -> Read<T> {
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
        clauses: Vec::new(),
    };
    holdings.risk(Code::TopicDeleted)
}

/// The groups that were looked at, and what keeps them from being all.
#[derive(Default)]
struct Readers {
    groups: Vec<(Group, Committed)>,
    gaps: Vec<String>,
}

async fn readers(kafka: &Kafka, topics: &Topics) -> Readers {
    match listed(kafka).await {
        Err(error) => Readers {
            groups: Vec::new(),
            gaps: vec![unread("its groups", &error.to_string())],
        },
        Ok((groups, gaps)) => looked_at(kafka, topics, groups, gaps).await,
    }
}

/// All groups that the user may see, and whether those are all.
async fn listed(kafka: &Kafka) -> Result<(Vec<Group>, Vec<String>), KafkaError> {
    let cluster = kafka.cluster().await?;
    let groups = kafka.list_groups(&cluster.brokers).await?;
    let rights = cluster.authorized_operations.as_deref();
    let sees_all = rights.is_none_or(|rights| rights.contains(&Operation::Describe));
    let gap = (!sees_all).then(|| unread("all of its groups", "needs DESCRIBE on the cluster"));
    Ok((groups, gap.into_iter().collect()))
}

async fn looked_at(
    kafka: &Kafka,
    topics: &Topics,
    mut groups: Vec<Group>,
    mut gaps: Vec<String>,
) -> Readers {
    if groups.len() > LOOKED_AT {
        let all = grouped(u64::try_from(groups.len()).unwrap_or(u64::MAX));
        gaps.push(format!("{all} groups, not all looked at"));
        // those with members are the ones that somebody would miss
        groups.sort_by_key(|group| !has_members(group));
        groups.truncate(LOOKED_AT);
    }
    let mut committed = kafka.committed(&groups, topics).await;
    let (mut read, mut failed) = (Vec::new(), Vec::new());
    for group in groups {
        match committed.swap_remove(&group.id) {
            Some(Ok(committed)) => read.push((group, committed)),
            Some(Err(error)) => failed.push((group.id, error.to_string())),
            None => {}
        }
    }
    if let Some((id, why)) = failed.first() {
        let more = match failed.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        gaps.push(unread(&format!("what group `{id}`{more} committed"), why));
    }
    Readers { groups: read, gaps }
}

fn has_members(group: &Group) -> bool {
    !matches!(group.state.as_deref(), Some("Empty" | "Dead"))
}

impl Readers {
    /// What is known of those that read a topic: by far the hindmost first, then what is not known.
    fn of(&self, topic: &str, spans: Option<&BTreeMap<i32, Span>>) -> Vec<String> {
        let behind = |(group, committed): &(Group, Committed)| {
            let offsets = committed.get(topic)?;
            Some((spans.map(|spans| unread_of(spans, offsets)), group.clone()))
        };
        let mut readers: Vec<_> = self.groups.iter().filter_map(behind).collect();
        readers.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.cmp(b)));
        let shown = few(readers.iter().map(told_reader), NAMED);
        let shown = Some(shown).filter(|shown| !shown.is_empty());
        shown.into_iter().chain(self.gaps.iter().cloned()).collect()
    }
}

/// How many records a group has not read, where nothing committed is nothing read.
fn unread_of(spans: &BTreeMap<i32, Span>, committed: &BTreeMap<i32, i64>) -> u64 {
    let left = |(index, span): (&i32, &Span)| {
        let offset = committed.get(index).copied().unwrap_or(span.start);
        span.records_from(offset)
    };
    spans.iter().map(left).sum()
}

fn told_reader((left, group): &(Option<u64>, Group)) -> String {
    let state = group
        .state
        .as_ref()
        .map(|state| format!(" ({})", state.to_lowercase()));
    let who = format!("group `{}`{}", group.id, state.unwrap_or_default());
    match left {
        None => format!("{who} reads it"),
        Some(0) => format!("{who} has read all"),
        Some(left) => format!("{who} has not read {}", counted(*left, "record")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Harm;

    fn group(id: &str, state: &str, topic: &str, offsets: &[(i32, i64)]) -> (Group, Committed) {
        let group = Group {
            id: id.to_owned(),
            state: Some(state.to_owned()),
            coordinator: 1,
        };
        let offsets = offsets.iter().copied().collect();
        (group, Committed::from([(topic.to_owned(), offsets)]))
    }

    fn spans() -> BTreeMap<i32, Span> {
        let span = |start, end| Span { start, end };
        BTreeMap::from([(0, span(100, 1_140)), (1, span(0, 60))])
    }

    #[test]
    fn groups_are_told_with_what_they_have_not_read() {
        let readers = Readers {
            groups: vec![
                group("done", "Empty", "t", &[(0, 1_140), (1, 60)]),
                group("other", "Stable", "u", &[(0, 5)]),
                group("billing", "Stable", "t", &[(0, 50)]),
                group("close", "Empty", "t", &[(0, 1_139), (1, 60)]),
            ],
            gaps: vec!["512 groups, not all looked at".to_owned()],
        };
        assert_eq!(
            readers.of("t", Some(&spans())),
            [
                "group `billing` (stable) has not read 1,100 records, group `close` (empty) has not read 1 record, group `done` (empty) has read all",
                "512 groups, not all looked at"
            ]
        );
        assert_eq!(
            readers.of("u", None),
            [
                "group `other` (stable) reads it",
                "512 groups, not all looked at"
            ]
        );
        assert!(Readers::default().of("t", Some(&spans())).is_empty());
    }

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
