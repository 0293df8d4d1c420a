//! A deny that takes what others give.

use super::super::effect::takes_some_of;
use super::super::losses::{ANYBODY, Held, right};
use super::super::{AclBinding, Permission, address_of};
use crate::kinds::loss::{risk, unread};
use crate::model::{Address, Code, Harm, Risk, few};

/// How many of the ACLs that a deny outweighs are named.
const NAMED: usize = 3;

/// A deny that takes what an allow of now gives.
pub(super) fn shadows(acl: &AclBinding, held: &Held) -> Option<Risk> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::{acl, told};
    use super::*;
    use std::collections::HashSet;

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
}
