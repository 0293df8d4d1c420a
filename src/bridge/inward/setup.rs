//! What a session needs before the first record: source and target are there, and how the target takes messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::bridge::fault::Fault;
use crate::bridge::ground::{self, StreamGround, TopicGround};
use crate::bridge::letters::{Policy, TopicLetters};
use crate::bridge::mapping::Inward;
use crate::bridge::route::{Batch, Route};
use crate::kinds::route::{Delivery, begin_anew, group};

/// How long a worker may show no sign of life before it counts itself out: less than its group waits for it.
const FROZEN: Duration = Duration::from_secs(4);

/// What a batch of JetStream holds at most (ADR-50), and what of it is left for messages beside the position.
pub(super) const MAX_BATCH: usize = 1000;

/// What a session works with.
pub(super) struct Setup {
    pub(super) route: Arc<Route>,
    pub(super) inward: Inward,
    pub(super) batch: Batch,
    pub(super) policy: Policy,
    pub(super) way: Way,
    pub(super) topic: TopicGround,
    pub(super) topic_id: String,
    pub(super) cluster_id: String,
    pub(super) group: String,
    pub(super) stream: StreamGround,
    /// The largest message, headers included.
    pub(super) largest: usize,
    /// What publishing adds to a message, in bytes, at most.
    pub(super) added: usize,
    /// What the server takes, and when that and the stream were read.
    pub(super) max_payload: usize,
    pub(super) read: Instant,
    /// Whether a message of a batch may have an id (nats-server 2.12.1).
    pub(super) takes_ids_in_batches: bool,
    pub(super) letters: Option<TopicLetters>,
    pub(super) pulse: Arc<Pulse>,
}

/// How messages are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In batches that are stored whole or not at all, with the position as their last message.
    BatchesWithPosition,
    /// In such batches.
    Batches,
    /// One message of a subject at a time.
    Rounds,
}

impl Setup {
    pub(super) async fn make(route: &Arc<Route>) -> Result<Setup, Fault> {
        let spec = route.spec();
        let shared = &route.shared;
        let inward = Inward::new(&route.name, spec).map_err(|e| Fault::standing(e.to_string()))?;
        let policy = Policy::of(spec)?;
        let target = spec.to.stream.as_deref().unwrap_or_default();
        let read = Instant::now();
        let stream = ground::stream(&shared.nats, target).await?;
        let delivery = spec.delivery.unwrap_or_default();
        let way = way(
            delivery,
            stream.takes_batches,
            shared.nats.server().release,
            target,
        )?;
        let source = spec.from.topic.clone().unwrap_or_default();
        let mut names = vec![source.clone()];
        if let Policy::ToTopic(topic) = &policy
            && *topic != source
        {
            names.push(topic.clone());
        }
        let admin = shared.kafka.admin().await?;
        let cluster_id = admin.cluster().await?.cluster_id;
        let mut grounds = ground::topics(&admin, &names).await?;
        let letters = match &policy {
            Policy::ToTopic(topic) => {
                let ground = grounds.iter().find(|ground| ground.name == *topic);
                let largest = ground
                    .and_then(|ground| ground.max_batch)
                    .unwrap_or(1_048_588);
                Some(TopicLetters::new(&shared.kafka, topic, largest)?)
            }
            Policy::Stop | Policy::Skip | Policy::ToStream { .. } => None,
        };
        let topic = grounds.swap_remove(0);
        let topic_id = topic.description.topic_id.clone().unwrap_or_default();
        if route
            .record
            .source
            .as_ref()
            .is_some_and(|source| *source != topic_id)
        {
            return Err(Fault::standing(format!(
                "topic `{source}` was made anew since the route was applied, so that its position means nothing; {}",
                begin_anew(&route.name)
            )));
        }
        let max_payload = shared.nats.server().max_payload;
        let largest = stream
            .max_message
            .map_or(max_payload, |size| size.min(max_payload));
        let mut batch = Batch::of(spec.batch.as_ref());
        batch.messages = match way {
            Way::BatchesWithPosition => batch.messages.min(MAX_BATCH - 1),
            Way::Batches => batch.messages.min(MAX_BATCH),
            Way::Rounds => batch.messages,
        };
        let names = [&route.name, &stream.name, &cluster_id, &topic_id];
        let names: usize = names.into_iter().map(String::len).sum();
        Ok(Setup {
            added: HEADERS_ADDED + names,
            max_payload,
            read,
            takes_ids_in_batches: shared.nats.server().release >= (2, 12, 1),
            route: Arc::clone(route),
            inward,
            batch,
            policy,
            way,
            topic,
            topic_id,
            cluster_id,
            group: group(&route.name),
            stream,
            largest,
            letters,
            pulse: Pulse::start(),
        })
    }
}

