use super::args::{Form, Global, PlanArgs};
use super::compare::compared;
use super::exit::Exit;
use super::failure::{Complaints, Failure};
use super::next;
use super::outputs;
use super::screen::Screen;
use super::show::{self, rendered, without};
use crate::model::{Code, Problem};
use crate::plan::Plan;

/// Shows what an apply would do, and saves it where `-o` says.
pub(super) async fn run(
    args: &PlanArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let compared = compared(
        &args.targets,
        args.against.as_deref(),
        &args.consent,
        false,
        global,
        screen,
    )
    .await;
    let (work, plan) = match compared.map_err(|failure| without_one(failure, args))? {
        Ok(compared) => compared,
        Err(exit) => {
            if let Some(warning) = old_plan(args) {
                screen.insist(&Complaints::from(vec![warning]));
            }
            return Ok(exit);
        }
    };
    let plan = plan.made_by(next::command(&["plan"], global, &args.targets));
    let next = next_command(&plan, args, global);
    let shown = without(&plan, work.told(global));
    let published = screen.publish(&|form| match form {
        Form::Text => rendered(&shown, form, screen.width(), next.as_deref()),
        Form::Json | Form::Markdown => rendered(&plan, form, 0, None),
    });
    let saved = args.out.as_ref().map_or(Ok(()), |file| {
        let saved = outputs::write(file, &plan.to_json());
        saved.map_err(|failure| without_one(failure, args))
    });
    screen.both(published, saved)?;
    Ok(verdict(&plan, args.detailed_exitcode))
}

/// Why no plan was saved, with a warning of the older one that is left where it was to go.
pub(super) fn without_one(failure: Failure, args: &PlanArgs) -> Failure {
    match old_plan(args) {
        Some(warning) => failure.leaves(warning),
        None => failure,
    }
}

/// The plan of an earlier run in the file that `-o` names.
fn old_plan(args: &PlanArgs) -> Option<Problem> {
    let file = args.out.as_deref().filter(|file| show::holds_plan(file))?;
    let what = format!(
        "`{}` still holds the plan of an earlier run",
        next::shown(file)
    );
    Some(Problem::warning(Code::OldPlan, what).hint("plan again before you apply it, or remove it"))
}

fn next_command(plan: &Plan, args: &PlanArgs, global: &Global) -> Option<String> {
    if !plan.applyable || !plan.complete {
        return way_on(plan, global);
    }
    Some(match &args.out {
        Some(file) => next::command(&["apply", &next::shown(file)], global, &[]),
        None => {
            // what was consented to for this plan has to be said again: an apply makes its own
            let said = args.consent.said();
            let words: Vec<&str> = std::iter::once("apply")
                .chain(said.iter().map(String::as_str))
                .collect();
            next::command(&words, global, &args.targets)
        }
    })
}

/// What to run where no step can be carried out, or not all is known: what finds out why something
/// can't be read, or else what explains the first refusal.
pub(super) fn way_on(plan: &Plan, global: &Global) -> Option<String> {
    if !plan.complete {
        // what is only late is no matter for the doctor
        let late = plan.hidden_steps().count();
        let is_late = late > 0 && late == plan.summary.unread;
        let verb = if is_late { "plan" } else { "doctor" };
        return Some(next::command(&[verb], global, &[]));
    }
    let mut codes = plan.blocked_steps().flat_map(|step| {
        let refused = step.refusals.iter().map(|refusal| refusal.code);
        let risky = step.risks.iter().filter(|risk| risk.blocks());
        refused.chain(risky.map(|risk| risk.code))
    });
    codes.next().map(|code| format!("trueup explain {code}"))
}

/// How a plan ends: what could not be read is an error, what is blocked comes before what changes.
pub(super) fn verdict(plan: &Plan, detailed: bool) -> Exit {
    if !plan.complete {
        Exit::Error
    } else if plan.is_in_conflict() {
        Exit::Conflict
    } else if plan.blocked_steps().next().is_some() {
        Exit::Blocked
    } else if detailed && plan.has_changes() {
        Exit::Changes
    } else {
        Exit::Done
    }
}
