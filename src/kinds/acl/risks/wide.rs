//! An allow that reaches far.

use super::super::losses::{ANYBODY, right};
use super::super::{AclBinding, Operation, PatternType, Permission, ResourceType};
use crate::kinds::loss::risk;
use crate::model::{Code, Harm, Risk};

/// An allow for more than one would expect.
pub(super) fn wide(acl: &AclBinding) -> Option<Risk> {
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

pub(super) fn is_everything(acl: &AclBinding) -> bool {
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

pub(super) fn only_looks(operation: Operation) -> bool {
    [Operation::Describe, Operation::DescribeConfigs].contains(&operation)
}

pub(super) fn changes(operation: Operation) -> bool {
    operation != Operation::Read && !only_looks(operation)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{acl, told as code_and_harm};
    use super::*;

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
            assert_eq!(
                code_and_harm(wide(&acl(text))),
                Some((code, harm)),
                "{text}"
            );
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
}
