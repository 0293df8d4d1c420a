//! Changes of topics that lose records: what is told before is what is lost.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Value, json};
use trueup::broker::kafka::{Span, TopicDescription};
use trueup::model::{Approval, Code, Harm, Outcome, Risk};
use trueup::plan::Plan;

use super::world::{World, all, topic};
use super::{eventually, unique};
use crate::broker::kafka_client::{commit, now, produce_keyed};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_shorter_time_loses_what_was_told() {
    let world = World::plain().await;
    let (name, group) = (unique("cut-ms"), unique("late"));
    let said = |retention| json!({ "partitions": 2, "config": { "retention.ms": retention, "segment.ms": "1m" } });
    // an hour is more than a tenth of that: what is younger is not part of what goes
    world.bring(&all([topic(&name, said("9h"))])).await;
    old_and_new(&name, |_| None).await;
    commit(&group, &name, &[(0, 950)]).await;
    let plan = world
        .plan_unapproved(&all([topic(&name, said("1h"))]))
        .await;
    let risk = the_risk(&plan, Code::TopicRetentionLowered);
    assert_eq!(risk.field.as_deref(), Some("config.retention.ms"));
    assert!(risk.evidence.contains("older than 1h"), "{risk:?}");
    assert!(
        risk.evidence
            .contains(&format!("group `{group}` (empty) has not read 50 of them")),
        "{risk:?}"
    );
    loses(&world, plan, &name, 1_000).await;
}

#[tokio::test]
async fn a_smaller_size_loses_what_was_told() {
    let world = World::plain().await;
    let name = unique("cut-bytes");
    let said = |config: Value| json!({ "config": config });
    let before = json!({ "retention.bytes": "unlimited", "segment.bytes": "1MiB" });
    world.bring(&all([topic(&name, said(before))])).await;
    // nine batches fill a segment, and the seventh is open
    for _ in 0..63 {
        produce_keyed(&name, 0, now(), &vec![None; 1_000]).await;
    }
    let size = world
        .kafka
        .topic_sizes(&described(&world, &name).await)
        .await;
    let size = size[&name].clone().unwrap()[&0];
    let limit = size * 4 / 7 - 1_000;
    let after = json!({ "retention.bytes": limit, "segment.bytes": "1MiB" });
    let plan = world
        .plan_unapproved(&all([topic(&name, said(after))]))
        .await;
    let risk = the_risk(&plan, Code::TopicRetentionLowered);
    assert_eq!(risk.field.as_deref(), Some("config.retention.bytes"));
    // reckoned from the average, and as many as may go where the old ones are small
    let told = number_behind(&risk, "about ");
    assert!(told.abs_diff(27_000) <= 270, "{risk:?}");
    assert_eq!(
        (number_behind(&risk, "at most "), risk.at_stake),
        (63_000, Some(63_000))
    );
    loses_of(&world, plan, &name, 27_000, told).await;
}

#[tokio::test]
async fn deletion_that_begins_loses_what_was_told() {
    let world = World::plain().await;
    let name = unique("cut-policy");
    let said = |policy| {
        let config = json!({ "cleanup.policy": policy, "retention.ms": "1h", "segment.ms": "1m", "min.cleanable.dirty.ratio": 0.99 });
        json!({ "partitions": 2, "config": config })
    };
    world.bring(&all([topic(&name, said("compact"))])).await;
    old_and_new(&name, |place| Some(format!("key {place}"))).await;
    let plan = world
        .plan_unapproved(&all([topic(&name, said("delete"))]))
        .await;
    let risk = the_risk(&plan, Code::TopicDeletionOn);
    assert!(risk.evidence.starts_with("about 1,000 records"), "{risk:?}");
    let later = "the other 100 records become deletable within 1h; before, they were kept for ever";
    assert!(risk.evidence.contains(later), "{risk:?}");
    assert_eq!(risk.at_stake, Some(1_100));
    loses_of(&world, plan, &name, 1_000, 1_100).await;
}

#[tokio::test]
async fn what_is_young_is_not_kept_shorter_without_consent() {
    let world = World::plain().await;
    let (aged, table) = (unique("young"), unique("table"));
    let said = |aged_for: &str, policy: &str| {
        all([
            topic(&aged, json!({ "config": { "retention.ms": aged_for } })),
            topic(
                &table,
                json!({ "config": { "cleanup.policy": policy, "retention.ms": "7d" } }),
            ),
        ])
    };
    world.bring(&said("7d", "compact")).await;
    for name in [&aged, &table] {
        produce_keyed(name, 0, now(), &[Some("k".to_owned())]).await;
    }
    let plan = world.plan_unapproved(&said("1m", "delete")).await;
    assert!(!plan.applyable, "{plan:#?}");
    let risks = plan.steps.iter().flat_map(|step| &step.risks);
    let told = risks.map(|risk| (risk.code, risk.harm, risk.at_stake));
    let told: Vec<_> = told.collect();
    let of = |code| (code, Harm::High, Some(1));
    assert_eq!(
        told,
        [of(Code::TopicRetentionLowered), of(Code::TopicDeletionOn)]
    );
    for done in world.apply(&plan).await {
        let is_held = matches!(done.outcome, Outcome::NotAttempted { .. });
        assert!(is_held, "{done:?}");
    }
}

