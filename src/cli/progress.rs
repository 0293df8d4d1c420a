use std::collections::HashMap;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::args::Global;
use crate::apply::Watch;
use crate::model::{Address, Outcome};

/// How often a line is written where no terminal shows a live one.
const EVERY: Duration = Duration::from_secs(10);

/// What is going on, on standard error: a live line on a terminal, elsewhere a plain one now and
/// then. It is gone when dropped.
pub(super) struct Progress {
    state: Arc<Mutex<State>>,
    bar: Option<ProgressBar>,
    ticker: Option<tokio::task::JoinHandle<()>>,
}

struct State {
    phase: String,
    since: Instant,
    total: usize,
    failed: usize,
    begun: HashMap<Address, Option<Outcome>>,
    finished: usize,
}

impl Progress {
    /// Begins; `--quiet` shows nothing.
    pub fn start(global: &Global) -> Progress {
        let state = Arc::new(Mutex::new(State {
            phase: String::new(),
            since: Instant::now(),
            total: 0,
            failed: 0,
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
        let plain = !global.quiet && !live;
        let ticker = plain.then(|| tokio::spawn(tell_now_and_then(state.clone())));
        Progress { state, bar, ticker }
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
        if let Some(ticker) = &self.ticker {
            ticker.abort();
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
        if matches!(outcome, Outcome::Failed { .. } | Outcome::Unknown { .. }) {
            state.failed += 1;
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
        let failed = match self.failed {
            0 => String::new(),
            n => format!(", {n} of them failed"),
        };
        format!("applying: {} of {} done{failed}", self.finished, self.total)
    }
}

/// A line that is cut at the terminal's width, so that it never wraps and leaves nothing behind.
fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

async fn tell_now_and_then(state: Arc<Mutex<State>>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let line = {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            format!("{} ({} s)\n", state.line(), state.since.elapsed().as_secs())
        };
        super::screen::error_line(&line);
    }
}
