//! Routes in the table: read whole, written whole.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::ends::{sources, spec_of};
use super::{Entry, FORMAT, Put, Table, declaration};
use crate::broker::Brokers;
use crate::broker::nats::NatsError;
use crate::kinds::deletion::{another_life, kept};
use crate::kinds::stream::{
    each, failed, gone, life, moved, outcome_of, unanswered, unconnected, unreadable, withheld,
};
use crate::kinds::{Delta, Live, Observations, Observed};
use crate::model::{Action, Address, Code, Doc, Flat, KindName, LABEL, Outcome, Problem, Step};

/// Reads routes.
pub(super) async fn observe(brokers: &Brokers, addresses: &[Address]) -> Observations {
    let Some(nats) = &brokers.nats else {
        return unconnected(addresses);
    };
    let names = addresses.iter().map(|address| address.name.clone());
    let entries = Table::new(nats).get_all(names.collect()).await;
    let seen = addresses.iter().zip(entries).map(|(address, (_, entry))| {
        let observed = match entry {
            Ok(None) => Observed::Absent,
            Ok(Some(entry)) => match live(&entry) {
                Ok(live) => Observed::Present(live),
                Err(problem) => Observed::Unreadable(problem.about(address)),
            },
            Err(error) => unreadable(address, &error),
        };
        (address.clone(), observed)
    });
    let mut seen: Observations = seen.collect();
    for address in addresses {
        seen.entry(address.clone())
            .or_insert_with(|| unanswered(address));
    }
    seen
}

/// A record as a live resource.
///
/// # Errors
/// What stands there can't be read.
pub fn live(entry: &Entry) -> Result<Live, Problem> {
    let record = entry.record.as_ref().map_err(|why| {
        let hint = "take a trueup that reads it; where somebody else wrote it, `nats kv history trueup-routes NAME` has what was there before: put that back, or delete the key and apply";
        Problem::error(Code::Unreadable, why.as_str()).hint(hint)
    })?;
    let mut raw = record.clone();
    let spec = match raw.remove("spec") {
        Some(Value::Object(spec)) => spec,
        _ => Doc::new(),
    };
    let mut fields = declaration().flatten(spec);
    if let Some(stack) = text(record, "stack").filter(|stack| !stack.is_empty()) {
        fields.insert(LABEL.to_owned(), stack.into());
    }
    Ok(Live {
        fields,
        incarnation: text(record, "id").map(str::to_owned),
        raw,
        inherited: Arc::default(),
    })
}

fn text<'r>(record: &'r Doc, field: &str) -> Option<&'r str> {
    record.get(field)?.as_str()
}

/// The routes in the table.
///
/// # Errors
/// As for any read.
pub(super) async fn list(brokers: &Brokers) -> Result<Vec<Address>, Problem> {
    let Some(nats) = &brokers.nats else {
        return Ok(Vec::new());
    };
    let found = Table::new(nats).list().await;
    let found = found.map_err(|error| error.problem())?.into_iter();
    Ok(found
        .map(|(name, _)| Address::new(KindName::Route, name))
        .collect())
}

/// Carries steps out side by side.
pub(super) async fn carry_out(brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
    let Some(nats) = &brokers.nats else {
        return withheld(steps, "there is no connection to NATS");
    };
    let table = Table::new(nats);
    let outcomes = each(steps.iter().map(|step| write(brokers, &table, step))).await;
    let outcomes = steps.iter().zip(outcomes).map(|(step, outcome)| {
        let outcome = outcome.unwrap_or_else(|error| outcome_of(&error));
        (step.address.clone(), outcome)
    });
    outcomes.collect()
}

async fn write(brokers: &Brokers, table: &Table, step: &Step) -> Result<Outcome, NatsError> {
    let deltas = match Delta::of_step(step, declaration()) {
        Ok(deltas) => deltas,
        Err(why) => return Ok(failed(why)),
    };
    let name = &step.address.name;
    match step.action {
        Action::Create => {
            let record = anew(brokers, &Flat::new(), &deltas).await;
            Ok(match table.put_new(name, &record).await? {
                Put::Done => Outcome::Applied,
                Put::Overtaken => failed("somebody made it since the plan was made; plan again"),
            })
        }
        Action::Update | Action::Adopt | Action::Replace => {
            let (entry, live) = match as_planned(table, step).await? {
                Ok(found) => found,
                Err(outcome) => return Ok(outcome),
            };
            let record = match step.action {
                Action::Replace => match kept(step) {
                    Some(outcome) => return Ok(outcome),
                    None => anew(brokers, &live.fields, &deltas).await,
                },
                _ => changed(&entry, live.fields, &deltas),
            };
            Ok(done(table.put(name, &record, entry.revision).await?))
        }
        Action::Delete => delete(table, step).await,
        Action::Forget => Ok(failed("what is forgotten is left alone in the table")),
        Action::Unread => Ok(Outcome::NotAttempted {
            because: "it could not be read".to_owned(),
        }),
    }
}

