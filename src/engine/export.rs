use indexmap::IndexMap;

use super::planning::observe_all;
use super::port::Port;
use crate::kinds::{Caveat, Kind, Live, Resources, kind};
use crate::model::{Address, Broker, Code, Flat, KindName, Problem, Resource, Severity, few};

/// Which resources an export takes.
pub type Wanted<'a> = &'a (dyn Fn(&Address) -> bool + Sync);

/// What an export holds.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// The resources, as a manifest declares them.
    pub resources: Resources,
    /// What is wanted and not among them, or not as it is, and why: warnings.
    pub caveats: Vec<Problem>,
    /// What else is there that no export can take, and why: warnings.
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
    let left_out = left_out(port, brokers).await;
    let found = observe_all(port, brokers, wanted).await?;
    let mut caveats = caveats(&found);
    caveats.extend(unknown_fields(&found));
    let mut resources: Resources = found
        .into_iter()
        .filter_map(|(address, live)| {
            let resource = declared(kind(address.kind)?, address.clone(), &live);
            Some((address, resource))
        })
        .collect();
    caveats.extend(take_out_refused(&mut resources));
    Ok(Exported {
        resources,
        caveats,
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

/// What the kinds have to say of these, one warning for all of which the same is to be said.
fn caveats(found: &IndexMap<Address, Live>) -> Vec<Problem> {
    let mut told: IndexMap<Caveat, Vec<String>> = IndexMap::new();
    for (address, live) in found {
        let caveats = kind(address.kind).map(|kind| kind.caveats(live));
        for caveat in caveats.unwrap_or_default() {
            told.entry(caveat).or_default().push(address.to_string());
        }
    }
    told.into_iter()
        .map(|(caveat, names)| {
            let message = format!("exported {}: {}", caveat.what, listed(&names));
            Problem::warning(Code::LeftOut, message).hint(caveat.way_out)
        })
        .collect()
}

/// What this version knows no field for, so that no manifest can say it: a warning for each field.
fn unknown_fields(found: &IndexMap<Address, Live>) -> Vec<Problem> {
    let mut unknown: IndexMap<&str, Vec<String>> = IndexMap::new();
    for (address, live) in found {
        let Some(kind) = kind(address.kind) else {
            continue;
        };
        for (path, _) in kind.declaration().unknown(&live.fields) {
            unknown.entry(path).or_default().push(address.to_string());
        }
    }
    unknown
        .into_iter()
        .map(|(path, names)| {
            let message = format!(
                "exported without `{path}`, a field that this version of trueup does not know: {}",
                listed(&names)
            );
            Problem::warning(Code::LeftOut, message).hint(
                "what is there keeps its value, `apply` writes it back as it is; made anew from this export, it is without",
            )
        })
        .collect()
}

/// The names in backquotes; of many, how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    few(names.iter().map(|name| format!("`{name}`")), SHOWN)
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
        let goes_too = |other: &&Address| **other != address && is_its(other);
        let its: Vec<String> = resources
            .keys()
            .filter(goes_too)
            .map(ToString::to_string)
            .collect();
        resources.retain(|other, _| *other != address && !is_its(other));
        let with = match its.is_empty() {
            true => String::new(),
            false => format!(" (and with it {})", listed(&its)),
        };
        let message = format!(
            "left out: `{address}`{with}, which no manifest may say: {}",
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
        .filter_map(|(path, value)| {
            let field = kind.declaration().field(&path)?;
            let is_implied = implied
                .declared
                .get(&path)
                .is_some_and(|v| field.same(Some(v), Some(&value)));
            let tells = field.required || also.contains_key(&path);
            let is_told =
                !field.facts.hidden && !is_implied && (tells || !field.same(Some(&value), None));
            is_told.then(|| (path, field.terse(&value)))
        })
        .collect();
    Resource::new(address, telling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn consumers_that_go_with_their_stream_are_named() {
        let mut stream = Resource::new("stream/S".parse().unwrap(), Flat::new());
        stream
            .declared
            .insert("subjects".to_owned(), json!(["a..b"]));
        let consumers = ["a", "b", "c", "d", "e", "f"]
            .map(|name| Resource::new(format!("consumer/S/{name}").parse().unwrap(), Flat::new()));
        let all = [stream].into_iter().chain(consumers);
        let mut resources: Resources = all.map(|one| (one.address.clone(), one)).collect();
        let told = take_out_refused(&mut resources);
        assert!(resources.is_empty());
        assert_eq!(
            told[0].message,
            "left out: `stream/S` (and with it `consumer/S/a`, `consumer/S/b`, `consumer/S/c`, `consumer/S/d`, `consumer/S/e` and 1 more), which no manifest may say: `a..b` is no subject: a token between two dots is empty"
        );
    }

    #[test]
    fn a_field_of_a_newer_server_is_named() {
        let of_newer =
            json!({ "subjects": ["a"], "of_a_newer_server": { "deep": 1 }, "nothing": null });
        let live = Live {
            fields: of_newer.as_object().unwrap().clone().into_iter().collect(),
            raw: crate::model::Doc::new(),
            incarnation: None,
            inherited: Default::default(),
        };
        let found = ["stream/A", "stream/B"].map(|name| (name.parse().unwrap(), live.clone()));
        let told = unknown_fields(&found.into_iter().collect());
        assert_eq!(told.len(), 1);
        assert_eq!(
            told[0].message,
            "exported without `of_a_newer_server`, a field that this version of trueup does not know: `stream/A`, `stream/B`"
        );
    }

    #[test]
    fn topics_that_are_throttled_are_named_once() {
        let key = "config.leader.replication.throttled.replicas";
        let live = Live {
            fields: [(key.to_owned(), json!("0:1"))].into_iter().collect(),
            raw: crate::model::Doc::new(),
            incarnation: None,
            inherited: Default::default(),
        };
        let found = ["topic/a", "topic/b"].map(|name| (name.parse().unwrap(), live.clone()));
        let told = caveats(&found.into_iter().collect());
        assert_eq!(told.len(), 1);
        assert_eq!(
            told[0].message,
            "exported without their `*.replication.throttled.replicas`: `topic/a`, `topic/b`"
        );
    }
}
