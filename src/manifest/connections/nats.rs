//! Reads `connections.nats`.

use super::super::node::{Entry, Map, Value};
use super::super::secret_text::name_alone;
use super::super::suggest::nearest;
use super::super::walk::{Fields, Subject, Walk};
use super::nats_fields::{NatsFields, nats_declaration};
use super::{NatsConnection, Reading, Words, twice};
use crate::broker::nats::NatsSettings;
use crate::model::{Code, Flat, Place, Problem};

/// The fields that are paths, beside those whose name ends with `_file`.
const PATHS: [&str; 5] = ["creds", "nkey", "ca", "cert", "key"];

/// What `map` says, and everything that is wrong with it.
pub(super) fn read(
    connection: &mut NatsConnection,
    map: &Map,
    entry: &Entry,
    mut reading: Reading<'_, '_>,
) {
    connection.place = reading.walk.files.place(entry.key);
    let (fields, words) = checked(map, connection.place.clone(), &mut reading);
    connection.words = words;
    let written = Written {
        map,
        failed: failed(map, &fields.values),
    };
    connection.places = fields.places;
    take(connection, &fields.values);
    tell_twice(connection, &written, &mut reading);
    tell_complaints(connection, &written, &mut reading);
}

/// What the section says, as complaints ask for it.
struct Written<'a> {
    map: &'a Map,
    failed: Vec<String>,
}

impl Written<'_> {
    /// Whether the field is there, or the file that holds it.
    fn says(&self, name: &str) -> bool {
        self.map.contains_key(name) || self.map.contains_key(&*format!("{name}_file"))
    }

    fn has_failed(&self, name: &str) -> bool {
        self.failed.iter().any(|failed| failed == name)
    }
}

/// The fields and where they stand. The complaints are about a blinded copy: none shows a secret.
fn checked(map: &Map, place: Option<Place>, reading: &mut Reading<'_, '_>) -> (Fields, Words) {
    let subject = Subject {
        noun: "`connections.nats`",
        address: None,
        others: &[],
        complete: true,
    };
    let (declaration, blind) = (nats_declaration(), without_values(map));
    let said = reading.walk.fields(declaration, &blind, place, subject);
    let mut fields = Walk::new(reading.walk.files).fields(declaration, map, None, subject);
    fields.places = said.places;
    let words = settle_paths(&mut fields.values, map, reading);
    (fields, words)
}

/// Puts what is said into the connection.
fn take(connection: &mut NatsConnection, values: &Flat) {
    let doc = nats_declaration().unflatten(values);
    let said: NatsFields = serde_json::from_value(doc.into()).unwrap_or_default();
    let default = connection.settings.url.clone();
    connection.account = said.account.clone();
    connection.files = said.secret_files();
    connection.says_url = said.says_url();
    connection.says_tls_first = said.tls_first.is_some();
    connection.settings = said.settings(default);
}

/// Secrets that stand in the manifest and in a file.
fn tell_twice(connection: &NatsConnection, written: &Written<'_>, reading: &mut Reading<'_, '_>) {
    let both = connection.files.keys();
    for property in both.filter(|property| written.map.contains_key(property.as_str())) {
        let at = connection.place_of(&format!("{property}_file"));
        reading.walk.problems.push(twice(property).at(at));
    }
}

/// What the settings complain of, but for what may come of a field that could not be read.
fn tell_complaints(
    connection: &NatsConnection,
    written: &Written<'_>,
    reading: &mut Reading<'_, '_>,
) {
    for complaint in with_files(connection).complaints() {
        let alone = complaint.names.len() == 1;
        let unsure = complaint.names.iter().any(|name| {
            written.has_failed(name) || !(written.says(name) || alone || reading.whole)
        });
        // what a context says beside is not known here
        let of_context = connection.settings.context.is_some() && !alone;
        if !unsure && !of_context {
            let first = complaint.names.first();
            let key = connection.place_of(first.copied().unwrap_or_default());
            // what is wrong with an address stands in its text
            let url = complaint.names == ["url"];
            let text = written.map.get("url").filter(|_| url);
            let text = text.and_then(|entry| reading.walk.files.place(entry.node.spot));
            let problem = Problem::error(Code::Property, complaint.message);
            reading.walk.problems.push(problem.at(text.or(key)));
        }
    }
}

/// Whether a field takes the path of a file.
pub(super) fn takes_path(name: &str) -> bool {
    name.ends_with("_file") || PATHS.contains(&name)
}

/// Paths beside the file that names them; without those that hold a secret instead. What is but a word comes
/// back.
fn settle_paths(values: &mut Flat, map: &Map, reading: &mut Reading<'_, '_>) -> Words {
    let mut words = Words::default();
    for (name, entry) in map {
        if &**name == "context" && reading.is_seed(name, &entry.node) {
            values.shift_remove(&**name);
        }
        if !takes_path(name) {
            continue;
        }
        if reading.is_inline(name, &entry.node) {
            values.shift_remove(&**name);
        } else if let Some(value) = values.get_mut(&**name)
            && let Some(path) = entry.node.text()
        {
            let path = reading.beside(&entry.node, path);
            words.note(name, &entry.node, &path);
            *value = path.display().to_string().into();
        }
    }
    words
}

/// The fields that are written, however wrong: what follows from their absence is not said.
fn failed(map: &Map, values: &Flat) -> Vec<String> {
    let fields = &nats_declaration().fields;
    let lost = map
        .iter()
        .filter(|(name, entry)| !entry.node.is_null() && !values.contains_key(&***name));
    lost.filter_map(|(name, _)| match fields.contains_key(&**name) {
        true => Some(name.strip_suffix("_file").unwrap_or(name)),
        false => nearest(name_alone(name), fields.keys().map(String::as_str)),
    })
    .map(str::to_owned)
    .collect()
}

/// The settings as if what stands in files were there.
fn with_files(connection: &NatsConnection) -> NatsSettings {
    let mut settings = connection.settings.clone();
    for property in connection.files.keys() {
        let stand_in = "in-a-file";
        match property.as_str() {
            "user" => settings.user = Some(stand_in.to_owned()),
            "password" => settings.password = Some(stand_in.into()),
            "token" => settings.token = Some(stand_in.into()),
            _ => {}
        }
    }
    settings
}

/// The map with texts and numbers blinded, so that a complaint about a type can't show a secret.
fn without_values(map: &Map) -> Map {
    let mut blind = map.clone();
    for entry in blind.values_mut() {
        match &mut entry.node.value {
            Value::Text(text) => *text = "…".into(),
            value @ (Value::Integer(_) | Value::Number(_)) => *value = Value::Number("…".into()),
            _ => {}
        }
    }
    blind
}
