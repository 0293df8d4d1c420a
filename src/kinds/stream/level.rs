//! What a configuration needs of the server: versions and API levels, read from the declaration.

use serde_json::Value;

use super::complaint::Complaint;
use crate::kinds::{ApiLevel, Declaration, Facts, Field, NatsFacts, NatsVersion, Shape};
use crate::model::{Code, Flat};

/// The fields whose value is new, differs from the default, and came with a later server.
fn newer_fields(declaration: &Declaration, live: &Flat, next: &Flat) -> Vec<(String, Facts)> {
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

fn collect(path: &str, field: &Field, value: &Value, found: &mut Vec<(String, Facts)>) {
    if field.same(Some(value), None) {
        return;
    }
    if field.facts.since.is_some() {
        found.push((path.to_owned(), field.facts.clone()));
    }
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

/// The API level that a change needs (ADR-44); none when every supported server will do.
pub(in crate::kinds) fn required_level(
    declaration: &Declaration,
    live: &Flat,
    next: &Flat,
) -> Option<ApiLevel> {
    newer_fields(declaration, live, next)
        .into_iter()
        .filter_map(|(_, facts)| facts.api_level)
        .max()
        .filter(|level| *level > 0)
}

/// The fields that this server is too old for.
pub(in crate::kinds) fn too_old(
    declaration: &Declaration,
    live: &Flat,
    next: &Flat,
    server: &NatsFacts,
) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = newer_fields(declaration, live, next)
        .into_iter()
        .filter_map(|(path, facts)| {
            let since = facts.since?;
            let needed = since.parse::<NatsVersion>().ok()?;
            (server.version < needed).then(|| {
                Complaint::new(
                    Code::ServerTooOld,
                    &path,
                    format!(
                        "`{path}` needs NATS {since}; the server is {}",
                        server.version
                    ),
                    format!("upgrade the server to {since}, or leave `{path}` out"),
                )
            })
        })
        .collect();
    complaints.dedup();
    complaints
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
}
