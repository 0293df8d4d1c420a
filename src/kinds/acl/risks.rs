//! What making an ACL costs, and what a manifest shows of it.

use std::collections::{BTreeSet, HashSet};

use indexmap::IndexMap;

use super::effect::{is_on_all_of, takes_some_of};
use super::losses::{ANYBODY, Held, right};
use super::{AclBinding, Operation, PatternType, Permission, ResourceType, acl_of, address_of};
use crate::broker::kafka::{AclFilter, ConfigEntry, ItemError, Kafka, KafkaError};
use crate::kinds::foretold::warning;
use crate::kinds::kafka::UNKNOWN_TOPIC;
use crate::kinds::loss::{Read, risk, unread};
use crate::kinds::{Resources, Sight, declared_of};
use crate::model::{
    Action, Address, Code, Harm, KindName, Place, Problem, Resource, Risk, Step, few,
};

/// How many of the ACLs that a deny outweighs are named.
const NAMED: usize = 3;

const EVERYONE: &str = "allow.everyone.if.no.acl.found";

/// What these creations cost, beside the ACLs that there are.
pub(super) async fn risks(
    client: &Result<&Kafka, Problem>,
    steps: &[&Step],
    held: &Held,
) -> Vec<(Address, Vec<Risk>)> {
    let made = made(steps);
    if made.is_empty() {
        return Vec::new();
    }
    let acls: Vec<&AclBinding> = made.iter().map(|(_, acl)| acl).collect();
    let first = match client {
        Ok(kafka) => first_on(kafka, &acls).await,
        Err(_) => First::default(),
    };
    let beside = beside(client, &acls).await;
    told(&made, held, &beside, |_| &first)
}

/// The same by what was seen: all ACLs, and not whether a resource without one is open to all.
pub(super) fn by_sight(
    sight: &Sight<'_>,
    steps: &[&Step],
    held: &Held,
) -> Vec<(Address, Vec<Risk>)> {
    let (known, unknown) = (
        First::default(),
        First {
            gap: Some(unread("whether it is set", sight.why)),
            ..First::default()
        },
    );
    let covered = |acl: &AclBinding| {
        let mut held = held.iter().flatten();
        held.any(|held| is_on_all_of(held, acl))
    };
    let is_absent = |acl: &AclBinding| {
        let topic = Address::new(KindName::Topic, acl.name.as_str());
        is_of_one_topic(acl) && !sight.resources.contains_key(&topic)
    };
    let made = made(steps);
    let topics = sight.of(KindName::Topic);
    let beside = Beside {
        prefixed: held.clone().map(|held| with_made(held, &made)),
        topics: Ok(topics.map(|(topic, _)| topic.name.clone()).collect()),
    };
    told(&made, held, &beside, |acl| {
        match covered(acl) || is_absent(acl) {
            true => &known,
            false => &unknown,
        }
    })
}

fn made<'s>(steps: &[&'s Step]) -> Vec<(&'s Address, AclBinding)> {
    let made = steps.iter().filter(|step| step.action == Action::Create);
    made.filter_map(|step| Some((&step.address, acl_of(&step.address).ok()?)))
        .collect()
}

fn told<'f>(
    made: &[(&Address, AclBinding)],
    held: &Held,
    beside: &Beside,
    first: impl Fn(&AclBinding) -> &'f First,
) -> Vec<(Address, Vec<Risk>)> {
    let of = |(address, acl): &(&Address, AclBinding)| {
        let risks = [
            shadows(acl, held),
            overlaps(acl, &beside.prefixed, &beside.topics),
            wide(acl),
            first(acl).risk(acl),
        ];
        ((*address).clone(), risks.into_iter().flatten().collect())
    };
    let told = made.iter().map(of);
    told.filter(|(_, risks): &(Address, Vec<Risk>)| !risks.is_empty())
        .collect()
}

/// The codes that [`foretold`] may tell: those that follow from an ACL alone, or from two.
pub(super) const FORETELLS: [Code; 5] = [
    Code::AclDenyShadows,
    Code::AclPrefixOverlaps,
    Code::AclInternal,
    Code::AclAdmin,
    Code::AclWide,
];

