//! Reading of an answer only what is wanted: what nobody reads is passed over, not built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Peers;

/// What is kept of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// All of it.
    Whole,
    /// Of the one document that it is, what a comparison reads of a stream or a consumer, and the cluster of a stream that is not
    /// settled there.
    Config,
    /// The page that it is, and that of each document in it.
    Configs,
}

/// The fields that a comparison reads, and the refusal that may stand in their place.
const CONFIG: [&str; 3] = ["config", "created", "error"];

/// Where a stream tells of its servers.
const CLUSTER: &str = "cluster";

/// The fields of a page that hold documents.
const LISTS: [&str; 2] = ["streams", "consumers"];

impl Kept {
    /// Reads an answer.
    pub(super) fn of(self, text: &[u8]) -> serde_json::Result<Map<String, Value>> {
        match self {
            Kept::Whole => serde_json::from_slice(text),
            Kept::Config => read(Document, text),
            Kept::Configs => read(Page, text),
        }
    }
}

fn read<'t>(
    seed: impl DeserializeSeed<'t, Value = Map<String, Value>>,
    text: &'t [u8],
) -> serde_json::Result<Map<String, Value>> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let found = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(found)
}

/// One document, of which only [`CONFIG`] is kept.
struct Document;

/// A page of such.
struct Page;

/// The list of a page; a server says `null` for none.
struct Documents;

impl<'t> DeserializeSeed<'t> for Document {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'t>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for Document {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut kept = Map::with_capacity(CONFIG.len());
        while let Some(name) = fields.next_key::<String>()? {
            if CONFIG.contains(&name.as_str()) || name == CLUSTER {
                kept.insert(name, without_room(fields.next_value()?));
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        let is_consumer = kept
            .get("config")
            .is_some_and(|config| config.get("ack_policy").is_some());
        if is_consumer || Peers::of(&kept) == Peers::Settled {
            kept.remove(CLUSTER);
        }
        Ok(kept)
    }
}

/// The same without the room in which it grew: a fifth of what thousands of documents take.
fn without_room(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().collect()),
        other => other,
    }
}

impl<'t> DeserializeSeed<'t> for Page {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'t>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'t> Visitor<'t> for Page {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut page = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = match LISTS.contains(&name.as_str()) {
                true => fields.next_value_seed(Documents)?,
                false => fields.next_value()?,
            };
            page.insert(name, value);
        }
        Ok(page)
    }
}

impl<'t> DeserializeSeed<'t> for Documents {
    type Value = Value;

    fn deserialize<D: Deserializer<'t>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Documents {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of documents")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut documents = Vec::new();
        while let Some(document) = items.next_element_seed(Document)? {
            documents.push(Value::Object(document));
        }
        Ok(Value::Array(documents))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(value: Value) -> Vec<u8> {
        value.to_string().into_bytes()
    }

    #[test]
    fn of_a_document_what_a_comparison_reads_is_kept() {
        let info = json!({
            "type": "io.nats.jetstream.api.v1.stream_info_response",
            "config": {"name": "A", "metadata": {"state": "x"}}, "created": "2026-01-01T00:00:00Z",
            "state": {"messages": 7, "subjects": {"a": 1}}, "cluster": {"leader": "n1"},
        });
        let kept = Kept::Config.of(&text(info.clone())).unwrap();
        let wanted = json!({"config": info["config"], "created": info["created"]});
        assert_eq!(Value::Object(kept), wanted);
        let mut moving = info.clone();
        moving["cluster"]["desired"] = json!({"name": "east"});
        let kept = Kept::Config.of(&text(moving.clone())).unwrap();
        assert_eq!(kept["cluster"], moving["cluster"]);
        let whole = Kept::Whole.of(&text(info.clone())).unwrap();
        assert_eq!(Value::Object(whole), info);
    }

    #[test]
    fn a_refusal_is_kept_and_what_is_no_document_is_told() {
        let refused = json!({"type": "x", "error": {"code": 404, "err_code": 10059}});
        let kept = Kept::Config.of(&text(refused.clone())).unwrap();
        assert_eq!(kept["error"], refused["error"]);
        for broken in ["[]", "7", "", "{\"config\":", "{} {}"] {
            assert!(Kept::Config.of(broken.as_bytes()).is_err(), "{broken}");
            assert!(Kept::Configs.of(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_page_is_whole_but_for_the_documents_in_it() {
        let page = json!({
            "total": 3, "offset": 0, "missing": ["B"], "offline": {"B": "level"},
            "streams": [{"config": {"name": "A"}, "state": {"messages": 1}}],
        });
        let kept = Kept::Configs.of(&text(page.clone())).unwrap();
        let mut wanted = page;
        wanted["streams"] = json!([{"config": {"name": "A"}}]);
        assert_eq!(Value::Object(kept), wanted);
        let none = Kept::Configs.of(&text(json!({"streams": null})));
        assert_eq!(none.unwrap()["streams"], Value::Null);
    }
}
