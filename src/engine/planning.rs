use futures::future::join_all;

use super::port::Port;
use crate::kinds::Observations;
use crate::model::{Action, Address, KindName, Refusal, Step};
use crate::plan::{Desired, Plan, assemble, forecast};

/// Observes what is declared, compares, asks the brokers what they would refuse: the plan.
pub async fn plan(desired: Desired<'_>, port: &dyn Port) -> Plan {
    let addresses = desired.planned().map(|resource| resource.address.clone());
    let observations = observe(port, addresses).await;
    let forecast = forecast(desired, &observations, port.surroundings(), port.targets());
    let rehearsed = rehearse(port, &forecast).await;
    assemble(forecast, rehearsed)
}

/// Reads these resources, the kinds side by side.
pub async fn observe(port: &dyn Port, addresses: impl Iterator<Item = Address>) -> Observations {
    let mut by_kind: Vec<Vec<Address>> = vec![Vec::new(); KindName::ALL.len()];
    for address in addresses {
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

async fn rehearse(port: &dyn Port, plan: &Plan) -> Vec<(Address, Refusal)> {
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
                Vec::new()
            } else {
                port.rehearse(kind, &steps).await
            }
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}
