//! Leases: one worker at a time for a shard of an ordered route.
//!
//! A lease is a key that its holder writes anew every 2 s. No clocks are compared: who wants it must have seen the same
//! revision for the lease's whole length, by its own clock; and the holder counts itself out when its last writing began that
//! long ago. Both write with the sequence that they saw, so that one of two wins.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::fault::Fault;
use super::stop::Stop;
use crate::broker::nats::{DataError, NatsData};
use crate::kinds::route::WORKERS;

/// For how long a lease is good without a renewal.
const LENGTH: Duration = Duration::from_secs(6);

/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(2);

/// How much sooner its holder counts itself out than others may take it.
const MARGIN: Duration = Duration::from_millis(500);

/// How often who stands by looks.
const LOOK: Duration = Duration::from_millis(700);

/// There is no such stream (`JSStreamNotFoundErr`).
const NO_STREAM: u64 = 10059;

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    worker: String,
    host: String,
}

/// A lease that is held, and renewed in the background until it is given back, dropped or lost.
pub(super) struct Lease {
    nats: NatsData,
    key: String,
    shared: Arc<Mutex<Held>>,
    lost: Stop,
    renewal: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Copy)]
struct Held {
    revision: u64,
    ends: Instant,
}

/// What a worker who wants a lease has seen of it.
pub(super) struct Wanted {
    nats: NatsData,
    key: String,
    value: Vec<u8>,
    seen: Option<(u64, Instant)>,
}

impl Wanted {
    pub(super) fn new(
        nats: &NatsData,
        route: &str,
        shard: u32,
        worker: &str,
        host: &str,
    ) -> Wanted {
        let holder = Holder {
            worker: worker.to_owned(),
            host: host.to_owned(),
        };
        Wanted {
            nats: nats.clone(),
            key: format!("lease.{route}.{shard}"),
            value: serde_json::to_vec(&holder).unwrap_or_default(),
            seen: None,
        }
    }

    /// Takes the lease where it is free, given back, or was not renewed for its whole length; else tells who has it.
    pub(super) async fn take(&mut self) -> Result<Result<Lease, String>, Fault> {
        let begin = Instant::now();
        let last = self.nats.key(WORKERS, &self.key).await.map_err(no_bucket)?;
        let revision = last.as_ref().map_or(0, |last| last.sequence);
        let holder = last.and_then(|last| last.value);
        if let Some(value) = holder {
            let since = match self.seen {
                Some((seen, since)) if seen == revision => since,
                _ => self.seen.insert((revision, begin)).1,
            };
            if since.elapsed() < LENGTH {
                let holder: Option<Holder> = serde_json::from_slice(&value).ok();
                return Ok(Err(
                    holder.map_or_else(|| "somebody".to_owned(), |holder| holder.worker)
                ));
            }
        }
        self.seen = None;
        let begin = Instant::now();
        let written = self
            .nats
            .write_key(WORKERS, &self.key, Some(&self.value), Some(revision));
        match written.await.map_err(no_bucket)? {
            Some(revision) => Ok(Ok(self.hold(Held {
                revision,
                ends: begin + LENGTH - MARGIN,
            }))),
            None => Ok(Err("somebody who was faster".to_owned())),
        }
    }

    fn hold(&self, held: Held) -> Lease {
        let shared = Arc::new(Mutex::new(held));
        let lost = Stop::default();
        let (nats, key, value) = (self.nats.clone(), self.key.clone(), self.value.clone());
        let renewal = renew(nats, key, value, Arc::clone(&shared), lost.clone());
        Lease {
            nats: self.nats.clone(),
            key: self.key.clone(),
            shared,
            lost,
            renewal: tokio::spawn(renewal),
        }
    }

    /// How long to wait before the next look.
    pub(super) const fn pause() -> Duration {
        LOOK
    }
}

/// Writes the lease anew until it is somebody else's, or its time is over.
async fn renew(nats: NatsData, key: String, value: Vec<u8>, shared: Arc<Mutex<Held>>, lost: Stop) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let held = read(&shared);
        let begin = Instant::now();
        if begin >= held.ends {
            return lost.ask();
        }
        let writing = nats.write_key(WORKERS, &key, Some(&value), Some(held.revision));
        match tokio::time::timeout_at(held.ends, writing).await {
            Ok(Ok(Some(revision))) => {
                let ends = begin + LENGTH - MARGIN;
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = Held { revision, ends };
            }
            // it may be our own, of a renewal whose acknowledgement was lost
            Ok(Ok(None)) => match nats.key(WORKERS, &key).await {
                Ok(Some(last)) if last.value.as_deref() == Some(&value) => {
                    let mut held = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    held.revision = last.sequence;
                }
                Ok(_) => return lost.ask(),
                Err(error) => tracing::debug!(%error, key, "a lease can't be read"),
            },
            Ok(Err(error)) => tracing::debug!(%error, key, "a lease can't be renewed"),
            Err(_) => return lost.ask(),
        }
    }
}

impl Lease {
    /// Whether it is ours still, by our own clock.
    pub(super) fn holds(&self) -> bool {
        !self.lost.is_asked() && Instant::now() < read(&self.shared).ends
    }

    /// What ends a session whose lease is lost.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.holds() {
            true => Ok(()),
            false => Err(Fault::moved("the lease was not renewed in time")),
        }
    }

    /// Comes back when it is lost.
    pub(super) async fn lost(&self) {
        loop {
            let ends = read(&self.shared).ends;
            tokio::select! {
                () = self.lost.asked() => return,
                () = tokio::time::sleep_until(ends) => {
                    if !self.holds() {
                        return;
                    }
                }
            }
        }
    }

    /// Lets the next one take it at once.
    pub(super) async fn give_back(self) {
        self.renewal.abort();
        if !self.holds() {
            return;
        }
        let revision = read(&self.shared).revision;
        let given = self
            .nats
            .write_key(WORKERS, &self.key, None, Some(revision))
            .await;
        if let Err(error) = given {
            tracing::debug!(%error, key = self.key, "a lease can't be given back");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

fn read(shared: &Mutex<Held>) -> Held {
    *shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_bucket(error: DataError) -> Fault {
    match error.err_code() {
        Some(NO_STREAM) => Fault::passing(format!("there is no bucket `{WORKERS}`")),
        _ => Fault::from(error).of("the lease"),
    }
}
