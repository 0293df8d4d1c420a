//! Hears every request that changes something, as the server gets it.

use std::sync::{Arc, Mutex};

use async_nats::{Client, HeaderMap};
use futures::StreamExt;
use serde_json::Value;
use trueup::kinds::{Declaration, Field, NatsVersion, Shape, kind};
use trueup::model::KindName;

use crate::kinds::nats::bench::Patience;

/// The header of requests that the test itself sends.
pub const OURS: &str = "Matrix";

const LEVEL: &str = "Nats-Required-Api-Level";
const END: &str = "matrix.end";

struct Heard {
    subject: String,
    level: Option<u8>,
    body: Value,
}

/// What was heard so far.
pub struct Ear {
    client: Client,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Ear {
    /// Listens on the server from now on.
    pub async fn at(url: &str) -> Ear {
        let client = async_nats::connect(url).await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        for subjects in ["$JS.API.>", END] {
            let mut requests = client.subscribe(subjects).await.unwrap();
            let heard = heard.clone();
            tokio::spawn(async move {
                while let Some(request) = requests.next().await {
                    let headers = request.headers.unwrap_or_default();
                    if headers.get(OURS).is_none() {
                        heard.lock().unwrap().push(Heard {
                            subject: request.subject.to_string(),
                            level: level_in(&headers),
                            body: serde_json::from_slice(&request.payload).unwrap_or_default(),
                        });
                    }
                }
            });
        }
        client.flush().await.unwrap();
        Ear { client, heard }
    }

    /// What was sent that this server doesn't know.
    pub async fn newer_than(&self, server: NatsVersion, level: u8) -> Vec<String> {
        self.client.publish(END, "".into()).await.unwrap();
        let mut patience = Patience::default();
        while !self
            .heard
            .lock()
            .unwrap()
            .iter()
            .any(|heard| heard.subject == END)
        {
            patience.wait().await;
        }
        let heard = self.heard.lock().unwrap();
        let writes = heard.iter().filter(|heard| heard.is_write());
        assert!(writes.count() > 10, "the ear is deaf");
        heard
            .iter()
            .flat_map(|heard| heard.newer_than(server, level))
            .collect()
    }
}

fn level_in(headers: &HeaderMap) -> Option<u8> {
    headers.get(LEVEL)?.as_str().parse().ok()
}

impl Heard {
    fn is_write(&self) -> bool {
        self.config().is_some()
    }

    /// The kind that the document is of, and the document.
    fn config(&self) -> Option<(KindName, &Value)> {
        let call = self.subject.strip_prefix("$JS.API.")?;
        if call.starts_with("STREAM.CREATE.") || call.starts_with("STREAM.UPDATE.") {
            return Some((KindName::Stream, &self.body));
        }
        call.starts_with("CONSUMER.CREATE.")
            .then(|| (KindName::Consumer, &self.body["config"]))
    }

    fn newer_than(&self, server: NatsVersion, level: u8) -> Vec<String> {
        let mut found = Vec::new();
        if let Some((name, config)) = self.config() {
            in_document(
                kind(name).unwrap().declaration(),
                config,
                server,
                &mut found,
            );
        }
        if self.subject.contains(".CONSUMER.PAUSE.") && server < NatsVersion(2, 11, 0) {
            found.push("a pause".to_owned());
        }
        found.extend(
            self.level
                .filter(|asked| *asked > level)
                .map(|asked| format!("level {asked}")),
        );
        found
            .iter()
            .map(|what| format!("{what} in {}", self.subject))
            .collect()
    }
}

fn in_document(
    declaration: &Declaration,
    doc: &Value,
    server: NatsVersion,
    found: &mut Vec<String>,
) {
    for (name, value) in doc.as_object().into_iter().flatten() {
        match declaration.fields.get(name) {
            Some(field) => in_field(field, value, server, found),
            None => found.push(format!("undeclared `{name}`")),
        }
    }
}

fn in_field(field: &Field, value: &Value, server: NatsVersion, found: &mut Vec<String>) {
    let is_beyond = |since: &str| server < since.parse().unwrap();
    let facts = &field.facts;
    if facts.since.as_deref().is_some_and(is_beyond) {
        found.push(format!("`{}`", field.name));
    }
    let newer = facts
        .newer_words
        .iter()
        .filter(|newer| *value == newer.word);
    found.extend(
        newer
            .filter(|newer| is_beyond(&newer.since))
            .map(|newer| format!("`{}`", newer.word)),
    );
    match (&field.shape, value) {
        (Shape::Object(inner), _) => in_document(inner, value, server, found),
        (Shape::List(item), Value::Array(items)) => {
            items
                .iter()
                .for_each(|value| in_field(item, value, server, found));
        }
        _ => {}
    }
}
