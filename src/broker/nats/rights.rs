//! Which rights the account has, found out without changing anything.

use std::time::Duration;

use super::wire::{Body, many};
use super::{JetStream, NatsError};

/// A right and whether the account has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightProbe {
    /// The subject to allow publishing to, with wildcards in place of names.
    pub subject: String,
    /// What needs it: `plan` or `apply`.
    pub needed_for: &'static str,
    /// The server's word.
    pub verdict: Verdict,
}

/// Whether a right is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The server took the request.
    Allowed,
    /// The server reported a permission violation.
    Denied,
    /// Neither: the reason.
    Unknown(String),
}

/// How long one probe waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// The first release that can pause a consumer.
const PAUSE_SINCE: (u64, u64, u64) = (2, 11, 0);

struct Probe {
    call: &'static str,
    needed_for: &'static str,
    body: fn() -> Body,
}

/// `*` stands for a name that nothing has.
///
/// Reads are asked for real. What changes something is sent with a body that is no JSON: the server takes it,
/// which proves the right, and answers 10025 before it looks at anything else, so nothing can come of it.
const PROBES: [Probe; 10] = [
    read("INFO"),
    read("STREAM.NAMES"),
    read("STREAM.LIST"),
    read("STREAM.INFO.*"),
    read("CONSUMER.LIST.*"),
    read("CONSUMER.INFO.*.*"),
    write("STREAM.CREATE.*"),
    write("STREAM.UPDATE.*"),
    write("CONSUMER.CREATE.*.*"),
    write("CONSUMER.PAUSE.*.*"),
];

const fn read(call: &'static str) -> Probe {
    Probe {
        call,
        needed_for: "plan",
        body: || Body::Empty,
    }
}

const fn write(call: &'static str) -> Probe {
    Probe {
        call,
        needed_for: "apply",
        body: || Body::Unreadable,
    }
}

impl JetStream {
    /// Tries each right that a plan or an apply needs, with names that nothing has; changes nothing.
    pub async fn probe_rights(&self) -> Vec<RightProbe> {
        let nobody = format!("trueup-doctor-{}", uuid::Uuid::new_v4().simple());
        many(&PROBES, |probe| self.probe(probe, &nobody)).await
    }

    async fn probe(&self, probe: &Probe, nobody: &str) -> RightProbe {
        RightProbe {
            subject: self.wire.subject(probe.call),
            needed_for: probe.needed_for,
            verdict: self.verdict(probe, nobody).await,
        }
    }

    async fn verdict(&self, probe: &Probe, nobody: &str) -> Verdict {
        if probe.call.starts_with("CONSUMER.PAUSE") && self.server().release < PAUSE_SINCE {
            let reason = format!(
                "server {} cannot pause consumers; 2.11 can",
                self.server().version
            );
            return Verdict::Unknown(reason);
        }
        let call = probe.call.replace('*', nobody);
        match self.wire.read_once(&call, &(probe.body)(), PATIENCE).await {
            Ok(_) | Err(NatsError::Api { .. }) => Verdict::Allowed,
            Err(NatsError::PermissionDenied { .. }) => Verdict::Denied,
            Err(other) => Verdict::Unknown(other.to_string()),
        }
    }
}
