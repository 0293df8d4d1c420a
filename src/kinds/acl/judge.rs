//! The ACLs that a cluster is too old for, and those that would lock trueup itself out.

use super::{AclBinding, Operation, PatternType, Permission, ResourceType, acl_of, since};
use crate::kinds::kafka::is_before;
use crate::kinds::{Case, Resources};
use crate::model::{Code, KindName, Refusal};

/// What trueup asks for on the cluster.
const ON_CLUSTER: [Operation; 6] = [
    Operation::All,
    Operation::Describe,
    Operation::Alter,
    Operation::Create,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
];

/// What trueup asks for on a topic that it keeps.
const ON_TOPIC: [Operation; 6] = [
    Operation::All,
    Operation::Describe,
    Operation::Create,
    Operation::Alter,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
];

/// Every reason why the ACL can't be made.
pub(super) fn judge(case: &Case<'_>) -> Vec<Refusal> {
    let Ok(acl) = acl_of(&case.resource.address) else {
        return Vec::new();
    };
    if case.live.is_some() {
        return Vec::new();
    }
    let refusals = [too_old(&acl, case), lock_out(&acl, case)];
    refusals.into_iter().flatten().collect()
}

/// An operation that came later than the release that the cluster is finalised at.
fn too_old(acl: &AclBinding, case: &Case<'_>) -> Option<Refusal> {
    let release = case.surroundings.kafka.as_ref()?.release.as_deref()?;
    let since = since(acl.operation).filter(|since| is_before(release, since))?;
    let operation = acl.operation;
    Some(Refusal::new(
        Code::ServerTooOld,
        format!("`{operation}` needs Kafka {since}; the cluster is at {release}"),
        format!(
            "upgrade the cluster to {since} (`metadata.version` too), or leave `{operation}` out"
        ),
    ))
}

/// Refuses a deny that takes a right from trueup's own principal which trueup needs.
///
/// Deny wins over allow, so only a super user would get out of it again, and whether trueup is one
/// no broker tells: DescribeConfigs gives `super.users` and `allow.everyone.if.no.acl.found` as
/// sensitive, without a value (measured on 4.3.1), because they are the authorizer's and not the
/// broker's own. So every such deny is refused.
fn lock_out(acl: &AclBinding, case: &Case<'_>) -> Option<Refusal> {
    let kafka = case.surroundings.kafka.as_ref();
    let own = kafka.and_then(|kafka| kafka.principal.as_deref());
    let is_lock_out = acl.permission == Permission::Deny
        && (acl.principal == "User:*" || Some(acl.principal.as_str()) == own)
        && takes_a_needed_right(acl, case.all);
    is_lock_out.then(|| refusal(acl, own))
}

fn takes_a_needed_right(acl: &AclBinding, all: &Resources) -> bool {
    match acl.resource_type {
        ResourceType::Cluster => ON_CLUSTER.contains(&acl.operation),
        ResourceType::Topic => ON_TOPIC.contains(&acl.operation) && covers_a_topic(acl, all),
        ResourceType::Group
        | ResourceType::TransactionalId
        | ResourceType::DelegationToken
        | ResourceType::User => false,
    }
}

fn covers_a_topic(acl: &AclBinding, all: &Resources) -> bool {
    let covers = |name: &str| match acl.pattern {
        PatternType::Literal => acl.name == "*" || acl.name == name,
        PatternType::Prefixed => name.starts_with(&acl.name),
    };
    all.keys()
        .any(|address| address.kind == KindName::Topic && covers(&address.name))
}

fn refusal(acl: &AclBinding, own: Option<&str>) -> Refusal {
    let who = own.unwrap_or("trueup's own principal, which is not known here,");
    let AclBinding {
        operation,
        resource_type,
        name,
        ..
    } = acl;
    Refusal::new(
        Code::LockOut,
        format!(
            "it would deny {who} `{operation}` on {resource_type} `{name}`, which trueup needs, and no allow outweighs a deny"
        ),
        "leave trueup's own principal out of it: deny the others by name, or give trueup a principal of its own; a super user would get out of it, but the brokers tell nobody who is one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{KafkaFacts, Surroundings};
    use crate::model::{Address, Flat, Resource};

    fn is_lock_out(acl: &str, own: Option<&str>) -> bool {
        let resource = Resource::new(acl.parse().unwrap(), Flat::new());
        let topic = Resource::new(Address::new(KindName::Topic, "orders-1"), Flat::new());
        let all = Resources::from_iter([(topic.address.clone(), topic)]);
        let surroundings = Surroundings {
            nats: None,
            kafka: Some(KafkaFacts {
                cluster_id: "c".to_owned(),
                brokers: 1,
                release: None,
                principal: own.map(str::to_owned),
            }),
        };
        let case = Case {
            resource: &resource,
            live: None,
            deltas: &[],
            all: &all,
            surroundings: &surroundings,
        };
        judge(&case)
            .iter()
            .any(|refusal| refusal.code == Code::LockOut)
    }

    #[test]
    fn trueups_own_rights_are_not_denied() {
        let own = Some("User:trueup");
        for acl in [
            "acl/User:trueup/deny/alter/cluster/literal/kafka-cluster/*",
            "acl/User:trueup/deny/all/topic/literal/*/*",
            "acl/User:*/deny/describe/topic/prefixed/orders-/*",
            "acl/User:*/deny/alter_configs/topic/literal/orders-1/10.0.0.1",
        ] {
            assert!(is_lock_out(acl, own), "{acl}");
        }
        assert!(is_lock_out(
            "acl/User:*/deny/create/cluster/literal/kafka-cluster/*",
            None
        ));
    }

    #[test]
    fn what_does_not_touch_it_may_be_denied() {
        let own = Some("User:trueup");
        for acl in [
            "acl/User:other/deny/all/topic/literal/*/*",
            "acl/User:trueup/allow/alter/cluster/literal/kafka-cluster/*",
            "acl/User:*/deny/read/topic/literal/orders-1/*",
            "acl/User:*/deny/all/topic/literal/payments/*",
            "acl/User:trueup/deny/read/group/literal/*/*",
        ] {
            assert!(!is_lock_out(acl, own), "{acl}");
        }
        assert!(!is_lock_out(
            "acl/User:trueup/deny/all/topic/literal/*/*",
            None
        ));
    }
}
