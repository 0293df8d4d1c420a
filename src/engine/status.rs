//! How the routes are: what is declared, what the table holds, how far they are, and who moves their messages.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::broker::Brokers;
use crate::broker::nats::{Bucket, JetStream, Last, NatsError, many};
use crate::kinds::Resources;
use crate::kinds::route::{
    Entry, RouteSpec, RouteState, Standing, Table, WORKERS, address_of, begin_anew, declaration,
    live_of, spec_of, standing,
};
use crate::ledger::{Holder, Ledger, Phase, Record, StoreError};
use crate::model::unit::Unit;
use crate::model::{Code, KindName, Problem};

/// How it goes with a route, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Going {
    /// Messages move.
    Running,
    /// A worker takes it up, or stands by for one that is about to.
    Starting,
    /// The table says that messages wait.
    Paused,
    /// They don't move, which passes by itself.
    Degraded,
    /// They don't move until somebody does something.
    Failed,
    /// A worker had it, and gives no sign of life.
    Silent,
    /// No worker has it.
    NoWorker,
    /// What the table holds of it can't be read.
    Unreadable,
    /// It is declared, and not there.
    Absent,
}

/// After how long without a sign of life a worker counts as silent: it gives one every 5 s.
const SILENT_MS: i64 = 12_000;

/// How it is with a stack.
#[derive(Clone, Debug, Serialize)]
pub struct StackStatus {
    /// Its name.
    pub name: String,
    /// Where its ledger is, in words.
    pub ledger: String,
    /// How many resources it owns.
    pub owned: u64,
    /// How many of them an apply was at that did not end.
    pub unfinished: u64,
    /// Who works on it.
    pub lock: Option<Holder>,
}

/// Reads how it is with a stack.
///
/// # Errors
/// What keeps its ledger from being read.
pub async fn stack_status(ledger: &Ledger, stack: &str) -> Result<StackStatus, StoreError> {
    let book = ledger.read().await?;
    let count = |of: &dyn Fn(&Record) -> bool| book.of(stack).filter(|it| of(it)).count() as u64;
    Ok(StackStatus {
        name: stack.to_owned(),
        ledger: ledger.store().place(),
        owned: count(&|_| true),
        unfinished: count(&|record| record.phase != Phase::Present),
        lock: ledger.store().holder(stack).await?,
    })
}

/// How one route is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteStatus {
    /// Its name.
    pub name: String,
    /// The stack that the table says it belongs to.
    pub stack: Option<String>,
    /// Whether messages are to move, as the manifest says; none where it does not declare the route.
    pub declared: Option<RouteState>,
    /// The same as the table says; none where the route is not there.
    pub state: Option<RouteState>,
    /// How it goes.
    pub going: Going,
    /// Whether the table holds something else than the manifest says.
    pub drifts: bool,
    /// Where it comes from, and where it goes.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// What it has not moved yet; none where that is not known.
    pub lag: Option<LagStatus>,
    /// What is wrong with its position, or why nobody knows how far it is.
    pub position: Option<String>,
    /// What is beyond the bounds of `alert`.
    pub alerts: Vec<String>,
    /// What workers say of it, as they say it, with `age_ms`: how long ago they did.
    pub workers: Vec<Value>,
}

/// What a route has not moved yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LagStatus {
    /// How many messages.
    pub messages: u64,
    /// When the first of them was stored, RFC 3339; none where there is none, or where nobody can tell.
    pub oldest: Option<String>,
    /// How old it is, in milliseconds.
    pub age_ms: Option<i64>,
}

impl RouteStatus {
    /// Whether it is as it should be: as the manifest says, messages move or are meant to wait, and nothing is beyond its bounds.
    pub fn is_well(&self) -> bool {
        let moves = matches!(self.going, Going::Running | Going::Starting | Going::Paused);
        moves && !self.drifts && self.position.is_none() && self.alerts.is_empty()
    }
}

