use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::future::join;
use tokio::time::timeout;

use super::{Stop, Watch};
use crate::engine::Port;
use crate::kinds::Observed;
use crate::model::{Action, Address, Broker, Code, Outcome, Step};
use crate::plan::{Plan, waves};

/// How many steps are sent before a wish to stop is looked for: small enough to stop within
/// seconds, large enough that requests stay few. A Kafka broker shows topics as soon as it knows of
/// them, but takes no news in while it opens the logs of those before: each batch waits for the
/// logs of the one before it (seen on 4.3.1, 6 ms a topic on a slow machine).
pub const BATCH: usize = 1_000;

/// How long a broker that answered nothing of a batch may take to show that it is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

const SILENT: &str = "no longer answers";

/// A step and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The resource.
    pub address: Address,
    /// What was to be done.
    pub action: Action,
    /// What became of it.
    pub outcome: Outcome,
}

/// Carries a plan out. Every step of the plan gets an outcome, in the order of the plan.
pub async fn apply(plan: &Plan, port: &dyn Port, watch: &dyn Watch, stop: &Stop) -> Vec<Done> {
    let (nats, kafka) = join(
        Track {
            plan,
            port,
            watch,
            stop,
        }
        .walk(Broker::Nats),
        Track {
            plan,
            port,
            watch,
            stop,
        }
        .walk(Broker::Kafka),
    )
    .await;
    let mut outcomes: HashMap<Address, Outcome> = nats.into_iter().chain(kafka).collect();
    plan.steps
        .iter()
        .map(|step| Done {
            address: step.address.clone(),
            action: step.action,
            outcome: outcomes.remove(&step.address).unwrap_or_else(lost),
        })
        .collect()
}

fn unseen() -> Outcome {
    Outcome::Unknown {
        why: format!("the broker took it and {SILENT}"),
    }
}

fn lost() -> Outcome {
    Outcome::Unknown {
        why: "no answer for this item came back".to_owned(),
    }
}

/// The steps of one broker on their way.
#[derive(Clone, Copy)]
struct Track<'a> {
    plan: &'a Plan,
    port: &'a dyn Port,
    watch: &'a dyn Watch,
    stop: &'a Stop,
}

impl<'a> Track<'a> {
    async fn walk(self, broker: Broker) -> HashMap<Address, Outcome> {
        let mut outcomes = HashMap::new();
        let mut silent = false;
        for wave in waves(self.plan.steps.iter(), broker) {
            let (ready, held) = self.sort_out(wave, &outcomes);
            self.settle(&mut outcomes, held);
            let mut taken = Vec::new();
            for batch in ready.chunks(BATCH) {
                let send = async {
                    match silent {
                        true => withheld(batch, &format!("the broker {SILENT}")),
                        false => self.carry_out(batch).await,
                    }
                };
                let (done, seen) = join(send, self.see(&taken, silent)).await;
                silent = silent || self.is_silent(&done).await || self.is_silent(&seen).await;
                self.settle(&mut outcomes, seen);
                taken = self.settle_but_taken(&mut outcomes, batch, done);
            }
            let seen = self.see(&taken, silent).await;
            silent = silent || self.is_silent(&seen).await;
            self.settle(&mut outcomes, seen);
        }
        outcomes
    }

