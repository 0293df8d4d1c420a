//! What stands in the way of a replacement, known before anything is sent.

use super::super::losses::{Retention, retention};
use super::super::wire::split;
use super::position::resumes_at;
use super::seen::Place;
use crate::broker::Brokers;
use crate::broker::nats::{Answer, JetStream};
use crate::model::{Action, Address, Code, Doc, Refusal, Step};

/// Refuses to replace what no place can be held for: where its server doesn't tell where it stands, or its stream takes no
/// consumer more or keeps none that nobody reads from.
pub(in crate::kinds::consumer) async fn rehearse(
    brokers: &Brokers,
    steps: &[&Step],
) -> Vec<(Address, Refusal)> {
    let steps: Vec<&&Step> = steps
        .iter()
        .filter(|s| s.action == Action::Replace)
        .collect();
    let Some(nats) = brokers.nats.as_ref().filter(|_| !steps.is_empty()) else {
        return Vec::new();
    };
    let places: Vec<Place> = steps.iter().map(|step| split(&step.address)).collect();
    let names: Vec<String> = places.iter().map(|(stream, _)| stream.clone()).collect();
    let (infos, streams) = tokio::join!(nats.consumer_infos(&places), nats.stream_infos(&names));
    let refused = |(step, place): (&&&Step, &Place)| {
        let Some(Ok(Some(info))) = infos.get(place) else {
            return None;
        };
        let refusal = refusal(nats, info, streams.get(&place.0))?;
        Some((step.address.clone(), refusal))
    };
    steps.iter().zip(&places).filter_map(refused).collect()
}

fn refusal(nats: &JetStream, info: &Doc, stream: Option<&Answer>) -> Option<Refusal> {
    if retention(stream) == Ok(Retention::WorkQueue) {
        return None;
    }
    if resumes_at(info).is_none() {
        let hint = "let it acknowledge what it has first, or upgrade the server to 2.14";
        return Some(Refusal::new(Code::NeedsReplace, untold(nats), hint));
    }
    let Some(Ok(Some(stream))) = stream else {
        return None;
    };
    full(stream).or_else(|| forgetful(stream))
}

/// A stream that takes no consumer more.
fn full(stream: &Doc) -> Option<Refusal> {
    let most = stream
        .get("config")?
        .get("max_consumers")?
        .as_u64()
        .filter(|most| *most > 0)?;
    let held = stream.get("state")?.get("consumer_count")?.as_u64()?;
    (held >= most).then(|| {
        Refusal::new(
            Code::NeedsReplace,
            format!("its stream has all of its {most} consumers, and one more has to hold its place meanwhile"),
            "raise the stream's `max_consumers` by one first (in place from NATS 2.12.5 on), or delete another consumer of it",
        )
    })
}

/// A stream that deletes each consumer that nobody reads from, the one that holds a place among them.
fn forgetful(stream: &Doc) -> Option<Refusal> {
    let limits = stream.get("config")?.get("consumer_limits")?;
    let is_set = limits.get("inactive_threshold")?.as_u64()? > 0;
    is_set.then(|| {
        let hint = "take it away first, and declare it again after that; or declare a consumer with another name";
        let why = "its stream's `consumer_limits.inactive_threshold` would delete the consumer that holds its place meanwhile";
        Refusal::new(Code::NeedsReplace, why, hint)
    })
}

/// That nobody knows where a consumer stands.
pub(in crate::kinds::consumer) fn untold(nats: &JetStream) -> String {
    let version = &nats.server().version;
    format!(
        "its first message is not acknowledged yet, and NATS {version} doesn't tell where it stands before that"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn stream(config: Value) -> Doc {
        let stream = json!({ "config": config, "state": { "consumer_count": 2 } });
        stream.as_object().unwrap().clone()
    }

    #[test]
    fn a_stream_has_to_take_one_more() {
        for (most, is_full) in [(json!(2), true), (json!(3), false), (json!(-1), false)] {
            let stream = stream(json!({ "max_consumers": most }));
            assert_eq!(full(&stream).is_some(), is_full, "{stream:?}");
        }
    }

    #[test]
    fn a_stream_has_to_keep_it() {
        let limited = stream(json!({ "consumer_limits": { "inactive_threshold": 5 } }));
        assert!(forgetful(&limited).is_some());
        for limits in [json!({}), json!({ "max_ack_pending": 5 })] {
            assert!(forgetful(&stream(json!({ "consumer_limits": limits }))).is_none());
        }
    }
}
