//! A partition's records, batch by batch.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::reader::Session;
use super::setup::{Setup, Way};
use super::{batches, rounds};
use crate::bridge::fault::{Fault, Gravity};
use crate::bridge::gauge::{State, count};
use crate::bridge::ground::{self, BELIEVED};
use crate::bridge::letters::{Letter, Policy};
use crate::bridge::mapping::{Arrived, Mapped, Message};
use crate::bridge::stop::Stop;
use crate::broker::kafka::PartitionQueue;
use crate::kinds::stream::is_within;

/// A partition's own queue.
pub(super) type Queue = PartitionQueue;

/// Where a partition goes on.
pub(super) struct Place {
    pub(super) begin: Offset,
    /// The sequence of the message that holds its position; 0 for none.
    pub(super) after: u64,
}

/// A record's headers.
type RecordHeaders = Vec<(String, Option<Vec<u8>>)>;

/// Records that are published together.
#[derive(Default)]
pub(super) struct Gathered {
    /// The messages, each with its offset.
    pub(super) messages: Vec<(i64, Message)>,
    /// What can't be published, behind them.
    poison: Option<Poison>,
    /// The offset behind all of it.
    pub(super) next: i64,
    bytes: usize,
    records: usize,
}

struct Poison {
    offset: i64,
    why: String,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    headers: RecordHeaders,
}

/// The pauses between attempts to publish.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// How often a stream may refuse the same messages before what is known of it is read anew.
pub(super) const REFUSALS: u32 = 3;

/// What a partition holds at least, in bytes, however many there are.
const LEAST_HELD: usize = 256 << 10;

/// Moves a partition's records until its stop is asked for, or a fault ends the session.
pub(super) async fn run(session: Arc<Session>, index: i32, place: Place, queue: Queue, stop: Stop) {
    if let Err(fault) = pump(&session, index, place, queue, &stop).await {
        session.end(fault);
    }
}

async fn pump(
    session: &Session,
    index: i32,
    place: Place,
    mut queue: Queue,
    stop: &Stop,
) -> Result<(), Fault> {
    let news = Arc::new(Notify::new());
    let told = Arc::clone(&news);
    queue.set_nonempty_callback(move || told.notify_one());
    let mut after = place.after;
    loop {
        let Some(mut gathered) = gather(session, index, &queue, &news, stop).await? else {
            return Ok(());
        };
        if !publish(session, index, &gathered, &mut after, stop).await? {
            return Ok(());
        }
        let bytes: usize = gathered
            .messages
            .iter()
            .map(|(_, message)| message.payload.len())
            .sum();
        let gauge = &session.setup.route.gauge;
        if let Some(poison) = gathered.poison.take() {
            session.done(index, poison.offset);
            is_poison_still(session).await?;
            bury(session, index, &poison).await?;
            // only what was dealt with is behind the position
            let behind = Gathered::behind(gathered.next);
            if !publish(session, index, &behind, &mut after, stop).await? {
                return Ok(());
            }
        }
        session.done(index, gathered.next);
        gauge.succeeded(gathered.messages.len() as u64, bytes as u64);
        session.setup.route.become_(State::Running, None);
    }
}

/// The next records; none when the stop is asked for.
async fn gather(
    session: &Session,
    index: i32,
    queue: &Queue,
    news: &Notify,
    stop: &Stop,
) -> Result<Option<Gathered>, Fault> {
    let setup = &session.setup;
    let mut gathered = Gathered::default();
    let mut ripe: Option<Instant> = None;
    // what all partitions hold together is bounded
    let held = (setup.batch.bytes / session.partitions().max(1)).max(LEAST_HELD);
    loop {
        while !gathered.is_full(setup, held) {
            match queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(record)) => gathered.put(setup, index, &record),
                Some(Err(error)) => session.heed(&error)?,
            }
        }
        if stop.is_asked() {
            return Ok(None);
        }
        if gathered.records > 0 {
            let ripe = *ripe.get_or_insert_with(|| Instant::now() + setup.batch.wait);
            if gathered.is_full(setup, held) || Instant::now() >= ripe {
                return Ok(Some(gathered));
            }
        }
        // now and then without being told: a call that is lost must not stop a partition
        let wait = ripe.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        tokio::select! {
            () = news.notified() => {}
            () = tokio::time::sleep_until(wait) => {}
            () = stop.asked() => return Ok(None),
        }
    }
}

impl Gathered {
    /// Nothing but a place.
    fn behind(next: i64) -> Gathered {
        Gathered {
            next,
            ..Gathered::default()
        }
    }

    /// The offset up to which everything is dealt with once its messages are stored; none where there is nothing but poison.
    pub(super) fn settled(&self) -> Option<i64> {
        match &self.poison {
            Some(_) if self.messages.is_empty() => None,
            Some(poison) => Some(poison.offset),
            None => Some(self.next),
        }
    }

    fn is_full(&self, setup: &Setup, held: usize) -> bool {
        self.poison.is_some() || self.records >= setup.batch.messages || self.bytes >= held
    }

