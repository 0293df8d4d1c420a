use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use secrecy::SecretString;
use tokio::task::JoinSet;

use crate::broker::Brokers;
use crate::kinds::{Observations, Observed, Rehearsal, Surroundings, kind};
use crate::model::{Address, Broker, KindName, Outcome, Problem, Risk, Step, Wanted};
use crate::plan::{Plan, Target};

/// Where live state is: the brokers, or what stands in for them.
///
/// Two verbs touch the world: observe and carry out; rehearse asks and changes nothing.
#[async_trait]
pub trait Port: Send + Sync {
    /// The brokers behind it.
    fn targets(&self) -> Vec<Target>;

    /// Their versions and limits.
    fn surroundings(&self) -> &Surroundings;

    /// Reads these resources of one kind; every address gets an answer.
    async fn observe(&self, kind: KindName, addresses: &[Address]) -> Observations;

    /// What the brokers would refuse of these steps of one kind.
    async fn rehearse(&self, kind: KindName, steps: &[&Step]) -> Rehearsal;

    /// What these steps of one kind may cost.
    async fn risks(&self, _kind: KindName, _steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        Vec::new()
    }

    /// Carries these steps of one kind out; every step gets an outcome.
    async fn carry_out(&self, kind: KindName, steps: &[&Step]) -> Vec<(Address, Outcome)>;

    /// Waits until what these steps did is visible; every step gets its last word.
    async fn see(&self, _kind: KindName, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        let seen = steps.iter();
        seen.map(|step| (step.address.clone(), Outcome::Applied))
            .collect()
    }

    /// Waits until these resources of one kind, which exist, are shown; gives back those that are not in the end.
    async fn appear(&self, _kind: KindName, hidden: Vec<Address>) -> Vec<Address> {
        hidden
    }

    /// Every resource of this kind; a failure where some of those that are wanted may be hidden.
    async fn list(&self, kind: KindName, wanted: &dyn Wanted) -> Result<Vec<Address>, Problem>;

    /// That the list of this kind may leave out some that a manifest could declare: see [`crate::kinds::Kind::hidden`].
    async fn hidden(&self, _kind: KindName) -> Option<Problem> {
        None
    }

    /// What else the list of this kind leaves out, and why.
    async fn left_out(&self, _kind: KindName) -> Vec<Problem> {
        Vec::new()
    }
}

/// The brokers themselves.
#[derive(Clone, Debug)]
pub struct LiveBrokers {
    brokers: Brokers,
    surroundings: Surroundings,
    targets: Vec<Target>,
}

impl LiveBrokers {
    /// Connected brokers and what is known of them.
    pub fn new(brokers: Brokers, surroundings: Surroundings, targets: Vec<Target>) -> Self {
        LiveBrokers {
            brokers,
            surroundings,
            targets,
        }
    }

    /// The same, with the passwords of users that may be made.
    pub fn with_passwords(mut self, passwords: IndexMap<String, SecretString>) -> Self {
        self.brokers.passwords = Arc::new(passwords);
        self
    }

    /// The steps that write a password which is not known here.
    pub fn without_password<'p>(&self, plan: &'p Plan) -> Vec<&'p Address> {
        let wants = |step: &&Step| kind(step.address.kind).is_some_and(|k| k.wants_secret(step));
        let wanting = plan.steps.iter().filter(wants).map(|step| &step.address);
        let is_known = |address: &&Address| self.brokers.passwords.contains_key(&address.name);
        wanting.filter(|address| !is_known(address)).collect()
    }

    /// Whether this broker is connected.
    pub fn has(&self, broker: Broker) -> bool {
        match broker {
            Broker::Nats => self.brokers.nats.is_some(),
            Broker::Kafka => self.brokers.kafka.is_some(),
        }
    }

    /// The connections themselves, for `doctor` and for counting requests.
    pub fn brokers(&self) -> &Brokers {
        &self.brokers
    }
}

#[async_trait]
impl Port for LiveBrokers {
    fn targets(&self) -> Vec<Target> {
        self.targets.clone()
    }

    fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    async fn observe(&self, name: KindName, addresses: &[Address]) -> Observations {
        match kind(name) {
            Some(kind) => {
                // a task of its own: what one kind's answers say is read while another kind's are
                let (brokers, addresses) = (self.brokers.clone(), addresses.to_vec());
                let mut task = JoinSet::new();
                task.spawn(async move { kind.observe(&brokers, &addresses).await });
                task.join_all().await.pop().unwrap_or_default()
            }
            None => addresses
                .iter()
                .map(|address| (address.clone(), Observed::Absent))
                .collect(),
        }
    }

    async fn rehearse(&self, name: KindName, steps: &[&Step]) -> Rehearsal {
        match kind(name) {
            Some(kind) => kind.rehearse(&self.brokers, steps).await,
            None => Rehearsal::default(),
        }
    }

    async fn risks(&self, name: KindName, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        match kind(name) {
            Some(kind) => kind.risks(&self.brokers, steps).await,
            None => Vec::new(),
        }
    }

    async fn carry_out(&self, name: KindName, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        match kind(name) {
            Some(kind) => kind.carry_out(&self.brokers, steps).await,
            None => Vec::new(),
        }
    }

    async fn see(&self, name: KindName, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        match kind(name) {
            Some(kind) => kind.see(&self.brokers, steps).await,
            None => Vec::new(),
        }
    }

    async fn appear(&self, name: KindName, hidden: Vec<Address>) -> Vec<Address> {
        match kind(name) {
            Some(kind) => kind.appear(&self.brokers, hidden).await,
            None => hidden,
        }
    }

    async fn hidden(&self, name: KindName) -> Option<Problem> {
        kind(name)?.hidden(&self.brokers, &self.surroundings).await
    }

    async fn left_out(&self, name: KindName) -> Vec<Problem> {
        match kind(name) {
            Some(kind) => kind.left_out(&self.brokers).await,
            None => Vec::new(),
        }
    }

    async fn list(&self, name: KindName, wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        match kind(name) {
            Some(kind) => kind.list(&self.brokers, wanted).await,
            None => Ok(Vec::new()),
        }
    }
}
