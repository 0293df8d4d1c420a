//! What became of steps, told from one broker's walk to the other's.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::{Address, Broker, Outcome};

/// Outcomes of both brokers' steps as they are settled. One walk waits for few of the other's, and none waits for ever: a walk
/// that is over has settled all that it ever will.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    outcomes: HashMap<Address, Outcome>,
    finished: HashSet<Broker>,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what became of a step.
    pub(super) fn settle(&self, address: &Address, outcome: &Outcome) {
        let mut state = self.state();
        state.outcomes.insert(address.clone(), outcome.clone());
        drop(state);
        self.changed.notify_waiters();
    }

    /// Tells that nothing more comes of this broker.
    pub(super) fn finish(&self, broker: Broker) {
        self.state().finished.insert(broker);
        self.changed.notify_waiters();
    }

    /// What became of these steps, once all of them are settled or their broker's walk is over.
    pub(super) async fn settled(&self, wanted: Vec<Address>) -> HashMap<Address, Outcome> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // from here on no news is missed
            changed.as_mut().enable();
            if let Some(outcomes) = self.if_settled(&wanted) {
                return outcomes;
            }
            changed.await;
        }
    }

    fn if_settled(&self, wanted: &[Address]) -> Option<HashMap<Address, Outcome>> {
        let state = self.state();
        let is_settled = |address: &Address| {
            let is_over = state.finished.contains(&address.kind.broker());
            is_over || state.outcomes.contains_key(address)
        };
        let outcome = |address: &Address| {
            let outcome = state.outcomes.get(address)?.clone();
            Some((address.clone(), outcome))
        };
        let is_all = wanted.iter().all(is_settled);
        is_all.then(|| wanted.iter().filter_map(outcome).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn it_waits_for_each_and_for_no_walk_that_is_over() {
        let board = Board::default();
        let address = |text: &str| text.parse::<Address>().unwrap();
        let wanted = || vec![address("topic/a"), address("topic/b")];
        assert!(board.settled(Vec::new()).await.is_empty());
        board.settle(&address("topic/a"), &Outcome::Applied);
        let early = timeout(Duration::from_millis(20), board.settled(wanted())).await;
        assert!(early.is_err());
        let news = async {
            tokio::task::yield_now().await;
            board.settle(&address("topic/b"), &Outcome::Applied);
        };
        let (both, ()) = tokio::join!(board.settled(wanted()), news);
        assert_eq!(both.len(), 2);
        let more = vec![address("topic/a"), address("topic/c")];
        let over = async {
            tokio::task::yield_now().await;
            board.finish(Broker::Kafka);
        };
        let (known, ()) = tokio::join!(board.settled(more), over);
        assert_eq!(known.len(), 1);
    }
}
