//! Secrets that stand in a manifest's text, kept out of what is shown of it.
//!
//! They are found in two ways: in the tree, where a connection's property holds them, and in the
//! text, by the name of a key or by their own shape, where the tree does not have them (the second
//! of two equal keys, what stands behind a syntax error). They are blinded in one: their own bytes
//! and every other occurrence of what they say become stars, in texts and in messages.

use std::collections::BTreeSet;
use std::ops::Range;

use super::connections::takes_path;
use super::node::{Map, Node, Spot, Value, short};
use super::secret_text::{
    is_secret_variable, is_seed_like, is_word, looks_secret, names_secret, without_logins, written,
};
use super::sources::Read;
use super::variables::Variables;
use crate::broker::kafka::KafkaSettings;
use crate::broker::nats::NatsSettings;
use crate::model::Problem;

/// Text shorter than this is too common to be looked for elsewhere.
const SHORTEST: usize = 4;
/// Secrets that are looked for elsewhere; of more, a manifest of bad intent, only the places are
/// blinded.
const MOST_REMEMBERED: usize = 100;

/// The secrets of a manifest: where they stand, and what they say.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    spots: Vec<Spot>,
    said: BTreeSet<Box<str>>,
}

impl Secrets {
    /// Takes note of the secrets among the connections and the users of a tree.
    pub fn collect(&mut self, tree: Option<&Map>) {
        self.collect_users(tree);
        let Some(entry) = tree.and_then(|tree| tree.get("connections")) else {
            return;
        };
        let Some(brokers) = entry.node.map() else {
            return self.take("", &entry.node);
        };
        for entry in brokers.values() {
            match entry.node.map() {
                Some(map) => map.iter().for_each(|(name, e)| self.take(name, &e.node)),
                None => self.take("", &entry.node),
            }
        }
    }

    fn collect_users(&mut self, tree: Option<&Map>) {
        let users = tree
            .and_then(|tree| under(tree, "kafka"))
            .and_then(|kafka| under(kafka, "users"));
        // `pasword` may hold one as well
        const NO_SECRETS: [&str; 5] = [
            "mechanism",
            "iterations",
            "version",
            "password_file",
            "lifecycle",
        ];
        let users = users.into_iter().flat_map(Map::values);
        let fields = users.filter_map(|user| user.node.map()).flatten();
        let may_be_secret = fields.filter(|(name, _)| !NO_SECRETS.contains(&name.as_ref()));
        for (_, entry) in may_be_secret {
            self.take("password", &entry.node);
        }
    }

    /// Takes note of what the variables hold that are used and are called like secrets.
    pub fn remember_variables(&mut self, variables: &Variables<'_>, texts: &[Read]) {
        for (name, value) in variables.all() {
            let used = format!("${{{name}");
            if is_secret_variable(name) && texts.iter().any(|read| read.text.contains(&used)) {
                self.remember(value);
            }
        }
    }

    fn take(&mut self, name: &str, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.take(name, item)),
            Value::Map(map) => map.values().for_each(|entry| self.take(name, &entry.node)),
            Value::Null => {}
            Value::Text(text) if is_one_variable(text) => {}
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Expanded(_)
            | Value::Broken => self.take_scalar(name, node),
        }
    }

    fn take_scalar(&mut self, name: &str, node: &Node) {
        let text = match &node.value {
            Value::Integer(number) if names_secret(name) => number.to_string(),
            Value::Number(digits) if names_secret(name) => digits.to_string(),
            _ => node.text().unwrap_or_default().to_owned(),
        };
        if !is_blinded(name, &text) {
            return;
        }
        if !matches!(&node.value, Value::Expanded(expanded) if is_one_variable(&expanded.written)) {
            self.spots.push(node.spot);
        }
        if is_remembered(name, &text) {
            self.remember(&text);
        }
    }

    /// What is looked for elsewhere: the secret, as much of it as a message would show, and the
    /// password of a URL.
    fn remember(&mut self, text: &str) {
        let text = text.trim();
        let shown = short(text);
        let login = text
            .split_once("://")
            .and_then(|(_, rest)| rest.rsplit_once('@'));
        let password = login.and_then(|(login, _)| login.split_once(':'));
        for said in [
            Some(text),
            Some(shown.trim_end_matches('…')),
            password.map(|(_, password)| password),
        ] {
            let said = said.filter(|said| said.len() >= SHORTEST && !said.starts_with("${"));
            if let Some(said) = said.filter(|_| self.said.len() < MOST_REMEMBERED) {
                self.said.insert(said.into());
            }
        }
    }

    /// The texts with their secrets blinded, byte for byte.
    pub fn blinded(&mut self, texts: &[Read]) -> Vec<String> {
        let mut all: Vec<Vec<Range<usize>>> = Vec::new();
        for (file, Read { text, whole }) in texts.iter().enumerate() {
            let in_file = self.spots.iter().filter(|spot| spot.file as usize == file);
            let mut ranges: Vec<_> = in_file
                .map(|spot| spot.start as usize..spot.end as usize)
                .collect();
            for found in written(text, *whole) {
                self.remember(text[found.value].trim_matches(['"', '\'']));
                ranges.push(found.shown);
            }
            all.push(ranges);
        }
        let blinded = texts
            .iter()
            .zip(all)
            .map(|(read, ranges)| self.blind_elsewhere(blinded(&read.text, ranges)));
        blinded.collect()
    }

    fn blind_elsewhere(&self, mut text: String) -> String {
        for said in &self.said {
            if text.contains(&**said) {
                text = text.replace(&**said, &stars(said));
            }
        }
        text
    }

    /// Blinds the secrets in what the problems say.
    pub fn blind(&self, problems: &mut [Problem]) {
        let blind = |message: &mut String| {
            // the longest first: one may be the beginning of another
            let mut found: Vec<&str> = self.said.iter().map(AsRef::as_ref).collect();
            found.retain(|said| message.contains(said));
            found.sort_by_key(|said| usize::MAX - said.len());
            for said in found {
                *message = message.replace(said, "***");
            }
            *message = without_logins(message);
        };
        for problem in problems {
            blind(&mut problem.message);
            problem.hint.iter_mut().for_each(blind);
            problem
                .notes
                .iter_mut()
                .for_each(|note| blind(&mut note.message));
        }
    }
}

