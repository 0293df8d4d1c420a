//! Asking again: how often and how long, and what a cluster does while it elects a leader.
//!
//! A server of a cluster that lost its meta leader, or the leader of a stream, drops what it is asked without a
//! word until the next one is elected, 4 to 9 s later (`minElectionTimeout`, `maxElectionTimeout`, nats-server
//! `raft.go`); after 10 s without one it answers 10008. So a request is asked again in a cluster, for longer than
//! an election takes, as long as the server itself is alive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::Message;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::NatsError;
use super::denials::GivenUp;
use super::sift::Kept;
use super::wire::{Body, GIVE_UP, Miss, Wire};

/// How long a cluster may take for an election, one that has to be repeated included.
pub(super) const ELECTION: Duration = Duration::from_secs(15);

/// How long a repeatable request may take altogether where there are no elections.
const PATIENCE: Duration = Duration::from_secs(9);

/// How long a request that changes something may take; what comes after it in the same run, and finds
/// the server silent still, must fail within the 10 s, too.
pub(super) const WRITE_PATIENCE: Duration = Duration::from_secs(7);

/// How long one attempt may take that is sent again in the end.
pub(super) const WRITE_ATTEMPT: Duration = Duration::from_secs(5);

/// The first and the longest attempt of a request that changes nothing.
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(4);

/// How long the leader of one stream may take where another one's was waited for in vain: an election that
/// began before is over.
const AFTER_SILENCE: Duration = Duration::from_secs(5);

/// The pauses between attempts that were answered at once, with a no.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long the cluster's leader may take to show that it is there.
const LOOK: Duration = Duration::from_secs(1);

/// "JetStream system temporarily unavailable" (`JSClusterNotAvailErr`): there is no leader, and nothing was done.
const NO_LEADER: u64 = 10008;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One document.
    Read,
    /// A page of a listing.
    Page,
}

/// Whether a change may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The same again would change something.
    Never,
    /// The server takes the same again as done.
    Harmless,
}

/// How long a request is tried, altogether and at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempts {
    altogether: Duration,
    first: Duration,
    longest: Duration,
    repeated: bool,
}

impl Attempts {
    pub(super) fn of(kind: Kind, clustered: bool) -> Attempts {
        let (first, longest) = match (kind, clustered) {
            (Kind::Read, true) => (FIRST_ATTEMPT, ATTEMPT),
            (Kind::Read, false) => (ATTEMPT, ATTEMPT),
            (Kind::Page, true) => (WRITE_ATTEMPT, WRITE_ATTEMPT),
            (Kind::Page, false) => (PATIENCE, PATIENCE),
        };
        Attempts {
            altogether: if clustered { ELECTION } else { PATIENCE },
            first,
            longest,
            repeated: clustered || kind == Kind::Read,
        }
    }

    /// The same where an election was waited for already.
    fn after_silence(self) -> Attempts {
        Attempts {
            altogether: self.altogether.min(AFTER_SILENCE),
            ..self
        }
    }

    /// Where nobody listens, an election changes nothing: that is waited for as long as a restart may take.
    fn are_over(self, miss: &Miss, next: Instant, end: Instant) -> bool {
        let end = match miss {
            Miss::NoResponders => end - (self.altogether - GIVE_UP.min(self.altogether)),
            _ => end,
        };
        next >= end
    }

    fn attempt(self, number: u32, left: Duration) -> Duration {
        let grown = self.first + Duration::from_secs(1) * number;
        grown.min(self.longest).min(left)
    }
}

/// Whether the meta leader left a request unanswered, and nothing was heard of it since; and whether
/// a stream's own leader was waited for in vain while the meta leader is there.
#[derive(Debug, Default)]
pub(super) struct Leader {
    is_silent: AtomicBool,
    one_is_silent: AtomicBool,
    told: Mutex<Option<Instant>>,
}

impl Leader {
    fn note_silence(&self) {
        self.is_silent.store(true, Ordering::SeqCst);
    }

    fn note_answer(&self) {
        self.is_silent.store(false, Ordering::SeqCst);
    }

    fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::SeqCst)
    }

    /// Says that we wait, once for as long as an election may take.
    pub(super) fn tell(&self, server: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() > ELECTION) {
            *told = Some(Instant::now());
            tracing::warn!(
                target: "trueup::waiting",
                "the cluster of NATS server `{server}` does not answer; waiting up to {} s for it to elect a leader",
                ELECTION.as_secs()
            );
        }
    }
}

impl Wire {
    /// An answer to a request that changes nothing.
    pub(super) async fn read_in(
        &self,
        attempts: Attempts,
        call: &str,
        body: &Body,
        kept: Kept,
    ) -> Result<Map<String, Value>, NatsError> {
        let subject = self.subject(call);
        let waited = self.leader.one_is_silent.load(Ordering::SeqCst);
        let attempts = match waited && is_of_one_stream(&subject) {
            true => attempts.after_silence(),
            false => attempts,
        };
        let end = Instant::now() + attempts.altogether;
        let mut pause = FIRST_PAUSE;
        for number in 0.. {
            let left = end.saturating_duration_since(Instant::now());
            let patience = attempts.attempt(number, left);
            let miss = match self.read_attempt(&subject, body, kept, patience).await {
                Ok(answer) => return answer,
                Err(miss) => miss,
            };
            let over = attempts.are_over(&miss, Instant::now() + pause, end);
            if over || !attempts.repeated || !miss.may_pass() {
                let miss = self.final_word(&subject, miss, attempts).await;
                return Err(self.read_error(subject, miss));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(self.read_error(subject, Miss::TimedOut(attempts.altogether)))
    }

    /// An answer to a request that changes something; sent once, and again only in a cluster where the server
    /// did nothing for want of a leader, or takes the same again as done.
    pub(super) async fn write(
        &self,
        call: &str,
        body: &Body,
        level: Option<u8>,
        again: Again,
    ) -> Result<Map<String, Value>, NatsError> {
        let subject = self.subject(call);
        let again = self.clustered && again == Again::Harmless;
        let end = Instant::now() + ELECTION;
        let mut lost: Option<Miss> = None;
        let mut pause = FIRST_PAUSE;
        loop {
            if !self.fence.is_open() {
                let fenced = Miss::NotSent(GivenUp::Fenced);
                return Err(self.write_error(subject, lost.unwrap_or(fenced)));
            }
            self.leader_is_there(&subject, lost.as_ref()).await?;
            let patience = if again { WRITE_ATTEMPT } else { WRITE_PATIENCE };
            let miss = match self.attempt(&subject, body, level, patience).await {
                // what is refused now may have been done by the one before
                Ok(Err(error)) if lost.is_some() => {
                    let reason = format!("asked again, it said: {error}");
                    return Err(self.write_error(subject, Miss::Lost(reason)));
                }
                Ok(answer) => return answer,
                Err(miss) => miss,
            };
            let over = Instant::now() + pause >= end;
            match miss {
                Miss::Leaderless(_) if self.clustered && !over => {}
                Miss::TimedOut(_) | Miss::Lost(_) if again && !over => lost = Some(miss),
                miss => return Err(self.write_error(subject, lost.unwrap_or(miss))),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits for the leader before a change, where it left the change before unanswered: a change that
    /// nobody hears would be one more whose outcome is unknown.
    async fn leader_is_there(&self, subject: &str, lost: Option<&Miss>) -> Result<(), NatsError> {
        if !self.clustered || !self.leader.is_silent() {
            return Ok(());
        }
        match self.read("INFO", &Body::Empty).await {
            Ok(_) => Ok(()),
            Err(error) if lost.is_none() => Err(error),
            Err(error) => Err(self.write_error(subject.to_owned(), Miss::Lost(error.to_string()))),
        }
    }

    /// One attempt. The answer that there is no leader is none.
    async fn attempt(
        &self,
        subject: &str,
        body: &Body,
        level: Option<u8>,
        patience: Duration,
    ) -> Result<Result<Map<String, Value>, NatsError>, Miss> {
        let answered = self.once(subject, body, level, patience).await;
        self.heed(subject, answered, Kept::Whole)
    }

    /// The same of a request that changes nothing.
    async fn read_attempt(
        &self,
        subject: &str,
        body: &Body,
        kept: Kept,
        patience: Duration,
    ) -> Result<Result<Map<String, Value>, NatsError>, Miss> {
        let answered = self.once(subject, body, None, patience).await;
        self.heed(subject, answered, kept)
    }

    fn heed(
        &self,
        subject: &str,
        answered: Result<Message, Miss>,
        kept: Kept,
    ) -> Result<Result<Map<String, Value>, NatsError>, Miss> {
        let answered = match answered.map(|message| self.answer(subject, &message, kept)) {
            Ok(Err(error)) if self.clustered && error.api_code() == Some(NO_LEADER) => {
                Err(Miss::Leaderless(ELECTION))
            }
            other => other,
        };
        if self.clustered {
            self.note_leader(subject, &answered);
        }
        answered
    }

    fn note_leader<T>(&self, subject: &str, answered: &Result<T, Miss>) {
        let of_another = is_of_one_stream(subject);
        match answered {
            Ok(_) if of_another => {}
            Ok(_) => self.leader.note_answer(),
            Err(Miss::TimedOut(_) | Miss::Leaderless(_)) => {
                if !of_another {
                    self.leader.note_silence();
                }
                self.leader.tell(&self.server);
            }
            Err(
                Miss::NoResponders
                | Miss::Denied(..)
                | Miss::Lost(_)
                | Miss::NotSent(_)
                | Miss::Unsendable(_)
                | Miss::StreamSilent(_),
            ) => {}
        }
    }

    /// What a miss after the last attempt means. Where nobody else would be answered either, nothing more is
    /// asked, or every request of a run would wait as long.
    async fn final_word(&self, asked: &str, miss: Miss, attempts: Attempts) -> Miss {
        match (miss, self.clustered) {
            (Miss::TimedOut(_), false) => {
                if self.denials.silent_for() > GIVE_UP {
                    self.denials.give_up(GivenUp::Silent);
                }
                Miss::TimedOut(attempts.altogether)
            }
            (Miss::TimedOut(_) | Miss::Leaderless(_), true) => {
                let subject = self.subject("INFO");
                let looked = self.attempt(&subject, &Body::Empty, None, LOOK).await;
                let is_there = !matches!(looked, Err(Miss::TimedOut(_) | Miss::Leaderless(_)));
                if is_there && is_of_one_stream(asked) {
                    self.leader.one_is_silent.store(true, Ordering::SeqCst);
                    return Miss::StreamSilent(attempts.altogether);
                }
                if !is_there {
                    self.denials.give_up(GivenUp::Leaderless);
                }
                Miss::Leaderless(attempts.altogether)
            }
            (other, _) => other,
        }
    }
}

/// Whether a stream's or a consumer's own leader answers this, and not the meta leader.
fn is_of_one_stream(subject: &str) -> bool {
    [".STREAM.INFO.", ".STREAM.MSG.GET.", ".CONSUMER.INFO."]
        .iter()
        .any(|call| subject.contains(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_asked_for_longer_than_an_election_takes() {
        let alone = Attempts::of(Kind::Read, false);
        assert!(alone.altogether < Duration::from_secs(10));
        let cluster = Attempts::of(Kind::Read, true);
        assert!(cluster.altogether > Duration::from_secs(9));
        let left = Duration::from_secs(60);
        let lengths = [0, 1, 2, 3].map(|number| cluster.attempt(number, left).as_secs());
        assert_eq!(lengths, [2, 3, 4, 4]);
        assert_eq!(cluster.attempt(0, Duration::from_secs(1)).as_secs(), 1);
        let again = cluster.after_silence().altogether;
        assert!(again < Duration::from_secs(9), "an election is over");
    }

    #[test]
    fn a_streams_own_leader_answers_what_is_asked_of_it_alone() {
        let of_one = [
            "$JS.API.STREAM.INFO.S",
            "$JS.API.STREAM.MSG.GET.S",
            "$JS.hub.API.CONSUMER.INFO.S.c",
        ];
        assert!(of_one.into_iter().all(is_of_one_stream));
        let of_meta = [
            "$JS.API.STREAM.LIST",
            "$JS.API.INFO",
            "$JS.API.STREAM.CREATE.S",
        ];
        assert!(!of_meta.into_iter().any(is_of_one_stream));
    }
}
