//! A route is set to another place, by hand: everything that a worker begins with is written before one begins.
//!
//! What a worker believes first is written first. A reset that is cut off leaves a route that goes on from one of both places,
//! and done once more it is whole.

use std::time::Duration;

use super::fault::{Fault, Gravity};
use super::inward::{batches, start};
use super::outward::position;
use crate::broker::Brokers;
use crate::broker::kafka::KafkaData;
use crate::broker::nats::{JetStream, NatsData};
use crate::kinds::route::{
    self, LETTING_GO, Place, RouteSpec, RouteState, at_rest, begins, group, is_exactly_once,
    keeps_position_in_topic, moved_by, renew,
};
use crate::model::{Code, Problem};

/// How many partitions are told one by one.
const TOLD: usize = 8;

/// How messages are moved and how brokers are asked.
pub struct Planes<'p> {
    /// The admin planes.
    pub brokers: &'p Brokers,
    /// NATS' data plane.
    pub nats: NatsData,
    /// Kafka's.
    pub kafka: KafkaData,
}

/// Sets a route to another place; says in words where it goes on.
///
/// # Errors
/// A route that is not there or that a worker moves; a place that its source does not know; as for any request.
pub async fn reset(planes: &Planes<'_>, name: &str, place: &Place) -> Result<String, Problem> {
    let Some(nats) = &planes.brokers.nats else {
        return Err(unconnected("NATS"));
    };
    let (spec, epoch) = at_rest(nats, name).await?;
    let done = match &spec.from.stream {
        Some(_) => outward(planes, nats, name, (&spec, epoch), place).await?,
        None => inward(planes, name, (&spec, epoch), place).await?,
    };
    renew(planes.brokers, nats, name).await?;
    Ok(done)
}

/// A route from a stream: its position, where it has one, then its consumers.
async fn outward(
    planes: &Planes<'_>,
    nats: &JetStream,
    name: &str,
    (spec, epoch): (&RouteSpec, u64),
    place: &Place,
) -> Result<String, Problem> {
    let begins = begins(nats, name, spec, place).await?;
    if keeps_position_in_topic(spec) {
        for (shard, (_, _, sequence)) in (1..).zip(&begins.consumers) {
            let position = position::Position {
                stream: begins.stream.clone(),
                created: begins.created.clone(),
                sequence: sequence.saturating_sub(1),
                epoch,
            };
            let written = position::write(&planes.kafka, name, shard, &position).await;
            written.map_err(|fault| problem(name, &fault))?;
        }
    }
    route::begin(nats, &begins).await?;
    let mut sequences: Vec<u64> = begins.consumers.iter().map(|(_, _, it)| *it).collect();
    sequences.dedup();
    let sequences: Vec<String> = sequences.iter().map(u64::to_string).collect();
    Ok(format!(
        "`route/{name}` goes on at sequence {} of `stream/{}`",
        sequences.join(", "),
        begins.stream
    ))
}

/// A route from a topic: its group's offsets, which are refused while it has members, then its positions in the target.
async fn inward(
    planes: &Planes<'_>,
    name: &str,
    (spec, epoch): (&RouteSpec, u64),
    place: &Place,
) -> Result<String, Problem> {
    let told = |fault: Fault| problem(name, &fault);
    let topic = spec.from.topic.clone().unwrap_or_default();
    let Some(admin) = &planes.brokers.kafka else {
        return Err(unconnected("Kafka"));
    };
    let described = admin.describe_topics(std::slice::from_ref(&topic)).await;
    let described = described.map_err(|error| told(error.into()))?;
    let Some((_, description)) = described.into_iter().next() else {
        return Err(told(Fault::passing(format!(
            "nothing is told of topic `{topic}`"
        ))));
    };
    let description =
        description.map_err(|error| told(Fault::from(error).of(&format!("topic `{topic}`"))))?;
    let partitions = description.partitions.iter().map(|it| it.index).collect();
    let offsets = set(planes, name, spec, &topic, partitions, place).await?;
    if is_exactly_once(spec) {
        let cluster_id = admin.cluster().await;
        let cluster_id = cluster_id.map_err(|error| told(error.into()))?.cluster_id;
        let stream = spec.to.stream.as_deref().unwrap_or_default();
        for (partition, next_offset) in &offsets {
            let position = batches::Position {
                topic_id: description.topic_id.clone().unwrap_or_default(),
                cluster_id: cluster_id.clone(),
                next_offset: *next_offset,
                epoch,
                resets: 0,
            };
            let place = (name, *partition);
            let written = batches::write(&planes.nats, stream, place, &position).await;
            written.map_err(told)?;
        }
    }
    let first = offsets.iter().take(TOLD);
    let first: Vec<String> = first
        .map(|(index, offset)| format!("{offset} in partition {index}"))
        .collect();
    let more = match offsets.len().checked_sub(TOLD) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and so on in {more} more"),
    };
    Ok(format!(
        "`route/{name}` goes on at offset {}{more} of `topic/{topic}`",
        first.join(", ")
    ))
}

async fn set(
    planes: &Planes<'_>,
    name: &str,
    spec: &RouteSpec,
    topic: &str,
    partitions: Vec<i32>,
    place: &Place,
) -> Result<Vec<(i32, i64)>, Problem> {
    // members of a route that is not paused don't leave
    let patience = match spec.state {
        Some(RouteState::Paused) => LETTING_GO,
        Some(RouteState::Running) | None => Duration::ZERO,
    };
    let (kafka, group) = (planes.kafka.clone(), group(name));
    let (topic, place) = (topic.to_owned(), place.clone());
    let setting = tokio::task::spawn_blocking(move || {
        start::set(&kafka, &group, &topic, &partitions, &place, patience)
    });
    let done = setting.await;
    let done = done.unwrap_or_else(|error| Err(Fault::passing(error.to_string())));
    done.map_err(|fault| problem(name, &fault))
}

fn unconnected(broker: &str) -> Problem {
    let what = format!("there is no connection to {broker}");
    Problem::error(Code::Unreachable, what)
}

fn problem(name: &str, fault: &Fault) -> Problem {
    match fault.gravity {
        Gravity::Moved => moved_by(name, &fault.text),
        Gravity::Passing | Gravity::Standing => Problem::error(
            Code::RefusedByBroker,
            format!("`route/{name}` is not set: {}", fault.text),
        )
        .hint("set it once more when that is mended: a reset that was cut off is whole when it is done again"),
    }
}
