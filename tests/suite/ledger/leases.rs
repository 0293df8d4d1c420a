//! Leases: one of many gets it, it ends by itself, and who lost it hears of it.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use trueup::broker::nats::{Bucket, JetStream};
use trueup::ledger::{Lease, Store, StoreError};

use super::contract::{self, lost, race};
use super::{BUCKETS, MINUTE, client, holder, store, until, winners};
use crate::broker::nats_server::{NatsServer, object};

const SECOND: Duration = Duration::from_secs(1);

/// Waits until the lease is over, and taken out of the bucket where the server does that.
async fn over(jetstream: &JetStream, lease: &Lease) {
    let store = store(jetstream);
    let free = async || store.holder(&lease.stack).await.unwrap().is_none();
    until("the lease is over", free).await;
    if jetstream.server().release >= (2, 11, 0) {
        let locks = Bucket::new(jetstream.clone(), BUCKETS[1]);
        let gone = async || {
            let last = locks.last(&lease.stack).await.unwrap();
            last.is_none_or(|last| last.value.is_none())
        };
        until("the server removed the lease", gone).await;
    }
}

#[tokio::test]
async fn of_eight_who_want_it_one_gets_it() {
    let server = NatsServer::start("");
    let others = join_all((0..8).map(|_| server.connect())).await;
    let stores: Vec<_> = others.iter().map(store).collect();
    for round in 0..10 {
        let stack = format!("s{round}");
        assert_eq!(winners(race(&stores, &stack).await), 1);
        // and once more, over the marker that a release leaves
        stores[0].break_lease(&stack).await.unwrap();
        assert_eq!(winners(race(&stores, &stack).await), 1);
    }
}

#[tokio::test]
async fn it_is_held_until_it_is_released_and_then_free_at_once() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    contract::is_held_until_released(&store, &store).await;
}

#[tokio::test]
async fn it_ends_by_itself_also_where_one_was_before() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let store = store(&jetstream);
    let context = client(&server.url()).await;
    let lease = store.acquire("shop", &holder("0"), SECOND).await.unwrap();
    over(&jetstream, &lease).await;
    // over what an expired one left
    let lease = store.acquire("shop", &holder("1"), SECOND).await.unwrap();
    over(&jetstream, &lease).await;
    // over what a release leaves
    let lease = store.acquire("shop", &holder("2"), MINUTE).await.unwrap();
    store.release(&lease).await.unwrap();
    let lease = store.acquire("shop", &holder("3"), SECOND).await.unwrap();
    over(&jetstream, &lease).await;
    // over what a client's delete leaves
    let lease = store.acquire("shop", &holder("4"), MINUTE).await.unwrap();
    let bucket = context.get_key_value(BUCKETS[1]).await.unwrap();
    bucket.delete("shop").await.unwrap();
    lost(store.renew(&lease, MINUTE).await);
    let lease = store.acquire("shop", &holder("5"), SECOND).await.unwrap();
    over(&jetstream, &lease).await;
}

#[tokio::test]
async fn a_renewed_one_outlives_its_first_end() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    let lease = store
        .acquire("shop", &holder("a"), 4 * SECOND)
        .await
        .unwrap();
    let first_end = lease.ends;
    store.renew(&lease, MINUTE).await.unwrap();
    tokio::time::sleep_until((first_end + 2 * SECOND).into()).await;
    assert_eq!(store.holder("shop").await.unwrap().unwrap().id, "a");
}

#[tokio::test]
async fn who_was_overtaken_hears_by_whom() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    contract::tells_who_overtook(&store).await;
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_ours() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    let first = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    store.renew(&first, MINUTE).await.unwrap();
    let lease = store.renew(&first, MINUTE).await.unwrap();
    assert!(lease.revision > first.revision);
    store.release(&first).await.unwrap();
    assert_eq!(store.holder("shop").await.unwrap(), None);
    let again = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    store.acquire("shop", &again.holder, MINUTE).await.unwrap();
}

/// As a server before 2.11 makes it, and as it stays when that is updated.
#[tokio::test]
async fn in_a_bucket_without_ends_an_expired_one_is_taken_over() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let bucket = object(json!({
        "name": "KV_trueup_locks", "subjects": ["$KV.trueup_locks.>"], "max_msgs_per_subject": 1, "discard": "new",
        "allow_rollup_hdrs": true, "deny_delete": true, "allow_direct": true,
    }));
    jetstream.stream_create(&bucket, None).await.unwrap();
    let store = store(&jetstream);
    let stale = store.acquire("shop", &holder("a"), SECOND).await.unwrap();
    let held = store.acquire("shop", &holder("b"), MINUTE).await;
    assert!(matches!(held, Err(StoreError::Held { .. })), "{held:?}");
    let free = async || store.holder("shop").await.unwrap().is_none();
    until("the lease is over", free).await;
    assert!(Instant::now() >= stale.ends, "it was over too early");
    let racers = ["b", "c", "d"].map(holder);
    let racers = racers
        .iter()
        .map(|holder| store.acquire("shop", holder, MINUTE));
    assert_eq!(winners(join_all(racers).await), 1);
    let not_late = Lease {
        ends: Instant::now() + MINUTE,
        ..stale
    };
    lost(store.renew(&not_late, MINUTE).await);
}

#[tokio::test]
async fn what_cannot_be_read_is_never_free_and_can_be_broken() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    let context = client(&server.url()).await;
    let bucket = context.get_key_value(BUCKETS[1]).await.unwrap();
    for bad in ["", "{}", "hello"] {
        bucket.put("shop", bad.into()).await.unwrap();
        let error = store.acquire("shop", &holder("b"), MINUTE).await;
        assert!(matches!(error, Err(StoreError::Failed { .. })), "{error:?}");
        assert!(store.holder("shop").await.is_err());
    }
    store.break_lease("shop").await.unwrap();
    store.acquire("shop", &holder("b"), MINUTE).await.unwrap();
}
