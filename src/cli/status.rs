use jiff::Timestamp;
use serde_json::json;

use super::args::{Form, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use super::reach::Reach;
use super::screen::Screen;
use super::signals::Signals;
use crate::engine::{self, RouteStatus};
use crate::kinds::Resources;
use crate::model::Broker;
use crate::report::text;

/// Shows how the routes are, be a worker there or not.
pub(super) async fn run(global: &Global, screen: &Screen) -> Result<Exit, Failure> {
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
        let both = [Broker::Nats, Broker::Kafka];
        let port = reach.connect(&both, &progress).await?;
        progress.phase("reading routes".to_owned());
        let now = Timestamp::now().as_millisecond();
        let routes = engine::route_status(port.brokers(), declared, now).await;
        routes.map_err(|problem| reach.failure(vec![problem]))
    };
    let routes: Vec<RouteStatus> = match signals.or(look).await? {
        Ok(routes) => routes,
        Err(exit) => return Ok(exit),
    };
    drop(progress);
    screen.publish(&|form| match form {
        Form::Text | Form::Markdown => text::status(&routes, screen.width()),
        Form::Json => format!(
            "{:#}\n",
            json!({ "format_version": "1.0", "routes": routes })
        ),
    })?;
    Ok(Exit::Done)
}
