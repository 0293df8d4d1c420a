//! What a route stands on: whether its stream and its topics are there, and what they take.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::fault::Fault;
use crate::broker::kafka::{Kafka, TopicDescription};
use crate::broker::nats::NatsData;

/// For how long limits are believed that were read before, when something is about to be given up for them.
pub(super) const BELIEVED: Duration = Duration::from_secs(30);

/// A stream as it is now.
#[derive(Clone, Debug)]
pub(super) struct StreamGround {
    pub(super) name: String,
    /// Which life of its name.
    pub(super) created: String,
    pub(super) last_sequence: u64,
    pub(super) subjects: Vec<String>,
    /// The largest message, headers included; none for no limit but the server's.
    pub(super) max_message: Option<usize>,
    pub(super) takes_batches: bool,
}

impl StreamGround {
    /// What decides which messages it takes.
    pub(super) fn limits(&self) -> (Option<usize>, bool, &[String]) {
        (self.max_message, self.takes_batches, &self.subjects)
    }
}

/// A topic as it is now.
#[derive(Clone, Debug)]
pub(super) struct TopicGround {
    pub(super) name: String,
    pub(super) description: TopicDescription,
    /// Whether records need keys.
    pub(super) is_compacted: bool,
    /// The largest batch; none where the user may not know.
    pub(super) max_batch: Option<u64>,
}

/// A stream that has to be there.
pub(super) async fn stream(nats: &NatsData, name: &str) -> Result<StreamGround, Fault> {
    let found = nats.stream(name).await;
    let found = found.map_err(|error| Fault::from(error).of(&format!("stream `{name}`")))?;
    let document = found.ok_or_else(|| {
        Fault::standing(format!(
            "there is no stream `{name}`; messages are never put into one that makes itself"
        ))
    })?;
    Ok(read(name, &document))
}

fn read(name: &str, document: &Map<String, Value>) -> StreamGround {
    let empty = Value::Null;
    let config = document.get("config").unwrap_or(&empty);
    let state = document.get("state").unwrap_or(&empty);
    let subjects = config["subjects"].as_array().into_iter().flatten();
    let created = document.get("created").and_then(Value::as_str);
    StreamGround {
        name: name.to_owned(),
        created: created.unwrap_or_default().to_owned(),
        last_sequence: state["last_seq"].as_u64().unwrap_or_default(),
        subjects: subjects
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        max_message: config["max_msg_size"]
            .as_i64()
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size > 0),
        takes_batches: config["allow_atomic"] == true,
    }
}

impl TopicGround {
    /// What decides which records it takes.
    pub(super) fn limits(&self) -> (bool, Option<u64>) {
        (self.is_compacted, self.max_batch)
    }
}

/// Topics that have to be there, in this order.
pub(super) async fn topics(admin: &Kafka, names: &[String]) -> Result<Vec<TopicGround>, Fault> {
    let described = admin.describe_topics(names).await?;
    let keys = ["cleanup.policy", "max.message.bytes"]
        .map(str::to_owned)
        .to_vec();
    let asked: IndexMap<String, Vec<String>> = names
        .iter()
        .map(|name| (name.clone(), keys.clone()))
        .collect();
    let configs = admin.describe_topic_keys(asked).await?;
    let mut grounds = Vec::new();
    for name in names {
        let description = match described.get(name) {
            Some(Ok(description)) => description.clone(),
            // `UNKNOWN_TOPIC_OR_PARTITION`
            Some(Err(error)) if error.code == 3 => {
                let what = format!("there is no topic `{name}`; none is made by writing to it");
                return Err(Fault::standing(what));
            }
            Some(Err(error)) => {
                return Err(Fault::from(error.clone()).of(&format!("topic `{name}`")));
            }
            None => return Err(Fault::passing(format!("nothing is told of topic `{name}`"))),
        };
        let entries = configs.get(name).and_then(|entries| entries.as_ref().ok());
        let value = |key: &str| {
            let entry = entries?.iter().find(|entry| entry.name == key)?;
            entry.value.clone()
        };
        grounds.push(TopicGround {
            name: name.clone(),
            description,
            is_compacted: value("cleanup.policy").is_some_and(|policy| policy.contains("compact")),
            max_batch: value("max.message.bytes").and_then(|bytes| bytes.parse().ok()),
        });
    }
    Ok(grounds)
}

/// Whether two texts tell the same instant.
pub(super) fn is_same_instant(one: &str, other: &str) -> bool {
    let read = |text: &str| text.parse::<jiff::Timestamp>().ok();
    one == other || read(one).is_some_and(|instant| read(other) == Some(instant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_stream_tells_what_it_takes() {
        let document = json!({
            "created": "2026-01-01T00:00:00Z",
            "config": {"subjects": ["a.>"], "max_msg_size": -1, "allow_atomic": true},
            "state": {"last_seq": 7},
        });
        let ground = read("S", document.as_object().unwrap());
        assert_eq!((ground.max_message, ground.last_sequence), (None, 7));
        assert!(ground.takes_batches && ground.subjects == ["a.>"]);
    }

    #[test]
    fn an_instant_is_the_same_however_it_is_written() {
        assert!(is_same_instant(
            "2026-01-01T00:00:00.50Z",
            "2026-01-01T00:00:00.5Z"
        ));
        assert!(!is_same_instant(
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:01Z"
        ));
        assert!(is_same_instant("x", "x"));
    }
}
