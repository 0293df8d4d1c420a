use super::args::{ExportArgs, Form, Global};
use super::exit::Exit;
use super::failure::{Complaints, Failure};
use super::progress::Progress;
use super::reach::Reach;
use super::screen::{self, Screen};
use super::signals::Signals;
use super::snapshot;
use super::target::glob;
use crate::engine;
use crate::manifest;
use crate::model::{Address, Broker, Glob, KindName, Problem, Wanted};

/// Writes a manifest from the live brokers.
pub(super) async fn run(
    args: &ExportArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    if forms(global).any(|form| form == Form::Markdown) {
        return Err(Failure::said(
            "`export` has no Markdown form; take text, which is YAML, or json",
        ));
    }
    if args.snapshot.is_some() && forms(global).any(|form| form != Form::Text) {
        return Err(Failure::said(
            "`export --snapshot` writes its own file; leave `--output` and `--report` out",
        ));
    }
    if let Some(file) = &args.snapshot {
        return snapshot::save(file, global, screen).await;
    }
    let patterns = patterns(&args.only)?;
    let (named, open) = named_and_open(&args.only);
    let open = self::patterns(&open)?;
    let reach = Reach::load(global, screen)?;
    let brokers = wanted_brokers(&args.only, &reach);
    let mut signals = Signals::listen()?;
    let progress = Progress::start(global);
    let work = async {
        let port = reach.connect(&brokers, &progress).await?;
        progress.phase("reading everything that is there".to_owned());
        let hidden = engine::hidden(&port, &brokers).await;
        let mut asked = reach.declared();
        asked.extend(named.into_iter().filter(|it| hidden.contains_key(&it.kind)));
        let exported = engine::export(&port, &brokers, &asked, &patterns).await;
        let exported = exported.map_err(|problems| reach.failure(problems))?;
        let is_meant = |kind: &KindName| match open.is_empty() {
            true => patterns.is_empty(),
            false => open.may_take_under(&format!("{kind}/")),
        };
        let hidden = hidden.into_iter().filter(|(kind, _)| is_meant(kind));
        let mut left_out: Vec<Problem> = hidden.map(|(_, problem)| problem).collect();
        if patterns.is_empty() {
            left_out.extend(engine::left_out(&port, &brokers).await);
        }
        Ok((exported, left_out))
    };
    let (exported, left_out) = match signals.or(work).await? {
        Ok(exported) => exported,
        Err(exit) => return Ok(exit),
    };
    let engine::Exported {
        resources,
        mut caveats,
    } = exported;
    drop(progress);
    let stack = args
        .stack
        .as_deref()
        .or(reach.manifest().map(|m| m.stack.as_str()));
    let stack = stack.unwrap_or("exported");
    screen.publish(&|form| match form {
        Form::Text | Form::Markdown => manifest::write(stack, &resources),
        Form::Json => manifest::write_json(stack, &resources),
    })?;
    caveats.extend(left_out);
    screen.insist(&Complaints::from(caveats));
    let resources = screen::resources(resources.len());
    screen.tell(&format!("exported {resources}\n"));
    Ok(Exit::Done)
}

/// The forms that are asked for.
fn forms(global: &Global) -> impl Iterator<Item = Form> {
    let reports = global.reports.iter().map(|(form, _)| *form);
    reports.chain([global.output])
}

/// The addresses among what `--only` says, and what may mean more than one.
fn named_and_open(only: &[String]) -> (Vec<Address>, Vec<String>) {
    let (mut named, mut open) = (Vec::new(), Vec::new());
    for pattern in only {
        match pattern.parse() {
            Ok(address) if !pattern.contains(['*', '?']) => named.push(address),
            Ok(_) | Err(_) => open.push(pattern.clone()),
        }
    }
    (named, open)
}

fn patterns(only: &[String]) -> Result<Vec<Glob>, Failure> {
    only.iter()
        .map(|pattern| {
            kind_of(pattern)?;
            if pattern.contains('/') {
                glob(pattern)
            } else {
                glob(&format!("{pattern}/*"))
            }
        })
        .collect()
}

/// The kind that a pattern is about; none where it leaves the kind open.
fn kind_of(pattern: &str) -> Result<Option<KindName>, Failure> {
    let word = pattern.split_once('/').map_or(pattern, |(kind, _)| kind);
    if word.contains(['*', '?']) {
        return Ok(None);
    }
    word.parse().map(Some).map_err(|_| {
        Failure::said(format!("`--only {pattern}`: `{word}` is no kind"))
            .hint("write it as KIND or KIND/GLOB: `topic`, `stream/orders-*`")
    })
}

/// The brokers of the kinds that `--only` names, or else those that are meant.
fn wanted_brokers(only: &[String], reach: &Reach) -> Vec<Broker> {
    let kinds: Option<Vec<KindName>> = only.iter().map(|p| kind_of(p).ok().flatten()).collect();
    match kinds {
        Some(kinds) if !kinds.is_empty() => {
            let mut brokers: Vec<Broker> = kinds.iter().map(|kind| kind.broker()).collect();
            brokers.sort_unstable();
            brokers.dedup();
            brokers
        }
        Some(_) | None => reach.brokers(),
    }
}
