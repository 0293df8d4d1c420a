//! Two values of each field, and what must stand beside them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use trueup::kinds::{Declaration, NatsVersion, Shape};

/// One field with two values, and what must stand beside it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Other fields that it needs.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// What it is created with.
    pub first: Value,
    /// What it is changed to.
    pub second: Value,
    /// The refusal of `second`, where the field's own facts don't tell.
    #[serde(default)]
    pub refused: Option<String>,
    /// The refusal of the explicit default.
    #[serde(default)]
    pub refused_default: Option<String>,
    /// The server from which on a live resource without the field can get it.
    #[serde(default)]
    pub added_since: Option<String>,
    /// A server takes what the plan refuses of a live resource, without effect.
    #[serde(default)]
    pub without_effect: bool,
    /// The same, before this server version only.
    #[serde(default)]
    pub without_effect_before: Option<String>,
    /// Words that can't stand beside `with`, each with what it needs.
    #[serde(default)]
    pub words: BTreeMap<String, Map<String, Value>>,
}

impl Sample {
    /// Whether this server takes what the plan refuses of a live resource.
    pub fn is_without_effect(&self, server: NatsVersion) -> bool {
        let before = self.without_effect_before.as_ref();
        self.without_effect || before.is_some_and(|version| server < version.parse().unwrap())
    }
}

/// The samples of a kind, by path.
pub fn samples(text: &str) -> BTreeMap<String, Sample> {
    serde_yaml::from_str(text).unwrap()
}

/// Every path that a manifest may declare.
pub fn declared_paths(declaration: &Declaration) -> Vec<String> {
    let mut found = Vec::new();
    for (name, field) in &declaration.fields {
        if field.facts.hidden {
            continue;
        }
        match &field.shape {
            Shape::Object(inner) => {
                let nested = declared_paths(inner).into_iter();
                found.extend(nested.map(|path| format!("{name}.{path}")));
            }
            _ => found.push(name.clone()),
        }
    }
    found
}
