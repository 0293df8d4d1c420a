//! What the rules want to see, read in few requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use indexmap::IndexMap;

use super::turn::{After, Turn};
use super::{Rule, Want, wanting};
use crate::broker::kafka::{Kafka, KafkaError, Sample, Span};
use crate::kinds::loss::{Read, unread};
use crate::kinds::topic::losses::{LEFT_OUT, Topics, told};
use crate::kinds::topic::readers::{Readers, readers};

/// By partition.
pub(super) type Each<T> = BTreeMap<i32, T>;

/// What was seen of one topic; what no rule wanted was not asked for.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) spans: Read<Each<Span>>,
    pub(super) sizes: Read<Each<u64>>,
    /// The first offset that would still be kept by its time; none where all are older.
    pub(super) kept_from: Read<Each<Option<i64>>>,
    pub(super) samples: Read<Each<Sample>>,
    pub(super) local: Read<Each<i64>>,
    /// By broker, how many bytes its disk has free.
    pub(super) room: Read<BTreeMap<i32, u64>>,
    pub(super) readers: Readers,
}

impl Seen {
    /// How many records it holds at most.
    pub(super) fn records(&self) -> Read<u64> {
        let spans = self.spans.as_ref().map_err(String::clone)?;
        Ok(spans.values().map(|span| span.records()).sum())
    }

    /// A topic of which nothing was read.
    pub(super) fn nothing(why: &str) -> Seen {
        let why = || why.to_owned();
        Seen {
            spans: Err(why()),
            sizes: Err(why()),
            kept_from: Err(why()),
            samples: Err(why()),
            local: Err(why()),
            room: Err(why()),
            readers: Readers {
                groups: Vec::new(),
                gaps: vec![unread("its groups", why().as_str())],
            },
        }
    }
}

/// The same of every topic: nothing.
pub(super) fn nothing(turns: &[(Vec<&Rule>, Turn)], why: &str) -> Vec<Seen> {
    turns.iter().map(|_| Seen::nothing(why)).collect()
}

/// What these rules want to see, in the order of the turns.
pub(super) async fn look(kafka: &Kafka, turns: &[(Vec<&Rule>, Turn)]) -> Vec<Seen> {
    let of_turn =
        |(_, turn): &(Vec<&Rule>, Turn)| Some((turn.name().to_owned(), turn.topic.clone()?));
    let all: Topics = turns.iter().filter_map(of_turn).collect();
    let spans = known(kafka.spans(&all)).await;
    let full = |topics: Topics| -> Topics {
        let is_full = |name: &String| spans.get(name).is_none_or(holds_some);
        topics
            .into_iter()
            .filter(|(name, _)| is_full(name))
            .collect()
    };
    let wanted = |want| full(wanting(turns, want));
    let (of_size, of_age, of_sample, of_local, of_readers) = (
        wanted(Want::Sizes),
        wanted(Want::Age),
        wanted(Want::Sample),
        wanted(Want::Local),
        wanted(Want::Readers),
    );
    let read = spans
        .iter()
        .filter_map(|(name, spans)| Some((name.clone(), spans.clone().ok()?)));
    let read: IndexMap<String, Each<Span>> = read.collect();
    let times = cuts(turns);
    let of_room = wanted(Want::Room);
    let (mut sizes, mut ages, mut samples, mut local, readers, room) = tokio::join!(
        known(kafka.topic_sizes(&of_size)),
        known(kafka.offsets_at(&of_age, &times)),
        known(kafka.samples(&of_sample, &read)),
        known(kafka.local_starts(&of_local)),
        who_reads(kafka, &of_readers),
        free_room(kafka, &of_room),
    );
    let seen = |(_, turn): &(Vec<&Rule>, Turn)| {
        let name = turn.name();
        Seen {
            spans: spans.get(name).cloned().unwrap_or_else(left_out),
            sizes: sizes.swap_remove(name).unwrap_or_else(left_out),
            kept_from: ages.swap_remove(name).unwrap_or_else(left_out),
            samples: samples.swap_remove(name).unwrap_or_else(left_out),
            local: local.swap_remove(name).unwrap_or_else(left_out),
            room: room.clone(),
            readers: readers.clone(),
        }
    };
    turns.iter().map(seen).collect()
}

fn left_out<T>() -> Read<T> {
    Err(LEFT_OUT.to_owned())
}

fn holds_some(spans: &Read<Each<Span>>) -> bool {
    let spans = spans.as_ref();
    spans.map_or(true, |spans| spans.values().any(|span| span.records() > 0))
}

/// Answers by topic with their failures in words.
async fn known<T>(
    answers: impl Future<Output = IndexMap<String, Result<T, KafkaError>>>,
) -> IndexMap<String, Read<T>> {
    let answers = answers.await.into_iter();
    answers
        .map(|(name, answer)| (name, told(Some(answer))))
        .collect()
}

async fn who_reads(kafka: &Kafka, topics: &Topics) -> Readers {
    match topics.is_empty() {
        true => Readers::default(),
        false => readers(kafka, topics).await,
    }
}

/// What the brokers of these topics have free.
async fn free_room(kafka: &Kafka, topics: &Topics) -> Read<BTreeMap<i32, u64>> {
    let partitions = topics.values().flat_map(|topic| &topic.partitions);
    let brokers: BTreeSet<i32> = partitions.flat_map(|it| it.replicas.clone()).collect();
    let room = kafka.free_room(&brokers).await;
    room.map_err(|error| error.to_string())
}

/// Before which time records of a topic would no longer be kept, in ms since 1970.
fn cuts(turns: &[(Vec<&Rule>, Turn)]) -> IndexMap<String, i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    let cut = |(_, turn): &(Vec<&Rule>, Turn)| {
        let kept = turn.number(After, "retention.ms")?;
        Some((turn.name().to_owned(), now.saturating_sub(kept).max(0)))
    };
    turns.iter().filter_map(cut).collect()
}
