//! What a session needs before the first message: everything it writes to is there, and it alone writes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::position::{self, Position};
use crate::bridge::fault::Fault;
use crate::bridge::feed::acknowledged;
use crate::bridge::ground::{self, StreamGround, TopicGround, is_same_instant};
use crate::bridge::letters::Policy;
use crate::bridge::mapping::Outward;
use crate::bridge::reports::Reported;
use crate::bridge::route::{Batch, Route};
use crate::bridge::stop::Stop;
use crate::broker::kafka::{RdError, Sender, Sizes};
use crate::kinds::route::{begin_anew, consumer_name, position_topic, transactional_id};

/// What a producer takes where nobody says more (`message.max.bytes`, `max.message.bytes`).
pub(super) const USUAL_LARGEST: u64 = 1_048_588;

/// How long fencing out older writers may take.
const FENCING: Duration = Duration::from_secs(30);

/// How long one attempt of it may take.
const ATTEMPT: Duration = Duration::from_secs(5);

pub(super) struct Setup {
    pub(super) outward: Outward,
    pub(super) batch: Batch,
    pub(super) policy: Policy,
    pub(super) stream: StreamGround,
    /// The topics that messages go to, as [`Outward::topics`] has them.
    pub(super) targets: Vec<TopicGround>,
    /// The topic of the position, up to where everything is written, and whether that stands there already.
    pub(super) position: String,
    pub(super) after: u64,
    pub(super) is_known: bool,
    /// The largest message that the stream can hold.
    pub(super) largest_message: usize,
    /// When the topics were read.
    pub(super) read: Instant,
    pub(super) sender: Sender,
    pub(super) reported: Arc<Reported>,
}

impl Setup {
    /// None when somebody asks to stop before it is done.
    pub(super) async fn make(route: &Route, stop: &Stop) -> Result<Option<Setup>, Fault> {
        let spec = route.spec();
        let shared = &route.shared;
        let outward =
            Outward::new(&route.name, spec).map_err(|e| Fault::standing(e.to_string()))?;
        let policy = Policy::of(spec)?;
        let stream = source(route).await?;
        let position = position_topic(&route.name);
        let mut names = outward.topics();
        let targets = names.len();
        names.push(position.clone());
        if let Policy::ToTopic(topic) = &policy {
            names.push(topic.clone());
        }
        let admin = shared.kafka.admin().await?;
        let read = Instant::now();
        let mut grounds = ground::topics(&admin, &distinct(&names)).await?;
        let batch = Batch::of(spec.batch.as_ref());
        let reported = Reported::new();
        let id = transactional_id(&route.name, route.shard);
        let sizes = sizes(route, &grounds, batch.bytes);
        let sender = shared.kafka.sender(Some(&id), sizes, reported.reports())?;
        if !fence(&sender, stop).await? {
            return Ok(None);
        }
        let described = grounds.iter().find(|ground| ground.name == position);
        let described = described.ok_or_else(|| Fault::passing("the position's topic went"))?;
        let found = position::read(
            &shared.kafka,
            &admin,
            &position,
            &described.description,
            route.shard,
            stop,
        );
        let known = match found.await? {
            Some(read) => sequence(route, read, &stream)?,
            None => None,
        };
        let after = match known {
            Some(sequence) => sequence,
            None => {
                let consumer = consumer_name(&route.name, route.shard);
                acknowledged(&shared.nats, &stream.name, &consumer).await?
            }
        };
        grounds.truncate(targets);
        let largest_message = shared.nats.server().max_payload + 4096;
        Ok(Some(Setup {
            outward,
            batch,
            policy,
            stream,
            targets: grounds,
            position,
            after,
            is_known: known.is_some(),
            largest_message,
            read,
            sender,
            reported,
        }))
    }
}

/// The stream, when it is the one that the route was made for.
pub(in crate::bridge) async fn source(route: &Route) -> Result<StreamGround, Fault> {
    let name = route.spec().from.stream.as_deref().unwrap_or_default();
    let stream = ground::stream(&route.shared.nats, name).await?;
    match &route.record.source {
        Some(source) if !is_same_instant(source, &stream.created) => Err(made_anew(route, name)),
        Some(_) | None => Ok(stream),
    }
}

fn made_anew(route: &Route, stream: &str) -> Fault {
    Fault::standing(format!(
        "stream `{stream}` was made anew since the route was applied, so that its position means nothing; {}",
        begin_anew(&route.name)
    ))
}

/// The sequence that a position tells, when it is of this stream; none where it is of an earlier time.
fn sequence(
    route: &Route,
    position: Position,
    stream: &StreamGround,
) -> Result<Option<u64>, Fault> {
    if position.epoch < route.record.epoch {
        // what was moved since is not in it
        return Ok(None);
    }
    let is_same =
        position.stream == stream.name && is_same_instant(&position.created, &stream.created);
    let is_for_this_life = || {
        let source = route.record.source.as_ref();
        source.is_some_and(|source| is_same_instant(source, &stream.created))
    };
    if !is_same && is_for_this_life() {
        // of an earlier source: the route was made for the one that is there
        return Ok(None);
    }
    if !is_same {
        return Err(made_anew(route, &stream.name));
    }
    if position.sequence > stream.last_sequence {
        return Err(Fault::standing(format!(
            "the position is at message {} of stream `{}`, which ends at {}: it was brought back to an older state; `trueup bridge pause {route}`, `trueup bridge reset {route} --to SEQUENCE` and `resume` go on where you say",
            position.sequence,
            stream.name,
            stream.last_sequence,
            route = route.name
        )));
    }
    Ok(Some(position.sequence))
}

/// Whether older writers are fenced out; not when somebody asks to stop before.
pub(super) async fn fence(sender: &Sender, stop: &Stop) -> Result<bool, Fault> {
    let end = tokio::time::Instant::now() + FENCING;
    loop {
        match sender.init(ATTEMPT).await {
            Ok(()) => return Ok(true),
            Err(RdError::Transaction(error))
                if error.is_retriable() && tokio::time::Instant::now() < end =>
            {
                if stop.is_asked() {
                    return Ok(false);
                }
            }
            Err(error) => return Err(Fault::from(error).of("fencing out who wrote before")),
        }
    }
}

/// How much is written at a time to these topics.
pub(super) fn sizes(route: &Route, topics: &[TopicGround], batch: usize) -> Sizes {
    let limits: Vec<u64> = topics.iter().map(|topic| limit(route, topic)).collect();
    let largest = limits.iter().copied().max().unwrap_or(USUAL_LARGEST);
    Sizes {
        held: batch as u64 + 2 * largest + (1 << 20),
        largest,
        batch: limits.iter().copied().min().unwrap_or(USUAL_LARGEST),
    }
}

/// The largest record that a topic takes, as far as it is known.
pub(super) fn limit(route: &Route, topic: &TopicGround) -> u64 {
    let said = route.shared.kafka.number("message.max.bytes");
    match (topic.max_batch, said) {
        (Some(told), Some(said)) => told.min(said),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => USUAL_LARGEST,
    }
}

pub(super) fn distinct(names: &[String]) -> Vec<String> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(name) {
            distinct.push(name.clone());
        }
    }
    distinct
}
