//! Walks a plan: the two brokers side by side, batch after batch, each step with its outcome.
//!
//! Nothing is decided here that the plan did not say.

mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use walk::{BATCH, Done, apply};

use crate::model::{Address, Outcome};

/// Who watches an apply.
pub trait Watch: Send + Sync {
    /// A batch is on its way.
    fn started(&self, addresses: &[&Address]);
    /// A step has its outcome.
    fn finished(&self, address: &Address, outcome: &Outcome);
}

/// A wish to stop: what is in flight is finished, nothing new is started.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
