//! A prefix with which those of others begin.

use std::collections::{BTreeSet, HashSet};

use super::super::losses::{ANYBODY, Held, right};
use super::super::{AclBinding, PatternType, Permission, ResourceType};
use super::wide::{changes, is_everything, only_looks};
use crate::broker::kafka::{AclFilter, Kafka};
use crate::kinds::loss::{Read, risk, unread};
use crate::model::{Address, Code, Harm, Problem, Risk, few};

/// How many of the prefixes of others, and of the topics under them, are named.
const NAMED: usize = 3;

/// What prefixes are beside: the ACLs on others, those of the same plan among them, and the topics that there are.
pub(super) struct Beside {
    pub(super) prefixed: Held,
    pub(super) topics: Read<Vec<String>>,
}

/// Asked for only where one of these ACLs is on a prefix.
pub(super) async fn beside(client: &Result<&Kafka, Problem>, made: &[&AclBinding]) -> Beside {
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
    let held = held.map_err(|error| super::super::observe::unread(&error).message);
    let made = made.iter().copied().cloned();
    Beside {
        prefixed: held.map(|held| held.into_iter().chain(made).collect()),
        topics: topics.map_err(|error| error.to_string()),
    }
}

pub(super) fn with_made(
    held: HashSet<AclBinding>,
    made: &[(&Address, AclBinding)],
) -> HashSet<AclBinding> {
    let made = made.iter().map(|(_, acl)| acl.clone());
    held.into_iter().chain(made).collect()
}

fn may_overlap(acl: &AclBinding) -> bool {
    let is_on_prefix = acl.pattern == PatternType::Prefixed && !is_everything(acl);
    acl.permission == Permission::Allow && is_on_prefix && !only_looks(acl.operation)
}

/// An allow on a prefix with which the longer one of somebody else begins.
pub(super) fn overlaps(acl: &AclBinding, held: &Held, topics: &Read<Vec<String>>) -> Option<Risk> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::{acl, told};
    use super::*;

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
}
