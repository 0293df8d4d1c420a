//! A consumer that is deleted and made anew, and goes on where it stands.
//!
//! Nothing is deleted before its place is held: the consumer is labelled with the start that it stands for, a keeper is made
//! where it stands, then it is deleted, made anew from there, and the keeper goes last. Whatever is cut short on the way, the
//! next run finds the keeper ([`look_at`]) and goes on from it. A consumer of a work queue needs none: what it has not done
//! with stays in its stream, and it begins with the first message that is left.

mod keeper;
mod next;
mod position;
mod rehearse;
mod seen;
mod start;

use super::wire::{EXISTS, document, erase, make, reconfigure, split};
use super::{Consumer, DECLARATION, losses};
use crate::broker::nats::{ConsumerAction, JetStream, NatsError};
use crate::kinds::Delta;
use crate::kinds::deletion::kept;
use crate::kinds::stream::{failed, fields_of, gone, moved};
use crate::model::{Flat, Outcome, Step};

pub(in crate::kinds) use keeper::KEEPS;
pub(super) use keeper::{KEEPER, is_keeper, is_unwanted, kept as kept_place};
pub(super) use next::{next, reasons};
pub(super) use position::{acknowledged_beyond, resumes_at};
pub(super) use rehearse::{rehearse, untold};
pub(super) use seen::{Place, keeper_place, keeper_places, look, look_at};
pub(super) use start::{as_declared, carried_on};

/// What is done, or why it can't be.
type Done<T> = Result<T, Outcome>;

/// Replaces the consumer that a step means, or goes on with a replacement that was cut short.
pub(super) async fn carry_out(
    kind: &Consumer,
    nats: &JetStream,
    step: &Step,
    deltas: &[Delta],
) -> Result<Outcome, NatsError> {
    if let Some(outcome) = kept(step) {
        return Ok(outcome);
    }
    let place = split(&step.address);
    let seen = look(nats, &place).await?;
    let Some(live) = seen.live() else {
        return Ok(gone());
    };
    if let Some(outcome) = moved(step, &live) {
        return Ok(outcome);
    }
    let from = match (&seen.consumer, &seen.keeper) {
        (None, keeper) => keeper.as_ref().map(|kept| kept.from),
        (Some(info), _) => {
            let filters = deltas
                .iter()
                .filter(|delta| delta.path.starts_with("filter_subject"));
            let filters: Vec<Delta> = filters.cloned().collect();
            // what the server may refuse of them it refuses before anything is deleted
            if !filters.is_empty() {
                let outcome = reconfigure(kind, nats, &place, info, &filters).await?;
                if outcome != Outcome::Applied {
                    return Ok(outcome);
                }
            }
            match clear(nats, step, &place, &live.fields).await? {
                Ok(from) => from,
                Err(outcome) => return Ok(outcome),
            }
        }
    };
    make_anew(kind, nats, &place, (&live.fields, from), deltas).await
}

/// Makes the consumer that takes the place of one of these fields, and lets its keeper go. Without a sequence number to go on
/// from it begins as it is declared to.
///
/// # Errors
/// As for any request; the keeper stays.
pub(super) async fn make_anew(
    kind: &Consumer,
    nats: &JetStream,
    place: &Place,
    (live, from): (&Flat, Option<u64>),
    deltas: &[Delta],
) -> Result<Outcome, NatsError> {
    let not_keeper = |delta: &&Delta| delta.path != KEEPER;
    let deltas: Vec<Delta> = deltas.iter().filter(not_keeper).cloned().collect();
    let mut next = next(live, &deltas);
    next.shift_remove(KEEPER);
    if let Some(from) = from {
        tracing::info!(stream = place.0, consumer = place.1, from, "it goes on");
        next = start::carried_on(next, from);
    }
    match (make(kind, nats, place, next, &deltas).await, from) {
        (Err(error), Some(from)) if error.api_code() == Some(EXISTS) => {
            Ok(failed(taken(&place.1, from)))
        }
        (made, _) => {
            let outcome = made?;
            drop_keeper(nats, place).await?;
            Ok(outcome)
        }
    }
}

