//! What was read of the topic: the latest value of each key.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::broker::kafka::{Position, Tail};
use crate::ledger::store::unfit;
use crate::ledger::{Entry, Holder, Revision};

/// What a lease's key begins with: no key of a value holds such a sign.
const LEASE: &str = "lock:";

/// The latest values, up to a position.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    position: Option<Position>,
    values: BTreeMap<String, (Revision, Bytes)>,
}

impl Shelf {
    /// Up to where it was read.
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Takes in what was read; false where there is no topic, so that nothing is there.
    pub fn follow(&mut self, tail: Option<Tail>) -> bool {
        let Some(tail) = tail else {
            *self = Shelf::default();
            return false;
        };
        if tail.anew {
            self.values.clear();
        }
        for entry in tail.entries {
            self.set(entry.key, entry.value, entry.offset);
        }
        self.position = Some(tail.position);
        true
    }

    /// Takes in what was written.
    pub fn put(&mut self, key: &str, value: Option<&[u8]>, offset: i64) {
        self.set(key.to_owned(), value.map(Bytes::copy_from_slice), offset);
    }

    fn set(&mut self, key: String, value: Option<Bytes>, offset: i64) {
        match value {
            Some(value) => _ = self.values.insert(key, (revision(offset), value)),
            None => _ = self.values.remove(&key),
        }
    }

    /// Which writing of a key it is; None where there is none.
    pub fn revision(&self, key: &str) -> Option<Revision> {
        self.values.get(key).map(|(revision, _)| *revision)
    }

    /// The values whose key begins so.
    pub fn entries(&self, prefix: &str) -> Vec<Entry> {
        let from = self.values.range(prefix.to_owned()..);
        let wanted = from.take_while(|(key, _)| key.starts_with(prefix));
        let wanted = wanted.filter(|(key, _)| unfit(key).is_none());
        let entry = |(key, (revision, value)): (&String, &(Revision, Bytes))| Entry {
            key: key.clone(),
            value: value.to_vec(),
            revision: *revision,
        };
        wanted.map(entry).collect()
    }

    /// Who has the lease of an owner, be its time over or not.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn holder(&self, owner: &str) -> Result<Option<Holder>, String> {
        let Some((_, value)) = self.values.get(&lease_key(owner)) else {
            return Ok(None);
        };
        let holder = serde_json::from_slice(value);
        holder.map(Some).map_err(|error| error.to_string())
    }

    /// Whether an owner's lease lies there, readable or not.
    pub fn has_lease(&self, owner: &str) -> bool {
        self.values.contains_key(&lease_key(owner))
    }
}

/// The key of an owner's lease.
pub(super) fn lease_key(owner: &str) -> String {
    format!("{LEASE}{owner}")
}

/// The revision of what is written at an offset.
pub(super) fn revision(offset: i64) -> Revision {
    u64::try_from(offset).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_counts_and_leases_are_no_values() {
        let mut shelf = Shelf::default();
        shelf.put("owned.a.01", Some(b"1"), 3);
        shelf.put("owned.a.01", Some(b"2"), 5);
        shelf.put("owned.b.01", Some(b"1"), 6);
        shelf.put("owned.b.01", None, 7);
        shelf.put(&lease_key("a"), Some(b"{"), 8);
        let entry = Entry {
            key: "owned.a.01".to_owned(),
            value: b"2".to_vec(),
            revision: 5,
        };
        assert_eq!(shelf.entries(""), [entry]);
        assert_eq!(shelf.entries("owned.b"), []);
        assert_eq!(shelf.revision("owned.b.01"), None);
        assert!(shelf.has_lease("a") && shelf.holder("a").is_err());
        assert_eq!(shelf.holder("b"), Ok(None));
        assert!(!shelf.follow(None));
        assert_eq!(shelf.entries(""), []);
    }
}
