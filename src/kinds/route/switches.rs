//! What a stream has to have that keeps the positions of routes.

use serde_json::{Value, json};

use super::ends::is_exactly_once;
use super::{RouteSpec, all_of, position_subject};
use crate::kinds::stream::{Said, captured, is_within};
use crate::kinds::{Case, Resources};
use crate::model::{Address, Flat, KindName};

/// The switches of a stream that takes atomic batches with a position in each.
pub(super) const SWITCHES: [&str; 3] = ["allow_atomic", "allow_rollup_hdrs", "allow_direct"];

/// What a change of a stream makes of it for routes, in words.
pub(in crate::kinds) fn asked_of(case: &Case<'_>) -> Vec<String> {
    let changed = |field: &&str| case.delta(field).is_some();
    let changes: Vec<&str> = SWITCHES.into_iter().filter(|it| changed(it)).collect();
    let subjects = case.delta("subjects").and_then(|it| it.after.as_ref());
    let subjects: Vec<&str> = subjects
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if changes.is_empty() && subjects.is_empty() {
        return Vec::new();
    }
    let name = &case.resource.address.name;
    let routes = all_of(case.all).into_iter();
    let routes =
        routes.filter(|(_, spec)| is_exactly_once(spec) && spec.to.stream.as_ref() == Some(name));
    let told = routes.filter_map(|(route, _)| {
        let position = position_subject(&route.address.name, "*");
        let mut asked: Vec<String> = changes.iter().map(|it| format!("`{it}`")).collect();
        if subjects.contains(&position.as_str()) {
            asked.push(format!("the subject `{position}`"));
        }
        let is_none = asked.is_empty();
        (!is_none).then(|| {
            format!(
                "required by {}, which keeps its position here: {}",
                route.address,
                asked.join(", ")
            )
        })
    });
    told.collect()
}

/// What the target of a route that delivers exactly once has to have beside what it says.
pub(super) fn on_target(name: &str, spec: &RouteSpec, all: &Resources) -> Option<(Address, Flat)> {
    let stream = spec.to.stream.as_ref().filter(|_| is_exactly_once(spec))?;
    let address = Address::new(KindName::Stream, stream);
    let declared = all.get(&address)?;
    let said = Said(&declared.declared);
    let missing = SWITCHES
        .into_iter()
        .filter(|field| said.flag(field).is_none());
    let mut fields: Flat = missing
        .map(|field| (field.to_owned(), true.into()))
        .collect();
    let position = position_subject(name, "*");
    let mut subjects = captured(declared);
    if !subjects.iter().any(|held| is_within(&position, held)) {
        subjects.push(position);
        fields.insert("subjects".to_owned(), json!(subjects));
    }
    (!fields.is_empty()).then_some((address, fields))
}
