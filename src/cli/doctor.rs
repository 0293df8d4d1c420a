use super::args::{Form, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use super::screen::Screen;
use super::signals::Signals;
use super::work::Reach;
use crate::engine::{self, Finding, Health};
use crate::kinds::Resources;
use crate::report::{findings_json, text};

/// Looks whether the brokers can be reached and grant what plan and apply need.
pub(super) async fn run(global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    if global.output == Form::Markdown {
        return Err(Failure::said(
            "`doctor` has no Markdown form; take text or json",
        ));
    }
    let reach = Reach::load(global, screen)?;
    let endpoints = reach.endpoints(&reach.used())?;
    let nothing = Resources::new();
    let resources = reach
        .manifest()
        .map_or(&nothing, |manifest| &manifest.resources);
    let mut signals = Signals::listen()?;
    let progress = Progress::start(global);
    progress.phase("asking the brokers".to_owned());
    let look = async { Ok(engine::doctor(endpoints, resources).await) };
    let findings: Vec<Finding> = match signals.or(look).await? {
        Ok(findings) => findings,
        Err(exit) => return Ok(exit),
    };
    drop(progress);
    screen.publish(&|form| match form {
        Form::Text | Form::Markdown => text::findings(&findings, screen.width()),
        Form::Json => findings_json(&findings),
    })?;
    let bad = findings
        .iter()
        .any(|finding| finding.verdict == Health::Bad);
    Ok(if bad { Exit::Error } else { Exit::Done })
}
