use jiff::Timestamp;

use super::args::{Consent, DriftArgs, Form, Global};
use super::compare::compared;
use super::exit::Exit;
use super::failure::{Complaints, Failure};
use super::next;
use super::plan::way_on;
use super::progress::Progress;
use super::screen::Screen;
use super::show::without;
use super::work::Work;
use crate::engine::{Going, RouteStatus, route_status};
use crate::model::{Code, KindName};
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
    let routes = match args.against.is_none() && args.targets.is_empty() {
        true => unwell(&work, global).await?,
        false => Vec::new(),
    };
    screen.publish(&|form| match form {
        Form::Text => text::drift(&shown, counted, &view) + &text::unwell(&routes, view.width),
        Form::Json => with_routes(plan.to_json(), &routes),
        Form::Markdown => drift_markdown(&plan, counted),
    })?;
    let is_void = routes.iter().any(|route| route.position.is_some());
    Ok(if !plan.complete {
        Exit::Error
    } else if counted.is_in(&plan) || is_void {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// The declared routes that are in the table and not as they should be: by their position, their lag or what moves them. The plan
/// tells what else differs.
async fn unwell(work: &Work, global: &Global) -> Result<Vec<RouteStatus>, Failure> {
    let declared = work.resources();
    if !declared
        .keys()
        .any(|address| address.kind == KindName::Route)
    {
        return Ok(Vec::new());
    }
    let progress = Progress::start(global);
    let port = work.reach(&[], &progress).await?;
    progress.phase("reading routes".to_owned());
    let now = Timestamp::now().as_millisecond();
    let stack = Some(work.stack());
    let routes = route_status(port.brokers(), declared, stack, now).await;
    let routes = routes.map_err(|problem| Complaints::from(vec![problem]))?;
    let of_it = |route: &RouteStatus| route.declared.is_some() && route.going != Going::Absent;
    Ok(routes
        .into_iter()
        .filter(|route| of_it(route) && !route.is_well())
        .collect())
}

/// The plan's JSON with what is not well of its routes.
fn with_routes(json: String, routes: &[RouteStatus]) -> String {
    if routes.is_empty() {
        return json;
    }
    match serde_json::from_str::<serde_json::Value>(&json) {
        Ok(mut document) => {
            document["routes"] = serde_json::json!(routes);
            format!("{document:#}\n")
        }
        Err(_) => json,
    }
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