/// How the routes are that the table holds or the manifest declares, by name; with a stack, those of others are left out. `now`
/// is in milliseconds since 1970.
///
/// # Errors
/// What keeps the table from being read.
pub async fn route_status(
    brokers: &Brokers,
    declared: &Resources,
    stack: Option<&str>,
    now: i64,
) -> Result<Vec<RouteStatus>, Problem> {
    let Some(nats) = &brokers.nats else {
        let what = "there is no connection to NATS, where the routes are";
        return Err(Problem::error(Code::Unreachable, what));
    };
    let told = |error: NatsError| error.problem();
    let table = Table::new(nats).list().await.map_err(told)?;
    let mut workers = workers(nats).await.map_err(told)?;
    let mut all: IndexMap<String, (Option<RouteSpec>, Option<Entry>)> = IndexMap::new();
    let routes = declared.values();
    let routes = routes.filter(|resource| resource.address.kind == KindName::Route);
    for route in routes {
        let name = route.address.name.clone();
        all.insert(name, (spec_of(&route.declared), None));
    }
    for (name, entry) in table {
        if all.contains_key(&name) || is_of(&entry, stack) {
            all.entry(name).or_default().1 = Some(entry);
        }
    }
    all.sort_keys();
    let looks = all.into_iter().map(|(name, (said, entry))| {
        let workers = workers.remove(&name).unwrap_or_default();
        (name, said, entry, workers)
    });
    let looks: Vec<_> = looks.collect();
    Ok(many(looks, |(name, said, entry, workers)| {
        of_one(brokers, name, said, entry, workers, declared, now)
    })
    .await)
}

/// Whether an entry is of a stack, or of none that it tells.
fn is_of(entry: &Entry, stack: Option<&str>) -> bool {
    let record = entry.record.as_ref().ok();
    let owner = record.and_then(|record| record.get("stack")?.as_str());
    match (owner, stack) {
        (Some(owner), Some(stack)) => owner.is_empty() || owner == stack,
        (_, None) | (None, _) => true,
    }
}

/// How it goes, by what the table and the workers say.
fn going(state: Option<RouteState>, workers: &[Value]) -> Going {
    let says = |word: &str| {
        let fresh = workers.iter().filter(|beat| !is_silent(beat));
        fresh.into_iter().any(|beat| beat["state"] == word)
    };
    match state {
        None => Going::Absent,
        Some(RouteState::Paused) => Going::Paused,
        Some(RouteState::Running) if workers.is_empty() => Going::NoWorker,
        Some(RouteState::Running) if workers.iter().all(is_silent) => Going::Silent,
        Some(RouteState::Running) if says("failed") => Going::Failed,
        Some(RouteState::Running) if says("degraded") => Going::Degraded,
        Some(RouteState::Running) if says("running") => Going::Running,
        Some(RouteState::Running) => Going::Starting,
    }
}

/// Whether a worker has given no sign of life for too long.
pub fn is_silent(beat: &Value) -> bool {
    beat["age_ms"].as_i64().is_some_and(|age| age > SILENT_MS)
}

