//! Live state in a file: what stands in for the brokers where they can't be reached, and in tests.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::export::hidden;
use super::planning::observe_all;
use super::port::Port;
use crate::kinds::{Delta, Live, Observations, Observed, Rehearsal, Sight, Surroundings, kind};
use crate::model::{
    Action, Address, Broker, Code, Doc, Flat, FormatError, KindName, Outcome, Problem, Risk, Step,
    Wanted, versioned,
};
use crate::plan::Target;

/// The version of the snapshot's format: a minor adds, a major is refused.
pub const SNAPSHOT_VERSION: &str = "1.1";

/// The state of the brokers at one moment.
///
/// As a [`Port`] it answers like the brokers that it was taken from: what it holds is there, what
/// it does not hold is absent, unless it may have been hidden; what a step may cost is told by its configurations and rights. Carrying out changes the snapshot and no broker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// `1.1`; since `1.1` it says what may have been hidden.
    pub format_version: String,
    /// The trueup that took it.
    pub tool_version: String,
    /// The brokers that it was taken from.
    pub targets: Vec<Target>,
    /// Their versions and limits.
    pub surroundings: Surroundings,
    /// Every resource that was there.
    pub resources: IndexMap<Address, Live>,
    /// The kinds of which some may have been hidden from whoever took it, and why.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub hidden: IndexMap<KindName, String>,
    /// Of these kinds, what was asked for by name and was not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<Address>,
}

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is not JSON, or not a snapshot.
    #[error("this is not a snapshot: {0}; take one with `trueup export --snapshot FILE`")]
    NotASnapshot(String),
    /// It is of another major version.
    #[error(
        "the snapshot has format version `{0}`, this trueup reads {SNAPSHOT_VERSION}; take it again with this version"
    )]
    OtherVersion(String),
}

impl From<FormatError> for SnapshotError {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::NotOne(why) => SnapshotError::NotASnapshot(why),
            FormatError::OtherVersion(version) => SnapshotError::OtherVersion(version),
        }
    }
}

impl Snapshot {
    /// Takes a snapshot of everything that these brokers hold, what is declared among it.
    ///
    /// # Errors
    /// What could not be listed or read: what is missing in a snapshot reads as absent.
    pub async fn take(
        port: &dyn Port,
        brokers: &[Broker],
        declared: &[Address],
    ) -> Result<Snapshot, Vec<Problem>> {
        let hidden = hidden(port, brokers).await;
        let resources = observe_all(port, brokers, declared, &|_: &Address| true).await?;
        let is_absent =
            |it: &&Address| hidden.contains_key(&it.kind) && !resources.contains_key(*it);
        let absent = declared.iter().filter(is_absent).cloned().collect();
        let why = |(kind, problem): (KindName, Problem)| (kind, problem.message);
        Ok(Snapshot {
            format_version: SNAPSHOT_VERSION.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            targets: port.targets(),
            surroundings: port.surroundings().clone(),
            resources,
            hidden: hidden.into_iter().map(why).collect(),
            absent,
        })
    }

    /// The snapshot as the file that `plan --against` reads.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a snapshot file.
    ///
    /// # Errors
    /// When it is no snapshot, or of another major version.
    pub fn from_json(text: &str) -> Result<Snapshot, SnapshotError> {
        let value = versioned(text, SNAPSHOT_VERSION)?;
        serde_json::from_value(value)
            .map_err(|error| SnapshotError::NotASnapshot(error.to_string()))
    }
}

/// A snapshot as a port: it answers like the brokers that it was taken from.
#[derive(Debug)]
pub struct SnapshotPort {
    targets: Vec<Target>,
    surroundings: Surroundings,
    resources: Mutex<IndexMap<Address, Live>>,
    hidden: IndexMap<KindName, String>,
    absent: HashSet<Address>,
}

impl SnapshotPort {
    /// A port that answers from this snapshot.
    pub fn new(snapshot: Snapshot) -> SnapshotPort {
        SnapshotPort {
            targets: snapshot.targets,
            surroundings: snapshot.surroundings,
            resources: Mutex::new(snapshot.resources),
            hidden: snapshot.hidden,
            absent: snapshot.absent.into_iter().collect(),
        }
    }

