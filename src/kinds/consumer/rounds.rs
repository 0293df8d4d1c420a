//! Consumers that take filters from each other, in the order that the plan says: first those that give up their own, then in
//! rounds whoever waits for nobody any longer. Who was given up for in vain gets its own back.

use std::collections::{HashMap, HashSet};

use super::wire::{reconfigure, split, told, write};
use super::{Consumer, DECLARATION, replace, turns, wire};
use crate::broker::nats::{JetStream, NatsError};
use crate::kinds::stream::{each, failed, gone, moved};
use crate::kinds::{Delta, Live};
use crate::model::{Address, Base, Outcome, Step};

/// The steps that wait for others, or that others wait for, and the rest.
pub(super) fn apart<'a>(steps: &[&'a Step]) -> (Vec<&'a Step>, Vec<&'a Step>) {
    let awaited: HashSet<&Address> = steps.iter().flat_map(|step| &step.awaits).collect();
    let takes_turns = |step: &&&Step| !step.awaits.is_empty() || awaited.contains(&step.address);
    steps.iter().partition(takes_turns)
}

/// A step whose filters are given up: as it goes on, and what puts them back.
struct Given {
    step: Step,
    way_back: Vec<Delta>,
}

/// What is known so far.
#[derive(Default)]
struct Course<'a> {
    given: HashMap<&'a Address, Given>,
    outcomes: HashMap<&'a Address, Outcome>,
}

/// Carries such steps out.
pub(super) async fn carry_out(
    kind: &Consumer,
    nats: &JetStream,
    steps: &[&Step],
) -> Vec<(Address, Outcome)> {
    let mut course = Course::default();
    let staged: Vec<&Step> = steps
        .iter()
        .copied()
        .filter(|it| it.stages.len() > 1)
        .collect();
    let firsts = each(staged.iter().map(|step| give_up(kind, nats, step))).await;
    for (step, first) in staged.iter().zip(firsts) {
        match first {
            Ok(Ok(given)) => {
                course.given.insert(&step.address, given);
            }
            Ok(Err(outcome)) => {
                course.outcomes.insert(&step.address, outcome);
            }
            Err(error) => {
                course.outcomes.insert(&step.address, told(Err(error)));
            }
        }
    }
    loop {
        let ready: Vec<&Step> = steps
            .iter()
            .copied()
            .filter(|it| course.is_turn(it))
            .collect();
        if ready.is_empty() {
            break;
        }
        let sent = each(ready.iter().map(|step| {
            let given = course.given.get(&step.address).map(|given| &given.step);
            write(kind, nats, given.unwrap_or(step))
        }));
        for (step, outcome) in ready.iter().zip(sent.await) {
            course.outcomes.insert(&step.address, told(outcome));
        }
    }
    let mut all = Vec::new();
    for step in steps {
        let outcome = course.outcomes.remove(&step.address);
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => Outcome::NotAttempted {
                because: "who holds what it is to take did not give it up".to_owned(),
            },
        };
        let given = course.given.remove(&step.address);
        all.push((
            step.address.clone(),
            take_back(kind, nats, outcome, given).await,
        ));
    }
    all
}

impl Course<'_> {
    /// Whether nobody holds any longer what this step takes.
    fn is_turn(&self, step: &Step) -> bool {
        let is_given = |other: &Address| match self.outcomes.get(other) {
            Some(outcome) => *outcome == Outcome::Applied,
            None => self.given.contains_key(other),
        };
        !self.outcomes.contains_key(&step.address) && step.awaits.iter().all(is_given)
    }
}

/// Sends the first stage of a step.
async fn give_up(
    kind: &Consumer,
    nats: &JetStream,
    step: &Step,
) -> Result<Result<Given, Outcome>, NatsError> {
    let place = split(&step.address);
    let stages = match Delta::of_stages(step, &DECLARATION) {
        Ok(stages) => stages,
        Err(why) => return Ok(Err(failed(why))),
    };
    let seen = replace::look(nats, &place).await?;
    let Some(live) = seen.live() else {
        return Ok(Err(gone()));
    };
    if let Some(outcome) = moved(step, &live) {
        return Ok(Err(outcome));
    }
    let Some(first) = stages.first() else {
        return Ok(Err(failed("its stages are lost")));
    };
    let mut given = Given {
        step: step.clone(),
        way_back: turns::way_back(first, &live.fields),
    };
    // what is being replaced holds nothing
    let Some(info) = &seen.consumer else {
        return Ok(Ok(given));
    };
    let outcome = reconfigure(kind, nats, &place, info, first).await?;
    if outcome != Outcome::Applied {
        return Ok(Err(outcome));
    }
    let Some(now) = replace::look(nats, &place).await?.live() else {
        return Ok(Err(gone()));
    };
    if let Some(outcome) = moved(step, &with(&now, &given.way_back)) {
        return Ok(Err(outcome));
    }
    given.step.base = Base::of_live(&now);
    Ok(Ok(given))
}

/// A consumer as it would be with these changes.
fn with(live: &Live, deltas: &[Delta]) -> Live {
    let mut live = live.clone();
    Delta::lay_over(&mut live.fields, deltas);
    wire::fit(&mut live.fields, deltas);
    live
}

/// Gives a consumer its filters back whose step was not done; what nobody knows of is left to the next run.
async fn take_back(
    kind: &Consumer,
    nats: &JetStream,
    outcome: Outcome,
    given: Option<Given>,
) -> Outcome {
    let (given, why) = match (given, outcome) {
        (Some(given), Outcome::Failed { why }) => (given, why),
        (Some(given), Outcome::NotAttempted { because }) => (given, because),
        (_, outcome) => return outcome,
    };
    let place = split(&given.step.address);
    let back = async {
        let seen = replace::look(nats, &place).await?;
        match &seen.consumer {
            Some(info) => reconfigure(kind, nats, &place, info, &given.way_back).await,
            None => Ok(gone()),
        }
    };
    match told(back.await) {
        Outcome::Applied => failed(format!("{why}; it has its filters again")),
        Outcome::Failed { why: also }
        | Outcome::NotAttempted { because: also }
        | Outcome::Unknown { why: also } => failed(format!(
            "{why}; it gave its filters up and did not get them back ({also}): apply again"
        )),
    }
}
