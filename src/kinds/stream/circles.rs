//! Declared streams that copy from each other in a circle.

use std::collections::HashMap;

use serde_json::Value;

use super::said::Said;
use crate::kinds::Resources;
use crate::model::{Code, KindName, Problem, Resource};

/// Streams that each take everything of the next: a message would go round for ever. Origins with a
/// filter are left alone, for two streams may well exchange different subjects.
pub(super) fn check(all: &Resources) -> Vec<Problem> {
    let mut open: HashMap<&str, Vec<&str>> = all
        .values()
        .filter(|resource| resource.address.kind == KindName::Stream)
        .map(|stream| (stream.address.name.as_str(), whole_origins(stream)))
        .filter(|(_, origins)| !origins.is_empty())
        .collect();
    loop {
        let ends: Vec<&str> = open
            .iter()
            .filter(|(_, origins)| !origins.iter().any(|origin| open.contains_key(origin)))
            .map(|(name, _)| *name)
            .collect();
        if ends.is_empty() {
            break;
        }
        open.retain(|name, _| !ends.contains(name));
    }
    let in_circle = |stream: &&Resource| {
        stream.address.kind == KindName::Stream && open.contains_key(stream.address.name.as_str())
    };
    let first = all.values().find(in_circle);
    first
        .map(|stream| problem(stream, &open))
        .into_iter()
        .collect()
}

/// The origins in the same account whose messages are all taken; itself is told elsewhere.
fn whole_origins(stream: &Resource) -> Vec<&str> {
    let said = Said(&stream.declared);
    let narrows = ["external", "filter_subject", "subject_transforms"];
    let is_mirror_whole = !narrows.iter().any(|field| {
        let path = format!("mirror.{field}");
        said.0.contains_key(&path) || said.has_under(&path)
    });
    let mirror = said.word("mirror.name").filter(|_| is_mirror_whole);
    let sources = said
        .items("sources")
        .iter()
        .filter(|source| narrows.iter().all(|field| source.get(field).is_none()))
        .filter_map(|source| source.get("name").and_then(Value::as_str));
    mirror
        .into_iter()
        .chain(sources)
        .filter(|origin| *origin != stream.address.name)
        .collect()
}

fn problem(stream: &Resource, open: &HashMap<&str, Vec<&str>>) -> Problem {
    let mut way = vec![stream.address.name.as_str()];
    while let Some(next) = way
        .last()
        .and_then(|name| open.get(name))
        .and_then(|origins| origins.iter().find(|origin| open.contains_key(*origin)))
    {
        if let Some(begin) = way.iter().position(|name| name == next) {
            way.drain(..begin);
            way.push(next);
            break;
        }
        way.push(next);
    }
    let field = match Said(&stream.declared).word("mirror.name") {
        Some(_) => "mirror.name",
        None => "sources",
    };
    let shown: Vec<String> = way.iter().map(|name| format!("`{name}`")).collect();
    Problem::error(
        Code::Contradiction,
        format!(
            "streams copy from each other in a circle: {}",
            shown.join(" from ")
        ),
    )
    .about(&stream.address)
    .at(stream.place_of(field))
    .hint("leave one origin out, or give the origins filters that let no message come back")
}
