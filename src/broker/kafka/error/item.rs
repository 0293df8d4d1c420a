//! Why one item of a batch was not done.

use super::KafkaError;
use crate::broker::kafka::codes::{error_name, meaning};

/// Why one item of a batch was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct ItemError {
    /// Kafka's error code; 0 when no broker has answered (see `fate`).
    pub code: i16,
    /// Its name, `TOPIC_AUTHORIZATION_FAILED`; `ANSWER_LOST` or `NOT_SENT` when no broker has answered.
    pub name: &'static str,
    /// The broker's words, or ours when no broker has answered.
    pub message: Option<String>,
    /// What is known about the item.
    pub fate: Fate,
}

/// What is known about an item that has an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The broker said no: nothing was changed.
    Refused,
    /// Sent, and the answer was lost or is `REQUEST_TIMED_OUT`: it may have been done or not.
    Unknown,
    /// Never sent, because the connection failed before.
    NotSent,
}

impl ItemError {
    /// The result of an item: its code and the broker's words.
    pub(crate) fn check(code: i16, message: Option<&str>) -> Result<(), ItemError> {
        match code {
            0 => Ok(()),
            _ => Err(ItemError::refused(code, message)),
        }
    }

    /// `REQUEST_TIMED_OUT` and `NETWORK_EXCEPTION` say that the broker itself waited in vain, so the outcome is unknown.
    pub(crate) fn refused(code: i16, message: Option<&str>) -> ItemError {
        ItemError {
            code,
            name: error_name(code),
            message: message.map(str::to_string),
            fate: if matches!(code, 7 | 13) {
                Fate::Unknown
            } else {
                Fate::Refused
            },
        }
    }

    /// The item of a request that failed as a whole.
    pub(crate) fn unanswered(cause: &KafkaError) -> ItemError {
        let (name, fate) = match cause.is_outcome_unknown() {
            true => ("ANSWER_LOST", Fate::Unknown),
            false => ("NOT_SENT", Fate::NotSent),
        };
        ItemError {
            code: 0,
            name,
            message: Some(cause.to_string()),
            fate,
        }
    }

    /// An item that can't be said in the protocol.
    pub(crate) fn unsendable(why: String) -> ItemError {
        ItemError {
            code: 0,
            name: "NOT_SENT",
            message: Some(why),
            fate: Fate::NotSent,
        }
    }

    /// An item that was held back because an earlier request had failed.
    pub(crate) fn held_back(earlier: &KafkaError) -> ItemError {
        ItemError {
            code: 0,
            name: "NOT_SENT",
            message: Some(format!(
                "not sent, because an earlier request failed: {earlier}"
            )),
            fate: Fate::NotSent,
        }
    }

    /// An item that the broker's answer leaves out.
    pub(crate) fn left_out() -> ItemError {
        ItemError {
            code: 0,
            name: "ANSWER_LOST",
            message: Some("the broker's answer does not mention it".to_string()),
            fate: Fate::Unknown,
        }
    }

    /// One line: the code, then the broker's words, or what the code means.
    fn text(&self) -> String {
        match (&self.message, meaning(self.code)) {
            (Some(message), _) if self.code == 0 => message.clone(),
            (Some(message), _) => {
                let words = message.trim_end_matches('.');
                format!("{} ({}): {words}", self.name, self.code)
            }
            (None, Some(meaning)) => format!("{} ({}): {meaning}", self.name, self.code),
            (None, None) => format!("{} ({})", self.name, self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_inside_of_the_broker_leaves_the_outcome_open() {
        assert_eq!(ItemError::refused(7, None).fate, Fate::Unknown);
        assert_eq!(ItemError::refused(29, None).fate, Fate::Refused);
        assert_eq!(ItemError::check(0, None), Ok(()));
    }

    #[test]
    fn an_item_says_its_code_and_the_brokers_words() {
        let refused = ItemError::refused(40, Some("Unknown topic config name: x."));
        assert_eq!(
            refused.to_string(),
            "INVALID_CONFIG (40): Unknown topic config name: x"
        );
        assert_eq!(
            ItemError::refused(29, None).to_string(),
            "TOPIC_AUTHORIZATION_FAILED (29): the user lacks a right on the topic"
        );
        assert_eq!(
            ItemError::refused(34, None).to_string(),
            "ILLEGAL_SASL_STATE (34)"
        );
    }
}