    fn resources(&self) -> MutexGuard<'_, IndexMap<Address, Live>> {
        self.resources
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Port for SnapshotPort {
    fn targets(&self) -> Vec<Target> {
        self.targets.clone()
    }

    fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    async fn observe(&self, _: KindName, addresses: &[Address]) -> Observations {
        let resources = self.resources();
        let observed = |address: &Address| match resources.get(address) {
            Some(live) => Observed::Present(live.clone()),
            None => self.without(address),
        };
        addresses
            .iter()
            .map(|address| (address.clone(), observed(address)))
            .collect()
    }

    async fn rehearse(&self, _: KindName, _: &[&Step]) -> Rehearsal {
        Rehearsal::default()
    }

    async fn risks(&self, name: KindName, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        let resources = self.resources();
        let sight = Sight {
            resources: &resources,
            why: "a snapshot does not hold it",
        };
        kind(name).map_or_else(Vec::new, |kind| kind.risks_by_sight(&sight, steps))
    }

    async fn carry_out(&self, name: KindName, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        let mut resources = self.resources();
        steps
            .iter()
            .map(|step| (step.address.clone(), carry_out(&mut resources, name, step)))
            .collect()
    }

    async fn hidden(&self, name: KindName) -> Option<Problem> {
        let why = self.hidden.get(&name)?;
        Some(Problem::warning(Code::LeftOut, why.clone()).hint(TAKEN_ANEW))
    }

    async fn list(&self, name: KindName, _wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        let resources = self.resources();
        Ok(resources
            .keys()
            .filter(|address| address.kind == name)
            .cloned()
            .collect())
    }
}

impl SnapshotPort {
    /// What is known of a resource that it does not hold.
    fn without(&self, address: &Address) -> Observed {
        match self.hidden.get(&address.kind) {
            _ if !self.holds(address.kind.broker()) => Observed::Unreadable(not_held(address)),
            Some(why) if !self.absent.contains(address) => {
                Observed::Unreadable(maybe_hidden(address, why))
            }
            Some(_) | None => Observed::Absent,
        }
    }

    fn holds(&self, broker: Broker) -> bool {
        match broker {
            Broker::Nats => self.surroundings.nats.is_some(),
            Broker::Kafka => self.surroundings.kafka.is_some(),
        }
    }
}

fn not_held(address: &Address) -> Problem {
    let broker = address.kind.broker();
    Problem::error(
        Code::Unreadable,
        format!("the snapshot holds nothing of {broker}"),
    )
    .about(address)
    .hint(format!(
        "take one that does: `trueup export --snapshot FILE` with {broker} reachable"
    ))
}

/// What to do about a snapshot that may not hold all.
const TAKEN_ANEW: &str = "take it with `-f` of the manifest that declares it, `trueup export -f MANIFEST --snapshot FILE`, which asks for it by name; or as a user who may see all of them";

fn maybe_hidden(address: &Address, why: &str) -> Problem {
    let message = format!("the snapshot does not hold it and may not hold all: {why}");
    Problem::error(Code::Unreadable, message)
        .about(address)
        .hint(TAKEN_ANEW)
}

fn carry_out(resources: &mut IndexMap<Address, Live>, name: KindName, step: &Step) -> Outcome {
    let failed = |why: &str| Outcome::Failed {
        why: why.to_owned(),
    };
    let Some(kind) = kind(name) else {
        return failed("no such kind");
    };
    let deltas = match Delta::of_step(step, kind.declaration()) {
        Ok(deltas) => deltas,
        Err(why) => return failed(&why),
    };
    match (step.action, resources.contains_key(&step.address)) {
        (Action::Create, true) => return failed("it exists"),
        (Action::Update | Action::Adopt | Action::Replace | Action::Delete, false) => {
            return failed("it does not exist");
        }
        (Action::Delete, true) => {
            resources.shift_remove(&step.address);
            return Outcome::Applied;
        }
        (Action::Create, false) | (Action::Update | Action::Adopt | Action::Replace, true) => {}
        (Action::Forget | Action::Unread, _) => {
            return failed("not something a snapshot can do");
        }
    }
    let live = resources
        .entry(step.address.clone())
        .or_insert_with(|| Live {
            fields: Flat::new(),
            raw: Doc::new(),
            incarnation: Some("made in the snapshot".to_owned()),
            inherited: Arc::default(),
        });
    Delta::lay_over(&mut live.fields, &deltas);
    kind.fit(&mut live.fields, &deltas);
    live.raw = kind.declaration().unflatten(&live.fields);
    Outcome::Applied
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn observed(text: &str, address: &str) -> Observed {
        let address: Address = address.parse().unwrap();
        let port = SnapshotPort::new(Snapshot::from_json(text).unwrap());
        let mut seen = block_on(port.observe(address.kind, std::slice::from_ref(&address)));
        seen.swap_remove(&address).unwrap()
    }

    #[test]
    fn what_may_have_been_hidden_is_absent_only_where_it_was_asked_for() {
        let of = |version: &str, says: &str| {
            format!(
                r#"{{ "format_version": "{version}", "tool_version": "0.1.0", "targets": [], "resources": {{}},
                "surroundings": {{ "nats": null, "kafka": {{ "cluster_id": "c", "brokers": 1 }} }}{says} }}"#
            )
        };
        let limited = of(
            "1.1",
            r#", "hidden": { "topic": "Kafka lists few" }, "absent": ["topic/asked"]"#,
        );
        let Observed::Unreadable(problem) = observed(&limited, "topic/t") else {
            panic!("a topic that may be hidden is known");
        };
        assert_eq!(
            problem.message,
            "the snapshot does not hold it and may not hold all: Kafka lists few"
        );
        for absent in ["topic/asked", "acl/User:a/allow/read/topic/literal/t/*"] {
            assert_eq!(observed(&limited, absent), Observed::Absent, "{absent}");
        }
        assert_eq!(observed(&of("1.0", ""), "topic/t"), Observed::Absent);
        let of_nats = observed(&limited, "stream/S");
        assert!(matches!(of_nats, Observed::Unreadable(_)), "{of_nats:?}");
    }
}
