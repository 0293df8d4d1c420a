//! Reads `connections.kafka`.

use super::super::node::{Entry, Map, Node, Value};
use super::super::secret_text::{name_alone, shown_key};
use super::super::suggest::nearest;
use super::{KafkaConnection, Reading, is_path, twice};
use crate::broker::kafka::KafkaSettings;
use crate::model::{Code, Problem};

/// What `map` says, and everything that is wrong with it.
pub(super) fn read(
    connection: &mut KafkaConnection,
    map: &Map,
    entry: &Entry,
    mut reading: Reading<'_, '_>,
) {
    connection.place = reading.walk.files.place(entry.key);
    connection.properties.clear();
    let mut failed = Vec::new();
    for (name, entry) in map {
        if entry.node.is_null() {
            continue;
        }
        let property = name.strip_suffix("_file").unwrap_or(name);
        if let Some(place) = reading.walk.files.place(entry.key) {
            connection.places.insert(property.to_owned(), place);
        }
        let value = value(name, &entry.node, &mut reading);
        if let Some(path) = &value
            && takes_path(name)
        {
            connection.words.note(name, &entry.node, path.as_ref());
        }
        match value {
            None => failed.push(property.to_owned()),
            Some(value) if &**name == "cluster_id" => connection.cluster_id = Some(value),
            Some(value) if property.len() < name.len() => {
                connection.files.insert(property.to_owned(), value.into());
            }
            Some(value) => {
                connection
                    .properties
                    .insert(property.to_owned(), value.into());
            }
        }
    }
    for property in connection.files.keys() {
        if connection.properties.contains_key(property) {
            let at = connection.place_of(property);
            reading.walk.problems.push(twice(property).at(at));
        }
    }
    connection.fill_bootstrap(reading.environment);
    failed.extend(meant(connection));
    let complaints = connection.complaints(&failed, reading.whole);
    reading.walk.problems.extend(complaints);
}

/// A property's value; none after a problem.
fn value(name: &str, node: &Node, reading: &mut Reading<'_, '_>) -> Option<String> {
    if node.is_broken() {
        return None;
    }
    let Some(value) = property_text(name, node) else {
        let shown = node.shown();
        let what = format!("`{name}` takes text, a number, `true` or `false`, not {shown}");
        let problem = Problem::error(Code::WrongType, what)
            .hint("write one value; several in one text, with commas between");
        reading
            .walk
            .problems
            .push(reading.walk.files.at(node, problem));
        return None;
    };
    if !takes_path(name) {
        return Some(value);
    }
    let is_inline = reading.is_inline(name, node);
    (!is_inline).then(|| match value.as_str() {
        "" => value,
        path => reading.beside(node, path).display().to_string(),
    })
}

/// Whether a property takes the path of a file.
pub(super) fn takes_path(name: &str) -> bool {
    name.ends_with("_file") || is_path(name)
}

/// The properties that unknown ones probably mean, unless they are set.
fn meant(connection: &KafkaConnection) -> Vec<String> {
    let is_set = |name: &str| {
        connection.properties.contains_key(name) || connection.files.contains_key(name)
    };
    let unknown = connection
        .properties
        .keys()
        .chain(connection.files.keys())
        .filter(|name| !KafkaSettings::takes(name));
    unknown
        .filter_map(|name| nearest(name_alone(name), KafkaSettings::honoured().iter().copied()))
        .filter(|name| !is_set(name))
        .map(str::to_owned)
        .collect()
}

impl KafkaConnection {
    /// What can't be honoured, as far as that can be told without reading a file. Of `failed`, what
    /// was written but could not be taken, nothing more is said, nor (unless `whole`) of what is
    /// missing.
    fn complaints(&self, failed: &[String], whole: bool) -> Vec<Problem> {
        let mut properties = self.exposed();
        for property in self.files.keys().chain(failed) {
            properties.insert(property.clone(), "a value that stands in a file".to_owned());
        }
        let Err(complaints) = KafkaSettings::from_properties(&properties) else {
            return Vec::new();
        };
        complaints
            .into_iter()
            .filter(|complaint| {
                let property = &complaint.property;
                let is_unseen = self.files.contains_key(property) && KafkaSettings::takes(property);
                let is_missing = !properties.contains_key(property);
                !is_unseen && !failed.contains(property) && (whole || !is_missing)
            })
            .map(|complaint| {
                let property = shown_key(&complaint.property);
                let message = format!("`{property}` {}", complaint.message);
                let problem =
                    Problem::error(Code::Property, message).at(self.place_of(&complaint.property));
                match complaint.hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                }
            })
            .collect()
    }
}

/// Addresses may be a list; of everything else there is one.
fn property_text(name: &str, node: &Node) -> Option<String> {
    match &node.value {
        Value::List(items) if name == "bootstrap.servers" => {
            let items: Option<Vec<&str>> = items.iter().map(Node::text).collect();
            items.map(|items| items.join(","))
        }
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Number(digits) => Some(digits.to_string()),
        _ => node.text().map(str::to_owned),
    }
}
