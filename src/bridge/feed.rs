//! Messages of a durable consumer, in order and without holes, never more of them than a budget allows.

use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::fault::Fault;
use super::stop::Stop;
use crate::broker::nats::{DataError, NatsData};

/// There is no such consumer (`JSConsumerNotFoundErr`).
const NO_CONSUMER: u64 = 10014;

/// There is no such message (`JSNoMessageFoundErr`).
const NO_MESSAGE: u64 = 10037;

/// How long the server keeps a request for messages that are not there yet.
const EXPIRES: Duration = Duration::from_secs(20);

/// How often it gives a sign of life while there are none.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// After how long without any sign the requests count as lost.
const SILENCE: Duration = Duration::from_secs(10);

/// What a message takes on the wire beside its headers and payload, at most: what budgets are kept with.
const OVERHEAD: usize = 512;

/// What is asked for at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// A message, and where it stands.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) message: Message,
    /// Its sequence in the stream.
    pub(super) sequence: u64,
    /// How often it was delivered, this time included.
    pub(super) times: u64,
    /// Its sequence among the consumer's deliveries.
    place: u64,
}

/// A consumer that is being read.
pub(super) struct Feed {
    nats: NatsData,
    stream: String,
    consumer: String,
    /// How the subjects begin that its messages are acknowledged at, once one came.
    acks: Option<String>,
    subscriber: Subscriber,
    inbox: String,
    next: String,
    budget: Budget,
    asked: Budget,
    connections: u64,
    heard: Instant,
    /// The place that the next delivery must have; none where several workers share the consumer.
    expected: Option<u64>,
}

impl Feed {
    /// Reads a consumer that others may read, too, in any order.
    pub(super) async fn shared(
        nats: &NatsData,
        stream: &str,
        consumer: &str,
        budget: Budget,
    ) -> Result<Feed, Fault> {
        let found = info(nats, stream, consumer).await?;
        is_fit(&found, consumer, "explicit")?;
        Feed::open(nats, stream, consumer, budget, None).await
    }

    /// Reads a route's consumer from the first message on that was not acknowledged, as the only one. Where the route knows up to
    /// which message everything is written, nothing behind that is left out, be it acknowledged or not.
    pub(super) async fn rewound(
        nats: &NatsData,
        (stream, consumer, route): (&str, &str, &str),
        budget: Budget,
        position: Option<u64>,
        stop: &Stop,
    ) -> Result<Feed, Fault> {
        let found = info(nats, stream, consumer).await?;
        is_fit(&found, consumer, "all")?;
        let hole = match position {
            Some(position) => hole(nats, stream, &found, position).await?,
            None => None,
        };
        let delivered = match hole.zip(position) {
            None => rewind(nats, stream, consumer, found, stop).await?,
            Some((missing, position)) => {
                let back = back(nats, stream, consumer, position + 1).await;
                back.map_err(|fault| fault.of(&format!(
                    "message {missing} of stream `{stream}` counts as acknowledged, and the route's position is {position}: its consumer was made anew, or somebody else acknowledged; `trueup bridge pause {route}`, `trueup bridge reset {route} --to {}` and `resume` go on behind the position",
                    position + 1
                )))?
            }
        };
        Feed::open(nats, stream, consumer, budget, Some(delivered + 1)).await
    }

    /// Whether the server has the acknowledgements up to this message, when it is asked some time after them; a fault where it has
    /// not. One that was lost, or that came to a consumer which was set back meanwhile, is never made good otherwise.
    pub(super) async fn is_acknowledged(&self, sequence: u64) -> Result<(), Fault> {
        let denied = self.acks.as_ref().and_then(|acks| self.nats.denied(acks));
        if let Some(denied) = denied {
            return Err(Fault::from(denied).of("acknowledging"));
        }
        let found = info(&self.nats, &self.stream, &self.consumer).await?;
        let pending = found.get("num_ack_pending").and_then(Value::as_u64);
        let floor = number(&found, "ack_floor", "stream_seq");
        match pending.unwrap_or_default() > 0 && floor < sequence {
            true => Err(Fault::passing(format!(
                "the server has acknowledgements up to message {floor}, and {sequence} is written"
            ))),
            false => Ok(()),
        }
    }

