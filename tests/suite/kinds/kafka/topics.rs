use serde_json::{Value, json};
use trueup::model::{Action, Code, Outcome, Undeclared};

use super::unique;
use super::world::{World, all, topic};

/// Settings as somebody would write them, none of them a default.
fn odd() -> Value {
    json!({
        "partitions": 3, "replication_factor": 1,
        "config": {
            "cleanup.policy": ["compact", "delete"], "compression.type": "zstd",
            "compression.zstd.level": 5, "delete.retention.ms": "2h", "file.delete.delay.ms": "30s",
            "flush.messages": 1000, "flush.ms": "unlimited", "index.interval.bytes": "8KiB",
            "max.compaction.lag.ms": "30d", "max.message.bytes": "2MiB",
            "message.timestamp.after.max.ms": "1d", "message.timestamp.before.max.ms": "unlimited",
            "message.timestamp.type": "LogAppendTime", "min.cleanable.dirty.ratio": 0.25,
            "min.compaction.lag.ms": "1m", "min.insync.replicas": 1, "preallocate": false,
            "retention.bytes": "10GiB", "retention.ms": "3d", "segment.bytes": "64MiB",
            "segment.index.bytes": "1MiB", "segment.jitter.ms": "5s", "segment.ms": "12h",
            "unclean.leader.election.enable": true
        }
    })
}

#[tokio::test]
async fn every_setting_comes_back_as_it_went() {
    let world = World::plain().await;
    let name = unique("odd");
    let plan = world.bring(&all([topic(&name, odd())])).await;
    assert_eq!(plan.steps[0].action, Action::Create);
    assert_eq!(plan.steps[0].changes.len(), 26);
    let other_words = json!({
        "config": {
            "retention.ms": 259_200_000, "max.message.bytes": 2_097_152, "cleanup.policy": "delete, compact",
            "min.cleanable.dirty.ratio": "0.250", "segment.ms": "720m", "flush.ms": "9223372036854775807"
        }
    });
    world.nothing_left(&all([topic(&name, other_words)])).await;
}

#[tokio::test]
async fn a_topic_may_be_left_to_the_brokers_defaults() {
    let world = World::plain().await;
    let name = unique("plain");
    let plan = world.bring(&all([topic(&name, json!({}))])).await;
    assert_eq!(plan.steps[0].changes, []);
    assert_eq!(
        world.plan(&all([topic(&name, json!({}))])).await.undeclared,
        []
    );
}

#[tokio::test]
async fn an_adoption_rests_on_what_was_seen_as_a_change_does() {
    let world = World::plain().await;
    let name = unique("adopted");
    world.bring(&all([topic(&name, json!({}))])).await;
    let wanted = all([topic(&name, json!({ "partitions": 2 }))]);
    let mut plan = world.plan(&wanted).await;
    let fingerprint = plan.steps[0].base.fingerprint.clone();
    plan.steps[0].action = Action::Adopt;
    plan.steps[0].base.fingerprint = Some("sha256:before".to_owned());
    let done = world.apply(&plan).await;
    let moved =
        matches!(&done[0].outcome, Outcome::Failed { why } if why.starts_with("changed since"));
    assert!(moved, "{done:?}");
    plan.steps[0].base.fingerprint = fingerprint;
    assert_eq!(world.apply(&plan).await[0].outcome, Outcome::Applied);
    world.nothing_left(&wanted).await;
}

#[tokio::test]
async fn what_somebody_else_changed_is_exactly_what_differs() {
    let world = World::plain().await;
    let name = unique("drift");
    let wanted = all([topic(
        &name,
        json!({ "config": { "retention.ms": "7d", "segment.ms": "1d" } }),
    )]);
    world.bring(&wanted).await;
    world
        .meddle(
            &name,
            &[
                ("retention.ms", Some("3600000")),
                ("max.message.bytes", Some("4000000")),
            ],
        )
        .await;
    let plan = world.plan(&wanted).await;
    let told: Vec<_> = plan.steps[0]
        .changes
        .iter()
        .map(|c| (c.field.as_str(), c.before.clone(), c.after.clone()))
        .collect();
    assert_eq!(
        told,
        [("config.retention.ms", Some(json!("1h")), Some(json!("7d")))]
    );
    let undeclared: Vec<_> = plan
        .undeclared
        .iter()
        .map(|u| (u.field.as_str(), u.value.clone()))
        .collect();
    assert_eq!(
        undeclared,
        [("config.max.message.bytes", json!("4000000B"))]
    );
    world.bring(&wanted).await;
}

#[tokio::test]
async fn an_undeclared_override_is_removed_where_asked() {
    let world = World::plain().await;
    let name = unique("reset");
    let mut wanted = topic(&name, json!({ "config": { "retention.ms": "7d" } }));
    world.bring(&all([wanted.clone()])).await;
    world
        .meddle(&name, &[("segment.ms", Some("3600000"))])
        .await;
    world.nothing_left(&all([wanted.clone()])).await;
    wanted.lifecycle.undeclared = Undeclared::Reset;
    let plan = world.bring(&all([wanted])).await;
    assert_eq!(plan.steps[0].changes.len(), 1);
    assert_eq!(plan.steps[0].changes[0].after, None);
}

