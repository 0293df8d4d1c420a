//! What trueup itself needs, so that it is not taken away from it.

use std::collections::HashSet;
use std::net::IpAddr;

use super::effect::gives_all_of;
use super::losses::{ANYBODY, right};
use super::rules::CLUSTER_NAME;
use super::{AclBinding, Operation, PatternType, Permission, ResourceType, acl_of};
use crate::kinds::{KafkaFacts, Observations, Observed, Resources};
use crate::ledger::KafkaStore;
use crate::model::{Address, Broker, KindName};

/// What trueup asks for on the cluster.
const ON_CLUSTER: [Operation; 5] = [
    Operation::Describe,
    Operation::Alter,
    Operation::Create,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
];

/// What trueup asks for on a topic that it keeps.
const ON_TOPIC: [Operation; 5] = [
    Operation::Describe,
    Operation::Create,
    Operation::Alter,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
];

/// What trueup asks for on the topic of its ledger.
const ON_LEDGER: [Operation; 4] = [
    Operation::Describe,
    Operation::Create,
    Operation::Read,
    Operation::Write,
];

/// What trueup asks for on the transactional ids by which it writes its ledger.
const ON_WRITERS: [Operation; 2] = [Operation::Describe, Operation::Write];

/// Whether an ACL allows something to everybody, trueup among them.
pub fn allows_everybody(address: &Address) -> bool {
    let acl = (address.kind == KindName::Acl).then(|| acl_of(address));
    acl.is_some_and(|acl| {
        acl.is_ok_and(|acl| acl.permission == Permission::Allow && acl.principal == ANYBODY)
    })
}

/// Why an ACL is not taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spared {
    /// It is of trueup's own principal.
    Own,
    /// It is of everybody, and nothing else gives this right to trueup's own principal.
    Only(String),
}

/// What gives trueup its rights when some ACLs have gone.
#[derive(Debug)]
pub struct Own<'a> {
    principal: &'a str,
    address: Option<IpAddr>,
    declared: &'a Resources,
    /// The allows that stay and those that are made.
    stay: Vec<AclBinding>,
    /// Whether its ledger is in Kafka.
    records_here: bool,
    /// Whether it may do what no ACL gives it: a super user, or somebody whom no authorizer asks.
    needs_no_acl: bool,
}

