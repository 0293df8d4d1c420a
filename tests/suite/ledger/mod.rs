//! The ledger's stores on real servers.

mod cluster;
mod contract;
mod kafka;
mod leases;
mod rights;
mod values;

use std::time::{Duration, Instant};

use trueup::broker::nats::{Bucket, JetStream};
use trueup::ledger::{Holder, NatsStore, StoreError};

/// Longer than any test takes.
const MINUTE: Duration = Duration::from_mins(1);

/// The bucket of the values, and that of the leases.
const BUCKETS: [&str; 2] = ["trueup", "trueup_locks"];

fn store(jetstream: &JetStream) -> NatsStore {
    NatsStore::new(jetstream, NatsStore::BUCKET)
}

fn holder(id: &str) -> Holder {
    Holder {
        id: id.to_owned(),
        who: "ann".to_owned(),
        host: "build-7".to_owned(),
        pid: 7,
        ci_url: None,
        command: "apply".to_owned(),
        since: "2026-01-01T00:00:00Z".to_owned(),
        until: String::new(),
    }
}

/// Whether the bucket is there.
async fn is_there(jetstream: &JetStream, bucket: &str) -> bool {
    let bucket = Bucket::new(jetstream.clone(), bucket);
    bucket.info().await.unwrap().is_some()
}

/// A client of somebody else.
async fn client(url: &str) -> async_nats::jetstream::Context {
    async_nats::jetstream::new(async_nats::connect(url).await.unwrap())
}

/// Asks until it holds, patiently.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < MINUTE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many of those who wanted the lease got it; the others were told who has it.
fn winners<T>(results: impl IntoIterator<Item = Result<T, StoreError>>) -> usize {
    let got = results.into_iter().filter(|result| match result {
        Ok(_) => true,
        Err(StoreError::Held { .. }) => false,
        Err(other) => panic!("{other}"),
    });
    got.count()
}