    /// Waits until what a batch did is visible, while the next one is on its way: a broker that opens the logs of the last topics
    /// takes the next ones meanwhile. No more than two batches are ever in flight.
    async fn see(self, taken: &[&'a Step], silent: bool) -> Vec<(Address, Outcome)> {
        match taken.first() {
            Some(_) if silent => taken
                .iter()
                .map(|step| (step.address.clone(), unseen()))
                .collect(),
            Some(first) => self.port.see(first.address.kind, taken).await,
            None => Vec::new(),
        }
    }

    /// Settles what was not taken, and gives back the steps that were.
    fn settle_but_taken(
        self,
        outcomes: &mut HashMap<Address, Outcome>,
        batch: &[&'a Step],
        done: Vec<(Address, Outcome)>,
    ) -> Vec<&'a Step> {
        let (taken, others): (Vec<_>, Vec<_>) = done
            .into_iter()
            .partition(|(_, outcome)| *outcome == Outcome::Applied);
        self.settle(outcomes, others);
        let taken: HashSet<Address> = taken.into_iter().map(|(address, _)| address).collect();
        let is_taken = |step: &&&Step| taken.contains(&step.address);
        batch.iter().filter(is_taken).copied().collect()
    }

    /// The steps that may be sent, and the outcomes of those that may not.
    fn sort_out(
        self,
        wave: Vec<&'a Step>,
        outcomes: &HashMap<Address, Outcome>,
    ) -> (Vec<&'a Step>, Vec<(Address, Outcome)>) {
        let mut ready = Vec::new();
        let mut held = Vec::new();
        for step in wave {
            match hindrance(step, outcomes) {
                Some(because) => {
                    held.push((step.address.clone(), Outcome::NotAttempted { because }));
                }
                None => ready.push(step),
            }
        }
        (ready, held)
    }

    async fn carry_out(self, batch: &[&'a Step]) -> Vec<(Address, Outcome)> {
        let Some(kind) = batch.first().map(|step| step.address.kind) else {
            return Vec::new();
        };
        if self.stop.is_asked() {
            return withheld(batch, "stopped before its turn came");
        }
        let addresses: Vec<&Address> = batch.iter().map(|step| &step.address).collect();
        self.watch.started(&addresses);
        self.port.carry_out(kind, batch).await
    }

    /// Whether no step of a batch had an answer, and a look at one of them has none soon. What
    /// comes next would wait as long, again and again.
    async fn is_silent(self, done: &[(Address, Outcome)]) -> bool {
        let mut lost = None;
        for (address, outcome) in done {
            match outcome {
                Outcome::Applied | Outcome::Failed { .. } => return false,
                Outcome::Unknown { .. } => lost = Some(address),
                Outcome::NotAttempted { .. } => {}
            }
        }
        let Some(lost) = lost.cloned() else {
            return false;
        };
        let look = self.port.observe(lost.kind, std::slice::from_ref(&lost));
        match timeout(SIGN_OF_LIFE, look).await {
            Err(_) => true,
            Ok(seen) => seen.values().any(is_out_of_reach),
        }
    }

    fn settle(self, outcomes: &mut HashMap<Address, Outcome>, done: Vec<(Address, Outcome)>) {
        for (address, outcome) in done {
            self.watch.finished(&address, &outcome);
            outcomes.insert(address, outcome);
        }
    }
}

/// Whether a look came to the same as no answer: the broker is known to give none.
fn is_out_of_reach(observed: &Observed) -> bool {
    match observed {
        Observed::Unreadable(problem) => problem.code == Code::Unreachable,
        Observed::Absent | Observed::Present(_) => false,
    }
}

/// Steps that are not sent, because of one and the same.
fn withheld(steps: &[&Step], because: &str) -> Vec<(Address, Outcome)> {
    let outcome = || Outcome::NotAttempted {
        because: because.to_owned(),
    };
    let withheld = steps.iter().map(|step| (step.address.clone(), outcome()));
    withheld.collect()
}

/// Why a step can't be sent: its own refusals, or one that it rests on and that was not applied.
fn hindrance(step: &Step, outcomes: &HashMap<Address, Outcome>) -> Option<String> {
    if let Some(refusal) = step.refusals.first() {
        let word = if step.action == Action::Unread {
            "could not be read"
        } else {
            "blocked"
        };
        return Some(format!("{word}: {}", refusal.message));
    }
    step.rests_on
        .iter()
        .find_map(|origin| match outcomes.get(origin) {
            Some(Outcome::Applied) | None => None,
            Some(Outcome::Failed { .. }) => Some(format!("`{origin}` failed")),
            Some(Outcome::NotAttempted { .. }) => Some(format!("`{origin}` was not attempted")),
            Some(Outcome::Unknown { .. }) => Some(format!("the outcome of `{origin}` is unknown")),
        })
}

#[cfg(test)]
mod tests;
