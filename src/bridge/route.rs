//! A route that a worker runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::fault::{Fault, Gravity};
use super::gauge::{Gauge, State};
use super::stop::Stop;
use crate::broker::kafka::KafkaData;
use crate::broker::nats::NatsData;
use crate::kinds::route::{OnError, Record, RouteBatch, RouteSpec};

/// Who is told in plain lines what starts, stops, fails and moves.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// What all routes of a worker share.
pub(super) struct Shared {
    pub(super) nats: NatsData,
    pub(super) kafka: KafkaData,
    pub(super) worker: String,
    pub(super) host: String,
    pub(super) say: Say,
}

impl Shared {
    /// Tells what starts, stops, fails or moves.
    pub(super) fn tell(&self, line: &str) {
        tracing::info!("{line}");
        (self.say)(line);
    }
}

/// A shard of a route, as a task of this worker runs it. A route without shards has one.
pub(super) struct Route {
    pub(super) shared: Arc<Shared>,
    pub(super) name: String,
    pub(super) shard: u32,
    pub(super) record: Record,
    pub(super) revision: u64,
    pub(super) gauge: Gauge,
    pub(super) poison: Arc<Mutex<Lines>>,
}

/// How many lines of a route tell of poison in a minute.
const LINES: u64 = 20;

/// What was told of poison in this minute, and what was not.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begin: Option<Instant>,
    told: u64,
    untold: u64,
}

impl Lines {
    /// Whether one more line is told now.
    fn next(&mut self, now: Instant) -> Telling {
        let is_over = |begin: Instant| now.duration_since(begin) > MINUTE;
        if self.begin.is_none_or(is_over) {
            (self.begin, self.told) = (Some(now), 0);
        }
        if self.told < LINES {
            self.told += 1;
            return Telling::Now;
        }
        self.untold += 1;
        match self.untold {
            1 => Telling::Later,
            _ => Telling::Counted,
        }
    }
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    /// It is told.
    Now,
    /// It is the first that is not told: how many there were is, in a minute.
    Later,
    /// It is among those.
    Counted,
}

const MINUTE: Duration = Duration::from_secs(60);

/// How much is written at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) messages: usize,
    pub(super) bytes: usize,
    pub(super) wait: Duration,
}

impl Batch {
    pub(super) fn of(said: Option<&RouteBatch>) -> Batch {
        let number = |said: Option<i64>, default: u64| {
            said.and_then(|said| u64::try_from(said).ok())
                .filter(|said| *said > 0)
                .unwrap_or(default)
        };
        let said = said.cloned().unwrap_or_default();
        Batch {
            messages: number(said.max_messages, 5_000) as usize,
            bytes: number(said.max_bytes, 4 << 20) as usize,
            wait: Duration::from_millis(number(said.max_wait, 50)),
        }
    }
}

/// How a route's task came to its end.
pub(super) enum End {
    /// Somebody asked.
    Stopped,
    /// The next session has something else to do.
    Again,
}

/// The pauses between sessions that fail: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often what only somebody can mend is looked at again.
const STANDING_PAUSE: Duration = Duration::from_secs(15);

/// How long a session must last so that the next failure counts as a first one.
const GOOD_WHILE: Duration = Duration::from_secs(30);

impl Route {
    pub(super) fn spec(&self) -> &RouteSpec {
        &self.record.spec
    }

    /// The route, with its shard where it has several.
    pub(super) fn label(&self) -> String {
        match self.spec().shards.unwrap_or(1) {
            ..=1 => self.name.clone(),
            shards => format!("{} (shard {} of {shards})", self.name, self.shard),
        }
    }

