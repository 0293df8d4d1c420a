//! What a step may cost is read once more just before it is sent.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::engine::Port;
use crate::model::{Address, Outcome, Risk, Step};
use crate::plan::Plan;

/// Applies the plan's approvals to what these steps, all of one kind, may cost now: those that cost what nobody consented
/// to are not sent.
pub(super) async fn still_right<'a>(
    plan: &Plan,
    port: &dyn Port,
    now: Timestamp,
    batch: &[&'a Step],
) -> (Vec<&'a Step>, Vec<(Address, Outcome)>) {
    let mut read = read(port, batch).await;
    let (mut right, mut held) = (Vec::new(), Vec::new());
    for step in batch {
        let fresh = read.remove(&step.address).unwrap_or_default();
        let risks = plan.risks_now(step, fresh, now);
        match risks.iter().find(|risk| risk.blocks()) {
            None => right.push(*step),
            Some(risk) => held.push((step.address.clone(), blocked_since(risk))),
        }
    }
    (right, held)
}

async fn read(port: &dyn Port, batch: &[&Step]) -> HashMap<Address, Vec<Risk>> {
    let on_broker = batch.iter().copied().filter(|step| step.is_on_broker());
    let on_broker: Vec<&Step> = on_broker.collect();
    match on_broker.first() {
        Some(first) => port.risks(first.address.kind, &on_broker).await,
        None => Vec::new(),
    }
    .into_iter()
    .collect()
}

/// What came up between the plan and its turn.
fn blocked_since(risk: &Risk) -> Outcome {
    let why = risk.unapproved.as_ref();
    let why = why.map_or_else(String::new, |why| format!("; {why}"));
    Outcome::NotAttempted {
        because: format!(
            "{} since the plan was made: {}{why}",
            risk.code, risk.evidence
        ),
    }
}
