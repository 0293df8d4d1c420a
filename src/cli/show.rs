use std::path::Path;

use super::args::Form;
use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;
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

/// Reads a plan file, which may be `-` for standard input.
///
/// # Errors
/// When it can't be read, is no plan, was edited, or is of another major version.
pub(super) fn read(file: &Path) -> Result<Plan, Failure> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let name = file.display();
    let text = text.map_err(|error| Failure::said(format!("can't read `{name}`: {error}")))?;
    Plan::from_json(&text).map_err(|error| Failure::said(format!("`{name}`: {error}")))
}
