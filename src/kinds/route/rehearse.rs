//! Whether a route lies between what is there, or will be.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::ends::is_exactly_once;
use super::switches::SWITCHES;
use super::{
    RouteSpec, Table, address_of, circles, declaration, position_subject, spec_of, uses, wire,
};
use crate::broker::Brokers;
use crate::broker::nats::Answer;
use crate::kinds::kafka::{UNKNOWN_TOPIC, is_denial};
use crate::kinds::stream::{config_of, is_within, stream_name};
use crate::kinds::{Delta, Rehearsal};
use crate::model::{Action, Address, Code, Doc, Flat, KindName, Problem, Refusal, Step};

/// Looks for the streams and topics that these routes lie between and that no step before them makes.
pub(super) async fn rehearse(brokers: &Brokers, steps: &[&Step]) -> Rehearsal {
    let mut wanted = Vec::new();
    for step in steps {
        if let Some(fields) = after(brokers, step).await {
            wanted.push((*step, fields));
        }
    }
    let ends = wanted.iter().flat_map(|(step, fields)| {
        let ends = uses(fields).into_iter();
        ends.filter(|end| !is_made(step, end))
    });
    let seen = Seen::look(brokers, ends.collect()).await;
    let others = others(brokers, steps).await;
    let mut rehearsal = Rehearsal {
        unasked: seen.unasked.clone(),
        ..Rehearsal::default()
    };
    let specs: Vec<(&Step, RouteSpec)> = wanted
        .iter()
        .filter_map(|(step, fields)| Some((*step, spec_of(fields)?)))
        .collect();
    let own: Vec<(&Address, &RouteSpec)> = specs
        .iter()
        .map(|(step, spec)| (&step.address, spec))
        .collect();
    let circles = circles::over_others(&own, &others);
    rehearsal
        .refusals
        .extend(circles.into_iter().map(|(number, what)| {
            let hint = Code::RouteCircle.way_out();
            let refusal = Refusal::new(Code::RouteCircle, what, hint);
            (own[number].0.clone(), refusal)
        }));
    for (step, fields) in &wanted {
        let Some(spec) = spec_of(fields) else {
            continue;
        };
        let refusals = seen.missing(step, fields).into_iter();
        let refusals = refusals.chain(seen.unprepared(step, &spec));
        let refusals = refusals.map(|refusal| (step.address.clone(), refusal));
        rehearsal.refusals.extend(refusals);
    }
    rehearsal
}

/// The routes of the table that no step is about: those of other stacks, and those that stay as they are.
async fn others(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, RouteSpec)> {
    let Some(nats) = &brokers.nats else {
        return Vec::new();
    };
    // what keeps the table from being read is told by the steps' own reading
    let entries = Table::new(nats).list().await.unwrap_or_default();
    let is_other = |name: &str| !steps.iter().any(|step| step.address.name == name);
    entries
        .into_iter()
        .filter(|(name, _)| is_other(name))
        .filter_map(|(name, entry)| {
            let live = wire::live(&entry).ok()?;
            Some((address_of(&name), spec_of(&live.fields)?))
        })
        .collect()
}

/// What a route is once the step is done; none of one that goes.
async fn after(brokers: &Brokers, step: &Step) -> Option<Flat> {
    let deltas = Delta::of_step(step, declaration()).ok()?;
    let mut fields = match step.action {
        Action::Create => Flat::new(),
        Action::Update | Action::Adopt | Action::Replace => {
            let table = Table::new(brokers.nats.as_ref()?);
            let entry = table.get(&step.address.name).await.ok()??;
            wire::live(&entry).ok()?.fields
        }
        Action::Delete | Action::Forget | Action::Unread => return None,
    };
    Delta::lay_over(&mut fields, &deltas);
    Some(fields)
}

/// Whether a step before this one makes it. (A bucket's stream is declared as the bucket.)
fn is_made(step: &Step, end: &Address) -> bool {
    step.rests_on.iter().any(|made| is_same(made, end))
}

fn is_same(declared: &Address, end: &Address) -> bool {
    declared == end || stream_name(declared).as_ref() == Some(&end.name)
}

/// What was found of the ends that were looked for.
struct Seen {
    streams: IndexMap<String, Answer>,
    topics: HashMap<String, bool>,
    unasked: Vec<Problem>,
}

impl Seen {
    async fn look(brokers: &Brokers, ends: Vec<Address>) -> Seen {
        let names = |kind: KindName| -> Vec<String> {
            let of_kind = ends.iter().filter(|end| end.kind == kind);
            let mut names: Vec<String> = of_kind.map(|end| end.name.clone()).collect();
            names.sort();
            names.dedup();
            names
        };
        let streams = async {
            match &brokers.nats {
                Some(nats) => nats.stream_configs(&names(KindName::Stream)).await,
                None => IndexMap::new(),
            }
        };
        let (streams, (topics, unasked)) =
            tokio::join!(streams, topics(brokers, names(KindName::Topic)));
        Seen {
            streams,
            topics,
            unasked,
        }
    }

