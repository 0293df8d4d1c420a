//! A second opinion: a broker that was restarted or frozen lags behind its controller for a while, and says of what was
//! made meanwhile that it does not exist.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kafka_protocol::messages::MetadataRequest;
use tokio::time::{Instant, timeout};

use super::Kafka;
use crate::broker::kafka::admin::topics_of;
use crate::broker::kafka::batch::TOPICS_PER_DESCRIBE;
use crate::broker::kafka::connection::Connection;

/// How long another broker may take to say what it knows: it is a favour, and one that froze gives none.
const LOOK: Duration = Duration::from_secs(1);

/// How many others are asked.
const WITNESSES: usize = 2;

/// Another broker, which knows topics that the one asked so far does not.
pub struct Witness {
    connection: Connection,
    /// Those topics.
    pub knows: Vec<String>,
}

impl Kafka {
    /// Another broker of the cluster that knows some of these topics. None where the others know none either, or give no
    /// answer within a second, or there are none.
    pub async fn witness(&self, unknown: &[String]) -> Option<Witness> {
        let others = self.inner.links.lock().await.others();
        let others = others.into_iter().take(WITNESSES);
        let mut asked: FuturesUnordered<_> = others
            .map(|address| self.as_witness(address, unknown))
            .collect();
        while let Some(witness) = asked.next().await {
            if let Some(witness) = witness.filter(|witness| !witness.knows.is_empty()) {
                return Some(witness);
            }
        }
        None
    }

    /// Asks this one from now on.
    pub async fn turn_to(&self, witness: Witness) {
        let connection = Arc::new(witness.connection);
        tracing::debug!(
            broker = connection.address(),
            "the broker asked so far lags behind, asking another one"
        );
        self.inner.links.lock().await.turn_to(connection);
    }

    async fn as_witness(&self, address: String, unknown: &[String]) -> Option<Witness> {
        let dialing = self.dialing(&address, Instant::now() + LOOK);
        let connection = timeout(LOOK, dialing.dial()).await.ok()?.ok()?;
        let version = connection.versions().choose::<MetadataRequest>().ok()?;
        let mut knows = Vec::new();
        for names in unknown.chunks(TOPICS_PER_DESCRIBE) {
            let request = topics_of(Some(names));
            let answer = timeout(LOOK, connection.call(&request, version)).await;
            let topics = answer.ok()?.ok()?.topics.into_iter();
            let known = topics.filter(|topic| topic.error_code == 0);
            knows.extend(known.filter_map(|topic| Some(topic.name?.to_string())));
        }
        Some(Witness { connection, knows })
    }
}
