//! The ACLs that a cluster is too old for, and those that would lock trueup itself out.

use std::net::IpAddr;

use super::losses::ANYBODY;
use super::own::takes_a_needed_right;
use super::{AclBinding, Permission, acl_of, since};
use crate::kinds::Case;
use crate::kinds::kafka::is_before;
use crate::model::{Code, Refusal};

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

/// A deny for another host than ours, which would lock trueup out if the broker saw it come from there:
/// behind address translation, a proxy or a tunnel it may.
pub(super) fn notes(case: &Case<'_>) -> Vec<String> {
    let Ok(acl) = acl_of(&case.resource.address) else {
        return Vec::new();
    };
    let is_worth_a_note = case.live.is_none()
        && denies_what_is_needed(&acl, case)
        && from(&acl, case) == From::AnotherHost;
    let host = &acl.host;
    let seen = match own_address(case) {
        Some(local) => format!("trueup comes from `{local}` as this side sees it"),
        None => "where trueup comes from is not known here".to_owned(),
    };
    let note = format!(
        "it locks trueup out if the broker sees it come from `{host}`: {seen}, which a proxy or address translation may change"
    );
    is_worth_a_note.then_some(note).into_iter().collect()
}

/// Refuses a deny that takes a right from trueup's own principal which trueup needs, where it comes from.
///
/// Deny wins over allow, so only a super user would get out of it again, and whether trueup is one
/// no broker tells: DescribeConfigs gives `super.users` and `allow.everyone.if.no.acl.found` as
/// sensitive, without a value (measured on 4.3.1), because they are the authorizer's and not the
/// broker's own. So every such deny is refused.
fn lock_out(acl: &AclBinding, case: &Case<'_>) -> Option<Refusal> {
    let from = from(acl, case);
    let is_lock_out = denies_what_is_needed(acl, case) && from != From::AnotherHost;
    is_lock_out.then(|| refusal(acl, own_principal(case), from))
}

fn denies_what_is_needed(acl: &AclBinding, case: &Case<'_>) -> bool {
    let is_ours = acl.principal == ANYBODY || Some(acl.principal.as_str()) == own_principal(case);
    acl.permission == Permission::Deny && is_ours && takes_a_needed_right(acl, case.all)
}

fn own_principal<'a>(case: &Case<'a>) -> Option<&'a str> {
    let kafka = case.surroundings.kafka.as_ref()?;
    kafka.principal.as_deref()
}

fn own_address(case: &Case<'_>) -> Option<IpAddr> {
    case.surroundings.kafka.as_ref()?.local_address
}

/// Whom an ACL's host concerns.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Anywhere,
    Here,
    AnotherHost,
}

fn from(acl: &AclBinding, case: &Case<'_>) -> From {
    let host = acl.host.parse::<IpAddr>().ok();
    match host.map(|host| host.to_canonical()) {
        _ if acl.host == "*" => From::Anywhere,
        Some(host) if Some(host) == own_address(case) => From::Here,
        Some(_) | None => From::AnotherHost,
    }
}

fn refusal(acl: &AclBinding, own: Option<&str>, from: From) -> Refusal {
    let who = own.unwrap_or("trueup's own principal, which is not known here,");
    let AclBinding {
        operation,
        resource_type,
        name,
        ..
    } = acl;
    let (place, other) = match from {
        From::Here => (
            format!(" from `{}`, where trueup comes from", acl.host),
            ", run trueup from another host",
        ),
        From::Anywhere | From::AnotherHost => (String::new(), ""),
    };
    Refusal::new(
        Code::LockOut,
        format!(
            "it would deny {who} `{operation}` on {resource_type} `{name}`{place}, which trueup needs, and no allow outweighs a deny"
        ),
        format!(
            "leave trueup's own principal out of it: deny the others by name{other}, or give trueup a principal of its own; where that is a super user, whom no ACL concerns (no broker tells), add it with `kafka-acls`: one that is there is not refused"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{KafkaFacts, Resources, Surroundings};
    use crate::model::{Address, Flat, KindName, Resource};

    const HERE: &str = "192.168.7.9";

    /// Whether it is refused as a lock-out, and what is noted of it.
    fn judged(acl: &str, own: Option<&str>, local: Option<&str>) -> (bool, Vec<String>) {
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
                rights: Vec::new(),
                local_address: local.map(|local| local.parse().unwrap()),
            }),
        };
        let case = Case {
            resource: &resource,
            live: None,
            deltas: &[],
            all: &all,
            surroundings: &surroundings,
        };
        let refusals = judge(&case);
        let refused = refusals.iter().any(|refusal| refusal.code == Code::LockOut);
        (refused, notes(&case))
    }

    fn is_lock_out(acl: &str, own: Option<&str>) -> bool {
        judged(acl, own, Some(HERE)).0
    }

    #[test]
    fn a_deny_on_what_writes_the_ledger_is_one_too() {
        let own = Some("User:ann");
        for name in [
            "literal/*",
            "literal/trueup-shop",
            "prefixed/trueup-",
            "prefixed/tr",
        ] {
            let acl = format!("acl/User:ann/deny/write/transactional_id/{name}/*");
            assert!(is_lock_out(&acl, own), "{acl}");
        }
        for acl in [
            "acl/User:ann/deny/write/transactional_id/prefixed/orders-/*",
            "acl/User:bob/deny/write/transactional_id/literal/*/*",
        ] {
            assert!(!is_lock_out(acl, own), "{acl}");
        }
    }

    #[test]
    fn trueups_own_rights_are_not_denied() {
        let own = Some("User:trueup");
        for acl in [
            "acl/User:trueup/deny/alter/cluster/literal/kafka-cluster/*",
            "acl/User:trueup/deny/all/topic/literal/*/*",
            "acl/User:*/deny/describe/topic/prefixed/orders-/*",
            "acl/User:trueup/deny/write/topic/prefixed/__/*",
            "acl/User:*/deny/read/topic/literal/__trueup/*",
            "acl/User:*/deny/alter_configs/topic/literal/orders-1/192.168.7.9",
            "acl/User:*/deny/alter_configs/topic/literal/orders-1/::ffff:192.168.7.9",
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
            let nothing = (false, Vec::new());
            assert_eq!(judged(acl, own, Some(HERE)), nothing, "{acl}");
        }
        assert!(!is_lock_out(
            "acl/User:trueup/deny/all/topic/literal/*/*",
            None
        ));
    }

    #[test]
    fn a_deny_for_another_host_is_noted_and_made() {
        let acl = "acl/User:*/deny/all/topic/literal/*/10.0.0.1";
        for (local, says) in [
            (Some(HERE), "comes from `192.168.7.9`"),
            (None, "is not known here"),
        ] {
            let (refused, notes) = judged(acl, Some("User:trueup"), local);
            assert!(!refused, "{local:?}");
            assert!(notes[0].contains("from `10.0.0.1`"), "{notes:?}");
            assert!(notes[0].contains(says), "{notes:?}");
        }
        let (_, none) = judged(
            "acl/User:*/deny/read/topic/literal/orders-1/10.0.0.1",
            Some("User:trueup"),
            None,
        );
        assert_eq!(none, Vec::<String>::new());
    }
}
