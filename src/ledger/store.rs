use std::time::Duration;

use async_trait::async_trait;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};

/// A few keys with compare-and-set, and a lease on each stack.
///
/// Keys are `a-z A-Z 0-9 - _ = . /`. A read never shows less than what was written before it: it asks the leader.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// What it is, for people: ``the NATS bucket `trueup` ``, ``the file `ledger.json` ``.
    fn place(&self) -> String;

    /// Every entry whose key begins so, by key. Nothing, where the store itself does not exist yet.
    ///
    /// # Errors
    /// What could not be read is never nothing.
    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError>;

    /// Writes a value where the key still has this revision (none: where there is no such key), and makes the
    /// store where there is none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else wrote meanwhile; [`StoreError::Unknown`] when nobody knows whether it was written.
    async fn put(
        &self,
        key: &str,
        value: &[u8],
        expected: Option<Revision>,
    ) -> Result<Revision, StoreError>;

    /// Takes the lease of a stack for `ttl`, or tells who has it. An expired one is taken over.
    ///
    /// # Errors
    /// [`StoreError::Held`] with the holder.
    async fn acquire(
        &self,
        stack: &str,
        holder: &Holder,
        ttl: Duration,
    ) -> Result<Lease, StoreError>;

    /// Renews it for another `ttl` from now.
    ///
    /// # Errors
    /// [`StoreError::Lost`] when it is somebody else's, or nobody's any more.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError>;

    /// Gives it back; nothing happens where it is ours no longer.
    ///
    /// # Errors
    /// What could not be written.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Who has the lease of a stack now.
    ///
    /// # Errors
    /// What could not be read.
    async fn holder(&self, stack: &str) -> Result<Option<Holder>, StoreError>;

    /// What the user lacks to read it, and to write for a stack, as far as that can be told without writing; nothing is changed.
    ///
    /// # Errors
    /// What could not be read, the first right that is missing for it included.
    async fn missing_rights(&self, stack: &str) -> Result<Vec<String>, StoreError> {
        self.list("").await?;
        self.holder(stack).await?;
        Ok(Vec::new())
    }

    /// Takes the lease away from whoever has it (`trueup lock release`).
    ///
    /// # Errors
    /// What could not be written.
    async fn break_lease(&self, stack: &str) -> Result<(), StoreError>;
}

/// Which writing of a key it is.
pub type Revision = u64;

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The whole key.
    pub key: String,
    /// What was written last.
    pub value: Vec<u8>,
    /// Which writing it is.
    pub revision: Revision,
}

/// Who works on a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// A random id, another one for each run.
    pub id: String,
    /// The user.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The page of the CI job, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_url: Option<String>,
    /// What it does: `apply`.
    pub command: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// Until when, RFC 3339 by the store's clock; the store writes it.
    #[serde(default)]
    pub until: String,
}

/// The right to work on a stack until it ends.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The stack.
    pub stack: String,
    /// Who has it.
    pub holder: Holder,
    /// Which writing of the lease it is.
    pub revision: Revision,
    /// When it ends at the latest, by this machine's monotonic clock: counted from before the request was sent.
    pub ends: std::time::Instant,
}

impl Holder {
    /// The same until `ttl` from now, rounded up to a second: nobody takes it over before it ends for us.
    pub(super) fn until(&self, now: Timestamp, ttl: Duration) -> Holder {
        let up = TimestampRound::new()
            .smallest(Unit::Second)
            .mode(RoundMode::Ceil);
        let end = now.checked_add(ttl).and_then(|end| end.round(up));
        Holder {
            until: end.unwrap_or(Timestamp::MAX).to_string(),
            ..self.clone()
        }
    }

    /// Whether its time is over.
    ///
    /// # Errors
    /// What `until` says is no time: that is never over.
    pub(super) fn is_over(&self, now: Timestamp) -> Result<bool, String> {
        let until: Timestamp = self
            .until
            .parse()
            .map_err(|error| format!("its end `{}` can't be read: {error}", self.until))?;
        Ok(until <= now)
    }
}

impl Lease {
    /// That it is no longer ours.
    pub(super) fn lost(&self, why: impl Into<String>) -> StoreError {
        StoreError::Lost {
            stack: self.stack.clone(),
            why: why.into(),
        }
    }

