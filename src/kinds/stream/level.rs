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
