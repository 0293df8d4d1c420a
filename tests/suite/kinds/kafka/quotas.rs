//! Quotas and users as the kinds have them.

use indexmap::IndexMap;
use serde_json::{Value, json};
use trueup::kinds::{Resources, kind};
use trueup::model::{Action, Address, Code, KindName, Resource};

use super::unique;
use super::world::World;

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
