use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Address, Code, Flat, Risk};

/// One resource and what is to become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The resource.
    pub address: Address,
    /// What is done to it.
    pub action: Action,
    /// What the change rests on: the resource as it was when the plan was made.
    pub base: Base,
    /// The fields that change, in manifest units; every declared field for a create.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The updates in which the changes are made, in their order, where the broker does not take them in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// How many declared fields are as they should be.
    #[serde(default)]
    pub unchanged: usize,
    /// Where it is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The resource that implies this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_by: Option<Address>,
    /// Steps of the same plan that must have succeeded before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<Address>,
    /// Steps of the same plan and kind that must have let go of what this one takes, or be done, before its last stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaits: Vec<Address>,
    /// What it rests on that is there already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Parent>,
    /// Why the step can't be carried out; none where it can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// What it may cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// What is worth knowing and stops nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How many bytes a second each broker copies at most while replicas are moved; none where nobody bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<u64>,
    /// What the ledger records once it is done; none where there is no ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

/// What a stack claims of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The declared fields, in the broker's units.
    pub fields: Flat,
    /// `lifecycle.protect`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// `lifecycle.on_remove: forget`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgets: bool,
}

impl Step {
    /// A step of which nothing else is known.
    pub fn of(address: Address, action: Action) -> Step {
        Step {
            address,
            action,
            base: Base::default(),
            changes: Vec::new(),
            stages: Vec::new(),
            unchanged: 0,
            source: None,
            required_by: None,
            rests_on: Vec::new(),
            awaits: Vec::new(),
            parents: Vec::new(),
            refusals: Vec::new(),
            risks: Vec::new(),
            notes: Vec::new(),
            throttle: None,
            claim: None,
        }
    }

    /// The same with a note.
    pub fn noted(mut self, note: impl Into<String>) -> Step {
        self.notes.push(note.into());
        self
    }

    /// The same, held back for this.
    pub fn refused(mut self, refusal: Refusal) -> Step {
        self.refusals.push(refusal);
        self
    }

    /// Whether it does nothing but make a resource the stack's, and there is nothing to say of it.
    pub fn only_adopts(&self) -> bool {
        let is_silent = self.refusals.is_empty() && self.risks.is_empty() && self.notes.is_empty();
        self.action == Action::Adopt && self.changes.is_empty() && is_silent
    }

    /// Whether it asks anything of a broker; the others are the ledger's alone.
    pub fn is_on_broker(&self) -> bool {
        match self.action {
            Action::Create | Action::Update | Action::Replace | Action::Delete => true,
            Action::Adopt => !self.changes.is_empty(),
            Action::Forget | Action::Unread => false,
        }
    }

    /// Whether nothing but another step stands in its way: it is refused for no reason of its own.
    pub fn is_fit(&self) -> bool {
        let mut refusals = self.refusals.iter();
        refusals.all(|refusal| refusal.origin.is_some())
    }

    /// Whether nothing stands in its way.
    pub fn is_open(&self) -> bool {
        self.refusals.is_empty() && !self.risks.iter().any(Risk::blocks)
    }
}

/// What is done to a resource.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is absent and gets made.
    Create,
    /// It is there, nobody owns it and it is declared: it becomes the stack's, with its changes, if it has any.
    Adopt,
    /// Some of its fields change in place.
    Update,
    /// It is deleted and made anew (consumers only, with consent).
    Replace,
    /// The stack owns it and no longer declares it.
    Delete,
    /// The stack owns it no longer; the resource itself is left alone.
    Forget,
    /// It could not be read, so nothing is decided about it.
    Unread,
}

/// What a step rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Base {
    /// Which life of the name it is: a topic's id, JetStream's `created`; none while absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// A hash of the live document without what the server itself moves; none while absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// A live resource that a step rests on, as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parent {
    /// The resource.
    pub address: Address,
    /// Which life of the name it is, where the broker tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
}

/// One field, old and new, in manifest units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The field's path: `max_age`, `placement.cluster`, `config.retention.ms`.
    pub field: String,
    /// What the broker holds; none where it holds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What the manifest wants; none to go back to the broker's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// What is worth saying behind the change, such as `the broker's default already; set, it stays when that changes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One of several updates that make up a step; the next one is sent when the broker is done with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// The fields that it sets, in manifest units.
    pub changes: Vec<Change>,
}

/// Why a step can't be carried out, known before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// The stable code that `explain` knows.
    pub code: Code,
    /// The field it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is in the way.
    pub message: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The step that it rests on, where it is that one that can't be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Address>,
}

impl Refusal {
    /// A refusal with this code, reason and way out.
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Refusal {
            code,
            field: None,
            message: message.into(),
            hint: Some(hint.into()),
            origin: None,
        }
    }

    /// The same, about this field.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

/// A line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The file as the user named it.
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// The broker did it and reads back as it should.
    Applied,
    /// The broker, or the last check before it, said no.
    Failed {
        /// Why.
        why: String,
    },
    /// It was never sent.
    NotAttempted {
        /// Because of what.
        because: String,
    },
    /// It was sent and no answer came; the next run finds out.
    Unknown {
        /// What was seen instead of an answer.
        why: String,
    },
}
