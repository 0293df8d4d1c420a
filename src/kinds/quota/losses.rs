//! What a quota that falls, or goes, costs.

use serde_json::Value;

use super::entity_of;
use crate::broker::kafka::EntityName;
use crate::kinds::loss::{deletions, risk};
use crate::model::{Action, Address, Change, Code, Harm, Risk, Step};

/// Told from the steps alone: what clients take now no broker tells an administrator.
pub(super) fn risks(steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let gone = deletions(steps)
        .into_iter()
        .map(|step| (step.address.clone(), vec![removed()]));
    let in_place = |step: &&&Step| matches!(step.action, Action::Update | Action::Adopt);
    let changed = steps.iter().filter(in_place).map(|step| {
        let risks = step.changes.iter().filter_map(of_change);
        (step.address.clone(), risks.collect())
    });
    let made = steps.iter().filter(|step| step.action == Action::Create);
    let made = made.filter(|step| is_of_many(&step.address));
    let made = made.map(|step| (step.address.clone(), vec![begun_for_many()]));
    gone.chain(changed).chain(made).collect()
}

fn of_change(change: &Change) -> Option<Risk> {
    let risk = match (said(&change.before), said(&change.after)) {
        (Some(_), None) => removed(),
        (None, Some(_)) => begun(),
        (Some(before), Some(after)) if falls(change) => {
            let key = &change.field;
            let text = format!(
                "`{key}` falls from {before} to {after}: clients that take more are throttled"
            );
            risk(Code::QuotaLowered, Harm::Medium, text, None)
        }
        (_, _) => return None,
    };
    Some(Risk {
        field: Some(change.field.clone()),
        ..risk
    })
}

/// A value as a manifest says it.
fn said(value: &Option<Value>) -> Option<String> {
    let value = value.as_ref()?;
    let text = value.as_str().map(str::to_owned);
    Some(text.unwrap_or_else(|| value.to_string()))
}

/// Whether the value after is the lesser one; sizes are compared as such.
fn falls(change: &Change) -> bool {
    let wire = |value: &Option<Value>| {
        let field = super::declaration().field(&change.field)?;
        field.to_wire(value.as_ref()?).ok()?.as_f64()
    };
    match (wire(&change.before), wire(&change.after)) {
        (Some(before), Some(after)) => after < before,
        (_, _) => true,
    }
}

/// Whether it binds clients that nobody named.
fn is_of_many(quota: &Address) -> bool {
    entity_of(quota).is_ok_and(|entity| {
        let parts = [entity.user, entity.client_id, entity.ip];
        parts.contains(&Some(EntityName::Default))
    })
}

fn begun_for_many() -> Risk {
    let text = "all without one of their own are limited from then on: who takes more is throttled";
    risk(Code::QuotaLowered, Harm::Low, text.to_owned(), None)
}

fn begun() -> Risk {
    let text = "what was not limited by it before is: clients that take more are throttled";
    risk(Code::QuotaLowered, Harm::Low, text.to_owned(), None)
}

fn removed() -> Risk {
    let text = "the limit goes: the next wider quota holds, or none";
    risk(Code::QuotaRemoved, Harm::Medium, text.to_owned(), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::deletion::doomed;
    use serde_json::json;

    fn of(before: Value, after: Value) -> Option<(Code, Harm)> {
        let value = |value: Value| (!value.is_null()).then_some(value);
        let mut step = Step::of("quota/user/a".parse().unwrap(), Action::Update);
        step.changes.push(Change {
            field: "producer_byte_rate".to_owned(),
            before: value(before),
            after: value(after),
            note: None,
        });
        let risks = risks(&[&step]).remove(0).1;
        risks.first().map(|risk| (risk.code, risk.harm))
    }

    #[test]
    fn less_and_gone_are_told_and_more_is_not() {
        assert_eq!(
            of(json!("1MiB"), json!("900KiB")),
            Some((Code::QuotaLowered, Harm::Medium))
        );
        assert_eq!(of(json!("900KiB"), json!("1MiB")), None);
        assert_eq!(
            of(json!(null), json!("1MiB")),
            Some((Code::QuotaLowered, Harm::Low))
        );
        assert_eq!(
            of(json!("1MiB"), json!(null)),
            Some((Code::QuotaRemoved, Harm::Medium))
        );
        let made = |name: &str| Step::of(name.parse().unwrap(), Action::Create);
        let (named, default) = (made("quota/user/a"), made("quota/user/a/client-id-default"));
        let told = risks(&[&named, &default]);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (&told[0].0, told[0].1[0].harm),
            (&default.address, Harm::Low)
        );
        let told = risks(&[&doomed("quota/user/a", None)]);
        assert_eq!(told[0].1[0].code, Code::QuotaRemoved);
    }
}
