//! Quotas and users as the kinds have them.

use indexmap::IndexMap;
use serde_json::{Value, json};
use trueup::kinds::{Resources, kind};
use trueup::model::{Action, Address, Code, KindName, Outcome, Resource};

use super::unique;
use super::world::{World, all, topic};

fn one(kind: KindName, name: &str, declared: Value) -> (Address, Resource) {
    let address = Address::new(kind, name);
    let declared = declared.as_object().unwrap().clone().into_iter().collect();
    (address.clone(), Resource::new(address, declared))
}

#[tokio::test]
async fn every_entity_takes_each_of_its_keys() {
    let world = World::plain().await;
    let (user, client) = (unique("u"), unique("c/%"));
    let client = client.replace('%', "%25").replace('/', "%2F");
    let rates = json!({ "producer_byte_rate": 1_048_576, "consumer_byte_rate": 1 });
    let shares = json!({ "request_percentage": 0.5, "controller_mutation_rate": 2.25 });
    let address = uuid::Uuid::new_v4().as_u128().to_be_bytes();
    let ip = std::net::Ipv6Addr::from(address);
    let wanted: Resources = [
        (format!("user/{user}"), &rates),
        (format!("client-id/{client}"), &shares),
        (format!("user/{user}/client-id/{client}"), &rates),
        (format!("user/{user}/client-id-default"), &shares),
        (format!("user-default/client-id/{client}"), &rates),
        (
            format!("ip/{ip}"),
            &json!({ "connection_creation_rate": 9 }),
        ),
    ]
    .map(|(name, declared)| one(KindName::Quota, &name, declared.clone()))
    .into_iter()
    .collect();
    let plan = world.bring(&wanted).await;
    assert_eq!(plan.summary.create, wanted.len());
    let listed = kind(KindName::Quota)
        .unwrap()
        .list(world.port.brokers(), &|_: &Address| true)
        .await
        .unwrap();
    for address in wanted.keys() {
        assert!(listed.contains(address), "{address} is not in {listed:?}");
    }
}

#[tokio::test]
async fn without_a_right_nothing_is_absent_and_the_right_is_named() {
    let limited = World::limited().await;
    let wanted: Resources = [
        one(
            KindName::Quota,
            &format!("user/{}", unique("u")),
            json!({ "request_percentage": 1 }),
        ),
        one(KindName::User, &unique("u"), json!({})),
    ]
    .into_iter()
    .collect();
    let plan = limited.plan(&wanted).await;
    let rights = ["DESCRIBE_CONFIGS on the cluster", "DESCRIBE on the cluster"];
    for (step, right) in plan.steps.iter().zip(rights) {
        assert_eq!(step.action, Action::Unread, "{step:#?}");
        assert_eq!(step.refusals[0].code, Code::Denied);
        assert_eq!(step.refusals[0].message, format!("needs {right}"));
    }
    assert_eq!(plan.steps.len(), 2);
    for (step, right) in plan.steps.iter().zip(rights) {
        let kind = kind(step.address.kind).unwrap();
        let all = kind.list(limited.port.brokers(), &|_: &Address| true);
        assert_eq!(all.await.unwrap_err().message, format!("needs {right}"));
    }
}

/// What is only asked counts against the quota, too, so that an apply finds it used up by its own plan.
#[tokio::test]
async fn a_quota_on_changes_is_waited_for_and_refuses_no_plan() {
    let client = unique("slow");
    let rate = json!({ "controller_mutation_rate": 10 });
    let quota = one(KindName::Quota, &format!("client-id/{client}"), rate);
    World::plain().await.bring(&all([quota.1])).await;
    let slow = World::client(&client).await;
    let topics = |of: &str| {
        let topic = |number| {
            let name = unique(&format!("{of}-{number}"));
            topic(&name, json!({ "partitions": 20, "replication_factor": 1 }))
        };
        all((0..5).map(topic))
    };
    let wanted = topics("first");
    // ten changes a second, and a hundred at once: two plans want more than that
    for _ in 0..2 {
        let plan = slow.plan(&wanted).await;
        let refusals: Vec<_> = plan.steps.iter().flat_map(|step| &step.refusals).collect();
        assert!(refusals.is_empty(), "{refusals:?}");
    }
    let plan = slow.plan(&wanted).await;
    let told = plan.problems.iter().map(|problem| problem.message.as_str());
    let told: Vec<&str> = told
        .filter(|it| it.contains("controller_mutation_rate"))
        .collect();
    assert_eq!(told.len(), 1, "{:?}", plan.problems);
    for done in slow.apply(&plan).await {
        assert_eq!(done.outcome, Outcome::Applied, "{}", done.address);
    }
    slow.nothing_left(&wanted).await;
}

#[tokio::test]
async fn a_user_without_a_password_is_not_made() {
    let world = World::plain().await;
    let wanted = IndexMap::from([one(KindName::User, &unique("u"), json!({}))]);
    let plan = world.plan(&wanted).await;
    assert_eq!(plan.steps[0].refusals[0].code, Code::MissingField);
}

/// What the rules say of the numbers is what the brokers take.
#[tokio::test]
async fn the_cluster_takes_no_more_than_the_rules_let_through() {
    use trueup::broker::kafka::{NewCredential, ScramChange, ScramMechanism};
    let world = World::plain().await;
    for (iterations, is_taken) in [(4095, false), (4096, true), (16_384, true), (16_385, false)] {
        let change = |set, delete| ScramChange {
            user: format!("bounds-{iterations}"),
            set,
            delete,
        };
        let new = NewCredential {
            mechanism: ScramMechanism::Sha256,
            iterations,
            password: "p".into(),
        };
        let made = world.kafka.alter_users(&[change(vec![new], vec![])]).await;
        let made = made.unwrap().pop().unwrap().1;
        assert_eq!(made.is_ok(), is_taken, "{iterations}: {made:?}");
        let gone = change(vec![], vec![ScramMechanism::Sha256]);
        world.kafka.alter_users(&[gone]).await.unwrap();
    }
}
