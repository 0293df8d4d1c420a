//! What there is to explain.

use super::kind::all;
use crate::kinds::{Declaration, Kind};
use crate::manifest::Part;

/// The kinds and the parts of a manifest, each before its fields by path; a kind's aliases too.
pub fn topics(kinds: &[&dyn Kind], parts: &[Part]) -> Vec<String> {
    let mut topics = Vec::new();
    for kind in kinds {
        let name = kind.name();
        topics.push(name.to_string());
        let aliases = kind.aliases().iter().map(|(alias, _)| (*alias).to_owned());
        let paths = aliases.chain(deep(kind.declaration()));
        topics.extend(paths.map(|path| format!("{name}.{path}")));
    }
    for Part { path, fields, .. } in parts {
        topics.push(path.clone());
        topics.extend(fields.iter().map(|(field, _)| format!("{path}.{field}")));
    }
    topics
}

/// The paths of every field that can be declared, in the order of the struct.
pub fn paths(declaration: &Declaration) -> Vec<String> {
    let all = all(declaration, "").into_iter();
    all.map(|(path, _)| path).collect()
}

/// The same with those of the objects in lists.
fn deep(declaration: &Declaration) -> Vec<String> {
    let mut paths = Vec::new();
    for (path, field) in all(declaration, "") {
        let inside = field.inside().map(deep).unwrap_or_default();
        let inside = inside.iter().map(|below| format!("{path}.{below}"));
        let inside: Vec<String> = inside.collect();
        paths.push(path);
        paths.extend(inside);
    }
    paths
}
