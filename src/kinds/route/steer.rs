//! What is done to a route by hand: paused, resumed, set to another place.

use std::str::FromStr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ends::is_exactly_once;
use super::{
    Entry, Put, RouteSpec, RouteState, Table, WORKERS, consumer_name, group, spec_of, wire,
};
use crate::broker::Brokers;
use crate::broker::nats::{Bucket, JetStream, NatsError};
use crate::kinds::consumer::{begin_at, sequence_at};
use crate::kinds::{Delta, Live};
use crate::model::{Code, Doc, Outcome, Problem};

/// Where a route is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first message that is there.
    Start,
    /// The next one to come.
    End,
    /// This sequence of the stream.
    Sequence(u64),
    /// The first message of this instant or later, RFC 3339.
    Time(String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse::<u64>(), text.parse::<Timestamp>()) {
            ("start", _, _) => Ok(Place::Start),
            ("end", _, _) => Ok(Place::End),
            (_, Ok(0), _) => Err("the first sequence of a stream is 1".to_owned()),
            (_, Ok(sequence), _) => Ok(Place::Sequence(sequence)),
            (_, _, Ok(time)) => Ok(Place::Time(time.to_string())),
            (_, Err(_), Err(_)) => Err(
                "take `start`, `end`, a sequence, or a time such as `2026-01-31T12:00:00Z`"
                    .to_owned(),
            ),
        }
    }
}

/// How long a worker may take to let go of a route that is paused; what a dead one had ends by itself before that.
const LETTING_GO: Duration = Duration::from_secs(40);

/// How often a writing is tried where others write at the same time.
const TRIES: usize = 5;

/// Sets whether messages move, in the table. Says whether that was a change.
///
/// # Errors
/// A route that is not there or can't be read; as for any writing.
pub async fn set_state(nats: &JetStream, name: &str, state: RouteState) -> Result<bool, Problem> {
    let table = Table::new(nats);
    for _ in 0..TRIES {
        let (entry, live) = found(&table, name).await?;
        let spec = spec_of(&live.fields).unwrap_or_default();
        if spec.state.unwrap_or_default() == state {
            return Ok(false);
        }
        let delta = Delta {
            path: "state".to_owned(),
            before: live.fields.get("state").cloned(),
            after: Some(json!(state)),
        };
        let record = wire::changed(&entry, live.fields, &[delta]);
        let put = table.put(name, &record, entry.revision).await;
        if put.map_err(|error| error.problem())? == Put::Done {
            return Ok(true);
        }
    }
    Err(Problem::error(
        Code::Stale,
        format!("`route/{name}` is written by others all the time"),
    )
    .hint("try again"))
}

/// Sets a route to another place; says in words what was done.
///
/// # Errors
/// What stands in the way; as for any request.
pub async fn reset(brokers: &Brokers, name: &str, place: &Place) -> Result<String, Problem> {
    let Some(nats) = &brokers.nats else {
        return Err(Problem::error(
            Code::Unreachable,
            "there is no connection to NATS",
        ));
    };
    let table = Table::new(nats);
    let (entry, live) = found(&table, name).await?;
    let Some(spec) = spec_of(&live.fields) else {
        let what = format!("what the table holds of `route/{name}` can't be read");
        return Err(Problem::error(Code::Unreadable, what));
    };
    await_rest(nats, name, spec.state == Some(RouteState::Paused)).await?;
    let stream = settable(name, &spec)?;
    let done = set(nats, name, &spec, stream, place).await?;
    let source = wire::source(brokers, &live.fields).await;
    renew(&table, name, entry, source).await?;
    Ok(done)
}

