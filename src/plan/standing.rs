//! Which steps may be carried out, and how many there are.

use std::collections::HashMap;

use super::document::Summary;
use crate::model::{Action, Address, Code, Refusal, Step};

/// What rests on a step that can't be carried out can't be carried out either.
pub(super) fn hold_back(steps: &mut [Step]) {
    let mut held: HashMap<Address, (Code, &str)> = HashMap::new();
    for step in steps {
        let origin = step
            .rests_on
            .iter()
            .find_map(|origin| Some((origin, *held.get(origin)?)));
        if let (true, Some((origin, (code, how)))) = (step.is_open(), origin) {
            let message = format!("it rests on `{origin}`, which {how}");
            let hint = format!("see to `{origin}` first");
            step.refusals.push(Refusal::new(code, message, hint));
        }
        let risk = step.risks.iter().find(|risk| risk.blocks());
        let refusal = step.refusals.first().map(|refusal| refusal.code);
        if let Some(code) = refusal.or(risk.map(|risk| risk.code)) {
            let how = match step.action {
                Action::Unread => "could not be read",
                Action::Create | Action::Adopt | Action::Update | Action::Replace => {
                    "can't be made"
                }
                Action::Delete | Action::Forget => "can't be taken away",
            };
            held.insert(step.address.clone(), (code, how));
        }
    }
}

/// How many steps there are of each action, and how many are blocked.
pub(super) fn count(steps: &[Step], unchanged: usize) -> Summary {
    let mut summary = Summary {
        unchanged,
        ..Summary::default()
    };
    for step in steps {
        match step.action {
            Action::Create => summary.create += 1,
            Action::Update => summary.update += 1,
            Action::Adopt => summary.adopt += 1,
            Action::Replace => summary.replace += 1,
            Action::Delete => summary.delete += 1,
            Action::Forget => summary.forget += 1,
            Action::Unread => summary.unread += 1,
        }
        summary.blocked += usize::from(!step.is_open());
    }
    summary
}
