//! The ledger: which stack owns what, and who is at work.
//!
//! It is an inventory, never a cache of live values: the brokers alone say what a resource is set to. What is lost,
//! rolled back or stale here must lead to "keep" or "refuse", never to "delete".
//!
//! A [`Store`] is a few keys with compare-and-set; where they are kept is its own business. The records of a stack
//! lie in [`SHARDS`] of them, so that an apply writes its intent for a thousand steps in a few requests, and a plan
//! reads ten thousand records in as few.

mod book;
mod file;
mod kafka;
mod nats;
mod place;
mod record;
mod store;

/// Whether a bucket is trueup's own, the ledger or the bridge's: it is never managed, exported or deleted.
pub fn is_own_bucket(name: &str) -> bool {
    if BRIDGE.contains(&name) {
        return true;
    }
    name.strip_prefix(NatsStore::BUCKET)
        .is_some_and(|rest| rest.is_empty() || rest == NatsStore::LOCKS)
}

/// The buckets of the bridge beside it: the table of routes, and who moves messages.
const BRIDGE: [&str; 2] = ["trueup-routes", "trueup-workers"];

/// Whether a topic is the ledger's own: it is never managed, exported or deleted.
pub fn is_own_topic(name: &str) -> bool {
    name.strip_prefix(KafkaStore::TOPIC)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

pub use book::{Book, Ledger, SHARDS};
pub use file::FileStore;
pub use kafka::KafkaStore;
pub use nats::NatsStore;
pub use place::LedgerPlace;
pub use record::{Phase, Record};
pub use store::{Entry, Holder, Lease, Revision, Store, StoreError};
