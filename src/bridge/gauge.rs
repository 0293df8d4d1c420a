//! How a route is: what heartbeats, metrics and log lines tell.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a route stands on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is being taken up.
    Starting,
    /// Messages move.
    Running,
    /// Another worker moves them; this one stands by.
    Standby,
    /// The table says that they wait.
    Paused,
    /// They don't move, which passes by itself: a broker is away.
    Degraded,
    /// They don't move until somebody does something.
    Failed,
}

impl State {
    /// Every state.
    pub const ALL: [State; 6] = [
        State::Starting,
        State::Running,
        State::Standby,
        State::Paused,
        State::Degraded,
        State::Failed,
    ];

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Running => "running",
            State::Standby => "standby",
            State::Paused => "paused",
            State::Degraded => "degraded",
            State::Failed => "failed",
        }
    }
}

/// The last thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// What.
    pub text: String,
    /// When.
    pub time: Timestamp,
}

/// What a worker says of a route (of one shard of it), in the bucket of workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who says it.
    pub worker: String,
    /// The host that it runs on.
    pub host: String,
    /// Since when it has this state.
    pub since: Timestamp,
    /// The state.
    pub state: State,
    /// The revision of the route's record that it goes by.
    pub revision: u64,
    /// When it said so.
    pub time: Timestamp,
    /// What it counted since it took the route up.
    pub counts: Counts,
    /// The last thing that went wrong, if ever.
    pub last_error: Option<LastError>,
    /// When messages were last written and acknowledged.
    pub last_success: Option<Timestamp>,
    /// The version of trueup.
    pub trueup: String,
}

/// Messages, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Taken from the source.
    pub r#in: u64,
    /// Written to the target and acknowledged there.
    pub out: u64,
    /// Bytes of payload that were written.
    pub out_bytes: u64,
    /// Put among the dead letters.
    pub dlq: u64,
    /// Passed over, because `on_error` says so.
    pub skipped: u64,
    /// Dropped, because they went along the route before.
    pub loop_dropped: u64,
    /// Delivered once more by the source.
    pub redelivered: u64,
}

/// What a route's tasks write into, and others read.
#[derive(Debug)]
pub(super) struct Gauge {
    told: Mutex<Told>,
    pub(super) read: AtomicU64,
    pub(super) written: AtomicU64,
    pub(super) written_bytes: AtomicU64,
    pub(super) dead: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) looped: AtomicU64,
    pub(super) redelivered: AtomicU64,
    last_success_ms: AtomicU64,
}

#[derive(Clone, Debug)]
struct Told {
    state: State,
    since: Timestamp,
    last_error: Option<LastError>,
    /// When an error was news last.
    told: Option<Instant>,
}

/// How often what passes by itself is told anew, when it is something else each time.
const PAUSE: Duration = Duration::from_secs(5);

impl Gauge {
    pub(super) fn new(state: State) -> Gauge {
        let since = Timestamp::now();
        let told = Told {
            state,
            since,
            last_error: None,
            told: None,
        };
        Gauge {
            told: Mutex::new(told),
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            dead: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            looped: AtomicU64::new(0),
            redelivered: AtomicU64::new(0),
            last_success_ms: AtomicU64::new(0),
        }
    }

    pub(super) fn state(&self) -> State {
        self.lock().state
    }

    pub(super) fn last_error(&self) -> Option<LastError> {
        self.lock().last_error.clone()
    }

    /// Takes a state; whether that, or the error, is news.
    pub(super) fn set(&self, state: State, error: Option<&str>) -> bool {
        let mut told = self.lock();
        let mut is_news = false;
        if told.state != state {
            told.state = state;
            told.since = Timestamp::now();
            is_news = true;
        }
        if let Some(text) = error {
            let before = told.last_error.as_ref().map(|error| error.text.as_str());
            let is_soon = told.told.is_some_and(|told| told.elapsed() < PAUSE);
            is_news |= before != Some(text) && !(state == State::Degraded && is_soon);
            if is_news {
                told.told = Some(Instant::now());
            }
            told.last_error = Some(LastError {
                text: text.to_owned(),
                time: Timestamp::now(),
            });
        }
        is_news
    }

    /// So many messages, with so many bytes of payload, are written and acknowledged.
    pub(super) fn succeeded(&self, messages: u64, bytes: u64) {
        self.written.fetch_add(messages, Ordering::Relaxed);
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
        self.last_success_ms.store(now, Ordering::Relaxed);
    }

    pub(super) fn last_success(&self) -> Option<Timestamp> {
        let ms = self.last_success_ms.load(Ordering::Relaxed);
        let ms = i64::try_from(ms).ok().filter(|ms| *ms > 0)?;
        Timestamp::from_millisecond(ms).ok()
    }

    pub(super) fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            r#in: of(&self.read),
            out: of(&self.written),
            out_bytes: of(&self.written_bytes),
            dlq: of(&self.dead),
            skipped: of(&self.skipped),
            loop_dropped: of(&self.looped),
            redelivered: of(&self.redelivered),
        }
    }

    pub(super) fn heartbeat(&self, worker: &str, host: &str, revision: u64) -> Heartbeat {
        let told = self.lock().clone();
        Heartbeat {
            worker: worker.to_owned(),
            host: host.to_owned(),
            since: told.since,
            state: told.state,
            revision,
            time: Timestamp::now(),
            counts: self.counts(),
            last_error: told.last_error,
            last_success: self.last_success(),
            trueup: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_again_is_no_news() {
        let gauge = Gauge::new(State::Starting);
        assert!(gauge.set(State::Running, None));
        assert!(!gauge.set(State::Running, None));
        assert!(gauge.set(State::Degraded, Some("a")));
        assert!(!gauge.set(State::Degraded, Some("a")));
        assert!(!gauge.set(State::Degraded, Some("b")), "too soon");
        assert!(gauge.set(State::Failed, Some("c")));
        assert!(gauge.set(State::Failed, Some("d")));
    }

    #[test]
    fn a_heartbeat_is_json_that_reads_back() {
        let gauge = Gauge::new(State::Running);
        count(&gauge.read);
        gauge.succeeded(3, 30);
        let beat = gauge.heartbeat("w", "h", 7);
        let text = serde_json::to_string(&beat).unwrap();
        assert!(
            text.contains(r#""state":"running""#) && text.contains(r#""in":1"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Heartbeat>(&text).unwrap(), beat);
    }
}
