//! The records of a topic of one partition: read to the end, written in transactions that fence out older writers.

mod frames;
mod patience;
mod producer;
mod reader;

use super::acl::Operation;
use super::admin::{NewTopic, TopicDescription};
use super::client::Kafka;
use super::error::{ItemError, KafkaError};
use patience::Troubles;
pub(crate) use producer::{Producer, Unwritten, Written};
pub(crate) use reader::{Position, Tail};

/// The only partition.
const PARTITION: i32 = 0;

/// `UNKNOWN_TOPIC_OR_PARTITION`.
const UNKNOWN_TOPIC: i16 = 3;

/// `LEADER_NOT_AVAILABLE`.
const NO_LEADER: i16 = 5;

/// `TOPIC_ALREADY_EXISTS`.
const EXISTS: i16 = 36;

/// A topic of one partition.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    kafka: Kafka,
    topic: String,
    troubles: Troubles,
}

/// Where the partition is now.
struct Seat {
    topic: TopicDescription,
    leader: i32,
}

impl Log {
    pub(crate) fn new(kafka: &Kafka, topic: &str) -> Log {
        Log {
            kafka: kafka.clone(),
            topic: topic.to_owned(),
            troubles: Troubles::default(),
        }
    }

    /// Its name.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// What the user may do on the topic; None where there is none, or the broker does not say.
    pub(crate) async fn operations(&self) -> Result<Option<Vec<Operation>>, KafkaError> {
        let seat = self.settled().await?;
        Ok(seat.and_then(|seat| seat.topic.authorized_operations))
    }

    /// How many brokers are alive.
    pub(crate) async fn brokers(&self) -> Result<usize, KafkaError> {
        Ok(self.kafka.cluster().await?.brokers.len())
    }

    /// Makes the topic and waits until it has a leader; that somebody else made it meanwhile is as good.
    pub(crate) async fn create(&self, topic: NewTopic) -> Result<(), KafkaError> {
        let made = self.kafka.create_topics(&[topic], false).await?;
        match made.into_values().next() {
            Some(Err(error)) if error.code != EXISTS => {
                return Err(KafkaError::refused("CreateTopics", error));
            }
            Some(Ok(()) | Err(_)) | None => {}
        }
        let mut patience = self.troubles.begin();
        while self.settled().await?.is_none() {
            let unseen = refused("Metadata", UNKNOWN_TOPIC);
            patience.bear(unseen).await?;
        }
        Ok(())
    }

    /// The same as [`Log::seat`], when it has a leader.
    async fn settled(&self) -> Result<Option<Seat>, KafkaError> {
        self.troubles.patiently(|| self.seat()).await
    }

    /// None where there is no such topic, as far as two brokers know: one may lag behind.
    async fn seat(&self) -> Result<Option<Seat>, KafkaError> {
        let names = [self.topic.clone()];
        let mut found = self.describe(&names).await?;
        if found.is_none()
            && let Some(witness) = self.kafka.witness(&names).await
        {
            self.kafka.turn_to(witness).await;
            found = self.describe(&names).await?;
        }
        let Some(topic) = found else {
            return Ok(None);
        };
        let partition = topic.partitions.iter().find(|p| p.index == PARTITION);
        let leader = partition.and_then(|partition| partition.leader);
        let leader = leader.ok_or_else(|| refused("Metadata", NO_LEADER))?;
        Ok(Some(Seat { topic, leader }))
    }

    async fn describe(&self, names: &[String]) -> Result<Option<TopicDescription>, KafkaError> {
        let described = self.kafka.describe_topics(names).await?;
        match described.into_values().next() {
            Some(Ok(topic)) => Ok(Some(topic)),
            Some(Err(error)) if error.code == UNKNOWN_TOPIC => Ok(None),
            Some(Err(error)) => Err(KafkaError::refused("Metadata", error)),
            None => Err(KafkaError::refused("Metadata", ItemError::left_out())),
        }
    }
}

fn refused(request: &'static str, code: i16) -> KafkaError {
    KafkaError::refused(request, ItemError::refused(code, None))
}

/// That an answer's code is none, or what it says.
fn check(request: &'static str, code: i16) -> Result<(), KafkaError> {
    let checked = ItemError::check(code, None);
    checked.map_err(|error| KafkaError::refused(request, error))
}
