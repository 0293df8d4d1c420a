//! Whose ledger or lock is looked at: that of the manifest's stack, or, where no manifest is at hand, of the one that is
//! named.

use super::args::Global;
use super::failure::Failure;
use super::ledger;
use super::progress::Progress;
use super::reach::Reach;
use super::screen::Screen;
use super::work::Work;
use crate::engine::LiveBrokers;
use crate::ledger::{Ledger, LedgerPlace};

/// A stack and its ledger, with the progress to end before anything is shown.
pub(super) struct Whose {
    pub stack: String,
    pub ledger: Ledger,
    pub port: LiveBrokers,
    pub progress: Progress,
    /// The manifest, where one is named.
    pub work: Option<Work>,
}

impl Whose {
    /// Finds it by the manifest, or else by `--stack`, `--ledger` and the environment.
    ///
    /// # Errors
    /// That neither says which; as [`Work::load`] and [`Work::reach`].
    pub async fn find(
        stack: Option<&String>,
        global: &Global,
        screen: &Screen,
    ) -> Result<Whose, Failure> {
        let (port, chosen, progress, work) = if global.files.is_empty() {
            if stack.is_none() {
                return Err(Failure::said("neither a manifest nor a stack is named")
                    .hint("name the manifest with `-f`, or the stack with `--stack`"));
            }
            let reach = Reach::load(global, screen)?;
            let environment = reach.environment();
            let named = ledger::named(global, environment)?;
            let place = named.unwrap_or_else(|| {
                let says = |name| environment.contains_key(name);
                LedgerPlace::usual(says("NATS_URL"), says("KAFKA_BROKERS"))
            });
            let brokers: Vec<_> = place.broker().into_iter().collect();
            let progress = Progress::start(global);
            let port = reach.connect(&brokers, &progress).await?;
            (port, place, progress, None)
        } else {
            let work = Work::load(global, screen)?;
            let progress = Progress::start(global);
            let port = work.reach(&[], &progress).await?;
            (port, work.ledger().place.clone(), progress, Some(work))
        };
        let of_manifest = || work.as_ref().map(|work| work.stack().to_owned());
        let stack = stack.cloned().or_else(of_manifest).unwrap_or_default();
        match ledger::open(&chosen, &port) {
            Some(ledger) => Ok(Whose {
                stack,
                ledger,
                port,
                progress,
                work,
            }),
            None => Err(ledger::needed()),
        }
    }
}