/// `Nats-Batch-Id`, `-Sequence` and `-Commit`, `Nats-Expected-Stream` and `Nats-Msg-Id` without the names in them.
const HEADERS_ADDED: usize = 290;

impl Setup {
    /// What a record is called wherever a stream must know it again.
    pub(super) fn id(&self, partition: i32, offset: i64) -> String {
        let (route, life) = (&self.route.name, self.route.record.life());
        let (cluster, topic) = (&self.cluster_id, &self.topic_id);
        format!("{route}/{life}/{cluster}/{topic}/{partition}/{offset}")
    }
}

fn way(
    delivery: Delivery,
    takes_batches: bool,
    (major, minor, patch): (u64, u64, u64),
    stream: &str,
) -> Result<Way, Fault> {
    match delivery {
        Delivery::ExactlyOnce if (major, minor, patch) < (2, 12, 1) => {
            Err(Fault::standing(format!(
                "delivery exactly once into a stream needs NATS 2.12.1, and the server is {major}.{minor}.{patch}"
            )))
        }
        Delivery::ExactlyOnce if !takes_batches => Err(Fault::standing(format!(
            "delivery exactly once needs `allow_atomic: true` on stream `{stream}`"
        ))),
        Delivery::ExactlyOnce => Ok(Way::BatchesWithPosition),
        Delivery::AtLeastOnce if takes_batches && (major, minor) >= (2, 12) => Ok(Way::Batches),
        Delivery::AtLeastOnce => Ok(Way::Rounds),
    }
}

/// That the process lives: what froze for longer than its group waits finds out before it publishes anything.
pub(super) struct Pulse {
    origin: Instant,
    last_ms: AtomicU64,
    stood_still: AtomicBool,
}

/// How often a pulse beats.
const BEAT: Duration = Duration::from_millis(500);

impl Pulse {
    /// A pulse that beats until it is dropped, in a thread of its own that waits for nothing else.
    pub(super) fn start() -> Arc<Pulse> {
        let pulse = Arc::new(Pulse {
            origin: Instant::now(),
            last_ms: AtomicU64::new(0),
            stood_still: AtomicBool::new(false),
        });
        let weak = Arc::downgrade(&pulse);
        std::thread::spawn(move || {
            while let Some(pulse) = weak.upgrade() {
                pulse.beat();
                drop(pulse);
                std::thread::sleep(BEAT);
            }
        });
        pulse
    }

    fn beat(&self) {
        if self.is_late() {
            self.stood_still.store(true, Ordering::SeqCst);
        }
        let now = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::SeqCst);
    }

    fn is_late(&self) -> bool {
        let last = Duration::from_millis(self.last_ms.load(Ordering::SeqCst));
        self.origin.elapsed().saturating_sub(last) > FROZEN
    }

    /// Whoever is about to publish asks.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.is_late() || self.stood_still.load(Ordering::SeqCst) {
            true => Err(Fault::moved(
                "the process stood still for longer than its group waits",
            )),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_the_best_that_the_target_has() {
        let chosen = |delivery, batches, release| way(delivery, batches, release, "S").ok();
        let (once, least) = (Delivery::ExactlyOnce, Delivery::AtLeastOnce);
        assert_eq!(
            chosen(once, true, (2, 12, 1)),
            Some(Way::BatchesWithPosition)
        );
        assert_eq!(chosen(once, true, (2, 12, 0)), None);
        assert_eq!(chosen(once, false, (2, 15, 1)), None);
        assert_eq!(chosen(least, true, (2, 12, 0)), Some(Way::Batches));
        assert_eq!(chosen(least, true, (2, 11, 9)), Some(Way::Rounds));
        assert_eq!(chosen(least, false, (2, 15, 1)), Some(Way::Rounds));
    }

    #[test]
    fn what_stood_still_finds_out() {
        let pulse = Pulse {
            origin: Instant::now().checked_sub(FROZEN * 2).unwrap(),
            last_ms: AtomicU64::new(0),
            stood_still: AtomicBool::new(false),
        };
        assert!(pulse.check().is_err());
        // and goes on to know it when the thread that beats was faster
        pulse.beat();
        assert!(pulse.check().is_err());
        assert!(Pulse::start().check().is_ok());
    }
}