impl<'a> Own<'a> {
    /// By what is declared, what is there, and what of it goes; none where it is not known who trueup is.
    pub fn of(
        facts: &'a KafkaFacts,
        declared: &'a Resources,
        there: &Observations,
        goes: &HashSet<&Address>,
    ) -> Option<Own<'a>> {
        let principal = facts.principal.as_deref()?;
        let allow = |address: &Address| {
            let acl = (address.kind == KindName::Acl).then(|| acl_of(address));
            let ours = [principal, ANYBODY];
            acl?.ok().filter(|acl| {
                acl.permission == Permission::Allow && ours.contains(&acl.principal.as_str())
            })
        };
        let there = there.iter();
        let there = there.filter(|(_, seen)| matches!(seen, Observed::Present(_)));
        let held: Vec<(&Address, AclBinding)> = there
            .filter_map(|(address, _)| Some((address, allow(address)?)))
            .collect();
        let is_given = |operation: &Operation| {
            held.iter().any(|(_, acl)| {
                let wherever = on_cluster(principal, *operation, &acl.host);
                gives_all_of(acl, &wherever)
            })
        };
        let needs_no_acl = facts.rights.iter().any(|it| !is_given(it));
        let stay = held
            .into_iter()
            .filter(|(address, _)| !goes.contains(address));
        let stay = stay.map(|(_, acl)| acl);
        Some(Own {
            principal,
            address: facts.local_address,
            declared,
            records_here: ledger_is_in_kafka(declared.keys().chain(goes.iter().copied())),
            stay: stay.chain(declared.keys().filter_map(allow)).collect(),
            needs_no_acl,
        })
    }

    /// Whether an ACL has to stay, so that trueup can go on, and why.
    pub fn spares(&self, address: &Address) -> Option<Spared> {
        let acl = acl_of(address).ok()?;
        if acl.permission == Permission::Deny {
            return None;
        }
        if acl.principal == self.principal {
            return Some(Spared::Own);
        }
        if acl.principal != ANYBODY || self.needs_no_acl {
            return None;
        }
        let mut lost = self.needed(&acl).into_iter();
        let lost = lost.find(|needed| gives_all_of(&acl, needed) && !self.is_given(needed))?;
        Some(Spared::Only(right(&lost)))
    }

    fn is_given(&self, needed: &AclBinding) -> bool {
        let mut stay = self.stay.iter();
        let on_cluster = on_cluster(self.principal, needed.operation, &needed.host);
        stay.any(|acl| {
            let creates = needed.operation == Operation::Create && gives_all_of(acl, &on_cluster);
            creates || gives_all_of(acl, needed)
        })
    }

    /// What trueup needs of what such an ACL may be about, from where it comes.
    fn needed(&self, acl: &AclBinding) -> Vec<AclBinding> {
        let host = match self.address {
            Some(address) if acl.host == "*" => address.to_string(),
            // behind address translation a host may be ours that does not look so
            Some(_) | None => acl.host.clone(),
        };
        let on = |name: &str, pattern, operations: &[Operation]| -> Vec<AclBinding> {
            let one = |operation: &Operation| AclBinding {
                principal: self.principal.to_owned(),
                permission: Permission::Allow,
                operation: *operation,
                resource_type: acl.resource_type,
                pattern,
                name: name.to_owned(),
                host: host.clone(),
            };
            operations.iter().map(one).collect()
        };
        match acl.resource_type {
            ResourceType::Cluster => on(CLUSTER_NAME, PatternType::Literal, &ON_CLUSTER),
            ResourceType::Topic => {
                let topics = topics_of(acl, self.declared);
                let kept = topics.flat_map(|topic| on(topic, PatternType::Literal, &ON_TOPIC));
                let is_ledgers = self.records_here && covers(acl, KafkaStore::TOPIC);
                let ledger =
                    is_ledgers.then(|| on(KafkaStore::TOPIC, PatternType::Literal, &ON_LEDGER));
                kept.chain(ledger.into_iter().flatten()).collect()
            }
            ResourceType::TransactionalId if self.records_here && covers_the_writers(acl) => {
                let (pattern, name) = match acl.name.starts_with(KafkaStore::WRITERS) {
                    true => (acl.pattern, acl.name.as_str()),
                    false => (PatternType::Prefixed, KafkaStore::WRITERS),
                };
                on(name, pattern, &ON_WRITERS)
            }
            ResourceType::TransactionalId
            | ResourceType::Group
            | ResourceType::DelegationToken
            | ResourceType::User => Vec::new(),
        }
    }
}

fn on_cluster(principal: &str, operation: Operation, host: &str) -> AclBinding {
    AclBinding {
        principal: principal.to_owned(),
        permission: Permission::Allow,
        operation,
        resource_type: ResourceType::Cluster,
        pattern: PatternType::Literal,
        name: CLUSTER_NAME.to_owned(),
        host: host.to_owned(),
    }
}

/// Whether a deny is about what trueup needs.
pub(super) fn takes_a_needed_right(deny: &AclBinding, all: &Resources) -> bool {
    let denies = |operations: &[Operation]| {
        deny.operation == Operation::All || operations.contains(&deny.operation)
    };
    let records_here = ledger_is_in_kafka(all.keys());
    match deny.resource_type {
        ResourceType::Cluster => denies(&ON_CLUSTER),
        ResourceType::Topic => {
            (denies(&ON_TOPIC) && topics_of(deny, all).next().is_some())
                || (denies(&ON_LEDGER) && records_here && covers(deny, KafkaStore::TOPIC))
        }
        ResourceType::TransactionalId => {
            denies(&ON_WRITERS) && records_here && covers_the_writers(deny)
        }
        ResourceType::Group | ResourceType::DelegationToken | ResourceType::User => false,
    }
}

