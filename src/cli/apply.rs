use std::io::IsTerminal;
use std::sync::Arc;

use super::args::{ApplyArgs, Form, Global};
use super::ask;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger::{self, Held, LedgerPlace, now};
use super::next;
use super::plan::{verdict, way_on};
use super::progress::Progress;
use super::screen::Screen;
use super::show;
use super::signals::Signals;
use super::work::{Planned, Reach, Work};
use crate::apply::{Done, Journal, Kept, Lock, Stop, apply};
use crate::engine::{How, LiveBrokers, Moved, Port, moved, wrong_target};
use crate::ledger::Ledger;
use crate::model::{Broker, Code, Outcome, Problem};
use crate::plan::{Plan, Target, approve};
use crate::report::text::{self, View};
use crate::report::{Line, Page, Tone, outcomes_json, outcomes_markdown, problems_json};

/// Brings the brokers to what the manifest, or a saved plan, says.
pub(super) async fn run(
    args: &ApplyArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    if !args.auto_approve && !screen.is_interactive() {
        return Err(Failure::said("there is no terminal to ask for consent on")
            .hint("pass `--auto-approve` to apply without asking"));
    }
    run_given(Given::read(args, global, screen)?, args, global, screen).await
}

/// Applies what is declared by a manifest that was read.
pub(super) async fn run_work(
    work: Work,
    args: &ApplyArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    run_given(Given::Manifest(Box::new(work)), args, global, screen).await
}

async fn run_given(
    given: Given,
    args: &ApplyArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let progress = Progress::start(global);
    let site = match signals.or(site(&given, args, global, &progress)).await? {
        Ok(site) => site,
        Err(exit) => return Ok(exit),
    };
    let Site { port, ledger, held } = site;
    let at = At {
        ledger,
        lock: held.as_ref().map(|held| held.lock.clone()),
    };
    let ended = under_lock(
        &given,
        port,
        &at,
        args,
        global,
        screen,
        progress,
        &mut signals,
    )
    .await;
    if let Some(held) = held {
        held.release().await;
    }
    ended
}

/// The brokers that an apply works on, its ledger, and the lock that is given back at the end.
struct Site {
    port: LiveBrokers,
    ledger: Option<Ledger>,
    held: Option<Held>,
}

/// The ledger and the lock, where there are some.
struct At {
    ledger: Option<Ledger>,
    lock: Option<Arc<Lock>>,
}

/// Connects, and takes the lock before anything is read: what is planned then is what is applied.
async fn site(
    given: &Given,
    args: &ApplyArgs,
    global: &Global,
    progress: &Progress,
) -> Result<Site, Failure> {
    let (port, stack, environment) = match given {
        Given::Manifest(work) => {
            let port = work.reach(&args.targets, progress).await?;
            (port, work.stack(), work.environment())
        }
        Given::Saved(plan, reach) => {
            agrees(plan, global)?;
            let mut brokers: Vec<Broker> = plan.targets.iter().map(broker_of).collect();
            brokers.extend(global.ledger.broker());
            brokers.sort_unstable();
            brokers.dedup();
            let port = reach.connect(&brokers, progress).await?;
            (port, plan.stack.as_str(), reach.environment())
        }
    };
    let ledger = global.ledger.open(&port);
    let held = match &ledger {
        None => None,
        Some(ledger) => {
            progress.phase("taking the lock".to_owned());
            let patience = global.lock_timeout;
            Some(Held::take(ledger, stack, "apply", patience, environment).await?)
        }
    };
    Ok(Site { port, ledger, held })
}

