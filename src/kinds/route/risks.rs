//! What it costs that a route goes, or begins anew.

use super::lag::{Standing, standing};
use super::{RouteSpec, Start, Table, declaration, spec_of, wire};
use crate::broker::Brokers;
use crate::kinds::loss::{Read, gone, risk, unread};
use crate::kinds::{Delta, Live, Sight};
use crate::model::{Action, Address, Code, Flat, Harm, Risk, Step, counted};

/// Looks at what routes have not moved yet, of those that go or begin anew.
pub(super) async fn risks(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let mut found = Vec::new();
    for step in steps.iter().filter(|step| is_costly(step)) {
        let name = &step.address.name;
        let live = match &brokers.nats {
            Some(nats) => match Table::new(nats).get(name).await {
                Ok(Some(entry)) => wire::live(&entry)
                    .map(Some)
                    .map_err(|problem| problem.message),
                Ok(None) => Ok(None),
                Err(error) => Err(error.to_string()),
            },
            None => Err("there is no connection to NATS".to_owned()),
        };
        let seen = match &live {
            Ok(Some(live)) => standing(brokers, name, live).await,
            Ok(None) => {
                found.push((step.address.clone(), vec![gone(code(step))]));
                continue;
            }
            Err(why) => dark(why),
        };
        let live = live.ok().flatten();
        found.push((
            step.address.clone(),
            vec![weighed(step, live.as_ref(), &seen)],
        ));
    }
    found
}

/// The same where nothing can be looked at but the table.
pub(super) fn by_sight(sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
    let costly = steps.iter().filter(|step| is_costly(step));
    costly
        .map(|step| {
            let live = sight.resources.get(&step.address);
            let risk = weighed(step, live, &dark(sight.why));
            (step.address.clone(), vec![risk])
        })
        .collect()
}

fn dark(why: &str) -> Standing {
    Standing {
        lag: Err(why.to_owned()),
        source: Err(why.to_owned()),
    }
}

fn is_costly(step: &Step) -> bool {
    matches!(step.action, Action::Delete | Action::Replace)
}

fn code(step: &Step) -> Code {
    match step.action {
        Action::Replace => Code::RouteReplaced,
        _ => Code::RouteDeleted,
    }
}

fn weighed(step: &Step, live: Option<&Live>, seen: &Standing) -> Risk {
    let lag = seen.lag.as_ref().map(|lag| lag.messages);
    let lag = lag.map_err(Clone::clone);
    match step.action {
        Action::Replace => replaced(step, live, lag),
        _ => deleted(lag),
    }
}

fn deleted(lag: Read<u64>) -> Risk {
    let (harm, evidence, at_stake) = match lag {
        Ok(0) => (Harm::Low, "it has moved everything".to_owned(), Some(0)),
        Ok(left) => (
            Harm::High,
            format!(
                "{} not moved yet: they stay where they are, and no one moves them",
                counted(left, "message")
            ),
            Some(left),
        ),
        Err(why) => (Harm::High, unread("what it has not moved yet", &why), None),
    };
    risk(Code::RouteDeleted, harm, evidence, at_stake)
}

/// What becomes of the position of a route that is replaced.
fn replaced(step: &Step, live: Option<&Live>, lag: Read<u64>) -> Risk {
    let deltas = Delta::of_step(step, declaration()).unwrap_or_default();
    let changes = |path: &str| deltas.iter().any(|delta| delta.path == path);
    let mut fields = live.map_or_else(Flat::new, |live| live.fields.clone());
    Delta::lay_over(&mut fields, &deltas);
    let spec = spec_of(&fields).unwrap_or_default();
    let (harm, what, field) = if changes("from.stream") || changes("from.topic") {
        let field = match changes("from.stream") {
            true => "from.stream",
            false => "from.topic",
        };
        let what = format!(
            "it has another source, in which it has no position: it begins {}",
            begins(&spec)
        );
        (Harm::High, what, field)
    } else if changes("shards") || changes("from.subjects") {
        let field = match changes("shards") {
            true => "shards",
            false => "from.subjects",
        };
        let what = format!(
            "its subjects are dealt out anew: a shard keeps its position, so that a subject which goes to another one is moved again from there, \
             or misses what that one has passed; a new shard begins {}",
            begins(&spec)
        );
        (Harm::High, what, field)
    } else {
        let what = "it goes on where it stands: a start counts only where there is no position yet";
        let risk = risk(Code::RouteReplaced, Harm::Low, what.to_owned(), Some(0));
        return Risk {
            field: deltas.first().map(|delta| delta.path.clone()),
            ..risk
        };
    };
    let left = match &lag {
        Ok(0) => "it has moved everything of what it reads now".to_owned(),
        Ok(left) => format!("{} not moved yet", counted(*left, "message")),
        Err(why) => unread("what it has not moved yet", why),
    };
    let evidence = format!("{what}; {left}");
    Risk {
        field: Some(field.to_owned()),
        ..risk(Code::RouteReplaced, harm, evidence, lag.ok())
    }
}