#[tokio::test]
async fn compaction_loses_what_was_told() {
    let world = World::plain().await;
    let name = unique("compacted");
    let said = |policy| json!({ "config": { "cleanup.policy": policy, "segment.ms": "1m", "min.cleanable.dirty.ratio": 0.01 } });
    world.bring(&all([topic(&name, said("delete"))])).await;
    let mut keys = vec![None; 200];
    keys.extend((0..200).map(|place| Some(format!("key {}", place % 50))));
    produce_keyed(&name, 0, now() - 2 * HOUR, &keys).await;
    // closes the segment before it; what is open is never compacted
    produce_keyed(&name, 0, now(), &[Some("another".to_owned())]).await;
    let plan = world
        .plan_unapproved(&all([topic(&name, said("compact"))]))
        .await;
    let risk = the_risk(&plan, Code::TopicCompactionOn);
    assert_eq!(risk.at_stake, Some(350), "{risk:?}");
    assert!(
        risk.evidence.starts_with(
            "of 401 records, compaction drops 200 without a key and 150 that have a newer one"
        ),
        "{risk:?}"
    );
    assert_eq!(kept(&world, &name).await, 401);
    approve_and_apply(&world, plan).await;
    eventually("compaction", || async {
        kept(&world, &name).await == 401 - 350
    })
    .await;
}

/// Ten closed segments of a hundred records that are hours old, then a hundred of now.
async fn old_and_new(name: &str, key: impl Fn(i64) -> Option<String>) {
    let now = now();
    for batch in 0..10 {
        let keys: Vec<_> = (0..100).map(|place| key(batch * 100 + place)).collect();
        produce_keyed(name, 0, now - 5 * HOUR + batch * HOUR / 6, &keys).await;
    }
    let keys: Vec<_> = (1_000..1_100).map(key).collect();
    produce_keyed(name, 0, now, &keys).await;
}

fn the_risk(plan: &Plan, code: Code) -> Risk {
    assert_eq!(plan.steps.len(), 1, "{:#?}", plan.steps);
    let risks = &plan.steps[0].risks;
    assert_eq!(risks.len(), 1, "{risks:?}");
    assert_eq!((risks[0].code, risks[0].harm), (code, Harm::Critical));
    assert!(!plan.applyable);
    risks[0].clone()
}

/// The number behind a word of the evidence: `about 27,000 records`.
fn number_behind(risk: &Risk, word: &str) -> u64 {
    let (_, rest) = risk.evidence.split_once(word).unwrap();
    let digits = rest.split(' ').find(|part| !part.is_empty()).unwrap();
    digits.replace(',', "").parse().unwrap()
}

/// Without consent nothing is lost; with it as much as was told, give or take a hundredth.
async fn loses(world: &World, plan: Plan, name: &str, expected: u64) {
    let told = plan.steps[0].risks[0].at_stake.unwrap();
    loses_of(world, plan, name, expected, told).await;
    assert!(
        told.abs_diff(expected) * 100 <= expected,
        "told {told}, lost {expected}"
    );
}

/// Without consent nothing is lost; with it so much, for now, of what is said to go.
async fn loses_of(world: &World, plan: Plan, name: &str, expected: u64, told: u64) {
    let before = spans(world, name).await;
    let done = world.apply(&plan).await;
    assert!(
        matches!(done[0].outcome, Outcome::NotAttempted { .. }),
        "{done:?}"
    );
    assert_eq!(spans(world, name).await, before);
    approve_and_apply(world, plan).await;
    let records =
        |spans: &BTreeMap<i32, Span>| spans.values().map(|span| span.records()).sum::<u64>();
    let before = records(&before);
    eventually("the loss", || async {
        before - records(&spans(world, name).await) >= expected
    })
    .await;
    let lost = before - records(&spans(world, name).await);
    assert_eq!(lost, expected);
    assert!(lost <= told + told / 100, "told {told}, lost {lost}");
}

async fn approve_and_apply(world: &World, mut plan: Plan) {
    let address = plan.steps[0].address.clone();
    for risk in &mut plan.steps[0].risks {
        risk.approved_by = Some("a test".to_owned());
        plan.approvals.push(Approval {
            risk: risk.code,
            address: address.clone(),
            max: None,
            max_bytes: None,
            terms: None,
        });
    }
    for done in world.apply(&plan).await {
        assert_eq!(done.outcome, Outcome::Applied, "{}", done.address);
    }
}

async fn described(world: &World, name: &str) -> IndexMap<String, TopicDescription> {
    let described = world
        .kafka
        .describe_topics(&[name.to_owned()])
        .await
        .unwrap();
    let topics = described.into_iter();
    topics.map(|(name, topic)| (name, topic.unwrap())).collect()
}

async fn spans(world: &World, name: &str) -> BTreeMap<i32, Span> {
    let spans = world.kafka.spans(&described(world, name).await).await;
    spans[name].clone().unwrap()
}

/// How many records can be read.
async fn kept(world: &World, name: &str) -> usize {
    let topics = described(world, name).await;
    let spans = IndexMap::from([(name.to_owned(), spans(world, name).await)]);
    let samples = world.kafka.samples(&topics, &spans).await;
    let samples = samples[name].as_ref().unwrap();
    samples.values().map(|sample| sample.keys.len()).sum()
}
