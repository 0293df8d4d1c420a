//! ACLs as the brokers have them.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::effect::{gives_all_of, takes_some_of};
use super::losses::ANYBODY;
use super::{
    AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType, acl_of, address_of,
};
use crate::broker::kafka::{Kafka, KafkaError};
use crate::kinds::kafka::needs;
use crate::kinds::stream::told_left_out;
use crate::kinds::{Live, Observations, Observed};
use crate::model::{Address, Code, Doc, Flat, Problem};

/// Reads these ACLs, and no others than those on the same resources or of the same principals.
pub(super) async fn observe(kafka: &Kafka, addresses: &[Address]) -> Observations {
    let acls: Vec<_> = addresses.iter().map(|a| (a, acl_of(a))).collect();
    let asked: Vec<&AclBinding> = acls
        .iter()
        .filter_map(|(_, acl)| acl.as_ref().ok())
        .collect();
    let held = held(kafka, &asked).await.map_err(|error| unread(&error));
    let of = |address: &Address, acl: Result<AclBinding, String>| match (&held, acl) {
        (_, Err(why)) => Observed::Unreadable(no_address(address, why)),
        (Err(problem), Ok(_)) => Observed::Unreadable(problem.clone().about(address)),
        (Ok(held), Ok(acl)) if held.contains(&acl) => Observed::Present(live()),
        (Ok(_), Ok(_)) => Observed::Absent,
    };
    acls.into_iter()
        .map(|(address, acl)| (address.clone(), of(address, acl)))
        .collect()
}

/// The ACLs of the cluster that these may be among.
pub(super) async fn held(
    kafka: &Kafka,
    acls: &[&AclBinding],
) -> Result<HashSet<AclBinding>, KafkaError> {
    if acls.is_empty() {
        return Ok(HashSet::new());
    }
    let found = kafka.describe_acls(&filters(acls)).await?;
    Ok(found.into_iter().collect())
}

/// A filter for each resource or for each principal, whichever are fewer.
fn filters(acls: &[&AclBinding]) -> Vec<AclFilter> {
    let resources: IndexMap<_, _> = acls
        .iter()
        .map(|acl| ((acl.resource_type, acl.pattern, &acl.name), ()))
        .collect();
    let principals: IndexSet<&String> = acls.iter().map(|acl| &acl.principal).collect();
    if principals.len() < resources.len() {
        let of = |principal: &&String| AclFilter {
            principal: Some((*principal).clone()),
            ..AclFilter::default()
        };
        return principals.iter().map(of).collect();
    }
    resources
        .keys()
        .map(|(kind, pattern, name)| AclFilter::on(*kind, *pattern, name))
        .collect()
}

/// Unauthorised never reads as "no ACLs".
pub(super) fn unread(error: &KafkaError) -> Problem {
    match error {
        KafkaError::ClusterAuthorizationFailed { .. } => {
            Problem::error(Code::Denied, needs("DESCRIBE on the cluster"))
                .hint("without it no ACL can be read, so none is taken to be absent")
        }
        KafkaError::SecurityDisabled { .. } => {
            Problem::error(Code::NoAuthorizer, error.to_string()).hint(Code::NoAuthorizer.way_out())
        }
        other => other.problem(),
    }
}

fn no_address(address: &Address, why: String) -> Problem {
    Problem::error(Code::BadName, why).about(address)
}

/// An ACL has no fields beside its address.
fn live() -> Live {
    Live {
        fields: Flat::new(),
        raw: Doc::new(),
        incarnation: None,
        inherited: Arc::default(),
    }
}

/// Every ACL of the cluster.
pub(super) async fn list(kafka: &Kafka) -> Result<Vec<Address>, Problem> {
    let found = kafka.describe_acls(&[AclFilter::default()]).await;
    let mut acls = found.map_err(|error| unread(&error))?;
    acls.sort();
    Ok(acls.iter().map(address_of).collect())
}

