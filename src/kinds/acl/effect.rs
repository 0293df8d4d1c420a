//! Which rights ACLs give and take, as Kafka's authorizer sees them (KIP-11, KIP-290).

use std::net::IpAddr;

use super::{AclBinding, Operation, PatternType, Permission};

/// Whether an allow gives everything that another one gives.
pub(super) fn gives_all_of(allow: &AclBinding, other: &AclBinding) -> bool {
    allow.permission == Permission::Allow
        && is_beyond(allow, other)
        && implies(allow.operation, other.operation)
}

/// Whether a deny takes everything that an allow gives.
pub(super) fn takes_all_of(deny: &AclBinding, allow: &AclBinding) -> bool {
    let is_denied = [Operation::All, allow.operation].contains(&deny.operation);
    deny.permission == Permission::Deny && is_beyond(deny, allow) && is_denied
}

/// Whether a deny takes something that an allow gives.
pub fn takes_some_of(deny: &AclBinding, allow: &AclBinding) -> bool {
    let (denied, allowed) = (deny.operation, allow.operation);
    let is_denied = denied == Operation::All || implies(allowed, denied);
    deny.permission == Permission::Deny
        && allow.permission == Permission::Allow
        && meets(deny, allow)
        && is_denied
}

/// Whether an ACL that is made may be to take the place of one that goes: both allow or both deny, and there is something that
/// both are about.
pub fn may_replace(made: &AclBinding, gone: &AclBinding) -> bool {
    let (one, other) = (made.operation, gone.operation);
    made.permission == gone.permission
        && meets(made, gone)
        && (implies(one, other) || implies(other, one))
}

/// Whether every resource of the one is among those of the other.
pub(super) fn is_on_all_of(outer: &AclBinding, inner: &AclBinding) -> bool {
    let names_all = |acl: &AclBinding| acl.pattern == PatternType::Literal && acl.name == "*";
    outer.resource_type == inner.resource_type
        && match outer.pattern {
            _ if names_all(outer) => true,
            _ if names_all(inner) => false,
            PatternType::Literal => inner.pattern == outer.pattern && inner.name == outer.name,
            PatternType::Prefixed => inner.name.starts_with(&outer.name),
        }
}

/// Whether an ACL is about all principals, hosts and resources that another one is about.
fn is_beyond(outer: &AclBinding, inner: &AclBinding) -> bool {
    let of_principal = covers(&outer.principal, &inner.principal, "User:*");
    of_principal && covers(&outer.host, &inner.host, "*") && is_on_all_of(outer, inner)
}

/// Whether two ACLs are about some principal, host and resource in common.
fn meets(one: &AclBinding, other: &AclBinding) -> bool {
    let either = |a: &str, b: &str, all| covers(a, b, all) || covers(b, a, all);
    either(&one.principal, &other.principal, "User:*")
        && (either(&one.host, &other.host, "*") || is_same_address(&one.host, &other.host))
        && (is_on_all_of(one, other) || is_on_all_of(other, one))
}

/// An address has more than one spelling.
fn is_same_address(one: &str, other: &str) -> bool {
    let read = |host: &str| host.parse::<IpAddr>().ok().map(|it| it.to_canonical());
    read(one).is_some_and(|one| read(other) == Some(one))
}

/// `User:*` is every principal of the type `User`.
fn covers(outer: &str, inner: &str, all: &str) -> bool {
    let of_the_type = all.trim_end_matches('*');
    outer == inner || outer == all && inner.starts_with(of_the_type)
}

