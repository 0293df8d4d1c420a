use super::NatsError;
use crate::model::{Code, Problem};

impl NatsError {
    /// The same as a problem, for what could not be reached or read.
    pub fn problem(&self) -> Problem {
        Problem::error(self.code(), self.to_string())
    }

    /// The same as problems: where none of several servers can be used, one for each.
    pub fn problems(&self) -> Vec<Problem> {
        match self {
            NatsError::NoneReachable { errors } if !errors.is_empty() => {
                errors.iter().map(NatsError::problem).collect()
            }
            _ => vec![self.problem()],
        }
    }

    /// The code that `explain` has a page for.
    pub fn code(&self) -> Code {
        match self {
            NatsError::PermissionDenied { .. } => Code::Denied,
            NatsError::Unauthorized { .. } => Code::LoginRefused,
            NatsError::BadAddress { .. }
            | NatsError::Settings { .. }
            | NatsError::UnreadableFile { .. }
            | NatsError::MalformedFile { .. } => Code::Property,
            NatsError::InvalidName { .. } => Code::BadName,
            NatsError::NoneReachable { errors } => {
                Code::of_all(errors.iter().map(NatsError::code)).unwrap_or(Code::Unreachable)
            }
            NatsError::NotNats { .. }
            | NatsError::Refused { .. }
            | NatsError::Unresolvable { .. }
            | NatsError::ConnectTimeout { .. }
            | NatsError::Frozen { .. }
            | NatsError::Closed { .. }
            | NatsError::TlsRequired { .. }
            | NatsError::TlsFirstRequired { .. }
            | NatsError::TlsFirstUnwanted { .. }
            | NatsError::TlsToPlainPort { .. }
            | NatsError::UnknownAuthority { .. }
            | NatsError::CertificateExpired { .. }
            | NatsError::CertificateName { .. }
            | NatsError::ClientCertificateRequired { .. }
            | NatsError::ClientCertificateRefused { .. }
            | NatsError::ClientCertificateExpired { .. }
            | NatsError::Tls { .. }
            | NatsError::JetStreamNotEnabled { .. }
            | NatsError::ConnectionLost { .. }
            | NatsError::NotAsked { .. } => Code::Unreachable,
            NatsError::Fenced { .. } => Code::LockLost,
            NatsError::RequestTimeout { .. }
            | NatsError::Leaderless { .. }
            | NatsError::LeaderNotAsked { .. }
            | NatsError::StreamSilent { .. }
            | NatsError::Api { .. }
            | NatsError::AnswerLost { .. }
            | NatsError::MalformedAnswer { .. }
            | NatsError::ListingIncomplete { .. }
            | NatsError::Unsendable { .. } => Code::Unreadable,
        }
    }
}