#[tokio::test]
async fn partitions_grow_and_never_shrink() {
    let world = World::plain().await;
    let name = unique("grow");
    let of = |partitions: i32, retention: &str| {
        all([topic(
            &name,
            json!({ "partitions": partitions, "config": { "retention.ms": retention } }),
        )])
    };
    world.bring(&of(2, "1d")).await;
    let plan = world.bring(&of(5, "2d")).await;
    assert_eq!(plan.steps[0].changes.len(), 2);
    let plan = world.plan(&of(4, "2d")).await;
    assert_eq!(plan.steps[0].refusals[0].code, Code::PartitionDecrease);
    assert!(!plan.applyable);
    let plan = world.plan(&of(20_000_000, "2d")).await;
    assert_eq!(plan.steps[0].refusals.len(), 1, "the broker is not asked");
    assert_eq!(plan.steps[0].refusals[0].code, Code::PartitionsAtOnce);
    world.nothing_left(&of(5, "2d")).await;
}

#[tokio::test]
async fn replicas_beyond_the_live_brokers_are_refused_before_anything_is_sent() {
    let world = World::plain().await;
    let name = unique("replicas");
    world
        .bring(&all([topic(&name, json!({ "replication_factor": 1 }))]))
        .await;
    let plan = world
        .plan(&all([topic(&name, json!({ "replication_factor": 98 }))]))
        .await;
    assert_eq!(plan.steps[0].refusals[0].code, Code::ReplicationTooHigh);
    let plan = world
        .plan(&all([topic(
            &unique("many"),
            json!({ "replication_factor": 99 }),
        )]))
        .await;
    assert_eq!(plan.steps[0].refusals[0].code, Code::ReplicationTooHigh);
}

#[tokio::test]
async fn a_declared_default_is_pinned() {
    let world = World::plain().await;
    let name = unique("pin");
    world.bring(&all([topic(&name, json!({}))])).await;
    let wanted = all([topic(
        &name,
        json!({ "config": { "cleanup.policy": "delete" } }),
    )]);
    let plan = world.bring(&wanted).await;
    assert_eq!(
        plan.steps[0].changes[0].note.as_deref(),
        Some("the broker's default already; set, it stays when that changes")
    );
}

#[tokio::test]
async fn throttles_of_a_reassignment_are_left_alone() {
    let world = World::plain().await;
    let name = unique("throttle");
    let mut wanted = topic(&name, json!({ "config": { "retention.ms": "1d" } }));
    world.bring(&all([wanted.clone()])).await;
    let throttle = ("leader.replication.throttled.replicas", Some("0:1"));
    world.meddle(&name, &[throttle]).await;
    wanted.lifecycle.undeclared = Undeclared::Reset;
    let plan = world.plan(&all([wanted.clone()])).await;
    assert_eq!((plan.steps.len(), plan.undeclared.len()), (0, 0));
    let declared = json!({ "config": { "leader.replication.throttled.replicas": "*" } });
    let plan = world.bring(&all([topic(&name, declared)])).await;
    assert_eq!(plan.steps[0].changes[0].before, Some(json!("0:1")));
}

