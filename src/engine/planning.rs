use futures::future::{join, join_all};
use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;

use super::port::Port;
use crate::kinds::{Live, Observations, Observed, Rehearsal};
use crate::model::{Action, Address, Broker, KindName, Problem, Risk, Step, Wanted};
use crate::plan::{Desired, Plan, assemble, forecast};

/// Observes what is declared and what is owned, compares, asks the brokers what they would refuse and what it may
/// cost: the plan.
pub async fn plan(desired: Desired<'_>, port: &dyn Port) -> Plan {
    let forecast = foresee(desired, port).await;
    let (rehearsed, risks) = join(rehearse(port, &forecast), risks(port, &forecast)).await;
    assemble(forecast, rehearsed, risks, desired.now)
}

/// A plan that was made before, with what its steps may cost now; its approvals hold, or no longer.
pub async fn weigh_again(plan: Plan, port: &dyn Port, now: Timestamp) -> Plan {
    let risks = risks(port, &plan).await;
    plan.weighed(risks, now)
}

/// Observes what is declared and compares: the plan before the brokers are asked.
pub async fn foresee(desired: Desired<'_>, port: &dyn Port) -> Plan {
    let planned = desired.planned().map(|resource| resource.address.clone());
    let wanted = planned.chain(desired.parents());
    let observations = observe(port, wanted.chain(desired.no_longer_declared())).await;
    forecast(desired, &observations, port.surroundings(), port.targets())
}

/// Reads these resources, each once, the kinds side by side.
pub async fn observe(port: &dyn Port, addresses: impl Iterator<Item = Address>) -> Observations {
    let mut by_kind: Vec<Vec<Address>> = vec![Vec::new(); KindName::ALL.len()];
    for address in addresses.collect::<IndexSet<_>>() {
        if let Some(of_kind) = by_kind.get_mut(address.kind as usize) {
            of_kind.push(address);
        }
    }
    let reads = KindName::ALL
        .into_iter()
        .zip(&by_kind)
        .filter(|(_, addresses)| !addresses.is_empty())
        .map(|(kind, addresses)| port.observe(kind, addresses));
    let read = join_all(reads).await;
    // at once: what grows step by step is held twice at each
    let mut all = Observations::with_capacity(read.iter().map(IndexMap::len).sum());
    all.extend(read.into_iter().flatten());
    all
}

/// Reads every resource of these brokers that is wanted.
///
/// # Errors
/// All that could not be listed or read: what is missing would be taken for absent.
pub async fn observe_all(
    port: &dyn Port,
    brokers: &[Broker],
    wanted: &dyn Wanted,
) -> Result<IndexMap<Address, Live>, Vec<Problem>> {
    let mut addresses = Vec::new();
    let mut problems = Vec::new();
    let kinds = KindName::of_brokers(brokers);
    for name in kinds.filter(|kind| wanted.may_take_under(&format!("{kind}/"))) {
        match port.list(name, wanted).await {
            Ok(found) => addresses.extend(found.into_iter().filter(|a| wanted.takes(a))),
            // one missing right hides several kinds
            Err(problem) if problems.contains(&problem) => {}
            Err(problem) => problems.push(problem),
        }
    }
    let mut resources = IndexMap::new();
    for (address, observed) in observe(port, addresses.into_iter()).await {
        match observed {
            Observed::Present(live) => {
                resources.insert(address, live);
            }
            Observed::Absent => {}
            Observed::Unreadable(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(resources)
    } else {
        Err(problems)
    }
}

async fn rehearse(port: &dyn Port, plan: &Plan) -> Rehearsal {
    let asked = by_kind(plan.open_steps().filter(|step| step.is_on_broker()));
    let asked = asked
        .into_iter()
        .map(|(kind, steps)| async move { port.rehearse(kind, &steps).await });
    let mut rehearsal = Rehearsal::default();
    for of_kind in join_all(asked).await {
        rehearsal.append(of_kind);
    }
    rehearsal
}

/// What the steps of a plan may cost; of those that are refused anyway, only what a deletion would.
async fn risks(port: &dyn Port, plan: &Plan) -> Vec<(Address, Vec<Risk>)> {
    let is_sent = |step: &&Step| step.is_on_broker() && step.refusals.is_empty();
    let is_asked = |step: &&Step| step.action == Action::Delete || is_sent(step);
    let asked = by_kind(plan.steps.iter().filter(is_asked))
        .into_iter()
        .map(|(kind, steps)| async move { port.risks(kind, &steps).await });
    join_all(asked).await.into_iter().flatten().collect()
}

/// The steps of each kind that has some.
fn by_kind<'a>(steps: impl Iterator<Item = &'a Step>) -> IndexMap<KindName, Vec<&'a Step>> {
    let mut kinds: IndexMap<KindName, Vec<&Step>> = IndexMap::new();
    for step in steps {
        kinds.entry(step.address.kind).or_default().push(step);
    }
    kinds
}
