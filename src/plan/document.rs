use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ledger::LedgerPlace;
use crate::model::{Action, Address, Approval, Broker, Code, Refusal, Source, Step};

/// The version of the plan's format: a minor adds, a major is refused.
pub const FORMAT_VERSION: &str = "1.0";

/// What an apply would do: the one document that every view is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// `1.0`; readers ignore what they don't know of a newer minor and refuse another major.
    pub format_version: String,
    /// The trueup that made it.
    pub tool_version: String,
    /// The stack of the manifest.
    pub stack: String,
    /// A hash of the checked manifest.
    pub manifest_digest: String,
    /// The command that made it, ready to be typed again; values of variables are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// The ledger that it was made with; without one nothing is adopted, deleted or forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<PlanLedger>,
    /// The brokers that it was made on.
    pub targets: Vec<Target>,
    /// Counts.
    pub summary: Summary,
    /// What changes, in the order of carrying out.
    pub steps: Vec<Step>,
    /// Warnings and what could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<PlanProblem>,
    /// Values on the brokers that differ from the defaults and are not declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<UndeclaredField>,
    /// What somebody consented to: the manifest's approvals and those of `--approve`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// Whether everything declared could be read.
    pub complete: bool,
    /// Whether there is a step that can be carried out.
    pub applyable: bool,
    /// A hash of all of the above, which tells when the file was edited.
    #[serde(default)]
    pub plan_digest: String,
}

/// The ledger that a plan was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanLedger {
    /// Where it is: `nats`, `kafka` or `file:PATH`.
    pub place: LedgerPlace,
    /// How many resources the stack owned by it.
    pub owned: usize,
}

/// A broker that a plan was made on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "broker")]
pub enum Target {
    /// NATS: the account, where the server tells it, and the JetStream domain.
    Nats {
        /// The URL without credentials.
        url: String,
        /// The server's version.
        version: String,
        /// The account's public key or name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
        /// The cluster's name, where the server is in one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<String>,
        /// The JetStream domain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        domain: Option<String>,
    },
    /// Kafka: the cluster's id.
    Kafka {
        /// Where it was reached.
        bootstrap: String,
        /// The id that every broker of the cluster tells.
        cluster_id: String,
    },
}

impl Target {
    /// The broker.
    pub const fn broker(&self) -> Broker {
        match self {
            Target::Nats { .. } => Broker::Nats,
            Target::Kafka { .. } => Broker::Kafka,
        }
    }

    /// Who it is, wherever it is reached: a cluster's id, an account's public key or else its cluster's name.
    pub fn identity(&self) -> Option<&str> {
        match self {
            Target::Kafka { cluster_id, .. } => Some(cluster_id),
            Target::Nats {
                account, cluster, ..
            } => {
                let is_key = |account: &&String| account.len() == 56 && account.starts_with('A');
                let key = account.as_ref().filter(is_key);
                key.or(cluster.as_ref()).map(String::as_str)
            }
        }
    }
}

/// How many resources get what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// To be made.
    pub create: usize,
    /// To be changed in place.
    pub update: usize,
    /// To be deleted and made anew.
    pub replace: usize,
    /// To be deleted.
    pub delete: usize,
    /// To be taken over.
    pub adopt: usize,
    /// To be owned no longer.
    #[serde(default)]
    pub forget: usize,
    /// As they should be.
    pub unchanged: usize,
    /// Of the above, those that can't be carried out.
    pub blocked: usize,
    /// Not readable, so undecided.
    pub unread: usize,
}

/// A complaint that a plan carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanProblem {
    /// The stable code.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// About which resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Where that is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A value on a broker that the manifest does not declare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UndeclaredField {
    /// The resource.
    pub address: Address,
    /// The field.
    pub field: String,
    /// What the broker holds, in manifest units.
    pub value: Value,
    /// Whether this version of trueup knows no such field: one of a newer server, whose value is
    /// shown as the server tells it and which no manifest can declare.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
}

impl Plan {
    /// Whether any step would change something on a broker.
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(Step::is_on_broker)
    }

    /// Whether another stack owns something that is declared.
    pub fn is_in_conflict(&self) -> bool {
        let mut refusals = self.steps.iter().flat_map(|step| &step.refusals);
        refusals.any(|refusal| refusal.code == Code::OwnedByAnother)
    }

    /// The steps that can be carried out.
    pub fn open_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(|step| step.action != Action::Unread && step.is_open())
    }

    /// The steps of what exists and was not shown when the plan was made.
    pub fn hidden_steps(&self) -> impl Iterator<Item = &Step> {
        let is_hidden = |refusal: &Refusal| refusal.code == Code::Exists;
        self.steps.iter().filter(move |step| {
            step.action == Action::Unread && step.refusals.iter().any(is_hidden)
        })
    }

    /// The steps that something stands in the way of.
    pub fn blocked_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(|step| step.action != Action::Unread && !step.is_open())
    }
}
