//! Missing rights: named, and never taken for an empty ledger or a free lock.

use trueup::broker::nats::{JetStream, NatsSettings};
use trueup::ledger::{NatsStore, Store, StoreError};

use super::{BUCKETS, MINUTE, holder, is_there, store};
use crate::broker::nats_server::NatsServer;

/// A server where `ann` may not publish to `denied`, as she and one who may everything see it.
async fn denying(denied: &str) -> (NatsServer, NatsStore, NatsStore) {
    let server = NatsServer::start(&format!(
        "authorization {{ users: [ {{user: all, password: all}}, {{user: ann, password: ann, permissions: {{ publish: {{ deny: [\"{denied}\"] }} }} }} ] }}"
    ));
    let [ann, all] = ["ann", "all"]
        .map(|name| NatsSettings::at(&format!("nats://{name}:{name}@127.0.0.1:{}", server.port)));
    let ann = store(&JetStream::connect(ann).await.unwrap());
    let all = store(&JetStream::connect(all).await.unwrap());
    (server, ann, all)
}

fn names<T: std::fmt::Debug>(result: Result<T, StoreError>, right: &str) {
    let Err(error @ StoreError::Failed { .. }) = result else {
        panic!("{result:?}");
    };
    let told = error.to_string();
    assert!(
        told.ends_with(&format!("needs publish to `{right}`")),
        "{told}"
    );
}

#[tokio::test]
async fn who_may_not_write_hears_what_to_grant() {
    let (_server, ann, all) = denying("$KV.trueup.>").await;
    names(ann.put("k", b"1", None).await, "$KV.trueup.>");
    let first = all.put("k", b"1", None).await.unwrap();
    names(ann.put("k", b"2", Some(first)).await, "$KV.trueup.>");
    assert_eq!(ann.list("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_may_not_make_the_bucket_hears_it() {
    let (_server, ann, all) = denying("$JS.API.STREAM.CREATE.>").await;
    names(
        ann.put("k", b"1", None).await,
        "$JS.API.STREAM.CREATE.KV_trueup",
    );
    let taken = ann.acquire("shop", &holder("a"), MINUTE).await;
    names(taken, "$JS.API.STREAM.CREATE.KV_trueup_locks");
    all.put("k", b"1", None).await.unwrap();
    ann.put("l", b"1", None).await.unwrap();
}

#[tokio::test]
async fn who_may_not_read_sees_no_empty_ledger_and_no_free_lock() {
    let (_server, ann, all) = denying("$JS.API.STREAM.INFO.*").await;
    names(ann.list("").await, "$JS.API.STREAM.INFO.KV_trueup");
    all.put("k", b"1", None).await.unwrap();
    all.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    names(ann.list("").await, "$JS.API.STREAM.INFO.KV_trueup");
    let locks = "$JS.API.STREAM.INFO.KV_trueup_locks";
    names(ann.holder("shop").await, locks);
    names(ann.acquire("shop", &holder("b"), MINUTE).await, locks);

    let (_server, ann, all) = denying("$JS.API.STREAM.MSG.GET.*").await;
    all.put("k", b"1", None).await.unwrap();
    all.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    names(ann.list("").await, "$JS.API.STREAM.MSG.GET.KV_trueup");
    let locks = "$JS.API.STREAM.MSG.GET.KV_trueup_locks";
    names(ann.holder("shop").await, locks);
    names(ann.acquire("shop", &holder("b"), MINUTE).await, locks);
}

#[tokio::test]
async fn who_may_not_lock_hears_what_to_grant() {
    let (_server, ann, all) = denying("$KV.trueup_locks.>").await;
    let right = "$KV.trueup_locks.>";
    names(ann.acquire("shop", &holder("a"), MINUTE).await, right);
    let lease = all.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    names(ann.renew(&lease, MINUTE).await, right);
    names(ann.release(&lease).await, right);
    names(ann.break_lease("shop").await, right);
    assert!(all.renew(&lease, MINUTE).await.is_ok());
}

#[tokio::test]
async fn what_is_missing_is_told_before_it_is_missed_and_nothing_is_made() {
    for denied in [
        "$KV.trueup.>",
        "$KV.trueup_locks.>",
        "$JS.API.STREAM.CREATE.KV_trueup",
        "$JS.API.STREAM.INFO.KV_trueup",
        "$JS.API.STREAM.MSG.GET.KV_trueup_locks",
    ] {
        let (server, ann, all) = denying(denied).await;
        let right = format!("publish to `{denied}`");
        let none: [String; 0] = [];
        let missing = ann.missing_rights("shop").await.unwrap();
        assert_eq!(missing, [right.as_str()]);
        assert_eq!(all.missing_rights("shop").await.unwrap(), none);
        let url = format!("nats://all:all@127.0.0.1:{}", server.port);
        let jetstream = JetStream::connect(NatsSettings::at(&url)).await.unwrap();
        for bucket in BUCKETS {
            assert!(!is_there(&jetstream, bucket).await, "{denied}");
        }
        all.put("owned.shop.00", b"1", None).await.unwrap();
        let lease = all.acquire("shop", &holder("a"), MINUTE).await.unwrap();
        let is_made = denied.contains("CREATE");
        let missing = ann.missing_rights("shop").await.unwrap();
        assert_eq!(missing, if is_made { vec![] } else { vec![right] });
        all.renew(&lease, MINUTE).await.unwrap();
        let entries = all.list("").await.unwrap();
        assert_eq!(entries.len(), 1, "{denied}: {entries:?}");
        assert_eq!(entries[0].value, b"1", "{denied}");
    }
}
