//! What deleting on Kafka costs, as it is told before.

use serde_json::json;
use trueup::engine::Port;
use trueup::model::{Code, Harm, KindName};

use super::deletes::{a_topic, is_there};
use super::unique;
use super::world::{World, acls, all, topic};
use crate::broker::kafka_client::{commit, produce};
use crate::kinds::{carried_out, doomed, doomed_now, failure, risk};

#[tokio::test]
async fn what_a_topic_holds_and_who_reads_it_is_counted_exactly() {
    let world = World::plain().await;
    let (empty, full) = (a_topic("empty"), a_topic("full"));
    world.bring(&all([empty.clone(), full.clone()])).await;
    let name = &full.address.name;
    produce(name, 0, 1_200).await;
    produce(name, 1, 4).await;
    let (behind, done) = (unique("g-behind"), unique("g-done"));
    commit(&behind, name, &[(0, 1_120)]).await;
    commit(&done, name, &[(0, 1_200), (1, 4)]).await;
    let steps = [
        doomed_now(&world.port, &empty.address).await,
        doomed_now(&world.port, &full.address).await,
        doomed(&topic(&unique("nobody"), json!({})).address, Some("x")),
    ];
    let risks = world
        .port
        .risks(KindName::Topic, &steps.iter().collect::<Vec<_>>())
        .await;
    let told: Vec<_> = risks.iter().map(|(_, risks)| &risks[0]).collect();
    assert!(told.iter().all(|risk| risk.code == Code::TopicDeleted));
    let harms: Vec<_> = told.iter().map(|risk| (risk.harm, risk.at_stake)).collect();
    assert_eq!(
        harms,
        [
            (Harm::Low, Some(0)),
            (Harm::Critical, Some(1_204)),
            (Harm::Low, Some(0))
        ]
    );
    let (size, groups) = told[1].evidence.split_once("; ").unwrap();
    assert!(size.starts_with("holds 1,204 records (1"), "{size}");
    assert!(size.ends_with(" kB)"), "{size}");
    assert!(
        groups.starts_with(&format!(
            "group `{behind}` (empty) has not read 84 records, group `{done}` (empty) has read all"
        )),
        "{groups}"
    );
    assert_eq!(risk(&world.port, &steps[0]).await, *told[0]);
}

#[tokio::test]
async fn what_may_not_be_read_is_said() {
    let world = World::plain().await;
    let hidden = a_topic("hidden");
    world.bring(&all([hidden.clone()])).await;
    let step = doomed_now(&world.port, &hidden.address).await;
    let limited = World::limited().await;
    let risk = risk(&limited.port, &step).await;
    assert_eq!(
        (risk.harm, risk.at_stake),
        (Harm::Critical, None),
        "{risk:?}"
    );
    assert!(risk.evidence.contains("could not be read: "), "{risk:?}");
    let done = carried_out(&limited.port, &[&step]).await;
    assert!(
        failure(&done[0]).contains("DELETE and DESCRIBE"),
        "{done:?}"
    );
    assert!(is_there(&world, &hidden.address).await);
}

#[tokio::test]
async fn a_right_that_is_taken_away_costs_what_it_allowed() {
    let world = World::plain().await;
    let of = |permission: &str| {
        acls(
            json!({ "principal": "User:a", "operations": ["read"], "permission": permission, "resource": { "topic": "t" } }),
        )
    };
    let (allow, deny) = (of("allow"), of("deny"));
    let steps = [
        doomed(&allow[0].address, None),
        doomed(&deny[0].address, None),
    ];
    let risks = world
        .port
        .risks(KindName::Acl, &[&steps[0], &steps[1]])
        .await;
    let told = risks
        .iter()
        .map(|(_, risks)| (risks[0].code, risks[0].harm));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (Code::AclRemoved, Harm::High),
            // nothing allows what it denied
            (Code::AclRemoved, Harm::Low)
        ]
    );
}
