use std::collections::HashMap;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Global;
use crate::apply::Watch;
use crate::model::{Address, Outcome};

/// What is going on: a live line on standard error where that is a terminal, gone when dropped. Elsewhere nothing: who reads
/// there later wants what came of it.
pub(super) struct Progress {
    state: Arc<Mutex<State>>,
    bar: Option<ProgressBar>,
}

struct State {
    phase: String,
    total: usize,
    failed: usize,
    unknown: usize,
    begun: HashMap<Address, Option<Outcome>>,
    finished: usize,
}

impl Progress {
    /// Begins; `--quiet` shows nothing.
    pub fn start(global: &Global) -> Progress {
        let state = Arc::new(Mutex::new(State {
            phase: String::new(),
            total: 0,
            failed: 0,
            unknown: 0,
            begun: HashMap::new(),
            finished: 0,
        }));
        let live = !global.quiet && global.verbose == 0 && stderr().is_terminal();
        let bar = live.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(style());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress { state, bar }
    }

    /// Something else goes on now.
    pub fn phase(&self, phase: String) {
        tracing::info!("{phase}");
        if let Some(bar) = &self.bar {
            bar.set_message(phase.clone());
        }
        self.state().phase = phase;
    }

    /// So many steps are going to be carried out.
    pub fn expect(&self, total: usize) {
        self.state().total = total;
        let steps = if total == 1 { "step" } else { "steps" };
        self.phase(format!("applying {total} {steps}"));
    }

    /// What became of each step that was begun; none where no answer has come yet.
    pub fn begun(&self) -> HashMap<Address, Option<Outcome>> {
        self.state().begun.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Progress {
    fn started(&self, addresses: &[&Address]) {
        let mut state = self.state();
        for address in addresses {
            state.begun.insert((*address).clone(), None);
        }
    }

    fn finished(&self, address: &Address, outcome: &Outcome) {
        let mut state = self.state();
        state.finished += 1;
        match outcome {
            Outcome::Failed { .. } => state.failed += 1,
            Outcome::Unknown { .. } => state.unknown += 1,
            Outcome::Applied | Outcome::NotAttempted { .. } => {}
        }
        state.begun.insert(address.clone(), Some(outcome.clone()));
        if let Some(bar) = &self.bar {
            bar.set_message(state.line());
        }
    }
}

impl State {
    fn line(&self) -> String {
        if self.total == 0 {
            return self.phase.clone();
        }
        let counts = [(self.failed, "failed"), (self.unknown, "unknown")];
        let bad = counts.iter().filter(|(count, _)| *count > 0);
        let bad: String = bad
            .map(|(count, what)| format!(", {count} {what}"))
            .collect();
        format!("applying: {} of {} done{bad}", self.finished, self.total)
    }
}

/// A line that is cut at the terminal's width, so that it never wraps and leaves nothing behind.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_told_apart_from_what_is_unknown() {
        let line = |failed, unknown| {
            let state = State {
                phase: String::new(),
                total: 5,
                failed,
                unknown,
                begun: HashMap::new(),
                finished: 4,
            };
            state.line()
        };
        assert_eq!(line(0, 0), "applying: 4 of 5 done");
        assert_eq!(line(0, 2), "applying: 4 of 5 done, 2 unknown");
        assert_eq!(line(1, 2), "applying: 4 of 5 done, 1 failed, 2 unknown");
    }
}
