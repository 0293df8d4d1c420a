//! What a configuration needs of the server: versions and API levels, read from the declaration.

use serde_json::Value;

use super::complaint::Complaint;
use crate::broker::nats::JetStream;
use crate::kinds::{ApiLevel, Declaration, Field, NatsFacts, NatsVersion, Shape};
use crate::model::{Code, Flat};

/// Something of a configuration that came with a later server than the oldest supported one.
#[derive(PartialEq)]
struct Newer {
    path: String,
    /// The field as a message says it, with its word where the word is what came later.
    shown: String,
    since: String,
    api_level: Option<ApiLevel>,
}

/// What is new in `next`, differs from the default, and came with a later server.
fn newer_parts(declaration: &Declaration, live: &Flat, next: &Flat) -> Vec<Newer> {
    let mut found = Vec::new();
    for (path, value) in next {
        let Some(field) = declaration.field(path) else {
            continue;
        };
        if !field.same(live.get(path), Some(value)) {
            collect(path, &field, value, &mut found);
        }
    }
    found
}

fn collect(path: &str, field: &Field, value: &Value, found: &mut Vec<Newer>) {
    if field.same(Some(value), None) {
        return;
    }
    found.extend(newer_itself(path, field, value));
    match (&field.shape, value) {
        (Shape::List(item), Value::Array(items)) => {
            for value in items {
                collect(path, item, value, found);
            }
        }
        (Shape::Object(inner), Value::Object(object)) => {
            for (name, value) in object {
                if let Some(field) = inner.fields.get(name) {
                    collect(&format!("{path}.{name}"), field, value, found);
                }
            }
        }
        _ => {}
    }
}

/// The field, or the word that it holds; the later of the two is what counts.
fn newer_itself(path: &str, field: &Field, value: &Value) -> Option<Newer> {
    let facts = &field.facts;
    let word = facts.newer_words.iter().find(|newer| *value == newer.word);
    let (shown, since, api_level) = match word {
        Some(newer) => (
            format!("{path}: {}", newer.word),
            newer.since.clone(),
            Some(newer.api_level),
        ),
        None => (path.to_owned(), facts.since.clone()?, facts.api_level),
    };
    Some(Newer {
        path: path.to_owned(),
        shown,
        since,
        api_level,
    })
}

/// The API level that a change needs (ADR-44); none when every supported server will do.
pub(in crate::kinds) fn required_level(
    declaration: &Declaration,
    live: &Flat,
    next: &Flat,
) -> Option<ApiLevel> {
    newer_parts(declaration, live, next)
        .into_iter()
        .filter_map(|newer| newer.api_level)
        .max()
        .filter(|level| *level > 0)
}

/// What this server is too old for.
pub(in crate::kinds) fn too_old(
    declaration: &Declaration,
    live: &Flat,
    next: &Flat,
    server: &NatsFacts,
) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = newer_parts(declaration, live, next)
        .into_iter()
        .filter(|newer| is_beyond(&newer.since, server.version))
        .map(
            |Newer {
                 path, shown, since, ..
             }| {
                Complaint::new(
                    Code::ServerTooOld,
                    &path,
                    format!(
                        "`{shown}` needs NATS {since}; the server is {}",
                        server.version
                    ),
                    format!("upgrade the server to {since}, or leave `{shown}` out"),
                )
            },
        )
        .collect();
    complaints.dedup();
    complaints
}

fn is_beyond(since: &str, server: NatsVersion) -> bool {
    since
        .parse::<NatsVersion>()
        .is_ok_and(|needed| server < needed)
}

/// The version of a connected server.
pub(in crate::kinds) fn version(nats: &JetStream) -> NatsVersion {
    let (major, minor, patch) = nats.server().release;
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    NatsVersion(small(major), small(minor), small(patch))
}

/// Takes out what says no more than the default and came later than this server: from 2.12 on a
/// server refuses a field that it does not know, whatever the value (10025), and before it drops
/// the field in silence.
pub(in crate::kinds) fn forget_unknown(
    declaration: &Declaration,
    next: &mut Flat,
    server: NatsVersion,
) {
    next.retain(|path, value| {
        let Some(field) = declaration.field(path) else {
            return true;
        };
        let since = field.facts.since.as_deref();
        let is_unknown = since.is_some_and(|since| is_beyond(since, server));
        !(is_unknown && field.same(Some(value), None))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::stream::view::stream_declaration;
    use serde_json::json;

    fn flat(fields: Value) -> Flat {
        fields.as_object().unwrap().clone().into_iter().collect()
    }

    fn server(version: &str) -> NatsFacts {
        NatsFacts {
            version: version.parse().unwrap(),
            api_level: 0,
            account: None,
            domain: None,
            clustered: false,
            max_bytes_required: false,
        }
    }

    #[test]
    fn only_what_changes_and_says_something_needs_a_level() {
        let none = Flat::new();
        for (live, next, level) in [
            (json!({}), json!({ "max_age": 5 }), None),
            (json!({}), json!({ "allow_msg_ttl": false }), None),
            (json!({}), json!({ "allow_msg_ttl": true }), Some(1)),
            (
                json!({ "allow_msg_ttl": true }),
                json!({ "allow_msg_ttl": true }),
                None,
            ),
            (json!({}), json!({ "sources": [{ "name": "A" }] }), None),
            (
                json!({}),
                json!({ "sources": [{ "name": "A", "consumer": { "name": "c", "deliver_subject": "d" } }] }),
                Some(4),
            ),
        ] {
            let (live, next) = (flat(live), flat(next));
            assert_eq!(
                required_level(stream_declaration(), &live, &next),
                level,
                "{next:?}"
            );
        }
        let wanted = flat(json!({ "allow_atomic": true, "allow_msg_ttl": true }));
        let told = |version| too_old(stream_declaration(), &none, &wanted, &server(version)).len();
        assert_eq!(
            (told("2.10.26"), told("2.11.11"), told("2.12.0")),
            (2, 1, 0)
        );
    }

    #[test]
    fn a_default_that_the_server_does_not_know_is_not_sent() {
        for (version, sent) in [("2.10.26", 1), ("2.12.8", 2), ("2.14.0", 3)] {
            let fields = json!({ "max_age": 5, "allow_atomic": false, "allow_batched": false });
            let mut next = flat(fields);
            forget_unknown(stream_declaration(), &mut next, version.parse().unwrap());
            assert_eq!(next.len(), sent, "{version}");
        }
    }
}