/// What declared ACLs show by themselves. An entry is many ACLs: what is said of one of them is said once.
pub(super) fn foretold(all: &Resources) -> Vec<Problem> {
    let acls = declared_of(KindName::Acl, all);
    let acls = acls.filter_map(|resource| Some((resource, acl_of(&resource.address).ok()?)));
    let acls: Vec<(&Resource, AclBinding)> = acls.collect();
    let held: Held = Ok(acls.iter().map(|(_, acl)| acl.clone()).collect());
    let topics = declared_of(KindName::Topic, all).map(|topic| topic.address.name.clone());
    let topics: Read<Vec<String>> = Ok(topics.collect());
    let mut told: IndexMap<(Code, Option<Place>), (Problem, usize)> = IndexMap::new();
    for (resource, acl) in &acls {
        let risks = [
            shadows(acl, &held),
            overlaps(acl, &held, &topics),
            wide(acl),
        ];
        for risk in risks.into_iter().flatten() {
            let first = || (warning(risk.code, risk.evidence, resource), 0);
            let of_entry = (risk.code, resource.place.clone());
            told.entry(of_entry)
                .and_modify(|(_, more)| *more += 1)
                .or_insert_with(first);
        }
    }
    told.into_values().map(with_more).collect()
}

fn with_more((problem, more): (Problem, usize)) -> Problem {
    let said = &problem.message;
    let message = match more {
        0 => return problem,
        1 => format!("{said}; and so does another right of the same entry"),
        many => format!("{said}; and so do {many} more rights of the same entry"),
    };
    Problem { message, ..problem }
}

/// A deny that takes what an allow of now gives.
fn shadows(acl: &AclBinding, held: &Held) -> Option<Risk> {
    if acl.permission == Permission::Allow {
        return None;
    }
    let what = right(acl);
    let (harm, evidence) = match held {
        Err(why) => {
            let unread = unread("which ACLs allow it", why);
            (
                Harm::High,
                format!("it denies `{}` {what}; {unread}", acl.principal),
            )
        }
        Ok(held) => {
            let taken: Vec<&AclBinding> = held
                .iter()
                .filter(|allow| takes_some_of(acl, allow))
                .collect();
            let harm = of_shadow(acl, &taken);
            let mut taken: Vec<Address> = taken.into_iter().map(address_of).collect();
            taken.sort_by(|one, other| one.name.cmp(&other.name));
            if taken.is_empty() {
                return None;
            }
            let taken = few(taken.iter().map(|address| format!("`{address}`")), NAMED);
            (
                harm,
                format!(
                    "it takes {what} from `{}`, which is allowed by {taken}",
                    acl.principal
                ),
            )
        }
    };
    Some(risk(Code::AclDenyShadows, harm, evidence, None))
}

/// Who is meant to have a right is cut off; an exception to what everybody may is what a deny is for.
fn of_shadow(deny: &AclBinding, taken: &[&AclBinding]) -> Harm {
    let is_exception = deny.principal != ANYBODY && taken.iter().all(|a| a.principal == ANYBODY);
    if is_exception {
        Harm::Medium
    } else {
        Harm::High
    }
}

/// What prefixes are beside: the ACLs on others, those of the same plan among them, and the topics that there are.
struct Beside {
    prefixed: Held,
    topics: Read<Vec<String>>,
}

/// Asked for only where one of these ACLs is on a prefix.
async fn beside(client: &Result<&Kafka, Problem>, made: &[&AclBinding]) -> Beside {
    let none = || Beside {
        prefixed: Ok(HashSet::new()),
        topics: Ok(Vec::new()),
    };
    if !made.iter().any(|acl| may_overlap(acl)) {
        return none();
    }
    let dark = |why: String| Beside {
        prefixed: Err(why.clone()),
        topics: Err(why),
    };
    let kafka = match client {
        Ok(kafka) => kafka,
        Err(problem) => return dark(problem.message.clone()),
    };
    let filter = AclFilter {
        permission: Some(Permission::Allow),
        pattern: Some(PatternType::Prefixed),
        ..AclFilter::default()
    };
    let filters = [filter];
    let (held, topics) = tokio::join!(kafka.describe_acls(&filters), kafka.list_topics());
    let held = held.map_err(|error| super::observe::unread(&error).message);
    let made = made.iter().copied().cloned();
    Beside {
        prefixed: held.map(|held| held.into_iter().chain(made).collect()),
        topics: topics.map_err(|error| error.to_string()),
    }
}

