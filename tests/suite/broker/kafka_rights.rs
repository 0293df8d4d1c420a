//! What a user of few rights sees.

use trueup::broker::kafka::{
    AclBinding, AclFilter, Kafka, KafkaError, Operation, PatternType, Permission, ResourceType,
};

use super::kafka::{create, eventually, new_topic, plain, scram, unique};

async fn limited() -> Kafka {
    scram("limited", "limited-secret")
        .await
        .expect("limited may log in")
}

#[tokio::test]
async fn a_topic_that_may_not_be_seen_is_not_absent() {
    let admin = plain().await;
    let (hidden, absent) = (unique("hidden"), unique("absent"));
    create(&admin, &[new_topic(&hidden, 1, &[])]).await;
    let names = [hidden.clone(), absent.clone()];
    let limited = limited().await;
    let described = limited.describe_topics(&names).await.unwrap();
    assert_eq!(described[&hidden].as_ref().unwrap_err().code, 29);
    assert_eq!(
        described[&absent].as_ref().unwrap_err().name,
        "TOPIC_AUTHORIZATION_FAILED"
    );
    let configs = limited.describe_topic_configs(&names).await.unwrap();
    assert_eq!(configs[&hidden].as_ref().unwrap_err().code, 29);
    assert_eq!(
        admin.describe_topics(&names).await.unwrap()[&absent]
            .as_ref()
            .unwrap_err()
            .code,
        3
    );
    assert_eq!(
        admin.describe_topic_configs(&names).await.unwrap()[&absent]
            .as_ref()
            .unwrap_err()
            .code,
        3
    );
}

#[tokio::test]
async fn changes_without_the_right_are_refused_one_by_one() {
    let limited = limited().await;
    let name = unique("forbidden");
    let created = limited
        .create_topics(&[new_topic(&name, 1, &[])], false)
        .await
        .unwrap();
    assert_eq!(created[&name].as_ref().unwrap_err().code, 29, "{created:?}");
    let acl = AclBinding {
        principal: "User:limited".to_string(),
        permission: Permission::Allow,
        operation: Operation::All,
        resource_type: ResourceType::Cluster,
        pattern: PatternType::Literal,
        name: "kafka-cluster".to_string(),
        host: "*".to_string(),
    };
    let created = limited.create_acls(&[acl]).await.unwrap();
    assert_eq!(created[0].as_ref().unwrap_err().code, 31);
    let listed = limited
        .describe_acls(&[AclFilter::default()])
        .await
        .unwrap_err();
    assert!(
        matches!(listed, KafkaError::ClusterAuthorizationFailed { .. }),
        "{listed}"
    );
    let moved = limited.list_reassignments(&[(name, 1)]).await.unwrap_err();
    assert!(
        matches!(moved, KafkaError::ClusterAuthorizationFailed { .. }),
        "{moved}"
    );
    let broker = limited.cluster().await.unwrap().brokers[0].id;
    let configs = limited.describe_broker_configs(broker).await.unwrap_err();
    assert!(
        matches!(configs, KafkaError::ClusterAuthorizationFailed { .. }),
        "{configs}"
    );
    assert!(
        !limited
            .list_topics()
            .await
            .unwrap()
            .iter()
            .any(|topic| topic.starts_with("hidden-"))
    );
}

#[tokio::test]
async fn the_operations_that_are_authorized_are_told() {
    let (admin, name) = (plain().await, unique("readable"));
    create(&admin, &[new_topic(&name, 1, &[])]).await;
    let read = AclBinding {
        principal: "User:limited".to_string(),
        permission: Permission::Allow,
        operation: Operation::Read,
        resource_type: ResourceType::Topic,
        pattern: PatternType::Literal,
        name: name.clone(),
        host: "*".to_string(),
    };
    assert!(admin.create_acls(&[read]).await.unwrap()[0].is_ok());
    let (limited, names) = (limited().await, [name.clone()]);
    eventually("limited may read", || async {
        limited.describe_topics(&names).await.unwrap()[&name].is_ok()
    })
    .await;
    let described = limited.describe_topics(&names).await.unwrap();
    let operations = described[&name]
        .as_ref()
        .unwrap()
        .authorized_operations
        .clone();
    assert_eq!(operations, Some(vec![Operation::Read, Operation::Describe]));
}
