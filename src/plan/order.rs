//! The order of carrying out: by kind, and what others rest on first.

use std::collections::{HashMap, HashSet};

use crate::model::{Address, Broker, KindName, Step};

/// The steps with every step behind those that it rests on; otherwise as they came.
pub fn in_order(steps: Vec<Step>) -> Vec<Step> {
    let depths = depths(&steps);
    let mut keyed: Vec<((KindName, usize), Step)> = steps
        .into_iter()
        .map(|step| {
            (
                (
                    step.address.kind,
                    depths.get(&step.address).copied().unwrap_or(0),
                ),
                step,
            )
        })
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
            wave.last()
                .is_some_and(|last| last.address.kind == step.address.kind)
                && !step.rests_on.iter().any(|address| here.contains(address))
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

/// How many steps of the same kind stand before each, at most. A circle counts as what was found
/// before it closed.
fn depths(steps: &[Step]) -> HashMap<Address, usize> {
    let by_address: HashMap<&Address, &Step> = steps.iter().map(|s| (&s.address, s)).collect();
    let mut depths = HashMap::new();
    for step in steps {
        let mut below = Vec::new();
        depth(step, &by_address, &mut depths, &mut below);
    }
    depths
}

fn depth<'a>(
    step: &'a Step,
    by_address: &HashMap<&Address, &'a Step>,
    depths: &mut HashMap<Address, usize>,
    below: &mut Vec<&'a Address>,
) -> usize {
    if let Some(depth) = depths.get(&step.address) {
        return *depth;
    }
    if below.contains(&&step.address) {
        return 0;
    }
    below.push(&step.address);
    let deepest = step
        .rests_on
        .iter()
        .filter(|address| address.kind == step.address.kind)
        .filter_map(|address| by_address.get(address))
        .map(|origin| depth(origin, by_address, depths, below) + 1)
        .max()
        .unwrap_or(0);
    below.pop();
    depths.insert(step.address.clone(), deepest);
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Base};

    fn step(address: &str, rests_on: &[&str]) -> Step {
        Step {
            address: address.parse().unwrap(),
            action: Action::Create,
            base: Base::default(),
            changes: Vec::new(),
            unchanged: 0,
            source: None,
            required_by: None,
            rests_on: rests_on.iter().map(|a| a.parse().unwrap()).collect(),
            parents: Vec::new(),
            refusals: Vec::new(),
            notes: Vec::new(),
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
