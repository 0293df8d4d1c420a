//! From a topic to a stream, in the order of each partition.
//!
//! The consumer group says which worker has which partition. Each partition has a task that reads its own queue, publishes a
//! batch, waits until the stream has it, and goes on; what is acknowledged is committed, and never past a hole. When a partition
//! goes, its task ends first. A worker that froze for longer than its group waits for it publishes nothing more.

pub(super) mod batches;
mod partition;
mod reader;
mod rounds;
mod setup;
pub(super) mod start;

use std::sync::Arc;

use super::fault::Fault;
use super::gauge::State;
use super::route::{End, Pauses, Route};
use super::stop::Stop;
use setup::Setup;

/// Runs until somebody asks to stop.
pub(super) async fn run(route: &Arc<Route>, stop: &Stop) {
    let mut pauses = Pauses::new();
    loop {
        let ended = session(route, stop).await;
        if !route.after(ended, &mut pauses, stop).await {
            return;
        }
    }
}

async fn session(route: &Arc<Route>, stop: &Stop) -> Result<End, Fault> {
    route.become_(State::Starting, None);
    let setup = Setup::make(route).await?;
    start::settle(&setup).await?;
    reader::read(setup, stop).await
}
