//! Deleting on Kafka.

use serde_json::json;
use trueup::engine::Port;
use trueup::kinds::Observed;
use trueup::model::{Action, Address, KindName, Outcome, Resource, Step};

use super::unique;
use super::world::{World, acls, all, topic};
use crate::broker::kafka_client::produce;
use crate::broker::kafka_proxy::{DELETE_TOPICS, Mood, Proxy};
use crate::kinds::{carried_out, doomed, doomed_now, failure, observed};

pub fn a_topic(what: &str) -> Resource {
    topic(&unique(what), json!({ "partitions": 2 }))
}

pub async fn is_there(world: &World, address: &Address) -> bool {
    match observed(&world.port, address).await {
        Observed::Present(_) => true,
        Observed::Absent => false,
        Observed::Unreadable(problem) => panic!("{problem:?}"),
    }
}

#[tokio::test]
async fn topics_are_deleted_empty_and_full_and_the_new_one_of_a_name_stays() {
    let world = World::plain().await;
    let topics = [a_topic("empty"), a_topic("full")];
    let wanted = all(topics.clone());
    world.bring(&wanted).await;
    produce(&topics[1].address.name, 0, 3).await;
    let mut steps = Vec::new();
    for topic in &topics {
        steps.push(doomed_now(&world.port, &topic.address).await);
    }
    let steps: Vec<&Step> = steps.iter().collect();
    let done = carried_out(&world.port, &steps).await;
    assert_eq!(done, [Outcome::Applied, Outcome::Applied]);
    for topic in &topics {
        assert!(!is_there(&world, &topic.address).await);
    }
    let again = carried_out(&world.port, &steps).await;
    assert_eq!(again, [Outcome::Applied, Outcome::Applied], "gone already");

    world.bring(&wanted).await;
    for outcome in carried_out(&world.port, &steps).await {
        let why = failure(&outcome);
        assert!(why.contains("not the one that the stack owns"), "{why}");
    }
    let nameless = doomed(&topics[0].address, None);
    let done = carried_out(&world.port, &[&nameless]).await;
    assert!(failure(&done[0]).contains("no id of the topic"), "{done:?}");
    for topic in &topics {
        assert!(is_there(&world, &topic.address).await);
    }
}

#[tokio::test]
async fn internal_topics_are_refused() {
    let world = World::plain().await;
    let internal = topic(&format!("__{}", unique("t")), json!({}));
    world.bring(&all([internal.clone()])).await;
    let step = doomed_now(&world.port, &internal.address).await;
    let done = carried_out(&world.port, &[&step]).await;
    assert!(failure(&done[0]).contains("internal"), "{done:?}");
    assert!(is_there(&world, &internal.address).await);
}

#[tokio::test]
async fn one_call_creates_updates_and_deletes() {
    let world = World::plain().await;
    let (old, kept) = (a_topic("old"), unique("kept"));
    let before = topic(&kept, json!({ "partitions": 1 }));
    world.bring(&all([old.clone(), before])).await;
    let new = a_topic("new");
    let after = topic(&kept, json!({ "partitions": 2 }));
    let plan = world.plan(&all([new.clone(), after.clone()])).await;
    let actions: Vec<Action> = plan.steps.iter().map(|step| step.action).collect();
    assert_eq!(actions, [Action::Create, Action::Update]);
    let deletion = doomed_now(&world.port, &old.address).await;
    let steps = [&deletion, &plan.steps[0], &plan.steps[1]];
    let done = carried_out(&world.port, &steps).await;
    assert_eq!(done, [Outcome::Applied, Outcome::Applied, Outcome::Applied]);
    assert!(!is_there(&world, &old.address).await);
    world.nothing_left(&all([new, after])).await;
}

#[tokio::test]
async fn acls_are_deleted_and_none_that_they_cover() {
    let world = World::plain().await;
    let (user, name) = (format!("User:{}", unique("u")), unique("t"));
    let of = |operation: &str, permission: &str| {
        acls(
            json!({ "principal": user, "operations": [operation], "permission": permission, "resource": { "topic": name } }),
        )
    };
    let doomed_acls = [of("all", "allow"), of("write", "deny")].concat();
    let kept = of("read", "allow");
    world
        .bring(&all([doomed_acls.clone(), kept.clone()].concat()))
        .await;
    let mut steps = Vec::new();
    for acl in &doomed_acls {
        steps.push(doomed_now(&world.port, &acl.address).await);
    }
    let new = of("describe", "allow");
    let plan = world.plan(&all([kept.clone(), new.clone()].concat())).await;
    let mixed: Vec<&Step> = steps.iter().chain(&plan.steps).collect();
    assert_eq!(mixed.len(), 3);
    for outcome in carried_out(&world.port, &mixed).await {
        assert_eq!(outcome, Outcome::Applied);
    }
    for acl in &doomed_acls {
        assert!(!is_there(&world, &acl.address).await, "{}", acl.address);
    }
    world.nothing_left(&all([kept, new].concat())).await;
    let steps: Vec<&Step> = steps.iter().collect();
    let again = carried_out(&world.port, &steps).await;
    assert_eq!(again, [Outcome::Applied, Outcome::Applied], "gone already");
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_unknown() {
    let proxy = Proxy::start().await;
    let world = World::at(&proxy.address).await;
    let lost = a_topic("lost");
    world.bring(&all([lost.clone()])).await;
    let step = doomed_now(&world.port, &lost.address).await;
    proxy.set(Mood::LosesAnswerTo(DELETE_TOPICS));
    let done = world.port.carry_out(KindName::Topic, &[&step]).await;
    assert!(matches!(done[0].1, Outcome::Unknown { .. }), "{done:?}");
    assert_eq!(proxy.count(DELETE_TOPICS), 1);
}
