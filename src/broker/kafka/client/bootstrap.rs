//! The first connection: several addresses, the first that answers.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use tokio::time::{Instant, timeout};

use super::Kafka;
use super::links::Known;
use crate::broker::kafka::connection::Connection;
use crate::broker::kafka::dial::{self, Dialing};
use crate::broker::kafka::error::KafkaError;
use crate::broker::kafka::probe;
use crate::broker::kafka::settings::protocol_name;

/// The next address gets its chance when the one before has not answered for this long.
const STAGGER: Duration = Duration::from_millis(1_500);

impl Kafka {
    /// Tries the bootstrap addresses, each a little after the one before (or as soon as that fails), until one answers.
    pub(super) async fn bootstrap(&self, deadline: Instant) -> Result<Known, KafkaError> {
        let mut waiting = self.inner.settings.bootstrap.iter().enumerate();
        let mut running = FuturesUnordered::new();
        let mut failures = Vec::new();
        loop {
            if let Some((index, address)) = waiting.next() {
                running.push(self.attempt(index, address, deadline));
            }
            let ended = match waiting.len() {
                0 => running.next().await,
                _ => timeout(STAGGER, running.next()).await.ok().flatten(),
            };
            match ended {
                Some((_, Ok(known))) => return Ok(known),
                Some((_, Err(error))) if error.is_final() => return Err(error),
                Some((index, Err(error))) => failures.push((index, error)),
                None if waiting.len() == 0 => return Err(none_of(failures)),
                None => {}
            }
        }
    }

    async fn attempt(
        &self,
        index: usize,
        address: &str,
        deadline: Instant,
    ) -> (usize, Result<Known, KafkaError>) {
        let dialing = match self.approach(address, deadline) {
            Ok(dialing) => dialing,
            Err(error) => return (index, Err(error)),
        };
        let known = async {
            let connection = dialing.dial().await?;
            let metadata = who(&dialing, &connection).await?;
            Ok(known(connection, &metadata))
        };
        let known = known.await;
        self.learn(&dialing, &known);
        (index, known)
    }
}

fn none_of(mut failures: Vec<(usize, KafkaError)>) -> KafkaError {
    failures.sort_by_key(|(index, _)| *index);
    let mut failures: Vec<KafkaError> = failures.into_iter().map(|(_, error)| error).collect();
    match (failures.len(), failures.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            failures.extend(last);
            KafkaError::NoBroker { failures }
        }
    }
}

/// Asks who the brokers are. A listener that wants SASL hangs up on this first question.
async fn who(dialing: &Dialing, connection: &Connection) -> Result<MetadataResponse, KafkaError> {
    let request = MetadataRequest::default()
        .with_topics(Some(Vec::new()))
        .with_allow_auto_topic_creation(false);
    if connection.versions().lacks::<MetadataRequest>() {
        let broker = dialing.address.clone();
        return Err(KafkaError::Controller { broker });
    }
    match dial::ask(dialing, connection, &request).await {
        Err(error @ KafkaError::ConnectionClosed { .. }) if dialing.settings.sasl.is_none() => {
            let offered = probe::sasl_mechanisms(dialing).await;
            Err(offered.map_or(error, |offered| KafkaError::SaslRequired {
                broker: dialing.address.clone(),
                protocol: protocol_name(dialing.tls.is_some(), true),
                offered,
            }))
        }
        other => other,
    }
}

/// `host:port`, an IPv6 address in brackets.
pub(super) fn address(host: &str, port: i32) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

fn known(connection: Connection, metadata: &MetadataResponse) -> Known {
    let nodes = metadata
        .brokers
        .iter()
        .map(|broker| (broker.node_id.0, address(&broker.host, broker.port)));
    let controller = Some(metadata.controller_id.0).filter(|id| *id >= 0);
    Known {
        connection,
        nodes: nodes.collect(),
        controller,
    }
}
