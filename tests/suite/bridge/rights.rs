//! Rights that are missing, taken away and given back.

use std::time::Duration;

use serde_json::json;
use trueup::broker::kafka::{
    AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType,
};

use super::world::World;
use crate::broker::kafka::eventually;
use crate::sandbox::variable;

fn allow(operation: Operation, resource_type: ResourceType, name: &str) -> AclBinding {
    AclBinding {
        principal: "User:limited".to_owned(),
        permission: Permission::Allow,
        operation,
        resource_type,
        pattern: PatternType::Literal,
        name: name.to_owned(),
        host: "*".to_owned(),
    }
}

async fn give(world: &World, acls: &[AclBinding]) {
    let given = world.kafka.create_acls(acls).await.unwrap();
    assert!(given.iter().all(Result::is_ok), "{given:?}");
}

#[tokio::test]
async fn a_right_that_is_taken_away_is_told_and_the_route_goes_on_when_it_is_back() {
    let world = World::new().await;
    let (route, topic) = world.outward(1, &[]).await;
    let (id, position) = (
        format!("trueup.{route}.1"),
        format!("trueup.position.{route}"),
    );
    let write = allow(Operation::Write, ResourceType::Topic, &topic);
    let transactional = allow(Operation::Write, ResourceType::TransactionalId, &id);
    let of_position = [Operation::Read, Operation::Write]
        .map(|operation| allow(operation, ResourceType::Topic, &position));
    give(&world, &[write.clone(), transactional]).await;
    give(&world, &of_position).await;
    let login = format!(
        "{{ bootstrap.servers: \"{}\", security.protocol: sasl_plaintext, sasl.mechanism: SCRAM-SHA-512, sasl.username: limited, sasl.password_file: \"{}\" }}",
        variable("KAFKA_SCRAM"),
        world.nats.write("password", "limited-secret").display()
    );
    let spec = json!({
        "from": {"stream": "EVENTS"}, "to": {"topic": topic}, "delivery": "exactly_once",
    });
    world.route(&route, &spec).await;
    let worker = world.worker_with(&login);
    world.publish_numbers("events", 0..10, 1).await;
    assert_eq!(
        world.records(&topic, 10).await.len(),
        10,
        "{}",
        worker.said()
    );
    let gone = world
        .kafka
        .delete_acls(std::slice::from_ref(&write))
        .await
        .unwrap();
    assert!(gone.iter().all(Result::is_ok), "{gone:?}");
    eventually("it is taken away", || async {
        let left = world
            .kafka
            .describe_acls(&[AclFilter::exactly(&write)])
            .await;
        left.unwrap().is_empty()
    })
    .await;
    world.publish_numbers("events", 10..20, 1).await;
    let beat = world.until_state(&route, "failed").await;
    let why = beat["last_error"]["text"].as_str().unwrap().to_lowercase();
    assert!(why.contains("authorization"), "{why}");
    // and after some more tries the reason is still told
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(
        !worker.said().contains("Erroneous state"),
        "{}",
        worker.said()
    );
    give(&world, &[write]).await;
    assert_eq!(world.records(&topic, 20).await.len(), 20);
    world.until_state(&route, "running").await;
    assert!(
        !worker.said().contains("limited-secret"),
        "a secret is told"
    );
}

#[tokio::test]
async fn a_right_on_nats_that_is_missing_is_told() {
    let may = r#"publish: ["$JS.API.>", "$JS.ACK.>", "$KV.>", "_INBOX.>"]"#;
    let users = format!(
        r#"authorization {{ users: [
            {{ user: all, password: all }},
            {{ user: few, password: few, permissions: {{ {may}, subscribe: ">" }} }},
            {{ user: none, password: none, permissions: {{
                publish: {{ allow: ["$JS.API.STREAM.>", "$JS.API.CONSUMER.INFO.>", "$JS.API.CONSUMER.RESET.>", "$KV.>", "_INBOX.>"] }}, subscribe: ">" }} }}
        ] }}"#
    );
    let world = World::as_user(&users, "all").await;
    let (route, topic) = world.outward(1, &[]).await;
    world
        .route(
            &route,
            &json!({"from": {"stream": "EVENTS"}, "to": {"topic": topic}}),
        )
        .await;
    world.publish_numbers("events", 0..10, 1).await;
    let worker = world.worker_of("none");
    let beat = world.until_state(&route, "failed").await;
    let why = beat["last_error"]["text"].as_str().unwrap();
    assert!(
        why.contains("may not publish to `$JS.API.CONSUMER.MSG.NEXT.EVENTS."),
        "{why}"
    );
    drop(worker);
    let _worker = world.worker_of("few");
    assert_eq!(world.records(&topic, 10).await.len(), 10);
}
