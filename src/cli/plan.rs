use super::args::{Form, Global, PlanArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::next;
use super::progress::Progress;
use super::screen::{Screen, write_file};
use super::show::{rendered, without};
use super::signals::Signals;
use super::work::Work;
use crate::plan::Plan;

/// Shows what an apply would do, and saves it where `-o` says.
pub(super) async fn run(
    args: &PlanArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let work = Work::load(global, screen)?;
    let mut signals = Signals::listen()?;
    let progress = Progress::start(global);
    let plan = match signals
        .or(work.compare(&args.targets, args.against.as_deref(), &progress))
        .await?
    {
        Ok(plan) => plan,
        Err(exit) => return Ok(exit),
    };
    drop(progress);
    if let Some(file) = &args.out {
        write_file(file, &plan.to_json())?;
    }
    let next = next_command(&plan, args, global);
    let shown = without(&plan, work.told(global));
    screen.publish(&|form| match form {
        Form::Text => rendered(&shown, form, screen.width(), next.as_deref()),
        Form::Json | Form::Markdown => rendered(&plan, form, 0, None),
    })?;
    Ok(verdict(&plan, args.detailed_exitcode))
}

fn next_command(plan: &Plan, args: &PlanArgs, global: &Global) -> Option<String> {
    if !plan.applyable {
        let code = plan
            .blocked_steps()
            .flat_map(|step| &step.refusals)
            .next()?
            .code;
        return Some(format!("trueup explain {code}"));
    }
    Some(match &args.out {
        Some(file) => next::command(&["apply", &next::shown(file)], global, &[]),
        None => next::command(&["apply"], global, &args.targets),
    })
}

/// How a plan ends: what could not be read is an error, what is blocked comes before what changes.
pub(super) fn verdict(plan: &Plan, detailed: bool) -> Exit {
    if !plan.complete {
        Exit::Error
    } else if plan.blocked_steps().next().is_some() {
        Exit::Blocked
    } else if detailed && plan.has_changes() {
        Exit::Changes
    } else {
        Exit::Done
    }
}
