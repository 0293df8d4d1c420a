use indexmap::IndexMap;
use serde_json::Value;

use super::planning::observe_all;
use super::port::Port;
use crate::kinds::stream::bucket_of;
use crate::kinds::{Kind, Live, Resources, kind, route};
use crate::model::{
    Address, Broker, Code, Flat, KindName, OWN_NOTES, Problem, Resource, Severity, Wanted, few,
};

/// What an export holds.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// The resources, as a manifest declares them.
    pub resources: Resources,
    /// What is wanted and not among them, or not as it is, and why: warnings.
    pub caveats: Vec<Problem>,
}

/// Every live resource that is wanted, as a manifest would declare it: what differs from the
/// defaults, and nothing else.
///
/// # Errors
/// What could not be listed or read; an export with holes would be taken for the whole.
pub async fn export(
    port: &dyn Port,
    brokers: &[Broker],
    declared_there: &[Address],
    wanted: &dyn Wanted,
) -> Result<Exported, Vec<Problem>> {
    let mut found = observe_all(port, brokers, declared_there, &WithStreams(wanted)).await?;
    leave_implied(&mut found);
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
    Ok(Exported { resources, caveats })
}

/// What is wanted, and the plain streams that stand for buckets: who wants the bucket gets the stream.
struct WithStreams<'a>(&'a dyn Wanted);

impl Wanted for WithStreams<'_> {
    fn takes(&self, address: &Address) -> bool {
        let bucket = bucket_of(&address.name).filter(|_| address.kind == KindName::Stream);
        self.0.takes(address) || bucket.is_some_and(|bucket| self.0.takes(&bucket))
    }

    fn may_take_under(&self, beginning: &str) -> bool {
        let of_buckets = [KindName::Kv, KindName::ObjectStore].map(|kind| format!("{kind}/"));
        let mut of_buckets = of_buckets.iter();
        let of_streams = format!("{}/", KindName::Stream);
        let mut stands_for_one = || of_buckets.any(|begun| self.0.may_take_under(begun));
        self.0.may_take_under(beginning) || (beginning == of_streams && stands_for_one())
    }
}

/// Takes out what the routes beside it imply: a manifest says the route, and no more.
fn leave_implied(found: &mut IndexMap<Address, Live>) {
    let routes: Vec<Address> = found
        .keys()
        .filter(|address| address.kind == KindName::Route)
        .cloned()
        .collect();
    found.retain(|address, live| {
        let route = route::implied_by(address, &live.fields);
        !route.is_some_and(|route| routes.contains(&route))
    });
}

/// The kinds of which some may be hidden from whoever asks, each with the warning of it.
pub async fn hidden(port: &dyn Port, brokers: &[Broker]) -> IndexMap<KindName, Problem> {
    let mut hidden = IndexMap::new();
    for name in KindName::of_brokers(brokers) {
        hidden.extend(port.hidden(name).await.map(|problem| (name, problem)));
    }
    hidden
}

/// What these brokers hold, show, and neither an export nor a snapshot can hold, and why: warnings.
pub async fn left_out(port: &dyn Port, brokers: &[Broker]) -> Vec<Problem> {
    let mut left_out = Vec::new();
    for name in KindName::of_brokers(brokers) {
        left_out.extend(port.left_out(name).await);
    }
    left_out
}

/// What the kinds have to say of these, one warning for all of which the same is to be said.
fn caveats(found: &IndexMap<Address, Live>) -> Vec<Problem> {
    let mut told: IndexMap<(String, &str), Vec<String>> = IndexMap::new();
    for (address, live) in found {
        let caveats = kind(address.kind).map(|kind| kind.caveats(live));
        for caveat in caveats.unwrap_or_default() {
            let known_as = caveat.known_as.as_ref().unwrap_or(address).to_string();
            let names = told.entry((caveat.what, caveat.way_out)).or_default();
            names.push(known_as);
        }
    }
    told.into_iter()
        .map(|((what, way_out), names)| {
            let message = format!("exported {what}: {}", listed(&names));
            Problem::warning(Code::LeftOut, message).hint(way_out)
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
        let of_brokers = |(path, _): &(&String, &Value)| !path.starts_with(OWN_NOTES);
        let fields = kind.declaration().unknown(&live.fields);
        for (path, _) in fields.filter(of_brokers) {
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
    // whose it is now says nothing of whose the export will be
    fields.retain(|path, _| !path.starts_with(OWN_NOTES));
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
    fn a_bucket_that_becomes_a_plain_stream_is_named_with_the_setting() {
        let bucket = |name: &str, bent: serde_json::Value| {
            let mut fields = json!({
                "name": format!("KV_{name}"), "subjects": [format!("$KV.{name}.>")],
                "max_msgs_per_subject": 1, "retention": "limits", "discard": "new",
                "allow_rollup_hdrs": true, "deny_delete": true, "allow_direct": true,
                "duplicate_window": 120_000_000_000_i64,
            });
            let bent = bent.as_object().unwrap().clone();
            fields.as_object_mut().unwrap().extend(bent);
            let live = Live {
                fields: fields.as_object().unwrap().clone().into_iter().collect(),
                raw: crate::model::Doc::new(),
                incarnation: None,
                inherited: Default::default(),
            };
            (format!("stream/KV_{name}").parse().unwrap(), live)
        };
        let limit = json!({ "consumer_limits.max_ack_pending": 5 });
        let found = [
            bucket("a", limit.clone()),
            bucket("b", limit),
            bucket(
                "c",
                json!({ "of_a_newer_server": true, "max_msgs_per_subject": 99 }),
            ),
            bucket("plain", json!({})),
            bucket("newer", json!({ "of_a_newer_server": true })),
        ];
        let told = caveats(&found.into_iter().collect());
        let told: Vec<_> = told
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "exported as a plain stream, for `consumer_limits.max_ack_pending` of it, which no bucket can declare: `kv/a`, `kv/b`",
                "exported as a plain stream, for `max_msgs_per_subject` of it, which no bucket can declare: `kv/c`",
            ]
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
