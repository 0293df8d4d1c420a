//! The ledger in a NATS key-value bucket, the leases in another one beside it.

mod lease;

use async_trait::async_trait;
use std::time::Duration;

use super::store::{token, unfit};
use super::{Entry, Holder, Lease, Revision, Store, StoreError};
use crate::broker::nats::{Bucket, JetStream, NatsError, Template, Writing, Written, many};

/// A NATS key-value bucket, and `NAME_locks` for the leases.
#[derive(Clone, Debug)]
pub struct NatsStore {
    values: Bucket,
    locks: Bucket,
}

const VALUES: Template = Template {
    description: "what trueup owns: its ledger, written by no one else",
    history: 8,
    markers: None,
};

/// One value a key: an older one must not come back when the newest expires.
const LOCKS: Template = Template {
    description: "who works with trueup: a lock per stack",
    history: 1,
    markers: Some(Duration::from_mins(1)),
};

impl NatsStore {
    /// The bucket that is used where no other is named.
    pub const BUCKET: &str = "trueup";

    /// What the bucket of its leases is called beside it.
    pub const LOCKS: &str = "_locks";

    /// The bucket of this name; it is made with the first writing.
    pub fn new(jetstream: &JetStream, bucket: &str) -> NatsStore {
        NatsStore {
            values: Bucket::new(jetstream.clone(), bucket),
            locks: Bucket::new(jetstream.clone(), &format!("{bucket}{}", Self::LOCKS)),
        }
    }

    async fn entry(&self, key: String) -> Result<Option<Entry>, StoreError> {
        let last = self.values.last(&key).await;
        let last = last.map_err(|error| read(&self.values, &error))?;
        let entry = last.and_then(|last| {
            Some(Entry {
                key,
                value: last.value?,
                revision: last.sequence,
            })
        });
        Ok(entry)
    }

    async fn write(&self, key: &str, value: &[u8], after: Revision) -> Result<Written, StoreError> {
        let writing = Writing {
            value: Some(value),
            after: Some(after),
            ttl: None,
        };
        let written = self.values.write(key, &writing).await;
        written.map_err(|error| changed(&self.values, &error))
    }

    /// Writes a key that is not there: where the bucket isn't either, or where a key was deleted.
    async fn write_new(&self, key: &str, value: &[u8]) -> Result<Written, StoreError> {
        let mut written = self.write(key, value, 0).await?;
        if written == Written::NoBucket {
            make(&self.values, &VALUES).await?;
            written = self.write(key, value, 0).await?;
        }
        if written != Written::Overtaken {
            return Ok(written);
        }
        let last = self.values.last(key).await;
        match last.map_err(|error| read(&self.values, &error))? {
            Some(marker) if marker.value.is_none() => self.write(key, value, marker.sequence).await,
            _ => Ok(Written::Overtaken),
        }
    }
}

#[async_trait]
impl Store for NatsStore {
    fn place(&self) -> String {
        place(&self.values)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        let keys = self.values.keys(prefix).await;
        let Some(mut keys) = keys.map_err(|error| read(&self.values, &error))? else {
            return Ok(Vec::new());
        };
        keys.sort();
        let entries = many(keys, |key| self.entry(key)).await;
        let entries: Result<Vec<_>, _> = entries.into_iter().collect();
        Ok(entries?.into_iter().flatten().collect())
    }

    async fn put(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<Revision>,
    ) -> Result<Revision, StoreError> {
        if let Some(why) = unfit(key) {
            return Err(failed(&self.values, why));
        }
        let written = match expected {
            Some(revision) => self.write(key, value, revision).await?,
            None => self.write_new(key, value).await?,
        };
        match written {
            Written::At(sequence) => Ok(sequence),
            Written::Overtaken => Err(StoreError::Conflict {
                place: self.place(),
                key: key.to_owned(),
            }),
            Written::NoBucket => Err(gone(&self.values)),
        }
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
        self.give_back(lease).await
    }

    async fn holder(&self, stack: &str) -> Result<Option<Holder>, StoreError> {
        self.who_has(stack).await
    }

    async fn missing_rights(&self, stack: &str) -> Result<Vec<String>, StoreError> {
        let mut lacked = Vec::new();
        let lock = token(stack);
        let record = format!("owned.{lock}.00");
        for (bucket, key) in [(&self.values, &record), (&self.locks, &lock)] {
            let denied = bucket.denied(key).await;
            let denied = denied.map_err(|error| read(bucket, &error))?;
            lacked.extend(
                denied
                    .iter()
                    .map(|subject| format!("publish to `{subject}`")),
            );
        }
        if lacked.is_empty() {
            self.list("").await?;
            self.holder(stack).await?;
        }
        Ok(lacked)
    }

    async fn break_lease(&self, stack: &str) -> Result<(), StoreError> {
        self.take_away(stack, None).await.map(drop)
    }
}

fn place(bucket: &Bucket) -> String {
    format!("the NATS bucket `{}`", bucket.name())
}

/// Makes a bucket; that another trueup did meanwhile is as good.
async fn make(bucket: &Bucket, template: &Template) -> Result<(), StoreError> {
    let made = bucket.create(template).await;
    made.map_err(|error| failed(bucket, format!("it can't be made: {error}")))
}

fn failed(bucket: &Bucket, why: impl Into<String>) -> StoreError {
    StoreError::Failed {
        place: place(bucket),
        why: why.into(),
    }
}

fn gone(bucket: &Bucket) -> StoreError {
    failed(
        bucket,
        "it was deleted meanwhile; find out who did that, and plan again",
    )
}

/// A reading that failed.
fn read(bucket: &Bucket, error: &NatsError) -> StoreError {
    failed(bucket, error.to_string())
}

/// A writing that failed.
fn changed(bucket: &Bucket, error: &NatsError) -> StoreError {
    match error.outcome_unknown() {
        true => StoreError::Unknown {
            place: place(bucket),
            why: error.to_string(),
        },
        false => failed(bucket, error.to_string()),
    }
}