fn with_made(held: HashSet<AclBinding>, made: &[(&Address, AclBinding)]) -> HashSet<AclBinding> {
    let made = made.iter().map(|(_, acl)| acl.clone());
    held.into_iter().chain(made).collect()
}

fn may_overlap(acl: &AclBinding) -> bool {
    let is_on_prefix = acl.pattern == PatternType::Prefixed && !is_everything(acl);
    acl.permission == Permission::Allow && is_on_prefix && !only_looks(acl.operation)
}

/// An allow on a prefix with which the longer one of somebody else begins.
fn overlaps(acl: &AclBinding, held: &Held, topics: &Read<Vec<String>>) -> Option<Risk> {
    if !may_overlap(acl) {
        return None;
    }
    let (who, what) = (&acl.principal, right(acl));
    let harm = match changes(acl.operation) {
        true => Harm::High,
        false => Harm::Medium,
    };
    let held = match held {
        Ok(held) => held,
        Err(why) => {
            let unread = unread("which prefixes others have", why);
            let evidence = format!("`{who}` gets {what}; {unread}");
            return Some(risk(Code::AclPrefixOverlaps, harm, evidence, None));
        }
    };
    let is_theirs = |other: &&AclBinding| {
        other.permission == Permission::Allow
            && other.pattern == PatternType::Prefixed
            && other.resource_type == acl.resource_type
            && ![who.as_str(), ANYBODY].contains(&other.principal.as_str())
            && other.name.len() > acl.name.len()
            && other.name.starts_with(&acl.name)
    };
    let theirs = held.iter().filter(is_theirs);
    let theirs: BTreeSet<(&str, &str)> = theirs
        .map(|it| (it.name.as_str(), it.principal.as_str()))
        .collect();
    if theirs.is_empty() {
        return None;
    }
    let named = theirs
        .iter()
        .map(|(prefix, other)| format!("`{prefix}` of `{other}`"));
    let evidence = format!(
        "`{who}` gets {what}, and so on what is under {}{}",
        few(named, NAMED),
        within(acl, &theirs, topics)
    );
    Some(risk(Code::AclPrefixOverlaps, harm, evidence, None))
}

/// Which topics those are now.
fn within(acl: &AclBinding, theirs: &BTreeSet<(&str, &str)>, topics: &Read<Vec<String>>) -> String {
    if acl.resource_type != ResourceType::Topic {
        return String::new();
    }
    match topics {
        Err(why) => format!("; {}", unread("which topics those are", why)),
        Ok(topics) => {
            let is_theirs = |name: &&String| theirs.iter().any(|(it, _)| name.starts_with(it));
            let names: Vec<String> = topics
                .iter()
                .filter(is_theirs)
                .map(|name| format!("`{name}`"))
                .collect();
            match names.is_empty() {
                true => ": no topic yet".to_owned(),
                false => format!(": {}", few(names.iter(), NAMED)),
            }
        }
    }
}

/// An allow for more than one would expect.
fn wide(acl: &AclBinding) -> Option<Risk> {
    let AclBinding {
        principal,
        operation,
        ..
    } = acl;
    let what = right(acl);
    let (code, harm, evidence) = match acl.permission {
        Permission::Deny => return None,
        Permission::Allow if is_of_internal(acl) && changes(*operation) => (
            Code::AclInternal,
            Harm::High,
            format!(
                "`{principal}` gets {what}: who may change Kafka's own topics may move or lose what others have committed"
            ),
        ),
        Permission::Allow if is_of_cluster(acl) => (
            Code::AclAdmin,
            Harm::Medium,
            format!(
                "`{principal}` gets {what}: with it, it can give itself or others more, or change every broker"
            ),
        ),
        Permission::Allow if principal == ANYBODY => (
            Code::AclWide,
            Harm::Medium,
            format!("everybody gets {what}, those without a login as well"),
        ),
        Permission::Allow if is_everything(acl) && !only_looks(*operation) => (
            Code::AclWide,
            Harm::Medium,
            format!(
                "`{principal}` gets {what}: that is {}, now and later",
                on_all(acl)
            ),
        ),
        Permission::Allow => return None,
    };
    Some(risk(code, harm, evidence, None))
}

