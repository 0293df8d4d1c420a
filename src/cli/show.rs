use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::args::Form;
use super::exit::Exit;
use super::failure::Failure;
use super::next;
use super::screen::Screen;
use crate::manifest::{is_manifest_name, read_text};
use crate::model::{Code, Problem};
use crate::plan::{Plan, PlanFileError};
use crate::report::plan_markdown;
use crate::report::text::{self, View};

/// Shows a saved plan.
pub(super) fn run(file: &Path, screen: &Screen) -> Result<Exit, Failure> {
    let plan = read(file, "plan")?;
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
/// `command` is the one that takes a manifest instead.
///
/// # Errors
/// When it can't be read or is too large, is no plan, was edited, or is of another major version.
pub(super) fn read(file: &Path, command: &str) -> Result<Plan, Failure> {
    let of_manifest = || {
        let file = next::quoted(&next::shown(file));
        format!("a manifest is named with `-f`: `trueup {command} -f {file}`")
    };
    let text = read_text(file).map_err(|problem| {
        let hint = match file.is_dir() || is_manifest_name(file) {
            true => of_manifest(),
            false => "name a file that `trueup plan -o FILE` wrote, or `-`".to_owned(),
        };
        Failure::of(Code::BadPlan, problem.message).hint(hint)
    })?;
    Plan::from_json(&text).map_err(|error| {
        let failure = Failure::of(Code::BadPlan, format!("`{}`: {error}", file.display()));
        match error {
            PlanFileError::NotAPlan(_) if is_manifest_name(file) || is_manifest(&text) => {
                failure.hint(of_manifest())
            }
            PlanFileError::NotAPlan(_) | PlanFileError::OtherVersion(_) | PlanFileError::Edited => {
                failure
            }
        }
    })
}

/// Whether a text that is no plan begins to say a manifest, in YAML or JSON.
fn is_manifest(text: &str) -> bool {
    let names_stack = |line: &str| line.starts_with("stack:");
    let is_json = |json: Value| json["stack"].is_string() && json.get("format_version").is_none();
    text.lines().any(names_stack) || serde_json::from_str(text).is_ok_and(is_json)
}

/// Whether a regular file holds a plan, whether it still holds or not.
pub(super) fn holds_plan(file: &Path) -> bool {
    let is_file = std::fs::metadata(file).is_ok_and(|facts| facts.is_file());
    is_file
        && read_text(&Path::new(".").join(file)).is_ok_and(|text| Plan::from_json(&text).is_ok())
}
