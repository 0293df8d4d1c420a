//! The open connections and what is known of the cluster's brokers.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use tokio::time::Instant;

use super::{Kafka, Target};
use crate::broker::kafka::connection::Connection;
use crate::broker::kafka::dial::CONNECT_LIMIT;
use crate::broker::kafka::error::KafkaError;

/// Connections by broker, and the one that the bootstrap gave.
#[derive(Default)]
pub(super) struct Links {
    /// `host:port` by broker id, as the cluster advertises them.
    nodes: IndexMap<i32, String>,
    controller: Option<i32>,
    any: Option<Arc<Connection>>,
    by_node: HashMap<i32, Arc<Connection>>,
}

impl Links {
    /// Makes the next request ask again who the brokers are.
    pub(super) fn forget_brokers(&mut self) {
        *self = Links::default();
    }

    fn learn(&mut self, known: Known) {
        self.nodes = known.nodes;
        self.controller = known.controller;
        self.any = Some(Arc::new(known.connection));
    }

    fn any(&self) -> Option<Arc<Connection>> {
        self.any.clone().filter(|connection| connection.is_usable())
    }

    /// The advertised addresses of the brokers that are not the one that any request goes to.
    pub(super) fn others(&self) -> Vec<String> {
        let any = self.any.as_ref().map(|connection| connection.address());
        let others = self.nodes.values();
        let others = others.filter(|address| Some(address.as_str()) != any);
        others.cloned().collect()
    }

    pub(super) fn turn_to(&mut self, connection: Arc<Connection>) {
        self.any = Some(connection);
    }

    /// The broker of a target; None is any.
    fn node(&self, target: Target) -> Option<i32> {
        match target {
            Target::Any | Target::Forwarded => None,
            Target::Controller => self.controller,
            Target::Node(id) => Some(id),
        }
    }

    /// An open connection to a broker: its own, or the bootstrap's when that is to the same address.
    fn open(&self, id: i32, address: &str) -> Option<Arc<Connection>> {
        let own = self.by_node.get(&id).cloned();
        let same = self
            .any()
            .filter(|connection| connection.address() == address);
        own.filter(|connection| connection.is_usable()).or(same)
    }
}

/// What a bootstrap finds out.
pub(super) struct Known {
    pub(super) connection: Connection,
    pub(super) nodes: IndexMap<i32, String>,
    pub(super) controller: Option<i32>,
}

impl Kafka {
    /// A usable connection to the broker that a request wants, opened when need be.
    pub(crate) async fn connection(&self, target: Target) -> Result<Arc<Connection>, KafkaError> {
        let deadline = Instant::now() + CONNECT_LIMIT;
        let mut links = self.inner.links.lock().await;
        let any = match links.any() {
            Some(any) => any,
            None => {
                let known = self.bootstrap(deadline).await?;
                links.learn(known);
                links.any().ok_or(KafkaError::NoBroker {
                    failures: Vec::new(),
                })?
            }
        };
        let Some(id) = links.node(target) else {
            return Ok(any);
        };
        let address = links
            .nodes
            .get(&id)
            .cloned()
            .ok_or(KafkaError::NoSuchBroker { id })?;
        if let Some(open) = links.open(id, &address) {
            return Ok(open);
        }
        let dialed = self.dial(&address, deadline).await;
        let connection = Arc::new(dialed.map_err(|error| advertised(id, address, error))?);
        links.by_node.insert(id, connection.clone());
        Ok(connection)
    }

    async fn dial(&self, address: &str, deadline: Instant) -> Result<Connection, KafkaError> {
        let dialing = self.approach(address, deadline)?;
        let dialed = dialing.dial().await;
        self.learn(&dialing, &dialed);
        dialed
    }
}

fn advertised(id: i32, advertised: String, error: KafkaError) -> KafkaError {
    KafkaError::AdvertisedUnreachable {
        id,
        advertised,
        cause: Box::new(error),
    }
}
