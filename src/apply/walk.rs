use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::future::join;
use jiff::Timestamp;
use tokio::time::{sleep_until, timeout};

use super::board::Board;
use super::last_look::{IN_FLIGHT, look};
use super::once_more::still_right;
use super::unmade::{Staying, Unmade};
use super::{Kept, Stop, Watch};
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

const STOPPED: &str = "stopped before its turn came";

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
///
/// With `kept`, nothing is sent that the ledger does not know of before, nor after the lock is lost. `now` tells
/// the time: an approval may end while steps before its own are carried out.
pub async fn apply(
    plan: &Plan,
    port: &dyn Port,
    watch: &dyn Watch,
    stop: &Stop,
    kept: Option<Kept<'_>>,
    now: fn() -> Timestamp,
) -> Vec<Done> {
    let board = Board::default();
    let track = Track {
        board: &board,
        plan,
        port,
        watch,
        stop,
        kept,
        now,
    };
    let (nats, kafka) = join(track.walk(Broker::Nats), track.walk(Broker::Kafka)).await;
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
        why: "the broker took it and no longer answers".to_owned(),
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
    board: &'a Board,
    plan: &'a Plan,
    port: &'a dyn Port,
    watch: &'a dyn Watch,
    stop: &'a Stop,
    kept: Option<Kept<'a>>,
    now: fn() -> Timestamp,
}

/// How far a track has come.
#[derive(Default)]
struct Course<'a> {
    outcomes: HashMap<Address, Outcome>,
    /// What was sent, settled since or still in flight.
    sent: Vec<&'a Step>,
}

impl<'a> Track<'a> {
    /// Goes on until the end, or until a wish to stop has waited for long enough for what is in flight.
    async fn walk(self, broker: Broker) -> HashMap<Address, Outcome> {
        let mut course = Course::default();
        let overdue = async {
            let asked = self.stop.asked().await;
            sleep_until(asked + IN_FLIGHT).await;
        };
        let is_cut = tokio::select! {
            () = self.go(broker, &mut course) => false,
            () = overdue => true,
        };
        if is_cut {
            self.break_off(broker, &mut course).await;
        }
        self.board.finish(broker);
        course.outcomes
    }

    async fn go(self, broker: Broker, course: &mut Course<'a>) {
        let mut silent = false;
        for wave in waves(self.plan.steps.iter(), broker) {
            let elsewhere = self.board.settled(self.rest_elsewhere(&wave, broker)).await;
            let (ready, held) = self.sort_out(wave, &course.outcomes, &elsewhere);
            self.settle(&mut course.outcomes, held);
            let mut taken: Vec<&Step> = Vec::new();
            for batch in ready.chunks(BATCH) {
                if let Some(because) = self.why_not(silent) {
                    self.settle(&mut course.outcomes, withheld(batch, because));
                    continue;
                }
                course.sent.extend(batch);
                let (done, seen) = join(self.carry_out(batch), self.see(&taken, silent)).await;
                silent = self.is_silent(&done).await || self.is_silent(&seen).await;
                let seen = self.record(&taken, seen).await;
                self.settle(&mut course.outcomes, seen);
                taken = self
                    .settle_but_taken(&mut course.outcomes, batch, done)
                    .await;
            }
            let seen = self.see(&taken, silent).await;
            silent = silent || self.is_silent(&seen).await;
            let seen = self.record(&taken, seen).await;
            self.settle(&mut course.outcomes, seen);
        }
    }

    /// The steps of the other broker that steps of a wave rest on: a route comes after its topics, and goes before them.
    fn rest_elsewhere(self, wave: &[&Step], broker: Broker) -> Vec<Address> {
        let rests_on = wave.iter().flat_map(|step| &step.rests_on);
        let elsewhere: HashSet<&Address> = rests_on
            .filter(|address| address.kind.broker() != broker)
            .collect();
        let steps = self.plan.steps.iter().map(|step| &step.address);
        let of_plan = steps.filter(|address| elsewhere.contains(address));
        of_plan.cloned().collect()
    }

