//! The requests in flight on a connection.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Broken;

type Answer = Result<Bytes, Broken>;

/// Who waits for which answer, or why nobody can any more.
#[derive(Default)]
pub(super) struct State(Mutex<Flight>);

#[derive(Default)]
struct Flight {
    last_id: i32,
    waiting: HashMap<i32, oneshot::Sender<Answer>>,
    broken: Option<Broken>,
}

impl State {
    /// A new correlation id and the place where its answer will arrive.
    pub(super) fn expect(&self) -> Result<(i32, oneshot::Receiver<Answer>), Broken> {
        let mut flight = self.flight();
        if let Some(why) = &flight.broken {
            return Err(why.clone());
        }
        flight.last_id = flight.last_id.wrapping_add(1);
        let id = flight.last_id;
        let (sender, receiver) = oneshot::channel();
        flight.waiting.insert(id, sender);
        Ok((id, receiver))
    }

    /// Hands a frame to the one that waits for it.
    pub(super) fn deliver(&self, frame: Bytes) -> Result<(), Broken> {
        let Some(id) = frame.first_chunk::<4>().map(|id| i32::from_be_bytes(*id)) else {
            return Err(Broken::Garbled(
                "a frame without correlation id".to_string(),
            ));
        };
        let waiting = self.flight().waiting.remove(&id);
        let sender = waiting.ok_or_else(|| {
            Broken::Garbled(format!("an answer to request {id}, which was not asked"))
        })?;
        // Nobody listens when the caller has given up: the answer is dropped.
        let _ = sender.send(Ok(frame));
        Ok(())
    }

    /// Fails everything in flight, and everything after; the first reason stays.
    pub(super) fn fail(&self, why: Broken) {
        let mut flight = self.flight();
        let why = flight.broken.get_or_insert(why).clone();
        for (_, sender) in flight.waiting.drain() {
            let _ = sender.send(Err(why.clone()));
        }
    }

    pub(super) fn broken(&self) -> Option<Broken> {
        self.flight().broken.clone()
    }

    fn flight(&self) -> MutexGuard<'_, Flight> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
