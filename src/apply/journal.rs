use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use crate::engine::{Port, observe};
use crate::kinds::{Live, Observed};
use crate::ledger::{Book, Ledger, Phase, Record, StoreError};
use crate::model::{Action, Address, Claim, Outcome, Resource, Step};
use crate::plan::{Plan, Target, claim, label_of};

/// Writes the ledger along with an apply: what is about to be done before the brokers are asked, what became of it
/// after. Killed anywhere in between, the next run finds the intent and looks what is there.
#[derive(Debug)]
pub struct Journal {
    ledger: Ledger,
    stack: String,
    targets: Vec<Target>,
    now: fn() -> String,
    pages: Mutex<Pages>,
    /// Somebody else wrote into the stack's part meanwhile.
    is_overtaken: AtomicBool,
}

#[derive(Debug, Default)]
struct Pages {
    book: Book,
    /// The records as they were before this run intended something.
    before: HashMap<Address, Option<Record>>,
}

/// The record of a resource that is there and declared, with the label that it bears.
pub fn record_present(resource: &Resource, live: &Live, targets: &[Target], at: String) -> Record {
    let claim = claim(resource, label_of(live));
    let incarnation = live.incarnation.clone();
    let on = identity_of(&resource.address, targets);
    present(&resource.address, incarnation, on, claim, at)
}

fn present(
    address: &Address,
    incarnation: Option<String>,
    on: Option<String>,
    claim: Claim,
    at: String,
) -> Record {
    Record {
        address: address.clone(),
        incarnation,
        on,
        phase: Phase::Present,
        action: None,
        applied: claim.fields,
        protected: claim.protected,
        forgets: claim.forgets,
        at,
    }
}

/// Who the broker of a resource is.
fn identity_of(address: &Address, targets: &[Target]) -> Option<String> {
    let broker = address.kind.broker();
    let target = targets.iter().find(|target| target.broker() == broker)?;
    target.identity().map(str::to_owned)
}

impl Journal {
    /// A journal of this stack's part of a ledger, as it was read; `now` tells the time, RFC 3339.
    pub fn new(ledger: Ledger, book: Book, plan: &Plan, now: fn() -> String) -> Self {
        let pages = Mutex::new(Pages {
            book,
            before: HashMap::new(),
        });
        Journal {
            ledger,
            stack: plan.stack.clone(),
            targets: plan.targets.clone(),
            now,
            pages,
            is_overtaken: AtomicBool::new(false),
        }
    }

    /// Whether somebody else wrote into the stack's part of the ledger while this was at work: the lock kept nobody out.
    pub fn is_overtaken(&self) -> bool {
        self.is_overtaken.load(Ordering::Relaxed)
    }

    /// Records that these steps are about to be sent.
    ///
    /// # Errors
    /// What could not be written: then nothing may be sent.
    pub(super) async fn intend(&self, steps: &[&Step]) -> Result<(), StoreError> {
        let mut pages = self.pages.lock().await;
        let mut changes = Vec::new();
        for step in steps.iter().filter(|step| step.is_on_broker()) {
            let before = pages.book.record(&self.stack, &step.address).cloned();
            let intent = self.intent(step, before.as_ref());
            pages.before.insert(step.address.clone(), before);
            changes.push((step.address.clone(), Some(intent)));
        }
        self.write(&mut pages, changes).await
    }

    /// Records what became of steps; what is unknown stays an intent, for the next run to look at.
    ///
    /// # Errors
    /// What could not be written: the intents stay.
    pub(super) async fn settle(
        &self,
        port: &dyn Port,
        steps: &[&Step],
        outcomes: &HashMap<Address, Outcome>,
    ) -> Result<(), StoreError> {
        let made = |step: &&&Step| {
            matches!(step.action, Action::Create | Action::Replace)
                && outcomes.get(&step.address) == Some(&Outcome::Applied)
        };
        let made = steps.iter().filter(made).map(|step| step.address.clone());
        let seen = observe(port, made).await;
        let mut pages = self.pages.lock().await;
        let mut changes = Vec::new();
        for step in steps {
            let before = pages.before.remove(&step.address);
            let record = match (outcomes.get(&step.address), step.action) {
                (Some(Outcome::Applied), Action::Delete | Action::Forget) => None,
                (Some(Outcome::Applied), _) => {
                    let incarnation = match seen.get(&step.address) {
                        Some(Observed::Present(live)) => live.incarnation.clone(),
                        Some(Observed::Absent | Observed::Unreadable(_)) | None => {
                            step.base.incarnation.clone()
                        }
                    };
                    Some(self.present(step, incarnation))
                }
                (Some(Outcome::Failed { .. } | Outcome::NotAttempted { .. }), _) => match before {
                    Some(before) => before,
                    None => continue,
                },
                (Some(Outcome::Unknown { .. }) | None, _) => continue,
            };
            changes.push((step.address.clone(), record));
        }
        self.write(&mut pages, changes).await
    }

    async fn write(
        &self,
        pages: &mut MutexGuard<'_, Pages>,
        changes: Vec<(Address, Option<Record>)>,
    ) -> Result<(), StoreError> {
        let written = self.ledger.write(&mut pages.book, &self.stack, changes);
        let written = written.await;
        if let Err(StoreError::Conflict { .. }) = written {
            self.is_overtaken.store(true, Ordering::Relaxed);
        }
        written
    }

    /// What was applied before counts until this step is done: whichever of both is there, the stack set it.
    fn intent(&self, step: &Step, before: Option<&Record>) -> Record {
        let present = self.present(step, step.base.incarnation.clone());
        let mut applied = before.map_or_else(Default::default, |record| record.applied.clone());
        applied.extend(present.applied);
        Record {
            phase: match step.action {
                Action::Delete => Phase::Deleting,
                _ => Phase::Intent,
            },
            action: Some(step.action),
            applied,
            ..present
        }
    }

    fn present(&self, step: &Step, incarnation: Option<String>) -> Record {
        let on = identity_of(&step.address, &self.targets);
        let claim = step.claim.clone().unwrap_or_default();
        present(&step.address, incarnation, on, claim, (self.now)())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ledger::FileStore;
    use crate::report::samples;

    #[tokio::test]
    async fn whoever_is_overtaken_knows_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join("ledger.json"));
        let ledger = Ledger::new(Arc::new(store));
        let plan = samples::of(vec![samples::step("stream/A", Action::Create, 1)], 0);
        let book = ledger.read().await.unwrap();
        let at = || "2026-01-01T00:00:00Z".to_owned();
        let journal = || Journal::new(ledger.clone(), book.clone(), &plan, at);
        let (one, other) = (journal(), journal());
        let steps: Vec<&Step> = plan.steps.iter().collect();
        one.intend(&steps).await.unwrap();
        let late = other.intend(&steps).await;
        assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
        assert_eq!((one.is_overtaken(), other.is_overtaken()), (false, true));
    }
}
