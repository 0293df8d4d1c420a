//! Leases: a key per stack that only one can write, and that ends by itself.
//!
//! When it ends is written into it, by the server's clock. A server of 2.11 and newer removes it then; an older one
//! doesn't, and whoever comes next takes it over. Both write with the sequence that they saw, so that one of two wins.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{LOCKS, NatsStore, changed, failed, gone, make, place, read};
use crate::broker::nats::{Last, Writing, Written};
use crate::ledger::store::token;
use crate::ledger::{Holder, Lease, Revision, StoreError};

/// How often the lease is asked for where others write it in the same moment.
const ATTEMPTS: u32 = 20;

/// The pause before the next time.
const PAUSE: Duration = Duration::from_millis(50);

/// What the bucket of leases says of itself.
struct Facts {
    /// Whether its keys expire by themselves.
    expires: bool,
    /// The server's clock when it answered: what is over by it is over.
    told: Timestamp,
    /// Our own when it was asked.
    asked: Instant,
}

impl Facts {
    fn read(document: &Map<String, Value>, asked: Instant) -> Result<Facts, String> {
        let told = document.get("ts").and_then(Value::as_str);
        let told = told.ok_or("the server doesn't tell its time; NATS 2.10 and newer do")?;
        let config = document.get("config");
        let expires = config.and_then(|config| config.get("allow_msg_ttl"));
        Ok(Facts {
            expires: expires.and_then(Value::as_bool).unwrap_or_default(),
            told: told.parse().map_err(|_| format!("its time is `{told}`"))?,
            asked,
        })
    }

    /// The server's clock now, or a little later.
    fn now(&self) -> Timestamp {
        let now = self.told.checked_add(self.asked.elapsed());
        now.unwrap_or(Timestamp::MAX)
    }
}

/// The lease of a stack as it lies in the bucket.
struct Seen {
    revision: Revision,
    /// Who has it, be the time over or not.
    holder: Option<Holder>,
}

impl Seen {
    fn is_of(&self, id: &str) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.id == id)
    }
}

