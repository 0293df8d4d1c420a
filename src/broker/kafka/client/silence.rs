//! Brokers that give no answer: what waits for one of them once is not waited for again and again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Kafka, LOOK};
use crate::broker::kafka::dial::Dialing;
use crate::broker::kafka::error::KafkaError;

/// A broker that gave no sign of life for so long, though it was looked for, is taken to be frozen. A slow one answers the looks.
const FROZEN: Duration = Duration::from_secs(7);

/// For so long after a look in vain nobody looks again at a frozen broker.
const RESPITE: Duration = Duration::from_secs(2);

/// The silent brokers, by address.
#[derive(Debug, Default)]
pub(super) struct Silences(Mutex<HashMap<String, Silence>>);

#[derive(Clone, Copy, Debug)]
struct Silence {
    /// Nothing was heard from then on.
    since: Instant,
    /// The last look in vain.
    looked: Instant,
}

/// How long an address may take for a connection.
#[derive(Debug, PartialEq)]
enum Patience {
    /// As long as the settings allow.
    Full,
    /// A look: it was silent.
    Look,
    /// Nothing at all: it has been silent for so long.
    None(Duration),
}

impl Silences {
    /// Nothing was heard of this broker since then, and it was looked for until `looked`.
    pub(super) fn note(&self, address: &str, since: Instant, looked: Instant) {
        let mut silences = self.silences();
        let silence = silences.entry(address.to_owned());
        let silence = silence.or_insert(Silence { since, looked });
        silence.looked = looked;
    }

    fn forget(&self, address: &str) {
        self.silences().remove(address);
    }

    fn patience(&self, address: &str, now: Instant) -> Patience {
        match self.silences().get(address) {
            None => Patience::Full,
            Some(silence) => {
                let silent = now - silence.since;
                let is_frozen = silent >= FROZEN && now - silence.looked < RESPITE;
                match is_frozen {
                    true => Patience::None(silent),
                    false => Patience::Look,
                }
            }
        }
    }

    fn silences(&self) -> MutexGuard<'_, HashMap<String, Silence>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kafka {
    /// An attempt to reach an address until `deadline`, sooner where it was silent before.
    pub(super) fn approach(&self, address: &str, deadline: Instant) -> Result<Dialing, KafkaError> {
        match self.inner.silences.patience(address, Instant::now()) {
            Patience::Full => Ok(self.dialing(address, deadline)),
            Patience::Look => Ok(self.dialing(address, deadline.min(Instant::now() + LOOK))),
            Patience::None(after) => Err(KafkaError::NoAnswer {
                broker: address.to_owned(),
                request: "ApiVersions",
                after,
            }),
        }
    }

    /// Learns from what an attempt came to.
    pub(super) fn learn<T>(&self, dialing: &Dialing, came_to: &Result<T, KafkaError>) {
        let silences = &self.inner.silences;
        match came_to {
            Ok(_) => silences.forget(&dialing.address),
            Err(KafkaError::NoAnswer { .. } | KafkaError::ConnectTimeout { .. }) => {
                silences.note(&dialing.address, dialing.started, Instant::now());
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_broker_gets_a_look_and_a_frozen_one_a_respite() {
        let silences = Silences::default();
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let at = |seconds| silences.patience("a:1", after(seconds));
        assert_eq!(at(0), Patience::Full);
        silences.note("a:1", begin, after(5));
        assert_eq!(at(5), Patience::Look, "it may be slow");
        silences.note("a:1", after(5), after(8));
        assert_eq!(at(8), Patience::None(Duration::from_secs(8)));
        assert_eq!(silences.patience("b:1", after(8)), Patience::Full);
        assert_eq!(at(10), Patience::Look, "it may be back");
        silences.forget("a:1");
        assert_eq!(at(10), Patience::Full);
    }
}
