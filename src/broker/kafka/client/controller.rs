//! Whether the cluster has a controller, which carries out every change and knows what is being moved.
//!
//! A broker forwards to it (KIP-590) and, while there is none, holds what it was asked for 60 s without a word
//! (`NodeToControllerChannelManager`). A majority elects the next one within a few seconds
//! (`controller.quorum.election.timeout.ms` 1 s, `controller.quorum.fetch.timeout.ms` 2 s), so that longer silence
//! means that the majority is missing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::{DescribeQuorumRequest, DescribeQuorumResponse};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Effect, Kafka, Target};
use crate::broker::kafka::admin::topic_name;
use crate::broker::kafka::connection::Connection;
use crate::broker::kafka::error::{ItemError, KafkaError};

/// How long a cluster may take for an election, one that has to be repeated included.
const ELECTION: Duration = Duration::from_secs(15);

/// How long a controller that is there may take to show it.
const LOOK: Duration = Duration::from_secs(1);

/// The topic that the controllers agree on (KIP-595).
const METADATA: &str = "__cluster_metadata";

/// Whether the controller was waited for in vain.
#[derive(Debug, Default)]
pub(super) struct Controller {
    /// The broker that heard nothing of it for longer than an election takes.
    missed_by: OnceLock<String>,
    told: AtomicBool,
}

impl Controller {
    /// Who waited in vain once asks nothing more, or every request of a run would wait as long.
    pub(super) fn is_there(&self, request: &'static str) -> Result<(), KafkaError> {
        let missed_by = self.missed_by.get();
        missed_by.map_or(Ok(()), |broker| Err(Controller::missing(broker, request)))
    }

    /// The failure of a request that only the controller can answer.
    pub(super) fn missing(broker: &str, request: &'static str) -> KafkaError {
        KafkaError::NoController {
            broker: broker.to_owned(),
            request,
            after: ELECTION,
        }
    }

    /// Says that we wait, once.
    fn tell(&self, broker: &str) {
        if !self.told.swap(true, Ordering::SeqCst) {
            tracing::warn!(
                target: "trueup::waiting",
                "kafka broker `{broker}` hears nothing from the cluster's controller; waiting up to {} s for an election",
                ELECTION.as_secs()
            );
        }
    }
}

impl Kafka {
    /// The id of the controller that leads the metadata quorum, as it says itself; None where the cluster is too
    /// old to be asked (before 3.3) or does not let us know (DESCRIBE on the cluster), though it answers.
    ///
    /// [`KafkaError::NoController`] when no controller answers within 15 s.
    pub async fn controller(&self) -> Result<Option<i32>, KafkaError> {
        let asked = self
            .ask(Target::Controller, Effect::Read, &quorum(), |_| false)
            .await;
        match asked {
            Ok(answer) => Ok(leader(&answer)),
            Err(KafkaError::Unsupported { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a controller answers through this broker, at the latest when an election is over that began at
    /// `since`. A broker that can't be asked is trusted to have one.
    pub(super) async fn hears_controller(&self, connection: &Connection, since: Instant) -> bool {
        let broker = connection.address();
        let deadline = since + ELECTION;
        let Ok(version) = connection.versions().choose::<DescribeQuorumRequest>() else {
            return true;
        };
        let Ok(aside) = self.dialing(broker, deadline).dial().await else {
            return true;
        };
        let question = quorum();
        let answered = aside.call(&question, version);
        tokio::pin!(answered);
        if timeout(LOOK, &mut answered).await.is_ok() {
            return true;
        }
        self.inner.controller.tell(broker);
        let hears = timeout_at(deadline, answered).await.is_ok();
        if !hears {
            let missed_by = &self.inner.controller.missed_by;
            missed_by.get_or_init(|| broker.to_owned());
        }
        hears
    }
}

fn quorum() -> DescribeQuorumRequest {
    let partition = PartitionData::default().with_partition_index(0);
    let topic = TopicData::default()
        .with_topic_name(topic_name(METADATA))
        .with_partitions(vec![partition]);
    DescribeQuorumRequest::default().with_topics(vec![topic])
}

fn leader(answer: &DescribeQuorumResponse) -> Option<i32> {
    ItemError::check(answer.error_code, None).ok()?;
    let partition = answer.topics.first()?.partitions.first()?;
    Some(partition.leader_id.0).filter(|id| *id >= 0)
}
