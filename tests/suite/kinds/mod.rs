//! The kinds on real brokers.

mod by_sight;
pub mod kafka;
pub mod nats;

use trueup::engine::Port;
use trueup::kinds::Observed;
use trueup::model::{Action, Address, Base, Outcome, Risk, Step};

/// A step that deletes this life of a resource.
pub fn doomed(address: &Address, life: Option<&str>) -> Step {
    Step {
        base: Base {
            incarnation: life.map(str::to_owned),
            fingerprint: Some("settings do not matter".to_owned()),
        },
        ..Step::of(address.clone(), Action::Delete)
    }
}

/// A step that deletes what a resource is now.
pub async fn doomed_now(port: &dyn Port, address: &Address) -> Step {
    match observed(port, address).await {
        Observed::Present(live) => doomed(address, live.incarnation.as_deref()),
        other => panic!("{address}: {other:?}"),
    }
}

/// What there is at an address.
pub async fn observed(port: &dyn Port, address: &Address) -> Observed {
    let asked = std::slice::from_ref(address);
    let mut seen = port.observe(address.kind, asked).await;
    seen.swap_remove(address).unwrap()
}

/// Carries steps of one kind out and waits until that is visible; what became of each.
pub async fn carried_out(port: &dyn Port, steps: &[&Step]) -> Vec<Outcome> {
    let kind = steps[0].address.kind;
    let done = port.carry_out(kind, steps).await;
    let taken = done.iter().zip(steps);
    let taken = taken.filter(|((_, outcome), _)| *outcome == Outcome::Applied);
    let taken: Vec<&Step> = taken.map(|(_, step)| *step).collect();
    let seen = port.see(kind, &taken).await;
    let last_word = |(address, outcome): (Address, Outcome)| {
        let seen = seen.iter().find(|(seen, _)| *seen == address);
        seen.map_or(outcome, |(_, outcome)| outcome.clone())
    };
    done.into_iter().map(last_word).collect()
}

/// The one risk of a step.
pub async fn risk(port: &dyn Port, step: &Step) -> Risk {
    let mut risks = port.risks(step.address.kind, &[step]).await;
    assert_eq!(risks.len(), 1, "{risks:?}");
    let (address, mut risks) = risks.remove(0);
    assert_eq!(address, step.address);
    assert_eq!(risks.len(), 1, "{risks:?}");
    risks.remove(0)
}

/// Why a step failed.
pub fn failure(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed { why } => why,
        other => panic!("{other:?}"),
    }
}
