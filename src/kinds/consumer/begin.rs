//! A consumer that is set to another place in its stream.

use serde_json::{Value, json};

use super::replace::{as_declared, carried_on};
use super::wire::{document, make};
use super::{Consumer, DECLARATION};
use crate::broker::nats::{ConsumerAction, JetStream, NatsError};
use crate::kinds::NatsVersion;
use crate::kinds::stream::{fields_of, version};
use crate::model::{Doc, Outcome};

/// The server that sets a consumer to another place without making it anew.
const RESETS: NatsVersion = NatsVersion(2, 14, 0);

/// Sets a consumer to a sequence of its stream: it delivers what is there from then on, whatever it had acknowledged. Before 2.14,
/// or where the server says no, it is deleted and made anew, and stands for the start that it was declared with. `info` is the
/// document that was read of it.
///
/// # Errors
/// As for any request; made anew, it may be gone then.
pub(in crate::kinds) async fn begin_at(
    nats: &JetStream,
    (stream, name): (&str, &str),
    info: &Doc,
    sequence: u64,
) -> Result<Outcome, NatsError> {
    if version(nats) >= RESETS {
        match nats.consumer_reset(stream, name, sequence).await {
            Ok(_) => return Ok(Outcome::Applied),
            // one that was made for a later start is not set to an earlier place
            Err(error) if error.api_code().is_some() => {
                tracing::debug!(%error, stream, name, "it is made anew");
            }
            Err(error) => return Err(error),
        }
    }
    let fields = as_declared(fields_of(&DECLARATION, info.clone()));
    let next = carried_on(fields, sequence);
    nats.consumer_delete(stream, name).await?;
    let place = (stream.to_owned(), name.to_owned());
    make(&Consumer, nats, &place, next, &[]).await
}

/// The sequence of the first message that a consumer would get which begins at this instant; the server knows.
///
/// # Errors
/// As for any request.
pub(in crate::kinds) async fn sequence_at(
    nats: &JetStream,
    stream: &str,
    info: &Doc,
    time: &str,
) -> Result<u64, NatsError> {
    let name = format!("trueup-look-{}", uuid::Uuid::new_v4().simple());
    let mut fields = fields_of(&DECLARATION, info.clone());
    fields.retain(|path, _| path.starts_with("filter_subject"));
    fields.insert("ack_policy".to_owned(), json!("none"));
    fields.insert("deliver_policy".to_owned(), json!("by_start_time"));
    fields.insert("opt_start_time".to_owned(), json!(time));
    let doc = document(&name, fields, nats);
    let made = nats.consumer_create(stream, &doc, ConsumerAction::Create, None);
    let made = made.await?;
    nats.consumer_delete(stream, &name).await?;
    let before = made
        .get("delivered")
        .and_then(|delivered| delivered["stream_seq"].as_u64())
        .or_else(|| {
            made.get("ack_floor")?
                .get("stream_seq")
                .and_then(Value::as_u64)
        });
    Ok(before.unwrap_or_default() + 1)
}
