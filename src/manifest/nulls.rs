//! A `null` that takes nothing away.

use std::collections::HashSet;

use super::layers::names_within;
use super::node::{Files, Map};
use super::secret_text::shown_key;
use super::suggest::nearest;
use crate::kinds::topic::{known_config, known_configs};
use crate::model::{Code, Problem};

/// A warning for each topic config of a first layer that is `null`, that trueup does not know, and that no defaults set: within
/// braces, `cleanup.policy: delete,compact` is two of them.
pub(super) fn of_unknown_configs(tree: &Map, files: &Files) -> Vec<Problem> {
    let kafka = tree.get("kafka").and_then(|entry| entry.node.map());
    let of = |name: &str| kafka.and_then(|sections| sections.get(name));
    let mut defaults = HashSet::new();
    if let Some(entry) = of("defaults") {
        names_within(&entry.node, &mut defaults);
    }
    let topics = of("topics").and_then(|entry| entry.node.map());
    let topics = topics.into_iter().flat_map(Map::values);
    let configs = topics.filter_map(|topic| topic.node.map()?.get("config")?.node.map());
    let nulls = configs.flatten().filter(|(key, entry)| {
        entry.node.is_null() && known_config(key).is_none() && !defaults.contains(*key)
    });
    nulls
        .map(|(key, entry)| {
            let shown = shown_key(key);
            let what = format!("`{shown}` is no topic config that trueup knows, and it has no value");
            let known = known_configs().iter().map(|config| config.key);
            let hint = match nearest(key, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "a value that holds a comma stands in quotes within `{ }`: `{ cleanup.policy: \"delete,compact\" }`; else give it a value, or take it out".to_owned(),
            };
            Problem::warning(Code::UnknownField, what)
                .at(files.place(entry.key))
                .hint(hint)
        })
        .collect()
}
