//! Carrying steps out, batched, each with its own outcome.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::declaration;
use super::observe::{observe, read};
use super::order::Order;
use super::rehearse::{configs_right, create_right, partitions_right};
use crate::broker::kafka::{ItemError, Kafka, KafkaError, TOPICS_PER_DESCRIBE};
use crate::kinds::kafka::{TOPIC_EXISTS, Unseen, outcome, patience, unseen, until_visible};
use crate::kinds::{Delta, Observed};
use crate::model::{Action, Address, Outcome, Step};

type Answers = Result<IndexMap<String, Result<(), ItemError>>, KafkaError>;

/// Carries these steps out and returns when the broker has taken them.
pub(super) async fn carry_out(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let mut work = Work::default();
    work.read_orders(steps);
    work.check_bases(kafka, steps).await;
    work.create(kafka).await;
    work.raise_partitions(kafka).await;
    work.alter_configs(kafka).await;
    steps
        .iter()
        .map(|step| (step.address.clone(), work.outcome(&step.address.name)))
        .collect()
}

/// Waits until what these steps did is visible.
///
/// While topics are still missing only their descriptions are asked for, those of the oldest
/// thousand: a broker shows changes in their order, and it is busy opening their logs. What is
/// there is then read once, configs and all.
pub(super) async fn see(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let order = |step: &&Step| Some((step.address.name.clone(), Order::of(step).ok()?));
    let orders: IndexMap<String, Order> = steps.iter().filter_map(order).collect();
    let orders = &orders;
    let allowed = patience(orders.len());
    let is_new = |name: &&String| orders.get(*name).is_some_and(|o| o.create.is_some());
    let made: Vec<String> = orders.keys().filter(is_new).cloned().collect();
    let missing = until_visible(made, allowed, |names| still_missing(kafka, names)).await;
    let shown = |name: &&String| !missing.items.contains(*name);
    let there: Vec<String> = orders.keys().filter(shown).cloned().collect();
    let still_hidden = |names: Vec<String>| async move {
        let seen = read(kafka, &names).await?;
        let is_hidden = |name: &String| !is_visible(orders.get(name), seen.get(name));
        Ok(names.into_iter().filter(is_hidden).collect())
    };
    let hidden = match missing.failure.clone() {
        None => until_visible(there, allowed, still_hidden).await,
        failure => Unseen {
            items: there,
            failure,
        },
    };
    let mut outcomes = HashMap::new();
    for left in [missing, hidden] {
        let outcome = unseen(allowed, left.failure.as_ref());
        let items = left.items.into_iter();
        outcomes.extend(items.map(|name| (name, outcome.clone())));
    }
    let told = |step: &&Step| {
        let outcome = outcomes.remove(&step.address.name);
        (step.address.clone(), outcome.unwrap_or(Outcome::Applied))
    };
    steps.iter().map(told).collect()
}

/// Those of these topics that the broker does not show yet.
async fn still_missing(kafka: &Kafka, mut names: Vec<String>) -> Result<Vec<String>, KafkaError> {
    let later = names.split_off(names.len().min(TOPICS_PER_DESCRIBE));
    let described = kafka.describe_topics(&names).await?;
    names.retain(|name| !matches!(described.get(name), Some(Ok(_))));
    // what is left of the oldest goes to the end, so that none that never shows keeps the others back
    Ok(later.into_iter().chain(names).collect())
}

/// The orders on their way, by the topic's name, and what became of each part.
#[derive(Default)]
struct Work {
    orders: IndexMap<String, Order>,
    /// Parts that were done, for a message about those that were not.
    done: HashMap<String, Vec<String>>,
    outcomes: HashMap<String, Vec<Outcome>>,
}

impl Work {
    fn read_orders(&mut self, steps: &[&Step]) {
        for step in steps {
            let name = step.address.name.clone();
            match Order::of(step) {
                Ok(order) => {
                    self.orders.insert(name, order);
                }
                Err(why) => self.settle(&name, Outcome::Failed { why }),
            }
        }
    }

    /// Reads what is to be updated anew: a plan is kept to only while it rests on what is there.
    async fn check_bases(&mut self, kafka: &Kafka, steps: &[&Step]) {
        let updates: HashMap<&Address, &Step> = steps
            .iter()
            .filter(|step| step.action == Action::Update)
            .map(|step| (&step.address, *step))
            .collect();
        let addresses: Vec<Address> = updates.keys().map(|address| (*address).clone()).collect();
        if addresses.is_empty() {
            return;
        }
        for (address, observed) in observe(kafka, &addresses).await {
            let moved = updates
                .get(&address)
                .and_then(|step| moved(step, &observed));
            if let Some(outcome) = moved {
                self.orders.shift_remove(&address.name);
                self.settle(&address.name, outcome);
            }
        }
    }

    async fn create(&mut self, kafka: &Kafka) {
        let topics = self.parts(|order| order.create.clone());
        if !topics.is_empty() {
            tracing::debug!(topics = topics.len(), "creating topics");
            let answers = kafka.create_topics(&topics, false).await;
            let names = topics
                .into_iter()
                .map(|topic| (topic.name, "created".to_owned()));
            self.take(names.collect(), answers, create_right);
        }
    }

