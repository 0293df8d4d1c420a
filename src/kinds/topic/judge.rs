//! What Kafka would refuse of a topic's change.

use serde_json::Value;

use super::replicas::FACTOR;
use crate::kinds::{Case, Delta};
use crate::model::{Code, Refusal, counted, grouped};

/// What one request may write to the metadata log (`MAX_RECORDS_PER_USER_OP`; a partition is a record).
const PARTITIONS_AT_ONCE: i64 = 10_000;

/// Every reason why the change can't be carried out.
pub(super) fn judge(case: &Case<'_>) -> Vec<Refusal> {
    let reasons = match case.live {
        Some(_) => [
            partition_decrease(case),
            partitions_at_once(case),
            too_many_replicas(case),
            below_min_isr(case),
        ],
        None => [
            partitions_at_once(case),
            too_many_replicas(case),
            None,
            None,
        ],
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

/// A controller that is asked for millions runs out of memory, though it is only to validate.
fn partitions_at_once(case: &Case<'_>) -> Option<Refusal> {
    let Delta { before, after, .. } = case.delta("partitions")?;
    let (before, after) = (count(before).unwrap_or(0), count(after)?);
    let new = after.saturating_sub(before);
    (new > PARTITIONS_AT_ONCE).then(|| {
        let most = before + PARTITIONS_AT_ONCE;
        let (new, at_once) = (grouped(new.unsigned_abs()), grouped(PARTITIONS_AT_ONCE.unsigned_abs()));
        Refusal::new(
            Code::PartitionsAtOnce,
            format!("{new} new partitions at once, and Kafka's controller makes {at_once} at most"),
            format!("declare `partitions: {most}` or less, apply, and go on from there; or correct the number"),
        )
        .field("partitions")
    })
}

/// Kafka takes fewer replicas than `min.insync.replicas`, and then refuses every write with `acks=all`.
fn below_min_isr(case: &Case<'_>) -> Option<Refusal> {
    const MIN_ISR: &str = "config.min.insync.replicas";
    let wanted = count(&case.delta(FACTOR)?.after)?;
    let live = case.live?;
    let least = match case.delta(MIN_ISR) {
        Some(delta) => delta.after.as_ref().or_else(|| live.inherited.get(MIN_ISR)),
        None => live
            .fields
            .get(MIN_ISR)
            .or_else(|| live.inherited.get(MIN_ISR)),
    };
    let least: i64 = least?.as_str()?.trim().parse().ok()?;
    (wanted < least).then(|| {
        let replicas = counted(wanted.unsigned_abs(), "replica");
        Refusal::new(
            Code::ReplicationBelowMinIsr,
            format!("with {replicas} and `min.insync.replicas: {least}` no producer with `acks=all` could write"),
            format!("declare `min.insync.replicas: {wanted}` or less in the same plan, or `replication_factor: {least}` or more"),
        )
        .field(FACTOR)
    })
}

fn too_many_replicas(case: &Case<'_>) -> Option<Refusal> {
    let wanted = count(&case.delta(FACTOR)?.after)?;
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
        .field(FACTOR)
    })
}

fn count(value: &Option<Value>) -> Option<i64> {
    value.as_ref().and_then(Value::as_i64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use indexmap::IndexMap;

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
                rights: Vec::new(),
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
    fn a_controller_is_not_asked_for_millions_of_partitions() {
        assert_eq!(told("partitions", Some(6), 10_006), []);
        assert_eq!(told("partitions", None, 10_000), []);
        for before in [None, Some(6)] {
            assert_eq!(
                told("partitions", before, 20_000_000),
                [Code::PartitionsAtOnce]
            );
        }
    }

    #[test]
    fn replicas_need_live_brokers() {
        for before in [None, Some(1)] {
            assert_eq!(told(FACTOR, before, 3), []);
            assert_eq!(told(FACTOR, before, 4), [Code::ReplicationTooHigh]);
        }
    }

    #[test]
    fn replicas_are_no_fewer_than_must_have_a_write() {
        let told = |set: Option<&str>, becomes: Option<Value>| {
            let path = "config.min.insync.replicas";
            let set = set.map(|set| (path.to_owned(), json!(set)));
            let live = Live {
                fields: set.into_iter().collect(),
                raw: Doc::new(),
                incarnation: None,
                inherited: Arc::new(IndexMap::from([(path.to_owned(), json!("2"))])),
            };
            let delta = |path: &str, after| Delta {
                path: path.to_owned(),
                before: Some(json!(3)),
                after,
            };
            let mut deltas = vec![delta(FACTOR, Some(json!(1)))];
            deltas.extend(becomes.map(|value| delta(path, Some(value).filter(|it| !it.is_null()))));
            let resource = Resource::new(Address::new(KindName::Topic, "t"), Flat::new());
            let case = Case {
                resource: &resource,
                live: Some(&live),
                deltas: &deltas,
                all: &Resources::new(),
                surroundings: &Surroundings::default(),
            };
            judge(&case)
                .iter()
                .map(|refusal| refusal.code)
                .collect::<Vec<_>>()
        };
        let refused = [Code::ReplicationBelowMinIsr];
        assert_eq!(told(None, None), refused);
        assert_eq!(told(Some("2"), None), refused);
        assert_eq!(told(Some("1"), None), []);
        assert_eq!(told(Some("2"), Some(json!("1"))), []);
        assert_eq!(told(Some("1"), Some(Value::Null)), refused);
    }
}
