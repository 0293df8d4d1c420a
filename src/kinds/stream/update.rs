//! A live stream changed, in one update or in several.

use super::answer::{failed, gone, moved, verdict};
use super::change::StreamChange;
use super::converge;
use super::level::{required_level, version};
use super::refused::told;
use super::view::{View, stream_declaration};
use super::wire::{document, live};
use crate::broker::nats::{JetStream, NatsError};
use crate::kinds::{Delta, Live};
use crate::model::{Base, Outcome, Step, few};

/// Sends the stages of a step one after another; the cluster is done with each before the next one is sent.
pub(super) async fn update(
    view: &dyn View,
    nats: &JetStream,
    step: &Step,
) -> Result<Outcome, NatsError> {
    let stages = match Delta::of_stages(step, view.declaration()) {
        Ok(stages) => stages,
        Err(why) => return Ok(failed(why)),
    };
    let mut step = step.clone();
    for (done, deltas) in stages.iter().enumerate() {
        let live = match settled(view, nats, &step, done > 0).await? {
            Ok(live) => live,
            Err(outcome) => return Ok(partly(outcome, &stages[..done])),
        };
        let (outcome, base) = match send(view, nats, &step, &live, deltas).await {
            Ok(sent) => sent,
            Err(error) if done > 0 => {
                return Ok(partly(told(Err(error), &step, nats), &stages[..done]));
            }
            Err(error) => return Err(error),
        };
        if outcome != Outcome::Applied {
            return Ok(partly(outcome, &stages[..done]));
        }
        step.base = base;
    }
    Ok(Outcome::Applied)
}

/// The live stream, as the step knows it, when the cluster is done with earlier changes of its servers: before, it would
/// refuse this one, or roll those back (10124, 10226).
async fn settled(
    view: &dyn View,
    nats: &JetStream,
    step: &Step,
    just_changed: bool,
) -> Result<Result<Live, Outcome>, NatsError> {
    let name = view.stream_name(&step.address.name);
    let read = || async {
        let Some(info) = nats.stream_info(&name).await? else {
            return Ok(Err(gone()));
        };
        let live = live(view, &step.address.name, info);
        Ok(moved(step, &live).map_or(Ok(live), Err))
    };
    let found = read().await?;
    let waits = |live: &Live| just_changed || converge::is_on_its_way(live);
    if !found.as_ref().is_ok_and(waits) {
        return Ok(found);
    }
    if let Some(why) = converge::done(nats, vec![name.clone()]).await.remove(&name) {
        let because = format!("the cluster is still at an earlier change of its servers: {why}");
        return Ok(Err(Outcome::NotAttempted { because }));
    }
    read().await
}

/// Sends one update, and tells what the stream is after it.
async fn send(
    view: &dyn View,
    nats: &JetStream,
    step: &Step,
    live: &Live,
    deltas: &[Delta],
) -> Result<(Outcome, Base), NatsError> {
    let name = &step.address.name;
    let change = StreamChange::updating(view, name, &live.fields, deltas);
    let level = required_level(stream_declaration(), &change.live, &change.next);
    let reply = nats
        .stream_update(&document(view, name, &change, version(nats)), level)
        .await?;
    let got = super::wire::live(view, name, reply);
    let base = Base::of_live(&got);
    Ok((verdict(view, deltas, got.fields), base))
}

/// What became of a step of which some stages are done.
fn partly(outcome: Outcome, done: &[Vec<Delta>]) -> Outcome {
    let fields: Vec<&Delta> = done.iter().flatten().collect();
    let fields = few(fields.iter().map(|it| format!("`{}`", it.path)), 3);
    let told = |why: String| match done.is_empty() {
        true => why,
        false => format!("{why}; {fields} is done, and the next plan has the rest"),
    };
    match outcome {
        Outcome::Applied => Outcome::Applied,
        Outcome::Unknown { why } => Outcome::Unknown { why: told(why) },
        Outcome::Failed { why } => failed(told(why)),
        Outcome::NotAttempted { because } if done.is_empty() => Outcome::NotAttempted { because },
        Outcome::NotAttempted { because } => failed(told(because)),
    }
}
