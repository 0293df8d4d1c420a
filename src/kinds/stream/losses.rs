//! What deleting a stream costs, a bucket's too.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::view::{View, stream_declaration};
use super::wire::each;
use crate::broker::Brokers;
use crate::broker::nats::{JetStream, NatsError};
use crate::kinds::Sight;
use crate::kinds::consumer::{KEEPS, is_internal};
use crate::kinds::loss::{Holdings, Read, deletions, gone, unread};
use crate::kinds::object_store::ObjectStore;
use crate::model::{Address, Code, Doc, Harm, KindName, Risk, Step, counted, few};

/// How many of those that read it are named.
const NAMED: usize = 3;

/// Looks at what these steps delete: each stream, its consumers, and once at all streams for those that read it.
pub(in crate::kinds) async fn risks(
    view: &dyn View,
    brokers: &Brokers,
    steps: &[&Step],
) -> Vec<(Address, Vec<Risk>)> {
    let steps = deletions(steps);
    let Some(nats) = brokers.nats.as_ref().filter(|_| !steps.is_empty()) else {
        let unconnected = |step: &&Step| {
            let why = "there is no connection to NATS";
            (step.address.clone(), vec![unknown(why).risk(code(view))])
        };
        return steps.iter().map(unconnected).collect();
    };
    let names: Vec<String> = steps
        .iter()
        .map(|step| view.stream_name(&step.address.name))
        .collect();
    let mut infos = nats.stream_infos(&names).await;
    let readers = readers(nats).await;
    let looks = steps.iter().zip(&names).map(|(step, name)| {
        let (info, readers) = (infos.swap_remove(name), &readers);
        async move {
            let risk = match info {
                Some(Ok(Some(info))) => {
                    let holdings = holdings(nats, name, &info, readers, &own(step)).await;
                    holdings.risk(code(view))
                }
                Some(Ok(None)) => gone(code(view)),
                Some(Err(error)) => unknown(&error.to_string()).risk(code(view)),
                None => unknown("the server gave no answer for it").risk(code(view)),
            };
            (step.address.clone(), vec![risk])
        }
    });
    each(looks).await
}

/// The same by what was seen of them.
pub(super) fn by_sight(
    view: &dyn View,
    steps: &[&Step],
    sight: &Sight<'_>,
    readers: &Read<Readers>,
) -> Vec<(Address, Vec<Risk>)> {
    let of = |step: &Step| {
        let name = view.stream_name(&step.address.name);
        let holdings = Holdings {
            clauses: told_readers(&name, readers).into_iter().collect(),
            ..unknown(sight.why)
        };
        (step.address.clone(), vec![holdings.risk(code(view))])
    };
    deletions(steps).into_iter().map(of).collect()
}

fn code(view: &dyn View) -> Code {
    match view.name() {
        KindName::Kv | KindName::ObjectStore => Code::BucketDeleted,
        KindName::Stream
        | KindName::Consumer
        | KindName::Topic
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => Code::StreamDeleted,
    }
}

fn unknown(why: &str) -> Holdings {
    Holdings {
        what: "message",
        count: Err(why.to_owned()),
        bytes: Err(why.to_owned()),
        least: Harm::Low,
        clauses: Vec::new(),
    }
}

/// The names of its consumers that the stack lets go of before it: they are its own.
fn own(step: &Step) -> HashSet<&str> {
    let names = step
        .rests_on
        .iter()
        .filter_map(Address::stream_and_consumer);
    names.map(|(_, consumer)| consumer).collect()
}

async fn holdings(
    nats: &JetStream,
    name: &str,
    info: &Doc,
    readers: &Read<Readers>,
    own: &HashSet<&str>,
) -> Holdings {
    let state = |field: &str| {
        let value = info.get("state").and_then(|state| state[field].as_u64());
        value.ok_or_else(|| format!("the server does not tell its `{field}`"))
    };
    let consumers = match state("consumer_count") {
        Ok(0) => Ok(Vec::new()),
        _ => nats.consumer_list(name).await,
    };
    let (strangers, readers) = (told_strangers(&consumers, own), told_readers(name, readers));
    let least = match (&strangers, &readers, &consumers) {
        (Some(_), _, _) | (_, _, Err(_)) => Harm::High,
        (None, Some(_), Ok(_)) => Harm::Medium,
        (None, None, Ok(_)) => Harm::Low,
    };
    let clauses = [told_consumers(consumers), strangers, readers];
    Holdings {
        what: "message",
        count: state("messages"),
        bytes: state("bytes"),
        least,
        clauses: clauses.into_iter().flatten().collect(),
    }
}

