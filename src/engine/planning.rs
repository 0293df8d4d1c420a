use futures::future::join_all;
use indexmap::{IndexMap, IndexSet};

use super::port::Port;
use crate::kinds::{Live, Observations, Observed, Rehearsal};
use crate::model::{Action, Address, Broker, KindName, Problem, Step};
use crate::plan::{Desired, Plan, assemble, forecast};

/// Observes what is declared, compares, asks the brokers what they would refuse: the plan.
pub async fn plan(desired: Desired<'_>, port: &dyn Port) -> Plan {
    let forecast = foresee(desired, port).await;
    let rehearsed = rehearse(port, &forecast).await;
    assemble(forecast, rehearsed)
}

/// Observes what is declared and compares: the plan before the brokers are asked.
pub async fn foresee(desired: Desired<'_>, port: &dyn Port) -> Plan {
    let planned = desired.planned().map(|resource| resource.address.clone());
    let observations = observe(port, planned.chain(desired.parents())).await;
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
    join_all(reads).await.into_iter().flatten().collect()
}

/// Reads every resource of these brokers that is wanted.
///
/// # Errors
/// All that could not be listed or read: what is missing would be taken for absent.
pub async fn observe_all(
    port: &dyn Port,
    brokers: &[Broker],
    wanted: impl Fn(&Address) -> bool,
) -> Result<IndexMap<Address, Live>, Vec<Problem>> {
    let mut addresses = Vec::new();
    let mut problems = Vec::new();
    for name in KindName::of_brokers(brokers) {
        match port.list(name).await {
            Ok(found) => addresses.extend(found.into_iter().filter(|address| wanted(address))),
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
    let open: Vec<&Step> = plan
        .open_steps()
        .filter(|step| step.action != Action::Unread)
        .collect();
    let asked = KindName::ALL.into_iter().map(|kind| {
        let steps: Vec<&Step> = open
            .iter()
            .copied()
            .filter(|step| step.address.kind == kind)
            .collect();
        async move {
            if steps.is_empty() {
                Rehearsal::default()
            } else {
                port.rehearse(kind, &steps).await
            }
        }
    });
    let mut rehearsal = Rehearsal::default();
    for of_kind in join_all(asked).await {
        rehearsal.append(of_kind);
    }
    rehearsal
}
