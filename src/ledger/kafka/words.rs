//! What went wrong, in the store's words, with the right that is missing.

use super::KafkaStore;
use crate::broker::kafka::{KafkaError, Operation};
use crate::ledger::store::token;
use crate::ledger::{Store, StoreError};

/// `TOPIC_AUTHORIZATION_FAILED`.
const TOPIC_DENIED: i16 = 29;

/// `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`.
const TRANSACTION_DENIED: i16 = 53;

impl KafkaStore {
    /// WRITE on a transactional id can't be asked for without becoming its writer; DESCRIBE, which comes with it, can.
    pub(super) async fn rights_lacked(&self, stack: &str) -> Result<Vec<String>, StoreError> {
        self.list("").await?;
        let mut lacked = Vec::new();
        let granted = self.log.operations().await;
        let granted = granted.map_err(|error| self.unread(&error))?;
        if granted.is_some_and(|granted| !granted.contains(&Operation::Write)) {
            lacked.push(format!("WRITE on topic `{}`", self.log.topic()));
        }
        let transactional_id = self.transactional_id(&token(stack));
        if let Err(error) = self.log.coordinator(&transactional_id).await {
            match self.missing_right(&error) {
                Some(right) => lacked.push(right),
                None => return Err(self.unread(&error)),
            }
        }
        Ok(lacked)
    }

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