/// That somebody was quicker, with a configuration of its own.
fn taken(name: &str, from: u64) -> String {
    let keeper = keeper::name_of(name);
    format!(
        "a client made `{name}` meanwhile, with its own configuration; consumer `{keeper}` still holds the place at sequence {from}: \
         delete `{name}` and apply again to go on there, or delete `{keeper}` to go without"
    )
}

/// Deletes the keeper of a consumer, where it has one.
///
/// # Errors
/// As for any request.
pub(super) async fn drop_keeper(
    nats: &JetStream,
    place @ (stream, name): &Place,
) -> Result<(), NatsError> {
    if seen::keeper_of(nats, place).await?.is_some() {
        nats.consumer_delete(stream, &keeper::name_of(name)).await?;
    }
    Ok(())
}

/// Deletes a consumer whose place is held, and tells where the next one goes on; none in a work queue, where that is with the first
/// message that is left.
async fn clear(
    nats: &JetStream,
    step: &Step,
    place: &Place,
    live: &Flat,
) -> Result<Done<Option<u64>>, NatsError> {
    let stream = nats.stream_info(&place.0).await;
    let from = match losses::retention(Some(&stream)) {
        Ok(losses::Retention::WorkQueue) => None,
        Ok(losses::Retention::Limits | losses::Retention::Interest) => {
            match hold_place(nats, place, live).await? {
                Ok(from) => Some(from),
                Err(outcome) => return Ok(Err(outcome)),
            }
        }
        Err(why) => return Ok(Err(failed(format!("{why}; it was not replaced")))),
    };
    let outcome = erase(nats, step, place).await?;
    Ok(match outcome {
        Outcome::Applied => Ok(from),
        other => Err(other),
    })
}

/// Labels a consumer, makes its keeper, and tells where it stands after that.
async fn hold_place(
    nats: &JetStream,
    place @ (stream, name): &Place,
    live: &Flat,
) -> Result<Done<u64>, NatsError> {
    let Some(info) = nats.consumer_info(stream, name).await? else {
        return Ok(Err(gone()));
    };
    if !keeper::has_room(name) {
        return Ok(Err(failed(
            "its name leaves no room for that of what would hold its place (`trueup-keeps-...`, 255 bytes); delete it by hand, and apply again"
                .to_owned(),
        )));
    }
    if let Some(kept) = seen::keeper_of(nats, place).await?
        && !kept.is_of(&info)
    {
        return Ok(Err(failed(taken(name, kept.from))));
    }
    let mut fields = fields_of(&DECLARATION, info.clone());
    let label = start::label(live).into();
    if fields.insert(start::START.to_owned(), label) != fields.get(start::START).cloned() {
        let doc = document(name, fields, nats);
        nats.consumer_create(stream, &doc, ConsumerAction::Update, None)
            .await?;
    }
    drop_keeper(nats, place).await?;
    let Some(from) = resumes_at(&info) else {
        return Ok(Err(failed(untold(nats))));
    };
    let keeper = keeper::document(name, &info, from);
    let made = nats.consumer_create(stream, &keeper, ConsumerAction::Create, None);
    match made.await {
        Ok(_) => {}
        Err(error) if error.api_code() == Some(EXISTS) => {
            let name = keeper::name_of(name);
            return Ok(Err(failed(format!(
                "a consumer `{name}` is there that trueup did not make; delete it, or give it another name"
            ))));
        }
        Err(error) => return Err(error),
    }
    // as late as can be: what was acknowledged meanwhile is not delivered twice
    let now = nats.consumer_info(stream, name).await?;
    Ok(Ok(now.as_ref().and_then(resumes_at).unwrap_or(from)))
}