fn done(put: Put) -> Outcome {
    match put {
        Put::Done => Outcome::Applied,
        Put::Overtaken => failed("it changed since the plan was made; plan again"),
    }
}

/// The record that a step changes, where it is what the plan was made on.
async fn as_planned(
    table: &Table,
    step: &Step,
) -> Result<Result<(Entry, Live), Outcome>, NatsError> {
    let Some(entry) = table.get(&step.address.name).await? else {
        return Ok(Err(gone()));
    };
    let live = match live(&entry) {
        Ok(live) => live,
        Err(problem) => return Ok(Err(failed(problem.message))),
    };
    Ok(match moved(step, &live) {
        Some(outcome) => Err(outcome),
        None => Ok((entry, live)),
    })
}

async fn delete(table: &Table, step: &Step) -> Result<Outcome, NatsError> {
    if let Some(outcome) = kept(step) {
        return Ok(outcome);
    }
    let Some(entry) = table.get(&step.address.name).await? else {
        return Ok(Outcome::Applied);
    };
    let live = match live(&entry) {
        Ok(live) => live,
        Err(problem) => return Ok(failed(problem.message)),
    };
    if let Some(outcome) = another_life(step, live.incarnation.as_deref()) {
        return Ok(outcome);
    }
    Ok(done(
        table.remove(&step.address.name, entry.revision).await?,
    ))
}

/// The record of a route that begins now.
async fn anew(brokers: &Brokers, fields: &Flat, deltas: &[Delta]) -> Doc {
    let mut fields = fields.clone();
    Delta::lay_over(&mut fields, deltas);
    let source = source(brokers, &fields).await;
    let mut record = Doc::new();
    record.insert("format".to_owned(), FORMAT.into());
    record.insert("id".to_owned(), json!(Uuid::new_v4()));
    record.insert("stack".to_owned(), "".into());
    record.insert("source".to_owned(), json!(source));
    say(&mut record, fields);
    record
}

/// The record with changes laid over it; what else is in it stays.
pub(super) fn changed(entry: &Entry, mut fields: Flat, deltas: &[Delta]) -> Doc {
    Delta::lay_over(&mut fields, deltas);
    let mut record = entry.record.clone().unwrap_or_default();
    // a route from a stream keeps its position whatever it promises, but not while it moves in any order
    let begin: &[&str] = match fields.contains_key("from.stream") {
        true => &["ordering"],
        false => &["delivery", "to.stream"],
    };
    let begins = |delta: &Delta| begin.contains(&delta.path.as_str());
    if deltas.iter().any(begins) {
        record.insert("epoch".to_owned(), json!(epoch_of(&record) + 1));
    }
    say(&mut record, fields);
    record
}

/// Of which time the positions are that a route goes by.
pub(super) fn epoch_of(record: &Doc) -> u64 {
    record
        .get("epoch")
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

/// Puts these fields into a record. Whose it is stands beside them there.
fn say(record: &mut Doc, mut fields: Flat) {
    if let Some(stack) = fields.shift_remove(LABEL) {
        record.insert("stack".to_owned(), stack);
    }
    let mut spec = declaration().unflatten(&fields);
    // a worker reads both, be they empty or not
    for end in ["from", "to"] {
        spec.entry(end).or_insert_with(|| json!({}));
    }
    record.insert("spec".to_owned(), Value::Object(spec));
    record.insert("trueup".to_owned(), env!("CARGO_PKG_VERSION").into());
}

/// Which life of its source a route is made for; none where that can't be read: whoever looks at its position later can't tell.
pub(super) async fn source(brokers: &Brokers, fields: &Flat) -> Option<String> {
    let spec = spec_of(fields)?;
    let source = sources(&spec).into_iter().next()?;
    match (source.kind, &brokers.nats, &brokers.kafka) {
        (KindName::Stream, Some(nats), _) => {
            let info = nats.stream_info(&source.name).await.ok()??;
            life(&info)
        }
        (KindName::Topic, _, Some(kafka)) => {
            let described = kafka
                .describe_topics(std::slice::from_ref(&source.name))
                .await
                .ok()?;
            let topic = described.into_iter().next()?.1.ok()?;
            topic.topic_id
        }
        (_, _, _) => None,
    }
}