#[tokio::test]
async fn what_the_broker_would_refuse_the_plan_refuses() {
    let world = World::plain().await;
    let name = unique("refused");
    world.bring(&all([topic(&name, json!({}))])).await;
    let wanted = all([
        topic(&name, json!({ "config": { "retentoin.ms": "1d" } })),
        topic(
            &unique("small"),
            json!({ "config": { "segment.bytes": "1KiB" } }),
        ),
        topic(
            &unique("unknown"),
            json!({ "config": { "no.such.key": "x" } }),
        ),
        topic(&unique("good"), json!({})),
    ]);
    let plan = world.plan(&wanted).await;
    let codes: Vec<Vec<Code>> = plan
        .steps
        .iter()
        .map(|step| step.refusals.iter().map(|refusal| refusal.code).collect())
        .collect();
    let refused = vec![Code::RefusedByBroker];
    assert_eq!(codes, [refused.clone(), refused.clone(), refused, vec![]]);
    let hint = plan.steps[0].refusals[0].hint.as_deref();
    assert_eq!(hint, Some("did you mean `retention.ms`?"));
    let outcomes = world.apply(&plan).await;
    assert!(matches!(outcomes[0].outcome, Outcome::NotAttempted { .. }));
    assert_eq!(outcomes[3].outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_plan_that_no_longer_holds_is_not_carried_out() {
    let world = World::plain().await;
    let (name, new) = (unique("moved"), unique("taken"));
    world
        .bring(&all([topic(
            &name,
            json!({ "config": { "retention.ms": "1d" } }),
        )]))
        .await;
    let wanted = all([
        topic(&name, json!({ "config": { "retention.ms": "2d" } })),
        topic(&new, json!({ "partitions": 2 })),
    ]);
    let plan = world.plan(&wanted).await;
    world
        .meddle(&name, &[("segment.ms", Some("3600000"))])
        .await;
    world
        .bring(&all([topic(&new, json!({ "partitions": 1 }))]))
        .await;
    for done in world.apply(&plan).await {
        let is_told = match &done.outcome {
            Outcome::Failed { why } => why.contains("since the plan was made"),
            Outcome::Unknown { why } => {
                done.address.name == new && why.contains("or somebody else made it")
            }
            Outcome::Applied | Outcome::NotAttempted { .. } => false,
        };
        assert!(is_told, "{done:?}");
    }
}

#[tokio::test]
async fn one_bad_item_does_not_stop_the_rest_of_its_batch() {
    let world = World::plain().await;
    let names: Vec<String> = (0..20)
        .map(|index| unique(&format!("batch-{index}")))
        .collect();
    let wanted = all(names
        .iter()
        .map(|name| topic(name, json!({ "partitions": 2 }))));
    let mut plan = world.plan(&wanted).await;
    // What validation let through and the broker refuses all the same.
    plan.steps[7].changes[0].after = Some(json!(0));
    let outcomes = world.apply(&plan).await;
    for (index, done) in outcomes.iter().enumerate() {
        match (index, &done.outcome) {
            (7, Outcome::Failed { why }) => assert!(why.contains("INVALID_PARTITIONS"), "{why}"),
            (_, outcome) => assert_eq!(*outcome, Outcome::Applied),
        }
    }
    let left = world.plan(&wanted).await;
    assert_eq!(left.steps.len(), 1);
    assert_eq!(left.steps[0].address.name, names[7]);
}

/// Three requests to plan again, and then some: a client that waits long looks whether the broker
/// is alive.
const FEW: u64 = 40;

#[tokio::test]
async fn a_thousand_topics_are_a_handful_of_requests() {
    let world = World::plain().await;
    let prefix = unique("many");
    let wanted = all((0..1_000).map(|index| {
        topic(
            &format!("{prefix}-{index:04}"),
            json!({ "partitions": 1, "config": { "retention.ms": "1d" } }),
        )
    }));
    let before = world.kafka.requests_sent();
    let plan = world.plan(&wanted).await;
    let planned = world.kafka.requests_sent() - before;
    assert_eq!(plan.summary.create, 1_000);
    assert!(planned <= FEW, "{planned} requests to plan");
    let outcomes = world.apply(&plan).await;
    assert!(outcomes.iter().all(|done| done.outcome == Outcome::Applied));
    // Waiting costs three for each look, and the machine decides how many looks there are.
    let applied = world.kafka.requests_sent() - before - planned;
    assert!(applied < 1_000, "{applied} requests to apply");
    let before = world.kafka.requests_sent();
    world.nothing_left(&wanted).await;
    let again = world.kafka.requests_sent() - before;
    assert!(again <= FEW, "{again} requests to plan again");
}

#[tokio::test]
async fn a_dynamic_default_of_the_cluster_is_no_drift() {
    let world = World::plain().await;
    let (declared, silent) = (unique("declared"), unique("silent"));
    let wanted = all([
        topic(
            &declared,
            json!({ "config": { "index.interval.bytes": 4096 } }),
        ),
        topic(&silent, json!({})),
    ]);
    world.bring(&wanted).await;
    let default = Default::set(&world, &silent).await;
    let plan = world.plan(&wanted).await;
    default.unset();
    assert_eq!((plan.steps.len(), plan.undeclared.len()), (0, 0));
}

/// A dynamic default of the whole cluster, by Kafka's own tool; gone again when dropped.
struct Default;

impl Default {
    const KEY: &str = "log.index.interval.bytes";

    async fn set(world: &World, topic: &str) -> Default {
        Default::tool(&["--add-config", &format!("{}=8192", Default::KEY)]);
        let set = Default;
        super::eventually("the topic has the cluster's default", || async {
            let configs = world
                .kafka
                .describe_topic_configs(&[topic.to_owned()])
                .await
                .unwrap();
            let entries = configs[topic].as_ref().unwrap();
            let entry = entries
                .iter()
                .find(|entry| entry.name == "index.interval.bytes")
                .unwrap();
            entry.value.as_deref() == Some("8192")
        })
        .await;
        set
    }

    fn unset(self) {}

    fn tool(change: &[&str]) {
        let status = std::process::Command::new("sandbox/sandbox")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args([
                "kafka-tool",
                "configs",
                "--alter",
                "--entity-type",
                "brokers",
                "--entity-default",
            ])
            .args(change)
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Default {
    fn drop(&mut self) {
        Default::tool(&["--delete-config", Default::KEY]);
    }
}
