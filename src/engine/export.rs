use super::planning::observe_all;
use super::port::Port;
use crate::kinds::{Kind, Live, Resources, kind};
use crate::model::{Address, Broker, Code, Flat, KindName, Problem, Resource, Severity};

/// Which resources an export takes.
pub type Wanted<'a> = &'a (dyn Fn(&Address) -> bool + Sync);

/// What an export holds.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// The resources, as a manifest declares them.
    pub resources: Resources,
    /// What is there and not among them, and why: warnings.
    pub left_out: Vec<Problem>,
}

/// Every live resource that is wanted, as a manifest would declare it: what differs from the
/// defaults, and nothing else.
///
/// # Errors
/// What could not be listed or read; an export with holes would be taken for the whole.
pub async fn export(
    port: &dyn Port,
    brokers: &[Broker],
    wanted: Wanted<'_>,
) -> Result<Exported, Vec<Problem>> {
    let mut left_out = left_out(port, brokers).await;
    let mut resources: Resources = observe_all(port, brokers, wanted)
        .await?
        .into_iter()
        .filter_map(|(address, live)| {
            let resource = declared(kind(address.kind)?, address.clone(), &live);
            Some((address, resource))
        })
        .collect();
    left_out.extend(take_out_refused(&mut resources));
    Ok(Exported {
        resources,
        left_out,
    })
}

/// What these brokers hold and neither an export nor a snapshot can, and why: warnings.
pub async fn left_out(port: &dyn Port, brokers: &[Broker]) -> Vec<Problem> {
    let mut left_out = Vec::new();
    for name in KindName::of_brokers(brokers) {
        left_out.extend(port.left_out(name).await);
    }
    left_out
}

/// Takes out what the check of a manifest would refuse, with a warning each.
fn take_out_refused(resources: &mut Resources) -> Vec<Problem> {
    let refused: Vec<(Address, Problem)> = resources
        .values()
        .filter_map(|resource| {
            let problems = kind(resource.address.kind)?.check(resource, resources);
            let counts = |problem: &Problem| {
                problem.severity == Severity::Error && problem.code != Code::Dangling
            };
            Some((resource.address.clone(), problems.into_iter().find(counts)?))
        })
        .collect();
    let mut told = Vec::new();
    for (address, problem) in refused {
        let stream = address.name.clone();
        let is_its = |other: &Address| {
            let of = other.stream_and_consumer().map(|(stream, _)| stream);
            address.kind == KindName::Stream && of == Some(stream.as_str())
        };
        resources.retain(|other, _| *other != address && !is_its(other));
        let message = format!(
            "left out: `{address}`, which no manifest may say: {}",
            problem.message
        );
        told.push(Problem::warning(Code::LeftOut, message).hint(problem.hint.unwrap_or_default()));
    }
    told
}

fn declared(kind: &dyn Kind, address: Address, live: &Live) -> Resource {
    let mut implied = Resource::new(address.clone(), Flat::new());
    kind.complete(&mut implied);
    let mut fields = live.fields.clone();
    kind.settle(&mut Flat::new(), &mut fields);
    let also = kind.also_says(live);
    fields.extend(also.clone());
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
            let tells = field.required || also.contains_key(path);
            !field.facts.hidden && !is_implied && (tells || !field.same(Some(value), None))
        })
        .collect();
    Resource::new(address, telling)
}
