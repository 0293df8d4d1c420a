//! Who uses what an ACL gives, as far as brokers tell: groups with members. As whom those log in no broker tells.

use indexmap::IndexMap;

use super::effect::is_on_all_of;
use super::{AclBinding, Operation, PatternType, Permission, ResourceType, acl_of};
use crate::broker::kafka::{Group, Kafka, KafkaError};
use crate::kinds::loss::{Read, unread};
use crate::kinds::topic::{Readers, Topics, has_members, readers};
use crate::model::{Address, Code, Harm, Problem, Risk, few};

/// How many groups are named.
const NAMED: usize = 3;

/// More topics than these are not looked at for the groups that read them.
const LOOKED_AT: usize = 100;

/// Adds who uses it now to the evidence of each right that goes and that nothing else gives.
pub(super) async fn tell(client: &Result<&Kafka, Problem>, told: &mut [(Address, Vec<Risk>)]) {
    let Ok(kafka) = client else {
        return;
    };
    let mut known: Option<Known> = None;
    for (address, risks) in told {
        let Some(acl) = acl_of(address).ok().filter(is_of_readers) else {
            continue;
        };
        for risk in risks.iter_mut().filter(|risk| is_missed(risk)) {
            if known.is_none() {
                known = Some(Known::read(kafka).await);
            }
            let users = match &known {
                Some(known) => users(kafka, known, &acl).await,
                None => continue,
            };
            risk.evidence = format!("{}; {}", risk.evidence, said(&users));
        }
    }
}

/// Whether groups use what it gives.
fn is_of_readers(acl: &AclBinding) -> bool {
    let is_read = [Operation::Read, Operation::All].contains(&acl.operation);
    let of_readers = [ResourceType::Group, ResourceType::Topic].contains(&acl.resource_type);
    acl.permission == Permission::Allow && is_read && of_readers
}

fn is_missed(risk: &Risk) -> bool {
    risk.code == Code::AclRemoved && risk.harm >= Harm::High
}

/// What is read once for all ACLs.
struct Known {
    groups: Result<Vec<Group>, KafkaError>,
    topics: Result<Vec<String>, KafkaError>,
}

impl Known {
    async fn read(kafka: &Kafka) -> Known {
        let groups = async {
            let cluster = kafka.cluster().await?;
            kafka.list_groups(&cluster.brokers).await
        };
        let (groups, topics) = tokio::join!(groups, kafka.list_topics());
        Known { groups, topics }
    }
}

/// The groups with members that read what the ACL is on, or are what it is on.
async fn users(kafka: &Kafka, known: &Known, acl: &AclBinding) -> Read<Vec<String>> {
    let groups = known.groups.as_ref().map_err(ToString::to_string)?;
    let at_work = groups.iter().filter(|group| has_members(group));
    if acl.resource_type == ResourceType::Group {
        let within = at_work.filter(|group| is_within(acl, &group.id));
        return Ok(within.map(|group| group.id.clone()).collect());
    }
    let topics = known.topics.as_ref().map_err(ToString::to_string)?;
    let names: Vec<String> = topics
        .iter()
        .filter(|name| is_within(acl, name))
        .cloned()
        .collect();
    if names.len() > LOOKED_AT {
        return Err(format!("it is on more than {LOOKED_AT} topics"));
    }
    let described = kafka.describe_topics(&names).await;
    let described = described.map_err(|error| error.to_string())?;
    let topics: Topics = described
        .into_iter()
        .filter_map(|(name, topic)| Some((name, topic.ok()?)))
        .collect();
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    reading(readers(kafka, &topics).await, &topics)
}

/// Those of these groups that have members and read one of the topics; what kept them from being all, where there are none.
fn reading<T>(readers: Readers, topics: &IndexMap<String, T>) -> Read<Vec<String>> {
    let reads =
        |committed: &IndexMap<String, _>| topics.keys().any(|it| committed.contains_key(it));
    let groups = readers.groups.iter();
    let reading = groups.filter(|(group, committed)| has_members(group) && reads(committed));
    let reading: Vec<String> = reading.map(|(group, _)| group.id.clone()).collect();
    match (reading.is_empty(), readers.gaps.into_iter().next()) {
        (true, Some(gap)) => Err(gap),
        (_, _) => Ok(reading),
    }
}

fn is_within(acl: &AclBinding, name: &str) -> bool {
    let one = AclBinding {
        pattern: PatternType::Literal,
        name: name.to_owned(),
        ..acl.clone()
    };
    is_on_all_of(acl, &one)
}

fn said(users: &Read<Vec<String>>) -> String {
    match users {
        Err(why) => unread("which groups use it", why),
        Ok(groups) if groups.is_empty() => {
            "no group with members uses it now, as far as brokers tell".to_owned()
        }
        Ok(groups) => {
            let (is, names) = (
                if groups.len() == 1 {
                    "uses it and has"
                } else {
                    "use it and have"
                },
                few(groups.iter().map(|id| format!("group `{id}`")), NAMED),
            );
            format!("{names} {is} members now; as whom they log in no broker tells")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::kafka::Committed;

    fn acl(text: &str) -> AclBinding {
        acl_of(&format!("acl/{text}").parse().unwrap()).unwrap()
    }

    fn group(id: &str, state: &str, topic: &str) -> (Group, Committed) {
        let group = Group {
            id: id.to_owned(),
            state: Some(state.to_owned()),
            coordinator: 1,
        };
        let at = [(0, 5)].into_iter().collect();
        (group, Committed::from([(topic.to_owned(), at)]))
    }

    #[test]
    fn only_rights_to_read_are_used_by_groups() {
        for (text, is) in [
            ("User:a/allow/read/group/literal/g/*", true),
            ("User:a/allow/all/topic/prefixed/o/*", true),
            ("User:a/allow/write/topic/literal/t/*", false),
            ("User:a/allow/read/cluster/literal/kafka-cluster/*", false),
            ("User:a/deny/read/group/literal/g/*", false),
        ] {
            assert_eq!(is_of_readers(&acl(text)), is, "{text}");
        }
        let on = acl("User:a/allow/read/group/prefixed/billing-/*");
        assert!(is_within(&on, "billing-eu") && !is_within(&on, "audit"));
        assert!(is_within(
            &acl("User:a/allow/read/group/literal/*/*"),
            "audit"
        ));
    }

    #[test]
    fn those_with_members_are_told_and_a_gap_only_where_there_are_none() {
        let topics = IndexMap::from([("t".to_owned(), ())]);
        let gap = || vec!["its groups could not be read: no".to_owned()];
        let readers = |groups, gaps| Readers { groups, gaps };
        let found = reading(
            readers(
                vec![
                    group("a", "Stable", "t"),
                    group("b", "Empty", "t"),
                    group("c", "Stable", "u"),
                ],
                gap(),
            ),
            &topics,
        );
        assert_eq!(found, Ok(vec!["a".to_owned()]));
        assert_eq!(
            said(&found),
            "group `a` uses it and has members now; as whom they log in no broker tells"
        );
        let none = reading(readers(vec![group("b", "Empty", "t")], Vec::new()), &topics);
        assert!(said(&none).starts_with("no group with members"));
        let dark = reading(readers(Vec::new(), gap()), &topics);
        assert!(said(&dark).contains("could not be read"));
    }
}
