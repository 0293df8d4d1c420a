//! `ledger`, `lock` and `forget`: what a stack owns, and who works on it.

use super::args::{Form, Global, LedgerCommand, LockCommand};
use super::elsewhere::Elsewhere;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger::{self, Held};
use super::progress::Progress;
use super::screen::{self, Screen};
use super::whose::Whose;
use super::work::Work;
use crate::apply::record_present;
use crate::engine::{LiveBrokers, Port};
use crate::kinds::{Live, Observations, Observed, Unfinished, kind};
use crate::ledger::{Book, Ledger, LedgerPlace, Record};
use crate::model::{Action, Address, Base, Broker, Change, Code, LABEL, Outcome, Step, few};
use crate::plan::{label_of, orphans, owner_among};
use crate::report::{ledger_json, lock_json, text};

/// Shows the ledger, makes it anew from what is there, or takes it along from elsewhere.
pub(super) async fn run_ledger(
    command: &LedgerCommand,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let told = match command {
        LedgerCommand::Show { stack } => return show(stack.as_ref(), global, screen).await,
        LedgerCommand::Rebuild => {
            let (work, progress, port, ledger) = open(global, screen).await?;
            let book = book(&work, &port, &progress).await?;
            work.is_here(&book, &port)?;
            let elsewhere = work.elsewhere(&book, &port, &progress).await?;
            let held = take(&work, global, &ledger, "ledger rebuild", &port).await?;
            let rebuilt = rebuild(&work, &port, &ledger, elsewhere.as_ref()).await;
            held.release().await;
            rebuilt?
        }
        LedgerCommand::Move { from } => {
            let (work, progress, port, ledger) = open(global, screen).await?;
            moved(&work, from, global, &port, &ledger, &progress).await?
        }
    };
    screen.tell(&told);
    Ok(Exit::Done)
}

async fn show(stack: Option<&String>, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let whose = Whose::find(stack, global, screen).await?;
    let book = match &whose.work {
        Some(work) => book(work, &whose.port, &whose.progress).await?,
        None => ledger::read(&whose.ledger).await?,
    };
    drop(whose.progress);
    let (place, stack) = (whose.ledger.store().place(), whose.stack);
    screen.publish(&|form| match form {
        Form::Text | Form::Markdown => text::ledger(&place, &stack, &book, screen.width()),
        Form::Json => ledger_json(&place, &book),
    })?;
    Ok(Exit::Done)
}

