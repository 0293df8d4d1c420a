use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Code;

/// What a step may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// The stable code that `explain` knows: `topic-deleted`.
    pub code: Code,
    /// How bad it is, moved by the evidence.
    pub harm: Harm,
    /// The field it comes from, where it comes from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was read from the brokers: `holds 1,204 messages (812 MB); consumer \`c\` has not read 88 of them`.
    pub evidence: String,
    /// How many messages or records are lost, where that is known: what an approval's bound is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<u64>,
    /// A way to the same end that costs less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safer: Option<String>,
    /// What approved it, where something did: `--approve`, or the place of the manifest's approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

impl Risk {
    /// Whether it stops its step until somebody consents.
    pub fn blocks(&self) -> bool {
        self.harm >= Harm::High && self.approved_by.is_none()
    }
}

/// How bad what a step may cost is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Harm {
    /// Nothing is lost.
    Low,
    /// Something has to be looked after.
    Medium,
    /// Clients break, or data may be lost.
    High,
    /// Data is lost and does not come back.
    Critical,
}
