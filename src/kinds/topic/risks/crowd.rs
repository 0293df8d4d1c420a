//! How many replicas the brokers hold, with those that a plan adds.

use std::collections::BTreeMap;

use super::turn::Turn;
use crate::broker::kafka::{Kafka, KafkaError};
use crate::kinds::loss::risk;
use crate::model::{Action, Address, Code, Harm, Risk, Step, counted, grouped};

/// What a broker is advised to hold at most, and a cluster: see the source of [`Code::TopicBrokersCrowded`].
const ON_A_BROKER: u64 = 4_000;
const IN_A_CLUSTER: u64 = 200_000;

/// Told of the step that adds the most; nothing is read where none adds any.
pub(super) async fn risk_of(
    kafka: &Kafka,
    steps: &[&Step],
    turns: &[Turn],
) -> Option<(Address, Risk)> {
    let made = steps.iter().filter(|step| step.action == Action::Create);
    let made = made.map(|step| (&step.address, by_new(step)));
    let grown = turns.iter().map(|turn| (&turn.address, by_change(turn)));
    let added: Vec<(&Address, u64)> = made.chain(grown).filter(|(_, more)| *more > 0).collect();
    let (most, _) = added.iter().max_by_key(|(_, more)| *more)?;
    let more = added.iter().map(|(_, more)| more).sum();
    let (alive, held) = read(kafka).await.ok()?;
    let evidence = crowded(alive, &held, more)?;
    let risk = risk(Code::TopicBrokersCrowded, Harm::Medium, evidence, Some(0));
    Some(((*most).clone(), risk))
}

async fn read(kafka: &Kafka) -> Result<(u64, BTreeMap<i32, u64>), KafkaError> {
    let (cluster, held) = tokio::try_join!(kafka.cluster(), kafka.replicas_held())?;
    Ok((cluster.brokers.len() as u64, held))
}

/// The replicas of a new topic; what is not declared counts as one.
fn by_new(step: &Step) -> u64 {
    let count = |field: &str| {
        let change = step.changes.iter().find(|change| change.field == field);
        let count = change.and_then(|change| change.after.as_ref()?.as_u64());
        count.unwrap_or(1)
    };
    count("partitions").saturating_mul(count("replication_factor"))
}

fn by_change(turn: &Turn) -> u64 {
    let Some(topic) = &turn.topic else {
        return 0;
    };
    let (partitions, replicas) = (
        topic.partitions.len() as u64,
        turn.replicas().unwrap_or(1) as u64,
    );
    let after = |counts: Option<u64>, now: u64| counts.unwrap_or(now);
    let wanted = turn
        .partitions()
        .and_then(|(_, after)| u64::try_from(after).ok());
    let factor = turn.factors().map(|(_, after)| after);
    let total = after(wanted, partitions).saturating_mul(after(factor, replicas));
    total.saturating_sub(partitions.saturating_mul(replicas))
}

/// What is told where it is too many.
fn crowded(alive: u64, held: &BTreeMap<i32, u64>, more: u64) -> Option<String> {
    let all = held.values().sum::<u64>().saturating_add(more);
    let each = all.div_ceil(alive.max(1));
    let more = counted(more, "replica");
    if each > ON_A_BROKER {
        return Some(format!(
            "with the {more} that this plan adds each of {} holds {} in the mean, more than {}",
            counted(alive, "broker"),
            grouped(each),
            grouped(ON_A_BROKER)
        ));
    }
    (all > IN_A_CLUSTER).then(|| {
        format!(
            "with the {more} that this plan adds the cluster holds {}, more than {}",
            grouped(all),
            grouped(IN_A_CLUSTER)
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Change;

    #[test]
    fn brokers_are_crowded_beyond_what_is_advised() {
        let held = BTreeMap::from([(1, 3_990), (2, 3_990)]);
        assert_eq!(crowded(2, &held, 20), None);
        assert_eq!(
            crowded(2, &held, 30).unwrap(),
            "with the 30 replicas that this plan adds each of 2 brokers holds 4,005 in the mean, more than 4,000"
        );
        let wide: BTreeMap<i32, u64> = (0..60).map(|id| (id, 3_333)).collect();
        assert_eq!(crowded(60, &wide, 20), None);
        assert_eq!(
            crowded(60, &wide, 21).unwrap(),
            "with the 21 replicas that this plan adds the cluster holds 200,001, more than 200,000"
        );
    }

    #[test]
    fn a_new_topic_adds_all_of_its_replicas() {
        let change = |field: &str, after: u64| Change {
            field: field.to_owned(),
            before: None,
            after: Some(json!(after)),
            note: None,
        };
        let step = Step {
            changes: vec![change("partitions", 12), change("replication_factor", 3)],
            ..Step::of("topic/t".parse().unwrap(), Action::Create)
        };
        assert_eq!(by_new(&step), 36);
        assert_eq!(
            by_new(&Step::of("topic/t".parse().unwrap(), Action::Create)),
            1
        );
    }
}
