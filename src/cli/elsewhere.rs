//! A ledger that moved because the manifest did: with a section for NATS that comes or goes, the usual place is another
//! one, and there nobody would own anything.

use super::failure::Failure;
use super::ledger;
use super::next;
use super::progress::Progress;
use super::work::Work;
use crate::engine::LiveBrokers;
use crate::ledger::{Book, Ledger, LedgerPlace};
use crate::model::{Broker, Code, Problem};

impl Work {
    /// The stack's ledger with all that it holds; none where there is none.
    ///
    /// # Errors
    /// A ledger that can't be read; that the stack's records are where its ledger would be for another manifest.
    pub async fn book(
        &self,
        port: &LiveBrokers,
        progress: &Progress,
    ) -> Result<Option<(Ledger, Book)>, Failure> {
        let Some(ledger) = self.ledger().open(port) else {
            return Ok(None);
        };
        let book = ledger::read(&ledger).await?;
        let is_settled = self.ledger().is_named || book.of(self.stack()).next().is_some();
        if let (false, Some((place, broker))) = (is_settled, self.other_place()) {
            let found = self.records_at(&place, broker, port, progress).await;
            if let Some(problem) = self.moved(&place, found) {
                return Err(self.complaints(vec![problem]).into());
            }
        }
        Ok(Some((ledger, book)))
    }

    /// Where the ledger would be if the manifest spoke of other brokers, as far as that can be reached.
    fn other_place(&self) -> Option<(LedgerPlace, Broker)> {
        let knows_kafka = self.manifest.brokers.contains(&Broker::Kafka);
        let knows_nats = self.environment().contains_key("NATS_URL");
        match self.ledger().place {
            LedgerPlace::Nats if knows_kafka => Some((LedgerPlace::Kafka, Broker::Kafka)),
            LedgerPlace::Kafka if knows_nats => Some((LedgerPlace::Nats, Broker::Nats)),
            LedgerPlace::Nats | LedgerPlace::Kafka | LedgerPlace::File(_) | LedgerPlace::None => {
                None
            }
        }
    }

    /// How many records of the stack lie there.
    async fn records_at(
        &self,
        place: &LedgerPlace,
        broker: Broker,
        port: &LiveBrokers,
        progress: &Progress,
    ) -> Result<usize, Failure> {
        let connected;
        let port = match port.has(broker) {
            true => port,
            false => {
                connected = self.connect(&[broker], progress).await?;
                &connected
            }
        };
        match ledger::open(place, port) {
            Some(ledger) => Ok(ledger::read(&ledger).await?.of(self.stack()).count()),
            None => Ok(0),
        }
    }

    /// That the records are there, or that nobody knows.
    fn moved(&self, there: &LedgerPlace, found: Result<usize, Failure>) -> Option<Problem> {
        let (stack, here) = (self.stack(), &self.ledger().place);
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
            Err(failure) => {
                let problems = failure.complaints().problems;
                let why: Vec<String> = problems.into_iter().map(|p| p.message).collect();
                (
                    format!(
                        "the ledger in `{here}` holds nothing of stack `{stack}`, and whether that in `{there}` does could not be read: {}",
                        why.join("; ")
                    ),
                    format!(
                        "nothing was planned; where nothing of the stack was ever recorded in `{there}`, say where its ledger is: `ledger: {here}` in the manifest, or `--ledger {here}`"
                    ),
                )
            }
        };
        Some(Problem::error(Code::LedgerElsewhere, message).hint(hint))
    }
}
