//! The ledger in a compacted Kafka topic, the leases in it beside the values.
//!
//! Kafka has no compare-and-set. What stands for it: who writes for a stack first asks for the producer of the stack's
//! transactional id, which fences out who had it before, then reads to the end, looks, and writes in a transaction. Whoever
//! is fenced asks and reads again. So each writing was made in sight of all before it, and of two one wins.

mod lease;
mod shelf;
mod words;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::store::unfit;
use super::{Entry, Holder, Lease, Revision, Store, StoreError};
use crate::broker::kafka::{Kafka, Log, NewTopic, Producer, Unwritten, Written};
use lease::Clock;
use shelf::Shelf;

/// A topic of one partition, compacted.
#[derive(Clone, Debug)]
pub struct KafkaStore {
    log: Log,
    desk: Arc<Mutex<Desk>>,
}

/// What this process knows of the topic, and its right to write.
#[derive(Debug, Default)]
struct Desk {
    shelf: Shelf,
    /// By owner. Where there is one, everything that was written for the owner before it is on the shelf.
    producers: HashMap<String, Producer>,
    /// The holder's id of the leases that were taken here, by owner: nothing is written for one whose lease is another's.
    leases: HashMap<String, String>,
    clock: Option<Clock>,
}

/// How many times a writing is tried where others write for the same stack in the same moment.
const ATTEMPTS: u32 = 30;

/// The longest pause before the second time; it grows with each.
const PAUSE: Duration = Duration::from_millis(20);

/// On how many brokers the topic is, where there are as many.
const REPLICAS: usize = 3;

/// What the topic is made with. The leader's clock tells when a lease ends; records of two clients would be of two
/// compressions; a segment is closed, and compacted, soon enough for a plan to read little.
const CONFIGS: [(&str, &str); 5] = [
    ("cleanup.policy", "compact"),
    ("compression.type", "producer"),
    ("max.message.bytes", "4194304"),
    ("message.timestamp.type", "LogAppendTime"),
    ("segment.ms", "3600000"),
];

impl KafkaStore {
    /// The topic that is used where no other is named.
    pub const TOPIC: &str = "__trueup";

    /// What the transactional ids of those who write to it begin with; the stack's name follows.
    pub const WRITERS: &str = "trueup-";

    /// The topic of this name; it is made with the first writing.
    pub fn new(kafka: &Kafka, topic: &str) -> KafkaStore {
        KafkaStore {
            log: Log::new(kafka, topic),
            desk: Arc::default(),
        }
    }

    /// Reads what is new; false where there is no topic.
    async fn catch_up(&self, desk: &mut Desk) -> Result<bool, StoreError> {
        let tail = self.log.read(desk.shelf.position()).await;
        let tail = tail.map_err(|error| self.unread(&error))?;
        Ok(desk.shelf.follow(tail))
    }

    /// Makes sure of the right to write for an owner, and of having read all that was written before; false where there
    /// is no topic.
    async fn be_writer(&self, desk: &mut Desk, owner: &str) -> Result<bool, StoreError> {
        if desk.producers.contains_key(owner) {
            return Ok(true);
        }
        let producer = self.log.producer(&self.transactional_id(owner)).await;
        let producer = producer.map_err(|error| self.unread(&error))?;
        let is_there = self.catch_up(desk).await?;
        if is_there {
            desk.producers.insert(owner.to_owned(), producer);
        }
        Ok(is_there)
    }

    /// Writes as the owner's producer; None where that was fenced out or the topic is gone, so that it has to be looked again.
    async fn write(
        &self,
        desk: &mut Desk,
        owner: &str,
        key: &str,
        value: Option<&[u8]>,
    ) -> Result<Option<Written>, StoreError> {
        let Some(producer) = desk.producers.get_mut(owner) else {
            return Ok(None);
        };
        let written = producer.write(key, value).await;
        if written.is_err() {
            desk.producers.remove(owner);
        }
        match written {
            Ok(written) => {
                desk.shelf.put(key, value, written.offset);
                Ok(Some(written))
            }
            Err(Unwritten::Fenced | Unwritten::NoTopic) => Ok(None),
            Err(Unwritten::Failed(error)) => Err(self.unread(&error)),
            Err(Unwritten::Unknown(error)) => Err(self.unknown(&error)),
        }
    }

