//! From a stream to a topic in any order: as many workers as there are share the consumer, and each message is acknowledged when
//! Kafka has it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::setup::{distinct, sizes, source};
use super::{Suspects, headers_of, poison_words};
use crate::bridge::fault::{Fault, is_of_record, of_code};
use crate::bridge::feed::{Budget, Delivered, Feed, acknowledge, acknowledged, unreadable};
use crate::bridge::gauge::{State, count};
use crate::bridge::ground::{self, TopicGround};
use crate::bridge::letters::{Letter, Policy, TopicLetters};
use crate::bridge::mapping::{Mapped, Outward, Pulled};
use crate::bridge::route::{Batch, End, Route};
use crate::bridge::stop::Stop;
use crate::broker::kafka::{RdCode, Sender, ToWrite, words};
use crate::kinds::route::{Delivery, consumer_name};

/// How often the server is told that a message is still being worked on.
const WORKING: Duration = Duration::from_secs(8);

/// How long what is in flight may take when the route stops.
const DRAIN: Duration = Duration::from_secs(20);

/// What librdkafka reports: a record's number, and why it was not written.
type Report = (usize, Option<RdCode>);

struct Pump<'p> {
    route: &'p Route,
    /// Which life of the stream.
    created: String,
    outward: Outward,
    policy: Policy,
    targets: Vec<TopicGround>,
    letters: Option<TopicLetters>,
    batch: Batch,
    sender: Sender,
    reports: mpsc::UnboundedReceiver<Report>,
    in_flight: HashMap<usize, InFlight>,
    bytes: usize,
    next: usize,
}

struct InFlight {
    delivered: Delivered,
    told: Instant,
}

/// A session.
pub(super) async fn session(
    route: &Route,
    suspects: &mut Suspects,
    stop: &Stop,
) -> Result<End, Fault> {
    route.become_(State::Starting, None);
    let spec = route.spec();
    if spec.delivery == Some(Delivery::ExactlyOnce) {
        return Err(Fault::standing(
            "delivery exactly once needs `ordering: stream`",
        ));
    }
    let shared = &route.shared;
    let outward = Outward::new(&route.name, spec).map_err(|e| Fault::standing(e.to_string()))?;
    let policy = Policy::of(spec)?;
    let stream = source(route).await?;
    let mut names = outward.topics();
    let count = names.len();
    if let Policy::ToTopic(topic) = &policy {
        names.push(topic.clone());
    }
    let admin = shared.kafka.admin().await?;
    let mut targets = ground::topics(&admin, &distinct(&names)).await?;
    let letters = match &policy {
        Policy::ToTopic(topic) => {
            let ground = targets.iter().find(|ground| ground.name == *topic);
            let largest = ground
                .and_then(|ground| ground.max_batch)
                .unwrap_or(1_048_588);
            Some(TopicLetters::new(&shared.kafka, topic, largest)?)
        }
        Policy::Stop | Policy::Skip | Policy::ToStream { .. } => None,
    };
    targets.truncate(count);
    let batch = Batch::of(spec.batch.as_ref());
    let (tell, reports) = mpsc::unbounded_channel();
    let told = Arc::new(move |number, failure| {
        let _session_may_be_over = tell.send((number, failure));
    });
    let sizes = sizes(route, &targets, batch.bytes * 2);
    let sender = shared.kafka.sender(None, sizes, told)?;
    let budget = Budget {
        messages: (batch.messages * 2).min(20_000),
        bytes: (batch.bytes * 2).max((shared.nats.server().max_payload + 4096) * 2),
    };
    let consumer = consumer_name(&route.name, route.shard);
    look_ahead(route, suspects, &stream.name, budget.messages).await?;
    let feed = Feed::shared(&shared.nats, &stream.name, &consumer, budget).await?;
    route.become_(State::Running, None);
    let mut pump = Pump {
        route,
        created: stream.created,
        outward,
        policy,
        targets,
        letters,
        batch,
        sender,
        reports,
        in_flight: HashMap::new(),
        bytes: 0,
        next: 0,
    };
    let ended = pump.run(feed, stop).await;
    let drained = tokio::time::timeout(DRAIN, pump.drain()).await;
    match (ended, drained) {
        (Err(fault), _) | (Ok(_), Ok(Err(fault))) => Err(fault),
        (Ok(end), Ok(Ok(())) | Err(_)) => Ok(end),
    }
}

/// Tells of a message that can't be pulled, where sessions get no further. Others of the route's workers may have what is before
/// it, so that nothing but its removal takes it out of the way.
async fn look_ahead(
    route: &Route,
    suspects: &mut Suspects,
    stream: &str,
    most: usize,
) -> Result<(), Fault> {
    let (nats, consumer) = (&route.shared.nats, consumer_name(&route.name, route.shard));
    let floor = acknowledged(nats, stream, &consumer).await?;
    if suspects.began.replace(floor) != Some(floor) {
        return Ok(());
    }
    match unreadable(nats, stream, &consumer, most).await? {
        None => Ok(()),
        Some(next) => {
            let what = poison_words(stream, (next.sequence, &next.subject), &next.why);
            Err(Fault::standing(format!(
                "{what}; remove it from the stream, or let the route keep the order: then `on_error` is for it, too"
            )))
        }
    }
}

