//! What taking an ACL away costs.

use std::collections::HashSet;

use super::effect::{gives_all_of, takes_all_of, takes_some_of};
use super::{AclBinding, AclFilter, PatternType, Permission, acl_of, address_of};
use crate::broker::kafka::{Kafka, KafkaError};
use crate::kinds::loss::{Read, deletions, risk, unread};
use crate::model::{Action, Address, Code, Harm, Problem, Risk, Step};

/// The ACLs that those of some steps may give to, take from or add to.
pub(super) type Held = Read<HashSet<AclBinding>>;

/// The principal that stands for all.
pub(super) const ANYBODY: &str = "User:*";

/// More principals than these are not asked for one by one.
const ASKED_FOR: usize = 20;

/// Reads the ACLs of the principals that these steps are about, and those of everybody; only deletions and denies ask for them.
pub(super) async fn held(client: &Result<&Kafka, Problem>, steps: &[&Step]) -> Held {
    let asks = |step: &&&Step| matches!(step.action, Action::Create | Action::Delete);
    let acls = steps.iter().filter(asks).filter_map(|step| {
        let acl = acl_of(&step.address).ok()?;
        let is_asked = step.action == Action::Delete || acl.permission == Permission::Deny;
        is_asked.then_some(acl)
    });
    let principals: HashSet<String> = acls.map(|acl| acl.principal).collect();
    if principals.is_empty() {
        return Ok(HashSet::new());
    }
    let kafka = client.as_ref().map_err(|problem| problem.message.clone())?;
    let found = read(kafka, &principals).await;
    found.map_err(|error| super::observe::unread(&error).message)
}

async fn read(
    kafka: &Kafka,
    principals: &HashSet<String>,
) -> Result<HashSet<AclBinding>, KafkaError> {
    let everybody = "User:*".to_owned();
    let filters = match principals.contains(&everybody) || principals.len() > ASKED_FOR {
        true => vec![AclFilter::default()],
        false => {
            let of = |principal: &String| AclFilter {
                principal: Some(principal.clone()),
                ..AclFilter::default()
            };
            principals.iter().chain([&everybody]).map(of).collect()
        }
    };
    let found = kafka.describe_acls(&filters).await?;
    Ok(found.into_iter().collect())
}

/// What these deletions cost, beside the ACLs that stay and those that the same steps make.
pub(super) fn risks(steps: &[&Step], held: &Held) -> Vec<(Address, Vec<Risk>)> {
    let gone = deletions(steps);
    let stay = held.as_ref().map_err(String::clone).map(|held| {
        let of = |action| {
            let steps = steps.iter().filter(move |step| step.action == action);
            steps.filter_map(|step| acl_of(&step.address).ok())
        };
        let mut stay: HashSet<AclBinding> =
            held.iter().cloned().chain(of(Action::Create)).collect();
        of(Action::Delete).for_each(|gone| {
            stay.remove(&gone);
        });
        stay
    });
    gone.iter()
        .map(|step| (step.address.clone(), vec![of(&step.address, &stay)]))
        .collect()
}

fn of(address: &Address, stay: &Held) -> Risk {
    let (harm, evidence) = match acl_of(address) {
        Ok(acl) => match acl.permission {
            Permission::Allow => allowed(&acl, stay),
            Permission::Deny => denied(&acl, stay),
        },
        Err(why) => (Harm::Critical, why),
    };
    risk(Code::AclRemoved, harm, evidence, None)
}

fn allowed(acl: &AclBinding, stay: &Held) -> (Harm, String) {
    let (who, what) = (&acl.principal, right(acl));
    let stay = match stay {
        Ok(stay) => stay,
        Err(why) => {
            let unread = unread("which other ACLs allow it", why);
            let text = format!(
                "`{who}` loses {what}, unless another ACL allows it: whoever uses it is cut off; {unread}"
            );
            return (Harm::High, text);
        }
    };
    let first = |is_one: &dyn Fn(&&AclBinding) -> bool| {
        let found = stay.iter().filter(is_one).map(address_of);
        found.min_by(|one, other| one.name.cmp(&other.name))
    };
    if let Some(other) = first(&|other| gives_all_of(other, acl)) {
        return (
            Harm::Low,
            format!("`{who}` keeps {what}: `{other}` allows it, too"),
        );
    }
    if let Some(deny) = first(&|deny| takes_all_of(deny, acl)) {
        return (
            Harm::Low,
            format!("`{who}` has not had {what} anyway: `{deny}` denies it"),
        );
    }
    let ourselves = match who == ANYBODY {
        true => ", trueup itself among them where it is no super user",
        false => "",
    };
    let text = format!(
        "`{who}` loses {what}, and no other ACL allows all of it: whoever uses it is cut off{ourselves}"
    );
    (Harm::High, text)
}

