//! Where the ledger of a run is, and the lock that it works under.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::task::JoinHandle;

use super::args::Global;
use super::failure::Failure;
use crate::apply::Lock;
use crate::engine::LiveBrokers;
use crate::ledger::{
    Book, FileStore, Holder, KafkaStore, Ledger, LedgerPlace, NatsStore, Store, StoreError,
};
use crate::manifest::{Manifest, without_logins};
use crate::model::{Code, Problem};

/// Where the ledger of a run is.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub place: LedgerPlace,
    /// Whether somebody said so: an option, the environment, or the manifest.
    pub is_named: bool,
}

impl Chosen {
    /// What is named, or what the manifest says, or else what follows from the brokers that it is about.
    ///
    /// # Errors
    /// As [`named`].
    pub fn of(
        manifest: &Manifest,
        global: &Global,
        environment: &IndexMap<String, String>,
    ) -> Result<Chosen, Failure> {
        let said = named(global, environment)?.or_else(|| manifest.ledger.clone());
        Ok(Chosen {
            is_named: said.is_some(),
            place: said.unwrap_or_else(|| manifest.usual_ledger()),
        })
    }

    /// The ledger at this place, none where there is none.
    pub fn open(&self, port: &LiveBrokers) -> Option<Ledger> {
        open(&self.place, port)
    }
}

/// What `--ledger` names, or else `TRUEUP_LEDGER`.
///
/// # Errors
/// A variable that names no place.
pub(super) fn named(
    global: &Global,
    environment: &IndexMap<String, String>,
) -> Result<Option<LedgerPlace>, Failure> {
    let of_environment = environment.get("TRUEUP_LEDGER");
    match (
        &global.ledger,
        of_environment.filter(|said| !said.is_empty()),
    ) {
        (Some(place), _) => Ok(Some(place.clone())),
        (None, Some(said)) => said.parse().map(Some).map_err(|hint: String| {
            Failure::said(format!(
                "TRUEUP_LEDGER is `{}`, which is no place for a ledger",
                without_logins(said)
            ))
            .hint(hint)
        }),
        (None, None) => Ok(None),
    }
}

/// That a command can't work without a ledger.
pub(super) fn needed() -> Failure {
    Failure::said("without a ledger nothing is known to be the stack's").hint(
        "name it with `--ledger nats`, `--ledger kafka` or `--ledger file:PATH`, in TRUEUP_LEDGER, or as `ledger` in the manifest",
    )
}

/// The ledger at a place, none where there is none.
pub(super) fn open(place: &LedgerPlace, port: &LiveBrokers) -> Option<Ledger> {
    let store: Arc<dyn Store> = match place {
        LedgerPlace::None => return None,
        LedgerPlace::Nats => {
            let nats = port.brokers().nats.as_ref()?;
            Arc::new(NatsStore::new(nats, NatsStore::BUCKET))
        }
        LedgerPlace::Kafka => {
            let kafka = port.brokers().kafka.as_ref()?;
            Arc::new(KafkaStore::new(kafka, KafkaStore::TOPIC))
        }
        LedgerPlace::File(path) => Arc::new(FileStore::new(path)),
    };
    Some(Ledger::new(store))
}

/// Everything that is owned.
///
/// # Errors
/// What can't be read: without it nothing may be decided.
pub(super) async fn read(ledger: &Ledger) -> Result<Book, Failure> {
    ledger.read().await.map_err(|error| failure(&error))
}

/// A lock that is renewed until it is given back.
pub(super) struct Held {
    pub ledger: Ledger,
    pub lock: Arc<Lock>,
    keeper: JoinHandle<()>,
}

impl Held {
    /// Takes the lock of a stack, waiting for it as long as `patience` allows.
    ///
    /// # Errors
    /// Who has it, or what could not be written.
    pub async fn take(
        ledger: Ledger,
        stack: &str,
        command: &str,
        patience: Duration,
        environment: &IndexMap<String, String>,
        port: &LiveBrokers,
    ) -> Result<Held, Failure> {
        let holder = holder(command, environment);
        let lock = Lock::take(&ledger, stack, &holder, patience, port.brokers().fences()).await;
        let lock = Arc::new(lock.map_err(|error| failure(&error))?);
        let kept = lock.clone();
        let keeper = tokio::spawn(async move { kept.keep().await });
        Ok(Held {
            ledger,
            lock,
            keeper,
        })
    }

    /// Gives it back; where that fails it ends by itself.
    pub async fn release(self) {
        self.keeper.abort();
        if let Err(error) = self.lock.release().await {
            tracing::warn!("the lock was not given back, and ends by itself: {error}");
        }
    }
}

/// Who this run is.
fn holder(command: &str, environment: &IndexMap<String, String>) -> Holder {
    let of = |names: &[&str]| {
        let mut said = names.iter().filter_map(|name| environment.get(*name));
        said.find(|value| !value.is_empty()).cloned()
    };
    let run_of_github = || {
        let (server, repository) = (of(&["GITHUB_SERVER_URL"])?, of(&["GITHUB_REPOSITORY"])?);
        let run = of(&["GITHUB_RUN_ID"])?;
        Some(format!("{server}/{repository}/actions/runs/{run}"))
    };
    Holder {
        id: uuid::Uuid::new_v4().to_string(),
        who: of(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".to_owned()),
        host: host(environment),
        pid: std::process::id(),
        ci_url: of(&["CI_JOB_URL", "BUILD_URL"]).or_else(run_of_github),
        command: command.to_owned(),
        since: now(),
        until: String::new(),
    }
}

/// The name of this machine.
pub(super) fn host(environment: &IndexMap<String, String>) -> String {
    let said = environment.get("HOSTNAME").cloned();
    let said = said.filter(|host| !host.is_empty());
    let file = || std::fs::read_to_string("/etc/hostname").ok();
    let host = said.or_else(file).map(|host| host.trim().to_owned());
    let host = host.filter(|host| !host.is_empty());
    host.unwrap_or_else(|| "unknown".to_owned())
}

/// The time, as the ledger writes it.
pub(super) fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// What a store said, with what to do.
pub(super) fn failure(error: &StoreError) -> Failure {
    let (code, hint) = match error {
        StoreError::Held { .. } => (
            Code::Locked,
            "wait for it with `--lock-timeout 5m`; a dead one's lock ends by itself, `trueup lock show` tells when",
        ),
        StoreError::Busy { .. } => (
            Code::Locked,
            "wait for it with `--lock-timeout 5m`; if it is stopped for good, end it: what it was at is whole, before or after",
        ),
        StoreError::Lost { .. } => (
            Code::LockLost,
            "run it again: it goes on from what is there",
        ),
        StoreError::Conflict { .. } => (
            Code::LedgerFailed,
            "run it again when the other one is done",
        ),
        StoreError::Failed { .. } | StoreError::Unknown { .. } => (
            Code::LedgerFailed,
            "nothing is decided without the ledger; see to it, or name another one with `--ledger`; `--ledger none` does without, and deletes nothing",
        ),
    };
    let problem = Problem::error(code, error.to_string()).hint(hint);
    super::failure::Complaints::from(vec![problem]).into()
}
