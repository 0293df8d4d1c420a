//! A saved plan: written with a hash of itself, read back with suspicion.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::{FORMAT_VERSION, Plan};

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

impl Plan {
    /// The same plan with its digest filled in.
    pub fn sealed(mut self) -> Plan {
        self.plan_digest = self.digest();
        self
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
        let value: Value = serde_json::from_str(text)
            .map_err(|error| PlanFileError::NotAPlan(error.to_string()))?;
        let version = match &value["format_version"] {
            Value::String(version) => version.as_str(),
            Value::Null => {
                return Err(PlanFileError::NotAPlan(
                    "`format_version` is missing".into(),
                ));
            }
            other => {
                let what = format!("`format_version` is `{other}`, not text such as `1.0`");
                return Err(PlanFileError::NotAPlan(what));
            }
        };
        if major(version) != major(FORMAT_VERSION) {
            return Err(PlanFileError::OtherVersion(version.to_owned()));
        }
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

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or_default()
}
