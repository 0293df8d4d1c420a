//! Consumers, as whole JSON documents.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value, json};

use super::election::Again;
use super::names::checked;
use super::sift::Kept;
use super::streams::{STREAM_NOT_FOUND, absent_when, objects, total};
use super::wire::{Body, many};
use super::{Answer, Deletion, JetStream, NatsError};
use crate::model::few;

/// The error code of a consumer that does not exist (`JSConsumerNotFoundErr`).
const CONSUMER_NOT_FOUND: u64 = 10014;

/// What a consumer's configuration is sent for; never the server's upsert, so that plan and reality cannot
/// disagree silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerAction {
    /// Refused with 10148 when it exists with another configuration.
    Create,
    /// Refused with 10149 when it does not exist.
    Update,
}

impl JetStream {
    /// The document of a consumer; `None` when the server says that it or its stream does not exist.
    ///
    /// # Errors
    /// Everything else: a time-out and a missing right are never absence.
    pub async fn consumer_info(&self, stream: &str, name: &str) -> Answer {
        self.consumer(stream, name, Kept::Whole).await
    }

    async fn consumer(&self, stream: &str, name: &str, kept: Kept) -> Answer {
        let stream = checked("stream", stream)?;
        let name = checked("consumer", name)?;
        let call = format!("CONSUMER.INFO.{stream}.{name}");
        let answer = self.wire.look(&call, kept).await;
        absent_when(answer, &[CONSUMER_NOT_FOUND, STREAM_NOT_FOUND])
    }

    /// The documents of many consumers, by stream and name, in the order of `names`, each with its own outcome.
    pub async fn consumer_infos(
        &self,
        names: &[(String, String)],
    ) -> IndexMap<(String, String), Answer> {
        self.consumers(names, Kept::Whole, |document| document)
            .await
    }

    /// What is read from each, of whose document there are only `config` and `created`: of ten thousand, the rest weighs
    /// more than those. No document is held longer than its reading takes.
    pub async fn consumer_configs<T>(
        &self,
        names: &[(String, String)],
        read: impl Fn(Map<String, Value>) -> T,
    ) -> IndexMap<(String, String), Result<Option<T>, NatsError>> {
        self.consumers(names, Kept::Config, read).await
    }

    async fn consumers<T>(
        &self,
        names: &[(String, String)],
        kept: Kept,
        read: impl Fn(Map<String, Value>) -> T,
    ) -> IndexMap<(String, String), Result<Option<T>, NatsError>> {
        let names = names.iter().cloned().collect::<IndexSet<_>>();
        let read = &read;
        let answers = many(names, |(stream, name)| async move {
            let answer = self.consumer(&stream, &name, kept).await;
            ((stream, name), answer.map(|found| found.map(read)))
        });
        answers.await.into_iter().collect()
    }

    /// All consumers of a stream, ephemeral and internal ones included; none of a stream that is gone.
    ///
    /// # Errors
    /// As for any read; [`NatsError::ListingIncomplete`] when the cluster could not get them all.
    pub async fn consumer_list(&self, stream: &str) -> Result<Vec<Map<String, Value>>, NatsError> {
        let call = format!("CONSUMER.LIST.{}", checked("stream", stream)?);
        let mut consumers = IndexMap::new();
        loop {
            let body = Body::Json(json!({"offset": consumers.len()}));
            let page = self.wire.page(&call, &body, Kept::Whole).await;
            let Some(mut page) = absent_when(page, &[STREAM_NOT_FOUND])? else {
                return Ok(Vec::new());
            };
            if let Some(Value::Array(missing)) =
                page.get("missing").filter(|missing| !is_empty(missing))
            {
                return Err(self.incomplete(&call, missing));
            }
            let before = consumers.len();
            consumers.extend(
                objects(&mut page, "consumers")
                    .into_iter()
                    .map(|found| (name_of(&found), found)),
            );
            if consumers.len() >= total(&page) || consumers.len() == before {
                return Ok(consumers.into_values().collect());
            }
        }
    }