/// A plan that was made with a ledger is applied with one, and one without is not.
fn agrees(plan: &Plan, global: &Global) -> Result<(), Failure> {
    match (&plan.ledger, &global.ledger) {
        (None, LedgerPlace::None) | (Some(_), LedgerPlace::Nats | LedgerPlace::File(_)) => Ok(()),
        (Some(place), LedgerPlace::None) => {
            let message =
                format!("the plan was made with the ledger in {place}, and none is named");
            Err(Failure::of(Code::WrongTarget, message)
                .hint("name it with `--ledger`, or in TRUEUP_LEDGER"))
        }
        (None, LedgerPlace::Nats | LedgerPlace::File(_)) => {
            let message = "the plan was made without a ledger, and one is named";
            Err(Failure::of(Code::WrongTarget, message)
                .hint("plan again with `--ledger`, or apply it with `--ledger none`"))
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "what a run has at hand; each is used once"
)]
async fn under_lock(
    given: &Given,
    port: LiveBrokers,
    at: &At,
    args: &ApplyArgs,
    global: &Global,
    screen: &Screen,
    progress: Progress,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let found = match given {
        Given::Saved(plan, reach) => {
            saved(plan, port, at, reach, global, screen, &progress, signals).await?
        }
        Given::Manifest(work) => {
            let planned = work.plan_on(port, &args.targets, &args.consent, &progress);
            signals.or(planned).await?
        }
    };
    let mut planned = match found {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    drop(progress);
    for step in &mut planned.plan.steps {
        approve(step, &args.consent.approvals);
    }
    let (plan, port) = (&planned.plan, &planned.port);
    let journal = match (&at.ledger, planned.book) {
        (Some(ledger), Some(book)) => {
            Some(Journal::new(ledger.clone(), book, plan.stack.as_str(), now))
        }
        (Some(_), None) | (None, _) => None,
    };
    let kept = match (&at.lock, &journal) {
        (Some(lock), Some(journal)) => Some(Kept { lock, journal }),
        (Some(_), None) | (None, _) => None,
    };
    if plan.open_steps().next().is_none() {
        return nothing_to_do(plan, port, global, given.told(global), screen).await;
    }
    let shown = show::without(plan, given.told(global));
    if let Some(exit) = consent(args, &shown, screen, signals).await? {
        return Ok(exit);
    }
    carry_out(plan, port, kept, args, global, screen, signals).await
}

/// What is applied, read before signals are taken over, so that one ends a read that waits.
enum Given {
    Saved(Box<Plan>, Box<Reach>),
    Manifest(Box<Work>),
}

impl Given {
    fn read(args: &ApplyArgs, global: &Global, screen: &Screen) -> Result<Given, Failure> {
        match &args.plan {
            Some(file) => Ok(Given::Saved(
                Box::new(show::read(file, "apply")?),
                Box::new(Reach::load(global, screen)?),
            )),
            None => Ok(Given::Manifest(Box::new(Work::load(global, screen)?))),
        }
    }

    /// The warnings that were told on standard error.
    fn told(&self, global: &Global) -> &[Problem] {
        match self {
            Given::Saved(..) => &[],
            Given::Manifest(work) => work.told(global),
        }
    }
}

type Found = Result<Planned, Exit>;

/// A saved plan on the brokers that it was made on, none of its resources moved.
#[expect(
    clippy::too_many_arguments,
    reason = "what a run has at hand; each is used once"
)]
async fn saved(
    plan: &Plan,
    port: LiveBrokers,
    at: &At,
    reach: &Reach,
    global: &Global,
    screen: &Screen,
    progress: &Progress,
    signals: &mut Signals,
) -> Result<Found, Failure> {
    if let Some(why) = wrong_target(plan, &port) {
        let problem = Problem::error(Code::WrongTarget, why)
            .hint("connect to the brokers that the plan was made on, or plan again");
        return Err(reach.failure(vec![problem]));
    }
    if reach
        .manifest()
        .is_some_and(|manifest| manifest.digest() != plan.manifest_digest)
    {
        of_another_manifest(reach, screen)?;
        return Ok(Err(Exit::Stale));
    }
    progress.phase("looking whether the plan still holds".to_owned());
    let looked = signals.or(async { Ok(moved(plan, &port).await) }).await?;
    let moved = match looked {
        Ok(moved) => moved,
        Err(exit) => return Ok(Err(exit)),
    };
    if moved.is_empty() {
        let book = match &at.ledger {
            Some(ledger) => Some(ledger::read(ledger).await?),
            None => None,
        };
        let plan = Plan {
            targets: port.targets(),
            ..plan.clone()
        };
        return Ok(Ok(Planned { plan, port, book }));
    }
    if let Some(unread) = unread(&moved, global) {
        return Err(reach.failure(unread));
    }
    let next = format!(
        "plan again, and look at what changed: {}",
        plan_again(plan, global, &[])
    );
    stale(&moved, &next, screen)?;
    Ok(Err(Exit::Stale))
}

