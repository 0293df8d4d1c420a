//! A saved plan before it is applied: does it belong here, and does it still hold?

use jiff::Timestamp;

use super::args::{Consent, Form, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::ledger;
use super::next;
use super::reach::Reach;
use super::screen::Screen;
use super::work::Planned;
use crate::engine::{How, LiveBrokers, Moved, Port, moved, weigh_again, wrong_target};
use crate::ledger::{Book, Ledger, LedgerPlace};
use crate::model::{Address, Broker, Code, Problem, Tally};
use crate::plan::{Plan, Target, titles_moved};
use crate::report::{Line, Page, Tone, problems_json};

/// What became of a saved plan.
pub(super) enum Still {
    /// It can be applied.
    Holds(Box<Planned>),
    /// What it rests on moved, or can't be read; nothing at all where the manifest is another one.
    Moved(Vec<Moved>),
}

/// The ledger that a plan is applied with: the one that it was made with.
///
/// # Errors
/// That another one is named.
pub(super) fn ledger(plan: &Plan, named: Option<LedgerPlace>) -> Result<LedgerPlace, Failure> {
    let made_with = plan.ledger.as_ref().map(|ledger| ledger.place.clone());
    let made_with = made_with.unwrap_or(LedgerPlace::None);
    let Some(named) = named.filter(|named| *named != made_with) else {
        return Ok(made_with);
    };
    let message =
        format!("the plan was made with the ledger `{made_with}`, and `{named}` is named");
    Err(Failure::of(Code::WrongTarget, message).hint(format!(
        "plan again with this one, or apply it with `--ledger {made_with}`"
    )))
}

/// The brokers that a plan and its ledger are on.
pub(super) fn brokers(plan: &Plan) -> Vec<Broker> {
    let mut brokers: Vec<Broker> = plan.targets.iter().map(broker_of).collect();
    let ledger = plan.ledger.as_ref();
    brokers.extend(ledger.and_then(|ledger| ledger.place.broker()));
    brokers.sort_unstable();
    brokers.dedup();
    brokers
}

const fn broker_of(target: &Target) -> Broker {
    match target {
        Target::Nats { .. } => Broker::Nats,
        Target::Kafka { .. } => Broker::Kafka,
    }
}

/// Whether these are the brokers that it was made on, and none of its resources moved.
///
/// # Errors
/// Other brokers; a ledger that can't be read.
pub(super) async fn look(
    plan: &Plan,
    port: LiveBrokers,
    ledger: Option<&Ledger>,
    reach: &Reach,
    consent: &Consent,
) -> Result<Still, Failure> {
    if let Some(why) = wrong_target(plan, &port) {
        let problem = Problem::error(Code::WrongTarget, why)
            .hint("connect to the brokers that the plan was made on, or plan again");
        return Err(reach.failure(vec![problem]));
    }
    let manifest = reach.manifest();
    if manifest.is_some_and(|manifest| manifest.digest() != plan.manifest_digest) {
        return Ok(Still::Moved(Vec::new()));
    }
    let lacking = port.without_password(plan).into_iter();
    let lacking: Vec<Problem> = lacking.map(without_password).collect();
    if !lacking.is_empty() {
        return Err(reach.failure(lacking));
    }
    let book = match ledger {
        Some(ledger) => Some(ledger::read(ledger).await?),
        None => None,
    };
    let mut moved = moved(plan, &port).await;
    moved.extend(book.iter().flat_map(|book| of_owners(plan, book)));
    if !moved.is_empty() {
        return Ok(Still::Moved(moved));
    }
    let plan = Plan {
        targets: port.targets(),
        approvals: consent.approved.behind(&plan.approvals),
        ..plan.clone()
    };
    let plan = weigh_again(plan, &port, Timestamp::now()).await;
    Ok(Still::Holds(Box::new(Planned { plan, port, book })))
}

fn without_password(user: &Address) -> Problem {
    let message = "its password is not known here: no plan ever holds one";
    Problem::error(Code::MissingField, message)
        .about(user)
        .hint("name the manifest that declares it with `-f`, and apply the plan again")
}

fn of_owners(plan: &Plan, book: &Book) -> Vec<Moved> {
    let moved = titles_moved(plan, book).into_iter();
    let changed = moved.map(|(address, how)| Moved {
        address,
        how: How::Changed(how),
    });
    changed.collect()
}

/// Says why a saved plan does not hold.
///
/// # Errors
/// That it can't be known, because something can't be read.
pub(super) fn stale(
    plan: &Plan,
    moved: &[Moved],
    reach: &Reach,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    if moved.is_empty() {
        of_another_manifest(reach, screen)?;
        return Ok(Exit::Stale);
    }
    if let Some(unread) = unread(moved, global) {
        return Err(reach.failure(unread));
    }
    let next = format!(
        "plan again, and look at what changed: {}",
        plan_again(plan, global, &[])
    );
    say_moved(moved, &next, screen)?;
    Ok(Exit::Stale)
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
        return screen.result(&problems_json(&[problem], Tally::default()));
    }
    screen.complain(&reach.failure(vec![problem]).rendered(screen.error_width()));
    Ok(())
}

/// Says what has moved, as JSON where that was asked for.
fn say_moved(moved: &[Moved], next: &str, screen: &Screen) -> Result<(), Failure> {
    if screen.form() == Form::Json {
        let problem = |moved: &Moved| {
            let problem = Problem::error(Code::Stale, moved.how.words());
            problem.about(&moved.address).hint(next)
        };
        let problems: Vec<Problem> = moved.iter().map(problem).collect();
        return screen.result(&problems_json(&problems, Tally::default()));
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

/// The command that plans again: with this command's own options, or else as the saved plan was
/// made.
pub(super) fn plan_again(plan: &Plan, global: &Global, targets: &[String]) -> String {
    match &plan.made_by {
        Some(command) if global.files.is_empty() => command.clone(),
        None if global.files.is_empty() => "trueup plan -f MANIFEST".to_owned(),
        Some(_) | None => next::command(&["plan"], global, targets),
    }
}
