use serde::{Deserialize, Serialize};

use crate::model::{Action, Address, Flat};

/// What a stack owns, or is about to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The resource.
    pub address: Address,
    /// Which life of the name it is: a topic's id, JetStream's `created`; none before it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// The cluster or account that it is on, where that tells who it is: the same ledger on another one owns nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// How far it is.
    pub phase: Phase,
    /// What an unfinished step was about to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The declared fields that were last applied, in the broker's units.
    #[serde(default, skip_serializing_if = "Flat::is_empty")]
    pub applied: Flat,
    /// Whether deleting it is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// Whether it is forgotten, not deleted, when it is no longer declared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgets: bool,
    /// When this was written, RFC 3339.
    pub at: String,
}

/// How far a step on a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is about to be made or changed: the broker may have done it or not.
    Intent,
    /// The stack owns it.
    Present,
    /// It is about to be deleted: the broker may have done it or not.
    Deleting,
}
