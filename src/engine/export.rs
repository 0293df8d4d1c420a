use super::planning::observe;
use super::port::Port;
use crate::kinds::{Kind, Live, Observed, Resources, kind};
use crate::model::{Address, Broker, Flat, KindName, Problem, Resource};

/// Which resources an export takes.
pub type Wanted<'a> = &'a (dyn Fn(&Address) -> bool + Sync);

/// Every live resource that is wanted, as a manifest would declare it: what differs from the
/// defaults, and nothing else.
///
/// # Errors
/// What could not be listed or read; an export with holes would be taken for the whole.
pub async fn export(
    port: &dyn Port,
    brokers: &[Broker],
    wanted: Wanted<'_>,
) -> Result<Resources, Vec<Problem>> {
    let mut addresses = Vec::new();
    let mut problems = Vec::new();
    for name in KindName::ALL
        .into_iter()
        .filter(|kind| brokers.contains(&kind.broker()))
    {
        match port.list(name).await {
            Ok(found) => addresses.extend(found.into_iter().filter(|address| wanted(address))),
            Err(problem) => problems.push(problem),
        }
    }
    let mut resources = Resources::new();
    for (address, observed) in observe(port, addresses.into_iter()).await {
        match observed {
            Observed::Present(live) => {
                if let Some(kind) = kind(address.kind) {
                    resources.insert(address.clone(), declared(kind, address, &live));
                }
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

fn declared(kind: &dyn Kind, address: Address, live: &Live) -> Resource {
    let mut implied = Resource::new(address.clone(), Flat::new());
    kind.complete(&mut implied);
    let mut fields = live.fields.clone();
    kind.settle(&mut Flat::new(), &mut fields);
    let telling = fields
        .into_iter()
        .filter(|(path, value)| {
            let Some(field) = kind.declaration().field(path) else {
                return false;
            };
            let is_implied = implied
                .declared
                .get(path)
                .is_some_and(|v| field.same(Some(v), Some(value)));
            !field.facts.hidden && !is_implied && (field.required || !field.same(Some(value), None))
        })
        .collect();
    Resource::new(address, telling)
}
