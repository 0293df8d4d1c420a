//! What a step asks of a user's credentials.

use secrecy::SecretString;
use serde_json::Value;

use super::{ITERATIONS, MECHANISM, declaration};
use crate::broker::kafka::{NewCredential, ScramChange, ScramMechanism};
use crate::kinds::{Delta, Live};
use crate::model::{Action, Step};

/// What a user gets where nobody says otherwise.
const DEFAULT_MECHANISM: ScramMechanism = ScramMechanism::Sha512;
const DEFAULT_ITERATIONS: u32 = 4096;

/// The mechanisms of a comma-separated text, each once.
///
/// # Errors
/// The first word that is none.
pub(super) fn mechanisms(text: &str) -> Result<Vec<ScramMechanism>, &str> {
    let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
    let mut found = words
        .map(|word| word.parse::<ScramMechanism>().map_err(|_| word))
        .collect::<Result<Vec<_>, _>>()?;
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether changes of a user that is there write a credential: all do but those that only take mechanisms away.
pub(super) fn write_any(deltas: &[Delta]) -> bool {
    let said = |value: &Option<Value>| match value.as_ref().and_then(Value::as_str) {
        Some(said) => mechanisms(said).unwrap_or_default(),
        None => vec![DEFAULT_MECHANISM],
    };
    deltas.iter().any(|delta| {
        let held = said(&delta.before);
        delta.path != MECHANISM || said(&delta.after).iter().any(|one| !held.contains(one))
    })
}

/// What is to become of a user's credentials.
#[derive(Debug, PartialEq)]
pub(super) struct Order {
    /// To be written with the declared password.
    pub set: Vec<ScramMechanism>,
    pub iterations: u32,
    pub delete: Vec<ScramMechanism>,
}

impl Order {
    /// What a step asks, of a user as it is now; none where there is none.
    pub(super) fn of(step: &Step, live: Option<&Live>) -> Result<Order, String> {
        let deltas = Delta::of_step(step, declaration())?;
        let held = live.map(held).transpose()?.unwrap_or_default();
        match step.action {
            Action::Create | Action::Update | Action::Adopt => changed(&deltas, live, held),
            Action::Delete => Ok(Order {
                set: Vec::new(),
                iterations: 0,
                delete: held,
            }),
            Action::Replace | Action::Forget | Action::Unread => {
                Err("a user is made, changed or deleted, and nothing else".to_owned())
            }
        }
    }

    /// Whether the password of credentials that are there is set anew.
    pub(super) fn sets_password_anew(&self, live: &Live) -> bool {
        let held = held(live).unwrap_or_default();
        self.set.iter().any(|mechanism| held.contains(mechanism))
    }

    /// The request's part.
    pub(super) fn change(
        self,
        user: &str,
        password: Option<&SecretString>,
    ) -> Result<ScramChange, String> {
        let set = self.set.iter().map(|mechanism| {
            let password = password.cloned().ok_or_else(|| no_password(user))?;
            Ok(NewCredential {
                mechanism: *mechanism,
                iterations: self.iterations,
                password,
            })
        });
        Ok(ScramChange {
            user: user.to_owned(),
            set: set.collect::<Result<_, String>>()?,
            delete: self.delete,
        })
    }
}

fn no_password(user: &str) -> String {
    format!(
        "the password of `{user}` is not known here: a plan never holds it, so name the manifest with `-f`"
    )
}

fn held(live: &Live) -> Result<Vec<ScramMechanism>, String> {
    let said = live.fields.get(MECHANISM).and_then(|said| said.as_str());
    mechanisms(said.unwrap_or_default()).map_err(|word| format!("`{word}` is no mechanism"))
}

fn changed(
    deltas: &[Delta],
    live: Option<&Live>,
    held: Vec<ScramMechanism>,
) -> Result<Order, String> {
    let delta = |path: &str| deltas.iter().find(|delta| delta.path == path);
    let wanted = match delta(MECHANISM).map(|delta| &delta.after) {
        Some(Some(said)) => mechanisms(said.as_str().unwrap_or_default())
            .map_err(|word| format!("`{word}` is no mechanism"))?,
        None if live.is_some() => held.clone(),
        Some(None) | None => vec![DEFAULT_MECHANISM],
    };
    let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
    let counted = live.and_then(|live| number(live.fields.get(ITERATIONS)?));
    let iterations = match delta(ITERATIONS).map(|delta| &delta.after) {
        Some(after) => after.as_ref().and_then(number),
        None => counted,
    };
    // all of them are written where more than a mechanism changes
    let all = deltas.iter().any(|delta| delta.path != MECHANISM);
    let set = wanted.iter().filter(|one| all || !held.contains(one));
    Ok(Order {
        set: set.copied().collect(),
        iterations: iterations.unwrap_or(DEFAULT_ITERATIONS),
        delete: held
            .iter()
            .filter(|one| !wanted.contains(one))
            .copied()
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::kafka::live_by_name;
    use crate::model::Change;
    use ScramMechanism::{Sha256, Sha512};
    use serde_json::json;

    fn order(action: Action, live: Option<Value>, changes: &[(&str, Value)]) -> Order {
        let mut step = Step::of("user/ann".parse().unwrap(), action);
        step.changes = changes
            .iter()
            .map(|(field, after)| Change {
                field: (*field).to_owned(),
                before: None,
                after: (!after.is_null()).then(|| after.clone()),
                note: None,
            })
            .collect();
        let live = live.map(|live| {
            let fields = live.as_object().unwrap().clone();
            live_by_name(fields.into_iter().collect())
        });
        Order::of(&step, live.as_ref()).unwrap()
    }

    fn is(set: &[ScramMechanism], iterations: u32, delete: &[ScramMechanism]) -> Order {
        Order {
            set: set.to_vec(),
            iterations,
            delete: delete.to_vec(),
        }
    }

    #[test]
    fn a_new_user_gets_what_is_said_or_the_default() {
        assert_eq!(order(Action::Create, None, &[]), is(&[Sha512], 4096, &[]));
        let said = [
            ("mechanism", json!("SCRAM-SHA-256")),
            ("iterations", json!(8192)),
        ];
        assert_eq!(order(Action::Create, None, &said), is(&[Sha256], 8192, &[]));
    }

    #[test]
    fn only_what_changes_is_written() {
        let live = || Some(json!({ "mechanism": "SCRAM-SHA-256", "iterations": 8192 }));
        let both = json!("SCRAM-SHA-256,SCRAM-SHA-512");
        for (field, after, wanted) in [
            ("version", json!(2), is(&[Sha256], 8192, &[])),
            ("iterations", json!(4096), is(&[Sha256], 4096, &[])),
            ("iterations", Value::Null, is(&[Sha256], 4096, &[])),
            ("mechanism", both, is(&[Sha512], 8192, &[])),
            (
                "mechanism",
                json!("SCRAM-SHA-512"),
                is(&[Sha512], 8192, &[Sha256]),
            ),
            ("mechanism", Value::Null, is(&[Sha512], 8192, &[Sha256])),
        ] {
            assert_eq!(
                order(Action::Update, live(), &[(field, after)]),
                wanted,
                "{field}"
            );
        }
        assert_eq!(order(Action::Delete, live(), &[]).delete, [Sha256]);
    }

    #[test]
    fn taking_a_mechanism_away_writes_none() {
        let delta = |path: &str, before: &str, after: Option<&str>| Delta {
            path: path.to_owned(),
            before: Some(before.into()),
            after: after.map(Value::from),
        };
        let (both, weak, strong) = (
            "SCRAM-SHA-256,SCRAM-SHA-512",
            "SCRAM-SHA-256",
            "SCRAM-SHA-512",
        );
        for (path, before, after, writes) in [
            (MECHANISM, both, Some(weak), false),
            (MECHANISM, both, None, false),
            (MECHANISM, weak, None, true),
            (MECHANISM, weak, Some(strong), true),
            (MECHANISM, weak, Some(both), true),
            (ITERATIONS, "8192", None, true),
        ] {
            let deltas = [delta(path, before, after)];
            assert_eq!(write_any(&deltas), writes, "{deltas:?}");
        }
    }

    #[test]
    fn nothing_is_written_without_a_password() {
        let order = is(&[Sha512], 4096, &[]);
        assert!(order.change("ann", None).is_err());
        let gone = is(&[], 0, &[Sha512]);
        assert!(gone.change("ann", None).is_ok());
    }
}