/// Shows who has the lock of the stack, or takes it away.
pub(super) async fn run_lock(
    command: &LockCommand,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let (LockCommand::Show { stack } | LockCommand::Release { stack }) = command;
    let whose = Whose::find(stack.as_ref(), global, screen).await?;
    let (store, stack) = (whose.ledger.store(), &whose.stack);
    let holder = store.holder(stack).await;
    let holder = holder.map_err(|error| ledger::failure(&error))?;
    drop(whose.progress);
    match command {
        LockCommand::Show { .. } => screen.publish(&|form| match form {
            Form::Text | Form::Markdown => text::lock(stack, holder.as_ref(), screen.width()),
            Form::Json => lock_json(stack, holder.as_ref()),
        })?,
        LockCommand::Release { .. } => {
            let released = store.break_lease(stack).await;
            released.map_err(|error| ledger::failure(&error))?;
            screen.tell(&match holder {
                Some(holder) => format!(
                    "the lock of stack `{stack}` is free; {} on {} (pid {}) had it\n",
                    holder.who, holder.host, holder.pid
                ),
                None => format!("nobody had the lock of stack `{stack}`\n"),
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
    let (work, progress, port, ledger) = open(global, screen).await?;
    let known = book(&work, &port, &progress).await?;
    work.is_here(&known, &port)?;
    let held = take(&work, global, &ledger, "forget", &port).await?;
    let seen = crate::engine::observe(&port, addresses.iter().cloned()).await;
    let forgotten = match unfinished(&seen) {
        None => forget(&work, &ledger, addresses).await,
        Some(failure) => Err(failure),
    };
    let unlabelled = match &forgotten {
        Ok(()) => unlabel(&port, work.stack(), seen).await,
        Err(_) => Vec::new(),
    };
    held.release().await;
    drop(progress);
    forgotten?;
    for address in addresses {
        let label = unlabelled.iter().find(|(of, _)| of == address);
        let how = match label.map(|(_, outcome)| outcome) {
            None => "it stays as it is".to_owned(),
            Some(Outcome::Applied) => "it stays as it is, without the stack's label".to_owned(),
            Some(Outcome::Failed { why } | Outcome::Unknown { why })
            | Some(Outcome::NotAttempted { because: why }) => {
                format!(
                    "it stays as it is, with the stack's label, which could not be taken off: {why}"
                )
            }
        };
        let stack = work.stack();
        screen.tell(&format!(
            "stack `{stack}` no longer owns `{address}`; {how}\n"
        ));
    }
    Ok(Exit::Done)
}

/// What trueup began on one of them and has to end.
fn unfinished(seen: &Observations) -> Option<Failure> {
    seen.iter().find_map(|(address, seen)| {
        let Observed::Present(live) = seen else {
            return None;
        };
        let Unfinished { what, way_out } = kind(address.kind)?.holds_on_to(live)?;
        let message = format!("`{address}` {what}");
        Some(Failure::said(message).hint(format!("{way_out}; nothing was forgotten")))
    })
}

/// Takes the stack's label off those that bear it; what became of each.
async fn unlabel(port: &LiveBrokers, stack: &str, seen: Observations) -> Vec<(Address, Outcome)> {
    let mut done = Vec::new();
    for (address, observed) in seen {
        if let Observed::Present(live) = observed
            && label_of(&live) == Some(stack)
        {
            let kind = address.kind;
            let step = unlabelling(address, &live, stack);
            done.extend(port.carry_out(kind, &[&step]).await);
        }
    }
    done
}

fn unlabelling(address: Address, live: &Live, stack: &str) -> Step {
    let label = Change {
        field: LABEL.to_owned(),
        before: Some(stack.into()),
        after: None,
        note: None,
    };
    Step {
        base: Base::of_live(live),
        changes: vec![label],
        ..Step::of(address, Action::Update)
    }
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

/// Records what is declared, there and nobody else's, by the ledger and by its label; what was recorded of it stays. What
/// bears the stack's label and is not declared is told, and left alone.
async fn rebuild(
    work: &Work,
    port: &LiveBrokers,
    ledger: &Ledger,
    elsewhere: Option<&Elsewhere>,
) -> Result<String, Failure> {
    let mut book = ledger::read(ledger).await?;
    let (stack, resources) = (work.stack(), &work.manifest.resources);
    let seen = crate::engine::observe(port, resources.keys().cloned()).await;
    let (mut records, mut others, mut unread) = (Vec::new(), 0, 0);
    for (address, resource) in resources {
        let is_of_another_there = elsewhere.is_some_and(|it| it.is_of_another(stack, address));
        if is_of_another_there || owner_among(&book, stack, address).is_some() {
            others += 1;
            continue;
        }
        match seen.get(address) {
            Some(Observed::Present(live)) if label_of(live).is_some_and(|l| l != stack) => {
                others += 1;
            }
            Some(Observed::Present(live)) => {
                let record = record_present(resource, live, &port.targets(), ledger::now());
                records.push((address.clone(), Some(record)));
            }
            Some(Observed::Absent) => {}
            Some(Observed::Unreadable(_)) | None => unread += 1,
        }
    }
    let count = records.len();
    let written = ledger.write(&mut book, stack, records).await;
    written.map_err(|error| ledger::failure(&error))?;
    let recorded = format!(
        "recorded {count} of {} declared resources of stack `{stack}` in {}; {others} belong to other stacks, {unread} could not be read\n",
        resources.len(),
        ledger.store().place()
    );
    Ok(recorded + &left_behind(work, port, &book).await)
}

/// Takes the stack's records out of another ledger into its own, under the locks of both.
async fn moved(
    work: &Work,
    from: &LedgerPlace,
    global: &Global,
    port: &LiveBrokers,
    to: &Ledger,
    progress: &Progress,
) -> Result<String, Failure> {
    if *from == work.ledger().place {
        let message = format!("the ledger of stack `{}` is in `{from}`", work.stack());
        return Err(Failure::said(message).hint("nothing was moved"));
    }
    let brokers: Vec<Broker> = from.broker().into_iter().collect();
    let there = work.connect(&brokers, progress).await?;
    let from = ledger::open(from, &there).ok_or_else(ledger::needed)?;
    let held = take(work, global, &from, "ledger move", &there).await?;
    let moved = match take(work, global, to, "ledger move", port).await {
        Ok(here) => {
            let moved = take_along(work.stack(), &from, to).await;
            here.release().await;
            moved
        }
        Err(failure) => Err(failure),
    };
    held.release().await;
    moved
}

/// Writes the records there before they are taken away here: in between they are in both.
async fn take_along(stack: &str, from: &Ledger, to: &Ledger) -> Result<String, Failure> {
    let (mut old, mut new) = (ledger::read(from).await?, ledger::read(to).await?);
    let records: Vec<Record> = old.of(stack).cloned().collect();
    let others = records.iter().find_map(|record| {
        let owner = new.other_owner(stack, &record.address)?;
        Some((owner, &record.address))
    });
    if let Some((owner, address)) = others {
        let place = to.store().place();
        let message = format!("`{address}` is stack `{owner}`'s in {place}");
        return Err(Failure::of(Code::OwnedByAnother, message).hint(format!(
            "`trueup forget {address}` in one of the two; nothing was moved"
        )));
    }
    let unknown = records
        .iter()
        .filter(|r| new.record(stack, &r.address).is_none());
    let written = unknown
        .map(|r| (r.address.clone(), Some(r.clone())))
        .collect();
    let gone = records.iter().map(|r| (r.address.clone(), None)).collect();
    let written = to.write(&mut new, stack, written).await;
    written.map_err(|error| ledger::failure(&error))?;
    let cleared = from.write(&mut old, stack, gone).await;
    cleared.map_err(|error| ledger::failure(&error))?;
    let count = screen::resources(records.len());
    let (from, to) = (from.store().place(), to.store().place());
    Ok(format!(
        "moved what is recorded of {count} from {from} to {to}\n"
    ))
}

/// What of the stack is on NATS and neither declared nor in the ledger.
async fn left_behind(work: &Work, port: &LiveBrokers, book: &Book) -> String {
    const NAMED: usize = 10;
    if !port.has(Broker::Nats) {
        return String::new();
    }
    let Ok(all) = crate::engine::observe_all(port, &[Broker::Nats], &[], &|_: &Address| true).await
    else {
        return "what else bears the stack's label could not be read\n".to_owned();
    };
    let left = orphans(work.stack(), &work.manifest.resources, book, all.iter());
    if left.is_empty() {
        return String::new();
    }
    let names = few(left.iter().map(|address| format!("`{address}`")), NAMED);
    format!(
        "not declared, not recorded and left alone, though the stack's label is on it: {names}\n"
    )
}

/// The manifest's work, its connections and the ledger that is named, with the progress to end before anything is shown.
async fn open(
    global: &Global,
    screen: &Screen,
) -> Result<(Work, Progress, LiveBrokers, Ledger), Failure> {
    let work = Work::load(global, screen)?;
    if work.ledger().place == LedgerPlace::None {
        return Err(ledger::needed());
    }
    let progress = Progress::start(global);
    let port = work.reach(&[], &progress).await?;
    match work.ledger().open(&port) {
        Some(ledger) => Ok((work, progress, port, ledger)),
        None => Err(ledger::needed()),
    }
}

/// All that the ledger holds, where it is the stack's.
async fn book(work: &Work, port: &LiveBrokers, progress: &Progress) -> Result<Book, Failure> {
    let book = work.book(port, progress).await?;
    let (_, book) = book.ok_or_else(ledger::needed)?;
    if book.of(work.stack()).next().is_none() {
        work.elsewhere(&book, port, progress).await?;
    }
    Ok(book)
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