    async fn open(
        nats: &NatsData,
        stream: &str,
        consumer: &str,
        budget: Budget,
        expected: Option<u64>,
    ) -> Result<Feed, Fault> {
        let inbox = nats.client().new_inbox();
        let connections = nats.connections();
        Ok(Feed {
            subscriber: nats.subscribe(inbox.clone()).await?,
            nats: nats.clone(),
            stream: stream.to_owned(),
            consumer: consumer.to_owned(),
            acks: None,
            inbox,
            next: nats.subject(&format!("CONSUMER.MSG.NEXT.{stream}.{consumer}")),
            budget,
            asked: Budget {
                messages: 0,
                bytes: 0,
            },
            connections,
            heard: Instant::now(),
            expected,
        })
    }

    /// The next message; comes back without one only with a fault. May be given up at any await.
    pub(super) async fn next(&mut self) -> Result<Delivered, Fault> {
        loop {
            self.top_up().await?;
            let tick = Duration::from_millis(500);
            let heard = match tokio::time::timeout(tick, self.subscriber.next()).await {
                Ok(Some(message)) => self.take(message)?,
                Ok(None) => return Err(Fault::passing("the connection to NATS was closed")),
                Err(_) => None,
            };
            if let Some(delivered) = heard {
                return Ok(delivered);
            }
            self.check()?;
        }
    }

    /// A message that is there already.
    pub(super) fn ready(&mut self) -> Result<Option<Delivered>, Fault> {
        while let Some(Some(message)) = self.subscriber.next().now_or_never() {
            if let Some(delivered) = self.take(message)? {
                return Ok(Some(delivered));
            }
        }
        Ok(None)
    }

    /// Requests die with the connection that they were sent on.
    fn check(&self) -> Result<(), Fault> {
        if let Some(denied) = self.nats.denied(&self.next) {
            return Err(Fault::from(denied));
        }
        if self.nats.connections() != self.connections {
            return Err(Fault::passing("the connection to NATS broke and came back"));
        }
        match self.heard.elapsed() > SILENCE {
            true => Err(Fault::passing("NATS gives no sign of life")),
            false => Ok(()),
        }
    }

    /// Asks for more messages where less than half of the budget is outstanding.
    pub(super) async fn top_up(&mut self) -> Result<(), Fault> {
        if self.asked.messages * 2 > self.budget.messages
            || self.asked.bytes * 2 > self.budget.bytes
        {
            return Ok(());
        }
        let more = Budget {
            messages: self.budget.messages - self.asked.messages,
            bytes: self.budget.bytes - self.asked.bytes,
        };
        let body = json!({
            "batch": more.messages,
            "max_bytes": more.bytes,
            "expires": nanos(EXPIRES),
            "idle_heartbeat": nanos(HEARTBEAT),
        });
        let sent = self.nats.client().publish_with_reply(
            self.next.clone(),
            self.inbox.clone(),
            Bytes::from(body.to_string()),
        );
        sent.await
            .map_err(|error| Fault::passing(error.to_string()))?;
        self.asked = self.budget;
        Ok(())
    }

