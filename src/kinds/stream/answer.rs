//! Answers of the server as outcomes.

use serde_json::Value;

use crate::broker::nats::NatsError;
use crate::kinds::{Delta, Kind, Live};
use crate::model::{Address, Doc, Flat, Outcome, Step};

/// A step that failed.
pub(in crate::kinds) fn failed(why: impl Into<String>) -> Outcome {
    Outcome::Failed { why: why.into() }
}

/// A resource that was there when the plan was made.
pub(in crate::kinds) fn gone() -> Outcome {
    failed("it was deleted since the plan was made; plan again")
}

/// Which life of its name a stream or a consumer is.
pub(in crate::kinds) fn life(info: &Doc) -> Option<String> {
    let created = info.get("created").and_then(Value::as_str);
    created.map(str::to_owned)
}

/// Steps that were never sent.
pub(in crate::kinds) fn withheld(steps: &[&Step], because: &str) -> Vec<(Address, Outcome)> {
    let outcome = || Outcome::NotAttempted {
        because: because.to_owned(),
    };
    steps
        .iter()
        .map(|step| (step.address.clone(), outcome()))
        .collect()
}

/// The outcome of a step whose request came back as an error, or never, or was not sent.
pub(in crate::kinds) fn outcome_of(error: &NatsError) -> Outcome {
    let why = error.to_string();
    match error {
        NatsError::AnswerLost { .. } => Outcome::Unknown { why },
        // a change whose answer stays out is `AnswerLost`: these are of a read before it, or of
        // nothing that was sent
        NatsError::NotAsked { .. }
        | NatsError::Leaderless { .. }
        | NatsError::LeaderNotAsked { .. }
        | NatsError::Fenced { .. }
        | NatsError::StreamSilent { .. }
        | NatsError::RequestTimeout { .. }
        | NatsError::ConnectionLost { .. } => Outcome::NotAttempted { because: why },
        _ => Outcome::Failed { why },
    }
}

/// Refuses a step whose resource is no longer what the plan was made on.
pub(in crate::kinds) fn moved(step: &Step, live: &Live) -> Option<Outcome> {
    let is_same_life = step.base.incarnation == live.incarnation;
    let is_same = step.base.fingerprint.as_deref() == Some(live.fingerprint().as_str());
    if !is_same_life {
        return Some(failed(
            "it was deleted and made anew since the plan was made; plan again",
        ));
    }
    (!is_same).then(|| failed("it changed since the plan was made; plan again"))
}

/// Compares the fields of the server's reply with what was asked for.
pub(in crate::kinds) fn verdict<K: Kind + ?Sized>(
    kind: &K,
    deltas: &[Delta],
    mut got: Flat,
) -> Outcome {
    let mut wanted: Flat = deltas
        .iter()
        .filter_map(|delta| Some((delta.path.clone(), delta.after.clone()?)))
        .collect();
    kind.settle(&mut wanted, &mut got);
    wanted.retain(|path, _| deltas.iter().any(|delta| delta.path == *path));
    let lost: Vec<String> = wanted
        .iter()
        .filter_map(|(path, value)| {
            let field = kind.declaration().field(path)?;
            (!field.same(Some(value), got.get(path))).then(|| format!("`{path}`"))
        })
        .collect();
    if lost.is_empty() {
        return Outcome::Applied;
    }
    failed(format!(
        "the server said yes and did not take {}; is it too old, or does something else set it?",
        lost.join(", ")
    ))
}