    /// Creates or updates a consumer. An update replaces the configuration as a whole.
    ///
    /// # Errors
    /// [`NatsError::Api`] 10148 or 10149 when it exists otherwise or not at all;
    /// [`NatsError::AnswerLost`] when nobody knows whether it was done.
    pub async fn consumer_create(
        &self,
        stream: &str,
        config: &Map<String, Value>,
        action: ConsumerAction,
        required_level: Option<u8>,
    ) -> Result<Map<String, Value>, NatsError> {
        let stream = checked("stream", stream)?;
        let name = checked("consumer", named_in(config))?;
        let (action, again) = match action {
            ConsumerAction::Create => ("create", Again::Harmless),
            ConsumerAction::Update => ("update", Again::Never),
        };
        let body = json!({"stream_name": stream, "config": config, "action": action});
        let call = format!("CONSUMER.CREATE.{stream}.{name}");
        self.wire
            .write(&call, &Body::Json(body), required_level, again)
            .await
    }

    /// Pauses a consumer until an instant (RFC 3339), or resumes it (2.11); `pause_until` in an update is ignored
    /// by the server.
    ///
    /// # Errors
    /// [`NatsError::AnswerLost`] when nobody knows whether it was done, and as for any request.
    pub async fn consumer_pause(
        &self,
        stream: &str,
        name: &str,
        until: Option<&str>,
        required_level: Option<u8>,
    ) -> Result<Map<String, Value>, NatsError> {
        let stream = checked("stream", stream)?;
        let name = checked("consumer", name)?;
        let body = match until {
            Some(until) => Body::Json(json!({"pause_until": until})),
            None => Body::Empty,
        };
        let call = format!("CONSUMER.PAUSE.{stream}.{name}");
        self.wire
            .write(&call, &body, required_level, Again::Never)
            .await
    }

    /// Has a consumer go on at this sequence of its stream, whatever it acknowledged (2.14).
    ///
    /// # Errors
    /// [`NatsError::Api`] where the server says no: one that was made for a later start is not set to an earlier place;
    /// [`NatsError::AnswerLost`] when nobody knows whether it was done.
    pub async fn consumer_reset(
        &self,
        stream: &str,
        name: &str,
        sequence: u64,
    ) -> Result<Map<String, Value>, NatsError> {
        let stream = checked("stream", stream)?;
        let name = checked("consumer", name)?;
        let body = Body::Json(json!({"seq": sequence}));
        let call = format!("CONSUMER.RESET.{stream}.{name}");
        self.wire.write(&call, &body, None, Again::Never).await
    }

    /// Deletes a consumer with its position; one of a stream that is gone is not there.
    ///
    /// # Errors
    /// As for [`JetStream::stream_delete`].
    pub async fn consumer_delete(&self, stream: &str, name: &str) -> Result<Deletion, NatsError> {
        let stream = checked("stream", stream)?;
        let name = checked("consumer", name)?;
        let call = format!("CONSUMER.DELETE.{stream}.{name}");
        self.delete(&call, &[CONSUMER_NOT_FOUND, STREAM_NOT_FOUND])
            .await
    }

    fn incomplete(&self, call: &str, missing: &[Value]) -> NatsError {
        let names = missing.iter().filter_map(Value::as_str);
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        NatsError::ListingIncomplete {
            server: self.server().url.clone(),
            subject: self.wire.subject(call),
            missing: few(names.iter(), 5),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_none_or(Vec::is_empty)
}

/// The name that the API subject must carry.
fn named_in(config: &Map<String, Value>) -> &str {
    let text = |field: &str| {
        config
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    text("name")
        .or_else(|| text("durable_name"))
        .unwrap_or_default()
}

fn name_of(consumer: &Map<String, Value>) -> String {
    let name = consumer.get("name").and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}