    /// Ends that are neither there nor made.
    fn missing(&self, step: &Step, fields: &Flat) -> Vec<Refusal> {
        let ends = uses(fields).into_iter();
        let missing = ends.filter(|end| !is_made(step, end) && self.is_absent(end));
        missing
            .map(|end| {
                let what = match end.kind {
                    KindName::Topic => {
                        format!("`{end}` is not there, and nothing makes it: the route never relies on topics that brokers make by themselves")
                    }
                    _ => format!("`{end}` is not there, and nothing makes it"),
                };
                let hint = format!("declare it, or repair the name of the {}", end.kind);
                Refusal::new(Code::ParentAbsent, what, hint)
            })
            .collect()
    }

    fn is_absent(&self, end: &Address) -> bool {
        match end.kind {
            KindName::Topic => self.topics.get(&end.name) == Some(&false),
            _ => matches!(self.streams.get(&end.name), Some(Ok(None))),
        }
    }

    /// A target that is declared elsewhere and can't keep the route's position.
    fn unprepared(&self, step: &Step, spec: &RouteSpec) -> Option<Refusal> {
        let stream = spec.to.stream.as_ref().filter(|_| is_exactly_once(spec))?;
        let end = Address::new(KindName::Stream, stream);
        let is_declared = step
            .parents
            .iter()
            .any(|parent| is_same(&parent.address, &end));
        let Some(Ok(Some(info))) = self.streams.get(stream) else {
            return None;
        };
        if is_declared || is_made(step, &end) {
            return None;
        }
        let lacks = lacks(&config_of(info.clone()), &step.address.name);
        (!lacks.is_empty()).then(|| {
            let lacks = lacks.join(", ");
            Refusal::new(
                Code::Contradiction,
                format!(
                    "`{end}`, which this manifest does not declare, keeps no position of the route yet"
                ),
                format!("where it is declared, say of it {lacks}; or take `delivery: at_least_once`"),
            )
            .field("delivery")
        })
    }
}

/// What a stream's configuration has to say beside what it says.
fn lacks(config: &Doc, route: &str) -> Vec<String> {
    let is_off = |field: &&str| config.get(*field).and_then(Value::as_bool) != Some(true);
    let mut lacks: Vec<String> = SWITCHES
        .iter()
        .filter(|field| is_off(field))
        .map(|field| format!("`{field}: true`"))
        .collect();
    let position = position_subject(route, "*");
    let subjects = config.get("subjects").and_then(Value::as_array);
    let mut subjects = subjects.into_iter().flatten().filter_map(Value::as_str);
    if !subjects.any(|held| is_within(&position, held)) {
        lacks.push(format!("the subject `{position}`"));
    }
    let retention = config.get("retention").and_then(Value::as_str);
    if let Some(retention) = retention.filter(|it| *it != "limits") {
        lacks.push(format!("`retention: limits`, not `{retention}`"));
    }
    lacks
}

/// Which of these topics are there, and why others may be or not.
async fn topics(brokers: &Brokers, names: Vec<String>) -> (HashMap<String, bool>, Vec<Problem>) {
    let Some(kafka) = brokers.kafka.as_ref().filter(|_| !names.is_empty()) else {
        return (HashMap::new(), Vec::new());
    };
    let described = match kafka.describe_topics(&names).await {
        Ok(described) => described,
        Err(error) => return (HashMap::new(), vec![error.problem()]),
    };
    let mut found = HashMap::new();
    let mut unasked = Vec::new();
    for (name, topic) in described {
        match topic {
            Ok(_) => drop(found.insert(name, true)),
            Err(error) if error.code == UNKNOWN_TOPIC => drop(found.insert(name, false)),
            Err(error) if is_denial(&error) => {
                let what = format!(
                    "whether `topic/{name}`, which a route needs, is there is not known: needs DESCRIBE on it"
                );
                unasked.push(Problem::warning(Code::Denied, what).hint(Code::Denied.way_out()));
            }
            Err(error) => {
                let what = format!(
                    "whether `topic/{name}`, which a route needs, is there is not known: {error}"
                );
                unasked.push(Problem::warning(Code::Unreadable, what));
            }
        }
    }
    (found, unasked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_target_lacks_is_named() {
        let config = |value: Value| value.as_object().unwrap().clone();
        let lacking = lacks(
            &config(json!({ "subjects": ["a"], "allow_direct": true, "retention": "interest" })),
            "r",
        );
        assert_eq!(
            lacking,
            [
                "`allow_atomic: true`",
                "`allow_rollup_hdrs: true`",
                "the subject `trueup.position.r.*`",
                "`retention: limits`, not `interest`"
            ]
        );
        let whole = json!({ "subjects": ["trueup.>"], "allow_atomic": true, "allow_rollup_hdrs": true, "allow_direct": true });
        assert!(lacks(&config(whole), "r").is_empty());
    }
}
