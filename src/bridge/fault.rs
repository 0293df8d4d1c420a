//! Why a route does not run, and whether that passes by itself.

use crate::broker::kafka::{ItemError, KafkaError, RdCode, RdError, words};
use crate::broker::nats::DataError;

/// What ended a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) gravity: Gravity,
    /// What is wrong, and the way out where somebody has to find one.
    pub(super) text: String,
    /// Whether a stream said no to what is published for a reason that time alone does not take away: not that it is full, or that
    /// too many batches are on their way.
    pub(super) is_refusal: bool,
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gravity {
    /// It passes by itself; it is tried again soon.
    Passing,
    /// Somebody has to do something; it is looked at again now and then.
    Standing,
    /// Another worker has the route.
    Moved,
}

impl Fault {
    fn new(gravity: Gravity, text: impl Into<String>) -> Fault {
        Fault {
            gravity,
            text: text.into(),
            is_refusal: false,
        }
    }

    pub(super) fn passing(text: impl Into<String>) -> Fault {
        Fault::new(Gravity::Passing, text)
    }

    pub(super) fn standing(text: impl Into<String>) -> Fault {
        Fault::new(Gravity::Standing, text)
    }

    pub(super) fn moved(text: impl Into<String>) -> Fault {
        Fault::new(Gravity::Moved, text)
    }

    /// The same with what was tried before it.
    pub(super) fn of(self, what: &str) -> Fault {
        Fault {
            text: format!("{what}: {}", self.text),
            ..self
        }
    }
}

/// `JSStreamStoreFailedF` (a stream at its limits, `discard: new`), resources, account limits, and `TooManyInflight`.
const FULL: [u64; 7] = [10077, 10002, 10023, 10028, 10047, 10122, 10210];

impl From<DataError> for Fault {
    fn from(error: DataError) -> Fault {
        match error {
            DataError::Denied { .. } => Fault::standing(error.to_string()),
            DataError::Refused { err_code, .. } => Fault {
                is_refusal: !FULL.contains(&err_code),
                ..Fault::passing(error.to_string())
            },
            // no stream takes the subject, or its leader is about to be chosen
            DataError::NoResponders(_) => Fault {
                is_refusal: true,
                ..Fault::passing(error.to_string())
            },
            DataError::Silent(_) | DataError::Lost(_) => Fault::passing(error.to_string()),
        }
    }
}

impl From<KafkaError> for Fault {
    fn from(error: KafkaError) -> Fault {
        let stands = matches!(
            error,
            KafkaError::AuthenticationFailed { .. }
                | KafkaError::ClusterAuthorizationFailed { .. }
                | KafkaError::MechanismNotEnabled { .. }
                | KafkaError::NoToken { .. }
        );
        match stands {
            true => Fault::standing(error.to_string()),
            false => Fault::passing(error.to_string()),
        }
    }
}

impl From<ItemError> for Fault {
    fn from(error: ItemError) -> Fault {
        // `TOPIC_`, `GROUP_`, `CLUSTER_` and `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`
        match error.code {
            29 | 30 | 31 | 53 => Fault::standing(error.to_string()),
            _ => Fault::passing(error.to_string()),
        }
    }
}

impl From<RdError> for Fault {
    fn from(error: RdError) -> Fault {
        let text = words(&error);
        match error.rdkafka_error_code() {
            Some(code) => of_code(code, text),
            None => Fault::passing(text),
        }
    }
}

/// What librdkafka's code means for a route.
pub(super) fn of_code(code: RdCode, text: String) -> Fault {
    match code {
        RdCode::TopicAuthorizationFailed
        | RdCode::GroupAuthorizationFailed
        | RdCode::ClusterAuthorizationFailed
        | RdCode::TransactionalIdAuthorizationFailed
        | RdCode::Authentication
        | RdCode::SaslAuthenticationFailed => Fault::standing(text),
        RdCode::Fenced | RdCode::ProducerFenced | RdCode::InvalidProducerEpoch => {
            Fault::moved("another worker writes under the route's transactional id")
        }
        _ => Fault::passing(text),
    }
}

/// Whether the record itself is at fault, so that it would be refused as often as it is sent.
pub(super) fn is_of_record(code: RdCode) -> bool {
    matches!(
        code,
        RdCode::MessageSizeTooLarge
            | RdCode::InvalidMessage
            | RdCode::InvalidMessageSize
            | RdCode::InvalidRecord
            | RdCode::InvalidDifferentRecord
            | RdCode::PolicyViolation
            | RdCode::InvalidTimestamp
    )
}
