//! Troubles that pass: a leader or coordinator that moves, or is not there yet.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::broker::kafka::error::KafkaError;

/// How long one is waited for: a broker that died is missed for `broker.session.timeout.ms` (9 s) before another one leads.
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

/// How long troubles are still borne.
pub(super) struct Patience {
    end: Instant,
    pause: Duration,
}

impl Patience {
    pub(super) fn begin() -> Patience {
        Patience::of(PATIENCE)
    }

    fn of(patience: Duration) -> Patience {
        Patience {
            end: Instant::now() + patience,
            pause: FIRST_PAUSE,
        }
    }

    /// Waits a little after a passing trouble; gives back one that does not pass, or any when the patience is at its end.
    pub(super) async fn bear(&mut self, error: KafkaError) -> Result<(), KafkaError> {
        if !passes(&error) || Instant::now() + self.pause > self.end {
            return Err(error);
        }
        tracing::debug!("waiting for it to pass: {error}");
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Tries until it is done, or a trouble does not pass.
pub(super) async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, KafkaError>
where
    F: Future<Output = Result<T, KafkaError>>,
{
    let mut patience = Patience::begin();
    loop {
        match attempt().await {
            Err(error) => patience.bear(error).await?,
            done => return done,
        }
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
        let mut patience = Patience::of(Duration::from_millis(60));
        assert!(patience.bear(refused(51)).await.is_ok());
        let denied = patience.bear(refused(29)).await;
        assert_eq!(code(&denied.unwrap_err()), Some(29));
        let mut borne = Ok(());
        while borne.is_ok() {
            borne = patience.bear(refused(15)).await;
        }
        assert_eq!(code(&borne.unwrap_err()), Some(15));
    }
}
