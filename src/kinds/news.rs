use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What somebody who waits is told: not at once, and not too often.
#[derive(Debug)]
pub(super) struct News(Mutex<Instant>);

impl News {
    const EVERY: Duration = Duration::from_secs(10);

    /// The first word comes as soon as there is one.
    pub(super) fn at_once() -> News {
        News(Mutex::new(Instant::now()))
    }

    /// Nothing is said of what does not last so long.
    pub(super) fn after(silence: Duration) -> News {
        News(Mutex::new(Instant::now() + silence))
    }

    /// Tells what is waited for, if it is time to.
    pub(super) fn tell(&self, words: impl FnOnce() -> String) {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() < *next {
            return;
        }
        *next = Instant::now() + News::EVERY;
        tracing::warn!(target: "trueup::waiting", "{}", words());
    }
}