    /// Makes the topic.
    async fn make(&self) -> Result<(), StoreError> {
        let brokers = self.log.brokers().await;
        let brokers = brokers.map_err(|error| self.unread(&error))?;
        let replicas = brokers.clamp(1, REPLICAS);
        let in_sync = (replicas - 1).max(1).to_string();
        let configs = CONFIGS
            .into_iter()
            .chain([("min.insync.replicas", in_sync.as_str())]);
        let topic = NewTopic {
            name: self.log.topic().to_owned(),
            partitions: Some(1),
            replication_factor: i16::try_from(replicas).ok(),
            configs: configs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        };
        let made = self.log.create(topic).await;
        made.map_err(|error| self.unread(&error))
    }

    /// What the producers of an owner have in common: `trueup-shop`.
    fn transactional_id(&self, owner: &str) -> String {
        format!("{}-{owner}", self.log.topic().trim_start_matches('_'))
    }

    fn conflict(&self, key: &str) -> StoreError {
        StoreError::Conflict {
            place: self.place(),
            key: key.to_owned(),
        }
    }
}

#[async_trait]
impl Store for KafkaStore {
    fn place(&self) -> String {
        format!("the Kafka topic `{}`", self.log.topic())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        let mut desk = self.desk.lock().await;
        self.catch_up(&mut desk).await?;
        Ok(desk.shelf.entries(prefix))
    }

    async fn put(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<Revision>,
    ) -> Result<Revision, StoreError> {
        if let Some(why) = unfit(key) {
            return Err(self.failed(why));
        }
        let owner = owner(key);
        let mut desk = self.desk.lock().await;
        for attempt in 1..=ATTEMPTS {
            if !self.be_writer(&mut desk, owner).await? {
                if expected.is_some() {
                    return Err(self.gone());
                }
                self.make().await?;
                continue;
            }
            if desk.shelf.revision(key) != expected || !desk.is_unfenced(owner) {
                return Err(self.conflict(key));
            }
            let written = self.write(&mut desk, owner, key, Some(value)).await?;
            if let Some(written) = written {
                return Ok(shelf::revision(written.offset));
            }
            pause(attempt).await;
        }
        Err(self.conflict(key))
    }

    async fn acquire(
        &self,
        stack: &str,
        holder: &Holder,
        ttl: Duration,
    ) -> Result<Lease, StoreError> {
        self.take(stack, holder, ttl).await
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError> {
        self.prolong(lease, ttl).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let whose = Some(lease.holder.id.as_str());
        self.take_away(&lease.stack, whose).await
    }

    async fn holder(&self, stack: &str) -> Result<Option<Holder>, StoreError> {
        self.who_has(stack).await
    }

    async fn missing_rights(&self, stack: &str) -> Result<Vec<String>, StoreError> {
        self.rights_lacked(stack).await
    }

    async fn break_lease(&self, stack: &str) -> Result<(), StoreError> {
        self.take_away(stack, None).await
    }
}

impl Desk {
    /// Whether the lease that was taken here for an owner, if one was, is still the one that lies in the topic.
    fn is_unfenced(&self, owner: &str) -> bool {
        let Some(ours) = self.leases.get(owner) else {
            return true;
        };
        let holder = self.shelf.holder(owner);
        holder.is_ok_and(|holder| holder.is_some_and(|holder| holder.id == *ours))
    }
}

/// Whose key it is: the stack's token, where it has one. Who writes for one owner fences out who wrote for it before.
fn owner(key: &str) -> &str {
    let mut tokens = key.split('.');
    let first = tokens.next().unwrap_or_default();
    tokens.next().unwrap_or(first)
}

/// Two who fence out each other part here.
async fn pause(attempt: u32) {
    let longest = (PAUSE * attempt).as_micros().max(1);
    let micros = uuid::Uuid::new_v4().as_u128() % longest;
    let micros = u64::try_from(micros).unwrap_or_default();
    tokio::time::sleep(Duration::from_micros(micros)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_stack_have_one_owner() {
        assert_eq!(owner("owned.shop.07"), "shop");
        assert_eq!(owner("owned.=YQ.07"), "=YQ");
        assert_eq!(owner("meta"), "meta");
    }
}
