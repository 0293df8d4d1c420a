//! Which steps may be carried out, and how many there are.

use std::collections::HashMap;

use super::document::Summary;
use crate::model::{Action, Address, Code, KindName, Refusal, Step};

/// Steps that can't be carried out, with why, in short.
type Held = HashMap<Address, (Code, &'static str)>;

/// What rests on a step that can't be carried out, or waits for it, can't be carried out either.
pub(super) fn hold_back(steps: &mut [Step]) {
    let mut held = Held::new();
    let mut known = usize::MAX;
    // those that wait for each other stand in no order
    while held.len() != known {
        known = held.len();
        hold_back_once(steps, &mut held);
    }
}

fn hold_back_once(steps: &mut [Step], held: &mut Held) {
    for step in steps {
        let mut before = step.rests_on.iter().chain(&step.awaits);
        let origin = before.find_map(|origin| Some((origin, *held.get(origin)?)));
        if let (true, Some((origin, (code, how)))) = (step.is_open(), origin) {
            let takes_along = step.action == Action::Delete && origin.kind == KindName::Consumer;
            let message = match (step.rests_on.contains(origin), takes_along) {
                (true, true) => format!("it would take `{origin}` along, which {how}"),
                (true, false) => format!("it rests on `{origin}`, which {how}"),
                (false, _) => format!("it waits for `{origin}`, which {how}"),
            };
            let hint = format!("see to `{origin}` first");
            step.refusals.push(Refusal {
                origin: Some(origin.clone()),
                ..Refusal::new(code, message, hint)
            });
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

/// Takes back what was held back: what each step rests on may stand otherwise now.
pub(super) fn let_go(steps: &mut [Step]) {
    for step in steps {
        step.refusals.retain(|refusal| refusal.origin.is_none());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Harm, Risk};

    #[test]
    fn those_that_wait_for_each_other_are_held_back_together() {
        let waiting = |own: &str, other: &str| Step {
            awaits: vec![other.parse().unwrap()],
            ..Step::of(own.parse().unwrap(), Action::Update)
        };
        let mut steps = [
            waiting("consumer/Q/a", "consumer/Q/b"),
            waiting("consumer/Q/b", "consumer/Q/a"),
        ];
        hold_back(&mut steps);
        assert!(steps.iter().all(Step::is_open));
        let risk = Risk::of(Code::ConsumerFilterChanged, Harm::High, "it is behind");
        steps[1].risks.push(risk);
        hold_back(&mut steps);
        assert!(!steps[0].is_open() && steps[0].is_fit());
    }

    #[test]
    fn what_is_consented_to_later_frees_what_rests_on_it_and_nothing_else() {
        let step = |address: &str| Step::of(address.parse().unwrap(), Action::Create);
        let resting = || Step {
            rests_on: vec!["stream/A".parse().unwrap()],
            ..step("consumer/A/c")
        };
        let own = Refusal::new(Code::Immutable, "no", "keep it");
        let stream = Step {
            risks: vec![Risk::of(Code::RecreatedEmpty, Harm::High, "it was deleted")],
            ..step("stream/A")
        };
        let mut steps = [stream, resting(), resting().refused(own)];
        hold_back(&mut steps);
        assert!(!steps[1].is_open() && steps[1].is_fit() && !steps[2].is_fit());
        steps[0].risks[0].approved_by = Some("--approve".to_owned());
        let_go(&mut steps);
        hold_back(&mut steps);
        assert_eq!(steps.map(|step| step.is_open()), [true, true, false]);
    }
}
