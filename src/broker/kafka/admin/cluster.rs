//! Who the cluster is.

use kafka_protocol::messages::{
    DescribeClusterRequest, DescribeClusterResponse, MetadataRequest, MetadataResponse,
};

use super::{given, words};
use crate::broker::kafka::acl::Operation;
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};
use crate::broker::kafka::release::release_of;

/// The cluster, as one of its brokers knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The cluster's id; empty on a broker so old that it has none.
    pub cluster_id: String,
    /// The broker that takes changes. In a KRaft cluster any live broker: it forwards (KIP-500).
    pub controller: Option<i32>,
    /// The live brokers.
    pub brokers: Vec<Broker>,
    /// What the user may do on the cluster; None when the broker did not say.
    pub authorized_operations: Option<Vec<Operation>>,
    /// The finalized level of the feature `metadata.version`; None on a cluster older than 3.3 or not in KRaft mode.
    pub metadata_version: Option<i16>,
    /// The release of that level, `4.3`: what the cluster may use.
    pub release: Option<&'static str>,
    /// The release of the broker that was asked, by the highest level that it supports.
    pub software: Option<&'static str>,
}

/// One broker at its advertised address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: i32,
    /// Its rack, when it has one.
    pub rack: Option<String>,
}

impl Kafka {
    /// The cluster's id, brokers and release, and what the user may do on the cluster (KIP-430, KIP-700).
    pub async fn cluster(&self) -> Result<Cluster, KafkaError> {
        let cluster = match self.describe_cluster().await {
            Err(KafkaError::Unsupported { .. }) => self.cluster_by_metadata().await?,
            other => other?,
        };
        let connection = self.connection(Target::Any).await?;
        let versions = connection.versions();
        Ok(Cluster {
            metadata_version: versions.metadata_version,
            release: versions.metadata_version.and_then(release_of),
            software: versions.metadata_version_supported.and_then(release_of),
            ..cluster
        })
    }

    async fn describe_cluster(&self) -> Result<Cluster, KafkaError> {
        let request = DescribeClusterRequest::default()
            .with_include_cluster_authorized_operations(true)
            .with_endpoint_type(1);
        let answer = self
            .ask(Target::Any, Effect::Read, &request, |_| false)
            .await?;
        let message = words(&answer.error_message);
        ItemError::check(answer.error_code, message.as_deref())
            .map_err(|error| KafkaError::refused("DescribeCluster", error))?;
        Ok(described(answer))
    }

    /// For brokers older than 2.8.
    async fn cluster_by_metadata(&self) -> Result<Cluster, KafkaError> {
        let request = MetadataRequest::default()
            .with_topics(Some(Vec::new()))
            .with_allow_auto_topic_creation(false);
        let answer = self
            .ask(Target::Any, Effect::Read, &request, |_| false)
            .await?;
        Ok(from_metadata(answer))
    }
}

fn described(answer: DescribeClusterResponse) -> Cluster {
    let brokers = answer.brokers.into_iter().map(|broker| Broker {
        id: broker.broker_id.0,
        host: broker.host.to_string(),
        port: broker.port,
        rack: given(&broker.rack),
    });
    let brokers = brokers.collect();
    let operations = Operation::from_bits(answer.cluster_authorized_operations);
    cluster(
        answer.cluster_id.to_string(),
        answer.controller_id.0,
        brokers,
        operations,
    )
}

fn from_metadata(answer: MetadataResponse) -> Cluster {
    let brokers = answer.brokers.into_iter().map(|broker| Broker {
        id: broker.node_id.0,
        host: broker.host.to_string(),
        port: broker.port,
        rack: given(&broker.rack),
    });
    let brokers = brokers.collect();
    cluster(
        given(&answer.cluster_id).unwrap_or_default(),
        answer.controller_id.0,
        brokers,
        None,
    )
}

fn cluster(
    cluster_id: String,
    controller: i32,
    mut brokers: Vec<Broker>,
    authorized_operations: Option<Vec<Operation>>,
) -> Cluster {
    brokers.sort_by_key(|broker| broker.id);
    Cluster {
        cluster_id,
        controller: Some(controller).filter(|id| *id >= 0),
        brokers,
        authorized_operations,
        metadata_version: None,
        release: None,
        software: None,
    }
}
