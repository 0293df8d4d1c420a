//! A saved plan: written with a hash of itself, read back with suspicion.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::{FORMAT_VERSION, Plan};
use crate::model::{FormatError, versioned};

/// Why a plan file is refused.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It is not JSON, or not a plan.
    #[error("this is not a plan: {0}; make one with `trueup plan -o FILE`")]
    NotAPlan(String),
    /// It is of another major version.
    #[error(
        "the plan has format version `{0}`, this trueup reads {FORMAT_VERSION}; plan again with this version, or apply with the one that made it"
    )]
    OtherVersion(String),
    /// It does not match its own hash.
    #[error("the plan was changed after it was made (its digest does not match); plan again")]
    Edited,
}

impl From<FormatError> for PlanFileError {
    fn from(error: FormatError) -> Self {
        match error {
            FormatError::NotOne(why) => PlanFileError::NotAPlan(why),
            FormatError::OtherVersion(version) => PlanFileError::OtherVersion(version),
        }
    }
}

impl Plan {
    /// The same plan with its digest filled in.
    pub fn sealed(mut self) -> Plan {
        self.plan_digest = self.digest();
        self
    }

    /// The same plan with the command that made it, sealed.
    pub fn made_by(self, command: String) -> Plan {
        Plan {
            made_by: Some(command),
            ..self
        }
        .sealed()
    }

    /// The plan as the file that `apply` reads.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a plan file.
    ///
    /// # Errors
    /// When it is no plan, of another major version, or was edited.
    pub fn from_json(text: &str) -> Result<Plan, PlanFileError> {
        let value = versioned(text, FORMAT_VERSION)?;
        let written = value["plan_digest"].as_str().unwrap_or_default().to_owned();
        let digest = digest_of(value.clone());
        let plan: Plan = serde_json::from_value(value)
            .map_err(|error| PlanFileError::NotAPlan(error.to_string()))?;
        if written != digest {
            Err(PlanFileError::Edited)
        } else {
            Ok(plan)
        }
    }

    fn digest(&self) -> String {
        digest_of(serde_json::to_value(self).unwrap_or_default())
    }
}

/// Over the whole document, so that fields of a newer minor count too.
fn digest_of(mut document: Value) -> String {
    if let Some(object) = document.as_object_mut() {
        object.remove("plan_digest");
    }
    document.sort_all_objects();
    format!("sha256:{:x}", Sha256::digest(document.to_string()))
}
