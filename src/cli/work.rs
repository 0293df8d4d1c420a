use std::collections::HashSet;
use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::args::{Consent, Global};
use super::endpoints::{self, endpoints};
use super::environment::environment;
use super::failure::{Complaints, Failure};
use super::ledger::Chosen;
use super::progress::Progress;
use super::screen::{Screen, resources};
use super::{next, snapshot, target};
use crate::engine::{self, LiveBrokers, Port};
use crate::kinds::Resources;
use crate::ledger::{Book, LedgerPlace};
use crate::manifest::{Connections, Input, Inputs, Loaded, Manifest, Sources};
use crate::model::{Address, Broker, Code, Problem, Tally};
use crate::plan::{Desired, Owned, Plan, PlanLedger, PlanProblem};

/// How many warnings of a manifest are told whole on every plan.
const MOST_TOLD: usize = 3;

/// A manifest that was read and checked, and what came with it.
pub(super) struct Work {
    pub manifest: Manifest,
    pub warnings: Vec<Problem>,
    /// What the warnings are not all of.
    left_out: Tally,
    pub sources: Sources,
    environment: IndexMap<String, String>,
    ledger: Chosen,
    /// What was asked for, to tell what to type next.
    global: Global,
    /// What the manifest protected before everything was taken out of it.
    spared: Vec<Address>,
}

/// A plan with what it was made on.
pub(super) struct Planned {
    pub plan: Plan,
    pub port: LiveBrokers,
    /// What is owned, as it was read.
    pub book: Option<Book>,
}

impl Work {
    /// Reads the manifest that `-f` names; warnings are told.
    ///
    /// # Errors
    /// Every problem of the manifest, or that none is named.
    pub fn load(global: &Global, screen: &Screen) -> Result<Work, Failure> {
        let work = Work::read(global, screen)?;
        match work.warnings.len() + work.left_out.total() {
            0..=MOST_TOLD => screen.warn(&work.complaints(work.warnings.clone())),
            many => screen.tell(&format!(
                "{many} warnings; `{}` shows them\n",
                next::command(&["validate"], global, &[])
            )),
        }
        Ok(work)
    }

    /// The warnings that [`Work::load`] told on standard error.
    pub fn told(&self, global: &Global) -> &[Problem] {
        if global.quiet { &[] } else { &self.warnings }
    }

    /// The manifest and what it rests on; nothing is told yet.
    ///
    /// # Errors
    /// As [`Work::load`].
    pub fn read(global: &Global, screen: &Screen) -> Result<Work, Failure> {
        let environment = environment();
        let loaded = load(global, &environment, screen, false)?;
        let Loaded {
            manifest,
            problems,
            left_out,
            sources,
            named: _,
        } = loaded;
        let complaints = Complaints {
            problems,
            left_out,
            sources,
        };
        let Some(manifest) = manifest else {
            return Err(complaints.into());
        };
        let ledger = Chosen::of(&manifest, global, &environment)?;
        Ok(Work {
            manifest,
            warnings: complaints.problems,
            left_out: complaints.left_out,
            sources: complaints.sources,
            environment,
            ledger,
            global: global.clone(),
            spared: Vec::new(),
        })
    }

    /// Takes everything that is declared away; what it protects stays protected.
    pub fn empty(&mut self) {
        let all = self.manifest.resources.values();
        let protected = all.filter(|resource| resource.lifecycle.protect);
        self.spared = protected.map(|resource| resource.address.clone()).collect();
        self.manifest.resources.clear();
    }

    /// What it declares.
    pub fn resources(&self) -> &Resources {
        &self.manifest.resources
    }

    /// The stack of the manifest.
    pub fn stack(&self) -> &str {
        &self.manifest.stack
    }

    /// Where its ledger is.
    pub fn ledger(&self) -> &Chosen {
        &self.ledger
    }

    /// The options that it was read with.
    pub fn global(&self) -> &Global {
        &self.global
    }

    /// The environment, as it was taken.
    pub fn environment(&self) -> &IndexMap<String, String> {
        &self.environment
    }

    /// Connects to the brokers of what `targets` choose, or of everything, and to that of the ledger.
    ///
    /// # Errors
    /// A target that names nothing, a connection that can't be used, a broker that does not answer.
    pub async fn reach(
        &self,
        targets: &[String],
        progress: &Progress,
    ) -> Result<LiveBrokers, Failure> {
        let chosen = target::chosen(targets, &self.manifest.resources)?;
        let planned = self.desired(chosen.as_ref());
        let addresses = planned.planned().map(|resource| &resource.address);
        let brokers = brokers_with(addresses, &self.ledger.place);
        self.connect(&brokers, progress).await
    }

