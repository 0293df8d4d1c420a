//! How to reach the brokers, as the manifest says it. No value is ever shown.

use std::fmt;
use std::path::PathBuf;

use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};

use super::complaints::unknown_field;
use super::files::read_secret;
use super::nats_fields::{NatsFields, nats_declaration};
use super::node::{Entry, Files, Map, Node, Value};
use super::sections::names_under;
use super::suggest::nearest;
use super::walk::{Subject, Walk};
use crate::broker::kafka::KafkaSettings;
use crate::broker::nats::NatsSettings;
use crate::model::{Code, Place, Problem};

/// How to reach the two brokers. What the manifest leaves out comes from `NATS_URL` and
/// `KAFKA_BROKERS`, and else from the loopback defaults.
#[derive(Clone, Debug)]
pub struct Connections {
    /// NATS.
    pub nats: NatsConnection,
    /// Kafka.
    pub kafka: KafkaConnection,
}

/// How to reach NATS.
#[derive(Clone, Debug)]
pub struct NatsConnection {
    settings: NatsSettings,
    files: IndexMap<String, PathBuf>,
    /// The account that it must be, where the manifest pins one.
    pub account: Option<String>,
    /// Where the manifest says it; none where it does not.
    pub place: Option<Place>,
    /// Whether the manifest says `url`, so that it wins over that of a context.
    pub says_url: bool,
    /// Whether the manifest says `tls_first`, be it `false`.
    pub says_tls_first: bool,
}

/// How to reach Kafka.
#[derive(Clone)]
pub struct KafkaConnection {
    properties: IndexMap<String, SecretString>,
    files: IndexMap<String, PathBuf>,
    /// The cluster that it must be, where the manifest pins one.
    pub cluster_id: Option<String>,
    /// Where the manifest says it; none where it does not.
    pub place: Option<Place>,
    /// Where each property stands.
    pub places: IndexMap<String, Place>,
}

impl Connections {
    /// The connections of a manifest that says nothing of them.
    pub fn from_environment(environment: &IndexMap<String, String>) -> Connections {
        let mut connections = Connections {
            nats: NatsConnection {
                settings: NatsSettings::default(),
                files: IndexMap::new(),
                account: None,
                place: None,
                says_url: false,
                says_tls_first: false,
            },
            kafka: KafkaConnection {
                properties: IndexMap::new(),
                files: IndexMap::new(),
                cluster_id: None,
                place: None,
                places: IndexMap::new(),
            },
        };
        if let Some(url) = set(environment, "NATS_URL") {
            connections.nats.settings.url = url.into();
        }
        connections.kafka.fill_bootstrap(environment);
        connections
    }
}

impl NatsConnection {
    /// The settings, with the secrets that stand in files read. A `context` is left to the
    /// caller, who knows where contexts are kept.
    ///
    /// # Errors
    /// A `file-unreadable` problem that names the property and the file.
    pub fn settings(&self) -> Result<NatsSettings, Problem> {
        let mut settings = self.settings.clone();
        for (property, path) in &self.files {
            let secret =
                read_secret(property, path).map_err(|problem| problem.at(self.place.clone()))?;
            match property.as_str() {
                "url" => settings.url = secret,
                "user" => settings.user = Some(secret.expose_secret().to_owned()),
                "password" => settings.password = Some(secret),
                _ => settings.token = Some(secret),
            }
        }
        Ok(settings)
    }
}

impl KafkaConnection {
    /// librdkafka's properties, with the values that stand in files read. They hold secrets.
    ///
    /// # Errors
    /// A `file-unreadable` problem that names the property and the file.
    pub fn properties(&self) -> Result<IndexMap<String, String>, Problem> {
        let mut properties = self.exposed();
        for (property, path) in &self.files {
            let secret = read_secret(property, path)
                .map_err(|problem| problem.at(self.place_of(property)))?;
            properties.insert(property.clone(), secret.expose_secret().to_owned());
        }
        Ok(properties)
    }

    /// Where a property stands, or else the whole.
    pub fn place_of(&self, property: &str) -> Option<Place> {
        self.places.get(property).or(self.place.as_ref()).cloned()
    }

    /// What can't be honoured, as far as that can be told without reading a file.
    fn complaints(&self) -> Vec<Problem> {
        let mut properties = self.exposed();
        for property in self.files.keys() {
            properties.insert(property.clone(), "a value that stands in a file".to_owned());
        }
        let Err(complaints) = KafkaSettings::from_properties(&properties) else {
            return Vec::new();
        };
        complaints
            .into_iter()
            .filter(|complaint| {
                let property = &complaint.property;
                !self.files.contains_key(property) || !KafkaSettings::takes(property)
            })
            .map(|complaint| {
                let message = format!("`{}` {}", complaint.property, complaint.message);
                let problem =
                    Problem::error(Code::Property, message).at(self.place_of(&complaint.property));
                match complaint.hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                }
            })
            .collect()
    }

    fn exposed(&self) -> IndexMap<String, String> {
        self.properties
            .iter()
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect()
    }

    fn fill_bootstrap(&mut self, environment: &IndexMap<String, String>) {
        const NAME: &str = "bootstrap.servers";
        let known =
            |name: &str| self.properties.contains_key(name) || self.files.contains_key(name);
        if !known(NAME) && !known("metadata.broker.list") {
            let servers = set(environment, "KAFKA_BROKERS").unwrap_or("127.0.0.1:9092");
            self.properties.insert(NAME.to_owned(), servers.into());
        }
    }
}