/// Whether ACLs that can be read allow this principal to describe every topic, and none denies it one.
pub(in crate::kinds) async fn describes_every_topic(kafka: &Kafka, own: &str) -> bool {
    let of = |principal: &str| AclFilter {
        principal: Some(principal.to_owned()),
        resource_type: Some(ResourceType::Topic),
        ..AclFilter::default()
    };
    let held = kafka.describe_acls(&[of(own), of(ANYBODY)]).await;
    held.is_ok_and(|held| may_describe_every_topic(&held, own))
}

fn may_describe_every_topic(held: &[AclBinding], own: &str) -> bool {
    let every = AclBinding {
        principal: own.to_owned(),
        permission: Permission::Allow,
        operation: Operation::Describe,
        resource_type: ResourceType::Topic,
        pattern: PatternType::Literal,
        name: "*".to_owned(),
        host: "*".to_owned(),
    };
    let mut allows = held.iter().filter(|acl| gives_all_of(acl, &every));
    allows.next().is_some() && !held.iter().any(|acl| takes_some_of(acl, &every))
}

/// What [`list`] can't name: ACLs with a word of a newer Kafka. A cluster without ACLs has none.
pub(super) async fn left_out(kafka: &Kafka) -> Vec<Problem> {
    let unknown = kafka.unknown_acls().await.unwrap_or_default();
    let why = "it has a word of a Kafka newer than trueup knows";
    told_left_out("ACL", &unknown, why).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(text: &str) -> AclBinding {
        acl_of(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_fewer_filters_are_asked() {
        let on_one: Vec<AclBinding> = ["a", "b", "c"]
            .iter()
            .map(|user| acl(&format!("acl/User:{user}/allow/read/topic/literal/t/*")))
            .collect();
        let asked = filters(&on_one.iter().collect::<Vec<_>>());
        assert_eq!(
            asked,
            [AclFilter::on(
                on_one[0].resource_type,
                on_one[0].pattern,
                "t"
            )]
        );
        let of_one: Vec<AclBinding> = ["t", "u", "v"]
            .iter()
            .map(|topic| acl(&format!("acl/User:a/allow/read/topic/literal/{topic}/*")))
            .collect();
        let asked = filters(&of_one.iter().collect::<Vec<_>>());
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].principal.as_deref(), Some("User:a"));
    }

    #[test]
    fn who_may_describe_every_topic_is_told_by_its_acls() {
        let sees_all = |acls: &[&str]| {
            let held: Vec<AclBinding> = acls.iter().map(|it| acl(it)).collect();
            may_describe_every_topic(&held, "User:a")
        };
        let reads = "acl/User:a/allow/read/topic/literal/*/*";
        assert!(sees_all(&[reads]));
        assert!(sees_all(&["acl/User:*/allow/describe/topic/literal/*/*"]));
        for too_little in [
            &[][..],
            &["acl/User:a/allow/describe_configs/topic/literal/*/*"],
            &["acl/User:a/allow/describe/topic/prefixed/t/*"],
            &["acl/User:a/allow/describe/topic/literal/*/10.0.0.1"],
            &["acl/User:b/allow/describe/topic/literal/*/*"],
            &[reads, "acl/User:*/deny/describe/topic/literal/t/*"],
            &[reads, "acl/User:a/deny/all/topic/prefixed/t/10.0.0.1"],
        ] {
            assert!(!sees_all(too_little), "{too_little:?}");
        }
        assert!(sees_all(&[reads, "acl/User:a/deny/read/topic/literal/t/*"]));
    }

    #[test]
    fn no_failure_reads_as_no_acls() {
        let denied = KafkaError::ClusterAuthorizationFailed {
            request: "DescribeAcls",
            message: None,
        };
        let told = unread(&denied);
        assert_eq!(
            (told.code, told.message.as_str()),
            (Code::Denied, "needs DESCRIBE on the cluster")
        );
        let disabled = KafkaError::SecurityDisabled { message: None };
        assert_eq!(unread(&disabled).code, Code::NoAuthorizer);
    }
}
