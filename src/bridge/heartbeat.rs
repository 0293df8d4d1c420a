//! What a worker writes into the bucket of workers, so that others know how its routes are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::gauge::State;
use super::http::Board;
use super::route::Shared;
use super::stop::Stop;
use crate::broker::nats::{DataError, NatsData};
use crate::kinds::route::{TABLE, WORKERS};

/// How often something is looked for that is news.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is said though there is nothing new.
const BEAT: Duration = Duration::from_secs(5);

/// For how long what is said, and a lease, lies in the bucket: 30 s, in nanoseconds.
const MAX_AGE: u64 = 30_000_000_000;

/// The beats of a worker, until it is stopped.
pub(super) struct Heart {
    stop: Stop,
    task: tokio::task::JoinHandle<()>,
}

/// What was said of a route last.
struct Said {
    state: State,
    revision: u64,
    time: Instant,
}

impl Heart {
    pub(super) fn start(shared: &Arc<Shared>, board: &Arc<Board>) -> Heart {
        let stop = Stop::default();
        let beats = beat(Arc::clone(shared), Arc::clone(board), stop.clone());
        Heart {
            stop,
            task: tokio::spawn(beats),
        }
    }

    /// Takes away what it said.
    pub(super) async fn stop(self) {
        self.stop.ask();
        let _ended = tokio::time::timeout(Duration::from_secs(2), self.task).await;
    }
}

async fn beat(shared: Arc<Shared>, board: Arc<Board>, stop: Stop) {
    let mut said: BTreeMap<String, Said> = BTreeMap::new();
    loop {
        let routes = board.routes();
        let mut keys = Vec::new();
        for route in &routes {
            let key = format!("status.{}.{}.{}", route.name, route.shard, shared.worker);
            let state = route.gauge.state();
            let is_old = said.get(&key).is_none_or(|said| {
                said.state != state
                    || said.revision != route.revision
                    || said.time.elapsed() >= BEAT
            });
            if is_old {
                let beat = route
                    .gauge
                    .heartbeat(&shared.worker, &shared.host, route.revision);
                let value = serde_json::to_vec(&beat).unwrap_or_default();
                match put(&shared.nats, &key, &value).await {
                    Ok(()) => {
                        let (revision, time) = (route.revision, Instant::now());
                        said.insert(
                            key.clone(),
                            Said {
                                state,
                                revision,
                                time,
                            },
                        );
                    }
                    Err(error) => tracing::debug!(%error, key, "a heartbeat was not written"),
                }
            }
            keys.push(key);
        }
        let gone: Vec<String> = said
            .keys()
            .filter(|key| !keys.contains(key))
            .cloned()
            .collect();
        for key in gone {
            take(&shared.nats, &key).await;
            said.remove(&key);
        }
        if !stop.pause(LOOK).await {
            break;
        }
    }
    futures::future::join_all(said.keys().map(|key| take(&shared.nats, key))).await;
}

async fn put(nats: &NatsData, key: &str, value: &[u8]) -> Result<(), DataError> {
    let Err(error) = nats.write_key(WORKERS, key, Some(value), None).await else {
        return Ok(());
    };
    if matches!(error, DataError::NoResponders(_)) {
        make(nats).await?;
    }
    Err(error)
}

async fn take(nats: &NatsData, key: &str) {
    if let Err(error) = nats.write_key(WORKERS, key, None, None).await {
        tracing::debug!(%error, key, "a heartbeat was not taken away");
    }
}

/// Makes the bucket of workers where there is none, with as many replicas as the table has.
pub(super) async fn make(nats: &NatsData) -> Result<(), DataError> {
    if nats.stream(&format!("KV_{WORKERS}")).await?.is_some() {
        return Ok(());
    }
    let table = nats.stream(&format!("KV_{TABLE}")).await?;
    let config = table.as_ref().and_then(|table| table.get("config"));
    let replicas = config
        .and_then(|config| config["num_replicas"].as_u64())
        .unwrap_or(1);
    let config = json!({
        "name": format!("KV_{WORKERS}"),
        "description": "trueup: who moves which route's messages, and how they are",
        "subjects": [format!("$KV.{WORKERS}.>")],
        "max_msgs_per_subject": 1,
        "max_age": MAX_AGE,
        "duplicate_window": MAX_AGE,
        "discard": "new",
        "storage": "file",
        "num_replicas": replicas,
        "allow_rollup_hdrs": true,
        "allow_direct": true,
        "deny_delete": true,
    });
    nats.api(&format!("STREAM.CREATE.KV_{WORKERS}"), Some(&config))
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_outlives_a_beat_by_far() {
        let beat = u64::try_from(BEAT.as_nanos()).unwrap();
        assert!(MAX_AGE > 4 * beat);
    }
}
