//! Messages into transactions.

mod poison;

use std::time::Duration;

use tokio::time::Instant;

use super::position::Position;
use super::setup::Setup;
use super::{Suspects, headers_of, unfit};
use crate::bridge::fault::{Fault, is_of_record, of_code};
use crate::bridge::feed::{Delivered, Feed, acknowledge};
use crate::bridge::gauge::{State, count};
use crate::bridge::lease::Lease;
use crate::bridge::mapping::{Mapped, Pulled};
use crate::bridge::route::{End, Route};
use crate::bridge::stop::Stop;
use crate::broker::kafka::{RdCode, RdError, ToWrite, words};
use poison::Bad;

/// How long Kafka may take nothing before that is said.
const QUIET: Duration = Duration::from_secs(5);

/// After how long without a message it is looked whether the server has all acknowledgements.
const ACKNOWLEDGED: Duration = Duration::from_secs(10);

/// How long one attempt to commit may take.
const COMMIT: Duration = Duration::from_secs(10);

/// How long giving a transaction up may take.
const ABORT: Duration = Duration::from_secs(3);

pub(super) struct Pump<'p> {
    route: &'p Route,
    lease: &'p Lease,
    setup: Setup,
    feed: Feed,
    suspects: &'p mut Suspects,
    /// The last message that came, in this session.
    pulled: u64,
    /// Since when nothing comes, until that is looked into.
    quiet: Option<Instant>,
    stop: Stop,
    open: Open,
}

/// A batch that is being filled.
#[derive(Default)]
struct Open {
    began: Option<Instant>,
    /// Whether a transaction is open.
    in_transaction: bool,
    /// Messages that came, those that are not written included.
    messages: usize,
    bytes: usize,
    last_sequence: u64,
    /// Where everything up to the last message is acknowledged.
    ack: String,
    /// The sequences of what was handed to the producer, by its number; none for a dead letter.
    sent: Vec<Option<u64>>,
    payload: u64,
}

/// Why a batch is filled no further.
enum Full {
    /// It is large or old enough.
    Ripe,
    /// Somebody asks to stop.
    Stopping,
    /// The next message can't be written, and the route stops before it.
    Halt(Fault),
}

