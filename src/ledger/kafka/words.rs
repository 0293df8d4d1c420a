//! What went wrong, in the store's words, with the right that is missing.

use super::KafkaStore;
use crate::broker::kafka::KafkaError;
use crate::ledger::{Store, StoreError};

/// `TOPIC_AUTHORIZATION_FAILED`.
const TOPIC_DENIED: i16 = 29;

/// `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`.
const TRANSACTION_DENIED: i16 = 53;

impl KafkaStore {
    /// Nothing was written, or it could not be read.
    pub(super) fn unread(&self, error: &KafkaError) -> StoreError {
        self.failed(match self.missing_right(error) {
            Some(right) => format!("permission denied by Kafka: needs {right}"),
            None => error.to_string(),
        })
    }

    /// It may have been written or not.
    pub(super) fn unknown(&self, error: &KafkaError) -> StoreError {
        StoreError::Unknown {
            place: self.place(),
            why: error.to_string(),
        }
    }

    pub(super) fn failed(&self, why: impl Into<String>) -> StoreError {
        StoreError::Failed {
            place: self.place(),
            why: why.into(),
        }
    }

    pub(super) fn gone(&self) -> StoreError {
        self.failed("it was deleted meanwhile; find out who did that, and plan again")
    }

    pub(super) fn unreadable(&self, stack: &str, why: String) -> StoreError {
        self.failed(format!(
            "the lock of stack `{stack}` can't be read: {why}; if nobody is at work, release it by hand"
        ))
    }

    fn missing_right(&self, error: &KafkaError) -> Option<String> {
        let KafkaError::Refused { request, error } = error else {
            return None;
        };
        let topic = self.log.topic();
        match (error.code, *request) {
            (TOPIC_DENIED, "Metadata" | "ListOffsets") => {
                Some(format!("DESCRIBE on topic `{topic}`"))
            }
            (TOPIC_DENIED, "Fetch") => Some(format!("READ on topic `{topic}`")),
            (TOPIC_DENIED, "CreateTopics") => {
                Some(format!("CREATE on the cluster or on topic `{topic}`"))
            }
            (TOPIC_DENIED, _) => Some(format!("WRITE on topic `{topic}`")),
            (TRANSACTION_DENIED, _) => Some(format!(
                "WRITE on the transactional ids that begin with `{}`",
                self.transactional_id("")
            )),
            _ => None,
        }
    }
}
