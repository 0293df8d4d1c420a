use super::args::{DriftArgs, Form, Global};
use super::compare::compared;
use super::exit::Exit;
use super::failure::Failure;
use super::next;
use super::screen::Screen;
use super::show::without;
use crate::report::drift_markdown;
use crate::report::text::{self, Drift, View};

/// Shows where the brokers hold something else than the manifest says.
pub(super) async fn run(
    args: &DriftArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let compared = compared(&args.targets, args.against.as_deref(), global, screen).await?;
    let (work, plan) = match compared {
        Ok(compared) => compared,
        Err(exit) => return Ok(exit),
    };
    let counted = if args.strict {
        Drift::Strict
    } else {
        Drift::Declared
    };
    let next = (plan.applyable).then(|| next::command(&["apply"], global, &args.targets));
    let view = View {
        width: screen.width(),
        next: next.as_deref(),
    };
    let shown = without(&plan, work.told(global));
    screen.publish(&|form| match form {
        Form::Text => text::drift(&shown, counted, &view),
        Form::Json => plan.to_json(),
        Form::Markdown => drift_markdown(&plan, counted),
    })?;
    Ok(if !plan.complete {
        Exit::Error
    } else if counted.is_in(&plan) {
        Exit::Changes
    } else {
        Exit::Done
    })
}
