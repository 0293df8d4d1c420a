//! What every store does, whatever it writes to.

use std::time::Instant;

use futures::future::join_all;
use trueup::ledger::{Entry, Lease, Revision, Store, StoreError};

use super::{MINUTE, holder};

pub(super) fn lost(renewed: Result<Lease, StoreError>) -> String {
    match renewed {
        Err(error @ StoreError::Lost { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn conflict(result: Result<Revision, StoreError>) {
    assert!(
        matches!(&result, Err(StoreError::Conflict { key, .. }) if key == KEY),
        "{result:?}"
    );
}

/// Everybody wants the lease of a stack at once.
pub(super) async fn race(stores: &[impl Store], stack: &str) -> Vec<Result<Lease, StoreError>> {
    let holders: Vec<_> = (0..stores.len())
        .map(|number| holder(&number.to_string()))
        .collect();
    let racers = stores.iter().zip(&holders);
    join_all(racers.map(|(store, holder)| store.acquire(stack, holder, MINUTE))).await
}

/// A lease is held until it is released, and then free at once.
pub(super) async fn is_held_until_released(one: &impl Store, other: &impl Store) {
    let before = Instant::now();
    let lease = one.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    assert!(lease.ends >= before + MINUTE && lease.ends <= Instant::now() + MINUTE);
    let Err(StoreError::Held { holder: who, .. }) =
        other.acquire("shop", &holder("b"), MINUTE).await
    else {
        panic!("two have it");
    };
    assert_eq!(*who, lease.holder);
    let seen = other.holder("shop").await.unwrap();
    assert_eq!(seen, Some(lease.holder.clone()));
    for free in ["other", "größe.1"] {
        other.acquire(free, &holder("b"), MINUTE).await.unwrap();
    }
    let lease = one.renew(&lease, MINUTE).await.unwrap();
    one.release(&lease).await.unwrap();
    assert_eq!(other.holder("shop").await.unwrap(), None);
    other.acquire("shop", &holder("b"), MINUTE).await.unwrap();
    one.release(&lease).await.unwrap();
    assert_eq!(one.holder("shop").await.unwrap().unwrap().id, "b");
}

/// Who was overtaken hears by whom.
pub(super) async fn tells_who_overtook(store: &impl Store) {
    let stale = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    store.break_lease("shop").await.unwrap();
    let why = lost(store.renew(&stale, MINUTE).await);
    assert!(why.contains("it ended, or was released"), "{why}");
    let lease = store.acquire("shop", &holder("b"), MINUTE).await.unwrap();
    let why = lost(store.renew(&stale, MINUTE).await);
    assert!(why.contains("ann on build-7"), "{why}");
    store.renew(&lease, MINUTE).await.unwrap();
    let late = Lease {
        ends: Instant::now(),
        ..lease
    };
    lost(store.renew(&late, MINUTE).await);
}

/// The key that is written over.
pub(super) const KEY: &str = "owned.shop.01";

/// Who did not see the last writing writes nothing.
pub(super) async fn refuses_the_stale(one: &impl Store, other: &impl Store) {
    let first = one.put(KEY, b"1", None).await.unwrap();
    let second = other.put(KEY, b"2", Some(first)).await.unwrap();
    for store in [one as &dyn Store, other] {
        for stale in [None, Some(first), Some(second + 1)] {
            conflict(store.put(KEY, b"3", stale).await);
        }
        let entry = Entry {
            key: KEY.to_owned(),
            value: b"2".to_vec(),
            revision: second,
        };
        assert_eq!(store.list("owned.").await.unwrap(), [entry]);
    }
}

/// Of many who write over the same one does.
pub(super) async fn one_writes_over(stores: &[impl Store], last: Revision) -> Revision {
    let writings = stores.iter().map(|store| store.put(KEY, b"1", Some(last)));
    let (done, refused): (Vec<_>, Vec<_>) = join_all(writings)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(done.len(), 1, "{refused:?}");
    refused.into_iter().for_each(conflict);
    done.into_iter().next().unwrap().unwrap()
}

/// A listing is of what begins so, and of no lease.
pub(super) async fn lists_what_begins_so(store: &impl Store) {
    for key in ["owned.shop.01", "owned.shop2.01", "ownership", "meta"] {
        store.put(key, key.as_bytes(), None).await.unwrap();
    }
    store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    let listed = async |prefix| {
        let entries = store.list(prefix).await.unwrap().into_iter();
        let keys: Vec<String> = entries.map(|entry| entry.key).collect();
        keys.join(" ")
    };
    assert_eq!(listed("owned.").await, "owned.shop.01 owned.shop2.01");
    assert_eq!(listed("owned.shop.").await, "owned.shop.01");
    assert_eq!(
        listed("owne").await,
        "owned.shop.01 owned.shop2.01 ownership"
    );
    assert_eq!(listed("nothing.").await, "");
    assert_eq!(listed("").await.split(' ').count(), 4);
}
