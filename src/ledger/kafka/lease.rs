//! Leases: a key per stack that only one can write, with its end by the leader's clock.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::shelf::{lease_key, revision};
use super::{ATTEMPTS, Desk, KafkaStore, pause};
use crate::broker::kafka::Written;
use crate::ledger::store::token;
use crate::ledger::{Holder, Lease, StoreError};

/// The key under which the time is asked for; it never has a value.
const CLOCK: &str = "clock:";

/// The leader's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// When it appended a record: what is over by it is over.
    told: Timestamp,
    /// Our own when it was asked to.
    asked: Instant,
}

impl Clock {
    /// The leader's clock now, or a little later.
    fn now(&self) -> Timestamp {
        let now = self.told.checked_add(self.asked.elapsed());
        now.unwrap_or(Timestamp::MAX)
    }
}

impl KafkaStore {
    pub(super) async fn take(
        &self,
        stack: &str,
        holder: &Holder,
        ttl: Duration,
    ) -> Result<Lease, StoreError> {
        let owner = token(stack);
        let mut desk = self.desk.lock().await;
        if !self.catch_up(&mut desk).await? {
            self.make().await?;
        }
        let clock = self.tick().await?;
        desk.clock = Some(clock);
        for attempt in 1..=ATTEMPTS {
            if !self.catch_up(&mut desk).await? {
                return Err(self.gone());
            }
            // who only waits for it fences nobody
            self.refuse(&desk, stack, holder, &clock)?;
            desk.producers.remove(&owner);
            self.be_writer(&mut desk, &owner).await?;
            if let Err(held) = self.refuse(&desk, stack, holder, &clock) {
                desk.producers.remove(&owner);
                return Err(held);
            }
            if let Some(lease) = self.sign(&mut desk, stack, holder, ttl).await? {
                desk.leases.insert(owner, holder.id.clone());
                return Ok(lease);
            }
            pause(attempt).await;
        }
        Err(self.conflict(&owner))
    }

    pub(super) async fn prolong(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError> {
        if lease.ends <= Instant::now() {
            return Err(lease.lost("it was not renewed in time"));
        }
        let Lease { stack, holder, .. } = lease;
        let owner = token(stack);
        let mut desk = self.desk.lock().await;
        for attempt in 1..=ATTEMPTS {
            if !self.be_writer(&mut desk, &owner).await? {
                return Err(lease.lost(self.gone().to_string()));
            }
            let now = self.holder_of(&desk, stack)?;
            if now.as_ref().is_none_or(|now| now.id != holder.id) {
                return Err(lease.lost_to(now.as_ref()));
            }
            if let Some(renewed) = self.sign(&mut desk, stack, holder, ttl).await? {
                return Ok(renewed);
            }
            pause(attempt).await;
        }
        Err(self.conflict(&owner))
    }

    /// Takes the lease away from a holder, or from whoever has it.
    pub(super) async fn take_away(
        &self,
        stack: &str,
        whose: Option<&str>,
    ) -> Result<(), StoreError> {
        let owner = token(stack);
        let mut desk = self.desk.lock().await;
        desk.leases
            .retain(|of, id| *of != owner || whose.is_some_and(|whose| whose != id));
        for attempt in 1..=ATTEMPTS {
            if !self.catch_up(&mut desk).await? || !self.is_of(&desk, stack, whose)? {
                return Ok(());
            }
            if self.be_writer(&mut desk, &owner).await?
                && self.is_of(&desk, stack, whose)?
                && self
                    .write(&mut desk, &owner, &lease_key(&owner), None)
                    .await?
                    .is_some()
            {
                return Ok(());
            }
            pause(attempt).await;
        }
        Err(self.conflict(&owner))
    }

    /// By this machine's clock: who only reads can't ask for the leader's.
    pub(super) async fn who_has(&self, stack: &str) -> Result<Option<Holder>, StoreError> {
        let mut desk = self.desk.lock().await;
        self.catch_up(&mut desk).await?;
        let Some(holder) = self.holder_of(&desk, stack)? else {
            return Ok(None);
        };
        let over = holder.is_over(Timestamp::now());
        let over = over.map_err(|why| self.unreadable(stack, why))?;
        Ok((!over).then_some(holder))
    }

    /// Writes the lease; None where somebody else became the writer meanwhile.
    async fn sign(
        &self,
        desk: &mut Desk,
        stack: &str,
        holder: &Holder,
        ttl: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let begin = Instant::now();
        let clock = match desk.clock {
            Some(clock) => clock,
            None => self.tick().await?,
        };
        let holder = holder.until(clock.now(), ttl);
        let value = serde_json::to_vec(&holder).map_err(|error| self.failed(error.to_string()))?;
        let owner = token(stack);
        let key = lease_key(&owner);
        let Some(written) = self.write(desk, &owner, &key, Some(&value)).await? else {
            return Ok(None);
        };
        desk.clock = told(&written, begin).or(Some(clock));
        Ok(Some(Lease {
            stack: stack.to_owned(),
            holder,
            revision: revision(written.offset),
            ends: begin + ttl,
        }))
    }

    /// Asks for the leader's clock.
    async fn tick(&self) -> Result<Clock, StoreError> {
        let asked = Instant::now();
        let ticked = self.log.tick(CLOCK).await;
        let ticked = ticked.map_err(|error| self.unread(&error))?;
        let ticked = ticked.ok_or_else(|| self.gone())?;
        told(&ticked, asked).ok_or_else(|| {
            self.failed(
                "its records don't tell the leader's time, by which a lock ends: set its `message.timestamp.type` to `LogAppendTime`",
            )
        })
    }

    /// That somebody else has the lease.
    fn refuse(
        &self,
        desk: &Desk,
        stack: &str,
        holder: &Holder,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        match self.holder_of(desk, stack)? {
            // our own is one whose acknowledgement was lost
            Some(other) if other.id != holder.id => {
                let over = other.is_over(clock.told);
                match over.map_err(|why| self.unreadable(stack, why))? {
                    true => Ok(()),
                    false => Err(StoreError::Held {
                        stack: stack.to_owned(),
                        holder: Box::new(other),
                    }),
                }
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the lease is a holder's, or anybody's.
    fn is_of(&self, desk: &Desk, stack: &str, whose: Option<&str>) -> Result<bool, StoreError> {
        match whose {
            None => Ok(desk.shelf.has_lease(&token(stack))),
            Some(whose) => {
                let holder = self.holder_of(desk, stack)?;
                Ok(holder.is_some_and(|holder| holder.id == whose))
            }
        }
    }

    fn holder_of(&self, desk: &Desk, stack: &str) -> Result<Option<Holder>, StoreError> {
        let holder = desk.shelf.holder(&token(stack));
        holder.map_err(|why| self.unreadable(stack, why))
    }
}

fn told(written: &Written, asked: Instant) -> Option<Clock> {
    let told = Timestamp::from_millisecond(written.appended?).ok()?;
    Some(Clock { told, asked })
}
