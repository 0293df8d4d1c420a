use super::args::{Consent, DriftArgs, Form, Global};
use super::compare::compared;
use super::exit::Exit;
use super::failure::Failure;
use super::next;
use super::plan::way_on;
use super::screen::Screen;
use super::show::without;
use crate::model::Code;
use crate::plan::Plan;
use crate::report::drift_markdown;
use crate::report::text::{self, Drift, View};

/// Shows where the brokers hold something else than the manifest says.
pub(super) async fn run(
    args: &DriftArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let compared = compared(
        &args.targets,
        args.against.as_deref(),
        &Consent::default(),
        args.strict,
        global,
        screen,
    )
    .await?;
    let (work, mut plan) = match compared {
        Ok(compared) => compared,
        Err(exit) => return Ok(exit),
    };
    // whether an approval is of use is a question to what would be done
    plan.problems
        .retain(|problem| problem.code != Code::ApprovalUnneeded);
    let plan = plan.sealed();
    let counted = if args.strict {
        Drift::Strict
    } else {
        Drift::Declared
    };
    let next = next_command(&plan, global, &args.targets);
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

/// What brings the brokers back; where not all could be read, first what finds out why.
fn next_command(plan: &Plan, global: &Global, targets: &[String]) -> Option<String> {
    if !plan.complete {
        return way_on(plan, global);
    }
    (plan.applyable).then(|| next::command(&["apply"], global, targets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::mixed;

    #[test]
    fn what_could_not_be_read_comes_before_an_apply() {
        let words = ["trueup", "drift", "-f", "a.yaml"].map(std::ffi::OsString::from);
        let global = super::super::args::parse(&words).unwrap().global;
        let next = |plan: &Plan| next_command(plan, &global, &[]);
        let mut plan = mixed();
        assert!(plan.applyable);
        assert_eq!(next(&plan).as_deref(), Some("trueup doctor -f a.yaml"));
        plan.complete = true;
        assert_eq!(next(&plan).as_deref(), Some("trueup apply -f a.yaml"));
        plan.applyable = false;
        assert_eq!(next(&plan), None);
    }
}
