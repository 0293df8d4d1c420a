//! Messages of a durable consumer, in order and without holes, never more of them than a budget allows.

mod ahead;
mod rewind;

use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fault::Fault;
use super::stop::Stop;
use crate::broker::nats::NatsData;
pub(super) use ahead::{Unreadable, pass_over, unreadable};
use rewind::{back, hole, info, is_fit, number, rewind};

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
    /// How many messages may still come, where not all.
    left: Option<usize>,
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

    /// Reads a route's consumer from the first message on that was not acknowledged, as the only one. Nothing behind the position,
    /// up to which everything is written, is left out, be it acknowledged or not.
    pub(super) async fn rewound(
        nats: &NatsData,
        (stream, consumer, route): (&str, &str, &str),
        budget: Budget,
        position: u64,
        stop: &Stop,
    ) -> Result<Feed, Fault> {
        let found = info(nats, stream, consumer).await?;
        is_fit(&found, consumer, "all")?;
        let delivered = match hole(nats, stream, &found, position).await? {
            None => rewind(nats, stream, consumer, found, stop).await?,
            Some(missing) => {
                let back = back(nats, stream, consumer, position + 1).await;
                back.map_err(|fault| fault.of(&format!(
                    "message {missing} of stream `{stream}` counts as acknowledged, and the route's position is {position}: its consumer was made anew, somebody else acknowledged, or a message that was out was removed; `trueup bridge pause {route}`, `trueup bridge reset {route} --to {}` and `resume` go on behind the position",
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
            left: None,
        })
    }

    /// Takes no more than so many messages.
    pub(super) fn limit(&mut self, messages: usize) {
        self.left = Some(messages);
    }

    /// Whether all came that may.
    pub(super) fn is_at_limit(&self) -> bool {
        self.left == Some(0)
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
        let most = self.left.unwrap_or(usize::MAX).min(self.budget.messages);
        let more = Budget {
            messages: most.saturating_sub(self.asked.messages),
            bytes: self.budget.bytes - self.asked.bytes,
        };
        if more.messages == 0 {
            return Ok(());
        }
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
        self.asked = Budget {
            messages: self.asked.messages + more.messages,
            bytes: self.budget.bytes,
        };
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
        self.left = self.left.map(|left| left.saturating_sub(1));
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

/// Up to which message of its stream a consumer has everything acknowledged.
pub(super) async fn acknowledged(
    nats: &NatsData,
    stream: &str,
    consumer: &str,
) -> Result<u64, Fault> {
    let found = info(nats, stream, consumer).await?;
    Ok(number(&found, "ack_floor", "stream_seq"))
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
}