async fn of_one(
    brokers: &Brokers,
    name: String,
    said: Option<RouteSpec>,
    entry: Option<Entry>,
    workers: Vec<Value>,
    all: &Resources,
    now: i64,
) -> RouteStatus {
    let live = entry.as_ref().map(live_of);
    let (live, fault) = match live {
        Some(Ok(live)) => (Some(live), None),
        Some(Err(problem)) => (None, Some(problem.message)),
        None => (None, None),
    };
    let held = live.as_ref().and_then(|live| spec_of(&live.fields));
    let spec = held.clone().or_else(|| said.clone()).unwrap_or_default();
    let seen = match &live {
        Some(live) => Some(standing(brokers, &name, live).await),
        None => None,
    };
    let recorded = live.as_ref().and_then(|live| live.raw.get("source"));
    let recorded = recorded.and_then(Value::as_str);
    let position = match (&fault, &seen) {
        (Some(fault), _) => Some(fault.clone()),
        (None, Some(seen)) => position(&name, seen, recorded),
        (None, None) => Some("it is not in the table; `trueup apply` puts it there".to_owned()),
    };
    let lag = seen.and_then(|seen| seen.lag.ok()).map(|lag| {
        let stored = lag.oldest.as_ref();
        let stored = stored.and_then(|time| time.parse::<jiff::Timestamp>().ok());
        LagStatus {
            messages: lag.messages,
            age_ms: stored.map(|time| (now - time.as_millisecond()).max(0)),
            oldest: lag.oldest,
        }
    });
    let state = |spec: &RouteSpec| spec.state.unwrap_or_default();
    let address = address_of(&name);
    let drifts = match (all.get(&address), &live) {
        (Some(declared), Some(live)) => declared.declared.iter().any(|(path, wanted)| {
            let field = declaration().field(path);
            field.is_some_and(|field| !field.same(Some(wanted), live.fields.get(path)))
        }),
        _ => false,
    };
    RouteStatus {
        stack: live.as_ref().and_then(|live| {
            let stack = live.raw.get("stack").and_then(Value::as_str);
            stack.filter(|stack| !stack.is_empty()).map(str::to_owned)
        }),
        declared: said.as_ref().map(state),
        going: match fault {
            Some(_) => Going::Unreadable,
            None => going(held.as_ref().map(state), &workers),
        },
        state: held.as_ref().map(state),
        drifts,
        from: from(&spec),
        to: to(&spec),
        alerts: alerts(&spec, lag.as_ref()),
        lag,
        position,
        workers,
        name,
    }
}

/// What is wrong with a position, in words.
fn position(name: &str, seen: &Standing, recorded: Option<&str>) -> Option<String> {
    match (&seen.source, recorded) {
        (Ok(None), _) => Some("its source is not there".to_owned()),
        (Ok(Some(now)), Some(recorded)) if now != recorded => Some(format!(
            "its source was deleted and made anew, so that its position is of no use; {}",
            begin_anew(name)
        )),
        (Ok(Some(_)), _) | (Err(_), _) => {
            let why = seen.lag.as_ref().err();
            why.map(|why| format!("how far it is could not be read: {why}"))
        }
    }
}

fn alerts(spec: &RouteSpec, lag: Option<&LagStatus>) -> Vec<String> {
    let (Some(alert), Some(lag)) = (&spec.alert, lag) else {
        return Vec::new();
    };
    let messages = i64::try_from(lag.messages).unwrap_or(i64::MAX);
    let many = alert.lag_messages.filter(|most| messages > *most);
    let many = many.map(|most| format!("more than {most} messages behind"));
    let old = alert
        .lag_age
        .filter(|most| lag.age_ms.is_some_and(|age| age > *most));
    let old = old.map(|most| {
        let most = Unit::Millis.format(most);
        format!("more than {most} behind")
    });
    many.into_iter().chain(old).collect()
}

fn from(spec: &RouteSpec) -> String {
    let subjects = spec.from.subjects.clone().unwrap_or_default();
    match (&spec.from.stream, &spec.from.topic) {
        (Some(stream), _) if subjects.is_empty() => format!("stream/{stream}"),
        (Some(stream), _) => format!("stream/{stream} ({})", subjects.join(", ")),
        (None, Some(topic)) => format!("topic/{topic}"),
        (None, None) => String::new(),
    }
}

fn to(spec: &RouteSpec) -> String {
    match (&spec.to.topic, &spec.to.stream, &spec.to.subject) {
        (Some(topic), _, _) => format!("topic/{topic}"),
        (None, Some(stream), Some(subject)) => format!("stream/{stream} ({subject})"),
        (None, Some(stream), None) => format!("stream/{stream}"),
        (None, None, _) => String::new(),
    }
}

