//! Creating ACLs, batched, each with its own outcome.

use std::collections::HashMap;

use super::observe::{held, unread};
use super::{AclBinding, Operation, Permission, acl_of};
use crate::broker::kafka::{Kafka, KafkaError};
use crate::kinds::kafka::{needs, outcome, patience, refuse_all, unseen, until_visible};
use crate::model::{Action, Address, Code, Outcome, Problem, Refusal, Step};

/// The right that making ACLs wants.
const RIGHT: &str = "ALTER on the cluster";

/// Kafka can't be asked to validate an ACL; but it tells whether the user may make any.
pub(super) async fn rehearse(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Refusal)> {
    match kafka.cluster().await {
        Err(error) => refuse_all(steps, &error.problem()),
        Ok(cluster) => match cluster.authorized_operations {
            Some(rights) if !rights.contains(&Operation::Alter) => refuse_all(steps, &denied()),
            Some(_) | None => Vec::new(),
        },
    }
}

fn denied() -> Problem {
    Problem::error(Code::Denied, needs(RIGHT)).hint(Code::Denied.way_out())
}

/// Makes the ACLs: those that allow first, those that deny last.
pub(super) async fn carry_out(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let mut outcomes: HashMap<&Address, Outcome> = HashMap::new();
    let mut acls: Vec<(&Address, AclBinding)> = Vec::new();
    for step in steps {
        match order(step) {
            Ok(acl) => acls.push((&step.address, acl)),
            Err(why) => {
                outcomes.insert(&step.address, Outcome::Failed { why });
            }
        }
    }
    let (allow, deny) = acls
        .into_iter()
        .partition(|(_, acl)| acl.permission == Permission::Allow);
    create(kafka, allow, &mut outcomes).await;
    create(kafka, deny, &mut outcomes).await;
    each(steps, outcomes)
}

/// Waits until the ACLs are visible.
pub(super) async fn see(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let acl = |step: &&Step| Some((step.address.clone(), order(step).ok()?));
    let made: Vec<(Address, AclBinding)> = steps.iter().filter_map(acl).collect();
    let allowed = patience(made.len());
    let left = until_visible(made, allowed, |made| async move {
        let seen = held(kafka, &made.iter().map(|(_, acl)| acl).collect::<Vec<_>>()).await?;
        let hidden = made.into_iter().filter(|(_, acl)| !seen.contains(acl));
        Ok(hidden.collect())
    })
    .await;
    let outcome = unseen(allowed, left.failure.as_ref());
    let outcomes = left.items.iter();
    let outcomes = outcomes.map(|(address, _)| (address, outcome.clone()));
    each(steps, outcomes.collect())
}

/// Every step with its outcome; applied, where nothing else is said.
fn each(steps: &[&Step], mut outcomes: HashMap<&Address, Outcome>) -> Vec<(Address, Outcome)> {
    let outcome = |step: &&Step| {
        let outcome = outcomes.remove(&step.address).unwrap_or(Outcome::Applied);
        (step.address.clone(), outcome)
    };
    steps.iter().map(outcome).collect()
}

fn order(step: &Step) -> Result<AclBinding, String> {
    match step.action {
        Action::Create => acl_of(&step.address),
        Action::Update | Action::Replace | Action::Unread => {
            Err("an ACL has nothing that could change".to_owned())
        }
    }
}

type Acls<'a> = Vec<(&'a Address, AclBinding)>;

/// Sends them and tells what the broker did not take.
async fn create<'a>(kafka: &Kafka, acls: Acls<'a>, outcomes: &mut HashMap<&'a Address, Outcome>) {
    if acls.is_empty() {
        return;
    }
    tracing::debug!(acls = acls.len(), "creating ACLs");
    let bindings: Vec<AclBinding> = acls.iter().map(|(_, acl)| acl.clone()).collect();
    match kafka.create_acls(&bindings).await {
        Err(error) => {
            outcomes.extend(acls.iter().map(|(address, _)| (*address, not_sent(&error))));
        }
        Ok(results) => {
            let refused = acls
                .iter()
                .zip(results)
                .filter_map(|((address, _), result)| {
                    let error = result.err()?;
                    Some((*address, outcome(&error, RIGHT)))
                });
            outcomes.extend(refused);
        }
    }
}

/// Without an authorizer the broker has said no; otherwise nothing was sent.
fn not_sent(error: &KafkaError) -> Outcome {
    let why = unread(error).message;
    match error {
        KafkaError::SecurityDisabled { .. } => Outcome::Failed { why },
        _ => Outcome::NotAttempted { because: why },
    }
}