impl NatsStore {
    pub(super) async fn take(
        &self,
        stack: &str,
        holder: &Holder,
        ttl: Duration,
    ) -> Result<Lease, StoreError> {
        let facts = self.locks_made().await?;
        for _ in 0..ATTEMPTS {
            let seen = self.seen(stack).await?;
            // our own is one whose acknowledgement was lost
            let other = seen.holder.as_ref().filter(|other| other.id != holder.id);
            if let Some(other) = other
                && !self.is_over(stack, other, &facts)?
            {
                return Err(StoreError::Held {
                    stack: stack.to_owned(),
                    holder: Box::new(other.clone()),
                });
            }
            let lease = self.sign(stack, holder, ttl, seen.revision, &facts);
            if let Some(lease) = lease.await? {
                return Ok(lease);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(StoreError::Conflict {
            place: place(&self.locks),
            key: token(stack),
        })
    }

    pub(super) async fn prolong(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError> {
        if lease.ends <= Instant::now() {
            return Err(lease.lost("it was not renewed in time"));
        }
        let Some(facts) = self.facts().await? else {
            return Err(lease.lost(gone(&self.locks).to_string()));
        };
        let Lease { stack, holder, .. } = lease;
        let renewed = self.sign(stack, holder, ttl, lease.revision, &facts);
        if let Some(renewed) = renewed.await? {
            return Ok(renewed);
        }
        // it may be our own, of a renewal whose acknowledgement was lost
        let seen = self.seen(stack).await?;
        let renewed = match seen.is_of(&holder.id) {
            true => self.sign(stack, holder, ttl, seen.revision, &facts).await?,
            false => None,
        };
        renewed.ok_or_else(|| lease.lost_to(seen.holder.as_ref()))
    }

    pub(super) async fn give_back(&self, lease: &Lease) -> Result<(), StoreError> {
        let taken = self.take_away(&lease.stack, Some(lease.revision)).await?;
        if taken != Written::Overtaken {
            return Ok(());
        }
        let seen = self.seen(&lease.stack).await?;
        if seen.is_of(&lease.holder.id) {
            self.take_away(&lease.stack, Some(seen.revision)).await?;
        }
        Ok(())
    }

    pub(super) async fn who_has(&self, stack: &str) -> Result<Option<Holder>, StoreError> {
        let Some(facts) = self.facts().await? else {
            return Ok(None);
        };
        let Some(holder) = self.seen(stack).await?.holder else {
            return Ok(None);
        };
        let over = self.is_over(stack, &holder, &facts)?;
        Ok((!over).then_some(holder))
    }

    /// Leaves a marker in the place of the lease: the key is free at once.
    pub(super) async fn take_away(
        &self,
        stack: &str,
        after: Option<Revision>,
    ) -> Result<Written, StoreError> {
        let purge = Writing {
            value: None,
            after,
            ttl: None,
        };
        let taken = self.locks.write(&token(stack), &purge).await;
        taken.map_err(|error| changed(&self.locks, &error))
    }

    /// Writes the lease where it is still of this revision.
    async fn sign(
        &self,
        stack: &str,
        holder: &Holder,
        ttl: Duration,
        after: Revision,
        facts: &Facts,
    ) -> Result<Option<Lease>, StoreError> {
        let begin = Instant::now();
        let holder = holder.until(facts.now(), ttl);
        let value = serde_json::to_vec(&holder);
        let value = value.map_err(|error| failed(&self.locks, error.to_string()))?;
        let writing = Writing {
            value: Some(&value),
            after: Some(after),
            ttl: facts.expires.then_some(ttl),
        };
        let written = self.locks.write(&token(stack), &writing).await;
        match written.map_err(|error| changed(&self.locks, &error))? {
            Written::At(revision) => Ok(Some(Lease {
                stack: stack.to_owned(),
                holder,
                revision,
                ends: begin + ttl,
            })),
            Written::Overtaken => Ok(None),
            Written::NoBucket => Err(gone(&self.locks)),
        }
    }

    async fn locks_made(&self) -> Result<Facts, StoreError> {
        if let Some(facts) = self.facts().await? {
            return Ok(facts);
        }
        make(&self.locks, &LOCKS).await?;
        self.facts().await?.ok_or_else(|| gone(&self.locks))
    }

    /// None where there is no bucket.
    async fn facts(&self) -> Result<Option<Facts>, StoreError> {
        let asked = Instant::now();
        let info = self.locks.info().await;
        let info = info.map_err(|error| read(&self.locks, &error))?;
        let facts = info.map(|document| Facts::read(&document, asked));
        facts.transpose().map_err(|why| failed(&self.locks, why))
    }

    async fn seen(&self, stack: &str) -> Result<Seen, StoreError> {
        let last = self.locks.last(&token(stack)).await;
        let last = last.map_err(|error| read(&self.locks, &error))?;
        let Some(Last {
            sequence, value, ..
        }) = last
        else {
            return Ok(Seen {
                revision: 0,
                holder: None,
            });
        };
        let holder = value
            .map(|value| serde_json::from_slice(&value))
            .transpose();
        Ok(Seen {
            revision: sequence,
            holder: holder.map_err(|error| self.unreadable(stack, error))?,
        })
    }

    fn is_over(&self, stack: &str, holder: &Holder, facts: &Facts) -> Result<bool, StoreError> {
        let over = holder.is_over(facts.told);
        over.map_err(|why| self.unreadable(stack, why))
    }

    fn unreadable(&self, stack: &str, why: impl std::fmt::Display) -> StoreError {
        failed(
            &self.locks,
            format!(
                "the lock of stack `{stack}` can't be read: {why}; if nobody is at work, release it by hand"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn facts(document: &Value) -> Result<Facts, String> {
        Facts::read(document.as_object().unwrap(), Instant::now())
    }

    #[test]
    fn the_servers_clock_goes_on() {
        let document = json!({"ts": "2026-01-01T00:00:00.5Z", "config": {"allow_msg_ttl": true}});
        let facts = facts(&document).unwrap();
        assert!(facts.expires);
        let first = facts.now();
        assert!(first >= facts.told);
        std::thread::sleep(Duration::from_millis(2));
        assert!(facts.now() > first);
    }

    #[test]
    fn an_old_bucket_does_not_expire_and_a_server_without_a_clock_is_no_judge() {
        assert!(
            !facts(&json!({"ts": "2026-01-01T00:00:00Z", "config": {}}))
                .unwrap()
                .expires
        );
        assert!(facts(&json!({"config": {}})).is_err());
        assert!(facts(&json!({"ts": "noon"})).is_err());
    }
}