impl<'p> Pump<'p> {
    pub(super) fn new(
        route: &'p Route,
        lease: &'p Lease,
        setup: Setup,
        feed: Feed,
        suspects: &'p mut Suspects,
        stop: &Stop,
    ) -> Pump<'p> {
        Pump {
            route,
            lease,
            setup,
            feed,
            suspects,
            pulled: 0,
            quiet: None,
            stop: stop.clone(),
            open: Open::default(),
        }
    }

    /// Moves messages until somebody asks to stop.
    pub(super) async fn run(&mut self, stop: &Stop) -> Result<End, Fault> {
        if !self.setup.is_known {
            // before anything can be taken for acknowledged that is not written
            self.commit_with_position().await?;
            self.open = Open::default();
        }
        loop {
            let full = self.fill(stop).await?;
            let sure = !matches!(full, Full::Ripe);
            self.commit(sure).await?;
            match full {
                Full::Ripe if self.feed.is_at_limit() => return Ok(End::Again),
                Full::Ripe => {}
                Full::Stopping => return Ok(End::Stopped),
                Full::Halt(fault) => return Err(fault),
            }
        }
    }

    /// The fault with what is behind it, where it says no more than that the producer takes nothing in its state.
    pub(super) fn explained(&self, fault: Fault) -> Fault {
        let vague = ["Erroneous state", "PurgeQueue", "PurgeInflight"];
        let is_vague = vague.iter().any(|words| fault.text.contains(words));
        match self.setup.sender.trouble().filter(|_| is_vague) {
            None => fault,
            Some(trouble) if trouble.contains("authorization failed") => {
                Fault::standing(format!("the worker's user lacks a right: {trouble}"))
            }
            Some(trouble) => Fault {
                text: trouble.to_owned(),
                ..fault
            },
        }
    }

    /// Ends a transaction that can't be committed, so that no reader waits for it.
    pub(super) async fn give_up(&mut self) {
        if self.open.in_transaction
            && let Err(error) = self.setup.sender.abort(ABORT).await
        {
            tracing::debug!(
                error = words(&error),
                "a transaction can't be given up; the next session does"
            );
        }
    }

    async fn fill(&mut self, stop: &Stop) -> Result<Full, Fault> {
        loop {
            self.feed.top_up().await?;
            while let Some(delivered) = self.feed.ready()? {
                if let Some(full) = self.put(delivered).await? {
                    return Ok(full);
                }
            }
            let ripe = self.open.began.map(|began| began + self.setup.batch.wait);
            let quiet = self.quiet.filter(|_| ripe.is_none());
            tokio::select! {
                biased;
                () = stop.asked() => return Ok(Full::Stopping),
                () = until(ripe) => return Ok(Full::Ripe),
                () = until(quiet.map(|since| since + ACKNOWLEDGED)) => {
                    self.quiet = None;
                    self.feed.is_acknowledged(self.pulled).await?;
                }
                delivered = self.feed.next() => {
                    if let Some(full) = self.put(delivered?).await? {
                        return Ok(full);
                    }
                }
            }
        }
    }

    /// Takes a message into the batch; tells when that is full.
    async fn put(&mut self, delivered: Delivered) -> Result<Option<Full>, Fault> {
        self.quiet = Some(Instant::now());
        let gauge = &self.route.gauge;
        if delivered.times > 1 {
            count(&gauge.redelivered);
        }
        if delivered.sequence <= self.pulled {
            return Ok(None);
        }
        count(&gauge.read);
        if delivered.sequence > self.setup.after
            && let Some(halt) = self.write(&delivered).await?
        {
            return Ok(Some(Full::Halt(halt)));
        }
        self.pulled = delivered.sequence;
        let open = &mut self.open;
        open.began.get_or_insert_with(Instant::now);
        open.messages += 1;
        open.bytes += delivered.size();
        open.last_sequence = delivered.sequence;
        open.ack = delivered.ack_subject();
        let batch = &self.setup.batch;
        let is_full = open.messages >= batch.messages
            || open.bytes >= batch.bytes
            || open.last_sequence <= self.suspects.careful_until
            || self.feed.is_at_limit();
        Ok(is_full.then_some(Full::Ripe))
    }

    /// Hands a message to the producer, or does with it what the route says of poison; a fault where the route stops before it.
    async fn write(&mut self, delivered: &Delivered) -> Result<Option<Fault>, Fault> {
        let message = &delivered.message;
        let pulled = Pulled {
            subject: message.subject.as_str(),
            headers: message.headers.as_ref(),
            payload: &message.payload,
        };
        let known = self.suspects.known.get(&delivered.sequence).cloned();
        let why = match (known, self.setup.outward.map(pulled)) {
            (_, Mapped::Loop) => {
                count(&self.route.gauge.looped);
                return Ok(None);
            }
            (Some(why), _) | (None, Mapped::Poison(why)) => why,
            (None, Mapped::To(record)) => {
                match unfit(self.route, &record, &self.setup.targets[record.topic]) {
                    Some(why) => why,
                    None => {
                        let topic = self.setup.targets[record.topic].name.clone();
                        let to_write = ToWrite {
                            topic: &topic,
                            key: record.key.as_deref(),
                            value: record.value,
                            headers: &record.headers,
                        };
                        match self.send(&to_write, Some(delivered.sequence)).await? {
                            None => return Ok(None),
                            Some(why) => why,
                        }
                    }
                }
            }
        };
        let bad = Bad {
            sequence: delivered.sequence,
            subject: message.subject.as_str(),
            payload: &message.payload,
            headers: headers_of(delivered),
        };
        self.poison(bad, &why).await
    }

    /// Hands over what is to be written; why it can never be, where the producer knows.
    async fn send(
        &mut self,
        record: &ToWrite<'_>,
        sequence: Option<u64>,
    ) -> Result<Option<String>, Fault> {
        if !self.open.in_transaction {
            self.setup.reported.begin();
            self.setup.sender.begin()?;
            self.open.in_transaction = true;
        }
        let number = self.open.sent.len();
        loop {
            match self.setup.sender.send(number, record) {
                Ok(()) => break,
                Err(error) => match error.rdkafka_error_code() {
                    Some(RdCode::QueueFull) => {
                        self.check_reports()?;
                        self.check_stop()?;
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Some(code) if is_of_record(code) => return Ok(Some(words(&error))),
                    // what broke the transaction is in the reports
                    Some(_) | None => {
                        self.check_reports()?;
                        return Err(Fault::from(error));
                    }
                },
            }
        }
        self.open.sent.push(sequence);
        self.open.payload += record.value.map_or(0, <[u8]>::len) as u64;
        Ok(None)
    }

    /// Writes down the position, commits, and acknowledges everything up to the last message.
    async fn commit(&mut self, sure: bool) -> Result<(), Fault> {
        // where nothing is written, the position goes along all the same: it is never behind what is acknowledged
        let only_position = self.pulled > self.setup.after;
        if self.open.in_transaction || self.open.messages > 0 && only_position {
            self.commit_with_position().await?;
        }
        let open = std::mem::take(&mut self.open);
        if open.messages == 0 {
            return Ok(());
        }
        let written = open.sent.iter().flatten().count();
        self.route.gauge.succeeded(written as u64, open.payload);
        self.route.become_(State::Running, None);
        // a late one would count against who went back after us
        self.lease.check()?;
        acknowledge(&self.route.shared.nats, &open.ack, sure).await
    }

    /// Commits what is written with the position behind it.
    async fn commit_with_position(&mut self) -> Result<(), Fault> {
        self.put_position().await?;
        self.wait_for_reports().await?;
        self.commit_transaction().await
    }

    async fn put_position(&mut self) -> Result<(), Fault> {
        let topic = self.setup.position.clone();
        let position = Position {
            stream: self.setup.stream.name.clone(),
            created: self.setup.stream.created.clone(),
            sequence: self.pulled.max(self.setup.after),
            epoch: self.route.record.epoch,
        };
        let value = serde_json::to_vec(&position).unwrap_or_default();
        let key = self.route.shard.to_string();
        let payload = self.open.payload;
        let record = ToWrite {
            topic: &topic,
            key: Some(key.as_bytes()),
            value: Some(&value),
            headers: &[],
        };
        let refused = self.send(&record, None).await?;
        self.open.payload = payload;
        match refused {
            None => Ok(()),
            Some(why) => Err(Fault::standing(format!(
                "the position in topic `{topic}`: {why}"
            ))),
        }
    }

    /// Waits for our own reports: a commit that has to wait for them is slow.
    async fn wait_for_reports(&mut self) -> Result<(), Fault> {
        while !self.setup.reported.wait(self.open.sent.len(), QUIET).await {
            self.route.become_(
                State::Degraded,
                Some("Kafka takes nothing; it is tried on and on"),
            );
            self.check_stop()?;
        }
        self.check_reports()
    }

    /// What Kafka did not take by now is given up where somebody asks to stop: it is moved by the next session.
    fn check_stop(&self) -> Result<(), Fault> {
        match self.stop.is_asked() {
            true => Err(Fault::passing("stopped while Kafka takes nothing")),
            false => Ok(()),
        }
    }

    /// What was refused ends the session. Where many records went together, the next one looks for the bad one.
    fn check_reports(&mut self) -> Result<(), Fault> {
        let Some((number, code)) = self.setup.reported.failure() else {
            return Ok(());
        };
        if !is_of_record(code) {
            return Err(of_code(code, code.to_string()));
        }
        let of_messages: Vec<u64> = self.open.sent.iter().copied().flatten().collect();
        match (
            self.open.sent.get(number).copied().flatten(),
            of_messages.as_slice(),
        ) {
            (None, _) => Err(Fault::standing(format!(
                "a dead letter or the position is refused: {code}"
            ))),
            (Some(sequence), [_]) => {
                self.suspects.known.insert(sequence, code.to_string());
                Err(Fault::passing(format!(
                    "message {sequence} is refused: {code}"
                )))
            }
            (Some(_), [.., last]) => {
                self.suspects.careful_until = *last;
                Err(Fault::passing(format!(
                    "a record is refused ({code}); those up to message {last} are tried one by one"
                )))
            }
            (Some(_), []) => Err(Fault::passing(code.to_string())),
        }
    }

    async fn commit_transaction(&mut self) -> Result<(), Fault> {
        loop {
            self.lease.check()?;
            match self.setup.sender.commit(COMMIT).await {
                Ok(()) => {
                    self.open.in_transaction = false;
                    return Ok(());
                }
                Err(RdError::Transaction(error)) if error.is_retriable() => {
                    let why = format!("a commit takes long: {error}");
                    self.route.become_(State::Degraded, Some(&why));
                    self.check_stop()?;
                }
                Err(error) => {
                    self.check_reports()?;
                    return Err(Fault::from(error).of("the commit"));
                }
            }
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
