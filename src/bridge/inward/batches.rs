//! Atomic batches (ADR-50): stored whole or not at all, so that neither a lost answer nor a retry changes the order.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID, NATS_ROLLUP,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::partition::Gathered;
use super::setup::Setup;
use crate::bridge::fault::Fault;
use crate::broker::nats::{Acked, DataError, NatsData};
use crate::kinds::route::{begin_anew, position_subject};

const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// How long a batch may take to be stored.
const PATIENCE: Duration = Duration::from_secs(10);

/// Another message is the last of the position's subject (`JSStreamWrongLastSequenceErrF` and its constant kin).
const OVERTAKEN: [u64; 2] = [10071, 10164];

/// A message of the batch has an id that the stream knows (`JSAtomicPublishContainsDuplicateMessageErr`).
const DUPLICATE: u64 = 10201;

/// What a batch ends with.
enum Ending {
    /// A message more, with the position behind the others.
    Position(String, HeaderMap, Bytes),
    /// An id on the last message, by which a copy that comes late is refused.
    Id(Option<String>),
}

/// What the message says that holds a partition's position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::bridge) struct Position {
    pub(in crate::bridge) topic_id: String,
    pub(in crate::bridge) cluster_id: String,
    pub(in crate::bridge) next_offset: i64,
    #[serde(default)]
    pub(in crate::bridge) epoch: u64,
    /// How often the route had been set to another place by hand.
    #[serde(default)]
    pub(in crate::bridge) resets: u64,
}

/// What a position says of where its partition goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There.
    At(i64),
    /// Not before: it is of a time before another delivery, in which the group went on.
    NotBefore(i64),
    /// It is of an earlier source, and the route was made for the one that is there; or it was set elsewhere since.
    Void,
}

/// What the position of a partition says, and the sequence of the message that tells it; none where there is none.
pub(super) async fn position(setup: &Setup, partition: i32) -> Result<Option<(Next, u64)>, Fault> {
    let route = &setup.route;
    let subject = position_subject(&route.name, partition);
    let found = route.shared.nats.last(&setup.stream.name, &subject).await;
    let found = found.map_err(|error| Fault::from(error).of("the position"))?;
    let Some(last) = found else {
        return Ok(None);
    };
    let Some(value) = last.value else {
        return Ok(None);
    };
    let read: Result<Position, _> = serde_json::from_slice(&value);
    let position = read.map_err(|error| {
        Fault::standing(format!(
            "the position on `{subject}` can't be read: {error}"
        ))
    })?;
    let is_of_another_life =
        position.topic_id != setup.topic_id || position.cluster_id != setup.cluster_id;
    if position.epoch < route.record.epoch {
        let next = match is_of_another_life || position.resets != route.record.resets {
            true => Next::Void,
            false => Next::NotBefore(position.next_offset),
        };
        return Ok(Some((next, last.sequence)));
    }
    if is_of_another_life && route.record.source.as_ref() == Some(&setup.topic_id) {
        return Ok(Some((Next::Void, last.sequence)));
    }
    if is_of_another_life {
        return Err(Fault::standing(format!(
            "the position on `{subject}` is of another life of topic `{}`; {}",
            setup.topic.name,
            begin_anew(&route.name)
        )));
    }
    Ok(Some((Next::At(position.next_offset), last.sequence)))
}

/// Publishes messages and the position behind them, where the position is still the one that `after` tells.
pub(super) async fn with_position(
    setup: &Setup,
    partition: i32,
    gathered: &Gathered,
    after: &mut u64,
) -> Result<(), Fault> {
    let Some(next_offset) = gathered.settled() else {
        return Ok(());
    };
    let subject = position_subject(&setup.route.name, partition);
    let position = Position {
        topic_id: setup.topic_id.clone(),
        cluster_id: setup.cluster_id.clone(),
        next_offset,
        epoch: setup.route.record.epoch,
        resets: setup.route.record.resets,
    };
    let (headers, payload) = position.message(*after);
    let ending = Ending::Position(subject, headers, payload);
    let error = match store(setup, gathered, ending).await? {
        Ok(acked) => {
            *after = acked.sequence;
            return Ok(());
        }
        Err(error) => error,
    };
    if !is_overtaken(&error) && !error.is_outcome_unknown() {
        return Err(refused(setup, error));
    }
    // stored after all, or not, or somebody else went on: the position tells
    match self::position(setup, partition).await? {
        Some((Next::At(next), sequence)) if next == next_offset => {
            *after = sequence;
            Ok(())
        }
        Some((_, sequence)) if sequence != *after => {
            Err(Fault::moved("another worker has the partition"))
        }
        None if *after != 0 => {
            // it expired with the stream's messages
            *after = 0;
            Err(Fault::passing(
                "the position was taken away from the stream",
            ))
        }
        Some(_) | None => Err(refused(setup, error)),
    }
}