    async fn raise_partitions(&mut self, kafka: &Kafka) {
        let counts = self.parts(|order| order.partitions.clone());
        if !counts.is_empty() {
            tracing::debug!(topics = counts.len(), "adding partitions");
            let answers = kafka.create_partitions(&counts, false).await;
            let names = counts
                .into_iter()
                .map(|(name, count)| (name, format!("partitions raised to {count}")));
            self.take(names.collect(), answers, partitions_right);
        }
    }

    async fn alter_configs(&mut self, kafka: &Kafka) {
        let changes = self.parts(|order| order.configs.clone());
        if !changes.is_empty() {
            tracing::debug!(topics = changes.len(), "altering configs");
            let answers = kafka.alter_configs(&changes, false).await;
            let names = changes
                .into_iter()
                .map(|change| (change.topic, "configs altered".to_owned()));
            self.take(names.collect(), answers, configs_right);
        }
    }

    fn parts<T>(&self, part: impl Fn(&Order) -> Option<T>) -> Vec<T> {
        self.orders.values().filter_map(part).collect()
    }

    /// Takes the broker's answer about one part of each of these topics.
    fn take(&mut self, parts: Vec<(String, String)>, answers: Answers, right: fn(&str) -> String) {
        for (name, deed) in parts {
            match &answers {
                Err(error) => {
                    let because = error.to_string();
                    self.settle(&name, Outcome::NotAttempted { because });
                }
                Ok(answers) => match answers.get(&name) {
                    Some(Ok(())) => self.done.entry(name).or_default().push(deed),
                    Some(Err(error)) => self.settle(&name, refused(error, &right(&name))),
                    None => self.settle(&name, lost()),
                },
            }
        }
    }

    fn settle(&mut self, name: &str, outcome: Outcome) {
        self.outcomes
            .entry(name.to_owned())
            .or_default()
            .push(outcome);
    }

    /// The worst of what became of the parts, with what was done all the same.
    fn outcome(&mut self, name: &str) -> Outcome {
        let Some(outcomes) = self.outcomes.remove(name) else {
            return Outcome::Applied;
        };
        let done = self.done.remove(name).unwrap_or_default();
        merged(outcomes, &done)
    }
}

fn lost() -> Outcome {
    Outcome::Unknown {
        why: "the broker's answer does not mention it".to_owned(),
    }
}

fn refused(error: &ItemError, right: &str) -> Outcome {
    if error.code == TOPIC_EXISTS {
        let why = "somebody made it since the plan was made; plan again".to_owned();
        return Outcome::Failed { why };
    }
    outcome(error, right)
}

fn moved(step: &Step, observed: &Observed) -> Option<Outcome> {
    let failed = |why: &str| {
        Some(Outcome::Failed {
            why: why.to_owned(),
        })
    };
    match observed {
        Observed::Absent => failed("deleted since the plan was made; plan again"),
        Observed::Present(live) if live.incarnation != step.base.incarnation => {
            failed("deleted and made anew since the plan was made; plan again")
        }
        Observed::Present(live) if Some(live.fingerprint()) != step.base.fingerprint => {
            failed("changed since the plan was made; plan again")
        }
        Observed::Present(_) => None,
        Observed::Unreadable(problem) => Some(Outcome::NotAttempted {
            because: format!("it can't be read now: {}", problem.message),
        }),
    }
}

fn is_visible(order: Option<&Order>, observed: Option<&Observed>) -> bool {
    match (order, observed) {
        (Some(order), Some(Observed::Present(live))) => {
            Delta::are_in(&order.deltas, &live.fields, declaration())
        }
        _ => false,
    }
}

fn merged(outcomes: Vec<Outcome>, done: &[String]) -> Outcome {
    let (mut whys, mut failed, mut unknown) = (Vec::new(), false, false);
    for outcome in outcomes {
        match outcome {
            Outcome::Applied => {}
            Outcome::Failed { why } => {
                failed = true;
                whys.push(why);
            }
            Outcome::Unknown { why } => {
                unknown = true;
                whys.push(why);
            }
            Outcome::NotAttempted { because } => whys.push(because),
        }
    }
    whys.dedup();
    let mut why = whys.join("; ");
    if !unknown && !done.is_empty() {
        why = format!("{why} ({} all the same)", done.join(", "));
    }
    match (unknown, failed || !done.is_empty()) {
        (true, _) => Outcome::Unknown { why },
        (false, true) => Outcome::Failed { why },
        (false, false) => Outcome::NotAttempted { because: why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_one_topic_are_told_together() {
        let failed = |why: &str| Outcome::Failed {
            why: why.to_owned(),
        };
        let held = |because: &str| Outcome::NotAttempted {
            because: because.to_owned(),
        };
        let done = ["partitions raised to 6".to_owned()];
        assert_eq!(
            merged(vec![failed("bad value")], &done),
            failed("bad value (partitions raised to 6 all the same)")
        );
        assert_eq!(
            merged(vec![held("no broker"), held("no broker")], &[]),
            held("no broker")
        );
        assert!(matches!(
            merged(vec![held("gone")], &done),
            Outcome::Failed { .. }
        ));
        let lost = merged(vec![lost(), failed("bad value")], &[]);
        assert!(matches!(lost, Outcome::Unknown { .. }));
    }
}
