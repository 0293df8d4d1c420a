//! The groups that read topics.

use std::collections::BTreeMap;

use super::losses::Topics;
use crate::broker::kafka::{Committed, Group, Kafka, KafkaError, Operation, Span};
use crate::kinds::loss::unread;
use crate::model::{counted, few, grouped};

/// How many groups are looked at; each costs a listing of what it committed.
const LOOKED_AT: usize = 200;

/// How many of those that read a topic are named.
const NAMED: usize = 3;

/// The groups that were looked at, and what keeps them from being all.
#[derive(Clone, Debug, Default)]
pub(in crate::kinds) struct Readers {
    pub(in crate::kinds) groups: Vec<(Group, Committed)>,
    pub(in crate::kinds) gaps: Vec<String>,
}

/// The groups that have committed something on these topics, as far as they can be read.
pub(in crate::kinds) async fn readers(kafka: &Kafka, topics: &Topics) -> Readers {
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

/// Whether somebody is there; where the state is not told, somebody may be.
pub(in crate::kinds) fn has_members(group: &Group) -> bool {
    !matches!(group.state.as_deref(), Some("Empty" | "Dead"))
}

impl Readers {
    /// What is known of those that read a topic: by far the hindmost first, then what is not known.
    pub(super) fn of(&self, topic: &str, spans: Option<&BTreeMap<i32, Span>>) -> Vec<String> {
        let readers = self.behind(topic, spans);
        self.with_gaps(few(readers.iter().map(told_reader), NAMED))
    }

    /// Those that have not read all of these records, the hindmost first, then what is not known.
    pub(super) fn of_them(&self, topic: &str, spans: &BTreeMap<i32, Span>) -> Vec<String> {
        let readers = self.behind(topic, Some(spans)).into_iter();
        let late =
            readers.filter_map(|(left, group)| left.filter(|left| *left > 0).zip(Some(group)));
        let late: Vec<_> = late.collect();
        let told = |(left, group): &(u64, Group)| {
            format!("{} has not read {} of them", who(group), grouped(*left))
        };
        self.with_gaps(few(late.iter().map(told), NAMED))
    }

    /// Those with members that read a topic, then what is not known.
    pub(super) fn at_work(&self, topic: &str) -> Vec<String> {
        let at_work = self
            .groups
            .iter()
            .filter(|(group, committed)| has_members(group) && committed.contains_key(topic));
        let at_work: Vec<_> = at_work.collect();
        let told = |(group, _): &&(Group, Committed)| format!("{} reads it", who(group));
        self.with_gaps(few(at_work.iter().map(told), NAMED))
    }

    fn behind(
        &self,
        topic: &str,
        spans: Option<&BTreeMap<i32, Span>>,
    ) -> Vec<(Option<u64>, Group)> {
        let behind = |(group, committed): &(Group, Committed)| {
            let offsets = committed.get(topic)?;
            Some((spans.map(|spans| unread_of(spans, offsets)), group.clone()))
        };
        let mut readers: Vec<_> = self.groups.iter().filter_map(behind).collect();
        readers.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.cmp(b)));
        readers
    }

    fn with_gaps(&self, shown: String) -> Vec<String> {
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
    let who = who(group);
    match left {
        None => format!("{who} reads it"),
        Some(0) => format!("{who} has read all"),
        Some(left) => format!("{who} has not read {}", counted(*left, "record")),
    }
}

fn who(group: &Group) -> String {
    let state = group.state.as_ref();
    let state = state.map(|state| format!(" ({})", state.to_lowercase()));
    format!("group `{}`{}", group.id, state.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn only_those_that_miss_some_of_what_goes_are_told() {
        let readers = Readers {
            groups: vec![
                group("done", "Empty", "t", &[(0, 300), (1, 0)]),
                group("late", "Stable", "t", &[(0, 120), (1, 0)]),
            ],
            gaps: Vec::new(),
        };
        let going = BTreeMap::from([(
            0,
            Span {
                start: 100,
                end: 200,
            },
        )]);
        assert_eq!(
            readers.of_them("t", &going),
            ["group `late` (stable) has not read 80 of them"]
        );
        assert_eq!(readers.at_work("t"), ["group `late` (stable) reads it"]);
        assert!(readers.at_work("u").is_empty());
    }
}