    /// A message of the stream, or nothing when it is the server's own word.
    fn take(&mut self, message: Message) -> Result<Option<Delivered>, Fault> {
        self.heard = Instant::now();
        if message.status.is_some() && message.reply.is_none() || is_status(&message) {
            self.heed(&message)?;
            return Ok(None);
        }
        self.asked.messages = self.asked.messages.saturating_sub(1);
        self.asked.bytes = self.asked.bytes.saturating_sub(message.length);
        let Some(delivered) = placed(message) else {
            return Err(Fault::passing(
                "a message came that is no delivery of the consumer",
            ));
        };
        if self.acks.is_none() {
            self.acks = beginning(&delivered.ack_subject(), &self.consumer);
        }
        if let Some(expected) = self.expected {
            if delivered.place != expected {
                let what = format!(
                    "delivery {} came where {expected} was due: somebody else reads the consumer, too",
                    delivered.place
                );
                return Err(Fault::passing(what));
            }
            self.expected = Some(expected + 1);
        }
        Ok(Some(delivered))
    }

    fn heed(&mut self, message: &Message) -> Result<(), Fault> {
        let status = message.status.map_or(0, |status| status.as_u16());
        let words = message.description.clone().unwrap_or_default();
        match status {
            // a sign of life
            100 => Ok(()),
            // this request is over
            404 | 408 => {
                self.forget(message);
                Ok(())
            }
            409 => {
                let is = |text: &str| words.to_ascii_lowercase().contains(text);
                if is("message size exceeds") || is("batch completed") {
                    self.forget(message);
                    return Ok(());
                }
                match is("consumer deleted") || is("push based") {
                    true => Err(Fault::standing(format!(
                        "the route's consumer is not there any more, or another one ({words}); `trueup apply` repairs it"
                    ))),
                    false => Err(Fault::passing(format!("the consumer: {words}"))),
                }
            }
            503 => Err(Fault::passing("nobody answers for the consumer")),
            _ => Err(Fault::passing(format!(
                "the consumer says {status} {words}"
            ))),
        }
    }

    /// What a request that is over still owed.
    fn forget(&mut self, message: &Message) {
        let number = |name: &str| -> Option<usize> {
            message.headers.as_ref()?.get(name)?.as_str().parse().ok()
        };
        let messages = number("Nats-Pending-Messages").unwrap_or(self.asked.messages);
        let bytes = number("Nats-Pending-Bytes").unwrap_or(self.asked.bytes);
        self.asked.messages = self.asked.messages.saturating_sub(messages);
        self.asked.bytes = self.asked.bytes.saturating_sub(bytes);
        if self.asked.messages == 0 {
            self.asked.bytes = 0;
        }
    }
}

impl Delivered {
    /// How many bytes it takes of a budget.
    pub(super) fn size(&self) -> usize {
        self.message.length.max(self.message.payload.len()) + OVERHEAD
    }

    /// Where it is acknowledged.
    pub(super) fn ack_subject(&self) -> String {
        self.message
            .reply
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    }
}

/// Acknowledges by this subject. With `sure` it is waited for until the server has it.
pub(super) async fn acknowledge(nats: &NatsData, subject: &str, sure: bool) -> Result<(), Fault> {
    if sure {
        let request = async_nats::Request::new().payload(Bytes::from_static(b"+ACK"));
        let asked = nats.ask(subject, request, Duration::from_secs(3)).await;
        return asked.map(drop).map_err(Fault::from);
    }
    let sent = nats
        .client()
        .publish(subject.to_owned(), Bytes::from_static(b"+ACK"))
        .await;
    sent.map_err(|error| Fault::passing(error.to_string()))
}