/// The consumers that somebody else made, and who loses them with the stream.
fn told_strangers(consumers: &Result<Vec<Doc>, NatsError>, own: &HashSet<&str>) -> Option<String> {
    let made = consumers.iter().flatten().filter(|info| !is_internal(info));
    let names = made.filter_map(|info| info.get("name")?.as_str());
    let is_own = |name: &str| own.contains(name.strip_prefix(KEEPS).unwrap_or(name));
    let names: Vec<String> = names
        .filter(|name| !is_own(name))
        .map(|name| format!("`{name}`"))
        .collect();
    let words = match names.len() {
        0 => return None,
        1 => ("consumer", "is", "goes"),
        _ => ("consumers", "are", "go"),
    };
    let (what, are, go) = words;
    let names = few(names.into_iter(), NAMED);
    Some(format!(
        "{what} {names} {are} not the stack's and {go} with it"
    ))
}

/// How far the consumers are that somebody made; a server's own are told as the streams that they are for.
fn told_consumers(consumers: Result<Vec<Doc>, NatsError>) -> Option<String> {
    let consumers = match consumers {
        Ok(consumers) => consumers,
        Err(error) => return Some(unread("its consumers", &error.to_string())),
    };
    let mut behind = Vec::new();
    let mut done = 0;
    for info in consumers.iter().filter(|info| !is_internal(info)) {
        let number = |field: &str| info.get(field).and_then(Value::as_u64).unwrap_or_default();
        let name = info.get("name").and_then(Value::as_str).unwrap_or_default();
        match (number("num_pending"), number("num_ack_pending")) {
            (0, 0) => done += 1,
            counts => behind.push((counts, name)),
        }
    }
    behind.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.cmp(b)));
    let one = |((pending, unacknowledged), name): &((u64, u64), &str)| {
        format!("`{name}` has {}", left(*pending, *unacknowledged))
    };
    let shown = few(behind.iter().map(one), NAMED);
    match (behind.is_empty(), done) {
        (true, 0) => None,
        (true, done) => Some(format!(
            "{} with nothing pending",
            counted(done, "consumer")
        )),
        (false, 0) => Some(format!("of its consumers {shown}")),
        (false, done) => Some(format!(
            "of its consumers {shown}; {} with nothing pending",
            counted(done, "other")
        )),
    }
}

/// What a consumer has before it.
pub(in crate::kinds) fn left(pending: u64, unacknowledged: u64) -> String {
    let unacknowledged = match unacknowledged {
        0 => String::new(),
        _ => format!(" and {} unacknowledged", counted(unacknowledged, "message")),
    };
    format!("{} pending{unacknowledged}", counted(pending, "message"))
}

/// The streams that mirror or source a stream, by its name.
pub(super) type Readers = HashMap<String, Vec<String>>;

pub(super) async fn readers(nats: &JetStream) -> Read<Readers> {
    let listing = nats
        .stream_list()
        .await
        .map_err(|error| error.to_string())?;
    Ok(readers_among(&listing.streams))
}

/// The same among those that were seen, buckets among them.
pub(super) fn readers_by_sight(sight: &Sight<'_>) -> Read<Readers> {
    let views: [&dyn View; 3] = [&super::Stream, &crate::kinds::kv::Kv, &ObjectStore];
    let infos = views.iter().flat_map(|view| {
        sight.of(view.name()).map(|(address, live)| {
            let fields = view.in_stream_terms(&address.name, live.fields.clone());
            let mut config = stream_declaration().unflatten(&fields);
            config.insert("name".to_owned(), view.stream_name(&address.name).into());
            Doc::from_iter([("config".to_owned(), Value::Object(config))])
        })
    });
    Ok(readers_among(&infos.collect::<Vec<Doc>>()))
}