/// What an ACL on everything is on: whose name begins with its one letter, or all of them.
fn on_all(acl: &AclBinding) -> String {
    let kind = acl.resource_type.as_str();
    match (acl.pattern, acl.name.as_str()) {
        (PatternType::Literal, _) | (PatternType::Prefixed, "") => format!("every {kind}"),
        (PatternType::Prefixed, letter) => {
            format!("every {kind} whose name begins with `{letter}`")
        }
    }
}

fn is_everything(acl: &AclBinding) -> bool {
    match acl.pattern {
        PatternType::Literal => acl.name == "*",
        PatternType::Prefixed => acl.name.chars().count() <= 1,
    }
}

/// Topics whose names begin with `__` are the brokers' own.
fn is_of_internal(acl: &AclBinding) -> bool {
    let is_internal = match acl.pattern {
        PatternType::Literal => acl.name.starts_with("__"),
        PatternType::Prefixed => acl.name.starts_with("__") || acl.name == "_",
    };
    acl.resource_type == ResourceType::Topic && is_internal
}

fn is_of_cluster(acl: &AclBinding) -> bool {
    use Operation::{All, Alter, AlterConfigs, ClusterAction};
    let rules = [All, Alter, AlterConfigs, ClusterAction];
    acl.resource_type == ResourceType::Cluster && rules.contains(&acl.operation)
}

fn only_looks(operation: Operation) -> bool {
    [Operation::Describe, Operation::DescribeConfigs].contains(&operation)
}

fn changes(operation: Operation) -> bool {
    operation != Operation::Read && !only_looks(operation)
}

/// What is known of resources that have no ACL, where that lets everybody in.
#[derive(Default)]
struct First {
    /// The first ACLs of their resources, those of topics that are not there apart.
    firsts: HashSet<AclBinding>,
    unused: HashSet<AclBinding>,
    /// Why that is not known.
    gap: Option<String>,
}

impl First {
    fn risk(&self, acl: &AclBinding) -> Option<Risk> {
        let where_true = format!("`{EVERYONE}` is set on the brokers, and no broker tells to what");
        let (harm, evidence) = match &self.gap {
            _ if self.unused.contains(acl) => (
                Harm::Low,
                format!("{where_true}; it is the first ACL on a topic that is not there yet"),
            ),
            _ if self.firsts.contains(acl) => (
                Harm::High,
                format!(
                    "it is the first ACL there; {where_true}: where it is `true`, everybody else is cut off"
                ),
            ),
            Some(why) => (
                Harm::Medium,
                format!(
                    "where `{EVERYONE}` is `true` and it is the first ACL there, everybody else is cut off; {why}"
                ),
            ),
            None => return None,
        };
        Some(risk(Code::AclFirstOnResource, harm, evidence, None))
    }
}

/// Which of these ACLs are the first on their resources, where that may matter.
///
/// A broker lists the setting only where its file has it, and as a secret, for it is the authorizer's and not its own (measured
/// on 4.3.1).
async fn first_on(kafka: &Kafka, acls: &[&AclBinding]) -> First {
    let all = match read_first(kafka).await {
        Ok(None) => return First::default(),
        Ok(Some(all)) => all,
        Err(error) => {
            return First {
                gap: Some(unread("whether it is set", &error.to_string())),
                ..First::default()
            };
        }
    };
    let is_first = |acl: &&&AclBinding| !all.iter().any(|held| is_on_all_of(held, acl));
    let firsts = acls.iter().filter(is_first).copied().cloned();
    let firsts: HashSet<AclBinding> = firsts.collect();
    let absent = absent_topics(kafka, &firsts).await;
    let is_unused =
        |acl: &&AclBinding| acl.resource_type == ResourceType::Topic && absent.contains(&acl.name);
    First {
        unused: firsts.iter().filter(is_unused).cloned().collect(),
        firsts,
        gap: None,
    }
}

