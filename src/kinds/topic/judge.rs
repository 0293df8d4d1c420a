//! What Kafka would refuse of a topic's change.

use serde_json::Value;

use crate::kinds::{Case, Delta};
use crate::model::{Code, Refusal};

/// Every reason why the change can't be carried out.
pub(super) fn judge(case: &Case<'_>) -> Vec<Refusal> {
    let reasons = match case.live {
        Some(_) => [partition_decrease(case), replication_change(case)],
        None => [too_many_replicas(case), None],
    };
    reasons.into_iter().flatten().collect()
}

fn partition_decrease(case: &Case<'_>) -> Option<Refusal> {
    let Delta { before, after, .. } = case.delta("partitions")?;
    let (before, after) = (count(before)?, count(after)?);
    (after < before).then(|| {
        Refusal::new(
            Code::PartitionDecrease,
            format!("the topic has {before} partitions, and Kafka can't take any away"),
            format!(
                "declare `partitions: {before}`, or make a new topic with {after} and move the data"
            ),
        )
        .field("partitions")
    })
}

fn replication_change(case: &Case<'_>) -> Option<Refusal> {
    let Delta { before, after, .. } = case.delta("replication_factor")?;
    let (before, after) = (count(before)?, count(after)?);
    let mixed = case
        .live
        .is_some_and(|live| live.raw.contains_key(super::observe::MIXED));
    let now = if mixed {
        format!("the topic's partitions have different numbers of replicas, {before} at most")
    } else {
        format!("the topic has {before}")
    };
    Some(
        Refusal::new(
            Code::ReplicationChange,
            format!("{now}; changing that means moving data, which this version does not do"),
            format!("bring it to {after} with `kafka-reassign-partitions`, or declare `replication_factor: {before}`"),
        )
        .field("replication_factor"),
    )
}

fn too_many_replicas(case: &Case<'_>) -> Option<Refusal> {
    let wanted = count(&case.delta("replication_factor")?.after)?;
    let alive = case.surroundings.kafka.as_ref()?.brokers;
    (wanted > i64::try_from(alive).unwrap_or(i64::MAX)).then(|| {
        Refusal::new(
            Code::ReplicationTooHigh,
            format!(
                "{wanted} replicas need {wanted} brokers, and {alive} {} alive",
                if alive == 1 { "is" } else { "are" }
            ),
            format!("declare `replication_factor: {alive}` or less, or bring up more brokers"),
        )
        .field("replication_factor")
    })
}

fn count(value: &Option<Value>) -> Option<i64> {
    value.as_ref().and_then(Value::as_i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{KafkaFacts, Live, Resources, Surroundings};
    use crate::model::{Address, Doc, Flat, KindName, Resource};
    use serde_json::json;

    fn told(path: &str, before: Option<i64>, after: i64) -> Vec<Code> {
        let resource = Resource::new(Address::new(KindName::Topic, "t"), Flat::new());
        let live = before.map(|_| Live {
            fields: Flat::new(),
            raw: Doc::new(),
            incarnation: None,
            inherited: Default::default(),
        });
        let deltas = [Delta {
            path: path.to_owned(),
            before: before.map(|n| json!(n)),
            after: Some(json!(after)),
        }];
        let surroundings = Surroundings {
            nats: None,
            kafka: Some(KafkaFacts {
                cluster_id: "c".to_owned(),
                brokers: 3,
                release: None,
                principal: None,
                local_address: None,
            }),
        };
        let case = Case {
            resource: &resource,
            live: live.as_ref(),
            deltas: &deltas,
            all: &Resources::new(),
            surroundings: &surroundings,
        };
        judge(&case).iter().map(|refusal| refusal.code).collect()
    }

    #[test]
    fn partitions_only_grow() {
        assert_eq!(told("partitions", Some(6), 3), [Code::PartitionDecrease]);
        assert_eq!(told("partitions", Some(6), 7), []);
        assert_eq!(told("partitions", None, 1), []);
    }

    #[test]
    fn replication_is_for_good_and_for_live_brokers() {
        assert_eq!(
            told("replication_factor", Some(1), 3),
            [Code::ReplicationChange]
        );
        assert_eq!(told("replication_factor", None, 3), []);
        assert_eq!(
            told("replication_factor", None, 4),
            [Code::ReplicationTooHigh]
        );
    }
}
