use jiff::Timestamp;
use serde_json::json;

use super::args::{Form, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::ledger::{self, Chosen};
use super::progress::Progress;
use super::reach::Reach;
use super::screen::Screen;
use super::signals::Signals;
use super::work::brokers_with;
use crate::engine::{self, RouteStatus, StackStatus};
use crate::kinds::Resources;
use crate::model::Broker;
use crate::report::text;

/// Shows how the routes are, be a worker there or not.
pub(super) async fn run(
    detailed_exitcode: bool,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    if global.output == Form::Markdown {
        return Err(Failure::said(
            "`status` has no Markdown form; take text or json",
        ));
    }
    let reach = Reach::load(global, screen)?;
    let nothing = Resources::new();
    let declared = reach
        .manifest()
        .map_or(&nothing, |manifest| &manifest.resources);
    let mut signals = Signals::listen()?;
    let progress = Progress::start(global);
    let look = async {
        let chosen = reach
            .manifest()
            .map(|manifest| Chosen::of(manifest, global, reach.environment()));
        let chosen = chosen.transpose()?;
        let brokers = match (reach.manifest(), &chosen) {
            // of the brokers that the manifest speaks of, and of that of its ledger
            (Some(manifest), Some(chosen)) => {
                brokers_with(manifest.resources.keys(), &chosen.place)
            }
            _ => vec![Broker::Nats, Broker::Kafka],
        };
        let port = reach.connect(&brokers, &progress).await?;
        progress.phase("reading routes".to_owned());
        let now = Timestamp::now().as_millisecond();
        let stack = reach.manifest().map(|manifest| manifest.stack.as_str());
        let routes = match brokers.contains(&Broker::Nats) {
            true => engine::route_status(port.brokers(), declared, stack, now).await,
            false => Ok(Vec::new()),
        };
        let routes = routes.map_err(|problem| reach.failure(vec![problem]))?;
        let ledger = chosen.and_then(|chosen| chosen.open(&port));
        let stack = match reach.manifest().zip(ledger) {
            Some((manifest, ledger)) => {
                let read = engine::stack_status(&ledger, &manifest.stack).await;
                Some(read.map_err(|error| ledger::failure(&error))?)
            }
            None => None,
        };
        Ok((stack, routes))
    };
    let (stack, routes): (Option<StackStatus>, Vec<RouteStatus>) = match signals.or(look).await? {
        Ok(read) => read,
        Err(exit) => return Ok(exit),
    };
    drop(progress);
    screen.publish(&|form| match form {
        Form::Text | Form::Markdown => text::status(stack.as_ref(), &routes, screen.width()),
        Form::Json => format!(
            "{:#}\n",
            json!({ "format_version": "1.0", "stack": stack, "routes": routes })
        ),
    })?;
    let is_well = routes.iter().all(RouteStatus::is_well);
    Ok(match is_well || !detailed_exitcode {
        true => Exit::Done,
        false => Exit::Changes,
    })
}