/// Every ACL, where the setting is there.
async fn read_first(kafka: &Kafka) -> Result<Option<Vec<AclBinding>>, KafkaError> {
    let cluster = kafka.cluster().await?;
    let Some(broker) = cluster.brokers.first() else {
        return Ok(None);
    };
    let configs = kafka.describe_broker_configs(broker.id).await?;
    let is_set =
        |entry: &ConfigEntry| entry.name == EVERYONE && entry.value.as_deref() != Some("false");
    match configs.iter().any(is_set) {
        false => Ok(None),
        true => kafka.describe_acls(&[AclFilter::default()]).await.map(Some),
    }
}

fn is_of_one_topic(acl: &AclBinding) -> bool {
    let is_literal = acl.pattern == PatternType::Literal && acl.name != "*";
    acl.resource_type == ResourceType::Topic && is_literal
}

/// The literal names of topics that are known not to be there.
async fn absent_topics(kafka: &Kafka, acls: &HashSet<AclBinding>) -> HashSet<String> {
    let literal = acls.iter().filter(|acl| is_of_one_topic(acl));
    let names: Vec<String> = literal.map(|acl| acl.name.clone()).collect();
    let described = match names.is_empty() {
        true => return HashSet::new(),
        false => kafka.describe_topics(&names).await.unwrap_or_default(),
    };
    let is_absent =
        |topic: Result<_, ItemError>| topic.is_err_and(|error| error.code == UNKNOWN_TOPIC);
    let absent = described
        .into_iter()
        .filter_map(|(name, topic)| is_absent(topic).then_some(name));
    absent.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(text: &str) -> AclBinding {
        acl_of(&format!("acl/{text}").parse().unwrap()).unwrap()
    }

    fn told(risk: Option<Risk>) -> Option<(Code, Harm)> {
        risk.map(|risk| (risk.code, risk.harm))
    }

    #[test]
    fn a_deny_is_a_risk_where_it_takes_something() {
        let deny = acl("User:a/deny/read/topic/prefixed/orders/*");
        let held = |text: &str| Ok(HashSet::from([acl(text)]));
        let takes = held("User:a/allow/read/topic/literal/orders/*");
        let risk = shadows(&deny, &takes).unwrap();
        assert_eq!((risk.code, risk.harm), (Code::AclDenyShadows, Harm::High));
        assert_eq!(
            risk.evidence,
            "it takes `read` on topics `orders..` from `User:a`, which is allowed by `acl/User:a/allow/read/topic/literal/orders/*`"
        );
        let other = held("User:b/allow/read/topic/literal/orders/*");
        assert_eq!(shadows(&deny, &other), None);
        let unread = Err("needs DESCRIBE on the cluster".to_owned());
        assert_eq!(
            told(shadows(&deny, &unread)),
            Some((Code::AclDenyShadows, Harm::High))
        );
        let allow = acl("User:a/allow/write/topic/literal/orders/*");
        assert_eq!(shadows(&allow, &takes), None);
        let of_all = held("User:*/allow/read/topic/literal/orders/*");
        for (principal, harm) in [("User:a", Harm::Medium), ("User:*", Harm::High)] {
            let deny = acl(&format!("{principal}/deny/read/topic/literal/orders/*"));
            let expected = Some((Code::AclDenyShadows, harm));
            assert_eq!(told(shadows(&deny, &of_all)), expected);
        }
    }

    #[test]
    fn what_everything_is_is_told_in_words() {
        let told = |address: &str| wide(&acl(address)).unwrap().evidence;
        for (address, words) in [
            (
                "User:a/allow/read/topic/literal/*/*",
                "that is every topic, now",
            ),
            (
                "User:a/allow/read/group/prefixed//*",
                "that is every group, now",
            ),
            (
                "User:a/allow/read/topic/prefixed/o/*",
                "every topic whose name begins with `o`, now",
            ),
        ] {
            assert!(told(address).contains(words), "{}", told(address));
        }
    }

    #[test]
    fn wide_rights_are_told_and_narrow_ones_are_not() {
        for (text, code, harm) in [
            (
                "User:*/allow/read/topic/literal/orders/*",
                Code::AclWide,
                Harm::Medium,
            ),
            (
                "User:a/allow/read/topic/literal/*/*",
                Code::AclWide,
                Harm::Medium,
            ),
            (
                "User:a/allow/all/group/prefixed/g/*",
                Code::AclWide,
                Harm::Medium,
            ),
            (
                "User:a/allow/write/topic/literal/__consumer_offsets/*",
                Code::AclInternal,
                Harm::High,
            ),
            (
                "User:a/allow/all/topic/prefixed/_/*",
                Code::AclInternal,
                Harm::High,
            ),
            (
                "User:a/allow/alter/cluster/literal/kafka-cluster/*",
                Code::AclAdmin,
                Harm::Medium,
            ),
        ] {
            assert_eq!(told(wide(&acl(text))), Some((code, harm)), "{text}");
        }
        for text in [
            "User:a/allow/all/topic/literal/orders/*",
            "User:a/allow/describe/topic/literal/*/*",
            "User:a/allow/read/topic/literal/__consumer_offsets/*",
            "User:a/allow/describe/cluster/literal/kafka-cluster/*",
            "User:*/deny/all/topic/literal/*/10.0.0.1",
            "User:a/allow/write/topic/prefixed/orders-/*",
        ] {
            assert_eq!(wide(&acl(text)), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_of_somebody_elses_prefix_is_told_with_what_is_theirs() {
        let held = |texts: &[&str]| Ok(texts.iter().map(|text| acl(text)).collect());
        let topics = Ok(vec!["orders-eu-1".to_owned(), "orders-us".to_owned()]);
        let writes = acl("User:a/allow/write/topic/prefixed/orders-/*");
        let theirs = held(&["User:b/allow/all/topic/prefixed/orders-eu-/*"]);
        let risk = overlaps(&writes, &theirs, &topics).unwrap();
        assert_eq!(
            (risk.code, risk.harm),
            (Code::AclPrefixOverlaps, Harm::High)
        );
        assert_eq!(
            risk.evidence,
            "`User:a` gets `write` on topics `orders-..`, and so on what is under `orders-eu-` of `User:b`: `orders-eu-1`"
        );
        let reads = acl("User:a/allow/read/topic/prefixed/orders-/*");
        let code = Code::AclPrefixOverlaps;
        assert_eq!(
            told(overlaps(&reads, &theirs, &topics)),
            Some((code, Harm::Medium))
        );
        let dark = Err("needs DESCRIBE on the cluster".to_owned());
        assert_eq!(
            told(overlaps(&writes, &dark, &topics)),
            Some((code, Harm::High))
        );
        for nobodys in [
            "User:a/allow/all/topic/prefixed/orders-eu-/*",
            "User:b/allow/all/topic/prefixed/orders-/*",
            "User:b/allow/all/topic/prefixed/ord/*",
            "User:b/allow/all/group/prefixed/orders-eu-/*",
            "User:b/allow/all/topic/literal/orders-eu-1/*",
            "User:b/deny/all/topic/prefixed/orders-eu-/*",
            "User:*/allow/read/topic/prefixed/orders-eu-/*",
        ] {
            assert_eq!(
                overlaps(&writes, &held(&[nobodys]), &topics),
                None,
                "{nobodys}"
            );
        }
        for other in [
            "User:a/allow/describe/topic/prefixed/orders-/*",
            "User:a/deny/write/topic/prefixed/orders-/*",
            "User:a/allow/write/topic/literal/orders-/*",
        ] {
            assert_eq!(overlaps(&acl(other), &theirs, &topics), None, "{other}");
        }
    }

    #[test]
    fn the_first_acl_matters_where_everybody_may_be_let_in() {
        let (first, unused) = (
            acl("User:a/allow/read/topic/literal/orders/*"),
            acl("User:a/allow/read/topic/literal/new/*"),
        );
        let set = First {
            firsts: HashSet::from([first.clone(), unused.clone()]),
            unused: HashSet::from([unused.clone()]),
            gap: None,
        };
        let code = Code::AclFirstOnResource;
        assert_eq!(told(set.risk(&first)), Some((code, Harm::High)));
        assert_eq!(told(set.risk(&unused)), Some((code, Harm::Low)));
        assert_eq!(set.risk(&acl("User:a/allow/read/topic/literal/x/*")), None);
        assert_eq!(First::default().risk(&first), None);
        let gap = First {
            gap: Some("whether it is set could not be read: needs DESCRIBE_CONFIGS".to_owned()),
            ..First::default()
        };
        assert_eq!(told(gap.risk(&first)), Some((code, Harm::Medium)));
    }
}
