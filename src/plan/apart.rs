//! Steps that cost more together than each by itself.

use std::collections::HashSet;

use crate::model::{Action, Address, Code, KindName, Refusal, Step};

/// A consumer's step is weighed by what its stream keeps now. One by which it lets go of messages waits until a stream that is
/// to keep by interest does: these messages would go with it, and nobody would have counted them.
pub(super) fn hold_apart(steps: &mut [Step]) {
    let turning: HashSet<String> = steps.iter().filter_map(turns_to_interest).collect();
    for step in steps.iter_mut().filter(|step| lets_go(step)) {
        let stream = step.address.stream_and_consumer().map(|(name, _)| name);
        if let Some(stream) = stream.filter(|name| turning.contains(*name)) {
            let stream = Address::new(KindName::Stream, stream);
            step.refusals.push(interest_first(&stream));
        }
    }
}

/// The stream that a step makes keep by interest.
fn turns_to_interest(step: &Step) -> Option<String> {
    let is_stream = step.address.kind == KindName::Stream && step.action != Action::Create;
    let mut changes = step.changes.iter();
    let turns = changes.any(|change| {
        change.field == "retention"
            && change.after.as_ref().and_then(|it| it.as_str()) == Some("interest")
    });
    (is_stream && turns).then(|| step.address.name.clone())
}

/// Whether a consumer may no longer get what waits for it.
fn lets_go(step: &Step) -> bool {
    let fields = ["filter_subject", "filter_subjects", "inactive_threshold"];
    let mut changes = step.changes.iter();
    step.address.kind == KindName::Consumer
        && match step.action {
            Action::Delete | Action::Replace => true,
            Action::Update | Action::Adopt => {
                changes.any(|change| fields.contains(&change.field.as_str()))
            }
            Action::Create | Action::Forget | Action::Unread => false,
        }
}

fn interest_first(stream: &Address) -> Refusal {
    Refusal::new(
        Code::InterestFirst,
        format!(
            "`{stream}` turns to `retention: interest` in this plan, and what waits for this consumer would be deleted with the change"
        ),
        format!(
            "apply the stream's change first (`--target {stream}`, or all that is not blocked): the next plan counts what the consumer holds then"
        ),
    )
}
