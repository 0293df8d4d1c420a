use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;
use crate::apply::Stop;

/// How long what is in flight may take after the first signal; the whole stop takes 7 s at most.
const GRACE: Duration = Duration::from_secs(6);

/// SIGINT and SIGTERM, from the moment that this is made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes the two signals over.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> Result<Signals, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::system(format!("can't listen to signals: {error}")))
        };
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next signal, as the exit code that it asks for.
    pub async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }

    /// Runs work that changes nothing; the first signal ends it, and that is said.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn or<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Result<T, Exit>, Failure> {
        tokio::select! {
            done = work => done.map(Ok),
            exit = self.next() => {
                super::screen::error_line("\nstopped; nothing was changed\n");
                Ok(Err(exit))
            }
        }
    }

    /// Runs work that changes something. The first signal asks it to stop and gives it [`GRACE`]
    /// to finish what is in flight; the second ends the process at once, and that is said.
    ///
    /// Returns what the work came to, where it came to an end, and the signal, where one came.
    pub async fn with_grace<T>(
        &mut self,
        stop: &Stop,
        screen: &Screen,
        work: impl Future<Output = T>,
    ) -> (Option<T>, Option<Exit>) {
        tokio::pin!(work);
        let exit = tokio::select! {
            done = &mut work => return (Some(done), None),
            exit = self.next() => exit,
        };
        stop.ask();
        screen.tell("stopping: what is in flight is finished, nothing else is started; a second signal stops now\n");
        tokio::select! {
            done = &mut work => (Some(done), Some(exit)),
            () = tokio::time::sleep(GRACE) => (None, Some(exit)),
            again = self.next() => leave(again),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the second signal means now, whatever is still running"
)]
fn leave(exit: Exit) -> ! {
    super::screen::error_line(
        "stopped at once: what was in flight is unknown; the next run settles it, `trueup plan` shows what is left\n",
    );
    std::process::exit(exit.number().into())
}