/// What workers say, by route; nothing where no worker ever ran.
async fn workers(nats: &JetStream) -> Result<HashMap<String, Vec<Value>>, NatsError> {
    let bucket = Bucket::new(nats.clone(), WORKERS);
    let Some(info) = bucket.info().await? else {
        return Ok(HashMap::new());
    };
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    // by the clock of the server, which also tells when each was stored
    let now = info.get("ts").and_then(Value::as_str).and_then(time);
    let mut keys = bucket.keys("status.").await?.unwrap_or_default();
    keys.sort();
    let values = many(keys, |key| {
        let bucket = &bucket;
        async move {
            let last = bucket.last(&key).await;
            (key, last)
        }
    })
    .await;
    let mut found: HashMap<String, Vec<Value>> = HashMap::new();
    for (key, last) in values {
        // status.ROUTE.SHARD.WORKER
        let mut words = key.splitn(4, '.').skip(1);
        let (Some(route), Some(shard)) = (words.next(), words.next()) else {
            continue;
        };
        let Some(Last {
            value: Some(value),
            time: stored,
            ..
        }) = last?
        else {
            continue;
        };
        let mut beat: Value = serde_json::from_slice(&value).unwrap_or_default();
        let age = now.zip(time(&stored));
        let age = age.map(|(now, stored)| (now.as_millisecond() - stored.as_millisecond()).max(0));
        if let Some(beat) = beat.as_object_mut() {
            beat.insert("shard".to_owned(), shard.into());
            beat.insert("age_ms".to_owned(), age.into());
        }
        found.entry(route.to_owned()).or_default().push(beat);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::route::{Lag, RouteAlert};

    fn seen(source: Option<&str>, lag: Result<u64, &str>) -> Standing {
        Standing {
            lag: lag.map_err(str::to_owned).map(|messages| Lag {
                messages,
                oldest: None,
            }),
            source: Ok(source.map(str::to_owned)),
        }
    }

    #[test]
    fn a_position_is_of_one_life_of_its_source() {
        for (source, recorded, lag, words) in [
            (Some("a"), Some("a"), Ok(0), None),
            (Some("a"), None, Ok(0), None),
            (Some("b"), Some("a"), Ok(0), Some("made anew")),
            (None, Some("a"), Ok(0), Some("not there")),
            (Some("a"), Some("a"), Err("no right"), Some("no right")),
        ] {
            let told = position("r", &seen(source, lag), recorded);
            match words {
                None => assert_eq!(told, None),
                Some(words) => assert!(told.unwrap().contains(words)),
            }
        }
    }

    #[test]
    fn a_route_goes_as_its_workers_say() {
        use serde_json::json;
        let beat = |state: &str, age: i64| json!({ "state": state, "age_ms": age });
        let running = Some(RouteState::Running);
        for (state, workers, wanted) in [
            (None, vec![], Going::Absent),
            (running, vec![], Going::NoWorker),
            (running, vec![beat("running", 13_000)], Going::Silent),
            (
                running,
                vec![beat("failed", 13_000), beat("running", 1)],
                Going::Running,
            ),
            (
                running,
                vec![beat("running", 1), beat("failed", 1)],
                Going::Failed,
            ),
            (
                running,
                vec![beat("standby", 1), beat("degraded", 1)],
                Going::Degraded,
            ),
            (running, vec![beat("standby", 1)], Going::Starting),
            (
                Some(RouteState::Paused),
                vec![beat("paused", 1)],
                Going::Paused,
            ),
        ] {
            assert_eq!(going(state, &workers), wanted, "{workers:?}");
        }
    }

    #[test]
    fn what_is_beyond_its_bounds_is_told() {
        let spec = RouteSpec {
            alert: Some(RouteAlert {
                lag_messages: Some(10),
                lag_age: Some(60_000),
            }),
            ..RouteSpec::default()
        };
        let lag = |messages, age_ms| LagStatus {
            messages,
            oldest: None,
            age_ms,
        };
        assert!(alerts(&spec, Some(&lag(10, Some(60_000)))).is_empty());
        assert_eq!(
            alerts(&spec, Some(&lag(11, Some(60_001)))),
            ["more than 10 messages behind", "more than 1m behind"]
        );
        assert!(alerts(&spec, None).is_empty());
    }
}
