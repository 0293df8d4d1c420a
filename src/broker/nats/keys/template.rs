//! How a bucket is made.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Bucket;
use super::writing::PAUSE;
use crate::broker::nats::wire::GIVE_UP;
use crate::broker::nats::{Answer, NatsError};

/// A stream of that name exists with another configuration (`JSStreamNameExistErr`).
const EXISTS: u64 = 10058;

/// No server for so many replicas: there is no cluster (`JSStreamReplicasNotSupportedErr`), or the account has no
/// such tier (`JSNoLimitsErr`).
const NO_REPLICAS: [u64; 2] = [10074, 10120];

/// The cluster has too few servers, or too few that are up (`JSClusterNoPeersErrF`).
const NO_PEERS: u64 = 10005;

/// The duplicate window of a bucket without a TTL, as nats.go writes it.
const WINDOW_NANOS: u64 = 120_000_000_000;

/// How a bucket is made.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// What it is for.
    pub description: &'static str,
    /// How many values are kept of each key.
    pub history: u8,
    /// Whether its keys may expire (2.11), and for how long a marker then stands in their place.
    pub markers: Option<Duration>,
}

impl Bucket {
    /// Makes the bucket as `nats kv add` does, with three replicas where that many servers are. One that is there
    /// already is left as it is.
    ///
    /// # Errors
    /// As for [`crate::broker::nats::JetStream::stream_create`].
    pub async fn create(&self, template: &Template) -> Result<(), NatsError> {
        let made = match self.create_on_three(template).await {
            Err(error) if self.is_too_small(&error) => self.create_with(template, 1).await,
            other => other,
        };
        match made {
            Err(error) if error.api_code() != Some(EXISTS) => Err(error),
            _ => self.shown().await,
        }
    }

    /// Waits until the server shows the bucket: a cluster may answer before all of it knows.
    async fn shown(&self) -> Result<(), NatsError> {
        let end = Instant::now() + GIVE_UP;
        while self.info().await?.is_none() && Instant::now() < end {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// A young cluster takes a while to know all of its servers.
    async fn create_on_three(&self, template: &Template) -> Answer {
        let end = Instant::now() + GIVE_UP;
        loop {
            match self.create_with(template, 3).await {
                Err(error) if error.api_code() == Some(NO_PEERS) && Instant::now() < end => {}
                other => return other,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether so few servers are there that three replicas never fit.
    fn is_too_small(&self, error: &NatsError) -> bool {
        let told = self.jetstream.server().servers_told;
        let may_be = error.api_code() != Some(NO_PEERS) || told.is_none_or(|servers| servers < 3);
        may_be && says_too_small(error)
    }

    async fn create_with(&self, template: &Template, replicas: u8) -> Answer {
        let config = self.config(template, replicas);
        self.jetstream.stream_create(&config, None).await.map(Some)
    }

    fn config(&self, template: &Template, replicas: u8) -> Map<String, Value> {
        let mut config = Map::new();
        let mut set = |field: &str, value: Value| config.insert(field.to_owned(), value);
        set("name", json!(self.stream()));
        set("description", json!(template.description));
        set("subjects", json!([self.subject(">")]));
        set("retention", json!("limits"));
        set("storage", json!("file"));
        set("num_replicas", json!(replicas));
        set("discard", json!("new"));
        set("max_msgs_per_subject", json!(template.history));
        for unlimited in ["max_consumers", "max_msgs", "max_bytes", "max_msg_size"] {
            set(unlimited, json!(-1));
        }
        set("duplicate_window", json!(WINDOW_NANOS));
        for on in ["allow_rollup_hdrs", "allow_direct", "deny_delete"] {
            set(on, json!(true));
        }
        if let Some(markers) = template.markers {
            // a server before 2.11 makes the bucket without them
            set("allow_msg_ttl", json!(true));
            let nanos = u64::try_from(markers.as_nanos()).unwrap_or(u64::MAX);
            set("subject_delete_marker_ttl", json!(nanos));
        }
        config
    }
}

/// Servers that are only down are no reason for a bucket that stays on one.
fn says_too_small(error: &NatsError) -> bool {
    match error {
        NatsError::Api {
            err_code: NO_PEERS,
            description,
            ..
        } => !description.contains("offline"),
        other => other
            .api_code()
            .is_some_and(|code| NO_REPLICAS.contains(&code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_down_is_no_reason_for_one_replica() {
        let refused = |err_code, description: &str| NatsError::Api {
            server: String::new(),
            subject: String::new(),
            code: 400,
            err_code,
            description: description.to_owned(),
        };
        assert!(says_too_small(&refused(
            10074,
            "replicas > 1 not supported"
        )));
        assert!(says_too_small(&refused(
            10005,
            "no suitable peers for placement"
        )));
        let down = "no suitable peers for placement, peer offline";
        assert!(!says_too_small(&refused(10005, down)));
        assert!(!says_too_small(&refused(10047, "insufficient storage")));
    }
}
