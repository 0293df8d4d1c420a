//! What changing a stream in place costs, a bucket's too: one table of rules, and what each wants to know.
//!
//! A rule fires on what a step says alone. Only for those that fire is anything read, each thing once a stream;
//! then they tell the harm from what was read. What could not be read never makes it smaller.

mod age;
mod cut;
mod holds;
mod limits;
mod promises;
mod read;
mod scene;
mod servers;
mod subjects;

use serde_json::Value;

use super::change::StreamChange;
use super::losses;
use super::view::View;
use crate::broker::Brokers;
use crate::kinds::foretold::Foretold;
use crate::kinds::loss::{Finding, no_more_than};
use crate::kinds::{Delta, Resources, Sight, declared_of, is_in_place};
use crate::model::{Address, Code, Problem, Resource, Risk, Step};

pub use holds::consumer_filters;
pub(in crate::kinds) use holds::{Standing, or_everything, standing};
use scene::Scene;

/// What a rule wants read; a stream's own document is read for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Its consumers, and where they stand.
    Consumers,
    /// How many messages it holds of each subject.
    Subjects,
    /// Which streams mirror or source it.
    Readers,
    /// How many messages are older than the new age.
    Age,
    /// How many of the oldest messages make up the bytes beyond the new limit.
    Bytes,
    /// How large its newest messages are.
    Sizes,
}

/// One way in which a change may hurt.
struct Rule {
    code: Code,
    /// The fields that it is about, as a stream calls them; it stands at the first that changes.
    fields: &'static [&'static str],
    /// Whether the change is one of these.
    fires: fn(&StreamChange) -> bool,
    needs: &'static [Need],
    /// What it says of a new stream, where what is declared alone shows it.
    foretold: Option<fn(&StreamChange) -> Foretold>,
    find: fn(&Scene<'_>) -> Finding,
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    let rules = [
        limits::RULES,
        subjects::RULES,
        promises::RULES,
        servers::RULES,
    ];
    rules.into_iter().flatten()
}

/// What the declared resources of a kind show by themselves.
pub(in crate::kinds) fn foretold(view: &dyn View, all: &Resources) -> Vec<Problem> {
    declared_of(view.name(), all)
        .flat_map(|resource| of_declared(view, resource))
        .collect()
}

/// The codes of that, for this kind.
pub(in crate::kinds) fn foretells(view: &dyn View) -> Vec<Code> {
    let has_one = |field: &&&str| view.declaration().field(&view.field_name(field)).is_some();
    let tells = rules().filter(|rule| rule.foretold.is_some());
    let tells = tells.filter(|rule| rule.fields.iter().any(|field| has_one(&field)));
    tells.map(|rule| rule.code).collect()
}

fn of_declared(view: &dyn View, resource: &Resource) -> Vec<Problem> {
    let delta = |(path, value): (&String, &Value)| Delta {
        path: path.clone(),
        before: None,
        after: Some(value.clone()),
    };
    let deltas: Vec<Delta> = resource.declared.iter().map(delta).collect();
    let change = StreamChange::creating(view, &resource.address.name, &deltas);
    let of = |rule: &Rule| {
        let foretold = rule.foretold.filter(|_| (rule.fires)(&change))?;
        let field = field_of(view, rule, &deltas)?;
        Some(foretold(&change).problem(rule.code, resource, &field))
    };
    rules().filter_map(of).collect()
}

/// What these steps cost: deletions by all that is lost, changes in place by the rules.
pub(in crate::kinds) async fn risks(
    view: &dyn View,
    brokers: &Brokers,
    steps: &[&Step],
) -> Vec<(Address, Vec<Risk>)> {
    let (mut deletions, changes) = tokio::join!(
        losses::risks(view, brokers, steps),
        of_changes(view, brokers, steps)
    );
    deletions.extend(changes);
    deletions
}

/// The same by what was seen of them: their configurations, and which of them copy others.
pub(in crate::kinds) fn by_sight(
    view: &dyn View,
    sight: &Sight<'_>,
    steps: &[&Step],
) -> Vec<(Address, Vec<Risk>)> {
    let readers = losses::readers_by_sight(sight);
    let others = scene::captured(view, steps);
    let in_place = steps.iter().copied().filter(|step| is_in_place(step));
    let changes = in_place.filter_map(|step| {
        let suspect = suspected(view, step)?;
        let scene = read::seen(view, &suspect, &others, sight, &readers)?;
        Some((step.address.clone(), told(view, &suspect, &scene)))
    });
    let mut deletions = losses::by_sight(view, steps, sight, &readers);
    deletions.extend(changes.filter(|(_, risks)| !risks.is_empty()));
    deletions
}

/// A step with the rules that fire on it.
struct Suspect<'s> {
    step: &'s Step,
    deltas: Vec<Delta>,
    rules: Vec<&'static Rule>,
}

impl Suspect<'_> {
    fn needs(&self, need: Need) -> bool {
        self.rules.iter().any(|rule| rule.needs.contains(&need))
    }
}

async fn of_changes(
    view: &dyn View,
    brokers: &Brokers,
    steps: &[&Step],
) -> Vec<(Address, Vec<Risk>)> {
    let in_place = steps.iter().copied().filter(|step| is_in_place(step));
    let suspects: Vec<Suspect<'_>> = in_place.filter_map(|step| suspected(view, step)).collect();
    if suspects.is_empty() {
        return Vec::new();
    }
    let others = scene::captured(view, steps);
    let scenes = read::scenes(view, brokers.nats.as_ref(), &suspects, &others).await;
    suspects
        .iter()
        .zip(scenes)
        .filter_map(|(suspect, scene)| {
            Some((suspect.step.address.clone(), told(view, suspect, &scene?)))
        })
        .filter(|(_, risks)| !risks.is_empty())
        .collect()
}

fn suspected<'s>(view: &dyn View, step: &'s Step) -> Option<Suspect<'s>> {
    let change = StreamChange::of_step(view, step).ok()?;
    let deltas = Delta::of_step(step, view.declaration()).ok()?;
    let rules: Vec<_> = rules()
        .filter(|rule| field_of(view, rule, &deltas).is_some() && (rule.fires)(&change))
        .collect();
    (!rules.is_empty()).then_some(Suspect {
        step,
        deltas,
        rules,
    })
}

/// The field that a rule stands at, in the kind's own words.
fn field_of(view: &dyn View, rule: &Rule, deltas: &[Delta]) -> Option<String> {
    let mut fields = rule.fields.iter().map(|field| view.field_name(field));
    fields.find(|field| deltas.iter().any(|delta| delta.path == *field))
}

fn told(view: &dyn View, suspect: &Suspect<'_>, scene: &Scene<'_>) -> Vec<Risk> {
    let fired = suspect
        .rules
        .iter()
        .filter(|rule| (rule.fires)(&scene.change));
    let risks = fired
        .map(|rule| (rule.find)(scene).risk(rule.code, field_of(view, rule, &suspect.deltas)))
        .collect();
    let held = scene.held.as_ref().ok().map(|held| held.messages);
    no_more_than(held, risks)
}

#[cfg(test)]
mod tests;
