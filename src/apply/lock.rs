use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::broker::Fence;
use crate::ledger::{Holder, Lease, Ledger, StoreError};

/// How long a lease lasts without a renewal.
pub const LEASE: Duration = Duration::from_secs(30);

/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(10);

/// What has to be left of a lease before something is sent: a broker's answer takes as long at most.
const OPERATION: Duration = Duration::from_secs(10);

/// The first pause between two tries to take a lease that somebody has; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The lock of a stack, ours for as long as it is kept.
///
/// Neither broker takes a fencing token, so the holder fences itself: what could not renew its lease in time sends
/// nothing more, before anybody else may take the lease over.
#[derive(Debug)]
pub struct Lock {
    ledger: Ledger,
    lease: Mutex<Lease>,
    lost: Mutex<Option<StoreError>>,
    fences: Vec<Fence>,
}

impl Lock {
    /// Takes the lock, waiting for it as long as `patience` allows.
    ///
    /// # Errors
    /// [`StoreError::Held`] with who has it; what could not be written.
    pub async fn take(
        ledger: &Ledger,
        stack: &str,
        holder: &Holder,
        patience: Duration,
        fences: Vec<Fence>,
    ) -> Result<Lock, StoreError> {
        let end = Instant::now() + patience;
        let mut pause = FIRST_PAUSE;
        loop {
            match ledger.store().acquire(stack, holder, LEASE).await {
                Ok(lease) => {
                    let lock = Lock {
                        ledger: ledger.clone(),
                        lease: Mutex::new(lease),
                        lost: Mutex::new(None),
                        fences,
                    };
                    lock.fence_off();
                    return Ok(lock);
                }
                Err(held) if !passes(&held) || Instant::now() + pause > end => return Err(held),
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Renews the lease until it is lost; never comes back otherwise.
    pub async fn keep(&self) {
        while !self.is_lost() {
            tokio::time::sleep(RENEWAL).await;
            self.renew().await;
        }
    }

    /// Renews the lease now, by which it is known whether somebody took it away.
    pub async fn renew(&self) {
        let lease = self.lease().clone();
        match self.ledger.store().renew(&lease, LEASE).await {
            Ok(renewed) => {
                *self.lease() = renewed;
                self.fence_off();
            }
            Err(lost @ StoreError::Lost { .. }) => *self.lost() = Some(lost),
            // the lease still runs: the next renewal may come through
            Err(error) => tracing::warn!("the lock could not be renewed: {error}"),
        }
    }

    /// No broker is sent a change once the lease may be somebody else's: a process that was frozen in between finds
    /// its fences closed when it wakes up.
    fn fence_off(&self) {
        let end = self.lease().ends;
        self.fences.iter().for_each(|fence| fence.close_at(end));
    }

    /// Whether something may still be sent under it.
    ///
    /// # Errors
    /// Why it may not.
    pub fn holds(&self) -> Result<(), String> {
        if let Some(lost) = &*self.lost() {
            return Err(lost.to_string());
        }
        let left = self.lease().ends.saturating_duration_since(Instant::now());
        if left < OPERATION {
            return Err(format!(
                "the lock could not be renewed, and ends in {} s",
                left.as_secs()
            ));
        }
        Ok(())
    }

    /// Gives it back.
    ///
    /// # Errors
    /// What could not be written: it ends by itself within [`LEASE`].
    pub async fn release(&self) -> Result<(), StoreError> {
        let lease = self.lease().clone();
        self.ledger.store().release(&lease).await
    }

    fn is_lost(&self) -> bool {
        self.lost().is_some()
    }

    fn lost(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
/// Whether it is worth waiting.
fn passes(error: &StoreError) -> bool {
    matches!(error, StoreError::Held { .. } | StoreError::Busy { .. })
}