    /// Reads the live state and compares: the plan of what `targets` choose, or of everything.
    ///
    /// # Errors
    /// As [`Work::reach`]; a ledger that can't be read.
    pub async fn plan(
        &self,
        targets: &[String],
        consent: &Consent,
        progress: &Progress,
    ) -> Result<Planned, Failure> {
        let port = self.reach(targets, progress).await?;
        self.plan_on(port, targets, consent, progress).await
    }

    /// The same on brokers that are connected already. Where the stack owns something on one that is not, because
    /// nothing there is declared any more, that is connected, too.
    ///
    /// # Errors
    /// As [`Work::plan`].
    pub async fn plan_on(
        &self,
        mut port: LiveBrokers,
        targets: &[String],
        consent: &Consent,
        progress: &Progress,
    ) -> Result<Planned, Failure> {
        let chosen = target::chosen(targets, &self.manifest.resources)?;
        let book = self.book(&port, progress).await?.map(|(_, book)| book);
        let approvals = consent.approved.behind(&self.manifest.approvals);
        let desired = Desired {
            owned: book.as_ref().map(|book| Owned {
                book,
                max_delete: consent.max_delete,
                allow_empty: consent.allow_empty,
                spared: &self.spared,
                taken_from: consent.take_ownership_from.as_deref(),
            }),
            approvals: &approvals,
            ..self.desired(chosen.as_ref())
        };
        let mut brokers = brokers_of(desired.planned().map(|resource| &resource.address));
        brokers.extend(desired.no_longer_declared().flat_map(|a| a.kind.brokers()));
        if brokers.iter().any(|broker| !port.has(*broker)) {
            brokers.extend(self.ledger.place.broker());
            brokers.sort_unstable();
            brokers.dedup();
            port = self.connect(&brokers, progress).await?;
        }
        if let Some(book) = &book {
            self.is_here(book, &port)?;
        }
        progress.phase(format!("reading {}", resources(desired.planned().count())));
        let mut plan = engine::plan(desired, &port).await;
        if let Some(book) = &book {
            plan = self.sparing_others(plan, book, &port, progress).await?;
        }
        let needless = needless(&plan, desired);
        plan.problems.extend(needless);
        plan.ledger = book.as_ref().map(|book| PlanLedger {
            place: self.ledger.place.clone(),
            owned: book.of(self.stack()).count(),
        });
        Ok(Planned {
            plan: plan.throttled(consent.throttle).sealed(),
            port,
            book,
        })
    }

    /// The plan that `plan` and `drift` show: against a snapshot where one is named, so that no broker is contacted, and no
    /// ledger. `strict` says that rights on what is declared count, too.
    ///
    /// # Errors
    /// As [`Work::plan`]; a target that names nothing, a file that is no snapshot.
    pub async fn compare(
        &self,
        targets: &[String],
        against: Option<&Path>,
        consent: &Consent,
        strict: bool,
        progress: &Progress,
    ) -> Result<Plan, Failure> {
        let chosen = target::chosen(targets, &self.manifest.resources)?;
        let approvals = consent.approved.behind(&self.manifest.approvals);
        let desired = Desired {
            approvals: &approvals,
            ..self.desired(chosen.as_ref())
        };
        let (plan, port): (Plan, Box<dyn Port>) = match against {
            Some(file) => {
                let port = snapshot::read(file)?;
                (engine::plan(desired, &port).await, Box::new(port))
            }
            None => {
                let planned = self.plan(targets, consent, progress).await?;
                (planned.plan, Box::new(planned.port))
            }
        };
        Ok(match strict {
            true => plan.beside(engine::undeclared_rights(desired, &*port).await),
            false => plan,
        })
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
        let told = |problems| Failure::from(self.complaints(problems));
        let passwords = self.manifest.passwords.read().map_err(told)?;
        let connections = &self.manifest.connections;
        let port = connect(connections, brokers, &self.environment, progress).await;
        Ok(port.map_err(told)?.with_passwords(passwords))
    }

