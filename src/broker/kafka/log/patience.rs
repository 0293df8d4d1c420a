//! Troubles that pass: a leader or coordinator that moves, or is not there yet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::broker::kafka::error::KafkaError;

/// How long they are waited for, from the first one until something is done again: a broker that died is missed for `broker.session.timeout.ms` (9 s) before another one leads.
const PATIENCE: Duration = Duration::from_secs(20);

/// The first pause; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What passes by itself (`org.apache.kafka.common.errors.RetriableException`): topics and leaders that are not known yet
/// or moved, replicas that are out of sync, coordinators that load, move or still end the last transaction.
const PASSING: [i16; 17] = [
    3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 51, 56, 74, 75, 78, 100,
];

/// `CONCURRENT_TRANSACTIONS`: the coordinator is the right one, and busy with the transaction before.
const BUSY: i16 = 51;

/// The troubles of one log, whoever asks: a broker that answers nobody is waited for once, and not once a request.
#[derive(Clone, Debug)]
pub(super) struct Troubles {
    patience: Duration,
    now: Arc<Mutex<Option<Trouble>>>,
}

/// A time in which nothing was done.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    first: Instant,
    last: Instant,
}

/// How long troubles are still borne by one who asks.
pub(super) struct Patience<'a> {
    troubles: &'a Troubles,
    end: Instant,
    pause: Duration,
}

impl Default for Troubles {
    fn default() -> Troubles {
        Troubles::borne_for(PATIENCE)
    }
}

impl Troubles {
    fn borne_for(patience: Duration) -> Troubles {
        Troubles {
            patience,
            now: Arc::default(),
        }
    }

    pub(super) fn begin(&self) -> Patience<'_> {
        Patience {
            troubles: self,
            end: Instant::now() + self.patience,
            pause: FIRST_PAUSE,
        }
    }

    /// Tries until it is done, or a trouble does not pass.
    pub(super) async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, KafkaError>
    where
        F: Future<Output = Result<T, KafkaError>>,
    {
        let mut patience = self.begin();
        loop {
            match attempt().await {
                Err(error) => patience.bear(error).await?,
                Ok(done) => return Ok(patience.over(done)),
            }
        }
    }

    /// When the time is over that this trouble is borne, with those before it in which nothing was done.
    fn end(&self) -> Instant {
        let now = Instant::now();
        let mut trouble = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        // who gave up long ago left nothing to go on with
        let before = trouble.filter(|before| now < before.last + self.patience);
        let first = before.map_or(now, |before| before.first);
        *trouble = Some(Trouble { first, last: now });
        first + self.patience
    }

    fn are_over(&self) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Patience<'_> {
    /// Waits a little after a passing trouble; gives back one that does not pass, or any when the patience is at its end.
    pub(super) async fn bear(&mut self, error: KafkaError) -> Result<(), KafkaError> {
        if !passes(&error) {
            return Err(self.over(error));
        }
        if Instant::now() + self.pause > self.end.min(self.troubles.end()) {
            return Err(error);
        }
        tracing::debug!("waiting for it to pass: {error}");
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }

    /// The same, as what was got of brokers that answer.
    pub(super) fn over<T>(&self, got: T) -> T {
        self.troubles.are_over();
        got
    }
}

/// Whether it says no more than to wait.
pub(super) fn is_busy(error: &KafkaError) -> bool {
    code(error) == Some(BUSY)
}

/// The code of a refusal.
pub(super) fn code(error: &KafkaError) -> Option<i16> {
    match error {
        KafkaError::Refused { error, .. } => Some(error.code),
        _ => None,
    }
}

fn passes(error: &KafkaError) -> bool {
    match error {
        KafkaError::Refused { error, .. } => PASSING.contains(&error.code),
        KafkaError::AdvertisedUnreachable { .. }
        | KafkaError::NoSuchBroker { .. }
        | KafkaError::ConnectionClosed { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::kafka::ItemError;

    fn refused(code: i16) -> KafkaError {
        KafkaError::refused("Produce", ItemError::refused(code, None))
    }

    #[tokio::test]
    async fn what_passes_is_borne_for_a_while_and_what_does_not_is_not() {
        let troubles = Troubles::borne_for(Duration::from_millis(60));
        let mut patience = troubles.begin();
        assert!(patience.bear(refused(51)).await.is_ok());
        let denied = patience.bear(refused(29)).await;
        assert_eq!(code(&denied.unwrap_err()), Some(29));
        let mut borne = Ok(());
        while borne.is_ok() {
            borne = patience.bear(refused(15)).await;
        }
        assert_eq!(code(&borne.unwrap_err()), Some(15));
    }

    #[tokio::test]
    async fn a_broker_that_answers_nobody_is_waited_for_once() {
        let troubles = Troubles::borne_for(Duration::from_millis(300));
        let nothing = || async { Err::<(), _>(refused(15)) };
        assert!(troubles.patiently(nothing).await.is_err());
        let begin = Instant::now();
        assert!(troubles.patiently(nothing).await.is_err());
        assert!(begin.elapsed() < Duration::from_millis(100), "tried once");
        assert!(troubles.patiently(|| async { Ok(()) }).await.is_ok());
        let begin = Instant::now();
        assert!(troubles.patiently(nothing).await.is_err());
        assert!(begin.elapsed() > Duration::from_millis(100), "and anew");
    }
}
