use std::net::SocketAddr;
use std::sync::Arc;

use indexmap::IndexMap;

use super::args::{BridgeCommand, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::ledger::host;
use super::reach::Reach;
use super::screen::{Screen, error_line};
use super::signals::Signals;
use super::steer;
use crate::bridge::{self, Stop, Worker};
use crate::broker::kafka::KafkaData;
use crate::broker::nats::NatsSettings;
use crate::kinds::route::RouteState;
use crate::model::Broker;

/// Runs what `trueup bridge ...` asks for.
pub(super) async fn run(
    command: &BridgeCommand,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    match command {
        BridgeCommand::Run { listen } => work(*listen, global, screen).await,
        BridgeCommand::Pause { route } => {
            steer::set(route, RouteState::Paused, global, screen).await
        }
        BridgeCommand::Resume { route } => {
            steer::set(route, RouteState::Running, global, screen).await
        }
        BridgeCommand::Reset { route, to } => steer::set_back(route, to, global, screen).await,
    }
}

/// Moves messages until a signal comes.
async fn work(listen: SocketAddr, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let worker = worker(listen, global, screen)?;
    let stop = Stop::default();
    let running = bridge::run(worker, &stop);
    tokio::pin!(running);
    let exit = tokio::select! {
        ended = &mut running => return ended.map(|()| Exit::Done).map_err(Failure::system),
        exit = signals.next() => exit,
    };
    stop.ask();
    tokio::select! {
        ended = &mut running => ended.map(|()| exit).map_err(Failure::system),
        again = signals.next() => {
            error_line("stopped at once; what was in flight is delivered again\n");
            Ok(again)
        }
    }
}

fn worker(listen: SocketAddr, global: &Global, screen: &Screen) -> Result<Worker, Failure> {
    let reach = Reach::load(global, screen)?;
    let Some(manifest) = reach.manifest() else {
        let what = "`bridge run` needs a manifest: name the one of the routes' stack with `-f`";
        return Err(Failure::system(what));
    };
    let (nats, kafka) = data_planes(&reach)?;
    let host = host(reach.environment());
    // what is told is in the log, too, where somebody asked for that
    let log = reach.environment().get("TRUEUP_LOG");
    let logs = global.verbose > 0 || log.is_some_and(|filter| !filter.is_empty());
    let tells = !global.quiet && !logs;
    Ok(Worker {
        stack: manifest.stack.clone(),
        name: name(&host),
        host,
        nats,
        kafka,
        listen,
        say: Arc::new(move |line| {
            if tells {
                error_line(&format!("{line}\n"));
            }
        }),
    })
}

/// What messages are moved with.
pub(super) fn data_planes(reach: &Reach) -> Result<(NatsSettings, KafkaData), Failure> {
    let endpoints = reach.endpoints(&[Broker::Nats, Broker::Kafka])?;
    let properties = match reach.manifest() {
        Some(manifest) => manifest.connections.kafka.properties(),
        None => Ok(IndexMap::new()),
    };
    let properties = properties.map_err(|problem| reach.failure(vec![problem]))?;
    let (Some(nats), Some(kafka)) = (endpoints.nats, endpoints.kafka) else {
        return Err(Failure::system("the bridge needs both brokers"));
    };
    Ok((nats, KafkaData::new(kafka, properties)))
}

/// Who a worker is: one token of a key, new at each start, so that nobody takes it for one before.
fn name(host: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let host: String = host.chars().map(plain).take(40).collect();
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{host}-{}", &id[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_name_is_one_token_and_nobody_elses() {
        let (one, other) = (name("a.b c"), name("a.b c"));
        assert!(one.starts_with("a-b-c-"), "{one}");
        assert_ne!(one, other);
    }
}
