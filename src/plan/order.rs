//! The order of carrying out: by kind, and what others rest on first.

use std::collections::{HashMap, HashSet};

use crate::model::{Action, Address, Broker, KindName, Step};

/// The steps by kind, and every step behind those that it rests on; otherwise as they came.
pub fn in_order(steps: Vec<Step>) -> Vec<Step> {
    let turns = turns(&steps);
    let turn_of = |step: &Step| turns.get(&step.address).copied();
    let mut keyed: Vec<_> = steps
        .into_iter()
        .map(|step| ((turn_of(&step), step.address.kind), step))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, step)| step).collect()
}

/// The steps of one broker in batches: one kind each, and none that rests on another of its batch.
pub fn waves<'a>(steps: impl Iterator<Item = &'a Step>, broker: Broker) -> Vec<Vec<&'a Step>> {
    let mut waves: Vec<Vec<&Step>> = Vec::new();
    let mut here: HashSet<&Address> = HashSet::new();
    for step in steps.filter(|step| step.address.kind.broker() == broker) {
        let fits = waves.last().is_some_and(|wave| {
            wave.last().is_some_and(|last| {
                last.address.kind == step.address.kind && is_removal(last) == is_removal(step)
            }) && !step.rests_on.iter().any(|address| here.contains(address))
        });
        if !fits {
            waves.push(Vec::new());
            here.clear();
        }
        if let Some(wave) = waves.last_mut() {
            wave.push(step);
        }
        here.insert(&step.address);
    }
    waves
}

/// Removals come last, and never beside what is made.
const fn is_removal(step: &Step) -> bool {
    matches!(step.action, Action::Delete | Action::Forget)
}

/// When a step's turn is: with its kind, or as much later as what it rests on has its own turn (a
/// stream that mirrors a bucket comes after the buckets).
type Turn = (KindName, usize);

/// The turn of each step. A circle counts as what was found before it closed.
fn turns(steps: &[Step]) -> HashMap<Address, Turn> {
    let by_address: HashMap<&Address, &Step> = steps.iter().map(|s| (&s.address, s)).collect();
    let mut turns = HashMap::new();
    for step in steps {
        let mut below = Vec::new();
        turn(step, &by_address, &mut turns, &mut below);
    }
    turns
}

fn turn<'a>(
    step: &'a Step,
    by_address: &HashMap<&Address, &'a Step>,
    turns: &mut HashMap<Address, Turn>,
    below: &mut Vec<&'a Address>,
) -> Turn {
    let own = (step.address.kind, 0);
    if let Some(turn) = turns.get(&step.address) {
        return *turn;
    }
    if below.contains(&&step.address) {
        return own;
    }
    below.push(&step.address);
    let latest = step
        .rests_on
        .iter()
        .filter_map(|address| by_address.get(address))
        .map(|origin| turn(origin, by_address, turns, below))
        .map(|(kind, place)| (kind, place + 1))
        .max();
    below.pop();
    let turn = latest.map_or(own, |latest| own.max(latest));
    turns.insert(step.address.clone(), turn);
    turn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(address: &str, rests_on: &[&str]) -> Step {
        Step {
            rests_on: rests_on.iter().map(|a| a.parse().unwrap()).collect(),
            ..Step::of(address.parse().unwrap(), Action::Create)
        }
    }

    fn names(steps: &[&Step]) -> Vec<String> {
        steps.iter().map(|s| s.address.to_string()).collect()
    }

    #[test]
    fn what_others_rest_on_comes_first() {
        let steps = in_order(vec![
            step("consumer/A/c", &["stream/A"]),
            step("stream/A", &["stream/B"]),
            step("topic/t", &[]),
            step("stream/B", &["stream/C"]),
            step("stream/C", &[]),
        ]);
        let waves = waves(steps.iter(), Broker::Nats);
        let named: Vec<_> = waves.iter().map(|wave| names(wave)).collect();
        assert_eq!(
            named,
            [["stream/C"], ["stream/B"], ["stream/A"], ["consumer/A/c"]]
        );
    }

    #[test]
    fn what_rests_on_another_kind_waits_for_it() {
        let steps = in_order(vec![
            step("stream/MIRROR", &["kv/origin"]),
            step("stream/OTHER", &[]),
            step("consumer/MIRROR/c", &["stream/MIRROR"]),
            step("kv/origin", &[]),
        ]);
        let waves = waves(steps.iter(), Broker::Nats);
        let named: Vec<_> = waves.iter().map(|wave| names(wave)).collect();
        assert_eq!(
            named,
            [
                ["stream/OTHER"],
                ["kv/origin"],
                ["stream/MIRROR"],
                ["consumer/MIRROR/c"]
            ]
        );
    }

    #[test]
    fn a_circle_ends() {
        let steps = in_order(vec![
            step("stream/A", &["stream/B"]),
            step("stream/B", &["stream/A"]),
        ]);
        assert_eq!(steps.len(), 2);
    }

    #[test]
    fn independent_steps_of_a_kind_are_one_wave() {
        let steps = in_order(vec![
            step("topic/a", &[]),
            step("acl/x", &[]),
            step("topic/b", &[]),
        ]);
        let waves = waves(steps.iter(), Broker::Kafka);
        assert_eq!(waves.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }
}
