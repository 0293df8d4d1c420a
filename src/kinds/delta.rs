use serde_json::Value;

use super::Declaration;
use crate::model::{Change, Flat, Step};

/// One field, old and new, in wire units.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// The field's path.
    pub path: String,
    /// What the broker holds.
    pub before: Option<Value>,
    /// What is wanted; none to go back to the default.
    pub after: Option<Value>,
}

impl Delta {
    /// Sets what is wanted and removes what goes back to the default.
    pub fn lay_over(fields: &mut Flat, deltas: &[Delta]) {
        for delta in deltas {
            match &delta.after {
                Some(value) => {
                    fields.insert(delta.path.clone(), value.clone());
                }
                None => {
                    fields.shift_remove(&delta.path);
                }
            }
        }
    }

    /// Whether these fields are as the changes want them.
    pub fn are_in(deltas: &[Delta], fields: &Flat, declaration: &Declaration) -> bool {
        deltas.iter().all(|delta| {
            let held = fields.get(&delta.path);
            match declaration.field(&delta.path) {
                Some(field) => field.same(held, delta.after.as_ref()),
                None => held == delta.after.as_ref(),
            }
        })
    }

    /// The step's changes in wire units.
    ///
    /// # Errors
    /// Names the field whose value a saved plan no longer holds in a form that reads.
    pub fn of_step(step: &Step, declaration: &Declaration) -> Result<Vec<Delta>, String> {
        Delta::of_changes(&step.changes, declaration)
    }

    /// The same for each update in which the step is carried out: one with all changes, where it has no stages.
    ///
    /// # Errors
    /// As [`Delta::of_step`].
    pub fn of_stages(step: &Step, declaration: &Declaration) -> Result<Vec<Vec<Delta>>, String> {
        if step.stages.is_empty() {
            return Ok(vec![Delta::of_step(step, declaration)?]);
        }
        let stages = step.stages.iter();
        stages
            .map(|stage| Delta::of_changes(&stage.changes, declaration))
            .collect()
    }

    fn of_changes(changes: &[Change], declaration: &Declaration) -> Result<Vec<Delta>, String> {
        let wire = |path: &str, value: &Option<Value>| match (declaration.field(path), value) {
            (Some(field), Some(value)) => field
                .to_wire(value)
                .map(Some)
                .map_err(|why| format!("{path}: {why}")),
            (_, value) => Ok(value.clone()),
        };
        changes
            .iter()
            .map(|change| {
                Ok(Delta {
                    path: change.field.clone(),
                    before: wire(&change.field, &change.before)?,
                    after: wire(&change.field, &change.after)?,
                })
            })
            .collect()
    }
}
