//! What changing a topic costs: rules that look for a change, and what they make of what the brokers show.

mod compaction;
mod crowd;
mod evidence;
mod in_sync;
mod partitions;
mod producers;
mod remote;
mod replicas;
mod retention;
mod room;
mod turn;

use super::losses::Topics;
use crate::broker::kafka::Kafka;
use crate::kinds::foretold::Foretold;
use crate::kinds::loss::{Finding, no_more_than};
use crate::kinds::{Sight, is_in_place};
use crate::model::{Address, Code, Harm, Problem, Resource, Risk, Step};
use evidence::Seen;
use turn::Turn;

/// A rule: the change that it looks for, what it wants to see, and what it makes of that.
struct Rule {
    code: Code,
    /// The field that it comes from.
    field: &'static str,
    /// How bad it is for a topic without records.
    when_empty: Harm,
    wants: &'static [Want],
    /// What it says of what is declared alone, where that shows it.
    foretold: Option<fn(&Resource) -> Option<Foretold>>,
    applies: fn(&Turn) -> bool,
    find: fn(&Turn, &Seen) -> Finding,
}

/// What a rule wants to see beside where the records begin and end.
#[derive(Clone, Copy, PartialEq)]
enum Want {
    /// How large the partitions are.
    Sizes,
    /// Which records are older than they would be kept.
    Age,
    /// The groups that read it.
    Readers,
    /// The last records: their keys and the sizes of their batches.
    Sample,
    /// Where the records on local disk begin.
    Local,
    /// How much its brokers' disks have free.
    Room,
}

/// Every rule, in the order in which a step's risks are told.
const RULES: [&Rule; 17] = [
    &retention::TIME,
    &retention::SIZE,
    &retention::DELETION_ON,
    &room::TIME,
    &room::SIZE,
    &compaction::ON,
    &compaction::TOMBSTONES,
    &remote::OFF,
    &partitions::ADDED,
    &replicas::LOWERED,
    &replicas::MOVED,
    &producers::MESSAGE_SIZE,
    &producers::TIMESTAMPS,
    &producers::COMPRESSION,
    &in_sync::RAISED,
    &in_sync::LOWERED,
    &in_sync::UNCLEAN,
];

/// What a declared topic shows by itself.
pub(super) fn foretold(topic: &Resource) -> Vec<Problem> {
    let of = |rule: &&Rule| {
        let told = rule.foretold.and_then(|foretold| foretold(topic))?;
        Some(told.problem(rule.code, topic, rule.field))
    };
    RULES.iter().filter_map(of).collect()
}

/// The codes of that.
pub(super) fn foretells() -> Vec<Code> {
    let tells = RULES.iter().filter(|rule| rule.foretold.is_some());
    tells.map(|rule| rule.code).collect()
}

/// Looks at the topics that these steps change, as far as a rule asks for it.
pub(super) async fn risks(
    client: Result<&Kafka, Problem>,
    steps: &[&Step],
) -> Vec<(Address, Vec<Risk>)> {
    let watched = |step: &&&Step| is_in_place(step) && is_watched(step);
    let changed: Vec<&Step> = steps.iter().filter(watched).copied().collect();
    let (turns, why) = match &client {
        Ok(_) if changed.is_empty() => (Vec::new(), None),
        Ok(kafka) => turn::read(kafka, &changed).await,
        Err(problem) => (turn::unread(&changed), Some(problem.message.clone())),
    };
    let crowd = match &client {
        Ok(kafka) => crowd::risk_of(kafka, steps, &turns).await,
        Err(_) => None,
    };
    let mut told = of_changes(&client, turns, why).await;
    if let Some((address, risk)) = crowd {
        match told.iter_mut().find(|(known, _)| *known == address) {
            Some((_, risks)) => risks.push(risk),
            None => told.push((address, vec![risk])),
        }
    }
    told
}

async fn of_changes(
    client: &Result<&Kafka, Problem>,
    turns: Vec<Turn>,
    why: Option<String>,
) -> Vec<(Address, Vec<Risk>)> {
    let turns = turns.into_iter().map(|turn| (applying(&turn), turn));
    let turns: Vec<(Vec<&Rule>, Turn)> = turns.filter(|(rules, _)| !rules.is_empty()).collect();
    if turns.is_empty() {
        return Vec::new();
    }
    let seen = match (client, why) {
        (Ok(kafka), None) => evidence::look(kafka, &turns).await,
        (_, why) => evidence::nothing(&turns, &why.unwrap_or_default()),
    };
    let told = turns.iter().zip(&seen);
    told.map(|((rules, turn), seen)| (turn.address.clone(), of_turn(rules, turn, seen)))
        .collect()
}

/// The same by what was seen of them: their configs, and how many partitions and replicas they had.
pub(super) fn by_sight(sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let steps = steps
        .iter()
        .filter(|step| is_in_place(step) && is_watched(step));
    let turns = steps.filter_map(|step| {
        let live = sight.resources.get(&step.address)?;
        Some(turn::seen(step, live))
    });
    let seen = Seen::nothing(sight.why);
    let told = turns.map(|turn| {
        let risks = of_turn(&applying(&turn), &turn, &seen);
        (turn.address.clone(), risks)
    });
    told.filter(|(_, risks)| !risks.is_empty()).collect()
}

fn is_watched(step: &Step) -> bool {
    let mut changes = step.changes.iter();
    changes.any(|change| RULES.iter().any(|rule| rule.field == change.field))
}

fn applying(turn: &Turn) -> Vec<&'static Rule> {
    let mine = |rule: &&&Rule| turn.changes(rule.field) && (rule.applies)(turn);
    RULES.iter().filter(mine).copied().collect()
}

fn of_turn(rules: &[&Rule], turn: &Turn, seen: &Seen) -> Vec<Risk> {
    let of = |rule: &&Rule| {
        let found = match seen.records() {
            Ok(0) if rule.when_empty == Harm::Low => {
                Finding::of(Harm::Low, ["the topic holds no records".to_owned()]).at_stake(0)
            }
            Ok(0) => {
                let found = (rule.find)(turn, seen);
                let harm = found.harm.min(rule.when_empty);
                Finding { harm, ..found }
            }
            Ok(_) | Err(_) => (rule.find)(turn, seen),
        };
        found.risk(rule.code, Some(rule.field.to_owned()))
    };
    // what holds nothing needs no room
    let is_empty = seen.records() == Ok(0);
    let needless = |rule: &&&Rule| is_empty && rule.code == Code::TopicRetentionRaised;
    let rules = rules.iter().filter(|rule| !needless(rule));
    no_more_than(seen.records().ok(), rules.map(of).collect())
}

/// The topics of these turns that a rule wants this of.
fn wanting(turns: &[(Vec<&Rule>, Turn)], want: Want) -> Topics {
    let wanting = turns.iter().filter(|(rules, _)| {
        let mut rules = rules.iter();
        rules.any(|rule| rule.wants.contains(&want))
    });
    let topics =
        wanting.filter_map(|(_, turn)| Some((turn.name().to_owned(), turn.topic.clone()?)));
    topics.collect()
}

#[cfg(test)]
mod tests;
