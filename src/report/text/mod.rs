//! Screens: the plan, the drift, what became of the steps.

mod change;
mod drift;
mod findings;
mod ledger;
mod outcomes;
mod plan;
mod status;
mod step;
mod summary;
mod unread;

pub use drift::{Drift, drift};

pub(super) use drift::{counts as drift_counts, held};
pub use findings::findings;
pub use ledger::{ledger, lock};
pub use outcomes::outcomes;
pub use plan::plan;
pub use status::{status, unwell};
pub(super) use step::in_all;
pub(super) use summary::{blocked_why, counts};

/// What a screen needs to know beside what it shows.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Columns of the terminal.
    pub width: usize,
    /// The command to run next, ready to be typed.
    pub next: Option<&'a str>,
}

#[cfg(test)]
mod tests;