    /// Tells of a message that was passed over or put among the dead letters; of very many, of some in each minute.
    pub(super) fn tell_poison(&self, what: &str) {
        tracing::debug!(route = self.name, "{what}");
        let telling = {
            let mut lines = self.poison.lock().unwrap_or_else(PoisonError::into_inner);
            lines.next(Instant::now())
        };
        let did = match self.spec().on_error.unwrap_or_default() {
            OnError::Skip => "skipped",
            OnError::Dlq | OnError::Stop => "dead letter",
        };
        let label = self.label();
        match telling {
            Telling::Now => self.shared.tell(&format!("route/{label}: {did}: {what}")),
            Telling::Counted => {}
            Telling::Later => {
                let (lines, shared) = (Arc::clone(&self.poison), Arc::clone(&self.shared));
                tokio::spawn(async move {
                    tokio::time::sleep(MINUTE).await;
                    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                    let untold = std::mem::take(&mut lines.untold);
                    shared.tell(&format!(
                        "route/{label}: {did}: {untold} more, not told one by one"
                    ));
                });
            }
        }
    }

    /// Takes a state and says so, where that is news.
    pub(super) fn become_(&self, state: State, why: Option<&str>) {
        if !self.gauge.set(
            state,
            why.filter(|_| matches!(state, State::Degraded | State::Failed)),
        ) {
            return;
        }
        let label = self.label();
        let line = match why {
            Some(why) => format!("route/{label}: {}: {why}", state.word()),
            None => format!("route/{label}: {}", state.word()),
        };
        self.shared.tell(&line);
    }

    /// Tells how a session ended, and waits before the next one; whether there is to be one.
    pub(super) async fn after(
        &self,
        ended: Result<End, Fault>,
        pauses: &mut Pauses,
        stop: &Stop,
    ) -> bool {
        let fault = match ended {
            Ok(End::Stopped) => return false,
            Ok(End::Again) => return !stop.is_asked(),
            Err(_) if stop.is_asked() => return false,
            Err(fault) => fault,
        };
        let wait = pauses.next(fault.gravity);
        let state = match fault.gravity {
            Gravity::Passing => State::Degraded,
            Gravity::Standing => State::Failed,
            Gravity::Moved => State::Standby,
        };
        self.become_(state, Some(&fault.text));
        stop.pause(wait).await
    }
}

/// The pauses between sessions, which grow while they fail.
pub(super) struct Pauses {
    next: Duration,
    begin: Instant,
}

impl Pauses {
    pub(super) fn new() -> Pauses {
        Pauses {
            next: FIRST_PAUSE,
            begin: Instant::now(),
        }
    }

    fn next(&mut self, gravity: Gravity) -> Duration {
        if self.begin.elapsed() > GOOD_WHILE {
            self.next = FIRST_PAUSE;
        }
        let next = self.next;
        self.next = (next * 2).min(LONGEST_PAUSE);
        let wait = match gravity {
            Gravity::Passing => next,
            Gravity::Standing => (next * 4).min(STANDING_PAUSE),
            Gravity::Moved => FIRST_PAUSE,
        };
        self.begin = Instant::now() + wait;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poison_is_told_a_few_times_a_minute() {
        let (mut lines, begin) = (Lines::default(), Instant::now());
        for _ in 0..LINES {
            assert_eq!(lines.next(begin), Telling::Now);
        }
        assert_eq!(lines.next(begin), Telling::Later);
        assert_eq!(lines.next(begin), Telling::Counted);
        assert_eq!(lines.untold, 2);
        let later = begin + Duration::from_secs(61);
        assert_eq!(lines.next(later), Telling::Now);
    }

    #[test]
    fn a_batch_has_its_defaults() {
        let batch = Batch::of(None);
        assert_eq!((batch.messages, batch.bytes), (5_000, 4 << 20));
        let said = RouteBatch {
            max_messages: Some(7),
            max_wait: Some(9),
            max_bytes: Some(-1),
        };
        let batch = Batch::of(Some(&said));
        assert_eq!((batch.messages, batch.bytes), (7, 4 << 20));
        assert_eq!(batch.wait, Duration::from_millis(9));
    }
}