/// The map behind a key.
fn under<'m>(map: &'m Map, name: &str) -> Option<&'m Map> {
    map.get(name)?.node.map()
}

/// `${NAME}` and nothing beside it: what stands in the text is no secret.
pub(super) fn is_one_variable(written: &str) -> bool {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    written
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|inside| {
            let name = inside.split([':', '?']).next().unwrap_or_default();
            is_name(name) && !inside.contains('-')
        })
}

/// The text with stars in place of these bytes; line ends stay.
fn blinded(text: &str, ranges: Vec<Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        if let Some(secret) = text.get(range.clone()) {
            bytes[range].copy_from_slice(stars(secret).as_bytes());
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn stars(secret: &str) -> String {
    let star = |byte| match byte {
        b'\n' | b'\r' => char::from(byte),
        _ => '*',
    };
    secret.bytes().map(star).collect()
}

/// Whether the value of a connection's property is blinded where it stands: all but those that
/// are known to hold no secret, so that a misspelt `pasword` is blinded too.
fn is_blinded(name: &str, text: &str) -> bool {
    const SHOWN: [&str; 22] = [
        "url",
        "context",
        "creds",
        "nkey",
        "user",
        "ca",
        "cert",
        "key",
        "tls_first",
        "jetstream_domain",
        "jetstream_api_prefix",
        "inbox_prefix",
        "account",
        "cluster_id",
        "bootstrap.servers",
        "client.id",
        "security.protocol",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.username",
        "enable.ssl.certificate.verification",
        "ssl.endpoint.identification.algorithm",
    ];
    const SHOWN_ENDINGS: [&str; 4] = ["_file", ".file", ".location", ".ms"];
    let shown = SHOWN.contains(&name) || SHOWN_ENDINGS.iter().any(|end| name.ends_with(end));
    !shown
        || text.contains(['@', '\n'])
        || is_secret_by_shape(name, text)
        || is_no_address(name, text)
        || (takes_path(name) && is_word(text))
}

/// Whether a text is a secret by its shape; where no word of the user's is wanted, the beginning of one is, too.
fn is_secret_by_shape(name: &str, text: &str) -> bool {
    let wants_a_name = takes_path(name) || name == "context";
    looks_secret(text) || (wants_a_name && is_seed_like(text))
}

/// Whether a text stands where addresses do and is none: any part of it may be a secret that was
/// put in the wrong place.
fn is_no_address(name: &str, text: &str) -> bool {
    match name {
        _ if text.contains("${") => false,
        "url" => !NatsSettings::is_url(text),
        "bootstrap.servers" => !KafkaSettings::is_bootstrap(text),
        _ => false,
    }
}

/// Whether what a blinded property says is looked for elsewhere, too: not the words of properties
/// that are known and hold none.
fn is_remembered(name: &str, text: &str) -> bool {
    let known = KafkaSettings::takes(name);
    names_secret(name)
        || !known
        || text.contains(['@', '?', '\n'])
        || is_secret_by_shape(name, text)
        || is_no_address(name, text)
}
