//! The routes that a worker runs: started, changed and stopped while the others go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};

use super::gauge::{Gauge, State};
use super::http::Board;
use super::route::{Route, Shared};
use super::stop::Stop;
use super::{inward, outward};
use crate::kinds::route::{Record, RouteState, shards};

/// How long a route that is changed or deleted may take to finish what is in flight.
const CHANGE: Duration = Duration::from_secs(20);

/// The pause before a route begins anew that ended by a fault of our own.
const AFTER_PANIC: Duration = Duration::from_secs(15);

/// The routes, by name.
pub(super) struct Slots {
    shared: Arc<Shared>,
    board: Arc<Board>,
    slots: BTreeMap<String, Slot>,
}

/// A route's tasks, and those of what it was before.
struct Slot {
    stop: Stop,
    task: JoinHandle<()>,
}

impl Slots {
    pub(super) fn new(shared: &Arc<Shared>, board: &Arc<Board>) -> Slots {
        Slots {
            shared: Arc::clone(shared),
            board: Arc::clone(board),
            slots: BTreeMap::new(),
        }
    }

    /// Runs a record from now on; what the route was before finishes first.
    pub(super) fn run(&mut self, name: &str, revision: u64, record: Record) {
        let before = self.slots.remove(name);
        if let Some(before) = &before {
            before.stop.ask();
        }
        let is_paused = record.spec.state == Some(RouteState::Paused);
        let state = if is_paused {
            State::Paused
        } else {
            State::Starting
        };
        let routes: Vec<Arc<Route>> = (1..=shards(&record.spec))
            .map(|shard| {
                Arc::new(Route {
                    shared: Arc::clone(&self.shared),
                    name: name.to_owned(),
                    shard,
                    record: record.clone(),
                    revision,
                    gauge: Gauge::new(state),
                    poison: Arc::default(),
                })
            })
            .collect();
        self.board.put(name, &routes);
        self.shared.tell(&format!(
            "route/{name}: {} (revision {revision})",
            state.word()
        ));
        let stop = Stop::default();
        let asked = stop.clone();
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                before.ended(CHANGE).await;
            }
            let mut shards = JoinSet::new();
            for route in routes.into_iter().filter(|_| !is_paused) {
                shards.spawn(run(route, asked.clone()));
            }
            while shards.join_next().await.is_some() {}
        });
        self.slots.insert(name.to_owned(), Slot { stop, task });
    }

    /// Stops a route.
    pub(super) fn stop(&mut self, name: &str) {
        self.board.take(name);
        if let Some(slot) = self.slots.remove(name) {
            slot.stop.ask();
            tokio::spawn(slot.ended(CHANGE));
        }
    }

    /// Stops all of them, and waits for so long at most.
    pub(super) async fn drain(self, patience: Duration) {
        for slot in self.slots.values() {
            slot.stop.ask();
        }
        let ends = self.slots.into_values().map(|slot| slot.ended(patience));
        futures::future::join_all(ends).await;
    }
}

impl Slot {
    /// Waits for its end, and makes one when that takes too long.
    async fn ended(mut self, patience: Duration) {
        if tokio::time::timeout(patience, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}

/// Runs a route until the stop is asked for; a fault of our own ends neither the worker nor the route.
async fn run(route: Arc<Route>, stop: Stop) {
    loop {
        let (running, asked) = (Arc::clone(&route), stop.clone());
        // its own task, and gone with this one
        let mut task = JoinSet::new();
        task.spawn(async move {
            match &running.record.spec.from.stream {
                Some(_) => outward::run(&running, &asked).await,
                None => inward::run(&running, &asked).await,
            }
        });
        let Some(Err(error)) = task.join_next().await else {
            return;
        };
        let why = format!("a fault of trueup's own, please report it: {error}; it begins anew");
        route.become_(State::Failed, Some(&why));
        if !stop.pause(AFTER_PANIC).await {
            return;
        }
    }
}