/// The declared topics that an ACL is about.
fn topics_of<'a>(acl: &AclBinding, all: &'a Resources) -> impl Iterator<Item = &'a str> {
    let topics = all.keys().filter(|it| it.kind == KindName::Topic);
    let topics = topics.map(|topic| topic.name.as_str());
    topics.filter(|topic| covers(acl, topic))
}

/// Whether it is about some that begin as those of a stack do.
fn covers_the_writers(acl: &AclBinding) -> bool {
    let begin = KafkaStore::WRITERS;
    match acl.pattern {
        PatternType::Literal => acl.name == "*" || acl.name.starts_with(begin),
        PatternType::Prefixed => acl.name.starts_with(begin) || begin.starts_with(&acl.name),
    }
}

/// That of a manifest that speaks of NATS is there, unless it says otherwise.
fn ledger_is_in_kafka<'a>(mut all: impl Iterator<Item = &'a Address>) -> bool {
    all.all(|it| it.kind.broker() == Broker::Kafka)
}

fn covers(acl: &AclBinding, topic: &str) -> bool {
    match acl.pattern {
        PatternType::Literal => acl.name == "*" || acl.name == topic,
        PatternType::Prefixed => topic.starts_with(&acl.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Live;
    use crate::model::{Flat, Resource};

    const HERE: &str = "192.168.7.9";
    const TOPICS: &str = "acl/User:*/allow/all/topic/literal/*/*";
    const WRITERS: &str = "acl/User:*/allow/all/transactional_id/literal/*/*";
    const CLUSTER: &str = "acl/User:*/allow/alter/cluster/literal/kafka-cluster/*";

    fn facts(rights: &[Operation]) -> KafkaFacts {
        KafkaFacts {
            cluster_id: "c".to_owned(),
            brokers: 1,
            release: None,
            principal: Some("User:ann".to_owned()),
            rights: rights.to_vec(),
            local_address: HERE.parse().ok(),
        }
    }

    /// What is said of an ACL that goes, by what is declared and what is there beside it.
    fn spared(gone: &str, declared: &[&str], there: &[&str], facts: &KafkaFacts) -> Option<Spared> {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let declared = declared
            .iter()
            .map(|it| Resource::new(address(it), Flat::new()));
        let declared = declared.map(|it| (it.address.clone(), it)).collect();
        let gone = address(gone);
        let there = there.iter().map(|it| address(it)).chain([gone.clone()]);
        let there = there.map(|it| (it, Observed::Present(Live::default())));
        let own = Own::of(facts, &declared, &there.collect(), &HashSet::from([&gone]));
        own.unwrap().spares(&gone)
    }

    fn only(right: &str) -> Option<Spared> {
        Some(Spared::Only(right.to_owned()))
    }

    #[test]
    fn what_everybody_may_stays_where_trueup_has_it_by_nothing_else() {
        let told = |gone| spared(gone, &["topic/t"], &[], &facts(&[]));
        for (gone, right) in [
            (
                CLUSTER,
                "`describe` on cluster `kafka-cluster` from `192.168.7.9`",
            ),
            (TOPICS, "`describe` on topic `t` from `192.168.7.9`"),
            (
                WRITERS,
                "`describe` on transactional_ids `trueup-..` from `192.168.7.9`",
            ),
            (
                "acl/User:*/allow/alter_configs/topic/prefixed/t/10.0.0.1",
                "`describe_configs` on topic `t` from `10.0.0.1`",
            ),
            (
                "acl/User:*/allow/write/topic/literal/__trueup/*",
                "`describe` on topic `__trueup` from `192.168.7.9`",
            ),
            (
                "acl/User:*/allow/write/transactional_id/literal/trueup-shop/*",
                "`describe` on transactional_id `trueup-shop` from `192.168.7.9`",
            ),
        ] {
            assert_eq!(told(gone), only(right), "{gone}");
        }
        for gone in [
            "acl/User:*/allow/all/topic/literal/other/*",
            "acl/User:*/allow/read/group/literal/*/*",
            "acl/User:*/allow/write/transactional_id/prefixed/orders-/*",
            "acl/User:*/deny/alter/topic/literal/t/*",
            "acl/User:bob/allow/all/topic/literal/*/*",
        ] {
            assert_eq!(told(gone), None, "{gone}");
        }
        let own = "acl/User:ann/allow/read/topic/literal/other/*";
        assert_eq!(told(own), Some(Spared::Own));
        let of_nats = spared(WRITERS, &["topic/t", "stream/S"], &[], &facts(&[]));
        assert_eq!(of_nats, None, "the ledger is in NATS");
    }

    #[test]
    fn a_ledger_in_nats_needs_no_right_on_kafka_when_all_goes() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let (gone, stream, none) = (address(WRITERS), address("stream/S"), Resources::new());
        let (facts, there) = (facts(&[]), Observations::new());
        let spares = |goes: &[&Address]| {
            let goes = goes.iter().copied().collect();
            Own::of(&facts, &none, &there, &goes).unwrap().spares(&gone)
        };
        assert_eq!(spares(&[&gone, &stream]), None);
        assert!(spares(&[&gone]).is_some());
    }

    #[test]
    fn it_may_go_where_trueup_has_what_it_needs_otherwise() {
        for (gone, keeps) in [
            (
                CLUSTER,
                "acl/User:ann/allow/alter/cluster/literal/kafka-cluster/*",
            ),
            (
                CLUSTER,
                "acl/User:*/allow/all/cluster/literal/kafka-cluster/*",
            ),
            (
                WRITERS,
                "acl/User:ann/allow/write/transactional_id/prefixed/trueup-/*",
            ),
            (
                WRITERS,
                "acl/User:*/allow/write/transactional_id/literal/*/192.168.7.9",
            ),
            (TOPICS, "acl/User:ann/allow/all/topic/literal/*/*"),
        ] {
            let (declared, facts) = (["topic/t"], facts(&[]));
            assert_eq!(
                spared(gone, &["topic/t", keeps], &[], &facts),
                None,
                "{keeps}"
            );
            assert_eq!(spared(gone, &declared, &[keeps], &facts), None, "{keeps}");
        }
        for (gone, too_little) in [
            (TOPICS, "acl/User:ann/allow/all/topic/literal/t/*"),
            (
                CLUSTER,
                "acl/User:ann/allow/describe/cluster/literal/kafka-cluster/*",
            ),
            (
                WRITERS,
                "acl/User:*/allow/write/transactional_id/literal/*/10.9.9.9",
            ),
            (
                WRITERS,
                "acl/User:bob/allow/write/transactional_id/literal/*/*",
            ),
        ] {
            let told = spared(gone, &["topic/t"], &[too_little], &facts(&[]));
            assert!(told.is_some(), "{too_little}");
        }
    }

    #[test]
    fn creating_topics_needs_the_right_on_the_cluster_or_on_each() {
        let gone = "acl/User:*/allow/create/topic/literal/*/*";
        let on_cluster = "acl/User:ann/allow/create/cluster/literal/kafka-cluster/*";
        let told = |there: &[&str]| spared(gone, &["topic/t"], there, &facts(&[]));
        assert_eq!(told(&[on_cluster]), None);
        assert_eq!(told(&[]), only("`create` on topic `t` from `192.168.7.9`"));
    }

    #[test]
    fn who_may_what_no_acl_gives_needs_none() {
        let may = facts(&[
            Operation::Describe,
            Operation::Alter,
            Operation::ClusterAction,
        ]);
        for gone in [TOPICS, WRITERS, CLUSTER] {
            assert_eq!(spared(gone, &["topic/t"], &[], &may), None, "{gone}");
        }
        let given = facts(&[Operation::Describe, Operation::Alter]);
        let by = "acl/User:*/allow/alter/cluster/literal/kafka-cluster/*";
        assert!(spared(TOPICS, &["topic/t"], &[by], &given).is_some());
    }
}
