//! What the facts of a field forbid; what they can't say, the kind's own `judge` does.

use crate::kinds::{Case, Delta, Edit, Field, Kind, NatsVersion};
use crate::model::{Code, KindName, Refusal};

/// Every reason why this change can't be carried out.
pub fn judge(kind: &dyn Kind, case: &Case<'_>) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = match case.live {
        Some(_) => case
            .deltas
            .iter()
            .filter_map(|delta| edit_refusal(kind, case, delta))
            .collect(),
        None => Vec::new(),
    };
    refusals.extend(kind.judge(case));
    refusals
}

fn edit_refusal(kind: &dyn Kind, case: &Case<'_>, delta: &Delta) -> Option<Refusal> {
    let field = kind.declaration().field(&delta.path)?;
    let refusal = match &field.facts.edit {
        Edit::InPlace | Edit::Ruled => return None,
        Edit::OneWay if !is_on(&field, delta) => return None,
        Edit::OneWay => Refusal::new(
            Code::OneWay,
            format!("`{}` can be switched on but never off", delta.path),
            format!(
                "declare `{}: true`, or leave the field out to keep it",
                delta.path
            ),
        ),
        Edit::InPlaceSince(version) if runs(case, version) => return None,
        Edit::InPlaceSince(version) => Refusal::new(
            Code::ServerTooOld,
            format!(
                "`{}` changes in place only from NATS {version} on",
                delta.path
            ),
            format!(
                "upgrade the server to {version}, or declare `{}`",
                shown(&field, delta)
            ),
        ),
        Edit::Fixed => fixed(kind.name(), &field, delta),
    };
    Some(refusal.field(&delta.path))
}

fn fixed(kind: KindName, field: &Field, delta: &Delta) -> Refusal {
    let kept = format!("declare `{}` to keep it as it is", shown(field, delta));
    if matches!(kind, KindName::Consumer | KindName::Route) {
        return Refusal::new(
            Code::NeedsReplace,
            format!("`{}` of a {kind} can't change in place", delta.path),
            format!(
                "{kept} and apply it with a ledger first: what the stack owns is replaced, with consent"
            ),
        );
    }
    Refusal::new(
        Code::Immutable,
        format!(
            "`{}` can't change after creation, and what holds data is never replaced",
            delta.path
        ),
        format!("{kept}, or declare a new {kind} beside it and move the data"),
    )
}

/// The field with the value that the broker holds, as a manifest says it.
fn shown(field: &Field, delta: &Delta) -> String {
    let held = delta.before.as_ref().or(field.facts.default.as_ref());
    match held.map(|value| field.to_manifest(value)) {
        Some(serde_json::Value::String(text)) => format!("{}: {text}", delta.path),
        Some(value) => format!("{}: {value}", delta.path),
        None => format!("no {}", delta.path),
    }
}

fn is_on(field: &Field, delta: &Delta) -> bool {
    field.canonical(delta.before.as_ref()) == Some(true.into())
}

fn runs(case: &Case<'_>, version: &str) -> bool {
    match (&case.surroundings.nats, version.parse::<NatsVersion>()) {
        (Some(nats), Ok(needed)) => nats.version >= needed,
        _ => true,
    }
}
