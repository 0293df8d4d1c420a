use indexmap::IndexMap;

use super::args::Global;
use super::endpoints::endpoints;
use super::environment::environment;
use super::failure::{Complaints, Failure};
use super::ledger::Chosen;
use super::progress::Progress;
use super::screen::Screen;
use super::work::{self, Work, brokers_of};
use crate::engine::{self, LiveBrokers};
use crate::manifest::{Connections, Manifest};
use crate::model::{Address, Broker, Problem, Tally};

/// Where to connect without resources: the connections of the manifest that `-f` names, or else
/// those of the environment.
pub(super) struct Reach {
    work: Option<Work>,
    connections: Connections,
    environment: IndexMap<String, String>,
}

impl Reach {
    /// Reads what `-f` names, where it names something.
    ///
    /// # Errors
    /// As [`Work::load`].
    pub fn load(global: &Global, screen: &Screen) -> Result<Reach, Failure> {
        if global.files.is_empty() {
            let environment = environment();
            return Ok(Reach {
                work: None,
                connections: Connections::from_environment(&environment),
                environment,
            });
        }
        let work = Work::read(global, screen)?;
        Ok(Reach {
            connections: work.manifest.connections.clone(),
            environment: work.environment().clone(),
            work: Some(work),
        })
    }

    /// The environment, as it was taken.
    pub fn environment(&self) -> &IndexMap<String, String> {
        &self.environment
    }

    /// Where the ledger of the manifest is, where one was named.
    pub fn ledger(&self) -> Option<&Chosen> {
        self.work.as_ref().map(Work::ledger)
    }

    /// The manifest and what it rests on, where one was named.
    pub fn work(&self) -> Option<&Work> {
        self.work.as_ref()
    }

    /// The manifest, where one was named.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.work.as_ref().map(|work| &work.manifest)
    }

    /// What the manifest declares, where there is one.
    pub fn declared(&self) -> Vec<Address> {
        let resources = self.manifest().map(|manifest| manifest.resources.keys());
        resources.into_iter().flatten().cloned().collect()
    }

    /// The brokers that are meant where nobody says which: those of the manifest's connections
    /// and resources, or those that the environment names, or else both.
    pub fn brokers(&self) -> Vec<Broker> {
        let meant = |broker: &Broker| match (broker, &self.work) {
            (Broker::Nats, Some(work)) => {
                self.connections.nats.place.is_some() || work.manifest.speaks_of(Broker::Nats)
            }
            (Broker::Kafka, Some(work)) => {
                self.connections.kafka.place.is_some() || work.manifest.speaks_of(Broker::Kafka)
            }
            (Broker::Nats, None) => self.environment.contains_key("NATS_URL"),
            (Broker::Kafka, None) => self.environment.contains_key("KAFKA_BROKERS"),
        };
        let both = vec![Broker::Nats, Broker::Kafka];
        let some: Vec<Broker> = both.iter().copied().filter(meant).collect();
        if some.is_empty() { both } else { some }
    }

    /// The brokers that the manifest's resources are on; without resources as [`Reach::brokers`].
    pub fn used(&self) -> Vec<Broker> {
        let used = self
            .manifest()
            .map(|manifest| brokers_of(manifest.resources.keys()));
        used.filter(|brokers| !brokers.is_empty())
            .unwrap_or_else(|| self.brokers())
    }

    /// How to reach these brokers.
    ///
    /// # Errors
    /// A connection that can't be used.
    pub fn endpoints(&self, brokers: &[Broker]) -> Result<engine::Endpoints, Failure> {
        endpoints(&self.connections, brokers, &self.environment).map_err(|p| self.failure(p))
    }

    /// Connects to these brokers.
    ///
    /// # Errors
    /// A connection that can't be used, a broker that does not answer.
    pub async fn connect(
        &self,
        brokers: &[Broker],
        progress: &Progress,
    ) -> Result<LiveBrokers, Failure> {
        let told = |problems| self.failure(problems);
        let passwords = self.manifest().map(|manifest| manifest.passwords.read());
        let passwords = passwords.transpose().map_err(told)?.unwrap_or_default();
        let port = work::connect(&self.connections, brokers, &self.environment, progress).await;
        Ok(port.map_err(told)?.with_passwords(passwords))
    }

    /// These problems, with the texts that they point into.
    pub fn failure(&self, problems: Vec<Problem>) -> Failure {
        let sources = self.work.as_ref().map(|work| work.sources.clone());
        Failure::from(Complaints {
            problems,
            left_out: Tally::default(),
            sources: sources.unwrap_or_default(),
        })
    }
}