impl fmt::Debug for KafkaConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConnection")
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .field("files", &self.files)
            .field("cluster_id", &self.cluster_id)
            .finish_non_exhaustive()
    }
}

fn set<'e>(environment: &'e IndexMap<String, String>, name: &str) -> Option<&'e str> {
    environment
        .get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// Reads `connections`.
pub(super) fn read(
    entry: Option<&Entry>,
    environment: &IndexMap<String, String>,
    files: &Files,
) -> (Connections, Vec<Problem>) {
    let mut connections = Connections::from_environment(environment);
    let mut walk = Walk::new(files);
    let heads = entry.and_then(|entry| map_of(&mut walk, entry, "connections"));
    for (name, entry) in heads.into_iter().flatten() {
        let noun = format!("connections.{name}");
        match &**name {
            "nats" => {
                if let Some(map) = map_of(&mut walk, entry, &noun) {
                    nats(&mut connections.nats, map, entry, &mut walk);
                }
            }
            "kafka" => {
                if let Some(map) = map_of(&mut walk, entry, &noun) {
                    kafka(&mut connections.kafka, map, entry, environment, &mut walk);
                }
            }
            _ => {
                let near = nearest(name, names_under("connections"));
                let problem = unknown_field("`connections`", name, near);
                walk.problems.push(problem.at(files.place(entry.key)));
            }
        }
    }
    (connections, walk.problems)
}

fn map_of<'n>(walk: &mut Walk<'_>, entry: &'n Entry, noun: &str) -> Option<&'n Map> {
    match &entry.node.value {
        Value::Map(map) => Some(map),
        Value::Null | Value::Broken => None,
        _ => {
            let problem = Problem::error(Code::WrongType, format!("`{noun}` is a map"));
            walk.problems.push(walk.files.at(&entry.node, problem));
            None
        }
    }
}

fn nats(connection: &mut NatsConnection, map: &Map, entry: &Entry, walk: &mut Walk<'_>) {
    let before = walk.problems.len();
    let place = walk.files.place(entry.key);
    let subject = Subject {
        noun: "`connections.nats`",
        address: None,
        others: &[],
        complete: true,
    };
    let fields = walk.fields(
        nats_declaration(),
        &without_values(map),
        place.clone(),
        subject,
    );
    connection.place = place.clone();
    if walk.problems.len() > before {
        return;
    }
    let doc = walk.fields(nats_declaration(), map, None, subject).values;
    let doc = nats_declaration().unflatten(&doc);
    let said: NatsFields = serde_json::from_value(doc.into()).unwrap_or_default();
    let default = connection.settings.url.clone();
    connection.account = said.account.clone();
    connection.files = said.secret_files();
    connection.says_url = said.says_url();
    connection.says_tls_first = said.tls_first.is_some();
    connection.settings = said.settings(default);
    for property in connection.files.keys() {
        if map.contains_key(property.as_str()) {
            let at = fields.places.get(&format!("{property}_file")).cloned();
            walk.problems.push(twice(property).at(at));
        }
    }
    if connection.files.is_empty()
        && connection.settings.context.is_none()
        && let Err(error) = connection.settings.check()
    {
        walk.problems.push(error.problem().at(place));
    }
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

fn kafka(
    connection: &mut KafkaConnection,
    map: &Map,
    entry: &Entry,
    environment: &IndexMap<String, String>,
    walk: &mut Walk<'_>,
) {
    connection.place = walk.files.place(entry.key);
    connection.properties.clear();
    for (name, entry) in map {
        if matches!(entry.node.value, Value::Null | Value::Broken) {
            continue;
        }
        let Some(value) = property_text(name, &entry.node) else {
            let shown = entry.node.shown();
            let what = format!("`{name}` takes text, a number, `true` or `false`, not {shown}");
            let problem = Problem::error(Code::WrongType, what)
                .hint("write one value; several in one text, with commas between");
            walk.problems.push(walk.files.at(&entry.node, problem));
            continue;
        };
        let property = name.strip_suffix("_file").unwrap_or(name);
        if let Some(place) = walk.files.place(entry.key) {
            connection.places.insert(property.to_owned(), place);
        }
        if &**name == "cluster_id" {
            connection.cluster_id = Some(value);
        } else if property.len() < name.len() {
            connection.files.insert(property.to_owned(), value.into());
        } else {
            connection
                .properties
                .insert(property.to_owned(), value.into());
        }
    }
    for property in connection.files.keys() {
        if connection.properties.contains_key(property) {
            walk.problems
                .push(twice(property).at(connection.place_of(property)));
        }
    }
    connection.fill_bootstrap(environment);
    walk.problems.extend(connection.complaints());
}

fn twice(property: &str) -> Problem {
    let what = format!("`{property}` and `{property}_file` say the same thing");
    Problem::error(Code::Contradiction, what).hint("keep one of the two")
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
