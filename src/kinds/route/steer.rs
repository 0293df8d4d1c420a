//! What is done to a route by hand: paused, resumed, set to another place.

use std::str::FromStr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Entry, Ordering, Put, RouteSpec, RouteState, Table, WORKERS, consumer_name, shards, spec_of,
    wire,
};
use crate::broker::Brokers;
use crate::broker::nats::{Bucket, JetStream, NatsError};
use crate::kinds::consumer::{begin_at, sequence_at};
use crate::kinds::stream::life;
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
pub const LETTING_GO: Duration = Duration::from_secs(40);

/// How often a writing is tried where others write at the same time.
const TRIES: usize = 5;

/// The way out where a route's position means nothing any more, after what is wrong.
pub fn begin_anew(route: &str) -> String {
    format!(
        "`trueup bridge pause {route}`, `trueup bridge reset {route} --to start` (or another place) and `resume` begin anew"
    )
}

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

/// What the table says of a route whose messages nobody moves, and of which epoch its positions are; a worker of one that is
/// paused is waited for.
///
/// # Errors
/// A route that is not there, can't be read, or is moved by a worker; as for any request.
pub async fn at_rest(nats: &JetStream, name: &str) -> Result<(RouteSpec, u64), Problem> {
    let (entry, live) = found(&Table::new(nats), name).await?;
    let Some(spec) = spec_of(&live.fields) else {
        let what = format!("what the table holds of `route/{name}` can't be read");
        return Err(Problem::error(Code::Unreadable, what));
    };
    await_rest(nats, name, &spec).await?;
    let epoch = entry.record.as_ref().map_or(0, wire::epoch_of);
    Ok((spec, epoch))
}

/// That a route's messages are moved by somebody, and what to do before it is set.
pub fn moved_by(name: &str, holder: &str) -> Problem {
    let what =
        format!("{holder} moves the messages of `route/{name}`, and would go on from where it is");
    let hint = format!("pause it first: `trueup bridge pause {name}`; resume it when it is set");
    Problem::error(Code::Busy, what).hint(hint)
}

/// Waits until nobody moves the route's messages, where it is paused; its worker ends what it is at first.
async fn await_rest(nats: &JetStream, name: &str, spec: &RouteSpec) -> Result<(), Problem> {
    let is_paused = spec.state == Some(RouteState::Paused);
    let begin = Instant::now();
    while let Some(holder) = holder(nats, name, spec).await.map_err(|it| it.problem())? {
        if !is_paused {
            return Err(moved_by(name, &holder));
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

/// Where the consumers of a route from a stream are to begin.
pub struct Begins {
    /// The stream.
    pub stream: String,
    /// Which life of it.
    pub created: String,
    /// Each shard's consumer, as it is now, and the first sequence that it is to deliver.
    pub consumers: Vec<(String, Doc, u64)>,
}

/// Finds where the consumers of a route from a stream are to begin.
///
/// # Errors
/// A stream or a consumer that is not there, a sequence that the stream does not know yet; as for any request.
pub async fn begins(
    nats: &JetStream,
    name: &str,
    spec: &RouteSpec,
    place: &Place,
) -> Result<Begins, Problem> {
    let told = |error: NatsError| error.problem();
    let stream = spec.from.stream.as_deref().unwrap_or_default();
    let info = nats.stream_info(stream).await.map_err(told)?;
    let info = info.ok_or_else(|| {
        Problem::error(
            Code::ParentAbsent,
            format!("`stream/{stream}` is not there"),
        )
        .hint("apply the manifest that declares it first")
    })?;
    let mut consumers = Vec::new();
    for shard in 1..=shards(spec) {
        let consumer = consumer_name(name, shard);
        let document = nats.consumer_info(stream, &consumer).await.map_err(told)?;
        let Some(document) = document else {
            let what = format!("`consumer/{stream}/{consumer}` is not there");
            return Err(Problem::error(Code::ParentAbsent, what)
                .hint("apply the manifest that declares the route first"));
        };
        let sequence = sequence_of(nats, stream, &info, &document, place).await;
        consumers.push((consumer, document, sequence.map_err(told)?));
    }
    let last = state_of(&info, "last_seq");
    if let Some((_, _, sequence)) = consumers.iter().find(|(_, _, it)| *it > last + 1) {
        let what = format!("`stream/{stream}` ends at {last}, before {sequence}");
        return Err(
            Problem::error(Code::Usage, what).hint("`--to end` takes the next message that comes")
        );
    }
    Ok(Begins {
        stream: stream.to_owned(),
        created: life(&info).unwrap_or_default(),
        consumers,
    })
}

/// Sets the consumers.
///
/// # Errors
/// What the server refuses; as for any request.
pub async fn begin(nats: &JetStream, begins: &Begins) -> Result<(), Problem> {
    for (consumer, document, sequence) in &begins.consumers {
        match begin_at(nats, (&begins.stream, consumer), document, *sequence).await {
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
    Ok(())
}

async fn sequence_of(
    nats: &JetStream,
    stream: &str,
    info: &Doc,
    consumer: &Doc,
    place: &Place,
) -> Result<u64, NatsError> {
    Ok(match place {
        Place::Start => state_of(info, "first_seq").max(1),
        Place::End => state_of(info, "last_seq") + 1,
        Place::Sequence(sequence) => *sequence,
        Place::Time(time) => sequence_at(nats, stream, consumer, time).await?,
    })
}

fn state_of(info: &Doc, field: &str) -> u64 {
    let number = info.get("state").and_then(|state| state[field].as_u64());
    number.unwrap_or_default()
}

/// Notes that a route was set to another place, and which life of its source its position is of now.
///
/// # Errors
/// A route that is not there; as for any writing.
pub async fn renew(brokers: &Brokers, nats: &JetStream, name: &str) -> Result<(), Problem> {
    let table = Table::new(nats);
    for _ in 0..TRIES {
        let (entry, live) = found(&table, name).await?;
        let source = wire::source(brokers, &live.fields).await;
        let mut record = entry.record.clone().unwrap_or_default();
        let resets = record.get("resets").and_then(Value::as_u64);
        record.insert("resets".to_owned(), json!(resets.unwrap_or_default() + 1));
        record.insert("source".to_owned(), json!(source));
        let put = table.put(name, &record, entry.revision).await;
        if put.map_err(|error| error.problem())? == Put::Done {
            return Ok(());
        }
    }
    let what = format!("`route/{name}` is set, and others write it all the time");
    Err(Problem::error(Code::Stale, what).hint("set it once more"))
}

/// Who holds a lease of the route, in words; of one in any order, which has none, who says that it moves messages.
async fn holder(
    nats: &JetStream,
    name: &str,
    spec: &RouteSpec,
) -> Result<Option<String>, NatsError> {
    let workers = Bucket::new(nats.clone(), WORKERS);
    let is_shared = spec.ordering == Some(Ordering::None);
    let prefix = if is_shared { "status" } else { "lease" };
    let keys = workers.keys(&format!("{prefix}.{name}.")).await?;
    for key in keys.unwrap_or_default() {
        if let Some(last) = workers.last(&key).await?
            && let Some(value) = last.value
        {
            let told: Value = serde_json::from_slice(&value).unwrap_or_default();
            let moves = ["running", "degraded"].map(|state| told["state"] == state);
            if is_shared && !moves.contains(&true) {
                continue;
            }
            return Ok(Some(match told["worker"].as_str() {
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