    /// That what the stack owns is on the clusters that are connected.
    ///
    /// # Errors
    /// It is on another one: the ledger is not of this one.
    pub fn is_here(&self, book: &Book, port: &LiveBrokers) -> Result<(), Failure> {
        let targets = port.targets();
        let here = |broker: Broker| targets.iter().find(|target| target.broker() == broker);
        let stray = book.of(self.stack()).find_map(|record| {
            let there = record.on.as_deref()?;
            let broker = record.address.kind.broker();
            let connected = here(broker)?.identity()?;
            (there != connected).then(|| {
                format!(
                    "the ledger says that `{}` of stack `{}` is on the {broker} `{there}`, and `{connected}` is connected",
                    record.address, self.stack()
                )
            })
        });
        let Some(message) = stray else {
            return Ok(());
        };
        let problem = Problem::error(Code::WrongTarget, message).hint(
            "connect to that one, or name this one's own ledger with `--ledger`; nothing was done",
        );
        Err(self.complaints(vec![problem]).into())
    }

    /// These problems, with the texts that they point into.
    pub fn complaints(&self, problems: Vec<Problem>) -> Complaints {
        Complaints {
            problems,
            left_out: Tally::default(),
            sources: self.sources.clone(),
        }
    }

    fn desired<'a>(&'a self, chosen: Option<&'a HashSet<Address>>) -> Desired<'a> {
        Desired {
            stack: &self.manifest.stack,
            manifest_digest: self.manifest.digest(),
            resources: &self.manifest.resources,
            chosen,
            warnings: &self.warnings,
            owned: None,
            approvals: &self.manifest.approvals,
            now: Timestamp::now(),
        }
    }
}

/// The approvals that are of no use; those of what was not planned may be of use to another plan.
fn needless(plan: &Plan, desired: Desired<'_>) -> Vec<PlanProblem> {
    let mut needless = plan.needless_approvals(desired.now);
    needless.retain(|problem| {
        let address = problem.address.as_ref();
        let is_planned = |chosen: &HashSet<Address>| address.is_none_or(|a| chosen.contains(a));
        problem.source.is_none() || desired.chosen.is_none_or(is_planned)
    });
    needless
}

/// Reads the manifest that `-f` names, problems and all.
///
/// # Errors
/// That none is named, or that a file that it names in turn would be overwritten.
pub(super) fn load(
    global: &Global,
    environment: &IndexMap<String, String>,
    screen: &Screen,
    foretells: bool,
) -> Result<Loaded, Failure> {
    if global.files.is_empty() {
        return Err(Failure::said("no manifest is named")
            .hint("name a file, a directory or `-` with `-f`: `trueup plan -f platform.yaml`"));
    }
    let loaded = crate::manifest::load(&Inputs {
        files: global
            .files
            .iter()
            .map(|file| Input::of_argument(file))
            .collect(),
        vars: global.variables.iter().cloned().collect(),
        env_files: global.env_files.clone(),
        environment: environment.clone(),
        foretells,
        now: Timestamp::now(),
    });
    screen.outputs().spare(&loaded.named)?;
    let connections = loaded.manifest.as_ref().map(|m| &m.connections);
    let context = connections.map(|all| endpoints::context_files(all, environment));
    screen.outputs().spare(&context.unwrap_or_default())?;
    Ok(loaded)
}

/// Connects to these brokers.
///
/// # Errors
/// A connection that can't be used, a broker that does not answer.
pub(super) async fn connect(
    connections: &Connections,
    brokers: &[Broker],
    environment: &IndexMap<String, String>,
    progress: &Progress,
) -> Result<LiveBrokers, Vec<Problem>> {
    let names: Vec<_> = brokers.iter().map(ToString::to_string).collect();
    progress.phase(format!("connecting to {}", names.join(" and ")));
    let endpoints = endpoints(connections, brokers, environment)?;
    engine::connect(endpoints).await
}

/// The brokers that hold these resources and the ledger, NATS first.
pub(super) fn brokers_with<'a>(
    addresses: impl Iterator<Item = &'a Address>,
    ledger: &LedgerPlace,
) -> Vec<Broker> {
    let mut brokers = brokers_of(addresses);
    brokers.extend(ledger.broker());
    brokers.sort_unstable();
    brokers.dedup();
    brokers
}

/// The brokers that hold these resources, NATS first.
pub(super) fn brokers_of<'a>(addresses: impl Iterator<Item = &'a Address>) -> Vec<Broker> {
    let brokers = addresses.flat_map(|address| address.kind.brokers());
    let mut brokers: Vec<Broker> = brokers.copied().collect();
    brokers.sort_unstable();
    brokers.dedup();
    brokers
}