    /// That somebody else has it, or nobody.
    pub(super) fn lost_to(&self, holder: Option<&Holder>) -> StoreError {
        self.lost(match holder {
            Some(holder) => format!(
                "{} on {} (pid {}) has it since {}, for `{}`",
                holder.who, holder.host, holder.pid, holder.since, holder.command
            ),
            None => "it ended, or was released by hand".to_owned(),
        })
    }
}

/// A stack's name as one token of a key.
pub(super) fn token(stack: &str) -> String {
    use base64::Engine;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !stack.is_empty() && stack.chars().all(plain) {
        true => stack.to_owned(),
        false => format!(
            "={}",
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(stack)
        ),
    }
}

/// What keeps a text from being a key: another letter than [`Store`] names, or a token without one.
pub(super) fn unfit(key: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_=./".contains(c);
    let whole = key.chars().all(fits) && key.split('.').all(|token| !token.is_empty());
    (!whole).then(|| format!("`{key}` can't be a key: `a-z A-Z 0-9 - _ = /`, with `.` between"))
}

/// Why a store did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote the key meanwhile.
    #[error("{place} was changed meanwhile (`{key}`): another trueup works on it")]
    Conflict {
        /// The store.
        place: String,
        /// The key.
        key: String,
    },
    /// Somebody else has the lease.
    #[error("stack `{stack}` is locked by {} on {} (pid {}) since {}, for `{}`, until {}", .holder.who, .holder.host, .holder.pid, .holder.since, .holder.command, .holder.until)]
    Held {
        /// The stack.
        stack: String,
        /// Who has it.
        holder: Box<Holder>,
    },
    /// Another process was at it all the time: nobody can take a lease, or write.
    #[error("{place}: {why}")]
    Busy {
        /// The store.
        place: String,
        /// Who, as far as it can be told.
        why: String,
    },
    /// The lease is ours no longer.
    #[error("the lock of stack `{stack}` is no longer ours: {why}")]
    Lost {
        /// The stack.
        stack: String,
        /// What was seen.
        why: String,
    },
    /// It could not be read or written, and nothing was.
    #[error("{place}: {why}")]
    Failed {
        /// The store.
        place: String,
        /// Why.
        why: String,
    },
    /// It may have been written or not.
    #[error("{place}: {why}; it may have been written or not")]
    Unknown {
        /// The store.
        place: String,
        /// Why.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder {
            id: "1".to_owned(),
            who: "ann".to_owned(),
            host: "build-7".to_owned(),
            pid: 7,
            ci_url: None,
            command: "apply".to_owned(),
            since: "2026-01-01T00:00:00Z".to_owned(),
            until: String::new(),
        }
    }

    #[test]
    fn a_lease_is_over_at_its_end_and_not_before() {
        let now: Timestamp = "2026-01-01T00:00:00.25Z".parse().unwrap();
        let holder = holder().until(now, Duration::from_secs(30));
        assert_eq!(holder.until, "2026-01-01T00:00:31Z");
        let at = |time: &str| holder.is_over(time.parse().unwrap()).unwrap();
        assert!(!at("2026-01-01T00:00:30.99Z"));
        assert!(at("2026-01-01T00:00:31Z"));
    }

    #[test]
    fn an_end_that_cannot_be_read_is_never_over() {
        assert!(holder().is_over(Timestamp::MAX).is_err());
        let forever = holder().until(Timestamp::MAX, Duration::MAX);
        assert!(!forever.is_over(Timestamp::now()).unwrap());
    }

    #[test]
    fn any_stack_has_one_token_and_no_two_the_same() {
        assert_eq!(token("shop-1"), "shop-1");
        for odd in ["", "a.b", "a b", "größe", "="] {
            let token = token(odd);
            assert!(unfit(&token).is_none() && !token.contains('.'), "{odd}");
            assert!(token.starts_with('='), "{odd}");
        }
    }

    #[test]
    fn a_key_is_tokens_with_dots_between() {
        assert_eq!(unfit("owned.=YQ.07"), None);
        for bad in ["", ".", "a.", "a..b", "a b", "a.*", ">", "ä"] {
            assert!(unfit(bad).is_some(), "{bad}");
        }
    }
}