fn denied(acl: &AclBinding, stay: &Held) -> (Harm, String) {
    let (who, what) = (&acl.principal, right(acl));
    let begin = format!("`{who}` is no longer denied {what}");
    match stay {
        Ok(stay) if !stay.iter().any(|allow| takes_some_of(acl, allow)) => {
            (Harm::Low, format!("{begin}, and no ACL allows it"))
        }
        Ok(_) => (
            Harm::Medium,
            format!("{begin}: where another ACL allows it, it may from then on"),
        ),
        Err(why) => {
            let unread = unread("which other ACLs allow it", why);
            let text =
                format!("{begin}: where another ACL allows it, it may from then on; {unread}");
            (Harm::Medium, text)
        }
    }
}

/// What an ACL is about, without its principal.
pub(super) fn right(acl: &AclBinding) -> String {
    let AclBinding {
        principal: _,
        permission: _,
        operation,
        resource_type,
        pattern,
        name,
        host,
    } = acl;
    let from = match host.as_str() {
        "*" => String::new(),
        host => format!(" from `{host}`"),
    };
    match pattern {
        PatternType::Literal => format!("`{operation}` on {resource_type} `{name}`{from}"),
        PatternType::Prefixed => format!("`{operation}` on {resource_type}s `{name}..`{from}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::deletion::doomed;

    const READS: &str = "acl/User:a/allow/read/topic/literal/t/*";
    const DENIED: &str = "acl/User:a/deny/write/group/prefixed/g-/10.0.0.1";

    /// The one risk of taking an ACL away, beside these.
    fn told(gone: &str, held: &[&str]) -> (Harm, String) {
        let acl = |text: &str| acl_of(&text.parse().unwrap()).unwrap();
        let held = Ok(held.iter().chain([&gone]).map(|text| acl(text)).collect());
        one(&[&doomed(gone, None)], &held)
    }

    fn one(steps: &[&Step], held: &Held) -> (Harm, String) {
        let told = risks(steps, held);
        assert_eq!(told.len(), 1);
        let risk = &told[0].1[0];
        assert_eq!(risk.code, Code::AclRemoved);
        (risk.harm, risk.evidence.clone())
    }

    #[test]
    fn a_right_that_nothing_else_gives_is_high() {
        let (harm, text) = told(READS, &["acl/User:a/allow/write/topic/literal/t/*"]);
        assert_eq!(
            (harm, text.as_str()),
            (
                Harm::High,
                "`User:a` loses `read` on topic `t`, and no other ACL allows all of it: whoever uses it is cut off"
            )
        );
        let unread = Err("needs DESCRIBE on the cluster".to_owned());
        let (harm, text) = one(&[&doomed(READS, None)], &unread);
        assert_eq!(harm, Harm::High);
        assert!(text.ends_with(
            "which other ACLs allow it could not be read: needs DESCRIBE on the cluster"
        ));
    }

    #[test]
    fn a_right_that_another_acl_gives_or_takes_costs_nothing() {
        let other = "acl/User:a/allow/all/topic/prefixed/t/*";
        assert_eq!(
            told(READS, &[other]),
            (
                Harm::Low,
                format!("`User:a` keeps `read` on topic `t`: `{other}` allows it, too")
            )
        );
        let deny = "acl/User:*/deny/read/topic/literal/*/*";
        assert_eq!(
            told(READS, &[deny]),
            (
                Harm::Low,
                format!("`User:a` has not had `read` on topic `t` anyway: `{deny}` denies it")
            )
        );
    }

    #[test]
    fn what_the_same_plan_makes_or_takes_is_counted() {
        let wider = "acl/User:a/allow/read/topic/literal/*/*";
        let acl = |text: &str| acl_of(&text.parse().unwrap()).unwrap();
        let made = Step::of(wider.parse().unwrap(), Action::Create);
        let held: Held = Ok(HashSet::from([acl(READS)]));
        assert_eq!(one(&[&made, &doomed(READS, None)], &held).0, Harm::Low);
        let held: Held = Ok(HashSet::from([acl(READS), acl(wider)]));
        let both = [doomed(READS, None), doomed(wider, None)];
        let told = risks(&[&both[0], &both[1]], &held);
        assert!(
            told.iter().all(|(_, risks)| risks[0].harm == Harm::High),
            "{told:?}"
        );
    }

    #[test]
    fn a_deny_that_goes_matters_where_something_allows() {
        let (harm, text) = told(DENIED, &["acl/User:a/allow/all/group/literal/g-1/*"]);
        assert_eq!(
            (harm, text.as_str()),
            (
                Harm::Medium,
                "`User:a` is no longer denied `write` on groups `g-..` from `10.0.0.1`: where another ACL allows it, it may from then on"
            )
        );
        assert_eq!(told(DENIED, &[READS]).0, Harm::Low);
    }

    #[tokio::test]
    async fn what_needs_no_look_asks_nothing_and_what_does_says_why_it_could_not() {
        let off = Err(Problem::error(Code::Unreachable, "kafka is not connected"));
        let made = Step::of(READS.parse().unwrap(), Action::Create);
        assert_eq!(held(&off, &[&made]).await, Ok(HashSet::new()));
        let gone = doomed(READS, None);
        assert_eq!(
            held(&off, &[&gone]).await,
            Err("kafka is not connected".to_owned())
        );
    }
}
