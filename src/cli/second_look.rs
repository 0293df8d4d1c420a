//! What existed and was not shown when the plan was made, looked at again at the end of the apply.

use std::collections::HashSet;

use super::apply::{Desk, Given};
use super::progress::Progress;
use super::work::{Planned, Work};
use crate::apply::Done;
use crate::engine::LiveBrokers;
use crate::model::Address;
use crate::plan::Plan;

/// A plan and what became of its steps, without the steps of what turned out to be as declared. For a saved
/// plan nothing is compared anew.
pub(super) async fn second_look(
    given: &Given,
    plan: &Plan,
    port: &LiveBrokers,
    desk: Desk<'_>,
    progress: &Progress,
    done: Vec<Done>,
) -> (Plan, Vec<Done>) {
    let hidden: HashSet<&Address> = plan.hidden_steps().map(|step| &step.address).collect();
    let again = match given {
        Given::Manifest(work) if !hidden.is_empty() => {
            planned_again(work, port, desk, progress).await
        }
        Given::Manifest(_) | Given::Saved(..) => None,
    };
    let Some(again) = again else {
        return (plan.clone(), done);
    };
    let open: HashSet<&Address> = again.plan.steps.iter().map(|step| &step.address).collect();
    let is_settled = |address: &Address| hidden.contains(address) && !open.contains(address);
    let left = done.into_iter().filter(|one| !is_settled(&one.address));
    let left = left.collect();
    (plan.clone().settled(is_settled), left)
}

/// None where it can't be planned any more; then nothing more is known than before.
async fn planned_again(
    work: &Work,
    port: &LiveBrokers,
    desk: Desk<'_>,
    progress: &Progress,
) -> Option<Planned> {
    let (targets, consent) = (&desk.args.targets, &desk.args.consent);
    let planned = work.plan_on(port.clone(), targets, consent, progress);
    planned.await.ok()
}
