use std::io::IsTerminal;
use std::time::Duration;

use jiff::Timestamp;

use super::args::{ApplyArgs, Form, Global};
use super::ask;
use super::exit::Exit;
use super::failure::Failure;
use super::ledger::{self, Held};
use super::next;
use super::plan::{verdict, way_on};
use super::progress::Progress;
use super::reach::Reach;
use super::saved::{self, Still};
use super::screen::Screen;
use super::second_look::second_look;
use super::show;
use super::signals::Signals;
use super::work::Work;
use crate::apply::{Done, Journal, Kept, Stop, apply};
use crate::engine::LiveBrokers;
use crate::model::{Outcome, Problem};
use crate::plan::{Plan, Target};
use crate::report::text::{self, View};
use crate::report::{outcomes_json, outcomes_markdown};

/// How long an apply that did not do everything asks at its end whether the lock was still its own.
const LAST_RENEWAL: Duration = Duration::from_secs(5);

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
    if args.plan.is_some() && args.consent.throttle.is_some() {
        return Err(Failure::said("a saved plan holds its own throttle")
            .hint("name it when the plan is made: `trueup plan -o FILE --throttle BYTES`"));
    }
    let given = Given::read(args, global, screen)?;
    run_given(given, Purpose::Apply, args, global, screen).await
}

/// Deletes what the stack owns: applies a manifest out of which everything was taken.
pub(super) async fn run_emptied(
    work: Work,
    named: bool,
    args: &ApplyArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let emptied = Given::Manifest(Box::new(work));
    run_given(emptied, Purpose::Destroy { named }, args, global, screen).await
}

/// Which command it is that applies.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Apply,
    /// With the stack's name on the command line, or typed.
    Destroy {
        named: bool,
    },
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Purpose::Apply => "apply",
            Purpose::Destroy { .. } => "destroy",
        }
    }

    /// What is typed next where it did not come to its end.
    fn again(self, plan: &Plan, global: &Global, targets: &[String]) -> String {
        match self {
            Purpose::Apply => saved::plan_again(plan, global, targets),
            // a plan of the manifest would make all of it anew
            Purpose::Destroy { named: false } => next::command(&["destroy"], global, &[]),
            Purpose::Destroy { named: true } => {
                next::command(&["destroy", "--stack", &plan.stack], global, &[])
            }
        }
    }
}

/// What every part of a run has at hand.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    command: Purpose,
    pub(super) args: &'a ApplyArgs,
    global: &'a Global,
    screen: &'a Screen,
}

async fn run_given(
    given: Given,
    command: Purpose,
    args: &ApplyArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    let desk = Desk {
        command,
        args,
        global,
        screen,
    };
    let mut signals = Signals::listen()?;
    let progress = Progress::start(global);
    let (port, held) = match signals.or(begin(&given, desk, &progress)).await? {
        Ok(begun) => begun,
        Err(exit) => return Ok(exit),
    };
    let ended = under_lock(&given, port, held.as_ref(), desk, progress, &mut signals).await;
    if let Some(held) = held {
        held.release().await;
    }
    ended
}

/// Connects, and takes the lock before anything is read: what is planned then is what is applied.
async fn begin(
    given: &Given,
    desk: Desk<'_>,
    progress: &Progress,
) -> Result<(LiveBrokers, Option<Held>), Failure> {
    let global = desk.global;
    let (port, ledger, stack, environment) = match given {
        Given::Manifest(work) => {
            let port = work.reach(&desk.args.targets, progress).await?;
            let ledger = work.book(&port, progress).await?.map(|(ledger, _)| ledger);
            (port, ledger, work.stack(), work.environment())
        }
        Given::Saved(plan, reach) => {
            let environment = reach.environment();
            let place = saved::ledger(plan, ledger::named(global, environment)?)?;
            let port = reach.connect(&saved::brokers(plan), progress).await?;
            let ledger = ledger::open(&place, &port);
            (port, ledger, plan.stack.as_str(), environment)
        }
    };
    let Some(ledger) = ledger else {
        return Ok((port, None));
    };
    progress.phase("taking the lock".to_owned());
    let patience = global.lock_timeout;
    let held = Held::take(
        ledger,
        stack,
        desk.command.name(),
        patience,
        environment,
        &port,
    )
    .await?;
    Ok((port, Some(held)))
}

