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
    stacks: BTreeMap<String, IndexMap<Address, Record>>,
    revisions: BTreeMap<String, Revision>,
}

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
            let mut next = book.clone_of(stack);
            for (address, record) in changes {
                match record {
                    Some(record) => next.insert(address, record),
                    None => next.shift_remove(&address),
                };
            }
            let key = key(stack, shard);
            let value = value(stack, shard, &next).map_err(|why| self.failed(&key, why))?;
            let expected = book.revisions.get(&key).copied();
            let revision = self.store.put(&key, &value, expected).await?;
            book.revisions.insert(key, revision);
            book.stacks.insert(stack.to_owned(), next);
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
        self.stacks
            .get(stack)
            .into_iter()
            .flat_map(IndexMap::values)
    }

    /// This stack's record of a resource.
    pub fn record(&self, stack: &str, address: &Address) -> Option<&Record> {
        self.stacks.get(stack)?.get(address)
    }

    /// Another stack that has a record of a resource.
    pub fn other_owner(&self, stack: &str, address: &Address) -> Option<&str> {
        let mut others = self.stacks.iter().filter(|(name, _)| *name != stack);
        let (name, _) = others.find(|(_, records)| records.contains_key(address))?;
        Some(name)
    }

    /// The stacks that own something.
    pub fn stacks(&self) -> impl Iterator<Item = &str> {
        let some = self
            .stacks
            .iter()
            .filter(|(_, records)| !records.is_empty());
        some.map(|(name, _)| name.as_str())
    }

    fn clone_of(&self, stack: &str) -> IndexMap<Address, Record> {
        self.stacks.get(stack).cloned().unwrap_or_default()
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
        let records = self.stacks.entry(shard.stack).or_default();
        records.extend(shard.records.into_iter().map(|r| (r.address.clone(), r)));
        self.revisions.insert(entry.key.clone(), entry.revision);
        Ok(())
    }
}

impl FromIterator<(String, Record)> for Book {
    /// A book of these records, each with its stack, as if none had been written yet.
    fn from_iter<T: IntoIterator<Item = (String, Record)>>(records: T) -> Self {
        let mut book = Book::default();
        for (stack, record) in records {
            let of_stack = book.stacks.entry(stack).or_default();
            of_stack.insert(record.address.clone(), record);
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

fn value(stack: &str, shard: u8, all: &IndexMap<Address, Record>) -> Result<Vec<u8>, String> {
    let mut records: Vec<Record> = all
        .values()
        .filter(|record| shard_of(&record.address) == shard)
        .cloned()
        .collect();
    records.sort_by(|a, b| a.address.cmp(&b.address));
    let shard = Shard {
        format: FORMAT,
        stack: stack.to_owned(),
        records,
    };
    serde_json::to_vec(&shard).map_err(|error| error.to_string())
}