fn readers_among(streams: &[Doc]) -> Readers {
    let mut readers = Readers::new();
    for config in streams.iter().filter_map(|info| info.get("config")) {
        let name = config["name"].as_str().unwrap_or_default();
        let sources = config["sources"].as_array().into_iter().flatten();
        let origins = std::iter::once(&config["mirror"]).chain(sources);
        let local = origins.filter(|origin| origin["external"].is_null());
        for origin in local.filter_map(|origin| origin["name"].as_str()) {
            let known = readers.entry(origin.to_owned()).or_default();
            if !known.iter().any(|known| known == name) {
                known.push(name.to_owned());
            }
        }
    }
    readers
}

pub(super) fn told_readers(name: &str, readers: &Read<Readers>) -> Option<String> {
    match readers {
        Err(why) => Some(unread("which streams mirror or source it", why)),
        Ok(readers) => {
            let names = readers.get(name)?.iter().map(|name| format!("`{name}`"));
            Some(format!("mirrored or sourced by {}", few(names, NAMED)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn doc(value: Value) -> Doc {
        value.as_object().cloned().unwrap()
    }

    fn consumer(name: &str, pending: u64, unacknowledged: u64) -> Doc {
        doc(json!({ "name": name, "num_pending": pending, "num_ack_pending": unacknowledged }))
    }

    #[test]
    fn consumers_are_told_by_what_they_have_before_them() {
        let told = |consumers: Vec<Doc>| told_consumers(Ok(consumers));
        assert_eq!(told(vec![]), None);
        assert_eq!(told(vec![consumer("JS_SRC_x", 5, 0)]), None);
        assert_eq!(
            told(vec![consumer("a", 0, 0), consumer("b", 0, 0)]).unwrap(),
            "2 consumers with nothing pending"
        );
        assert_eq!(
            told(vec![
                consumer("a", 0, 0),
                consumer("b", 1, 0),
                consumer("c", 1_204, 3)
            ])
            .unwrap(),
            "of its consumers `c` has 1,204 messages pending and 3 messages unacknowledged, `b` has 1 message pending; 1 other with nothing pending"
        );
        let lost = told_consumers(Err(NatsError::NotAsked {
            server: "nats://a".into(),
        }));
        assert!(lost.unwrap().contains("could not be read: "));
    }

    #[test]
    fn consumers_that_are_not_the_stacks_are_named() {
        let told = |consumers: Vec<Doc>, own: &[&str]| {
            told_strangers(&Ok(consumers), &own.iter().copied().collect())
        };
        let two = || vec![consumer("a", 0, 0), consumer("b", 0, 0)];
        assert_eq!(told(vec![], &[]), None);
        assert_eq!(told(vec![consumer("JS_SRC_x", 5, 0)], &[]), None);
        assert_eq!(told(two(), &["a", "b"]), None);
        assert_eq!(told(vec![consumer("trueup-keeps-a", 1, 0)], &["a"]), None);
        assert_eq!(
            told(two(), &["a"]).unwrap(),
            "consumer `b` is not the stack's and goes with it"
        );
        assert_eq!(
            told(two(), &[]).unwrap(),
            "consumers `a`, `b` are not the stack's and go with it"
        );
    }

    #[test]
    fn mirrors_and_sources_of_this_account_are_readers() {
        let stream = |config: Value| doc(json!({ "config": config }));
        let readers = Ok(readers_among(&[
            stream(json!({ "name": "COPY", "mirror": { "name": "S" } })),
            stream(
                json!({ "name": "ALL", "sources": [{ "name": "S" }, { "name": "S", "filter_subject": "a" }, { "name": "T" }] }),
            ),
            stream(
                json!({ "name": "FAR", "mirror": { "name": "S", "external": { "api": "$JS.far.API" } } }),
            ),
        ]));
        let told = |name: &str| told_readers(name, &readers);
        assert_eq!(told("S").unwrap(), "mirrored or sourced by `COPY`, `ALL`");
        assert_eq!(told("T").unwrap(), "mirrored or sourced by `ALL`");
        assert_eq!(told("U"), None);
        let unknown = told_readers("S", &Err("needs a right".to_owned())).unwrap();
        assert_eq!(
            unknown,
            "which streams mirror or source it could not be read: needs a right"
        );
    }

    #[test]
    fn without_a_connection_nothing_is_known() {
        let risk = unknown("there is no connection to NATS").risk(code(&crate::kinds::kv::Kv));
        assert_eq!(risk.code, Code::BucketDeleted);
        assert_eq!((risk.harm, risk.at_stake), (Harm::Critical, None));
    }
}
