//! Where a consumer goes on: back at the first message that was not acknowledged, or behind a position.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::ahead::next_behind;
use crate::bridge::fault::Fault;
use crate::bridge::stop::Stop;
use crate::broker::nats::{DataError, NatsData};

/// There is no such consumer (`JSConsumerNotFoundErr`).
const NO_CONSUMER: u64 = 10014;

/// There is no such message (`JSNoMessageFoundErr`).
pub(super) const NO_MESSAGE: u64 = 10037;

/// Goes back to the first message that was not acknowledged. The place of the last delivery, after which the first one comes.
///
/// Servers of 2.14 and newer do it at once. On others, what was delivered and not acknowledged comes first when its `ack_wait`
/// is over, which is waited for.
pub(super) async fn rewind(
    nats: &NatsData,
    stream: &str,
    consumer: &str,
    found: Map<String, Value>,
    stop: &Stop,
) -> Result<u64, Fault> {
    if nats.server().release >= RESETS {
        let call = format!("CONSUMER.RESET.{stream}.{consumer}");
        match nats.api(&call, None).await {
            Ok(answer) => return Ok(number(&answer, "delivered", "consumer_seq")),
            // a cluster of several versions
            Err(DataError::NoResponders(_)) => {}
            Err(error) => return Err(Fault::from(error).of("going back to the first message")),
        }
    }
    let wait = found
        .get("config")
        .and_then(|config| config["ack_wait"].as_u64());
    let wait = Duration::from_nanos(wait.unwrap_or(30_000_000_000));
    let (mut found, begin) = (found, Instant::now());
    while let Some(left) = left_to_wait(&found, wait, begin.elapsed()) {
        if !stop.pause(left.min(Duration::from_secs(1))).await {
            return Err(Fault::passing("stopped"));
        }
        found = info(nats, stream, consumer).await?;
    }
    Ok(number(&found, "delivered", "consumer_seq"))
}

/// Since when a consumer can be set to another place (`CONSUMER.RESET`).
pub(super) const RESETS: (u64, u64, u64) = (2, 14, 0);

/// Goes back to this sequence, whatever was acknowledged. The place of the last delivery.
pub(super) async fn back(
    nats: &NatsData,
    stream: &str,
    consumer: &str,
    sequence: u64,
) -> Result<u64, Fault> {
    if nats.server().release < RESETS {
        return Err(Fault::standing(
            "only servers of 2.14 and newer set it back by themselves",
        ));
    }
    let call = format!("CONSUMER.RESET.{stream}.{consumer}");
    match nats.api(&call, Some(&json!({ "seq": sequence }))).await {
        Ok(answer) => Ok(number(&answer, "delivered", "consumer_seq")),
        Err(error @ DataError::Refused { .. }) => Err(Fault::standing(error.to_string())),
        Err(error) => Err(Fault::from(error)),
    }
}

/// The first message behind a position that the consumer is to deliver and that counts as acknowledged; none where all of them
/// are to come.
pub(super) async fn hole(
    nats: &NatsData,
    stream: &str,
    found: &Map<String, Value>,
    position: u64,
) -> Result<Option<u64>, Fault> {
    let floor = number(found, "ack_floor", "stream_seq");
    if floor <= position {
        return Ok(None);
    }
    let first = next_behind(nats, stream, found, position).await?;
    let first = first.and_then(|message| message["seq"].as_u64());
    Ok(first.filter(|sequence| *sequence <= floor))
}

/// Whether a consumer acknowledges as a route needs it, and gives no message up.
pub(super) fn is_fit(info: &Map<String, Value>, consumer: &str, policy: &str) -> Result<(), Fault> {
    let config = info.get("config").unwrap_or(&Value::Null);
    let acks = config["ack_policy"].as_str().unwrap_or_default();
    if acks != policy {
        return Err(Fault::standing(format!(
            "consumer `{consumer}` has `ack_policy: {acks}`, and the route needs `{policy}`; `trueup apply` repairs it"
        )));
    }
    match config["max_deliver"].as_i64() {
        Some(times) if times > 0 => Err(Fault::standing(format!(
            "consumer `{consumer}` gives messages up after {times} deliveries (`max_deliver`); `trueup apply` repairs it"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// How long until what was delivered last comes again. When that was, a server that was restarted does not know: then it is
/// waited for from the first look on.
fn left_to_wait(info: &Map<String, Value>, wait: Duration, waited: Duration) -> Option<Duration> {
    if info.get("num_ack_pending").and_then(Value::as_u64) == Some(0) {
        return None;
    }
    let time = |value: Option<&Value>| value?.as_str()?.parse::<Timestamp>().ok();
    let now = time(info.get("ts")).unwrap_or_else(Timestamp::now);
    let last = time(
        info.get("delivered")
            .and_then(|delivered| delivered.get("last_active")),
    );
    let since = last.map_or(waited, |last| {
        Duration::try_from(now.duration_since(last)).unwrap_or_default()
    });
    // the server looks for what is over a little later
    (wait + Duration::from_secs(2))
        .checked_sub(since)
        .filter(|left| !left.is_zero())
}

pub(super) async fn info(
    nats: &NatsData,
    stream: &str,
    consumer: &str,
) -> Result<Map<String, Value>, Fault> {
    let found = nats
        .api(&format!("CONSUMER.INFO.{stream}.{consumer}"), None)
        .await;
    found.map_err(|error| match error.err_code() {
        Some(NO_CONSUMER) => Fault::standing(format!(
            "stream `{stream}` has no consumer `{consumer}`; `trueup apply` makes it"
        )),
        _ => Fault::from(error).of("the consumer"),
    })
}

pub(super) fn number(document: &Map<String, Value>, outer: &str, inner: &str) -> u64 {
    let found = document.get(outer).and_then(|outer| outer[inner].as_u64());
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_its_acknowledgement_is_waited_for() {
        let info = |pending: u64, last: &str| {
            let document = json!({
                "num_ack_pending": pending, "ts": "2026-01-01T00:00:40Z",
                "delivered": {"last_active": last},
            });
            let (wait, waited) = (Duration::from_secs(30), Duration::from_secs(7));
            left_to_wait(document.as_object().unwrap(), wait, waited)
        };
        assert_eq!(info(0, "2026-01-01T00:00:39Z"), None);
        assert_eq!(
            info(3, "2026-01-01T00:00:30Z"),
            Some(Duration::from_secs(22))
        );
        assert_eq!(info(3, "2026-01-01T00:00:00Z"), None);
        let restarted = info(3, "not known");
        assert_eq!(restarted, Some(Duration::from_secs(25)), "by our own clock");
    }
}