/// What can't be read now, where nothing is known to have moved: the plan may still hold.
fn unread(moved: &[Moved], global: &Global) -> Option<Vec<Problem>> {
    let next = next::command(&["doctor"], global, &[]);
    let problem = |moved: &Moved| match &moved.how {
        How::Changed(_) => None,
        How::Unread(words) => Some(
            Problem::error(Code::Unreadable, words.as_str())
                .about(&moved.address)
                .hint(format!(
                    "the plan may still hold: `{next}`, then apply it again"
                )),
        ),
    };
    moved.iter().map(problem).collect()
}

/// Says that a plan belongs to another manifest, as JSON where that was asked for.
fn of_another_manifest(reach: &Reach, screen: &Screen) -> Result<(), Failure> {
    let message = "the plan was made from another manifest than the one that `-f` names";
    let problem = Problem::error(Code::Stale, message).hint("plan again with this manifest");
    if screen.form() == Form::Json {
        return screen.result(&problems_json(&[problem]));
    }
    screen.complain(&reach.failure(vec![problem]).rendered(screen.error_width()));
    Ok(())
}

/// Says what has moved, as JSON where that was asked for.
fn stale(moved: &[Moved], next: &str, screen: &Screen) -> Result<(), Failure> {
    if screen.form() == Form::Json {
        let problem = |moved: &Moved| {
            let problem = Problem::error(Code::Stale, moved.how.words());
            problem.about(&moved.address).hint(next)
        };
        let problems: Vec<Problem> = moved.iter().map(problem).collect();
        return screen.result(&problems_json(&problems));
    }
    let mut page = Page::new(screen.error_width());
    let text = "the saved plan is stale; what it rests on has moved:";
    page.wrapped(Line::new().put(Tone::Bad, "error: "), Tone::Plain, text);
    for moved in moved {
        let line = Line::indented(2).put(Tone::Strong, &moved.address.to_string());
        page.wrapped(line.plain("  "), Tone::Plain, moved.how.words());
    }
    page.wrapped(Line::indented(2).plain("→ "), Tone::Plain, next);
    screen.complain(&page.finish());
    Ok(())
}

const fn broker_of(target: &Target) -> Broker {
    match target {
        Target::Nats { .. } => Broker::Nats,
        Target::Kafka { .. } => Broker::Kafka,
    }
}

/// No step can be carried out: all is as declared, or what is not is blocked or unread. The walk
/// sends nothing then, and says of each step why.
async fn nothing_to_do(
    plan: &Plan,
    port: &LiveBrokers,
    global: &Global,
    told: &[Problem],
    screen: &Screen,
) -> Result<Exit, Failure> {
    if !plan.steps.is_empty() && screen.form() == Form::Text {
        let shown = show::without(plan, told);
        let text = show::rendered(&shown, Form::Text, screen.width(), None);
        screen.result(&format!("{text}\n"))?;
    }
    let progress = Progress::start(global);
    let done = apply(plan, port, &progress, &Stop::default(), None).await;
    drop(progress);
    let reported = report(plan, &done, way_on(plan, global).as_deref(), screen);
    ended(verdict(plan, false), reported, screen)
}

