//! How to reach the brokers, as the manifest says it. No value is ever shown.

mod kafka;
mod nats;
mod nats_fields;
mod words;

use std::fmt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};

use super::complaints::unknown_field;
use super::files::read_secret;
use super::node::{Entry, Files, Map, Node, Value};
use super::secret_text::{is_seed_like, looks_secret};
use super::sections::names_under;
use super::suggest::nearest;
use super::walk::Walk;
use crate::broker::nats::NatsSettings;
use crate::model::{Broker, Code, FieldPlace, Place, Problem};

use words::Words;

pub(super) use nats_fields::nats_declaration;

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
    words: Words,
    /// The account that it must be, where the manifest pins one.
    pub account: Option<String>,
    /// Where the manifest says it; none where it does not.
    pub place: Option<Place>,
    /// Where each field stands.
    places: IndexMap<String, FieldPlace>,
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
    words: Words,
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
                words: Words::default(),
                account: None,
                place: None,
                places: IndexMap::new(),
                says_url: false,
                says_tls_first: false,
            },
            kafka: KafkaConnection {
                properties: IndexMap::new(),
                files: IndexMap::new(),
                words: Words::default(),
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

    /// Every file that they name: certificates, keys, credentials, secrets.
    pub fn files(&self) -> Vec<PathBuf> {
        let NatsConnection {
            settings, files, ..
        } = &self.nats;
        let nats = settings.files().cloned().chain(files.values().cloned());
        nats.chain(self.kafka.named()).collect()
    }
}

/// Whether a property of either connection takes the path of a file.
pub(super) fn takes_path(name: &str) -> bool {
    nats::takes_path(name) || kafka::takes_path(name)
}

/// Whether a property of librdkafka's takes the path of a file.
fn is_path(property: &str) -> bool {
    [".file", ".location"]
        .iter()
        .any(|ending| property.ends_with(ending))
}

impl NatsConnection {
    /// The name of the `nats` context that it takes the rest from, where it names one.
    pub fn context(&self) -> Option<&str> {
        self.settings.context.as_deref()
    }

    /// Where a field stands, or the file that holds it, or else the whole.
    pub fn place_of(&self, field: &str) -> Option<Place> {
        let of_file = || self.places.get(&format!("{field}_file"));
        let place = self.places.get(field).or_else(of_file);
        place
            .map(|place| &place.key)
            .or(self.place.as_ref())
            .cloned()
    }

    /// The settings, with the secrets that stand in files read. A `context` is left to the
    /// caller, who knows where contexts are kept.
    ///
    /// # Errors
    /// A `file-unreadable` problem that names the property and the file.
    pub fn settings(&self) -> Result<NatsSettings, Problem> {
        self.words.must_be_files(|name| self.place_of(name))?;
        let mut settings = self.settings.clone();
        for (property, path) in &self.files {
            let secret = read_secret(property, path)
                .map_err(|problem| problem.at(self.place_of(property)))?;
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
        self.words.must_be_files(|name| self.place_of(name))?;
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

    /// The files that the properties name.
    fn named(&self) -> impl Iterator<Item = PathBuf> {
        let paths = self.properties.iter().filter(|(name, _)| is_path(name));
        let paths = paths.map(|(_, path)| path.expose_secret().into());
        paths.chain(self.files.values().cloned())
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

/// Reads `connections`. `whole` says that nothing of the manifest's text is missing.
pub(super) fn read(
    entry: Option<&Entry>,
    environment: &IndexMap<String, String>,
    files: &Files,
    whole: bool,
) -> (Connections, Vec<Problem>) {
    let mut connections = Connections::from_environment(environment);
    let mut walk = Walk::new(files);
    let heads = entry.and_then(|entry| map_of(&mut walk, entry, "connections"));
    for (name, entry) in heads.into_iter().flatten() {
        let broker = match &**name {
            "nats" => Broker::Nats,
            "kafka" => Broker::Kafka,
            _ => {
                let near = nearest(name, names_under("connections"));
                let problem = unknown_field("`connections`", name, near);
                walk.problems.push(problem.at(files.place(entry.key)));
                continue;
            }
        };
        let Some(map) = map_of(&mut walk, entry, &format!("connections.{name}")) else {
            continue;
        };
        let reading = Reading {
            walk: &mut walk,
            environment,
            whole,
        };
        match broker {
            Broker::Nats => nats::read(&mut connections.nats, map, entry, reading),
            Broker::Kafka => kafka::read(&mut connections.kafka, map, entry, reading),
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

/// What the readers of the two connections share.
struct Reading<'w, 'f> {
    walk: &'w mut Walk<'f>,
    environment: &'w IndexMap<String, String>,
    /// Whether nothing of the manifest's text is missing.
    whole: bool,
}

impl Reading<'_, '_> {
    /// A path as it is opened: beside the file that names it.
    fn beside(&self, node: &Node, path: &str) -> PathBuf {
        let file = self.walk.files.0.get(node.spot.file as usize);
        let folder = file.and_then(|file| Path::new(&**file).parent());
        folder.unwrap_or(Path::new("")).join(path)
    }

    /// Whether a secret stands where the path of its file is wanted; it is complained of.
    fn is_inline(&mut self, name: &str, node: &Node) -> bool {
        let is_long = node.text().is_some_and(|text| text.contains('\n'));
        let is_secret = is_long || is_secret(node);
        if is_secret {
            let what = format!("`{name}` takes the path of a file, not what the file holds");
            let hint = "write it into a file that only you can read, and name that file here";
            self.complain(node, what, hint);
        }
        is_secret
    }

    /// Whether a secret stands where the name of a context is wanted; it is complained of.
    fn is_seed(&mut self, name: &str, node: &Node) -> bool {
        let is_secret = is_secret(node);
        if is_secret {
            let what = format!("`{name}` takes the name of a `nats` context, not a secret");
            let hint = "write it into a file that only you can read, and name that file as `nkey`";
            self.complain(node, what, hint);
        }
        is_secret
    }

    fn complain(&mut self, node: &Node, what: String, hint: &str) {
        let problem = Problem::error(Code::Property, what).hint(hint);
        self.walk.problems.push(self.walk.files.at(node, problem));
    }
}

/// Whether a secret, or the beginning of one, stands where the name of something is wanted.
fn is_secret(node: &Node) -> bool {
    let by_shape = |text: &str| looks_secret(text) || is_seed_like(text);
    node.text().is_some_and(by_shape)
}

fn twice(property: &str) -> Problem {
    let what = format!("`{property}` and `{property}_file` say the same thing");
    Problem::error(Code::Contradiction, what).hint("keep one of the two")
}
