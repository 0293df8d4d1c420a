//! Values in a topic, written by who saw the last one.

use futures::future::join_all;
use trueup::broker::kafka::OldTopic;
use trueup::ledger::{KafkaStore, Store, StoreError};

use super::{is_there, store, stores, topic};
use crate::broker::kafka::plain;
use crate::ledger::contract::{self, KEY};
use crate::ledger::{MINUTE, holder};

#[tokio::test]
async fn a_reading_makes_no_topic_and_finds_nothing() {
    let (kafka, topic) = (plain().await, topic());
    let store = KafkaStore::new(&kafka, &topic);
    assert_eq!(store.list("").await.unwrap(), []);
    assert_eq!(store.holder("shop").await.unwrap(), None);
    store.break_lease("shop").await.unwrap();
    assert!(!is_there(&kafka, &topic).await);
}

#[tokio::test]
async fn the_topic_is_compacted_and_tells_the_leaders_time() {
    let (kafka, topic) = (plain().await, topic());
    let store = KafkaStore::new(&kafka, &topic);
    store.put("k", b"1", None).await.unwrap();
    let described = kafka
        .describe_topic_configs(std::slice::from_ref(&topic))
        .await
        .unwrap();
    let configs = described[&topic].as_ref().unwrap();
    let value = |name: &str| {
        let entry = configs.iter().find(|entry| entry.name == name).unwrap();
        entry.value.clone().unwrap()
    };
    assert_eq!(value("cleanup.policy"), "compact");
    assert_eq!(value("message.timestamp.type"), "LogAppendTime");
}

#[tokio::test]
async fn who_did_not_see_the_last_writing_writes_nothing() {
    let both = stores(&topic(), 2).await;
    contract::refuses_the_stale(&both[0], &both[1]).await;
}

#[tokio::test]
async fn of_eight_who_write_over_the_same_one_does() {
    let stores = stores(&topic(), 8).await;
    let mut last = stores[0].put(KEY, b"0", None).await.unwrap();
    for _ in 0..3 {
        last = contract::one_writes_over(&stores, last).await;
    }
}

#[tokio::test]
async fn eight_who_make_the_topic_at_once_all_write() {
    let stores = stores(&topic(), 8).await;
    let keys: Vec<String> = (0..8).map(|number| format!("owned.s.{number}")).collect();
    let other = |number: usize| format!("owned.s{number}.01");
    let writings = stores.iter().zip(&keys).enumerate();
    let writings = writings.map(|(number, (store, key))| async move {
        // some fence out each other, some don't
        store.put(&other(number), b"1", None).await.unwrap();
        store.put(key, b"1", None).await.unwrap();
    });
    join_all(writings).await;
    let listed = stores[0].list("owned.s.").await.unwrap();
    let listed: Vec<&String> = listed.iter().map(|entry| &entry.key).collect();
    assert_eq!(listed, keys.iter().collect::<Vec<_>>());
    assert_eq!(stores[1].list("").await.unwrap().len(), 16);
}

#[tokio::test]
async fn a_listing_is_of_what_begins_so_and_of_no_lease() {
    contract::lists_what_begins_so(&store().await).await;
}

#[tokio::test]
async fn a_topic_that_is_deleted_meanwhile_is_not_made_anew_by_who_knew_it() {
    let (kafka, topic) = (plain().await, topic());
    let store = KafkaStore::new(&kafka, &topic);
    let first = store.put("k", b"1", None).await.unwrap();
    let lease = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    let names = [topic.clone()];
    let described = kafka.describe_topics(&names).await.unwrap();
    let doomed = OldTopic {
        name: topic.clone(),
        topic_id: described[&topic]
            .as_ref()
            .unwrap()
            .topic_id
            .clone()
            .unwrap(),
    };
    let deleted = kafka.delete_topics(&[doomed]).await.unwrap();
    assert!(deleted.values().all(Result::is_ok), "{deleted:?}");
    crate::broker::kafka::eventually("it is gone", || async { !is_there(&kafka, &topic).await })
        .await;
    let error = store.put("k", b"2", Some(first)).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Failed { .. }) && error.to_string().contains("was deleted"),
        "{error}"
    );
    let error = store.renew(&lease, MINUTE).await.unwrap_err();
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    store.release(&lease).await.unwrap();
    assert!(!is_there(&kafka, &topic).await);
    assert_eq!(store.list("").await.unwrap(), []);
    store.put("k", b"2", None).await.unwrap();
    store.acquire("shop", &holder("b"), MINUTE).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_a_key_or_is_too_large_is_refused_and_leaves_nothing_open() {
    let store = store().await;
    for key in ["", "a b", "a.*", ">", "a..b"] {
        let error = store.put(key, b"1", None).await.unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    }
    let large = vec![b'1'; 5 << 20];
    let error = store.put("k", &large, None).await.unwrap_err();
    assert!(error.to_string().contains("`max.message.bytes`"), "{error}");
    assert_eq!(store.list("").await.unwrap(), []);
    let large = vec![b'1'; 3 << 20];
    store.put("k", &large, None).await.unwrap();
    assert_eq!(store.list("").await.unwrap()[0].value, large);
}
