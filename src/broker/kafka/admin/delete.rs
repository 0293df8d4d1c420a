//! Deleting topics, by their ids.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indexmap::IndexMap;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse};
use uuid::Uuid;

use super::{BROKER_TIMEOUT_MS, Told, by_name};
use crate::broker::kafka::batch::{RECORDS_PER_REQUEST, split, write};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};
use crate::broker::kafka::held::{Answered, within_quota};

/// A topic to delete: that one and none that has its name by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldTopic {
    /// Its name, which the results are told by; it is not sent.
    pub name: String,
    /// Its id, as [`super::TopicDescription::topic_id`] has it.
    pub topic_id: String,
}

/// Since when a topic can be named by its id (KIP-516, Kafka 2.8).
const BY_ID: i16 = 6;

impl Kafka {
    /// Deletes topics by their ids; names must be distinct, and so must ids. Results as in [`Kafka::create_topics`].
    ///
    /// An item's error 100 (`UNKNOWN_TOPIC_ID`) is a topic that is gone already, whatever has its name now. Brokers that know
    /// no ids are [`KafkaError::Unsupported`]. Needs DELETE and DESCRIBE on the topic, else error 29.
    pub async fn delete_topics(
        &self,
        topics: &[OldTopic],
    ) -> Result<IndexMap<String, Result<(), ItemError>>, KafkaError> {
        self.must_speak::<DeleteTopicsRequest>(Target::Controller, BY_ID)
            .await?;
        let slices = split(topics, RECORDS_PER_REQUEST, |_| 1);
        let send = |topics| self.delete_some(topics);
        let results = write(slices, |slice| within_quota(slice, false, send)).await?;
        Ok(by_name(topics.iter().map(|topic| &topic.name), results))
    }

    async fn delete_some(&self, topics: Vec<OldTopic>) -> Result<Answered, KafkaError> {
        let ids = topics.iter().filter_map(|topic| id(&topic.topic_id));
        let named = ids.map(|id| {
            DeleteTopicState::default()
                .with_name(None)
                .with_topic_id(id)
        });
        let request = DeleteTopicsRequest::default()
            .with_topics(named.collect())
            .with_timeout_ms(BROKER_TIMEOUT_MS);
        let ids = topics.iter().map(|topic| topic.topic_id.as_str());
        let told = |answer: &DeleteTopicsResponse| {
            let told = |topic: &DeletableTopicResult| Told {
                name: text_of(topic.topic_id),
                code: topic.error_code,
                message: topic.error_message.clone(),
            };
            answer.responses.iter().map(told).collect()
        };
        let throttle = |answer: &DeleteTopicsResponse| answer.throttle_time_ms;
        let deleted = self.held_change(ids, Effect::Write, &request, told, throttle);
        let (results, throttle) = deleted.await?;
        let results = results.into_iter().zip(&topics);
        let results = results.map(|(result, topic)| match id(&topic.topic_id) {
            Some(_) => result,
            None => Err(ItemError::unsendable(format!(
                "`{}` is no id of a topic",
                topic.topic_id
            ))),
        });
        Ok((results.collect(), throttle))
    }
}

/// A topic's id from its text; none for what is no id, and for the one that means none.
fn id(text: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Uuid::from_slice(&bytes).ok().filter(|id| !id.is_nil())
}

/// A topic's id as Kafka prints it.
pub(super) fn text_of(id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_nothing_else_is_one() {
        let random = Uuid::new_v4();
        assert_eq!(id(&text_of(random)), Some(random));
        for text in [
            "",
            "orders",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "MkU3OEVBNTcwNTJENDM2Qk/",
        ] {
            assert_eq!(id(text), None, "{text}");
        }
    }
}
