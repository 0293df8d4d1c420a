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
    /// How many messages or records are lost, or, with a consumer, never read by it, where that is known: what an approval's
    /// bound is compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake: Option<u64>,
    /// How many bytes those are, where that is known, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_at_stake: Option<u64>,
    /// How many are lost at most by all that has this code at this resource, where several fields cost some: what an
    /// approval's bound is compared with then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_stake_in_all: Option<u64>,
    /// A way to the same end that costs less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safer: Option<String>,
    /// What approved it, where something did: `--approve`, or the manifest's approval, by its place, reason and end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Why what was to approve it does not hold: it ended, its bound is overtaken, it names another resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unapproved: Option<String>,
}

impl Risk {
    /// A risk of which nothing else is known, and that nobody approved.
    pub fn of(code: Code, harm: Harm, evidence: impl Into<String>) -> Risk {
        Risk {
            code,
            harm,
            field: None,
            evidence: evidence.into(),
            at_stake: None,
            bytes_at_stake: None,
            at_stake_in_all: None,
            safer: None,
            approved_by: None,
            unapproved: None,
        }
    }

    /// What risks of one code at one resource cost together, at most: the worst of them, with the sum of what is at stake.
    /// What one of them could not count makes all of it unknown.
    pub fn together(risks: &[&Risk]) -> Option<Risk> {
        let worst = risks.iter().max_by_key(|risk| risk.harm)?;
        // whoever read them may know how many there are
        let held = risks.iter().map(|risk| risk.at_stake_in_all);
        let held = held.min().flatten().unwrap_or(u64::MAX);
        let sum = |of: fn(&Risk) -> Option<u64>| {
            let mut counts = risks.iter().map(|risk| of(risk));
            counts.try_fold(0_u64, |sum, count| Some(sum.saturating_add(count?)))
        };
        Some(Risk {
            at_stake: sum(|risk| risk.at_stake.or(risk.is_harmless().then_some(0)))
                .map(|sum| sum.min(held)),
            bytes_at_stake: sum(|risk| {
                let costs_none = risk.at_stake == Some(0) || risk.is_harmless();
                risk.bytes_at_stake.or(costs_none.then_some(0))
            }),
            ..(*worst).clone()
        })
    }

    fn is_harmless(&self) -> bool {
        self.harm == Harm::Low
    }

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
