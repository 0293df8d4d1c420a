//! Leases: one of many gets it, it ends by itself, and who lost it hears of it and writes nothing.

use std::time::{Duration, Instant};

use futures::future::join_all;
use trueup::ledger::{KafkaStore, Lease, Store, StoreError};

use super::{store, stores, topic};
use crate::broker::kafka::{create, new_topic, plain};
use crate::ledger::contract::{self, lost, race};
use crate::ledger::{MINUTE, holder, until, winners};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn of_eight_who_want_it_one_gets_it_and_keeps_it() {
    let stores = stores(&topic(), 8).await;
    for round in 0..3 {
        let stack = format!("s{round}");
        let taken = race(&stores, &stack).await;
        let pairs = stores.iter().zip(&taken);
        for (store, lease) in pairs.filter_map(|(s, taken)| Some((s, taken.as_ref().ok()?))) {
            // those who lost may have fenced it out, and did not take it
            let key = format!("owned.{stack}.01");
            store.put(&key, b"1", None).await.unwrap();
            store.renew(lease, MINUTE).await.unwrap();
        }
        assert_eq!(winners(taken), 1);
        // and once more, over what a release leaves
        stores[0].break_lease(&stack).await.unwrap();
        assert_eq!(winners(race(&stores, &stack).await), 1);
    }
}

#[tokio::test]
async fn it_is_held_until_it_is_released_and_then_free_at_once() {
    let both = stores(&topic(), 2).await;
    contract::is_held_until_released(&both[0], &both[1]).await;
}

#[tokio::test]
async fn an_expired_one_is_taken_over_and_its_holder_writes_nothing_more() {
    let stores = stores(&topic(), 4).await;
    let key = "owned.shop.01";
    let stale = stores[0]
        .acquire("shop", &holder("a"), SECOND)
        .await
        .unwrap();
    let first = stores[0].put(key, b"a", None).await.unwrap();
    let held = stores[1].acquire("shop", &holder("b"), MINUTE).await;
    assert!(matches!(held, Err(StoreError::Held { .. })), "{held:?}");
    let free = async || stores[1].holder("shop").await.unwrap().is_none();
    until("the lease is over", free).await;
    assert!(Instant::now() >= stale.ends, "it was over too early");
    let holders = ["b", "c", "d"].map(holder);
    let racers = stores[1..].iter().zip(&holders);
    let racers = racers.map(|(store, holder)| store.acquire("shop", holder, MINUTE));
    let taken = join_all(racers).await;
    let new = taken.iter().position(Result::is_ok).unwrap();
    assert_eq!(winners(taken), 1);
    // a value that the new holder has not written is refused, too
    let late = stores[0].put(key, b"late", Some(first)).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
    let late = stores[0].put("owned.shop.02", b"late", None).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })), "{late:?}");
    let not_late = Lease {
        ends: Instant::now() + MINUTE,
        ..stale
    };
    let why = lost(stores[0].renew(&not_late, MINUTE).await);
    assert!(why.contains("ann on build-7"), "{why}");
    stores[0].release(&not_late).await.unwrap();
    let next = stores[1 + new].put(key, b"b", Some(first)).await.unwrap();
    assert!(next > first);
    assert_eq!(stores[0].list("").await.unwrap()[0].value, b"b");
}

#[tokio::test]
async fn a_renewed_one_outlives_its_first_end() {
    let both = stores(&topic(), 2).await;
    let lease = both[0].acquire("shop", &holder("a"), SECOND).await.unwrap();
    let first_end = lease.ends;
    both[0].renew(&lease, MINUTE).await.unwrap();
    tokio::time::sleep_until((first_end + 2 * SECOND).into()).await;
    let held = both[1].acquire("shop", &holder("b"), MINUTE).await;
    assert!(matches!(held, Err(StoreError::Held { .. })), "{held:?}");
}

#[tokio::test]
async fn who_was_overtaken_hears_by_whom() {
    contract::tells_who_overtook(&store().await).await;
}

#[tokio::test]
async fn a_topic_without_the_leaders_time_is_no_judge() {
    let (kafka, topic) = (plain().await, topic());
    create(
        &kafka,
        &[new_topic(&topic, 1, &[("cleanup.policy", "compact")])],
    )
    .await;
    let store = KafkaStore::new(&kafka, &topic);
    let error = store
        .acquire("shop", &holder("a"), MINUTE)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`message.timestamp.type` to `LogAppendTime`"),
        "{error}"
    );
}