/// Waits until nobody moves the route's messages, where it is paused; its worker ends what it is at first.
async fn await_rest(nats: &JetStream, name: &str, is_paused: bool) -> Result<(), Problem> {
    let begin = Instant::now();
    while let Some(holder) = holder(nats, name).await.map_err(|it| it.problem())? {
        if !is_paused {
            let what = format!(
                "{holder} moves the messages of `route/{name}`, and would go on from where it is"
            );
            let hint =
                format!("pause it first: `trueup bridge pause {name}`; resume it when it is set");
            return Err(Problem::error(Code::Busy, what).hint(hint));
        }
        if begin.elapsed() > LETTING_GO {
            let what = format!("`route/{name}` is paused, and {holder} has not let go of it");
            let hint = "look at that worker, or end it: what it has ends within 30 s";
            return Err(Problem::error(Code::Busy, what).hint(hint));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// The source of a route whose position is a consumer's alone.
fn settable<'s>(name: &str, spec: &'s RouteSpec) -> Result<&'s str, Problem> {
    let refused = |what: String, hint: String| Err(Problem::error(Code::Usage, what).hint(hint));
    match (&spec.from.stream, &spec.from.topic) {
        (Some(_), _) if is_exactly_once(spec) => refused(
            format!(
                "`route/{name}` delivers exactly once: its position is written with the messages, and this trueup sets none"
            ),
            "make a new route beside it with a `start` of its own, and take this one out"
                .to_owned(),
        ),
        (Some(stream), _) => Ok(stream),
        (None, Some(topic)) if is_exactly_once(spec) => refused(
            format!(
                "`route/{name}` delivers exactly once: its position is a message in its target, and this trueup sets none"
            ),
            format!(
                "make a new route from `{topic}` beside it with a `start` of its own, and take this one out"
            ),
        ),
        (None, topic) => refused(
            format!(
                "the position of `route/{name}` is that of a consumer group of Kafka, which this trueup does not set"
            ),
            format!(
                "pause it, then `kafka-consumer-groups.sh --group {} --topic {} --reset-offsets --to-earliest --execute`, or `--to-offset`, `--to-datetime`",
                group(name),
                topic.as_deref().unwrap_or_default()
            ),
        ),
    }
}

/// Sets each shard's consumer.
async fn set(
    nats: &JetStream,
    name: &str,
    spec: &RouteSpec,
    stream: &str,
    place: &Place,
) -> Result<String, Problem> {
    let told = |error: NatsError| error.problem();
    let info = nats.stream_info(stream).await.map_err(told)?;
    let info = info.ok_or_else(|| {
        Problem::error(
            Code::ParentAbsent,
            format!("`stream/{stream}` is not there"),
        )
        .hint("apply the manifest that declares it first")
    })?;
    let shards = u32::try_from(spec.shards.unwrap_or(1)).unwrap_or(1).max(1);
    let mut consumers = Vec::new();
    for shard in 1..=shards {
        let consumer = consumer_name(name, shard);
        let info = nats.consumer_info(stream, &consumer).await.map_err(told)?;
        let Some(info) = info else {
            let what = format!("`consumer/{stream}/{consumer}` is not there");
            return Err(Problem::error(Code::ParentAbsent, what)
                .hint("apply the manifest that declares the route first"));
        };
        consumers.push((consumer, info));
    }
    let mut sequence = 0;
    for (consumer, document) in &consumers {
        sequence = sequence_of(nats, stream, &info, document, place)
            .await
            .map_err(told)?;
        match begin_at(nats, (stream, consumer), document, sequence).await {
            Ok(Outcome::Applied) => {}
            Ok(Outcome::Failed { why } | Outcome::Unknown { why }) => {
                return Err(Problem::error(Code::RefusedByBroker, why));
            }
            Ok(Outcome::NotAttempted { because }) => {
                return Err(Problem::error(Code::RefusedByBroker, because));
            }
            Err(error) => return Err(error.problem()),
        }
    }
    Ok(format!(
        "`route/{name}` goes on at sequence {sequence} of `stream/{stream}`"
    ))
}

async fn sequence_of(
    nats: &JetStream,
    stream: &str,
    info: &Doc,
    consumer: &Doc,
    place: &Place,
) -> Result<u64, NatsError> {
    let state = |field: &str| {
        let state = info.get("state");
        let number = state.and_then(|state| state[field].as_u64());
        number.unwrap_or_default()
    };
    Ok(match place {
        Place::Start => state("first_seq").max(1),
        Place::End => state("last_seq") + 1,
        Place::Sequence(sequence) => *sequence,
        Place::Time(time) => sequence_at(nats, stream, consumer, time).await?,
    })
}

/// Notes which life of its source the route's position is of now.
async fn renew(
    table: &Table,
    name: &str,
    mut entry: Entry,
    source: Option<String>,
) -> Result<(), Problem> {
    for _ in 0..TRIES {
        let mut record = entry.record.clone().unwrap_or_default();
        if record.get("source") == Some(&json!(source)) {
            return Ok(());
        }
        record.insert("source".to_owned(), json!(source));
        let put = table.put(name, &record, entry.revision).await;
        if put.map_err(|error| error.problem())? == Put::Done {
            return Ok(());
        }
        entry = found(table, name).await?.0;
    }
    let what = format!("`route/{name}` is set, and others write it all the time");
    Err(Problem::error(Code::Stale, what).hint("set it once more"))
}

/// Who holds a lease of the route, in words.
async fn holder(nats: &JetStream, name: &str) -> Result<Option<String>, NatsError> {
    let workers = Bucket::new(nats.clone(), WORKERS);
    let keys = workers.keys(&format!("lease.{name}.")).await?;
    for key in keys.unwrap_or_default() {
        if let Some(last) = workers.last(&key).await?
            && let Some(value) = last.value
        {
            let lease: Value = serde_json::from_slice(&value).unwrap_or_default();
            return Ok(Some(match lease["worker"].as_str() {
                Some(worker) => format!("worker `{worker}`"),
                None => "a worker".to_owned(),
            }));
        }
    }
    Ok(None)
}

/// A route's record, where it can be read.
async fn found(table: &Table, name: &str) -> Result<(Entry, Live), Problem> {
    let entry = table.get(name).await.map_err(|error| error.problem())?;
    let Some(entry) = entry else {
        let what = format!("there is no route `{name}` in the table");
        return Err(Problem::error(Code::Dangling, what).hint(
            "`trueup status` lists those that there are; `trueup apply` makes what is declared",
        ));
    };
    let live = wire::live(&entry)?;
    Ok((entry, live))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read() {
        for (text, place) in [
            ("start", Place::Start),
            ("end", Place::End),
            ("17", Place::Sequence(17)),
            (
                "2026-01-31T12:00:00+01:00",
                Place::Time("2026-01-31T11:00:00Z".to_owned()),
            ),
        ] {
            assert_eq!(text.parse(), Ok(place));
        }
        for text in ["", "0", "-1", "begin", "2026-01-31"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
