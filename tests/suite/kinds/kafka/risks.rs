//! Changes on Kafka that lose nothing and break somebody, as they are told before.

use serde_json::{Value, json};
use trueup::model::{Code, Harm, Risk};
use trueup::plan::Plan;

use super::world::{World, acls, all, topic};
use super::{eventually, unique};
use crate::broker::kafka_client::{now, produce, produce_keyed};

fn told(plan: &Plan) -> Vec<(Code, Harm)> {
    let risks = plan.steps.iter().flat_map(|step| &step.risks);
    risks.map(|risk| (risk.code, risk.harm)).collect()
}

fn only(plan: &Plan) -> &Risk {
    let mut risks = plan.steps.iter().flat_map(|step| &step.risks);
    risks.next().unwrap()
}

#[tokio::test]
async fn more_partitions_are_risky_where_records_have_keys() {
    let world = World::plain().await;
    let (empty, plain, keyed) = (unique("p-empty"), unique("p-plain"), unique("p-keyed"));
    let names = [&empty, &plain, &keyed];
    let of =
        |partitions: i32| all(names.map(|name| topic(name, json!({ "partitions": partitions }))));
    world.bring(&of(1)).await;
    produce(&plain, 0, 20).await;
    produce_keyed(&keyed, 0, now(), &[None, Some("k".to_owned())]).await;
    let plan = world.plan_unapproved(&of(2)).await;
    let code = Code::TopicPartitionsAdded;
    assert_eq!(
        told(&plan),
        [(code, Harm::Low), (code, Harm::Low), (code, Harm::High)]
    );
    let blocked: Vec<bool> = plan.steps.iter().map(|step| !step.is_open()).collect();
    assert_eq!(blocked, [false, false, true]);
}

#[tokio::test]
async fn keys_are_seen_however_they_are_packed() {
    let world = World::plain().await;
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let name = unique(codec);
        let of = |partitions: i32| {
            let config = json!({ "compression.type": codec });
            all([topic(
                &name,
                json!({ "partitions": partitions, "config": config }),
            )])
        };
        world.bring(&of(1)).await;
        let mut keys = vec![None; 99];
        keys.push(Some("k".to_owned()));
        produce_keyed(&name, 0, now(), &keys).await;
        let plan = world.plan_unapproved(&of(2)).await;
        let evidence = &only(&plan).evidence;
        assert!(
            evidence.starts_with("1 of the last 100 records"),
            "{codec}: {evidence}"
        );
    }
}

#[tokio::test]
async fn smaller_batches_are_risky_where_larger_ones_come() {
    let world = World::plain().await;
    let name = unique("batches");
    let of = |size: &str| {
        all([topic(
            &name,
            json!({ "config": { "max.message.bytes": size } }),
        )])
    };
    world.bring(&of("1MB")).await;
    let code = Code::TopicMessageSizeLowered;
    assert_eq!(
        told(&world.plan_unapproved(&of("5kB")).await),
        [(code, Harm::Low)]
    );
    produce(&name, 0, 100).await;
    assert_eq!(
        told(&world.plan_unapproved(&of("5kB")).await),
        [(code, Harm::High)]
    );
    assert_eq!(
        told(&world.plan_unapproved(&of("50kB")).await),
        [(code, Harm::Medium)]
    );
    assert_eq!(told(&world.plan_unapproved(&of("2MB")).await), []);
}

#[tokio::test]
async fn more_replicas_in_sync_than_there_are_stop_producers() {
    let world = World::plain().await;
    let name = unique("isr");
    let of = |least: i32| {
        let config = json!({ "min.insync.replicas": least });
        all([topic(
            &name,
            json!({ "replication_factor": 1, "config": config }),
        )])
    };
    world.bring(&of(1)).await;
    let code = Code::TopicMinIsrRaised;
    assert_eq!(
        told(&world.plan_unapproved(&of(2)).await),
        [(code, Harm::Medium)]
    );
    produce(&name, 0, 1).await;
    assert_eq!(
        told(&world.plan_unapproved(&of(2)).await),
        [(code, Harm::High)]
    );
}

#[tokio::test]
async fn what_may_not_be_read_is_as_bad_as_it_can_be() {
    let world = World::plain().await;
    let name = unique("unseen-change");
    let of = |config: Value| all([topic(&name, json!({ "config": config }))]);
    world
        .bring(&of(json!({ "max.message.bytes": "1MB" })))
        .await;
    produce(&name, 0, 1).await;
    let looks = |operations: Value| {
        acls(
            json!({ "principal": "User:limited", "operations": operations, "resource": { "topic": name } }),
        )
    };
    world
        .bring(&all(looks(json!([
            "describe",
            "describe_configs",
            "alter_configs"
        ]))))
        .await;
    let limited = World::limited().await;
    let wanted = of(json!({ "max.message.bytes": "500kB" }));
    eventually("the rights", || async {
        limited.plan_unapproved(&wanted).await.complete
    })
    .await;
    let plan = limited.plan_unapproved(&wanted).await;
    assert_eq!(told(&plan), [(Code::TopicMessageSizeLowered, Harm::High)]);
    assert!(
        only(&plan).evidence.contains("could not be read"),
        "{plan:?}"
    );
}

#[tokio::test]
async fn a_deny_that_takes_a_right_is_told_and_one_that_takes_nothing_is_not() {
    let world = World::plain().await;
    let (who, name) = (format!("User:{}", unique("who")), unique("denied"));
    let one = |permission: &str, operation: &str| {
        let said = json!({
            "principal": who, "operations": [operation], "permission": permission, "resource": { "topic": name },
        });
        acls(said)
    };
    world.bring(&all(one("allow", "read"))).await;
    let plan = world.plan_unapproved(&all(one("deny", "read"))).await;
    assert_eq!(told(&plan), [(Code::AclDenyShadows, Harm::High)]);
    let allow = one("allow", "read")[0].address.to_string();
    assert!(only(&plan).evidence.contains(&allow), "{plan:?}");
    assert_eq!(
        told(&world.plan_unapproved(&all(one("deny", "write"))).await),
        []
    );
    assert_eq!(
        told(&world.plan_unapproved(&all(one("allow", "write"))).await),
        []
    );
}