async fn under_lock(
    given: &Given,
    port: LiveBrokers,
    held: Option<&Held>,
    desk: Desk<'_>,
    progress: Progress,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let Desk {
        command: _,
        args,
        global,
        screen,
    } = desk;
    let found = match given {
        Given::Saved(plan, reach) => {
            let ledger = held.map(|held| &held.ledger);
            let looked = async {
                progress.phase("looking whether the plan still holds".to_owned());
                saved::look(plan, port, ledger, reach, &args.consent).await
            };
            match signals.or(looked).await? {
                Ok(Still::Holds(planned)) => Ok(*planned),
                Ok(Still::Moved(moved)) => {
                    return saved::stale(plan, &moved, reach, global, screen);
                }
                Err(exit) => Err(exit),
            }
        }
        Given::Manifest(work) => {
            let planned = work.plan_on(port, &args.targets, &args.consent, &progress);
            signals.or(planned).await?
        }
    };
    let planned = match found {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    drop(progress);
    let (plan, port) = (&planned.plan, &planned.port);
    if plan.open_steps().next().is_none() {
        return nothing_to_do(plan, port, global, given.told(global), screen).await;
    }
    let shown = show::without(plan, given.told(global));
    if let Some(exit) = consent(args, &shown, screen, signals).await? {
        return Ok(exit);
    }
    let journal = held
        .zip(planned.book)
        .map(|(held, book)| Journal::new(held.ledger.clone(), book, plan, ledger::now));
    let kept = held.zip(journal.as_ref()).map(|(held, journal)| Kept {
        lock: &held.lock,
        journal,
    });
    carry_out(given, plan, port, kept, desk, signals).await
}

/// What is applied, read before signals are taken over, so that one ends a read that waits.
pub(super) enum Given {
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
    let done = apply(
        plan,
        port,
        &progress,
        &Stop::default(),
        None,
        Timestamp::now,
    )
    .await;
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
    given: &Given,
    plan: &Plan,
    port: &LiveBrokers,
    kept: Option<Kept<'_>>,
    desk: Desk<'_>,
    signals: &mut Signals,
) -> Result<Exit, Failure> {
    let Desk {
        command,
        args,
        global,
        screen,
    } = desk;
    let stop = Stop::default();
    let progress = Progress::start(global);
    progress.expect(plan.steps.len());
    let work = async {
        let done = apply(plan, port, &progress, &stop, kept, Timestamp::now).await;
        match stop.is_asked() {
            true => (plan.clone(), done),
            false => second_look(given, plan, port, desk, &progress, done).await,
        }
    };
    let (ended_as, signal) = signals.with_grace(&stop, screen, work).await;
    let (plan, done) = ended_as.unwrap_or_else(|| (plan.clone(), abandoned(plan, &progress)));
    let plan = &plan;
    drop(progress);
    let outcome = outcome_of(plan, &done);
    if let Some(kept) = kept
        && signal.is_none()
        && outcome != Exit::Done
    {
        // it may be for the lock that somebody took away
        let _ = tokio::time::timeout(LAST_RENEWAL, kept.lock.renew()).await;
    }
    let exit = match kept.map(|kept| kept.lock.holds()) {
        Some(Err(_)) => Exit::Locked,
        Some(Ok(())) if kept.is_some_and(|kept| kept.journal.is_overtaken()) => Exit::Locked,
        Some(Ok(())) | None => signal.unwrap_or(outcome),
    };
    let again = (exit != Exit::Done).then(|| command.again(plan, global, &args.targets));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args;
    use crate::report::samples;

    #[test]
    fn what_ended_early_is_gone_on_with_by_the_same_end() {
        let words = ["trueup", "destroy", "-f", "a.yaml", "--ledger", "nats"];
        let global = args::parse(&words.map(Into::into)).unwrap().global;
        let again = |command: Purpose| command.again(&samples::of(Vec::new(), 0), &global, &[]);
        assert_eq!(
            again(Purpose::Destroy { named: false }),
            "trueup destroy -f a.yaml --ledger nats"
        );
        assert_eq!(
            again(Purpose::Destroy { named: true }),
            "trueup destroy --stack events-platform -f a.yaml --ledger nats"
        );
        assert_eq!(again(Purpose::Apply), "trueup plan -f a.yaml --ledger nats");
    }
}
