use std::path::Path;

use super::args::{Consent, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use super::screen::Screen;
use super::signals::Signals;
use super::work::Work;
use crate::plan::Plan;

/// How `plan` and `drift` begin: the manifest read, and compared with the brokers or a snapshot; a
/// way to end where a signal came.
///
/// # Errors
/// As [`Work::load`] and [`Work::compare`].
pub(super) async fn compared(
    targets: &[String],
    against: Option<&Path>,
    consent: &Consent,
    strict: bool,
    global: &Global,
    screen: &Screen,
) -> Result<Result<(Work, Plan), Exit>, Failure> {
    let work = Work::load(global, screen)?;
    let mut signals = Signals::listen()?;
    let progress = Progress::start(global);
    let compared = signals
        .or(work.compare(targets, against, consent, strict, &progress))
        .await?;
    drop(progress);
    Ok(compared.map(|plan| (work, plan)))
}
