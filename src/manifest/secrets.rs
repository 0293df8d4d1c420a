//! Secrets that stand in a manifest's text, kept out of what is shown of it.

use super::node::{Map, Node, Spot, Value};

/// Where literal secrets stand in the text, so that no snippet shows them.
pub(super) fn secret_spots(tree: &Map) -> Vec<Spot> {
    let brokers = tree.get("connections").and_then(|entry| entry.node.map());
    let mut spots = Vec::new();
    for (name, entry) in brokers
        .into_iter()
        .flat_map(|map| map.values())
        .filter_map(|entry| entry.node.map())
        .flatten()
    {
        if is_secret(name, &entry.node) {
            spots.push(entry.node.spot);
        }
    }
    spots
}

/// The text with every value blinded whose key, on the same line, names a secret: for a text that
/// could not be read to its end.
pub(super) fn blinded_by_line(text: &str) -> String {
    let blind = |line: &str| match line.split_once(": ") {
        Some((key, value)) if names_secret(key) => {
            let stars: String = value
                .bytes()
                .map(|byte| {
                    if matches!(byte, b'\n' | b'\r') {
                        char::from(byte)
                    } else {
                        '*'
                    }
                })
                .collect();
            format!("{key}: {stars}")
        }
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(blind).collect()
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
    let literal = matches!(
        node.value,
        Value::Text(_) | Value::Integer(_) | Value::Number(_) | Value::Bool(_)
    );
    literal && (!shown || with_credentials)
}
