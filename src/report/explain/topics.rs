//! What there is to explain.

use indexmap::IndexSet;

use super::kind::all;
use crate::kinds::{Declaration, Kind};
use crate::manifest::Part;

/// The kinds and the parts of a manifest, each once and before its fields by path; a kind's aliases too.
pub fn topics(kinds: &[&dyn Kind], parts: &[Part]) -> IndexSet<String> {
    let mut topics = IndexSet::new();
    for kind in kinds {
        let name = kind.name();
        topics.insert(name.to_string());
        let aliases = kind.aliases().iter().map(|(alias, _)| (*alias).to_owned());
        let paths = aliases.chain(deep(kind.declaration()));
        topics.extend(paths.map(|path| format!("{name}.{path}")));
    }
    for Part { path, fields, .. } in parts {
        topics.insert(path.clone());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::registry;
    use crate::manifest::parts;

    #[test]
    fn a_part_that_is_a_field_of_another_is_one_topic() {
        let all = topics(registry(), parts());
        let named = |name: &str| all.iter().filter(|topic| *topic == name).count();
        assert_eq!(named("connections.nats"), 1);
        assert_eq!(named("connections.kafka"), 1);
    }
}
