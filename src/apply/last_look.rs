//! What becomes of steps in flight that a wish to stop does not wait for any longer.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::walk::BATCH;
use crate::engine::Port;
use crate::kinds::{Delta, Live, Observed, kind};
use crate::model::{Action, Address, Outcome, Step};

/// How long what is in flight is waited for after a wish to stop.
pub(super) const IN_FLIGHT: Duration = Duration::from_secs(4);

/// How long a look at what is left of it may take then.
const LOOK: Duration = Duration::from_millis(1_700);

/// Reads what steps in flight were to make or delete: applied is what is there as asked, or gone. Of the rest nothing is known.
pub(super) async fn look(port: &dyn Port, in_flight: &[&Step]) -> Vec<(Address, Outcome)> {
    let deadline = Instant::now() + LOOK;
    let mut outcomes = Vec::new();
    for steps in in_flight.chunk_by(|a, b| a.address.kind == b.address.kind) {
        for batch in steps.chunks(BATCH) {
            outcomes.extend(look_at(port, batch, deadline).await);
        }
    }
    outcomes
}

async fn look_at(port: &dyn Port, steps: &[&Step], deadline: Instant) -> Vec<(Address, Outcome)> {
    let Some(first) = steps.first() else {
        return Vec::new();
    };
    let addresses: Vec<Address> = steps.iter().map(|step| step.address.clone()).collect();
    let look = port.observe(first.address.kind, &addresses);
    let seen = timeout_at(deadline, look).await.unwrap_or_default();
    let told = |step: &&Step| {
        let outcome = match seen.get(&step.address) {
            Some(observed) if is_made(step, observed) => Outcome::Applied,
            Some(Observed::Present(live)) => stopped(goes_on(step, live)),
            Some(Observed::Absent | Observed::Unreadable(_)) | None => stopped(None),
        };
        (step.address.clone(), outcome)
    };
    steps.iter().map(told).collect()
}

/// Stopped, and what the brokers go on with, where they do.
fn stopped(goes_on: Option<String>) -> Outcome {
    let stopped = "stopped while it was in flight";
    Outcome::Unknown {
        why: goes_on.map_or_else(|| stopped.to_owned(), |what| format!("stopped; {what}")),
    }
}

fn goes_on(step: &Step, live: &Live) -> Option<String> {
    kind(step.address.kind)?.goes_on(step, live)
}

fn is_made(step: &Step, observed: &Observed) -> bool {
    if step.action == Action::Delete {
        return *observed == Observed::Absent;
    }
    let (Observed::Present(live), Some(kind)) = (observed, kind(step.address.kind)) else {
        return false;
    };
    let declaration = kind.declaration();
    let deltas = Delta::of_step(step, declaration);
    let is_settled = !kind.is_unsettled(step, live);
    is_settled && deltas.is_ok_and(|deltas| Delta::are_in(&deltas, &live.fields, declaration))
}
