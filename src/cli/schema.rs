use super::args::Schema;
use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;
use crate::manifest;
use crate::report::plan_schema;

/// Prints a JSON Schema, which is JSON in every form.
pub(super) fn run(of: Schema, screen: &Screen) -> Result<Exit, Failure> {
    screen.publish(&|_| match of {
        Schema::Manifest => manifest::schema_text(),
        Schema::Plan => plan_schema(),
    })?;
    Ok(Exit::Done)
}
