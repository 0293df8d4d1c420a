//! `bridge pause`, `resume` and `reset`: what is done to a route by hand.

use super::args::Global;
use super::bridge::data_planes;
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use super::reach::Reach;
use super::screen::Screen;
use crate::bridge::{Planes, reset};
use crate::broker::Brokers;
use crate::broker::nats::NatsData;
use crate::kinds::route::{Place, RouteState, set_state};
use crate::model::{Broker, Code, Problem};

/// Pauses or resumes a route, in the table.
pub(super) async fn set(
    route: &str,
    state: RouteState,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let name = named(route);
    let work = async |brokers: &Brokers| {
        let Some(nats) = &brokers.nats else {
            let what = "there is no connection to NATS";
            return Err(Problem::error(Code::Unreachable, what));
        };
        set_state(nats, name, state).await
    };
    let changed = on(&[Broker::Nats], global, screen, work).await?;
    screen.tell(&match (state, changed) {
        (RouteState::Paused, true) => format!(
            "`route/{name}` is paused: its messages wait where they are. A manifest with `state: running` has it run again\n"
        ),
        (RouteState::Paused, false) => format!("`route/{name}` is paused already\n"),
        (RouteState::Running, true) => format!("`route/{name}` runs again\n"),
        (RouteState::Running, false) => format!("`route/{name}` runs already\n"),
    });
    Ok(Exit::Done)
}

/// Sets a route to another place.
pub(super) async fn set_back(
    route: &str,
    place: &Place,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let name = named(route);
    let both = [Broker::Nats, Broker::Kafka];
    let reach = Reach::load(global, screen)?;
    let (nats, kafka) = data_planes(&reach)?;
    let progress = Progress::start(global);
    let port = reach.connect(&both, &progress).await?;
    let nats = NatsData::connect(&nats).await;
    let nats = nats.map_err(|error| reach.failure(vec![error.problem()]))?;
    let brokers = port.brokers();
    let planes = Planes {
        brokers,
        nats,
        kafka,
    };
    let done = reset(&planes, name, place).await;
    let done = done.map_err(|problem| reach.failure(vec![problem]))?;
    screen.tell(&format!("{done}\n"));
    Ok(Exit::Done)
}

/// A route may be named as an address, too.
fn named(route: &str) -> &str {
    route.strip_prefix("route/").unwrap_or(route)
}

/// Connects to these brokers and does the work there.
async fn on<T>(
    brokers: &[Broker],
    global: &Global,
    screen: &Screen,
    work: impl AsyncFnOnce(&Brokers) -> Result<T, Problem>,
) -> Result<T, Failure> {
    let reach = Reach::load(global, screen)?;
    let progress = Progress::start(global);
    let port = reach.connect(brokers, &progress).await?;
    let done = work(port.brokers()).await;
    done.map_err(|problem| reach.failure(vec![problem]))
}
