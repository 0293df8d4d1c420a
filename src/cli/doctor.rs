use super::args::{Form, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use super::reach::Reach;
use super::screen::Screen;
use super::signals::Signals;
use super::work::Work;
use crate::engine::{self, Finding, Health, LiveBrokers};
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
    let look = async {
        let mut findings = engine::doctor(endpoints, resources).await;
        findings.extend(of_ledger(&reach, &findings).await?);
        let is_bad = |finding: &Finding| finding.verdict == Health::Bad;
        if let Some(work) = reach.work()
            && !findings.iter().any(is_bad)
        {
            findings.extend(of_records(work, &progress).await);
        }
        Ok(findings)
    };
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

/// What a plan would say of where the stack's records are: that the other ledger has them, or can't be read.
async fn of_records(work: &Work, progress: &Progress) -> Option<Finding> {
    let broker = work.ledger().place.broker()?;
    let brokers = work.manifest.brokers.iter().copied().chain([broker]);
    let port = work.connect(&brokers.collect::<Vec<_>>(), progress).await;
    let read = async {
        let port = port?;
        let Some((_, book)) = work.book(&port, progress).await? else {
            return Ok(None);
        };
        work.elsewhere(&book, &port, progress).await
    };
    match read.await {
        Ok(there) => {
            let why = there?.unread()?;
            let what = format!("{why}: a plan holds back what it would take over or delete");
            Some(Finding::of_other_ledger(broker, what))
        }
        Err(failure) => {
            let problem = failure.complaints().problems.into_iter().next()?;
            Some(Finding::of_ledger(broker, problem))
        }
    }
}

/// How the ledger is, where a manifest says whose it would be; a broker that can't be reached is told once.
async fn of_ledger(reach: &Reach, findings: &[Finding]) -> Result<Vec<Finding>, Failure> {
    let (Some(ledger), Some(manifest)) = (reach.ledger(), reach.manifest()) else {
        return Ok(Vec::new());
    };
    let Some(broker) = ledger.place.broker() else {
        return Ok(Vec::new());
    };
    let mut of_broker = findings.iter().filter(|finding| finding.broker == broker);
    if of_broker.any(|finding| finding.what == "connection" && finding.verdict == Health::Bad) {
        return Ok(Vec::new());
    }
    let endpoints = reach.endpoints(&[broker])?;
    let open = |port: &LiveBrokers| ledger.open(port);
    Ok(engine::look_at_ledger(broker, endpoints, &manifest.stack, open).await)
}