    /// Why nothing more is sent.
    fn why_not(self, silent: bool) -> Option<&'static str> {
        match (silent, self.stop.is_asked()) {
            (true, _) => Some("the broker no longer answers"),
            (false, true) => Some(STOPPED),
            (false, false) => None,
        }
    }

    /// Looks once at what is in flight; the rest never had its turn.
    async fn break_off(self, broker: Broker, course: &mut Course<'a>) {
        let Course { outcomes, sent } = course;
        sent.retain(|step| !outcomes.contains_key(&step.address));
        let looked_at = look(self.port, sent).await;
        let looked_at = self.record(sent, looked_at).await;
        self.settle(outcomes, looked_at);
        let of_broker = self.plan.steps.iter();
        let of_broker = of_broker.filter(|step| step.address.kind.broker() == broker);
        let left: Vec<&Step> = of_broker
            .filter(|step| !outcomes.contains_key(&step.address))
            .collect();
        self.settle(outcomes, withheld(&left, STOPPED));
    }

    /// Waits until what a batch did is visible, while the next one is on its way: a broker that opens the logs of the last topics
    /// takes the next ones meanwhile. No more than two batches are ever in flight.
    async fn see(self, taken: &[&'a Step], silent: bool) -> Vec<(Address, Outcome)> {
        let (on_broker, in_ledger) = apart(taken);
        let mut seen = match on_broker.first() {
            Some(_) if silent => on_broker
                .iter()
                .map(|step| (step.address.clone(), unseen()))
                .collect(),
            Some(first) => self.port.see(first.address.kind, &on_broker).await,
            None => Vec::new(),
        };
        seen.extend(applied(&in_ledger));
        seen
    }

    /// Writes down what became of steps that were sent. What the broker did and the ledger does not know is not told
    /// as applied.
    async fn record(
        self,
        steps: &[&'a Step],
        done: Vec<(Address, Outcome)>,
    ) -> Vec<(Address, Outcome)> {
        let Some(kept) = self.kept else { return done };
        let outcomes: HashMap<Address, Outcome> = done.iter().cloned().collect();
        match kept.journal.settle(self.port, steps, &outcomes).await {
            Ok(()) => done,
            Err(error) => {
                let why = format!("done, but not recorded: {error}; the next run settles it");
                let unrecorded = |(address, outcome)| match outcome {
                    Outcome::Applied => (address, Outcome::Unknown { why: why.clone() }),
                    other => (address, other),
                };
                done.into_iter().map(unrecorded).collect()
            }
        }
    }

    /// Settles what was not taken, and gives back the steps that were.
    async fn settle_but_taken(
        self,
        outcomes: &mut HashMap<Address, Outcome>,
        batch: &[&'a Step],
        done: Vec<(Address, Outcome)>,
    ) -> Vec<&'a Step> {
        let (taken, others): (Vec<_>, Vec<_>) = done
            .into_iter()
            .partition(|(_, outcome)| *outcome == Outcome::Applied);
        let taken: HashSet<Address> = taken.into_iter().map(|(address, _)| address).collect();
        let (taken, left): (Vec<&Step>, Vec<&Step>) = batch
            .iter()
            .copied()
            .partition(|step| taken.contains(&step.address));
        let others = self.record(&left, others).await;
        self.settle(outcomes, others);
        taken
    }

    /// The steps that may be sent, and the outcomes of those that may not.
    fn sort_out(
        self,
        wave: Vec<&'a Step>,
        outcomes: &HashMap<Address, Outcome>,
        elsewhere: &HashMap<Address, Outcome>,
    ) -> (Vec<&'a Step>, Vec<(Address, Outcome)>) {
        let mut ready = Vec::new();
        let mut held = Vec::new();
        let unmade = Unmade::before(&wave, self.plan, outcomes);
        for step in wave {
            let known = |origin: &Address| outcomes.get(origin).or_else(|| elsewhere.get(origin));
            match hindrance(step, known).or_else(|| unmade.holds(step)) {
                Some(because) => held.push((step, because)),
                None => ready.push(step),
            }
        }
        let stays = Staying::among(held.iter().map(|(step, _)| *step));
        ready.retain(|step| match stays.holds(step) {
            Some(because) => {
                held.push((*step, because));
                false
            }
            None => true,
        });
        let not_attempted = |(step, because): (&Step, String)| {
            (step.address.clone(), Outcome::NotAttempted { because })
        };
        (ready, held.into_iter().map(not_attempted).collect())
    }

    async fn carry_out(self, batch: &[&'a Step]) -> Vec<(Address, Outcome)> {
        let Some(kind) = batch.first().map(|step| step.address.kind) else {
            return Vec::new();
        };
        let (batch, mut done) = still_right(self.plan, self.port, (self.now)(), batch).await;
        if let Some(kept) = self.kept
            && let Err(because) = kept.begin(&batch).await
        {
            done.extend(withheld(&batch, &because));
            return done;
        }
        let addresses: Vec<&Address> = batch.iter().map(|step| &step.address).collect();
        self.watch.started(&addresses);
        let (on_broker, in_ledger) = apart(&batch);
        if !on_broker.is_empty() {
            done.extend(self.port.carry_out(kind, &on_broker).await);
        }
        done.extend(applied(&in_ledger));
        done
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
            self.board.settle(&address, &outcome);
            outcomes.insert(address, outcome);
        }
    }
}

/// The steps that ask something of the broker, and those that are the ledger's alone.
fn apart<'a>(steps: &[&'a Step]) -> (Vec<&'a Step>, Vec<&'a Step>) {
    steps.iter().partition(|step| step.is_on_broker())
}

fn applied(steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let applied = steps.iter();
    applied
        .map(|step| (step.address.clone(), Outcome::Applied))
        .collect()
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
fn hindrance<'o>(step: &Step, known: impl Fn(&Address) -> Option<&'o Outcome>) -> Option<String> {
    if let Some(refusal) = step.refusals.first() {
        let word = if step.action == Action::Unread {
            "could not be read"
        } else {
            "blocked"
        };
        return Some(format!("{word}: {}", refusal.message));
    }
    if let Some(risk) = step.risks.iter().find(|risk| risk.blocks()) {
        let why = risk.unapproved.as_ref();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        return Some(format!("blocked: {} is not approved{why}", risk.code));
    }
    step.rests_on.iter().find_map(|origin| match known(origin) {
        Some(Outcome::Applied) | None => None,
        Some(Outcome::Failed { .. }) => Some(format!("`{origin}` failed")),
        Some(Outcome::NotAttempted { .. }) => Some(format!("`{origin}` was not attempted")),
        Some(Outcome::Unknown { .. }) => Some(format!("the outcome of `{origin}` is unknown")),
    })
}

#[cfg(test)]
mod tests;
