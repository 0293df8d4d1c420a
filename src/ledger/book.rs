use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::store::token;
use super::{Entry, Record, Revision, Store, StoreError};
use crate::model::Address;

/// Over how many keys a stack's records lie. A value of a NATS bucket holds 1 MB by default (`max_payload`), some
/// 4,000 records: 32 of them are enough for 100,000.
pub const SHARDS: u8 = 32;

/// The format of a shard; another one is refused, never guessed.
const FORMAT: u32 = 1;

/// Before the name of a stack in a key.
const PREFIX: &str = "owned.";

/// The records of all stacks in a store.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Arc<dyn Store>,
}

/// What every stack owns, as it was read.
#[derive(Clone, Debug, Default)]
pub struct Book {
    stacks: BTreeMap<String, Shards>,
    revisions: BTreeMap<String, Revision>,
}

/// A stack's records, by the key that they lie in.
type Shards = BTreeMap<u8, IndexMap<Address, Record>>;

#[derive(Serialize, Deserialize)]
struct Shard {
    format: u32,
    stack: String,
    records: Vec<Record>,
}

impl Ledger {
    /// The ledger that lies in this store.
    pub fn new(store: Arc<dyn Store>) -> Ledger {
        Ledger { store }
    }

    /// Where it lies, and its lease.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Everything that any stack owns.
    ///
    /// # Errors
    /// What could not be read, or is of another format: it is never taken for empty.
    pub async fn read(&self) -> Result<Book, StoreError> {
        let mut book = Book::default();
        for entry in self.store.list(PREFIX).await? {
            book.take(&entry)
                .map_err(|why| self.failed(&entry.key, why))?;
        }
        Ok(book)
    }

    /// Writes these records of one stack, and takes those away whose address stands alone; the book follows.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else wrote since the book was read. What came before it was written.
    pub async fn write(
        &self,
        book: &mut Book,
        stack: &str,
        changes: Vec<(Address, Option<Record>)>,
    ) -> Result<(), StoreError> {
        let mut touched: BTreeMap<u8, Vec<(Address, Option<Record>)>> = BTreeMap::new();
        for change in changes {
            touched.entry(shard_of(&change.0)).or_default().push(change);
        }
        for (shard, changes) in touched {
            let shards = book.stacks.entry(stack.to_owned()).or_default();
            let mut next = shards.get(&shard).cloned().unwrap_or_default();
            for (address, record) in changes {
                match record {
                    Some(record) => next.insert(address, record),
                    None => next.shift_remove(&address),
                };
            }
            let key = key(stack, shard);
            let value = value(stack, &next).map_err(|why| self.failed(&key, why))?;
            let expected = book.revisions.get(&key).copied();
            let revision = self.store.put(&key, &value, expected).await?;
            book.revisions.insert(key, revision);
            shards.insert(shard, next);
        }
        Ok(())
    }

    fn failed(&self, key: &str, why: impl ToString) -> StoreError {
        StoreError::Failed {
            place: self.store.place(),
            why: format!("`{key}`: {}", why.to_string()),
        }
    }
}

impl Book {
    /// What this stack owns.
    pub fn of(&self, stack: &str) -> impl Iterator<Item = &Record> {
        let shards = self.stacks.get(stack).into_iter().flatten();
        shards.flat_map(|(_, records)| records.values())
    }

    /// This stack's record of a resource.
    pub fn record(&self, stack: &str, address: &Address) -> Option<&Record> {
        let shards = self.stacks.get(stack)?;
        shards.get(&shard_of(address))?.get(address)
    }

    /// Another stack that has a record of a resource.
    pub fn other_owner(&self, stack: &str, address: &Address) -> Option<&str> {
        let mut others = self.stacks.keys().filter(|name| *name != stack);
        let owner = others.find(|name| self.record(name, address).is_some())?;
        Some(owner)
    }

    /// What other stacks than this one own, each with its owner.
    pub fn others(&self, stack: &str) -> impl Iterator<Item = (&str, &Record)> {
        let others = self.stacks.iter().filter(move |(name, _)| *name != stack);
        others.flat_map(|(name, shards)| {
            let records = shards.values().flat_map(IndexMap::values);
            records.map(move |record| (name.as_str(), record))
        })
    }

    /// The stacks that own something.
    pub fn stacks(&self) -> impl Iterator<Item = &str> {
        let some = self.stacks.keys();
        some.filter(|name| self.of(name).next().is_some())
            .map(String::as_str)
    }

    fn insert(&mut self, stack: String, record: Record) {
        let shards = self.stacks.entry(stack).or_default();
        let of_shard = shards.entry(shard_of(&record.address)).or_default();
        of_shard.insert(record.address.clone(), record);
    }

    fn take(&mut self, entry: &Entry) -> Result<(), String> {
        let shard: Shard = serde_json::from_slice(&entry.value)
            .map_err(|error| format!("it is no part of a ledger: {error}"))?;
        if shard.format != FORMAT {
            return Err(format!(
                "it has format {}, this trueup reads {FORMAT}: take the version that wrote it, or a newer one",
                shard.format
            ));
        }
        for record in shard.records {
            self.insert(shard.stack.clone(), record);
        }
        self.revisions.insert(entry.key.clone(), entry.revision);
        Ok(())
    }
}

impl FromIterator<(String, Record)> for Book {
    /// A book of these records, each with its stack, as if none had been written yet.
    fn from_iter<T: IntoIterator<Item = (String, Record)>>(records: T) -> Self {
        let mut book = Book::default();
        for (stack, record) in records {
            book.insert(stack, record);
        }
        book
    }
}

fn key(stack: &str, shard: u8) -> String {
    format!("{PREFIX}{}.{shard:02}", token(stack))
}

fn shard_of(address: &Address) -> u8 {
    let digest = Sha256::digest(address.to_string());
    digest[0] % SHARDS
}

fn value(stack: &str, records: &IndexMap<Address, Record>) -> Result<Vec<u8>, String> {
    let mut records: Vec<Record> = records.values().cloned().collect();
    records.sort_by(|a, b| a.address.cmp(&b.address));
    let shard = Shard {
        format: FORMAT,
        stack: stack.to_owned(),
        records,
    };
    serde_json::to_vec(&shard).map_err(|error| error.to_string())
}