/// Where a route without a position begins, in words.
fn begins(spec: &RouteSpec) -> String {
    match (spec.start_sequence, &spec.start_time, spec.start) {
        (Some(sequence), _, _) => format!("at {sequence} (`start_sequence`)"),
        (None, Some(time), _) => format!("at {time} (`start_time`)"),
        (None, None, Some(Start::New)) => "with the next message to come (`start: new`)".to_owned(),
        (None, None, Some(Start::All) | None) => {
            "with the first message that is there (`start: all`)".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Doc};
    use serde_json::{Value, json};

    fn step(action: Action, changes: &[(&str, Value, Value)]) -> Step {
        let changes = changes.iter().map(|(field, before, after)| Change {
            field: (*field).to_owned(),
            before: Some(before.clone()),
            after: Some(after.clone()),
            note: None,
        });
        Step {
            changes: changes.collect(),
            ..Step::of("route/r".parse().unwrap(), action)
        }
    }

    fn live() -> Live {
        let fields = json!({ "from.stream": "S", "to.topic": "t", "start": "new" });
        Live {
            fields: fields.as_object().unwrap().clone().into_iter().collect(),
            raw: Doc::new(),
            incarnation: None,
            inherited: std::sync::Arc::default(),
        }
    }

    fn with_lag(lag: Read<u64>) -> Standing {
        Standing {
            lag: lag.map(|messages| super::super::Lag {
                messages,
                oldest: None,
            }),
            source: Ok(None),
        }
    }

    #[test]
    fn a_route_that_goes_costs_what_it_has_not_moved() {
        for (lag, harm, at_stake, words) in [
            (Ok(0), Harm::Low, Some(0), "everything"),
            (Ok(1204), Harm::High, Some(1204), "1,204 messages not moved"),
            (
                Err("no".to_owned()),
                Harm::High,
                None,
                "could not be read: no",
            ),
        ] {
            let risk = weighed(&step(Action::Delete, &[]), None, &with_lag(lag));
            assert_eq!((risk.harm, risk.at_stake), (harm, at_stake), "{risk:?}");
            assert!(risk.evidence.contains(words), "{}", risk.evidence);
        }
    }

    #[test]
    fn what_becomes_of_a_position_is_told() {
        let of = |field: &str, before: Value, after: Value| {
            let step = step(Action::Replace, &[(field, before, after)]);
            weighed(&step, Some(&live()), &with_lag(Ok(3)))
        };
        let other = of("from.stream", json!("S"), json!("T"));
        assert_eq!((other.harm, other.at_stake), (Harm::High, Some(3)));
        assert!(
            other.evidence.contains("`start: new`"),
            "{}",
            other.evidence
        );
        let shards = of("shards", json!(1), json!(2));
        assert!(
            shards.evidence.contains("dealt out anew"),
            "{}",
            shards.evidence
        );
        assert_eq!(shards.field.as_deref(), Some("shards"));
        let start = of("start", json!("new"), json!("all"));
        assert_eq!((start.harm, start.at_stake), (Harm::Low, Some(0)));
    }

    #[test]
    fn where_nobody_can_look_it_is_as_bad_as_it_can_be() {
        let resources = [("route/r".parse().unwrap(), live())].into_iter().collect();
        let sight = Sight {
            resources: &resources,
            why: "a snapshot does not hold it",
        };
        let doomed = step(Action::Delete, &[]);
        let told = by_sight(&sight, &[&doomed, &step(Action::Update, &[])]);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1[0].harm, Harm::High);
    }
}
