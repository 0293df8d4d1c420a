use super::{ItemError, KafkaError};
use crate::model::{Code, Problem};

impl KafkaError {
    /// The same as a problem, for what could not be reached or read.
    pub fn problem(&self) -> Problem {
        Problem::error(self.code(), self.to_string())
    }

    /// The same as problems: where no bootstrap address can be used, one for each.
    pub fn problems(&self) -> Vec<Problem> {
        match self {
            KafkaError::NoBroker { failures } if !failures.is_empty() => {
                failures.iter().map(KafkaError::problem).collect()
            }
            _ => vec![self.problem()],
        }
    }

    /// The code that `explain` has a page for.
    pub fn code(&self) -> Code {
        match self {
            KafkaError::Settings { .. } | KafkaError::NoToken { .. } => Code::Property,
            KafkaError::ClusterAuthorizationFailed { .. } => Code::Denied,
            KafkaError::Fenced { .. } => Code::LockLost,
            KafkaError::AuthenticationFailed { .. } => Code::LoginRefused,
            KafkaError::NoBroker { failures } => {
                Code::of_all(failures.iter().map(KafkaError::code)).unwrap_or(Code::Unreachable)
            }
            KafkaError::Refused { error, .. } => error.problem_code(),
            KafkaError::SecurityDisabled { .. } => Code::NoAuthorizer,
            KafkaError::HostUnknown { .. }
            | KafkaError::ConnectionRefused { .. }
            | KafkaError::ConnectTimeout { .. }
            | KafkaError::Unreachable { .. }
            | KafkaError::NoAnswer { .. }
            | KafkaError::ConnectionClosed { .. }
            | KafkaError::PlainAgainstTls { .. }
            | KafkaError::TlsAgainstPlain { .. }
            | KafkaError::UnknownAuthority { .. }
            | KafkaError::CertificateExpired { .. }
            | KafkaError::CertificateWrongHost { .. }
            | KafkaError::ClientCertificateRequired { .. }
            | KafkaError::ClientCertificateRefused { .. }
            | KafkaError::Tls { .. }
            | KafkaError::SaslRequired { .. }
            | KafkaError::SaslNotExpected { .. }
            | KafkaError::MechanismNotEnabled { .. }
            | KafkaError::Sasl { .. }
            | KafkaError::NotKafka { .. }
            | KafkaError::Controller { .. }
            | KafkaError::AdvertisedUnreachable { .. }
            | KafkaError::NoSuchBroker { .. } => Code::Unreachable,
            KafkaError::Unsupported { .. }
            | KafkaError::NoController { .. }
            | KafkaError::AnswerLost { .. }
            | KafkaError::Records { .. }
            | KafkaError::Protocol { .. } => Code::Unreadable,
        }
    }
}

/// The codes by which a broker says that a right is missing: topic, group, cluster,
/// transactional id, delegation token (`org.apache.kafka.common.protocol.Errors`).
const AUTHORIZATION_FAILED: [i16; 5] = [29, 30, 31, 53, 65];

impl ItemError {
    /// The code that `explain` has a page for.
    pub fn problem_code(&self) -> Code {
        if AUTHORIZATION_FAILED.contains(&self.code) {
            Code::Denied
        } else {
            Code::Unreadable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_every_address_refuses_is_no_broker_that_does_not_answer() {
        let refused = || KafkaError::AuthenticationFailed {
            broker: "a:1".to_owned(),
            mechanism: "PLAIN",
            user: Some("ann".to_owned()),
            cause: "no".to_owned(),
        };
        let closed = KafkaError::ConnectionRefused {
            broker: "b:1".to_owned(),
        };
        let code = |failures| KafkaError::NoBroker { failures }.code();
        assert_eq!(code(vec![refused(), refused()]), Code::LoginRefused);
        assert_eq!(code(vec![refused(), closed]), Code::Unreachable);
    }
}