/// Goes back to the first message that was not acknowledged. The place of the last delivery, after which the first one comes.
///
/// Servers of 2.14 and newer do it at once. On others, what was delivered and not acknowledged comes first when its `ack_wait`
/// is over, which is waited for.
async fn rewind(
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
const RESETS: (u64, u64, u64) = (2, 14, 0);

/// Goes back to this sequence, whatever was acknowledged. The place of the last delivery.
async fn back(nats: &NatsData, stream: &str, consumer: &str, sequence: u64) -> Result<u64, Fault> {
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
async fn hole(
    nats: &NatsData,
    stream: &str,
    found: &Map<String, Value>,
    position: u64,
) -> Result<Option<u64>, Fault> {
    let floor = number(found, "ack_floor", "stream_seq");
    if floor <= position {
        return Ok(None);
    }
    let config = found.get("config").unwrap_or(&Value::Null);
    let one = config["filter_subject"].as_str();
    let many = config["filter_subjects"].as_array().into_iter().flatten();
    let filters = one.into_iter().chain(many.filter_map(Value::as_str));
    let mut filters: Vec<&str> = filters.filter(|filter| !filter.is_empty()).collect();
    if filters.is_empty() {
        filters.push(">");
    }
    let mut first = None;
    for filter in filters {
        let body = json!({ "seq": position + 1, "next_by_subj": filter });
        let call = format!("STREAM.MSG.GET.{stream}");
        match nats.api(&call, Some(&body)).await {
            Ok(answer) => {
                let message = answer.get("message").and_then(|it| it["seq"].as_u64());
                first = [first, message].into_iter().flatten().min();
            }
            Err(error) if error.err_code() == Some(NO_MESSAGE) => {}
            Err(error) => return Err(Fault::from(error).of("what is behind the position")),
        }
    }
    Ok(first.filter(|sequence| *sequence <= floor))
}

/// Whether a consumer acknowledges as a route needs it, and gives no message up.
fn is_fit(info: &Map<String, Value>, consumer: &str, policy: &str) -> Result<(), Fault> {
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

async fn info(nats: &NatsData, stream: &str, consumer: &str) -> Result<Map<String, Value>, Fault> {
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

fn number(document: &Map<String, Value>, outer: &str, inner: &str) -> u64 {
    let found = document.get(outer).and_then(|outer| outer[inner].as_u64());
    found.unwrap_or_default()
}

/// Whether it is a word of the server's: it has a status, and no place to be acknowledged at.
fn is_status(message: &Message) -> bool {
    message
        .status
        .is_some_and(|status| status != StatusCode::OK)
        && !message
            .reply
            .as_ref()
            .is_some_and(|reply| reply.starts_with("$JS.ACK."))
}

/// Reads `$JS.ACK.STREAM.CONSUMER.TIMES.SEQUENCE.PLACE.TIME.PENDING`, or with domain and account before the stream (ADR-15).
fn placed(message: Message) -> Option<Delivered> {
    let (times, sequence, place) = {
        let reply = message.reply.as_ref()?.as_str();
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let first = match tokens.len() {
            7 => 2,
            9.. => 4,
            _ => return None,
        };
        let number = |at: usize| tokens.get(first + at)?.parse::<u64>().ok();
        (number(0)?, number(1)?, number(2)?)
    };
    Some(Delivered {
        message,
        sequence,
        times,
        place,
    })
}

/// An acknowledgement's subject up to the consumer in it.
fn beginning(subject: &str, consumer: &str) -> Option<String> {
    let token = format!(".{consumer}.");
    let (before, _) = subject.split_once(&token)?;
    Some(format!("{before}{token}"))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(reply: &str) -> Message {
        Message {
            subject: "a".into(),
            reply: Some(reply.into()),
            payload: Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn a_delivery_tells_its_place_with_and_without_a_domain() {
        for reply in [
            "$JS.ACK.S.C.2.30.4.1795857533241625888.9",
            "$JS.ACK.hub.ACCHASH.S.C.2.30.4.1795857533241625888.9.token",
        ] {
            let placed = placed(message(reply)).unwrap();
            assert_eq!(
                (placed.times, placed.sequence, placed.place),
                (2, 30, 4),
                "{reply}"
            );
        }
        assert!(placed(message("_INBOX.x")).is_none());
    }

    #[test]
    fn acknowledgements_of_a_consumer_begin_alike() {
        let reply = "$JS.ACK.hub.ACCHASH.S.C.2.30.4.1795857533241625888.9.token";
        let beginning = beginning(reply, "C");
        assert_eq!(beginning.as_deref(), Some("$JS.ACK.hub.ACCHASH.S.C."));
    }

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
