//! `ledger`, `lock` and `forget`: what a stack owns, and who works on it.

use super::args::{Form, Global, LedgerCommand, LockCommand};
use super::exit::Exit;
use super::failure::Failure;
use super::ledger::{self, Held, LedgerPlace};
use super::progress::Progress;
use super::screen::Screen;
use super::work::Work;
use crate::apply::record_present;
use crate::engine::{LiveBrokers, Port};
use crate::ledger::Ledger;
use crate::model::Address;
use crate::report::{ledger_json, lock_json, text};

/// Shows the ledger, or makes it anew from what is there.
pub(super) async fn run_ledger(
    command: &LedgerCommand,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let work = Work::load(global, screen)?;
    let progress = Progress::start(global);
    let (port, ledger) = open(&work, global, &progress).await?;
    match command {
        LedgerCommand::Show => {
            let book = ledger::read(&ledger).await?;
            drop(progress);
            let (place, stack) = (ledger.store().place(), work.stack());
            screen.publish(&|form| match form {
                Form::Text | Form::Markdown => text::ledger(&place, stack, &book, screen.width()),
                Form::Json => ledger_json(&place, &book),
            })?;
        }
        LedgerCommand::Rebuild => {
            let held = take(&work, global, &ledger, "ledger rebuild", &port).await?;
            let rebuilt = rebuild(&work, &port, &ledger).await;
            held.release().await;
            drop(progress);
            screen.tell(&rebuilt?);
        }
    }
    Ok(Exit::Done)
}

/// Shows who has the lock of the stack, or takes it away.
pub(super) async fn run_lock(
    command: &LockCommand,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let work = Work::load(global, screen)?;
    let progress = Progress::start(global);
    let (_, ledger) = open(&work, global, &progress).await?;
    let holder = ledger.store().holder(work.stack()).await;
    let holder = holder.map_err(|error| ledger::failure(&error))?;
    drop(progress);
    match command {
        LockCommand::Show => screen.publish(&|form| match form {
            Form::Text | Form::Markdown => {
                text::lock(work.stack(), holder.as_ref(), screen.width())
            }
            Form::Json => lock_json(work.stack(), holder.as_ref()),
        })?,
        LockCommand::Release => {
            let released = ledger.store().break_lease(work.stack()).await;
            released.map_err(|error| ledger::failure(&error))?;
            screen.tell(&match holder {
                Some(holder) => format!(
                    "the lock of stack `{}` is free; {} on {} (pid {}) had it\n",
                    work.stack(),
                    holder.who,
                    holder.host,
                    holder.pid
                ),
                None => format!("nobody had the lock of stack `{}`\n", work.stack()),
            });
        }
    }
    Ok(Exit::Done)
}

/// Takes a resource out of the ledger; the resource itself is left alone.
pub(super) async fn run_forget(
    addresses: &[Address],
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let work = Work::load(global, screen)?;
    let progress = Progress::start(global);
    let (port, ledger) = open(&work, global, &progress).await?;
    let held = take(&work, global, &ledger, "forget", &port).await?;
    let forgotten = forget(&work, &ledger, addresses).await;
    held.release().await;
    drop(progress);
    forgotten?;
    for address in addresses {
        screen.tell(&format!(
            "stack `{}` no longer owns `{address}`; it stays as it is\n",
            work.stack()
        ));
    }
    Ok(Exit::Done)
}

async fn forget(work: &Work, ledger: &Ledger, addresses: &[Address]) -> Result<(), Failure> {
    let mut book = ledger::read(ledger).await?;
    for address in addresses {
        if book.record(work.stack(), address).is_none() {
            let message = format!("stack `{}` does not own `{address}`", work.stack());
            return Err(Failure::said(message)
                .hint("`trueup ledger show` lists what it owns; nothing was forgotten"));
        }
    }
    let gone = addresses.iter().map(|address| (address.clone(), None));
    let written = ledger.write(&mut book, work.stack(), gone.collect()).await;
    written.map_err(|error| ledger::failure(&error))
}

/// Records what is declared, there and nobody else's; what was recorded of it stays.
async fn rebuild(work: &Work, port: &LiveBrokers, ledger: &Ledger) -> Result<String, Failure> {
    let mut book = ledger::read(ledger).await?;
    let resources = &work.manifest.resources;
    let seen = crate::engine::observe(port, resources.keys().cloned()).await;
    let (mut records, mut others, mut unread) = (Vec::new(), 0, 0);
    for (address, resource) in resources {
        if book.other_owner(work.stack(), address).is_some() {
            others += 1;
            continue;
        }
        match seen.get(address) {
            Some(crate::kinds::Observed::Present(live)) => {
                let record = record_present(resource, live, &port.targets(), ledger::now());
                records.push((address.clone(), Some(record)));
            }
            Some(crate::kinds::Observed::Absent) => {}
            Some(crate::kinds::Observed::Unreadable(_)) | None => unread += 1,
        }
    }
    let count = records.len();
    let written = ledger.write(&mut book, work.stack(), records).await;
    written.map_err(|error| ledger::failure(&error))?;
    Ok(format!(
        "recorded {count} of {} declared resources in {}; {others} belong to other stacks, {unread} could not be read\n",
        resources.len(),
        ledger.store().place()
    ))
}

async fn open(
    work: &Work,
    global: &Global,
    progress: &Progress,
) -> Result<(LiveBrokers, Ledger), Failure> {
    if global.ledger == LedgerPlace::None {
        return Err(Failure::said("no ledger is named")
            .hint("name it with `--ledger nats`, `--ledger kafka` or `--ledger file:PATH`, or in TRUEUP_LEDGER"));
    }
    let port = work.reach(&[], progress).await?;
    match global.ledger.open(&port) {
        Some(ledger) => Ok((port, ledger)),
        None => Err(Failure::said("the ledger's broker is not connected")),
    }
}

async fn take(
    work: &Work,
    global: &Global,
    ledger: &Ledger,
    command: &str,
    port: &LiveBrokers,
) -> Result<Held, Failure> {
    let patience = global.lock_timeout;
    Held::take(
        ledger.clone(),
        work.stack(),
        command,
        patience,
        work.environment(),
        port,
    )
    .await
}