impl Pump<'_> {
    async fn run(&mut self, mut feed: Feed, stop: &Stop) -> Result<End, Fault> {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            let has_room = self.bytes < self.batch.bytes * 2 && self.in_flight.len() < 20_000;
            tokio::select! {
                biased;
                () = stop.asked() => return Ok(End::Stopped),
                Some(report) = self.reports.recv() => self.heed(report).await?,
                _ = tick.tick() => self.tell_working().await?,
                delivered = feed.next(), if has_room => self.put(delivered?).await?,
            }
        }
    }

    /// Waits for what is in flight.
    async fn drain(&mut self) -> Result<(), Fault> {
        while !self.in_flight.is_empty() {
            match self.reports.recv().await {
                Some(report) => self.heed(report).await?,
                None => return Ok(()),
            }
        }
        let flushed = self.route.shared.nats.client().flush().await;
        flushed.map_err(|error| Fault::passing(error.to_string()))
    }

    async fn put(&mut self, delivered: Delivered) -> Result<(), Fault> {
        let gauge = &self.route.gauge;
        count(&gauge.read);
        if delivered.times > 1 {
            count(&gauge.redelivered);
        }
        let message = &delivered.message;
        let pulled = Pulled {
            subject: message.subject.as_str(),
            headers: message.headers.as_ref(),
            payload: &message.payload,
        };
        let record = match self.outward.map(pulled) {
            Mapped::Loop => {
                count(&gauge.looped);
                return acknowledge(&self.route.shared.nats, &delivered.ack_subject(), false).await;
            }
            Mapped::Poison(why) => return self.poison(&delivered, &why).await,
            Mapped::To(record) => record,
        };
        let target = &self.targets[record.topic];
        if let Some(why) = super::unfit(self.route, &record, target) {
            return self.poison(&delivered, &why).await;
        }
        let to_write = ToWrite {
            topic: &target.name,
            key: record.key.as_deref(),
            value: record.value,
            headers: &record.headers,
        };
        let number = self.next;
        match self.sender.send(number, &to_write) {
            Ok(()) => {}
            Err(error) => match error.rdkafka_error_code() {
                Some(code) if is_of_record(code) => {
                    return self.poison(&delivered, &words(&error)).await;
                }
                Some(_) | None => return Err(Fault::from(error)),
            },
        }
        self.next = self.next.wrapping_add(1);
        self.bytes += delivered.size();
        let told = Instant::now();
        self.in_flight.insert(number, InFlight { delivered, told });
        Ok(())
    }

    async fn heed(&mut self, (number, failure): Report) -> Result<(), Fault> {
        let Some(InFlight { delivered, .. }) = self.in_flight.remove(&number) else {
            return Ok(());
        };
        self.bytes = self.bytes.saturating_sub(delivered.size());
        match failure {
            None => {
                let gauge = &self.route.gauge;
                gauge.succeeded(1, delivered.message.payload.len() as u64);
                self.route.become_(State::Running, None);
                acknowledge(&self.route.shared.nats, &delivered.ack_subject(), false).await
            }
            Some(RdCode::InvalidDifferentRecord) => self.put(delivered).await,
            Some(code) if is_of_record(code) => self.poison(&delivered, &code.to_string()).await,
            Some(code) => Err(of_code(code, code.to_string())),
        }
    }

    /// Keeps the server from delivering to somebody else what waits here.
    async fn tell_working(&mut self) -> Result<(), Fault> {
        let client = self.route.shared.nats.client();
        let mut waits = false;
        for in_flight in self
            .in_flight
            .values_mut()
            .filter(|one| one.told.elapsed() > WORKING)
        {
            waits = true;
            in_flight.told = Instant::now();
            let sent = client.publish(
                in_flight.delivered.ack_subject(),
                Bytes::from_static(b"+WPI"),
            );
            sent.await
                .map_err(|error| Fault::passing(error.to_string()))?;
        }
        if waits {
            self.route.become_(
                State::Degraded,
                Some("Kafka takes nothing; it is tried on and on"),
            );
        }
        Ok(())
    }

    async fn poison(&self, delivered: &Delivered, why: &str) -> Result<(), Fault> {
        let route = self.route;
        let stream = route.spec().from.stream.as_deref().unwrap_or_default();
        let subject = delivered.message.subject.as_str();
        let what = poison_words(stream, (delivered.sequence, subject), why);
        let letter = Letter {
            route: &route.name,
            life: format!("{}/{}", route.record.life(), self.created),
            why,
            from: format!(
                "stream/{stream}/{} {}",
                delivered.sequence, delivered.message.subject
            ),
            key: None,
            payload: Some(&delivered.message.payload),
            headers: headers_of(delivered),
        };
        match &self.policy {
            Policy::Stop => {
                return Err(Fault::standing(format!(
                    "{what}; mend that, or set `on_error` to `dlq` or `skip`"
                )));
            }
            Policy::Skip => count(&route.gauge.skipped),
            Policy::ToStream { stream, subject } => {
                letter.publish(&route.shared.nats, stream, subject).await?;
                count(&route.gauge.dead);
            }
            Policy::ToTopic(_) => {
                if let Some(letters) = &self.letters {
                    letters.send(&letter).await?;
                }
                count(&route.gauge.dead);
            }
        }
        route.tell_poison(&what);
        acknowledge(&route.shared.nats, &delivered.ack_subject(), false).await
    }
}
