//! Consumers whose replicas stand in the way of another retention: where acknowledgements delete messages, each has as many as
//! its stream.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Stream;
use super::change::StreamChange;
use super::said::Said;
use super::wire::{config_of, each};
use crate::broker::nats::JetStream;
use crate::kinds::{NatsVersion, Observations, Observed, is_in_place};
use crate::model::{Address, Code, Doc, KindName, Refusal, Step, few};

/// Since when a server gives the consumers the stream's replicas by itself; before, it refuses the retention (10051).
const BY_ITSELF: NatsVersion = NatsVersion(2, 15, 0);

const REPLICAS: &str = "num_replicas";

/// Lets a stream that is to keep by interest come after those of its consumers that get other replicas, as far as they fit into
/// the stream as it is.
pub(super) fn arrange(steps: &mut [Step], observations: &Observations) {
    let mut first: Vec<(Address, Address)> = Vec::new();
    for stream in steps.iter().filter(|step| keeps_by_interest(step)) {
        let Some(Observed::Present(live)) = observations.get(&stream.address) else {
            continue;
        };
        let held = Said(&live.fields).number(REPLICAS).unwrap_or(1);
        let consumers = steps.iter().filter(|step| is_of(step, &stream.address));
        let fitting = consumers.filter(|step| is_in_place(step) && fits(step, held));
        first.extend(fitting.map(|step| (stream.address.clone(), step.address.clone())));
    }
    let late: BTreeSet<Address> = first.iter().map(|(stream, _)| stream.clone()).collect();
    for step in steps {
        if late.contains(&step.address) {
            let own = first.iter().filter(|(stream, _)| *stream == step.address);
            let own: Vec<Address> = own.map(|(_, consumer)| consumer.clone()).collect();
            let others = few(own.iter().map(|it| format!("`{it}`")), 3);
            step.rests_on.extend(own);
            step.notes.push(format!(
                "after {others}: a consumer of such a stream has as many replicas as it"
            ));
        }
        let Some(stream) = late.iter().find(|stream| is_of(step, stream)) else {
            continue;
        };
        // those that come first find the stream as it is; the others, as it will be
        step.rests_on.retain(|address| address != stream);
        let is_first = first.iter().any(|(_, consumer)| *consumer == step.address);
        if !is_first && step.is_on_broker() {
            step.rests_on.push(stream.clone());
        }
    }
}

/// Whether a step is about a consumer of this stream.
fn is_of(step: &Step, stream: &Address) -> bool {
    let of = step.address.stream_and_consumer().map(|(stream, _)| stream);
    step.address.kind == KindName::Consumer && of == Some(stream.name.as_str())
}

fn keeps_by_interest(step: &Step) -> bool {
    let mut changes = step.changes.iter();
    let is_interest = |after: &Option<Value>| after.as_ref().is_some_and(|it| it == "interest");
    step.address.kind == KindName::Stream
        && is_in_place(step)
        && changes.any(|change| change.field == "retention" && is_interest(&change.after))
}

/// Whether a consumer gets replicas that it can have before its stream changes; none of its own always fit.
fn fits(step: &Step, held: i64) -> bool {
    let mut changes = step.changes.iter();
    let change = changes.find(|change| change.field == REPLICAS);
    change.is_some_and(|change| {
        let wanted = change.after.as_ref().and_then(Value::as_i64);
        wanted.is_none_or(|wanted| wanted <= held)
    })
}

/// Asks for live consumers for whose replicas an older server refuses the retention, but for those that the plan changes before.
pub(super) async fn rehearse(nats: &JetStream, steps: &[&Step]) -> Vec<(Address, Refusal)> {
    if nats.server().cluster.is_none() || super::version(nats) >= BY_ITSELF {
        return Vec::new();
    }
    let turning = steps.iter().filter(|step| keeps_by_interest(step));
    let found = each(turning.map(|step| in_the_way(nats, step))).await;
    found.into_iter().flatten().collect()
}

async fn in_the_way(nats: &JetStream, step: &Step) -> Option<(Address, Refusal)> {
    let name = &step.address.name;
    let info = nats.stream_info(name).await.ok()??;
    let held = config_of(info).get(REPLICAS).and_then(Value::as_i64)?;
    let change = StreamChange::of_step(&Stream, step).ok()?;
    let wanted = Said(&change.next).number(REPLICAS).unwrap_or(held);
    let consumers = match nats.consumer_list(name).await {
        Ok(consumers) => consumers,
        Err(error) => {
            tracing::debug!(%error, stream = name, "can't list consumers");
            return None;
        }
    };
    let name_of = |info: &Doc| Some(info.get("name")?.as_str()?.to_owned());
    let other = |info: &&Doc| {
        let own = info.get("config").and_then(|it| it[REPLICAS].as_i64());
        let address =
            name_of(info).map(|it| Address::new(KindName::Consumer, format!("{name}/{it}")));
        // one that grows with its stream is taken along (seen on 2.11.11 and 2.14.6)
        let grows = |own: i64| own == held && held < wanted;
        own.is_some_and(|own| own > 0 && own != wanted && !grows(own))
            && address.is_some_and(|address| !step.rests_on.contains(&address))
    };
    let consumer = consumers.iter().find(other).and_then(name_of)?;
    let refusal = Refusal::new(
        Code::Contradiction,
        format!(
            "the live consumer `{name}/{consumer}` has other replicas than the {wanted} that it must have on a stream of retention `interest`"
        ),
        format!(
            "declare it with `num_replicas: {wanted}`: it is changed before the stream; or upgrade the servers to {BY_ITSELF}, which give it these by themselves"
        ),
    );
    Some((step.address.clone(), refusal.field("retention")))
}