    fn put(&mut self, setup: &Setup, index: i32, record: &BorrowedMessage<'_>) {
        let gauge = &setup.route.gauge;
        count(&gauge.read);
        self.records += 1;
        self.next = record.offset() + 1;
        let headers = headers_of(record);
        let arrived = Arrived {
            topic: &setup.topic.name,
            partition: index,
            key: record.key(),
            value: record.payload(),
            headers: &headers,
        };
        let why = match setup.inward.map(arrived) {
            Mapped::Loop => {
                count(&gauge.looped);
                return;
            }
            Mapped::To(message) => match unfit(setup, &message) {
                None => {
                    self.bytes += message.size() + message.subject.len();
                    self.messages.push((record.offset(), message));
                    return;
                }
                Some(why) => why,
            },
            Mapped::Poison(why) => why,
        };
        self.poison = Some(Poison {
            offset: record.offset(),
            why,
            key: record.key().map(<[u8]>::to_vec),
            payload: record.payload().map(<[u8]>::to_vec),
            headers,
        });
    }
}

/// Why a message can't be published, as far as that is known before.
fn unfit(setup: &Setup, message: &Message) -> Option<String> {
    let stream = &setup.stream;
    let size = message.size();
    // what publishing adds to it
    if size + setup.added > setup.largest {
        return Some(format!(
            "it takes {size} bytes, and stream `{}` takes at most {} (`max_msg_size` and the server's `max_payload`)",
            stream.name, setup.largest
        ));
    }
    let is_taken = stream
        .subjects
        .iter()
        .any(|filter| is_within(&message.subject, filter));
    (!is_taken).then(|| format!("stream `{}` takes no `{}`", stream.name, message.subject))
}

fn headers_of(record: &BorrowedMessage<'_>) -> RecordHeaders {
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    headers
        .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
        .collect()
}

/// Publishes until the stream has it all; whether that came to its end before the stop was asked for.
async fn publish(
    session: &Session,
    index: i32,
    gathered: &Gathered,
    after: &mut u64,
    stop: &Stop,
) -> Result<bool, Fault> {
    let setup = &session.setup;
    let (mut pause, mut refusals) = (FIRST_PAUSE, 0);
    loop {
        // what is handed to a client without a connection is sent when it has one again, be the partition ours by then or not
        if !connected(setup, stop).await {
            return Ok(false);
        }
        let published = match setup.way {
            Way::BatchesWithPosition => {
                let _one_of_few = session.batches.acquire().await;
                batches::with_position(setup, index, gathered, after).await
            }
            Way::Batches => {
                let _one_of_few = session.batches.acquire().await;
                batches::publish(setup, index, gathered).await
            }
            Way::Rounds => rounds::publish(setup, index, gathered, stop).await,
        };
        match published {
            Ok(()) => return Ok(true),
            Err(fault) if fault.gravity == Gravity::Passing => {
                refusals = if fault.is_refusal { refusals + 1 } else { 0 };
                if refusals >= REFUSALS {
                    return Err(fault);
                }
                if stop.is_asked() {
                    return Ok(false);
                }
                setup.route.become_(State::Degraded, Some(&fault.text));
            }
            Err(fault) => return Err(fault),
        }
        if !stop.pause(pause).await {
            return Ok(false);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits for a connection to NATS; whether there was one before the stop was asked for.
async fn connected(setup: &Setup, stop: &Stop) -> bool {
    while !setup.route.shared.nats.is_connected() {
        setup
            .route
            .become_(State::Degraded, Some("NATS is not connected"));
        if !stop.pause(FIRST_PAUSE).await {
            return false;
        }
    }
    true
}

/// Whether what the stream takes is as it was read; a session that goes by older limits ends before it gives anything up.
async fn is_poison_still(session: &Session) -> Result<(), Fault> {
    let setup = &session.setup;
    if setup.read.elapsed() < BELIEVED {
        return Ok(());
    }
    let now = ground::stream(&setup.route.shared.nats, &setup.stream.name).await?;
    let nats = setup.route.shared.nats.server().max_payload;
    match now.limits() == setup.stream.limits() && setup.max_payload == nats {
        true => Ok(()),
        false => Err(Fault::passing(format!(
            "stream `{}` takes other messages than before",
            now.name
        ))),
    }
}

/// Does with poison what the route says.
async fn bury(session: &Session, index: i32, poison: &Poison) -> Result<(), Fault> {
    let setup = &session.setup;
    let (route, topic) = (&setup.route, &setup.topic.name);
    let what = format!(
        "record {} of partition {index} of topic `{topic}`: {}",
        poison.offset, poison.why
    );
    let letter = Letter {
        route: &route.name,
        life: format!("{}/{}", route.record.life(), setup.topic_id),
        why: &poison.why,
        from: format!("topic/{topic}/{index}/{}", poison.offset),
        key: poison.key.as_deref(),
        payload: poison.payload.as_deref(),
        headers: poison.headers.clone(),
    };
    match &setup.policy {
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
            if let Some(letters) = &setup.letters {
                letters.send(&letter).await?;
            }
            route.gauge.dead.fetch_add(1, Ordering::Relaxed);
        }
    }
    route.tell_poison(&what);
    Ok(())
}
