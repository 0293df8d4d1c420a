//! Secrets that stand in a manifest's text, kept out of what is shown of it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::node::{Map, Node, Spot, Value};
use crate::model::Problem;

/// Text shorter than this is too common to be looked for in messages.
const SHORTEST: usize = 4;

/// The literal secrets of a manifest: where they stand, and what they are, so that neither a
/// snippet nor a message shows them, wherever an alias brought them.
#[derive(Default)]
pub(super) struct Secrets {
    spots: Vec<Spot>,
    texts: Vec<Box<str>>,
}

impl Secrets {
    /// Takes note of the secrets among the connections of a document.
    pub fn collect(&mut self, tree: Option<&Map>) {
        let brokers = tree
            .and_then(|tree| tree.get("connections"))
            .and_then(|entry| entry.node.map());
        for (name, entry) in brokers
            .into_iter()
            .flat_map(|map| map.values())
            .filter_map(|entry| entry.node.map())
            .flatten()
        {
            self.take(name, &entry.node);
        }
    }

    fn take(&mut self, name: &str, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.take(name, item)),
            Value::Map(map) => map.values().for_each(|entry| self.take(name, &entry.node)),
            Value::Null => {}
            Value::Expanded(expanded) if is_one_variable(&expanded.written) => {}
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Expanded(_)
            | Value::Broken => {
                if !is_secret(name, node) {
                    return;
                }
                self.spots.push(node.spot);
                if let Some(text) = node.text().filter(|text| text.len() >= SHORTEST) {
                    self.texts.push(text.into());
                }
            }
        }
    }

    /// The text of the file of this number with its secrets blinded, byte for byte.
    pub fn blinded(&self, file: usize, text: &str) -> String {
        let mut text = text.to_owned();
        for spot in self.spots.iter().filter(|spot| spot.file as usize == file) {
            blind(&mut text, spot.start as usize..spot.end as usize);
        }
        text
    }

    /// Blinds the secrets in what the problems say.
    pub fn blind(&self, problems: &mut [Problem]) {
        let blind = |said: &mut String| {
            for secret in &self.texts {
                if said.contains(&**secret) {
                    *said = said.replace(&**secret, "***");
                }
            }
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

/// `${NAME}` and nothing beside it: what stands in the text is no secret.
fn is_one_variable(written: &str) -> bool {
    written.starts_with("${") && written.ends_with('}') && written.matches("${").count() == 1
}

/// Stars in place of these bytes; line ends stay.
fn blind(text: &mut String, range: Range<usize>) {
    if let Some(secret) = text.get(range.clone()) {
        let star = |byte| {
            if matches!(byte, b'\n' | b'\r') {
                char::from(byte)
            } else {
                '*'
            }
        };
        let stars: String = secret.bytes().map(star).collect();
        text.replace_range(range, &stars);
    }
}

/// The text with what follows the name of a secret property blinded to the end of its line: what
/// the tree does not hold, such as the second of two equal keys.
pub(super) fn blinded_by_key(text: &str) -> String {
    static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let names = r"password|token|sasl\.password|ssl\.key\.password|ssl\.key\.pem|ssl\.keystore\.password|sasl\.jaas\.config|sasl\.oauthbearer\.client\.secret|sasl\.oauthbearer\.config";
        Regex::new(&format!(r#"(?m)(?:^|[\s{{,"'])(?:{names})["']?\s*:[ \t]+"#)).ok()
    });
    let Some(key) = &*KEY else {
        return text.to_owned();
    };
    let found: Vec<Range<usize>> = key
        .find_iter(text)
        .map(|key| {
            let line = text[key.end()..]
                .find('\n')
                .map_or(text.len(), |end| key.end() + end);
            key.end()..line
        })
        .filter(|value| !says_where_it_is(&text[value.clone()]))
        .collect();
    let mut text = text.to_owned();
    for range in found {
        blind(&mut text, range);
    }
    text
}

/// A variable, an alias or a comment: what follows the key is no secret.
fn says_where_it_is(value: &str) -> bool {
    let bare = value
        .trim_end_matches([' ', ',', '}', '"', '\''])
        .trim_start_matches(['"', '\'']);
    value.starts_with(['*', '#']) || (bare.starts_with("${") && !bare.contains([' ', '}']))
}

/// The text with every value blinded whose key, on the same line, names a secret: for a text that
/// could not be read to its end.
pub(super) fn blinded_by_line(text: &str) -> String {
    let shown = |line: &str| match line.split_once(": ") {
        Some((key, value)) if names_secret(key) => {
            let mut stars = value.to_owned();
            blind(&mut stars, 0..value.len());
            format!("{key}: {stars}")
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(shown).collect()
}

fn names_secret(name: &str) -> bool {
    const WORDS: [&str; 6] = [
        "pass",
        "secret",
        "token",
        "pem",
        "jaas",
        "oauthbearer.config",
    ];
    WORDS.iter().any(|word| name.contains(word))
        && !name.ends_with("_file")
        && !name.ends_with(".url")
        && !name.ends_with(".file")
}

/// Whether the value of a connection's property is blinded in what is shown: all but those that
/// are known to hold no secret, so that a misspelt `pasword` is blinded too.
fn is_secret(name: &str, node: &Node) -> bool {
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
    let with_credentials = node.text().is_some_and(|text| text.contains('@'));
    !shown || with_credentials
}