/// Shows the plan and asks; a way to end where consent was not given.
async fn consent(
    args: &ApplyArgs,
    plan: &Plan,
    screen: &Screen,
    signals: &mut Signals,
) -> Result<Option<Exit>, Failure> {
    let text = show::rendered(plan, Form::Text, screen.width(), None);
    if screen.form() == Form::Text && (args.auto_approve || std::io::stdout().is_terminal()) {
        screen.result(&format!("{text}\n"))?;
    } else if !args.auto_approve {
        screen.complain(&format!("{text}\n"));
    }
    if args.auto_approve {
        return Ok(None);
    }
    let steps = plan.open_steps().count();
    let what = if steps == 1 {
        "this step".to_owned()
    } else {
        format!("these {steps} steps")
    };
    let question = format!(
        "\nApply {what} to {}? Only `yes` is a yes: ",
        where_to(plan)
    );
    match signals.or(ask::yes(&question, screen)).await? {
        Ok(true) => Ok(None),
        Ok(false) => {
            screen.complain("nothing was applied\n");
            Ok(Some(Exit::Error))
        }
        Err(exit) => Ok(Some(exit)),
    }
}

fn where_to(plan: &Plan) -> String {
    let names: Vec<&str> = plan
        .targets
        .iter()
        .map(|target| match target {
            Target::Nats { url, .. } => url.as_str(),
            Target::Kafka { bootstrap, .. } => bootstrap.as_str(),
        })
        .collect();
    names.join(" and ")
}

async fn carry_out(
    plan: &Plan,
    port: &LiveBrokers,
    kept: Option<Kept<'_>>,
    args: &ApplyArgs,
    global: &Global,
    screen: &Screen,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let stop = Stop::default();
    let progress = Progress::start(global);
    progress.expect(plan.steps.len());
    let work = apply(plan, port, &progress, &stop, kept);
    let (done, signal) = signals.with_grace(&stop, screen, work).await;
    let done = done.unwrap_or_else(|| abandoned(plan, &progress));
    drop(progress);
    let exit = signal.unwrap_or_else(|| outcome_of(plan, &done));
    let again = (exit != Exit::Done).then(|| plan_again(plan, global, &args.targets));
    let reported = report(plan, &done, again.as_deref(), screen);
    ended(exit, reported, screen)
}

/// What became of the steps outweighs a report that can't be written; that is said beside it, and
/// nothing ends well then.
fn ended(exit: Exit, reported: Result<(), Failure>, screen: &Screen) -> Result<Exit, Failure> {
    match reported {
        Err(failure) if exit != Exit::Done => screen.failed(&failure).map(|()| exit),
        reported => reported.map(|()| exit),
    }
}

/// The command that plans again: with this command's own options, or else as the saved plan was
/// made.
fn plan_again(plan: &Plan, global: &Global, targets: &[String]) -> String {
    match &plan.made_by {
        Some(command) if global.files.is_empty() => command.clone(),
        None if global.files.is_empty() => "trueup plan -f MANIFEST".to_owned(),
        Some(_) | None => next::command(&["plan"], global, targets),
    }
}

/// What is known of the steps when the wait for what was in flight had to end.
fn abandoned(plan: &Plan, progress: &Progress) -> Vec<Done> {
    let mut begun = progress.begun();
    plan.steps
        .iter()
        .map(|step| Done {
            address: step.address.clone(),
            action: step.action,
            outcome: match begun.remove(&step.address) {
                Some(Some(outcome)) => outcome,
                Some(None) => Outcome::Unknown {
                    why: "stopped while it was in flight".to_owned(),
                },
                None => Outcome::NotAttempted {
                    because: "stopped before its turn came".to_owned(),
                },
            },
        })
        .collect()
}

/// All applied, or only partly.
fn outcome_of(plan: &Plan, done: &[Done]) -> Exit {
    let all = done.iter().all(|done| done.outcome == Outcome::Applied);
    if all && plan.complete {
        Exit::Done
    } else {
        Exit::Partly
    }
}

fn report(plan: &Plan, done: &[Done], next: Option<&str>, screen: &Screen) -> Result<(), Failure> {
    screen.publish(&|form| in_form(plan, done, form, next, screen))
}

fn in_form(plan: &Plan, done: &[Done], form: Form, next: Option<&str>, screen: &Screen) -> String {
    match form {
        Form::Text => text::outcomes(
            plan,
            done,
            &View {
                width: screen.width(),
                next,
            },
        ),
        Form::Json => outcomes_json(plan, done),
        Form::Markdown => outcomes_markdown(plan, done),
    }
}
