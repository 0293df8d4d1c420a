//! What a resource is deleted and made anew for, where it may be.

use crate::model::{Code, Refusal, Resource};

/// Parts what a replacement gets over from what stands in the way of it, too. Only what the ledger knows to be the stack's
/// own is replaced, and nothing that is protected: a replacement deletes. Gives back whether the resource is replaced.
pub(super) fn got_over(
    resource: &Resource,
    is_ours: bool,
    judged: Vec<Refusal>,
) -> (bool, Vec<Refusal>) {
    let (reasons, mut refusals): (Vec<Refusal>, Vec<Refusal>) = judged
        .into_iter()
        .partition(|refusal| is_ours && refusal.code == Code::NeedsReplace);
    let is_replaced = !reasons.is_empty();
    if is_replaced && resource.lifecycle.protect {
        refusals.push(protected());
    }
    (is_replaced, refusals)
}

fn protected() -> Refusal {
    Refusal::new(
        Code::Protected,
        "`protect: true` is said of it, so it is not deleted and made anew",
        "say `lifecycle: { protect: false }`, or declare it as it is",
    )
}
