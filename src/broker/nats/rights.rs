//! Which rights the account has, found out without changing anything.

use std::borrow::Cow;
use std::time::Duration;

use super::wire::{Body, many};
use super::{JetStream, NatsError};

/// A right and whether the account has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightProbe {
    /// The subject to allow publishing to, with wildcards in place of names that are not known.
    pub subject: String,
    /// What needs it: `plan`, `apply`, `export` or `counts`, which a plan does without.
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

/// What rights are wanted on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedRights {
    /// Streams to read, to create and to update, by name.
    pub streams: Vec<String>,
    /// Consumers to read and to create: the stream and the name.
    pub consumers: Vec<(String, String)>,
    /// Those of them that are to be paused or resumed.
    pub paused: Vec<(String, String)>,
}

struct Probe {
    call: Cow<'static, str>,
    needed_for: &'static str,
    body: fn() -> Body,
}

/// `*` stands for a name that nothing has.
///
/// Reads are asked for real. What changes something is sent with a body that is no JSON: the server takes it,
/// which proves the right, and answers 10025 before it looks at anything else, so nothing can come of it.
const PROBES: [Probe; 11] = [
    read("INFO"),
    read("STREAM.NAMES"),
    read("STREAM.LIST"),
    read("STREAM.INFO.*"),
    read("CONSUMER.LIST.*"),
    read("CONSUMER.INFO.*.*"),
    count("STREAM.MSG.GET.*"),
    write("STREAM.CREATE.*"),
    write("STREAM.UPDATE.*"),
    write("CONSUMER.CREATE.*.*"),
    write("CONSUMER.PAUSE.*.*"),
];

const fn read(call: &'static str) -> Probe {
    Probe {
        call: Cow::Borrowed(call),
        needed_for: "plan",
        body: || Body::Empty,
    }
}

/// No sequence is asked for: the server takes it and answers that there must be one.
const fn count(call: &'static str) -> Probe {
    Probe {
        call: Cow::Borrowed(call),
        needed_for: "counts",
        body: || Body::Empty,
    }
}

const fn write(call: &'static str) -> Probe {
    Probe {
        call: Cow::Borrowed(call),
        needed_for: "apply",
        body: || Body::Unreadable,
    }
}

impl WantedRights {
    fn probes(&self) -> Vec<Probe> {
        let mut probes = vec![read("INFO"), read("STREAM.NAMES")];
        for stream in &self.streams {
            probes.push(read("STREAM.INFO.").on(stream));
            probes.push(count("STREAM.MSG.GET.").on(stream));
            probes.push(write("STREAM.CREATE.").on(stream));
            probes.push(write("STREAM.UPDATE.").on(stream));
        }
        for (stream, consumer) in &self.consumers {
            let name = format!("{stream}.{consumer}");
            probes.push(read("CONSUMER.INFO.").on(&name));
            probes.push(write("CONSUMER.CREATE.").on(&name));
        }
        for (stream, consumer) in &self.paused {
            probes.push(write("CONSUMER.PAUSE.").on(&format!("{stream}.{consumer}")));
        }
        probes.extend([read("STREAM.LIST"), read("CONSUMER.LIST.*")].map(Probe::for_export));
        probes
    }
}

impl Probe {
    fn on(self, name: &str) -> Probe {
        Probe {
            call: format!("{}{name}", self.call).into(),
            ..self
        }
    }

    fn for_export(self) -> Probe {
        Probe {
            needed_for: "export",
            ..self
        }
    }
}

impl JetStream {
    /// Tries each right that a plan or an apply needs, with names that nothing has; changes nothing.
    pub async fn probe_rights(&self) -> Vec<RightProbe> {
        let nobody = format!("trueup-doctor-{}", uuid::Uuid::new_v4().simple());
        many(&PROBES, |probe| self.probe(probe, &nobody)).await
    }

    /// Tries each right that a plan or an apply of just these needs, by their names, and what an export
    /// lists with; changes nothing.
    pub async fn probe_rights_on(&self, wanted: &WantedRights) -> Vec<RightProbe> {
        let nobody = format!("trueup-doctor-{}", uuid::Uuid::new_v4().simple());
        let probes = wanted.probes();
        many(&probes, |probe| self.probe(probe, &nobody)).await
    }

    /// Tries each right that reading a bucket needs and, where it is still to be made, making it; changes nothing.
    pub(super) async fn probe_rights_on_bucket(
        &self,
        stream: &str,
        is_made: bool,
    ) -> Vec<RightProbe> {
        let reads = [read("STREAM.INFO."), read("STREAM.MSG.GET.")];
        let makes = (!is_made).then(|| write("STREAM.CREATE."));
        let mut told = Vec::new();
        for probe in reads.into_iter().chain(makes) {
            told.push(self.probe(&probe.on(stream), "").await);
        }
        told
    }

    async fn probe(&self, probe: &Probe, nobody: &str) -> RightProbe {
        RightProbe {
            subject: self.wire.subject(&probe.call),
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
