//! Creating and deleting ACLs, batched, each with its own outcome.

use std::collections::HashMap;

use super::observe::{held, unread};
use super::{AclBinding, Operation, Permission, acl_of};
use crate::broker::kafka::{Kafka, KafkaError};
use crate::kinds::kafka::{
    each, outcome, patience, refused_without, still_seen, unseen, until_visible,
};
use crate::model::{Action, Address, Outcome, Refusal, Step};

/// The right that making and deleting ACLs wants.
const RIGHT: &str = "ALTER on the cluster";

/// Kafka can't be asked to validate an ACL; but it tells whether the user may make any.
pub(super) async fn rehearse(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Refusal)> {
    refused_without(kafka, steps, Operation::Alter, RIGHT).await
}

/// In which order ACLs come and go: rights are given before others are taken, and what denies stays longest.
const TURNS: [(Action, Permission); 4] = [
    (Action::Create, Permission::Allow),
    (Action::Create, Permission::Deny),
    (Action::Delete, Permission::Allow),
    (Action::Delete, Permission::Deny),
];

/// Makes and deletes the ACLs. One that is there, or gone, already is as the plan wants it: an ACL is nothing but its address.
pub(super) async fn carry_out(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let mut outcomes: HashMap<Address, Outcome> = HashMap::new();
    let mut acls: Vec<(&Step, AclBinding)> = Vec::new();
    for step in steps {
        match order(step) {
            Ok(acl) => acls.push((step, acl)),
            Err(why) => {
                outcomes.insert(step.address.clone(), Outcome::Failed { why });
            }
        }
    }
    for (action, permission) in TURNS {
        let turn = acls
            .iter()
            .filter(|(step, acl)| step.action == action && acl.permission == permission);
        let turn = turn.map(|(step, acl)| (&step.address, acl.clone()));
        send(kafka, action, turn.collect(), &mut outcomes).await;
    }
    each(steps, outcomes)
}

/// Waits until the ACLs are visible, or gone.
pub(super) async fn see(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let acl = |step: &&Step| Some((step.address.clone(), order(step).ok()?));
    let of = |is_deleted: bool| {
        let asked = |step: &&&Step| (step.action == Action::Delete) == is_deleted;
        let acls: Vec<(Address, AclBinding)> = steps.iter().filter(asked).filter_map(acl).collect();
        acls
    };
    let (made, doomed) = (of(false), of(true));
    let allowed = patience(steps.len());
    let hidden = until_visible(made, allowed, |acls| among(kafka, acls, false)).await;
    let shown = until_visible(doomed, allowed, |acls| among(kafka, acls, true)).await;
    let unseen = unseen(allowed, hidden.failure.as_ref());
    let seen = still_seen(allowed, shown.failure.as_ref());
    let late = hidden.items.iter().map(|(address, _)| (address, &unseen));
    let late = late.chain(shown.items.iter().map(|(address, _)| (address, &seen)));
    let late = late.map(|(address, outcome)| (address.clone(), outcome.clone()));
    each(steps, late.collect())
}

/// Those of these ACLs that the cluster has, or has not.
async fn among(
    kafka: &Kafka,
    mut acls: Vec<(Address, AclBinding)>,
    has: bool,
) -> Result<Vec<(Address, AclBinding)>, KafkaError> {
    let seen = held(kafka, &acls.iter().map(|(_, acl)| acl).collect::<Vec<_>>()).await?;
    acls.retain(|(_, acl)| seen.contains(acl) == has);
    Ok(acls)
}

fn order(step: &Step) -> Result<AclBinding, String> {
    match step.action {
        Action::Create | Action::Delete => acl_of(&step.address),
        Action::Adopt | Action::Update | Action::Replace | Action::Forget | Action::Unread => {
            Err("an ACL has nothing that could change".to_owned())
        }
    }
}

type Acls<'a> = Vec<(&'a Address, AclBinding)>;

/// Sends them and tells what the broker did not take.
async fn send(
    kafka: &Kafka,
    action: Action,
    acls: Acls<'_>,
    outcomes: &mut HashMap<Address, Outcome>,
) {
    if acls.is_empty() {
        return;
    }
    tracing::debug!(acls = acls.len(), ?action, "sending ACLs");
    let bindings: Vec<AclBinding> = acls.iter().map(|(_, acl)| acl.clone()).collect();
    let answers = if action == Action::Delete {
        kafka.delete_acls(&bindings).await
    } else {
        kafka.create_acls(&bindings).await
    };
    match answers {
        Err(error) => {
            outcomes.extend(
                acls.iter()
                    .map(|(address, _)| ((*address).clone(), not_sent(&error))),
            );
        }
        Ok(results) => {
            let refused = acls
                .iter()
                .zip(results)
                .filter_map(|((address, _), result)| {
                    let error = result.err()?;
                    Some(((*address).clone(), outcome(&error, RIGHT)))
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
