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

/// Makes the ACLs and returns when they are visible: those that allow first, those that deny last.
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
    let mut made = create(kafka, allow, &mut outcomes).await;
    made.extend(create(kafka, deny, &mut outcomes).await);
    wait(kafka, made, &mut outcomes).await;
    steps
        .iter()
        .map(|step| {
            let outcome = outcomes.remove(&step.address).unwrap_or(Outcome::Applied);
            (step.address.clone(), outcome)
        })
        .collect()
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

/// Sends them and gives back those that the broker took.
async fn create<'a>(
    kafka: &Kafka,
    acls: Acls<'a>,
    outcomes: &mut HashMap<&'a Address, Outcome>,
) -> Acls<'a> {
    if acls.is_empty() {
        return acls;
    }
    tracing::debug!(acls = acls.len(), "creating ACLs");
    let bindings: Vec<AclBinding> = acls.iter().map(|(_, acl)| acl.clone()).collect();
    match kafka.create_acls(&bindings).await {
        Err(error) => {
            outcomes.extend(acls.iter().map(|(address, _)| (*address, not_sent(&error))));
            Vec::new()
        }
        Ok(results) => {
            let mut taken = Vec::new();
            for (acl, result) in acls.into_iter().zip(results) {
                match result {
                    Ok(()) => taken.push(acl),
                    Err(error) => {
                        outcomes.insert(acl.0, outcome(&error, RIGHT));
                    }
                }
            }
            taken
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

/// Waits for all of them together.
async fn wait<'a>(kafka: &Kafka, made: Acls<'a>, outcomes: &mut HashMap<&'a Address, Outcome>) {
    let allowed = patience(made.len());
    let left = until_visible(made, allowed, |made| async move {
        let seen = held(kafka, &made.iter().map(|(_, acl)| acl).collect::<Vec<_>>()).await?;
        Ok(made
            .into_iter()
            .filter(|(_, acl)| !seen.contains(acl))
            .collect())
    })
    .await;
    for (address, _) in left.items {
        outcomes.insert(address, unseen(allowed, left.failure.as_ref()));
    }
}
