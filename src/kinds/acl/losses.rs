//! What taking an ACL away costs.

use super::{AclBinding, Permission, acl_of};
use crate::kinds::loss::{deletions, risk};
use crate::model::{Address, Code, Harm, Risk, Step};

/// What these deletions cost. Nothing is read for it: no broker tells who uses a right.
pub(super) fn risks(steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let steps = deletions(steps).into_iter();
    steps
        .map(|step| (step.address.clone(), vec![of(&step.address)]))
        .collect()
}

fn of(address: &Address) -> Risk {
    let (harm, evidence) = match acl_of(address) {
        Ok(acl) => (harm(&acl), told(&acl)),
        Err(why) => (Harm::Critical, why),
    };
    risk(Code::AclRemoved, harm, evidence, None)
}

fn harm(acl: &AclBinding) -> Harm {
    match acl.permission {
        Permission::Allow => Harm::High,
        Permission::Deny => Harm::Medium,
    }
}

fn told(acl: &AclBinding) -> String {
    let AclBinding {
        principal,
        permission,
        operation,
        resource_type,
        pattern: _,
        name,
        host,
    } = acl;
    let from = match host.as_str() {
        "*" => String::new(),
        host => format!(" from `{host}`"),
    };
    let what = format!("`{operation}` on {resource_type} `{name}`{from}");
    match permission {
        Permission::Allow => {
            format!(
                "`{principal}` loses {what}, unless another ACL allows it: whoever uses it is cut off"
            )
        }
        Permission::Deny => {
            format!(
                "`{principal}` is no longer denied {what}: where another ACL allows it, it may from then on"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::deletion::doomed;
    use crate::model::Action;

    #[test]
    fn an_allowed_right_is_high_and_a_denied_one_medium() {
        let allow = doomed("acl/User:a/allow/read/topic/literal/t/*", None);
        let deny = doomed("acl/User:a/deny/write/group/prefixed/g-/10.0.0.1", None);
        let mut kept = allow.clone();
        kept.action = Action::Create;
        let told = risks(&[&allow, &deny, &kept]);
        let told: Vec<_> = told
            .iter()
            .map(|(address, risks)| {
                (
                    address,
                    risks[0].code,
                    risks[0].harm,
                    risks[0].evidence.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    &allow.address,
                    Code::AclRemoved,
                    Harm::High,
                    "`User:a` loses `read` on topic `t`, unless another ACL allows it: whoever uses it is cut off"
                ),
                (
                    &deny.address,
                    Code::AclRemoved,
                    Harm::Medium,
                    "`User:a` is no longer denied `write` on group `g-` from `10.0.0.1`: where another ACL allows it, it may from then on"
                ),
            ]
        );
    }
}
