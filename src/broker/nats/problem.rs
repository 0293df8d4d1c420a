use super::NatsError;
use crate::model::{Code, Problem};

impl NatsError {
    /// The same as a problem, for what could not be reached or read.
    pub fn problem(&self) -> Problem {
        Problem::error(self.code(), self.to_string())
    }

    /// The same as problems: where none of several servers can be used, that and one for each.
    pub fn problems(&self) -> Vec<Problem> {
        let NatsError::NoneReachable { errors } = self else {
            return vec![self.problem()];
        };
        let head = format!("none of the {} NATS servers can be used", errors.len());
        let mut problems = vec![Problem::error(self.code(), head)];
        problems.extend(errors.iter().map(NatsError::problem));
        problems
    }

    /// The code that `explain` has a page for.
    pub fn code(&self) -> Code {
        match self {
            NatsError::PermissionDenied { .. } => Code::Denied,
            NatsError::BadAddress { .. }
            | NatsError::Settings { .. }
            | NatsError::UnreadableFile { .. }
            | NatsError::MalformedFile { .. } => Code::Property,
            NatsError::InvalidName { .. } => Code::BadName,
            NatsError::NoneReachable { errors } => {
                let mut codes = errors.iter().map(NatsError::code);
                let first = codes.next().unwrap_or(Code::Unreachable);
                match codes.all(|code| code == first) {
                    true => first,
                    false => Code::Unreachable,
                }
            }
            NatsError::NotNats { .. }
            | NatsError::Refused { .. }
            | NatsError::Unresolvable { .. }
            | NatsError::ConnectTimeout { .. }
            | NatsError::Frozen { .. }
            | NatsError::Closed { .. }
            | NatsError::Unauthorized { .. }
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
