//! From YAML text to a checked manifest: places, variables, parts, overlays, defaults, every
//! problem at once.
//!
//! Texts are read in one place ([`Input`]); all that comes after is a pure function of them:
//! text -> tree with places -> variables -> parts joined -> overlays -> defaults -> structural
//! check against the kinds' declarations -> resources -> the kinds' own rules.

mod access;
mod aliases;
mod approvals;
mod complaints;
mod connections;
mod digest;
mod entries;
mod env_file;
mod files;
mod heads;
mod implied;
mod layers;
mod load;
mod mended;
mod node;
mod nulls;
mod pages;
mod passwords;
mod said;
mod scalar;
mod schema;
mod secret_text;
mod secrets;
mod sections;
mod sources;
mod suggest;
mod syntax;
mod typed;
mod variables;
mod walk;
mod write;
mod yaml;

use std::path::PathBuf;
use std::sync::OnceLock;

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::kinds::Resources;
use crate::ledger::LedgerPlace;
use crate::model::{Approval, Broker, Problem, Tally};

pub use connections::{Connections, KafkaConnection, NatsConnection};
pub use files::Input;
pub(crate) use files::{is_manifest_name, manifest_names, plain, read_text};
pub use pages::{Part, parts};
pub use passwords::Passwords;
pub use schema::{schema, schema_text};
pub(crate) use secret_text::without_logins;
pub use sources::Sources;
pub use variables::is_variable_name;
pub use write::{write, write_json, write_tree};

/// What a manifest is read from.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Each `-f` in the order given: the first is the base, a later one an overlay.
    pub files: Vec<Input>,
    /// Each `--var NAME=VALUE`; they win over the environment.
    pub vars: IndexMap<String, String>,
    /// Each `--env-file`; the environment wins over them, a later one over an earlier.
    pub env_files: Vec<PathBuf>,
    /// The environment: for variables, and `NATS_URL` and `KAFKA_BROKERS`.
    pub environment: IndexMap<String, String>,
    /// Whether what it shows of risks by itself is told, too: warnings.
    pub foretells: bool,
    /// When it is read: an approval may have ended. The epoch, at which none has, where nobody says.
    pub now: Timestamp,
}

/// What came of reading a manifest.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The manifest; none while a problem with the severity of an error stands.
    pub manifest: Option<Manifest>,
    /// Every problem in the order of the files and lines; where there are more than 200, errors before warnings.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub left_out: Tally,
    /// The texts, for snippets.
    pub sources: Sources,
    /// The files that its connections name: certificates, keys, credentials, secrets.
    pub named: Vec<PathBuf>,
}

/// A checked manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The name that its resources are owned under.
    pub stack: String,
    /// Where it says that its ledger is.
    pub ledger: Option<LedgerPlace>,
    /// The brokers that it has a section or a connection for, be it an empty one.
    pub brokers: Vec<Broker>,
    /// How to reach the brokers.
    pub connections: Connections,
    /// What it declares, in manifest order.
    pub resources: Resources,
    /// The passwords of its users, which are part of nothing else.
    pub passwords: Passwords,
    /// What it consents to, in its order.
    pub approvals: Vec<Approval>,
    /// Made when somebody asks for it: `validate` does not.
    digest: OnceLock<String>,
}

impl Manifest {
    /// `sha256:` over what it declares, whatever the order and the files.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| digest::digest(self))
    }

    /// Where its ledger is when nobody says: it follows from what is written, never from what answers.
    pub fn usual_ledger(&self) -> LedgerPlace {
        let is_about = |broker| self.brokers.contains(&broker);
        LedgerPlace::usual(is_about(Broker::Nats), is_about(Broker::Kafka))
    }

    /// Whether it declares something that this broker holds; another broker is never contacted.
    pub fn speaks_of(&self, broker: Broker) -> bool {
        self.resources
            .keys()
            .any(|address| address.kind.brokers().contains(&broker))
    }
}

/// Reads and checks a manifest. It touches the files that `inputs` names and nothing else.
pub fn load(inputs: &Inputs) -> Loaded {
    load::load(inputs, &crate::kinds::kind)
}

#[cfg(test)]
mod tests;
