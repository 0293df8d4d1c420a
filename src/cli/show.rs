use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use super::args::Form;
use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;
use crate::manifest::read_text;
use crate::model::{Code, Problem};
use crate::plan::Plan;
use crate::report::plan_markdown;
use crate::report::text::{self, View};

/// Shows a saved plan.
pub(super) fn run(file: &Path, screen: &Screen) -> Result<Exit, Failure> {
    let plan = read(file)?;
    let next = (plan.applyable).then(|| format!("trueup apply {}", file.display()));
    screen.publish(&|form| rendered(&plan, form, screen.width(), next.as_deref()))?;
    Ok(Exit::Done)
}

/// A plan in a form.
pub(super) fn rendered(plan: &Plan, form: Form, width: usize, next: Option<&str>) -> String {
    match form {
        Form::Text => text::plan(plan, &View { width, next }),
        Form::Json => plan.to_json(),
        Form::Markdown => plan_markdown(plan),
    }
}

/// The plan without the problems that were told before it, such as a manifest's warnings.
pub(super) fn without<'p>(plan: &'p Plan, told: &[Problem]) -> Cow<'p, Plan> {
    if told.is_empty() {
        return Cow::Borrowed(plan);
    }
    let told: HashSet<_> = told.iter().map(|p| (p.code, p.message.as_str())).collect();
    let mut plan = plan.clone();
    plan.problems
        .retain(|p| !told.contains(&(p.code, p.message.as_str())));
    Cow::Owned(plan)
}

/// Reads a plan file: a regular one, or `-` for standard input, which may wait for its writer.
///
/// # Errors
/// When it can't be read or is too large, is no plan, was edited, or is of another major version.
pub(super) fn read(file: &Path) -> Result<Plan, Failure> {
    let text = read_text(file).map_err(|problem| {
        let hint = "name a file that `trueup plan -o FILE` wrote, or `-`";
        Failure::of(Code::BadPlan, problem.message).hint(hint)
    })?;
    let no_plan = |error| Failure::of(Code::BadPlan, format!("`{}`: {error}", file.display()));
    Plan::from_json(&text).map_err(no_plan)
}
