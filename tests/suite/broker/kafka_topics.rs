//! Topics, their configs and partitions.

use trueup::broker::kafka::{
    ConfigChange, ConfigEntry, ConfigSource, ConfigType, Fate, Kafka, OldTopic, Operation,
};

use super::kafka::{create, eventually, new_topic, plain, unique};

async fn entry(kafka: &Kafka, topic: &str, key: &str) -> ConfigEntry {
    let configs = kafka
        .describe_topic_configs(&[topic.to_string()])
        .await
        .unwrap();
    let entries = configs[topic].as_ref().unwrap();
    entries
        .iter()
        .find(|entry| entry.name == key)
        .unwrap()
        .clone()
}

#[tokio::test]
async fn a_topic_is_validated_created_described_altered_and_widened() {
    let kafka = plain().await;
    let name = unique("life");
    let names = [name.clone()];
    let topic = new_topic(
        &name,
        2,
        &[
            ("retention.ms", "86400000"),
            ("cleanup.policy", "compact,delete"),
        ],
    );

    let validated = kafka
        .create_topics(std::slice::from_ref(&topic), true)
        .await
        .unwrap();
    assert!(validated[&name].is_ok(), "{validated:?}");
    let absent = kafka.describe_topics(&names).await.unwrap();
    assert_eq!(absent[&name].as_ref().unwrap_err().code, 3);

    create(&kafka, &[topic]).await;
    let described = kafka.describe_topics(&names).await.unwrap();
    let description = described[&name].as_ref().unwrap();
    assert_eq!(description.partitions.len(), 2);
    assert_eq!(
        description.partitions[1].replicas,
        description.partitions[1].in_sync
    );
    assert_eq!(description.topic_id.as_ref().unwrap().len(), 22);
    assert!(!description.internal);
    assert!(
        description
            .authorized_operations
            .as_ref()
            .unwrap()
            .contains(&Operation::AlterConfigs)
    );
    assert!(kafka.list_topics().await.unwrap().contains(&name));

    let retention = entry(&kafka, &name, "retention.ms").await;
    assert_eq!(retention.value.as_deref(), Some("86400000"));
    assert_eq!(
        (retention.source, retention.config_type),
        (ConfigSource::DynamicTopic, ConfigType::Long)
    );
    assert_eq!(retention.synonyms[0].source, ConfigSource::DynamicTopic);

    let ops = vec![
        ("retention.ms".to_string(), None),
        ("segment.bytes".to_string(), Some("2097152".to_string())),
    ];
    let changes = [ConfigChange {
        topic: name.clone(),
        ops,
    }];
    let altered = kafka.alter_configs(&changes, false).await.unwrap();
    assert!(altered[&name].is_ok(), "{altered:?}");
    eventually("the alteration is visible", || async {
        entry(&kafka, &name, "segment.bytes").await.value.as_deref() == Some("2097152")
    })
    .await;
    assert_ne!(
        entry(&kafka, &name, "retention.ms").await.source,
        ConfigSource::DynamicTopic
    );
    assert_eq!(
        entry(&kafka, &name, "cleanup.policy").await.source,
        ConfigSource::DynamicTopic
    );

    let count = [(name.clone(), 5)];
    assert!(kafka.create_partitions(&count, true).await.unwrap()[&name].is_ok());
    assert!(kafka.create_partitions(&count, false).await.unwrap()[&name].is_ok());
    eventually("five partitions are visible", || async {
        kafka.describe_topics(&names).await.unwrap()[&name]
            .as_ref()
            .unwrap()
            .partitions
            .len()
            == 5
    })
    .await;
    let fewer = kafka
        .create_partitions(&[(name.clone(), 3)], false)
        .await
        .unwrap();
    assert_eq!(
        fewer[&name].as_ref().unwrap_err().name,
        "INVALID_PARTITIONS"
    );
    assert!(
        kafka
            .list_reassignments(&[(name, 5)])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn each_item_is_refused_in_the_brokers_words() {
    let kafka = plain().await;
    let (good, typo, wide) = (unique("good"), unique("typo"), unique("wide"));
    let mut three = new_topic(&wide, 1, &[]);
    three.replication_factor = Some(3);
    let topics = [
        new_topic(&good, 1, &[]),
        new_topic(&typo, 1, &[("retentionnn", "1")]),
        three,
    ];
    let results = kafka.create_topics(&topics, true).await.unwrap();
    assert_eq!(results.keys().collect::<Vec<_>>(), [&good, &typo, &wide]);
    assert!(results[&good].is_ok());
    let refused = results[&typo].as_ref().unwrap_err();
    assert_eq!(
        (refused.code, refused.name, refused.fate),
        (40, "INVALID_CONFIG", Fate::Refused)
    );
    assert!(
        refused.message.as_ref().unwrap().contains("retentionnn"),
        "{refused}"
    );
    assert_eq!(results[&wide].as_ref().unwrap_err().code, 38);
}

#[tokio::test]
async fn an_alteration_can_be_validated_without_being_done() {
    let kafka = plain().await;
    let name = unique("alter");
    create(&kafka, &[new_topic(&name, 1, &[])]).await;
    let change = |value: &str| {
        [ConfigChange {
            topic: name.clone(),
            ops: vec![("retention.ms".to_string(), Some(value.to_string()))],
        }]
    };
    assert!(kafka.alter_configs(&change("60000"), true).await.unwrap()[&name].is_ok());
    assert_ne!(
        entry(&kafka, &name, "retention.ms").await.source,
        ConfigSource::DynamicTopic
    );
    let refused = kafka.alter_configs(&change("soon"), true).await.unwrap();
    let error = refused[&name].as_ref().unwrap_err();
    assert!(error.to_string().contains("soon"), "{error}");
}

#[tokio::test]
async fn defaults_of_the_broker_are_used_when_nothing_is_said() {
    let kafka = plain().await;
    let name = unique("defaults");
    let mut topic = new_topic(&name, 0, &[]);
    (topic.partitions, topic.replication_factor) = (None, None);
    create(&kafka, &[topic]).await;
    let described = kafka
        .describe_topics(std::slice::from_ref(&name))
        .await
        .unwrap();
    assert_eq!(described[&name].as_ref().unwrap().partitions.len(), 1);
    let again = kafka
        .create_topics(&[new_topic(&name, 1, &[])], false)
        .await
        .unwrap();
    assert_eq!(
        again[&name].as_ref().unwrap_err().name,
        "TOPIC_ALREADY_EXISTS"
    );
}

#[tokio::test]
async fn a_batch_is_one_request_and_a_big_one_is_split_below_the_controllers_limit() {
    let kafka = plain().await;
    let prefix = unique("batch");
    let topics: Vec<_> = (0..30)
        .map(|index| new_topic(&format!("{prefix}-{index}"), 1, &[("retention.ms", "1000")]))
        .collect();
    let before = kafka.requests_sent();
    assert!(
        kafka
            .create_topics(&topics, true)
            .await
            .unwrap()
            .values()
            .all(Result::is_ok)
    );
    assert_eq!(kafka.requests_sent() - before, 1);

    // 30 topics of 1,000 partitions are 30,030 records: too much for one request, which the broker would refuse as a whole.
    let wide: Vec<_> = topics
        .iter()
        .map(|topic| new_topic(&topic.name, 1_000, &[]))
        .collect();
    let before = kafka.requests_sent();
    let results = kafka.create_topics(&wide, true).await.unwrap();
    assert!(
        results.values().all(Result::is_ok),
        "{:?}",
        results.values().find(|it| it.is_err())
    );
    assert!(results.keys().eq(wide.iter().map(|topic| &topic.name)));
    assert_eq!(kafka.requests_sent() - before, 4);
}

#[tokio::test]
async fn a_brokers_own_configs() {
    let kafka = plain().await;
    let id = kafka.cluster().await.unwrap().brokers[0].id;
    let entries = kafka.describe_broker_configs(id).await.unwrap();
    let partitions = entries
        .iter()
        .find(|entry| entry.name == "num.partitions")
        .unwrap();
    assert_eq!(partitions.source, ConfigSource::StaticBroker);
    assert!(
        entries
            .iter()
            .any(|entry| entry.sensitive && entry.value.is_none())
    );
    let missing = kafka.describe_broker_configs(4_711).await.unwrap_err();
    assert!(missing.to_string().contains("4711"), "{missing}");
}

#[tokio::test]
async fn a_topic_is_deleted_by_its_id_and_a_new_one_of_its_name_stays() {
    let kafka = plain().await;
    let (name, other) = (unique("doomed"), unique("kept"));
    let names = [name.clone(), other.clone()];
    let topics = [new_topic(&name, 3, &[]), new_topic(&other, 1, &[])];
    create(&kafka, &topics).await;
    let life = || async {
        let described = kafka.describe_topics(&names).await.unwrap();
        let topic = described[&name].as_ref().ok();
        topic.and_then(|topic| topic.topic_id.clone())
    };
    let old = OldTopic {
        name: name.clone(),
        topic_id: life().await.unwrap(),
    };
    let doomed = [old.clone()];
    let deleted = kafka.delete_topics(&doomed).await.unwrap();
    assert_eq!(deleted[&name], Ok(()));
    eventually("it is gone", || async { life().await.is_none() }).await;
    let described = kafka.describe_topics(&names).await.unwrap();
    assert!(described[&other].is_ok(), "the other one stays");

    create(&kafka, &topics[..1]).await;
    let new = life().await.unwrap();
    assert_ne!(new, old.topic_id);
    let nonsense = OldTopic {
        name: other.clone(),
        topic_id: "nonsense".to_string(),
    };
    let deleted = kafka.delete_topics(&[old, nonsense]).await.unwrap();
    let error = deleted[&name].as_ref().unwrap_err();
    assert_eq!((error.code, error.name), (100, "UNKNOWN_TOPIC_ID"));
    let error = deleted[&other].as_ref().unwrap_err();
    assert_eq!(error.fate, Fate::NotSent, "{error}");
    assert_eq!(life().await.unwrap(), new, "the new one is left alone");
}
