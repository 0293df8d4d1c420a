//! The other ledger of the same brokers. A manifest that gets or loses its section for NATS would have its ledger there,
//! and what other stacks own by it is not this one's to take over or to delete.

use jiff::Timestamp;

use super::failure::Failure;
use super::ledger;
use super::next;
use super::progress::Progress;
use super::work::Work;
use crate::engine::LiveBrokers;
use crate::ledger::{Book, Ledger, LedgerPlace};
use crate::model::{Address, Broker, Code, Problem, Refusal};
use crate::plan::{Plan, owned_by, owner_among, take_or_delete};

/// Where the ledger would be if the manifest spoke of other brokers.
pub(super) struct Elsewhere {
    place: LedgerPlace,
    /// What it holds, or why it can't be read.
    book: Result<Book, String>,
}

impl Work {
    /// The stack's ledger with all that it holds; none where there is none.
    ///
    /// # Errors
    /// A ledger that can't be read; that the stack's records are where its ledger would be for another manifest, which is
    /// looked at here where it is connected.
    pub async fn book(
        &self,
        port: &LiveBrokers,
        progress: &Progress,
    ) -> Result<Option<(Ledger, Book)>, Failure> {
        let Some(ledger) = self.ledger().open(port) else {
            return Ok(None);
        };
        let book = ledger::read(&ledger).await?;
        let elsewhere = self.other_place().filter(|(_, broker)| port.has(*broker));
        if let (false, Some(place)) = (self.is_settled(&book), elsewhere) {
            self.stayed(&self.read_at(place, port, progress).await)?;
        }
        Ok(Some((ledger, book)))
    }

    /// What the other ledger holds, be it connected or not; none where there is no other.
    ///
    /// # Errors
    /// That the stack's records are there.
    pub async fn elsewhere(
        &self,
        book: &Book,
        port: &LiveBrokers,
        progress: &Progress,
    ) -> Result<Option<Elsewhere>, Failure> {
        let is_named = self.ledger().is_named;
        let place = self.other_place();
        let Some(place) = place.filter(|(_, broker)| !is_named || port.has(*broker)) else {
            return Ok(None);
        };
        let there = self.read_at(place, port, progress).await;
        if !self.is_settled(book) {
            self.stayed(&there)?;
        }
        let is_of_use = there.book.is_ok() || !is_named;
        Ok(is_of_use.then_some(there))
    }

    /// The plan with what belongs to others by the other ledger refused: that one is read only where the plan takes over or
    /// deletes something, or, where it is connected, changes anything.
    ///
    /// # Errors
    /// That the stack's records are there.
    pub async fn sparing_others(
        &self,
        mut plan: Plan,
        book: &Book,
        port: &LiveBrokers,
        progress: &Progress,
    ) -> Result<Plan, Failure> {
        // what is connected is read at little cost
        let is_near = self
            .other_place()
            .is_some_and(|(_, broker)| port.has(broker));
        if take_or_delete(&mut plan, is_near).next().is_none() {
            return Ok(plan);
        }
        let Some(there) = self.elsewhere(book, port, progress).await? else {
            return Ok(plan);
        };
        let is_known = there.book.is_ok();
        for step in take_or_delete(&mut plan, is_near && is_known) {
            let refusal = there.refusal(self.stack(), &step.address);
            let is_new = |it: &Refusal| step.refusals.iter().all(|old| old.code != it.code);
            step.refusals.extend(refusal.filter(is_new));
        }
        Ok(plan.weighed(Vec::new(), Timestamp::now()))
    }

    fn is_settled(&self, book: &Book) -> bool {
        self.ledger().is_named || book.of(self.stack()).next().is_some()
    }

    /// Where the ledger would be if the manifest spoke of other brokers, as far as that can be reached.
    fn other_place(&self) -> Option<(LedgerPlace, Broker)> {
        let speaks_of = |broker| self.manifest.brokers.contains(&broker);
        let knows_nats = speaks_of(Broker::Nats) || self.environment().contains_key("NATS_URL");
        match self.ledger().place {
            LedgerPlace::Nats if speaks_of(Broker::Kafka) => {
                Some((LedgerPlace::Kafka, Broker::Kafka))
            }
            LedgerPlace::Kafka if knows_nats => Some((LedgerPlace::Nats, Broker::Nats)),
            LedgerPlace::Nats | LedgerPlace::Kafka | LedgerPlace::File(_) | LedgerPlace::None => {
                None
            }
        }
    }

