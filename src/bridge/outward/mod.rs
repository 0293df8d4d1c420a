//! From a stream to a topic, in the order of the stream.
//!
//! One worker at a time moves a shard's messages: the one with the lease. A session takes the lease, fences out whoever wrote
//! before (`init_transactions`), reads the position, goes back to the first message that was not acknowledged, and then writes
//! transactions and acknowledges the last message of each. Any fault ends it; nothing is ever acknowledged past a hole. A worker
//! that froze and thaws finds its transaction fenced: what it had in its hands is never seen by a reader of committed records.

pub(super) mod position;
mod pump;
mod setup;
mod unordered;

use std::collections::BTreeMap;

use super::fault::Fault;
use super::feed::{Budget, Delivered, Feed, unreadable};
use super::gauge::State;
use super::ground::TopicGround;
use super::lease::{Lease, Wanted};
use super::mapping::Record;
use super::route::{End, Pauses, Route};
use super::stop::Stop;
use crate::kinds::route::{Ordering, consumer_name};
use pump::Pump;
use setup::Setup;

/// What is known of messages that Kafka refused, from one session to the next.
#[derive(Default)]
struct Suspects {
    /// Those that were refused alone, and why.
    known: BTreeMap<u64, String>,
    /// Up to here one message at a time is written.
    careful_until: u64,
    /// Up to where everything was written when the last session began.
    began: Option<u64>,
}

/// Runs until somebody asks to stop.
pub(super) async fn run(route: &Route, stop: &Stop) {
    let (mut pauses, mut suspects) = (Pauses::new(), Suspects::default());
    let shared = &route.shared;
    let (nats, worker, host) = (&shared.nats, &shared.worker, &shared.host);
    let mut wanted = Wanted::new(nats, &route.name, route.shard, worker, host);
    loop {
        let ended = match route.spec().ordering.unwrap_or_default() {
            Ordering::Stream => in_order(route, &mut wanted, &mut suspects, stop).await,
            Ordering::None => unordered::session(route, &mut suspects, stop).await,
        };
        if !route.after(ended, &mut pauses, stop).await {
            return;
        }
    }
}

async fn in_order(
    route: &Route,
    wanted: &mut Wanted,
    suspects: &mut Suspects,
    stop: &Stop,
) -> Result<End, Fault> {
    let Some(lease) = take(route, wanted, stop).await? else {
        return Ok(End::Stopped);
    };
    route.become_(State::Starting, None);
    let ended = tokio::select! {
        ended = led(route, &lease, suspects, stop) => ended,
        () = lease.lost() => Err(Fault::moved("the lease was not renewed in time")),
    };
    lease.give_back().await;
    ended
}

/// The lease, when it is to be had; none when somebody asks to stop before.
async fn take(route: &Route, wanted: &mut Wanted, stop: &Stop) -> Result<Option<Lease>, Fault> {
    loop {
        match wanted.take().await? {
            Ok(lease) => return Ok(Some(lease)),
            Err(holder) => {
                route.become_(
                    State::Standby,
                    Some(&format!("`{holder}` moves its messages")),
                );
            }
        }
        if !stop.pause(Wanted::pause()).await {
            return Ok(None);
        }
    }
}

/// A session with the lease.
async fn led(
    route: &Route,
    lease: &Lease,
    suspects: &mut Suspects,
    stop: &Stop,
) -> Result<End, Fault> {
    let Some(setup) = Setup::make(route, stop).await? else {
        return Ok(End::Stopped);
    };
    let budget = Budget {
        messages: (setup.batch.messages * 2).min(20_000),
        bytes: (setup.batch.bytes * 2).max(setup.largest_message * 2),
    };
    let consumer = consumer_name(&route.name, route.shard);
    let stream = &setup.stream.name;
    let feed = Feed::rewound(
        &route.shared.nats,
        (stream, &consumer, &route.name),
        budget,
        setup.after,
        stop,
    );
    let mut feed = feed.await?;
    // a second session that gets no further: perhaps it can't pull what comes next
    let stands_still = suspects.began.replace(setup.after) == Some(setup.after);
    let unreadable = match stands_still {
        true => unreadable(&route.shared.nats, stream, &consumer, budget.messages).await?,
        false => None,
    };
    if let Some(unreadable) = &unreadable {
        feed.limit(unreadable.before);
    }
    lease.check()?;
    route.become_(State::Running, None);
    let mut pump = Pump::new(route, lease, setup, feed, suspects, stop);
    let ended = match &unreadable {
        Some(next) if next.before == 0 => pump.pass_over(next, &consumer).await,
        Some(_) | None => pump.run(stop).await,
    };
    if ended.is_err() {
        pump.give_up().await;
    }
    ended.map_err(|fault| pump.explained(fault))
}

/// Why a record can't be written, as far as that is known before.
fn unfit(route: &Route, record: &Record<'_>, target: &TopicGround) -> Option<String> {
    let largest = setup::limit(route, target);
    if target.is_compacted && record.key.is_none() {
        return Some(format!(
            "it has no key, and topic `{}` is compacted",
            target.name
        ));
    }
    let header = |(name, value): &(String, Option<Vec<u8>>)| {
        name.len() + value.as_ref().map_or(0, Vec::len) + 4
    };
    let headers: usize = record.headers.iter().map(header).sum();
    let key = record.key.as_ref().map_or(0, Vec::len);
    let size = (record.value.map_or(0, <[u8]>::len) + key + headers) as u64;
    (size > largest).then(|| {
        format!(
            "it takes {size} bytes, and topic `{}` takes at most {largest} (`max.message.bytes`)",
            target.name
        )
    })
}

/// What a line says of a message that can't be written.
fn poison_words(stream: &str, (sequence, subject): (u64, &str), why: &str) -> String {
    format!("message {sequence} of stream `{stream}` (`{subject}`): {why}")
}

/// The headers of a message as they came, by name.
fn headers_of(delivered: &Delivered) -> Vec<(String, Option<Vec<u8>>)> {
    let headers = delivered
        .message
        .headers
        .iter()
        .flat_map(async_nats::HeaderMap::iter);
    let mut all: Vec<_> = headers
        .flat_map(|(name, values)| {
            let one = |value: &async_nats::HeaderValue| {
                (name.to_string(), Some(value.as_str().as_bytes().to_vec()))
            };
            values.iter().map(one)
        })
        .collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}
