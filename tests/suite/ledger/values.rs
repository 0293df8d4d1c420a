//! Values in a bucket, written by who saw the last one.

use futures::future::join_all;
use trueup::ledger::{Store, StoreError};

use super::contract::{self, KEY};
use super::{BUCKETS, client, holder, is_there, store};
use crate::broker::nats_server::{ANSWER, NatsServer};
use crate::ledger::MINUTE;

#[tokio::test]
async fn a_reading_makes_no_bucket_and_finds_nothing() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let store = store(&jetstream);
    assert_eq!(store.list("").await.unwrap(), []);
    assert_eq!(store.holder("shop").await.unwrap(), None);
    store.break_lease("shop").await.unwrap();
    for bucket in BUCKETS {
        assert!(!is_there(&jetstream, bucket).await, "{bucket}");
    }
}

#[tokio::test]
async fn the_buckets_are_what_a_client_makes() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let store = store(&jetstream);
    store.put("k", b"1", None).await.unwrap();
    store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    let context = client(&server.url()).await;
    for (bucket, history) in BUCKETS.into_iter().zip([8, 1]) {
        let expires = history == 1 && jetstream.server().release >= (2, 11, 0);
        let config = async_nats::jetstream::kv::Config {
            bucket: format!("{bucket}_theirs"),
            history,
            limit_markers: expires.then_some(MINUTE),
            ..Default::default()
        };
        context.create_key_value(config).await.unwrap();
        let ours = config_of(&jetstream, bucket).await;
        let mut theirs = config_of(&jetstream, &format!("{bucket}_theirs")).await;
        for field in ["name", "subjects", "description"] {
            theirs[field] = ours[field].clone();
        }
        assert_eq!(ours, theirs);
    }
}

async fn config_of(jetstream: &trueup::broker::nats::JetStream, bucket: &str) -> serde_json::Value {
    let info = jetstream.stream_info(&format!("KV_{bucket}")).await;
    info.unwrap().unwrap()["config"].clone()
}

#[tokio::test]
async fn who_did_not_see_the_last_writing_writes_nothing() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    contract::refuses_the_stale(&store, &store).await;
}

#[tokio::test]
async fn of_eight_who_write_over_the_same_one_does() {
    let server = NatsServer::start("");
    let others = join_all((0..8).map(|_| server.connect())).await;
    let stores: Vec<_> = others.iter().map(store).collect();
    let first = stores[0].put(KEY, b"0", None).await.unwrap();
    contract::one_writes_over(&stores, first).await;
}

#[tokio::test]
async fn eight_who_make_the_bucket_at_once_all_write() {
    let server = NatsServer::start("");
    let others = join_all((0..8).map(|_| server.connect())).await;
    let stores: Vec<_> = others.iter().map(store).collect();
    let keys: Vec<String> = (0..8).map(|number| format!("owned.s.{number}")).collect();
    let writings = stores.iter().zip(&keys);
    let writings = writings.map(|(store, key)| store.put(key, b"1", None));
    for written in join_all(writings).await {
        written.unwrap();
    }
    let listed = stores[0].list("owned.").await.unwrap();
    let listed: Vec<&String> = listed.iter().map(|entry| &entry.key).collect();
    assert_eq!(listed, keys.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_listing_is_of_what_begins_so() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    contract::lists_what_begins_so(&store).await;
}

#[tokio::test]
async fn what_a_client_deletes_is_gone_and_can_be_written_anew() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    let mut revisions = Vec::new();
    for key in ["a", "b", "c"] {
        revisions.push(store.put(key, b"1", None).await.unwrap());
    }
    let context = client(&server.url()).await;
    let bucket = context.get_key_value("trueup").await.unwrap();
    bucket.delete("a").await.unwrap();
    bucket.purge("b").await.unwrap();
    let listed = store.list("").await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    let stale = store.put("a", b"2", Some(revisions[0])).await;
    assert!(
        matches!(stale, Err(StoreError::Conflict { .. })),
        "{stale:?}"
    );
    for key in ["a", "b"] {
        store.put(key, b"2", None).await.unwrap();
        assert_eq!(bucket.get(key).await.unwrap().unwrap(), "2");
    }
}

#[tokio::test]
async fn a_bucket_that_is_deleted_meanwhile_is_not_made_anew_by_who_knew_it() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let store = store(&jetstream);
    let first = store.put("k", b"1", None).await.unwrap();
    let lease = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    let context = client(&server.url()).await;
    for bucket in BUCKETS {
        context.delete_key_value(bucket).await.unwrap();
    }
    let error = store.put("k", b"2", Some(first)).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    assert!(
        error.to_string().contains("was deleted meanwhile"),
        "{error}"
    );
    let error = store.renew(&lease, MINUTE).await.unwrap_err();
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    store.release(&lease).await.unwrap();
    for bucket in BUCKETS {
        assert!(!is_there(&jetstream, bucket).await, "{bucket}");
    }
    assert_eq!(store.list("").await.unwrap(), []);
    store.put("k", b"2", None).await.unwrap();
    store.acquire("shop", &holder("b"), MINUTE).await.unwrap();
}

#[tokio::test]
async fn a_bucket_behind_a_domain_is_found() {
    let server = NatsServer::launch("jetstream { store_dir: \"$DIR/js\", domain: hub }");
    let settings = trueup::broker::nats::NatsSettings {
        jetstream_domain: Some("hub".to_owned()),
        ..server.settings()
    };
    let jetstream = trueup::broker::nats::JetStream::connect(settings).await;
    let store = store(&jetstream.unwrap());
    store.put("owned.a.01", b"1", None).await.unwrap();
    assert_eq!(store.list("owned.").await.unwrap()[0].value, b"1");
    let lease = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    store.renew(&lease, MINUTE).await.unwrap();
}

#[tokio::test]
async fn what_no_subject_can_carry_is_refused() {
    let server = NatsServer::start("");
    let jetstream = server.connect().await;
    let store = store(&jetstream);
    for key in ["", "a b", "a.*", ">", "a..b"] {
        let error = store.put(key, b"1", None).await.unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    }
    let large = vec![b'1'; jetstream.server().max_payload + 1];
    let error = store.put("k", &large, None).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
}

#[tokio::test]
async fn a_writing_without_an_answer_is_unknown_and_a_reading_is_never_empty() {
    let server = NatsServer::start("");
    let store = store(&server.connect().await);
    let first = store.put("k", b"1", None).await.unwrap();
    server.freeze();
    let begin = std::time::Instant::now();
    let error = store.put("k", b"2", Some(first)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unknown { .. }), "{error}");
    assert!(begin.elapsed() < ANSWER);
    assert!(store.list("").await.is_err());
    server.thaw();
}
