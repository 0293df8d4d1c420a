use super::{ItemError, KafkaError};
use crate::model::{Code, Problem};

impl KafkaError {
    /// The same as a problem, for what could not be reached or read.
    pub fn problem(&self) -> Problem {
        Problem::error(self.code(), self.to_string())
    }

    /// The same as problems: where no bootstrap address can be used, that and one for each.
    pub fn problems(&self) -> Vec<Problem> {
        let KafkaError::NoBroker { failures } = self else {
            return vec![self.problem()];
        };
        let head = "no kafka broker of `bootstrap.servers` can be used";
        let mut problems = vec![Problem::error(self.code(), head)];
        problems.extend(failures.iter().map(KafkaError::problem));
        problems
    }

    /// The code that `explain` has a page for.
    pub fn code(&self) -> Code {
        match self {
            KafkaError::Settings { .. } | KafkaError::NoToken { .. } => Code::Property,
            KafkaError::ClusterAuthorizationFailed { .. } => Code::Denied,
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
            | KafkaError::AuthenticationFailed { .. }
            | KafkaError::Sasl { .. }
            | KafkaError::NoBroker { .. }
            | KafkaError::NotKafka { .. }
            | KafkaError::Controller { .. }
            | KafkaError::AdvertisedUnreachable { .. }
            | KafkaError::NoSuchBroker { .. } => Code::Unreachable,
            KafkaError::Unsupported { .. }
            | KafkaError::NoController { .. }
            | KafkaError::AnswerLost { .. }
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
