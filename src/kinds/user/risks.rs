//! What it costs when a user can no longer log in as it did.

use std::collections::HashMap;

use super::observe::observe;
use super::order::Order;
use crate::broker::kafka::{AclFilter, Kafka, KafkaError};
use crate::kinds::acl::acl_of;
use crate::kinds::kafka::needs;
use crate::kinds::loss::{Read, risk, unread};
use crate::kinds::{Live, Observed, Sight, is_in_place};
use crate::model::{Action, Address, Code, Harm, KindName, Problem, Risk, Step, counted};

/// What deletions and changes cost, each with the ACLs that name the user: who is connected no broker tells.
pub(super) async fn risks(
    client: &Result<&Kafka, Problem>,
    steps: &[&Step],
) -> Vec<(Address, Vec<Risk>)> {
    let risky = risky(steps);
    if risky.is_empty() {
        return Vec::new();
    }
    let addresses: Vec<Address> = risky.iter().map(|step| step.address.clone()).collect();
    let seen = match client {
        Ok(kafka) => observe(kafka, &addresses).await,
        Err(_) => Default::default(),
    };
    let rights = rights(client, &risky).await;
    let of = |step: &&Step| {
        let live = match seen.get(&step.address) {
            Some(Observed::Present(live)) => Some(live),
            Some(Observed::Absent | Observed::Unreadable(_)) | None => None,
        };
        let rights = rights.as_ref().map_err(String::clone);
        let count = rights.map(|rights| rights.get(&step.address.name).copied().unwrap_or(0));
        (step.address.clone(), of_step(step, live, &count))
    };
    risky.iter().map(of).collect()
}

/// The same by what was seen of the users, and of all ACLs.
pub(super) fn by_sight(sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let acls = sight.of(KindName::Acl);
    let principals = acls.filter_map(|(address, _)| Some(acl_of(address).ok()?.principal));
    let rights = counted_by_user(principals);
    let of = |step: &Step| {
        let count = rights.get(&step.address.name).copied().unwrap_or(0);
        let live = sight.resources.get(&step.address);
        (step.address.clone(), of_step(step, live, &Ok(count)))
    };
    risky(steps).into_iter().map(of).collect()
}

fn risky<'s>(steps: &[&'s Step]) -> Vec<&'s Step> {
    let is_risky = |step: &&Step| step.action == Action::Delete || is_in_place(step);
    steps.iter().copied().filter(is_risky).collect()
}

fn counted_by_user(principals: impl Iterator<Item = String>) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for principal in principals {
        let name = principal.strip_prefix("User:").unwrap_or_default();
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

/// How many ACLs name each user.
async fn rights(client: &Result<&Kafka, Problem>, steps: &[&Step]) -> Read<HashMap<String, usize>> {
    let kafka = client.as_ref().map_err(|problem| problem.message.clone())?;
    let principal = |step: &&Step| AclFilter {
        principal: Some(format!("User:{}", step.address.name)),
        ..AclFilter::default()
    };
    let filters: Vec<AclFilter> = steps.iter().map(principal).collect();
    let acls = kafka.describe_acls(&filters).await;
    let acls = acls.map_err(|error| match error {
        KafkaError::ClusterAuthorizationFailed { .. } => needs("DESCRIBE on the cluster"),
        other => other.to_string(),
    })?;
    Ok(counted_by_user(acls.into_iter().map(|acl| acl.principal)))
}

fn of_step(step: &Step, live: Option<&Live>, rights: &Read<usize>) -> Vec<Risk> {
    let user = &step.address.name;
    if step.action == Action::Delete {
        let text = format!("nobody can log in as `{user}` any more");
        return vec![weighed(Code::UserDeleted, text, rights)];
    }
    let Ok(order) = Order::of(step, live) else {
        return Vec::new();
    };
    let mut risks = Vec::new();
    if live.is_none_or(|live| order.sets_password_anew(live)) && !order.set.is_empty() {
        let text = format!("from then on `{user}` logs in with the declared password only");
        risks.push(weighed(Code::UserPasswordChanged, text, rights));
    }
    if !order.delete.is_empty() {
        let names: Vec<String> = order.delete.iter().map(|m| format!("`{m}`")).collect();
        let text = format!("`{user}` no longer logs in by {}", names.join(", "));
        risks.push(weighed(Code::UserMechanismRemoved, text, rights));
    }
    risks
}

/// A user with rights has clients that use them, as far as anybody can tell; one without may do next to nothing.
fn weighed(code: Code, text: String, rights: &Read<usize>) -> Risk {
    let (harm, evidence) = match rights {
        Ok(0) => (Harm::Medium, format!("{text}; no ACL names it")),
        Ok(count) => {
            let acls = counted(u64::try_from(*count).unwrap_or(u64::MAX), "ACL");
            (
                Harm::High,
                format!("{text}; it has {acls}, and who uses them is cut off at its next login"),
            )
        }
        Err(why) => (Harm::High, format!("{text}; {}", unread("its ACLs", why))),
    };
    risk(code, harm, evidence, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::deletion::doomed;

    #[test]
    fn a_user_with_rights_is_missed() {
        let gone = doomed("user/ann", None);
        for (rights, harm) in [
            (Ok(0), Harm::Medium),
            (Ok(2), Harm::High),
            (Err("needs DESCRIBE on the cluster".to_owned()), Harm::High),
        ] {
            let told = of_step(&gone, None, &rights);
            assert_eq!((told[0].code, told[0].harm), (Code::UserDeleted, harm));
        }
    }
}
