//! Walks a plan: the two brokers side by side, batch after batch, each step with its outcome.
//!
//! Nothing is decided here that the plan did not say.

mod board;
mod journal;
mod last_look;
mod lock;
mod once_more;
mod unmade;
mod walk;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

pub use journal::{Journal, record_present};
pub use lock::{LEASE, Lock};
pub use walk::{BATCH, Done, apply};

use crate::model::{Address, Outcome, Step};

/// Who watches an apply.
pub trait Watch: Send + Sync {
    /// A batch is on its way.
    fn started(&self, addresses: &[&Address]);
    /// A step has its outcome.
    fn finished(&self, address: &Address, outcome: &Outcome);
}

/// What an apply holds and writes down while it works.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The lock of the stack.
    pub lock: &'a Lock,
    /// Its part of the ledger.
    pub journal: &'a Journal,
}

impl Kept<'_> {
    /// Records that these steps are about to be sent.
    ///
    /// # Errors
    /// Why nothing may be sent.
    async fn begin(self, steps: &[&Step]) -> Result<(), String> {
        self.lock.holds()?;
        let intended = self.journal.intend(steps).await;
        intended.map_err(|error| error.to_string())?;
        self.lock.holds()
    }
}

/// A wish to stop: what is in flight is finished, nothing new is started.
///
/// What is in flight has 4 s for it; what there is to know of the rest is known 2 s later.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<Option<Instant>>>);

impl Default for Stop {
    fn default() -> Stop {
        Stop(Arc::new(watch::Sender::new(None)))
    }
}

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.send_if_modified(|asked| {
            let is_first = asked.is_none();
            asked.get_or_insert_with(Instant::now);
            is_first
        });
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The moment when somebody asks.
    async fn asked(&self) -> Instant {
        let mut news = self.0.subscribe();
        let asked = news.wait_for(Option::is_some).await;
        asked.ok().and_then(|at| *at).unwrap_or_else(Instant::now)
    }
}
