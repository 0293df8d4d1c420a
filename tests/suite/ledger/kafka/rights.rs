//! Missing rights: named, and never taken for an empty ledger or a free lock.

use trueup::broker::kafka::{AclBinding, Kafka, Operation, PatternType, Permission, ResourceType};
use trueup::ledger::{KafkaStore, Store, StoreError};

use super::topic;
use crate::broker::kafka::{plain, scram};
use crate::ledger::{MINUTE, holder, until};

/// Lets the user of few rights do one thing more.
async fn grant(admin: &Kafka, operation: Operation, resource_type: ResourceType, name: &str) {
    let binding = AclBinding {
        principal: "User:limited".to_owned(),
        permission: Permission::Allow,
        operation,
        resource_type,
        pattern: PatternType::Prefixed,
        name: name.to_owned(),
        host: "*".to_owned(),
    };
    let made = admin.create_acls(&[binding]).await.unwrap();
    assert!(made[0].is_ok(), "{made:?}");
}

fn needs<T: std::fmt::Debug>(result: Result<T, StoreError>, right: &str) -> bool {
    let Err(error @ StoreError::Failed { .. }) = result else {
        panic!("{result:?}");
    };
    error.to_string().ends_with(&format!("needs {right}"))
}

#[tokio::test]
async fn each_right_that_is_missing_is_named() {
    let topic = topic();
    let admin = plain().await;
    let limited = scram("limited", "limited-secret").await.unwrap();
    let store = KafkaStore::new(&limited, &topic);
    let put = async || store.put("owned.shop.01", b"1", None).await;
    let transactions = format!("{}-", topic.trim_start_matches('_'));
    let named = async |right: &str| {
        until(right, async || needs(put().await, right)).await;
    };
    let on_topic = |operation| grant(&admin, operation, ResourceType::Topic, &topic);

    let right = format!("WRITE on the transactional ids that begin with `{transactions}`");
    named(&right).await;
    let right = format!("DESCRIBE on topic `{topic}`");
    assert!(needs(store.list("").await, &right));
    assert!(needs(store.missing_rights("shop").await, &right));
    assert!(needs(store.holder("shop").await, &right));
    assert!(needs(
        store.acquire("shop", &holder("a"), MINUTE).await,
        &right
    ));
    let transactional = ResourceType::TransactionalId;
    grant(&admin, Operation::Write, transactional, &transactions).await;
    named(&right).await;
    on_topic(Operation::Describe).await;
    let right = format!("CREATE on the cluster or on topic `{topic}`");
    named(&right).await;
    on_topic(Operation::Create).await;
    let right = format!("READ on topic `{topic}`");
    named(&right).await;
    on_topic(Operation::Read).await;
    let right = format!("WRITE on topic `{topic}`");
    named(&right).await;
    assert!(needs(
        store.acquire("shop", &holder("a"), MINUTE).await,
        &right
    ));
    assert_eq!(store.list("").await.unwrap(), []);
    assert_eq!(store.missing_rights("shop").await.unwrap(), [right]);
    on_topic(Operation::Write).await;
    until("it may write", async || put().await.is_ok()).await;
    store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    let none: [String; 0] = [];
    assert_eq!(store.missing_rights("shop").await.unwrap(), none);
}
