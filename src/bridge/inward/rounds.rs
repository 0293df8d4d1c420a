//! One message of a subject at a time, for streams that take no batches: each subject keeps its order, whatever fails.

use std::time::Duration;

use async_nats::header::{NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use futures::TryStreamExt;
use indexmap::IndexMap;

use super::partition::{Gathered, REFUSALS};
use super::setup::Setup;
use crate::bridge::fault::{Fault, Gravity};
use crate::bridge::gauge::State;
use crate::bridge::mapping::Message;
use crate::bridge::stop::Stop;

/// How many subjects have a message in flight at once.
const IN_FLIGHT: usize = 256;

/// The pause before a message is published again.
const PAUSE: Duration = Duration::from_millis(200);

/// Publishes messages, each again until the stream has it: its id keeps it from being stored twice.
pub(super) async fn publish(
    setup: &Setup,
    partition: i32,
    gathered: &Gathered,
    stop: &Stop,
) -> Result<(), Fault> {
    let mut by_subject: IndexMap<&str, Vec<(i64, Message)>> = IndexMap::new();
    for placed in &gathered.messages {
        let subject = placed.1.subject.as_str();
        by_subject.entry(subject).or_default().push(placed.clone());
    }
    let lists: Vec<Result<Vec<(i64, Message)>, Fault>> = by_subject.into_values().map(Ok).collect();
    futures::stream::iter(lists)
        .try_for_each_concurrent(IN_FLIGHT, |messages| async move {
            for (offset, message) in messages {
                until_stored(setup, partition, offset, &message, stop).await?;
            }
            Ok(())
        })
        .await
}

async fn until_stored(
    setup: &Setup,
    partition: i32,
    offset: i64,
    message: &Message,
    stop: &Stop,
) -> Result<(), Fault> {
    let id = setup.id(partition, offset);
    let mut refusals = 0;
    let mut headers = message.headers.clone();
    headers.insert(NATS_MESSAGE_ID, id);
    headers.insert(NATS_EXPECTED_STREAM, setup.stream.name.as_str());
    loop {
        setup.pulse.check()?;
        let nats = &setup.route.shared.nats;
        let published = nats
            .publish(&message.subject, headers.clone(), message.payload.clone())
            .await;
        let fault = match published {
            Ok(_) => return Ok(()),
            Err(error) => Fault::from(error).of(&format!("stream `{}`", setup.stream.name)),
        };
        refusals += u32::from(fault.is_refusal);
        if fault.gravity != Gravity::Passing || refusals >= REFUSALS {
            return Err(fault);
        }
        setup.route.become_(State::Degraded, Some(&fault.text));
        if !stop.pause(PAUSE).await {
            return Err(Fault::passing("stopped"));
        }
    }
}
