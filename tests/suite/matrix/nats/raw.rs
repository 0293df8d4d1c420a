//! Requests past all of trueup's rules.

use async_nats::{Client, HeaderMap};
use serde_json::{Value, json};
use trueup::kinds::{Delta, kind};
use trueup::model::{Address, Doc, Flat, KindName};

use super::ear::OURS;

/// A client without any rules.
pub struct Raw {
    client: Client,
}

impl Raw {
    pub async fn at(url: &str) -> Raw {
        let client = async_nats::connect(url).await.unwrap();
        Raw { client }
    }

    /// The live configuration of a stream or a consumer.
    pub async fn config(&self, address: &Address) -> Option<Doc> {
        let call = match address.stream_and_consumer() {
            Some((stream, name)) => format!("CONSUMER.INFO.{stream}.{name}"),
            None => format!("STREAM.INFO.{}", stream_of(address)),
        };
        let answer = self.ask(&call, Value::Null).await.ok()?;
        answer["config"].as_object().cloned()
    }

    /// Writes a configuration; what the server then holds, or its complaint.
    pub async fn write(
        &self,
        address: &Address,
        config: Doc,
        creates: bool,
    ) -> Result<Doc, String> {
        let (call, body) = match address.stream_and_consumer() {
            Some((stream, name)) => {
                let action = if creates { "create" } else { "update" };
                let body = json!({ "stream_name": stream, "config": config, "action": action });
                (format!("CONSUMER.CREATE.{stream}.{name}"), body)
            }
            None => {
                let verb = if creates { "CREATE" } else { "UPDATE" };
                let call = format!("STREAM.{verb}.{}", stream_of(address));
                (call, Value::Object(config))
            }
        };
        let answer = self.ask(&call, body).await?;
        Ok(answer["config"].as_object().cloned().unwrap_or_default())
    }

    /// The whole configuration with these changes in it.
    pub async fn changed(&self, address: &Address, deltas: &[Delta]) -> Doc {
        let declaration = kind(address.kind).unwrap().declaration();
        let live = self.config(address).await;
        let mut fields: Flat = live
            .map(|live| declaration.flatten(live))
            .unwrap_or_default();
        if fields.is_empty() {
            fields = fresh(address);
        }
        Delta::lay_over(&mut fields, deltas);
        declaration.unflatten(&fields)
    }

    /// Takes the resource away, if it is there.
    pub async fn delete(&self, address: &Address) {
        let call = match address.stream_and_consumer() {
            Some((stream, name)) => format!("CONSUMER.DELETE.{stream}.{name}"),
            None => format!("STREAM.DELETE.{}", stream_of(address)),
        };
        let _ = self.ask(&call, Value::Null).await;
    }

    async fn ask(&self, call: &str, body: Value) -> Result<Value, String> {
        let mut headers = HeaderMap::new();
        headers.insert(OURS, "yes");
        let payload = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let subject = format!("$JS.API.{call}");
        let answer = self
            .client
            .request_with_headers(subject, headers, payload.into())
            .await;
        let answer: Value = serde_json::from_slice(&answer.unwrap().payload).unwrap();
        match &answer["error"] {
            Value::Null => Ok(answer),
            error => Err(error["description"].as_str().unwrap_or_default().to_owned()),
        }
    }
}

/// The stream behind a stream, a bucket or a store.
fn stream_of(address: &Address) -> String {
    let prefix = match address.kind {
        KindName::Kv => "KV_",
        KindName::ObjectStore => "OBJ_",
        KindName::Stream
        | KindName::Consumer
        | KindName::Topic
        | KindName::Acl
        | KindName::Quota
        | KindName::User
        | KindName::Route => "",
    };
    format!("{prefix}{}", address.name)
}

fn fresh(address: &Address) -> Flat {
    let mut fields = Flat::new();
    match address.stream_and_consumer() {
        Some((_, name)) => {
            fields.insert("name".to_owned(), name.into());
            fields.insert("durable_name".to_owned(), name.into());
            fields.insert("ack_policy".to_owned(), "explicit".into());
        }
        None => {
            fields.insert("name".to_owned(), stream_of(address).into());
        }
    }
    fields
}
