use std::path::Path;

use super::args::Global;
use super::exit::Exit;
use super::failure::{Complaints, Failure};
use super::outputs;
use super::progress::Progress;
use super::reach::Reach;
use super::screen::{Screen, resources};
use super::signals::Signals;
use crate::engine::{Snapshot, SnapshotPort, hidden, left_out};
use crate::manifest::read_text;
use crate::model::Code;

/// Saves the live state of the brokers that are meant.
pub(super) async fn save(file: &Path, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let reach = Reach::load(global, screen)?;
    let brokers = reach.brokers();
    let mut signals = Signals::listen()?;
    let progress = Progress::start(global);
    let work = async {
        let port = reach.connect(&brokers, &progress).await?;
        progress.phase("reading everything that is there".to_owned());
        let snapshot = Snapshot::take(&port, &brokers, &reach.declared())
            .await
            .map_err(|problems| reach.failure(problems))?;
        let hidden = hidden(&port, &brokers).await.into_values();
        let left_out = left_out(&port, &brokers).await;
        Ok((snapshot, hidden.chain(left_out).collect::<Vec<_>>()))
    };
    let (snapshot, left_out) = match signals.or(work).await? {
        Ok(saved) => saved,
        Err(exit) => return Ok(exit),
    };
    drop(progress);
    outputs::write(file, &snapshot.to_json())?;
    screen.insist(&Complaints::from(left_out));
    screen.tell(&format!(
        "saved {} in {}\n",
        resources(snapshot.resources.len()),
        file.display()
    ));
    Ok(Exit::Done)
}

/// The snapshot in a file, as what `plan` reads.
///
/// # Errors
/// When it can't be read, is no snapshot, or is of another major version.
pub(super) fn read(file: &Path) -> Result<SnapshotPort, Failure> {
    let text = read_text(file).map_err(|problem| {
        let hint = "name a file that `trueup export --snapshot FILE` wrote, or `-`";
        Failure::of(problem.code, problem.message).hint(hint)
    })?;
    let snapshot = Snapshot::from_json(&text).map_err(|error| {
        Failure::of(Code::BadSnapshot, format!("`{}`: {error}", file.display()))
    })?;
    Ok(SnapshotPort::new(snapshot))
}
