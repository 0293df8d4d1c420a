//! Carrying steps out, batched, each with its own outcome.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::declaration;
use super::deletion;
use super::observe::observe;
use super::order::Order;
use super::rehearse::{configs_right, create_right, partitions_right, replicas_right};
use super::replicas::{Throttle, assignments, bind};
use super::see::see_partitions;
use crate::broker::kafka::{Assignment, ItemError, Kafka, KafkaError};
use crate::kinds::kafka::{TOPIC_EXISTS, UNKNOWN_TOPIC_ID, moved, outcome};
use crate::kinds::{Delta, Observed, is_in_place};
use crate::model::{Address, Outcome, Step};

type Answers = Result<IndexMap<String, Result<(), ItemError>>, KafkaError>;

/// Carries these steps out and returns when the broker has taken them.
pub(super) async fn carry_out(kafka: &Kafka, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let mut work = Work::default();
    work.read_orders(steps);
    work.check_bases(kafka, steps).await;
    work.check_doomed(kafka, steps).await;
    work.create(kafka).await;
    work.raise_partitions(kafka).await;
    work.alter_configs(kafka).await;
    work.move_replicas(kafka).await;
    work.delete(kafka).await;
    steps
        .iter()
        .map(|step| (step.address.clone(), work.outcome(&step.address.name)))
        .collect()
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
            .filter(|step| is_in_place(step))
            .map(|step| (&step.address, *step))
            .collect();
        let addresses: Vec<Address> = updates.keys().map(|address| (*address).clone()).collect();
        if addresses.is_empty() {
            return;
        }
        for (address, observed) in observe(kafka, &addresses).await {
            if self.is_done(&address.name, updates.get(&address), &observed) {
                self.orders.shift_remove(&address.name);
                continue;
            }
            let moved = updates
                .get(&address)
                .and_then(|step| moved(step, &observed));
            if let Some(outcome) = moved {
                self.orders.shift_remove(&address.name);
                self.settle(&address.name, outcome);
            }
        }
    }

    /// Whether the very resource is by now what the step makes of it: a reassignment that was under way when it was
    /// planned has come to its end.
    fn is_done(&self, name: &str, step: Option<&&Step>, observed: &Observed) -> bool {
        let (Some(order), Some(step), Observed::Present(live)) =
            (self.orders.get(name), step, observed)
        else {
            return false;
        };
        live.incarnation == step.base.incarnation
            && Delta::are_in(&order.deltas, &live.fields, declaration())
    }

    /// Reads what is to be deleted anew: what is another one by now stays, what is gone is done.
    async fn check_doomed(&mut self, kafka: &Kafka, steps: &[&Step]) {
        for (name, outcome) in deletion::settled(kafka, steps).await {
            self.orders.shift_remove(&name);
            if outcome != Outcome::Applied {
                self.settle(&name, outcome);
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

    /// Sends what is not under way already. Partitions that were just added are waited for, so that they are among them.
    async fn move_replicas(&mut self, kafka: &Kafka) {
        let unsettled = |(name, _): &(String, usize)| !self.outcomes.contains_key(name);
        let factors = self.parts(|order| order.replicas.clone());
        let factors: Vec<(String, usize)> = factors.into_iter().filter(unsettled).collect();
        if factors.is_empty() {
            return;
        }
        let added = self.parts(|order| order.replicas.as_ref().and(order.partitions.clone()));
        see_partitions(kafka, added).await;
        let planned = match assignments(kafka, &factors).await {
            Ok(planned) => planned,
            Err(error) => {
                for (name, _) in factors {
                    let because = error.to_string();
                    self.settle(&name, Outcome::NotAttempted { because });
                }
                return;
            }
        };
        let (mut called_off, mut set) = (Vec::new(), Vec::new());
        for (name, moves) in planned {
            match moves {
                Ok(moves) => {
                    called_off.extend(moves.called_off);
                    set.extend(moves.set);
                }
                Err(why) => self.settle(&name, Outcome::Failed { why }),
            }
        }
        self.reassign(kafka, called_off, "what was under way called off")
            .await;
        set.retain(|it| !self.outcomes.contains_key(&it.topic));
        self.throttle(kafka, &mut set).await;
        self.reassign(kafka, set, "replicas set on their way").await;
    }

    /// Binds what is to be moved and has a rate; what could not be bound is not moved.
    async fn throttle(&mut self, kafka: &Kafka, set: &mut Vec<Assignment>) {
        let rate = |it: &Assignment| self.orders.get(&it.topic)?.throttle;
        let bound: Vec<&Assignment> = set.iter().filter(|it| rate(it).is_some()).collect();
        if bound.is_empty() {
            return;
        }
        let names: Vec<String> = bound.iter().map(|it| it.topic.clone()).collect();
        let described = kafka.describe_topics(&names).await;
        let outcome = match described {
            Err(error) => Err(error),
            Ok(described) => {
                let of = |it: &&Assignment| {
                    let topic = described.get(&it.topic)?.as_ref().ok()?;
                    Throttle::of(it, topic, rate(it)?)
                };
                bind(kafka, &bound.iter().filter_map(of).collect::<Vec<_>>()).await
            }
        };
        if let Err(error) = outcome {
            set.retain(|it| !names.contains(&it.topic));
            for name in names {
                let because = format!("it could not be throttled: {error}");
                self.settle(&name, Outcome::NotAttempted { because });
            }
        }
    }

    async fn reassign(&mut self, kafka: &Kafka, assignments: Vec<Assignment>, deed: &str) {
        if !assignments.is_empty() {
            tracing::debug!(topics = assignments.len(), "moving replicas");
            let answers = kafka.alter_reassignments(&assignments).await;
            let names = assignments
                .into_iter()
                .map(|it| (it.topic, deed.to_owned()));
            self.take(names.collect(), answers, |_| replicas_right());
        }
    }

    async fn delete(&mut self, kafka: &Kafka) {
        let topics = self.parts(|order| order.delete.clone());
        if !topics.is_empty() {
            tracing::debug!(topics = topics.len(), "deleting topics");
            let answers = kafka.delete_topics(&topics).await.map(gone_is_done);
            let names = topics
                .into_iter()
                .map(|topic| (topic.name, "deleted".to_owned()));
            self.take(names.collect(), answers, deletion::right);
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

/// Somebody else was faster with that very topic.
fn gone_is_done(
    answers: IndexMap<String, Result<(), ItemError>>,
) -> IndexMap<String, Result<(), ItemError>> {
    let is_gone = |answer: &Result<(), ItemError>| {
        answer
            .as_ref()
            .is_err_and(|error| error.code == UNKNOWN_TOPIC_ID)
    };
    let answers = answers.into_iter();
    answers
        .map(|(name, answer)| match is_gone(&answer) {
            true => (name, Ok(())),
            false => (name, answer),
        })
        .collect()
}

fn lost() -> Outcome {
    Outcome::Unknown {
        why: "the broker's answer does not mention it".to_owned(),
    }
}

/// (A broker that passes a creation on to a controller which dies sends it to the next one, and tells what that says: KIP-590.)
fn refused(error: &ItemError, right: &str) -> Outcome {
    if error.code == TOPIC_EXISTS {
        let why = "it was not there when it was looked at, and it is now: the brokers took this request twice, or somebody else made it";
        return Outcome::Unknown {
            why: why.to_owned(),
        };
    }
    outcome(error, right)
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