/// Writes the position of a partition, as the worker does: where one writes at the same time, one of both is refused.
pub(in crate::bridge) async fn write(
    nats: &NatsData,
    stream: &str,
    (route, partition): (&str, i32),
    position: &Position,
) -> Result<(), Fault> {
    let subject = position_subject(route, partition);
    let last = nats.last(stream, &subject).await;
    let last = last.map_err(|error| Fault::from(error).of("the position"))?;
    let (mut headers, payload) = position.message(last.map_or(0, |last| last.sequence));
    headers.insert(NATS_EXPECTED_STREAM, stream);
    let published = nats.publish(&subject, headers, payload).await;
    published
        .map(drop)
        .map_err(|error| match is_overtaken(&error) {
            true => Fault::moved("a worker"),
            false => Fault::from(error).of(&format!("the position on `{subject}`")),
        })
}

impl Position {
    /// A message that takes the place of the one with this sequence, 0 for none.
    fn message(&self, after: u64) -> (HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_ROLLUP, "sub");
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, after.to_string());
        let payload = Bytes::from(serde_json::to_vec(self).unwrap_or_default());
        (headers, payload)
    }
}

fn is_overtaken(error: &DataError) -> bool {
    error
        .err_code()
        .is_some_and(|code| OVERTAKEN.contains(&code))
}

/// Publishes messages. A batch whose answer is lost is published again.
pub(super) async fn publish(
    setup: &Setup,
    partition: i32,
    gathered: &Gathered,
) -> Result<(), Fault> {
    let Some((last, _)) = gathered.messages.last() else {
        return Ok(());
    };
    let id = setup
        .takes_ids_in_batches
        .then(|| setup.id(partition, *last));
    match store(setup, gathered, Ending::Id(id)).await? {
        Ok(_) => Ok(()),
        // a batch with this end was stored before: with it, everything up to there
        Err(error) if error.err_code() == Some(DUPLICATE) => Ok(()),
        Err(error) => Err(refused(setup, error)),
    }
}

fn refused(setup: &Setup, error: DataError) -> Fault {
    Fault::from(error).of(&format!("stream `{}`", setup.stream.name))
}

/// A batch; its last message waits for the answer. A single message is no batch.
async fn store(
    setup: &Setup,
    gathered: &Gathered,
    ending: Ending,
) -> Result<Result<Acked, DataError>, Fault> {
    let nats = &setup.route.shared.nats;
    let messages = gathered.messages.iter();
    let messages = messages.map(|(_, message)| {
        (
            message.subject.clone(),
            message.headers.clone(),
            message.payload.clone(),
        )
    });
    let (position, last_id) = match ending {
        Ending::Position(subject, headers, payload) => (Some((subject, headers, payload)), None),
        Ending::Id(id) => (None, id),
    };
    let count = gathered.messages.len() + usize::from(position.is_some());
    let id = uuid::Uuid::new_v4().simple().to_string();
    for (at, (subject, mut headers, payload)) in messages.chain(position).enumerate() {
        headers.insert(NATS_EXPECTED_STREAM, setup.stream.name.as_str());
        if count > 1 {
            headers.insert(BATCH_ID, id.as_str());
            headers.insert(BATCH_SEQUENCE, (at + 1).to_string());
        }
        if at + 1 < count {
            let sent = nats
                .client()
                .publish_with_headers(subject, headers, payload)
                .await;
            if let Err(error) = sent {
                return Ok(Err(DataError::Lost(error.to_string())));
            }
            continue;
        }
        if count > 1 {
            headers.insert(BATCH_COMMIT, "1");
        }
        if let Some(id) = &last_id {
            headers.insert(NATS_MESSAGE_ID, id.as_str());
        }
        // what froze in the middle stops here: without its last message a batch is never stored
        setup.pulse.check()?;
        return Ok(nats
            .publish_within(&subject, headers, payload, PATIENCE)
            .await);
    }
    Ok(Err(DataError::Lost(
        "there was nothing to publish".to_owned(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back() {
        let text = r#"{"topic_id":"t","cluster_id":"c","next_offset":7,"epoch":2,"resets":1}"#;
        let position: Position = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&position).unwrap(), text);
        let bare = r#"{"topic_id":"t","cluster_id":"c","next_offset":7}"#;
        let bare: Position = serde_json::from_str(bare).unwrap();
        assert_eq!((bare.epoch, bare.resets), (0, 0));
    }
}
