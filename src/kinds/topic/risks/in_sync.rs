//! How many replicas must have a write, and who may lead.

use super::Rule;
use super::turn::{After, Before, Turn};
use crate::broker::kafka::Partition;
use crate::kinds::foretold::Foretold;
use crate::kinds::loss::Finding;
use crate::kinds::topic::replicas::FACTOR;
use crate::kinds::topic::rules::number;
use crate::model::{Code, Harm};

pub(super) const RAISED: Rule = Rule {
    code: Code::TopicMinIsrRaised,
    field: "config.min.insync.replicas",
    when_empty: Harm::Medium,
    wants: &[],
    foretold: Some(|topic| {
        let (wanted, kept) = (number(topic, RAISED.field)?, number(topic, FACTOR)?);
        let says = format!(
            "`min.insync.replicas` is {wanted}, as many as there are replicas: as soon as one broker is away, producers with `acks=all` are refused"
        );
        (wanted > 1 && wanted == kept).then(|| Foretold::of(says))
    }),
    applies: |turn| {
        wanted(turn).is_none_or(|wanted| !turn.lowers(MIN_ISR) && !spares_one(turn, wanted))
    },
    find: |turn, _| raised(turn),
};

pub(super) const LOWERED: Rule = Rule {
    code: Code::TopicMinIsrLowered,
    field: "config.min.insync.replicas",
    when_empty: Harm::Low,
    wants: &[],
    foretold: Some(|topic| {
        let (wanted, kept) = (number(topic, LOWERED.field)?, number(topic, FACTOR)?);
        let says = format!(
            "`min.insync.replicas` is {wanted} of {kept} replicas: a write that was answered (`acks=all`) may be on one broker alone, and is lost with it"
        );
        (wanted <= 1 && kept > 1).then(|| Foretold::of(says))
    }),
    applies: |turn| {
        let is_alone = turn.replicas() == Some(1);
        !is_alone && turn.lowers(MIN_ISR) && wanted(turn).is_none_or(|wanted| wanted <= 1)
    },
    find: |turn, _| {
        let before = turn.said(Before, MIN_ISR);
        let text = format!(
            "a write that was answered (`acks=all`) may be on one broker alone, instead of {before}, and is lost with it"
        );
        Finding::of(Harm::High, [text])
    },
};

pub(super) const UNCLEAN: Rule = Rule {
    code: Code::TopicUncleanElection,
    field: "config.unclean.leader.election.enable",
    when_empty: Harm::Low,
    wants: &[],
    foretold: Some(|topic| {
        let is_on = topic.declared.get(UNCLEAN.field)?.as_str()?.trim();
        let is_alone = number(topic, FACTOR) == Some(1);
        let says = "`unclean.leader.election.enable` is on: when all replicas in sync are gone, one that is behind leads, and what it lacks is lost";
        (is_on.eq_ignore_ascii_case("true") && !is_alone).then(|| Foretold::of(says))
    }),
    applies: |turn| {
        let is_alone = turn.replicas() == Some(1);
        let is_on = |side| turn.is_on(side, "unclean.leader.election.enable");
        !is_alone && is_on(After) != Some(false) && is_on(Before) != Some(true)
    },
    find: |turn, _| match partitions(turn).find(|partition| partition.leader.is_none()) {
        Some(partition) => {
            let text = format!(
                "partition {} has no leader: a replica that is behind becomes it now, and what it lacks is lost",
                partition.index
            );
            Finding::of(Harm::Critical, [text])
        }
        None => {
            let text = "every partition has a leader now; when all in sync are gone, one that is behind becomes it, and what it lacks is lost";
            Finding::of(Harm::High, [text.to_owned()])
        }
    },
};

const MIN_ISR: &str = "min.insync.replicas";

fn wanted(turn: &Turn) -> Option<usize> {
    let wanted = turn.number(After, MIN_ISR)?;
    Some(usize::try_from(wanted).unwrap_or(usize::MAX))
}

fn partitions(turn: &Turn) -> impl Iterator<Item = &Partition> {
    turn.topic.iter().flat_map(|topic| &topic.partitions)
}

/// Whether writes go on when one broker more is away, or there is none to spare anyway.
fn spares_one(turn: &Turn, wanted: usize) -> bool {
    wanted <= 1
        || turn.topic.is_some()
            && partitions(turn).all(|it| wanted < it.replicas.len() && wanted <= it.in_sync.len())
}

fn raised(turn: &Turn) -> Finding {
    let Some(wanted) = wanted(turn).filter(|_| turn.topic.is_some()) else {
        let text = "how many replicas are in sync could not be read: where they are fewer, `acks=all` is refused";
        return Finding::of(Harm::High, [text.to_owned()]);
    };
    let short = partitions(turn).find(|partition| partition.in_sync.len() < wanted);
    match short {
        Some(partition) => {
            let text = format!(
                "partition {} has {} in sync of {}: producers with `acks=all` are refused at once",
                partition.index,
                partition.in_sync.len(),
                partition.replicas.len()
            );
            Finding::of(Harm::High, [text])
        }
        None => {
            let text = format!(
                "all {wanted} replicas are wanted: as soon as one broker is away, producers with `acks=all` are refused"
            );
            Finding::of(Harm::Medium, [text])
        }
    }
}
