use serde_json::Value;

use super::declared_as;
use super::said::Said;
use crate::kinds::{End, Link, Resources};
use crate::model::{Address, KindName};

/// From the origins of a stream to it, and from it to where it publishes again.
pub(in crate::kinds) fn links(address: &Address, said: Said<'_>, all: &Resources) -> Vec<Link> {
    let here = || End::Resource(address.clone());
    let mirror = said.word("mirror.name").map(|name| {
        let api = said.word("mirror.external.api");
        Link::new(origin(name, api, all), here(), "mirror")
    });
    let sources = said.items("sources").iter().filter_map(|source| {
        let api = source["external"]["api"].as_str();
        let name = source["name"].as_str()?;
        Some(Link::new(origin(name, api, all), here(), how(source)))
    });
    let again = said
        .word("republish.dest")
        .map(|subject| Link::new(here(), End::Subject(subject.to_owned()), "republish"));
    mirror.into_iter().chain(sources).chain(again).collect()
}

fn origin(name: &str, api: Option<&str>, all: &Resources) -> End {
    match api {
        Some(api) => End::Elsewhere(format!("{name} by {api}")),
        None => End::Resource(
            declared_as(name, all).unwrap_or_else(|| Address::new(KindName::Stream, name)),
        ),
    }
}

fn how(source: &Value) -> String {
    match source["filter_subject"].as_str() {
        Some(filter) if !filter.is_empty() => format!("source {filter}"),
        Some(_) | None => "source".to_owned(),
    }
}
