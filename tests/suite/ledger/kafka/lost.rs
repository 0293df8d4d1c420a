//! Answers that are lost: each request may be sent twice, and changes no more than once.

use trueup::broker::kafka::Kafka;
use trueup::ledger::{KafkaStore, Store, StoreError};

use super::{store, topic};
use crate::broker::kafka::settings_at;
use crate::broker::kafka_proxy::{Mood, Proxy};
use crate::ledger::{MINUTE, holder};

/// The keys of the requests on the wire.
const ASKED: [(&str, i16); 5] = [
    ("Produce", 0),
    ("Fetch", 1),
    ("InitProducerId", 22),
    ("AddPartitionsToTxn", 24),
    ("EndTxn", 26),
];

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nothing_is_written_twice() {
    let proxy = Proxy::start().await;
    let settings = settings_at(&proxy.address, &[]);
    let store = KafkaStore::new(&Kafka::connect(settings).await.unwrap(), &topic());
    let mut last = store.put("owned.shop.01", b"0", None).await.unwrap();
    let mut lease = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    for (name, request) in ASKED {
        proxy.set(Mood::LosesAnswerTo(request));
        let written = store
            .put("owned.shop.01", name.as_bytes(), Some(last))
            .await;
        last = written.unwrap_or_else(|error| panic!("{name}: {error}"));
        proxy.set(Mood::LosesAnswerTo(request));
        let renewed = store.renew(&lease, MINUTE).await;
        lease = renewed.unwrap_or_else(|error| panic!("{name}: {error}"));
        let listed = store.list("").await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].value, name.as_bytes());
        assert_eq!(listed[0].revision, last);
    }
    store.release(&lease).await.unwrap();
    assert_eq!(store.holder("shop").await.unwrap(), None);
}

#[tokio::test]
async fn a_lock_that_is_lost_holds_the_ledger_back_too() {
    let store_of_another = store().await;
    let kafka = crate::broker::kafka::plain().await;
    let store = KafkaStore::new(&kafka, &topic());
    let first = store.put("k", b"1", None).await.unwrap();
    kafka.fence().close_at(std::time::Instant::now());
    let error = store.put("k", b"2", Some(first)).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Failed { .. }) && error.to_string().contains("lock was lost"),
        "{error}"
    );
    assert_eq!(store.list("").await.unwrap()[0].value, b"1");
    store_of_another.put("k", b"1", None).await.unwrap();
}
