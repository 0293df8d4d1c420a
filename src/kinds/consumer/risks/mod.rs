//! What changing a consumer in place costs: one table of rules, as for streams.
//!
//! A rule fires on what a step says alone. Only for those that fire is anything read; then they tell the harm from
//! what was read, and what could not be read never makes it smaller.

mod delivery;
mod filters;
mod read;
mod replaced;
mod scene;

use indexmap::IndexMap;

use super::DECLARATION;
use super::losses::{of_deletions, of_keepers, unseen};
use super::wire::fit;
use crate::broker::Brokers;
use crate::kinds::foretold::Foretold;
use crate::kinds::loss::Finding;
use crate::kinds::{Delta, Sight, is_in_place};
use crate::model::{Action, Address, Code, Flat, Problem, Resource, Risk, Step};
use scene::Scene;

/// A consumer's configuration before and after.
#[derive(Clone, Debug, Default)]
struct Turn {
    live: Flat,
    next: Flat,
}

impl Turn {
    fn of(live: Flat, deltas: &[Delta]) -> Turn {
        let mut next = live.clone();
        Delta::lay_over(&mut next, deltas);
        fit(&mut next, deltas);
        Turn { live, next }
    }

    /// As far as the step tells.
    fn of_deltas(deltas: &[Delta]) -> Turn {
        let before = deltas.iter();
        let before = before.filter_map(|delta| Some((delta.path.clone(), delta.before.clone()?)));
        Turn::of(before.collect(), deltas)
    }
}

/// One way in which a change may hurt.
struct Rule {
    code: Code,
    /// The fields that it is about; it stands at the first that changes.
    fields: &'static [&'static str],
    /// Whether the change is one of these.
    fires: fn(&Turn) -> bool,
    /// Whether it looks at what the stream holds of each subject, and at the stream's other consumers.
    looks_at_subjects: bool,
    /// What it says of a new consumer, where what is declared alone shows it.
    foretold: Option<fn(&Turn) -> Foretold>,
    find: fn(&Scene) -> Finding,
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    [filters::RULES, delivery::RULES].into_iter().flatten()
}

/// What a declared consumer shows by itself.
pub(super) fn foretold(consumer: &Resource) -> Vec<Problem> {
    let turn = Turn {
        live: Flat::new(),
        next: consumer.declared.clone(),
    };
    let of = |rule: &Rule| {
        let foretold = rule.foretold.filter(|_| (rule.fires)(&turn))?;
        let mut fields = rule.fields.iter();
        let field = fields.find(|field| consumer.declared.contains_key(**field))?;
        Some(foretold(&turn).problem(rule.code, consumer, field))
    };
    rules().filter_map(of).collect()
}

/// The codes of that.
pub(super) fn foretells() -> Vec<Code> {
    let tells = rules().filter(|rule| rule.foretold.is_some());
    tells.map(|rule| rule.code).collect()
}

/// What these steps cost: deletions by what waits, changes in place by the rules.
pub(super) async fn risks(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let (deletions, changes, keepers) = tokio::join!(
        of_deletions(brokers, steps),
        of_changes(brokers, steps),
        of_keepers(brokers, steps)
    );
    let mut all: IndexMap<Address, Vec<Risk>> = IndexMap::new();
    for (address, risks) in deletions.into_iter().chain(changes).chain(keepers) {
        all.entry(address).or_default().extend(risks);
    }
    all.into_iter().collect()
}

/// The same by what was seen of them and of their streams: not where they stand.
pub(super) fn by_sight(sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let changes = steps.iter().copied();
    let changes = changes.filter(|step| is_in_place(step) || is_replaced(step));
    let changes = changes.filter_map(|step| {
        let suspect = suspected(step)?;
        let scene = read::seen(&suspect, sight)?;
        Some((step.address.clone(), told(&suspect, &scene)))
    });
    let mut deletions = unseen(steps, sight.why);
    deletions.extend(changes.filter(|(_, risks)| !risks.is_empty()));
    deletions
}

/// A step with the rules that fire on it.
struct Suspect<'s> {
    step: &'s Step,
    deltas: Vec<Delta>,
    rules: Vec<&'static Rule>,
}

async fn of_changes(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let changes = steps.iter().copied();
    let changes = changes.filter(|step| is_in_place(step) || is_replaced(step));
    let suspects: Vec<Suspect<'_>> = changes.filter_map(suspected).collect();
    if suspects.is_empty() {
        return Vec::new();
    }
    let scenes = read::scenes(brokers.nats.as_ref(), &suspects).await;
    let one = |(suspect, scene): (&Suspect<'_>, Option<Scene>)| {
        let risks = match scene {
            Some(scene) => told(suspect, &scene),
            None if is_replaced(suspect.step) => vec![replaced::amid()],
            None => return None,
        };
        (!risks.is_empty()).then(|| (suspect.step.address.clone(), risks))
    };
    suspects.iter().zip(scenes).filter_map(one).collect()
}

fn suspected(step: &Step) -> Option<Suspect<'_>> {
    let deltas = Delta::of_step(step, &DECLARATION).ok()?;
    let turn = Turn::of_deltas(&deltas);
    let rules: Vec<_> = rules()
        .filter(|rule| field_of(rule, &deltas).is_some() && (rule.fires)(&turn))
        .collect();
    (!rules.is_empty() || is_replaced(step)).then_some(Suspect {
        step,
        deltas,
        rules,
    })
}

fn is_replaced(step: &Step) -> bool {
    step.action == Action::Replace
}

/// The field that a rule stands at.
fn field_of(rule: &Rule, deltas: &[Delta]) -> Option<String> {
    let mut fields = rule.fields.iter();
    let field = fields.find(|field| deltas.iter().any(|delta| delta.path == **field));
    field.map(|field| (*field).to_owned())
}

fn told(suspect: &Suspect<'_>, scene: &Scene) -> Vec<Risk> {
    let fired = suspect
        .rules
        .iter()
        .filter(|rule| (rule.fires)(&scene.turn));
    let risks =
        fired.map(|rule| (rule.find)(scene).risk(rule.code, field_of(rule, &suspect.deltas)));
    let replaced = is_replaced(suspect.step).then(|| match scene.is_amid {
        true => replaced::amid(),
        false => replaced::risk(scene, &suspect.deltas),
    });
    replaced.into_iter().chain(risks).collect()
}

#[cfg(test)]
mod tests;
