//! What librdkafka told of the records of a transaction.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::broker::kafka::{RdCode, Reports};

/// The records that were reported since [`Reported::begin`].
#[derive(Default)]
pub(super) struct Reported {
    done: AtomicUsize,
    /// How many are waited for; more than there can be while nobody waits.
    wanted: AtomicUsize,
    failed: Mutex<Vec<(usize, RdCode)>>,
    news: Notify,
}

impl Reported {
    pub(super) fn new() -> Arc<Reported> {
        Arc::default()
    }

    /// Who librdkafka tells.
    pub(super) fn reports(self: &Arc<Self>) -> Reports {
        let reported = Arc::clone(self);
        Arc::new(move |number, failure| {
            if let Some(code) = failure {
                let mut failed = reported
                    .failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                failed.push((number, code));
            }
            let done = reported.done.fetch_add(1, Ordering::SeqCst) + 1;
            if failure.is_some() || done >= reported.wanted.load(Ordering::SeqCst) {
                reported.news.notify_one();
            }
        })
    }

    /// Forgets the transaction before.
    pub(super) fn begin(&self) {
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.wanted.store(usize::MAX, Ordering::SeqCst);
        self.done.store(0, Ordering::SeqCst);
    }

    /// The first record that failed, by its number.
    pub(super) fn failure(&self) -> Option<(usize, RdCode)> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        // what was in one batch with a bad record is refused with it, by another code
        let own = failed
            .iter()
            .find(|(_, code)| *code != RdCode::InvalidDifferentRecord);
        own.or(failed.first()).copied()
    }

    /// Waits for so long at most until so many are reported, or one failed; whether it is so.
    pub(super) async fn wait(&self, wanted: usize, patience: Duration) -> bool {
        self.wanted.store(wanted, Ordering::SeqCst);
        let is_so = || self.done.load(Ordering::SeqCst) >= wanted || self.failure().is_some();
        let end = tokio::time::Instant::now() + patience;
        while !is_so() {
            if tokio::time::timeout_at(end, self.news.notified())
                .await
                .is_err()
            {
                return is_so();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_are_waited_for_and_a_failure_ends_the_wait() {
        let reported = Reported::new();
        let tell = reported.reports();
        reported.begin();
        tell(0, None);
        assert!(!reported.wait(2, Duration::from_millis(5)).await);
        tell(1, None);
        assert!(reported.wait(2, Duration::ZERO).await);
        reported.begin();
        tell(0, Some(RdCode::InvalidDifferentRecord));
        tell(1, Some(RdCode::InvalidRecord));
        assert!(reported.wait(9, Duration::ZERO).await);
        assert_eq!(reported.failure(), Some((1, RdCode::InvalidRecord)));
    }
}