    async fn read_at(
        &self,
        (place, broker): (LedgerPlace, Broker),
        port: &LiveBrokers,
        progress: &Progress,
    ) -> Elsewhere {
        let book = self.book_at(&place, broker, port, progress).await;
        let book = book.map_err(|failure| {
            let problems = failure.complaints().problems;
            let why: Vec<String> = problems.into_iter().map(|p| p.message).collect();
            why.join("; ")
        });
        Elsewhere { place, book }
    }

    async fn book_at(
        &self,
        place: &LedgerPlace,
        broker: Broker,
        port: &LiveBrokers,
        progress: &Progress,
    ) -> Result<Book, Failure> {
        let connected;
        let port = match port.has(broker) {
            true => port,
            false => {
                connected = self.connect(&[broker], progress).await?;
                &connected
            }
        };
        match ledger::open(place, port) {
            Some(ledger) => ledger::read(&ledger).await,
            None => Ok(Book::default()),
        }
    }

    /// That the stack's records did not stay in the other ledger.
    ///
    /// # Errors
    /// They did, or nobody knows.
    fn stayed(&self, there: &Elsewhere) -> Result<(), Failure> {
        match self.moved(there) {
            Some(problem) => Err(self.complaints(vec![problem]).into()),
            None => Ok(()),
        }
    }

    /// That the records are there, or that nobody knows.
    fn moved(&self, elsewhere: &Elsewhere) -> Option<Problem> {
        let (stack, here, there) = (self.stack(), &self.ledger().place, &elsewhere.place);
        let found = elsewhere.book.as_ref().map(|book| book.of(stack).count());
        let (message, hint) = match found {
            Ok(0) => return None,
            Ok(count) => (
                format!(
                    "the ledger in `{there}` holds {count} of stack `{stack}`, and that in `{here}`, where this manifest's is when nobody says, holds none"
                ),
                format!(
                    "nothing was planned; `{}` takes them along, or stay there with `ledger: {there}` in the manifest",
                    next::command(
                        &["ledger", "move", "--from", &there.to_string()],
                        self.global(),
                        &[]
                    ),
                ),
            ),
            Err(why) => (
                format!(
                    "the ledger in `{here}` holds nothing of stack `{stack}`, and whether that in `{there}` does could not be read: {why}"
                ),
                format!(
                    "nothing was planned; where nothing of the stack was ever recorded in `{there}`, say where its ledger is: `ledger: {here}` in the manifest, or `--ledger {here}`"
                ),
            ),
        };
        Some(Problem::error(Code::LedgerElsewhere, message).hint(hint))
    }
}

impl Elsewhere {
    /// Why what it holds is not known.
    pub fn unread(&self) -> Option<String> {
        let why = self.book.as_ref().err()?;
        Some(format!(
            "the ledger in `{}` could not be read: {why}",
            self.place
        ))
    }

    /// Whether another stack owns it there, as far as that is known.
    pub fn is_of_another(&self, stack: &str, address: &Address) -> bool {
        let book = self.book.as_ref();
        book.is_ok_and(|book| owner_among(book, stack, address).is_some())
    }

    /// What is to be said of a resource that this stack would take over or delete: that another one owns it there, or that
    /// nobody knows.
    pub fn refusal(&self, stack: &str, address: &Address) -> Option<Refusal> {
        let place = &self.place;
        match &self.book {
            Ok(book) => {
                let other = owner_among(book, stack, address)?;
                let refusal = owned_by(other, address);
                Some(Refusal {
                    message: format!("{}, by the ledger in `{place}`", refusal.message),
                    ..refusal
                })
            }
            // one of two ledgers is of Kafka alone: only that is shared
            Err(_) if address.kind.broker() != Broker::Kafka => None,
            Err(why) => Some(Refusal::new(
                Code::LedgerElsewhere,
                format!(
                    "another stack may own it: the ledger in `{place}` could not be read: {why}"
                ),
                "see to that ledger, or name this stack's own with `--ledger`, where no other one is on these brokers",
            )),
        }
    }
}
