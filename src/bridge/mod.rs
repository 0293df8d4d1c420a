//! The worker: moves messages along the routes that the table lists.
//!
//! It keeps nothing: routes are in the table, positions beside the data, and the brokers' own protocols say which worker moves
//! what: leases and transactional ids for routes in order from a stream, consumer groups for routes from a topic. So any number
//! of workers run side by side, and when one dies another goes on where it stopped.

mod fault;
mod feed;
mod gauge;
mod ground;
mod heartbeat;
mod http;
mod inward;
mod lease;
mod letters;
mod mapping;
mod outward;
mod reports;
mod reset;
mod route;
mod slots;
mod stop;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::net::TcpListener;

pub use gauge::{Counts, Heartbeat, LastError, State};
pub use reset::{Planes, reset};
pub use route::Say;
pub use stop::Stop;

use crate::broker::kafka::KafkaData;
use crate::broker::nats::{NatsData, NatsSettings};
use crate::kinds::route::TABLE;
use heartbeat::Heart;
use http::Board;
use route::Shared;
use slots::Slots;
use table::{Change, Table};

/// How often the table is looked at, though nobody told of a change.
const LOOK: Duration = Duration::from_secs(2);

/// How long routes may take to finish what is in flight.
const DRAIN: Duration = Duration::from_secs(26);

/// The pause before NATS is tried again that could not be reached at the start.
const AGAIN: Duration = Duration::from_secs(2);

/// What a worker is to do.
pub struct Worker {
    /// The stack whose routes it runs.
    pub stack: String,
    /// Who it is: one token, of no other worker.
    pub name: String,
    /// The host that it runs on.
    pub host: String,
    /// NATS.
    pub nats: NatsSettings,
    /// Kafka.
    pub kafka: KafkaData,
    /// Where it tells how it is; port 0 for any.
    pub listen: SocketAddr,
    /// Who is told in plain lines what starts, stops, fails and moves.
    pub say: Say,
}

impl Worker {
    fn tell(&self, line: &str) {
        tracing::info!("{line}");
        (self.say)(line);
    }
}

/// Runs until somebody asks to stop; then what is in flight is finished, within 30 s.
///
/// # Errors
/// Where it can't tell how it is at `listen`. Brokers that are away are waited for.
pub async fn run(worker: Worker, stop: &Stop) -> Result<(), String> {
    let listener = TcpListener::bind(worker.listen).await;
    let listener =
        listener.map_err(|error| format!("can't listen at `{}`: {error}", worker.listen))?;
    let at = listener.local_addr().map_err(|error| error.to_string())?;
    let board = Arc::new(Board::default());
    let web = tokio::spawn(http::serve(listener, Arc::clone(&board)));
    worker.tell(&format!(
        "worker {}: runs the routes of stack `{}`; http://{at} has /metrics, /healthz and /readyz",
        worker.name, worker.stack
    ));
    let nats = reach(&worker, &board, stop).await;
    if let Some(nats) = nats {
        serve(worker, nats, &board, stop).await;
    }
    web.abort();
    Ok(())
}

/// A connection to NATS, however long it takes; none when somebody asks to stop before.
async fn reach(worker: &Worker, board: &Board, stop: &Stop) -> Option<NatsData> {
    let mut said = String::new();
    loop {
        let connected = tokio::select! {
            connected = NatsData::connect(&worker.nats) => connected,
            () = stop.asked() => return None,
        };
        let problem = match connected {
            Ok(nats) => return Some(nats),
            Err(error) => error.problem().message,
        };
        board.trouble(Some(problem.clone()));
        if problem != said {
            worker.tell(&format!("{problem}; it is tried on and on"));
            said = problem;
        }
        if !stop.pause(AGAIN).await {
            return None;
        }
    }
}

async fn serve(worker: Worker, nats: NatsData, board: &Arc<Board>, stop: &Stop) {
    board.connected(nats.clone());
    let shared = Arc::new(Shared {
        nats: nats.clone(),
        kafka: worker.kafka,
        worker: worker.name,
        host: worker.host,
        say: worker.say,
    });
    if let Err(error) = heartbeat::make(&nats).await {
        tracing::debug!(%error, "the bucket of workers is made later");
    }
    let mut slots = Slots::new(&shared, board);
    let heart = Heart::start(&shared, board);
    let mut table = Table::new(&nats, &worker.stack);
    let mut told = nats.subscribe(format!("$KV.{TABLE}.>")).await.ok();
    while !stop.is_asked() {
        match table.look().await {
            Ok(changes) => {
                if board.trouble(None) {
                    shared.tell("the table of routes can be read again");
                }
                changes
                    .into_iter()
                    .for_each(|change| take(&mut slots, &shared, change));
            }
            Err(fault) => {
                if board.trouble(Some(fault.text.clone())) {
                    let line = format!(
                        "the table of routes can't be read: {}; what runs goes on",
                        fault.text
                    );
                    shared.tell(&line);
                }
            }
        }
        let news = async {
            match &mut told {
                Some(told) => told.next().await.is_some(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.asked() => {}
            () = tokio::time::sleep(LOOK) => {}
            is_told = news => {
                if !is_told {
                    // nobody tells any more: it is looked at now and then
                    told = None;
                }
                // several keys are written at a time
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    shared.tell("stopping: what is in flight is finished");
    slots.drain(DRAIN).await;
    heart.stop().await;
    let _flushed = tokio::time::timeout(Duration::from_secs(1), nats.client().flush()).await;
}

fn take(slots: &mut Slots, shared: &Shared, change: Change) {
    match change {
        Change::Run(name, revision, record) => slots.run(&name, revision, *record),
        Change::Stop(name, why) => {
            shared.tell(&format!("route/{name}: stops: {why}"));
            slots.stop(&name);
        }
        Change::Say(name, text) => {
            shared.tell(&format!("route/{name}: {text}"));
        }
    }
}