/// Whether who may do the one may do the other (`AclOperation`).
fn implies(operation: Operation, other: Operation) -> bool {
    use Operation::{All, Alter, AlterConfigs, Delete, Describe, DescribeConfigs, Read, Write};
    match (operation, other) {
        (All, _) | (Read | Write | Delete | Alter, Describe) | (AlterConfigs, DescribeConfigs) => {
            true
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::acl::acl_of;

    fn acl(text: &str) -> AclBinding {
        acl_of(&format!("acl/{text}").parse().unwrap()).unwrap()
    }

    #[test]
    fn what_still_gives_a_right_is_found() {
        let lost = acl("User:a/allow/read/topic/literal/orders/*");
        for keeps in [
            "User:a/allow/all/topic/literal/orders/*",
            "User:*/allow/read/topic/literal/*/*",
            "User:a/allow/read/topic/prefixed/ord/*",
        ] {
            assert!(gives_all_of(&acl(keeps), &lost), "{keeps}");
        }
        for does_not in [
            "User:a/allow/write/topic/literal/orders/*",
            "User:a/allow/read/topic/literal/orders/10.0.0.1",
            "User:b/allow/read/topic/literal/orders/*",
            "User:a/allow/read/group/literal/orders/*",
            "User:a/allow/read/topic/prefixed/orders-/*",
            "User:a/deny/read/topic/literal/orders/*",
        ] {
            assert!(!gives_all_of(&acl(does_not), &lost), "{does_not}");
        }
        let describe = acl("User:a/allow/describe/topic/literal/orders/*");
        assert!(gives_all_of(&lost, &describe) && !gives_all_of(&describe, &lost));
        let all = acl("User:a/allow/read/topic/literal/*/*");
        assert!(!gives_all_of(
            &acl("User:a/allow/read/topic/prefixed/o/*"),
            &all
        ));
    }

    #[test]
    fn what_may_take_the_place_of_another_is_about_the_same_and_says_the_same() {
        let replaces = |made: &str, gone: &str| may_replace(&acl(made), &acl(gone));
        for (one, other) in [
            (
                "User:a/deny/read/topic/prefixed/s-/*",
                "User:a/deny/read/topic/literal/s-x/*",
            ),
            (
                "User:*/deny/read/topic/prefixed/z/*",
                "User:z/deny/read/topic/literal/zq/*",
            ),
            (
                "User:a/deny/all/topic/literal/*/*",
                "User:a/deny/write/topic/literal/t/10.0.0.1",
            ),
            (
                "User:a/allow/read/group/literal/g/*",
                "User:a/allow/all/group/prefixed/g/*",
            ),
            (
                "User:a/allow/describe/topic/literal/t/*",
                "User:a/allow/write/topic/literal/t/*",
            ),
            (
                "User:a/deny/read/topic/literal/t/::1",
                "User:a/deny/read/topic/literal/t/0:0:0:0:0:0:0:1",
            ),
        ] {
            assert!(
                replaces(one, other) && replaces(other, one),
                "{one} {other}"
            );
        }
        for (one, other) in [
            (
                "User:a/allow/read/topic/literal/t/*",
                "User:a/deny/read/topic/literal/t/*",
            ),
            (
                "User:a/deny/read/topic/literal/t/*",
                "User:b/deny/read/topic/literal/t/*",
            ),
            (
                "User:a/deny/read/topic/literal/t/*",
                "User:a/deny/write/topic/literal/t/*",
            ),
            (
                "User:a/deny/read/topic/literal/t/*",
                "User:a/deny/read/group/literal/t/*",
            ),
            (
                "User:a/deny/read/topic/prefixed/s-/*",
                "User:a/deny/read/topic/literal/s/*",
            ),
            (
                "User:a/deny/read/topic/literal/t/10.0.0.1",
                "User:a/deny/read/topic/literal/t/10.0.0.2",
            ),
        ] {
            assert!(
                !replaces(one, other) && !replaces(other, one),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn a_deny_takes_where_both_are_about_the_same() {
        let allow = acl("User:a/allow/read/topic/prefixed/orders-/*");
        for takes in [
            "User:a/deny/read/topic/literal/orders-eu/*",
            "User:*/deny/all/topic/literal/*/10.0.0.1",
            "User:a/deny/describe/topic/prefixed/o/*",
        ] {
            assert!(takes_some_of(&acl(takes), &allow), "{takes}");
        }
        for does_not in [
            "User:a/deny/write/topic/prefixed/orders-/*",
            "User:a/deny/read/topic/literal/payments/*",
            "Group:a/deny/read/topic/literal/*/*",
        ] {
            assert!(!takes_some_of(&acl(does_not), &allow), "{does_not}");
        }
        assert!(takes_all_of(
            &acl("User:*/deny/all/topic/literal/*/*"),
            &allow
        ));
        assert!(!takes_all_of(
            &acl("User:a/deny/read/topic/literal/orders-eu/*"),
            &allow
        ));
    }
}
