//! The laws on real brokers: random pairs, a batch at a time, so that a few requests try many.
//!
//! `LAWS_PAIRS` says how many pairs each kind is tried on; `LAWS_SEED` repeats a run.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use trueup::engine::{self, Port};
use trueup::kinds::{Observed, Resources, kind};
use trueup::model::{Address, Flat, KindName, Outcome, Resource, Severity};

use super::possible::{possible, sorts_of_streams};
use super::{generate, loaded};
use crate::kinds::kafka::World;
use crate::kinds::nats::Bench;
use crate::main_job::{applied, planned};
use crate::sandbox;

/// Pairs that go through one plan together.
const BATCH: usize = 50;

#[tokio::test]
async fn streams() {
    on_nats(KindName::Stream).await;
}

#[tokio::test]
async fn buckets() {
    on_nats(KindName::Kv).await;
}

#[tokio::test]
async fn object_stores() {
    on_nats(KindName::ObjectStore).await;
}

#[tokio::test]
async fn consumers() {
    on_nats(KindName::Consumer).await;
}

#[tokio::test]
async fn topics() {
    let world = World::plain().await;
    try_all(KindName::Topic, &world.port, &world.port).await;
}

async fn on_nats(name: KindName) {
    let roomy = "jetstream { store_dir: \"$DIR/js\", max_mem: 900TB, max_file: 900TB }";
    let (here, elsewhere) = (Bench::start_in(roomy).await, Bench::start_in(roomy).await);
    try_all(name, here.port(), elsewhere.port()).await;
}

/// Tries every law on random pairs; another broker, or the same one, takes what is exported.
async fn try_all(name: KindName, port: &dyn Port, elsewhere: &dyn Port) {
    let mut source = Source::new();
    let mut tally = Tally::default();
    let pairs = sandbox::number("LAWS_PAIRS").unwrap_or(100);
    while tally.pairs < pairs {
        let batch = Batch::of(name, &mut source);
        batch.try_laws(port, &mut tally).await;
        if name != KindName::Topic {
            batch.made_again(port, elsewhere, &mut tally).await;
        }
    }
    say(&format!("{name}: {tally}, LAWS_SEED={}", source.seed));
    assert!(
        tally.wrong.is_empty(),
        "LAWS_SEED={}\n{:#?}",
        source.seed,
        tally.wrong
    );
    assert!(
        tally.carried_out > tally.pairs / 10,
        "next to nothing was tried: {tally}"
    );
}

/// Shown with `--nocapture`.
#[expect(
    clippy::disallowed_macros,
    reason = "a test's own words, for whoever asks for them"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

/// What was tried, and what went wrong.
#[derive(Default)]
struct Tally {
    pairs: usize,
    carried_out: usize,
    refused_by_plan: usize,
    exported: usize,
    wrong: BTreeMap<String, String>,
}

impl Tally {
    /// Whether something is wrong with it already.
    fn has(&self, address: &Address) -> bool {
        let refused = format!("{address}: let through");
        self.wrong.contains_key(&refused)
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} pairs: {} steps carried out, {} refused by the plan, {} exported",
            self.pairs, self.carried_out, self.refused_by_plan, self.exported
        )
    }
}

/// Random values that a seed repeats, and names that are not given twice.
struct Source {
    seed: u64,
    runner: TestRunner,
    next: usize,
}

impl Source {
    fn new() -> Source {
        let seed = sandbox::number("LAWS_SEED").map_or_else(rand_seed, |seed| seed as u64);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Source {
            seed,
            runner: TestRunner::new_with_rng(ProptestConfig::default(), rng),
            next: 0,
        }
    }

    fn some<T: std::fmt::Debug>(&mut self, strategy: &BoxedStrategy<T>) -> T {
        strategy.new_tree(&mut self.runner).unwrap().current()
    }
}

fn rand_seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0 >> 1
}

/// Pairs of one kind: what is there before, and what is declared then. Every tenth that is there is
/// somebody else's and never declared.
struct Batch {
    name: KindName,
    world: Resources,
    before: Resources,
    declared: Resources,
    strangers: Vec<Address>,
}

impl Batch {
    fn of(name: KindName, source: &mut Source) -> Batch {
        let (held, wanted) = (generate::fields(name, 0.3), generate::fields(name, 0.2));
        let mut batch = Batch {
            name,
            world: Resources::new(),
            before: Resources::new(),
            declared: Resources::new(),
            strangers: Vec::new(),
        };
        for number in 0..BATCH {
            let id = format!("{}{}", std::process::id(), source.next);
            source.next += 1;
            let address = batch.address(&id, source);
            let beside = source.some(&(0..BATCH).boxed());
            let beside = format!(
                "L{}{}",
                std::process::id(),
                source.next - 1 - number + beside
            );
            if number % 5 != 0 {
                let fields = source.some(&held);
                batch
                    .before
                    .insert(address.clone(), possible(&address, fields, &id, &beside));
            }
            if number % 10 == 1 {
                batch.strangers.push(address);
            } else {
                let fields = source.some(&wanted);
                batch
                    .declared
                    .insert(address.clone(), possible(&address, fields, &id, &beside));
            }
        }
        batch.before = batch.checked(&batch.before);
        batch.declared = batch.checked(&batch.declared);
        batch
    }

    /// Without what the check of a manifest refuses in view of everything else.
    fn checked(&self, resources: &Resources) -> Resources {
        let all = self.with_world(resources);
        let kind = kind(self.name).unwrap();
        let is_fine = |resource: &Resource| {
            let problems = kind.check(resource, &all);
            problems
                .iter()
                .all(|problem| problem.severity == Severity::Warning)
        };
        let fine = resources.iter().filter(|(_, resource)| is_fine(resource));
        fine.map(|(address, resource)| (address.clone(), resource.clone()))
            .collect()
    }

    /// A name of its own; a consumer's stream is part of the world.
    fn address(&mut self, id: &str, source: &mut Source) -> Address {
        match self.name {
            KindName::Consumer => {
                let stream = Address::new(KindName::Stream, format!("S{id}"));
                let mut fields = Flat::from([("subjects".into(), json!([format!("s{id}.>")]))]);
                fields.extend(source.some(&sorts_of_streams()));
                self.world
                    .insert(stream.clone(), Resource::new(stream, fields));
                Address::new(KindName::Consumer, format!("S{id}/c"))
            }
            KindName::Topic => Address::new(self.name, format!("laws-{id}")),
            KindName::Quota => Address::new(self.name, format!("user/laws-{id}")),
            KindName::Stream
            | KindName::Kv
            | KindName::ObjectStore
            | KindName::Acl
            | KindName::User
            | KindName::Route => Address::new(self.name, format!("L{id}")),
        }
    }

    /// With the streams that consumers need.
    fn with_world(&self, resources: &Resources) -> Resources {
        let mut all = self.world.clone();
        all.extend(resources.clone());
        all
    }

    async fn try_laws(&self, port: &dyn Port, tally: &mut Tally) {
        carried_out(&self.with_world(&self.before), port, tally).await;
        let untouched = seen(port, &self.strangers).await;
        let declared = self.with_world(&self.declared);
        carried_out(&declared, port, tally).await;
        let second = planned(&declared, port).await;
        let left = second.open_steps().filter(|step| !tally.has(&step.address));
        let left: Vec<_> = left.cloned().collect();
        for step in left {
            let said = self.declared.get(&step.address).map(|r| &r.declared);
            tally.wrong.insert(
                format!("{}: the second plan", step.address),
                format!("{:#?}\ndeclared {said:#?}", step.changes),
            );
        }
        let after = seen(port, &self.strangers).await;
        for (address, before) in untouched {
            if after.get(&address) != Some(&before) {
                tally
                    .wrong
                    .insert(format!("{address}: touched"), format!("{before:?}"));
            }
        }
        self.exports_to_nothing(port, tally).await;
        tally.pairs += self.declared.len();
    }

    /// What is exported plans to nothing.
    async fn exports_to_nothing(&self, port: &dyn Port, tally: &mut Tally) {
        let text = self.exported(port).await;
        let Some(manifest) = loaded(&text) else {
            tally
                .wrong
                .insert("an export".into(), format!("is refused:\n{text}"));
            return;
        };
        tally.exported += manifest.resources.len();
        for step in planned(&manifest.resources, port).await.steps {
            tally.wrong.insert(
                format!("{}: its export", step.address),
                format!("{:#?}", step.changes),
            );
        }
    }

    /// On another broker the export, read backwards, makes what exports to the same text, but for what
    /// the plan there says can't be made: neither the broker nor the order of a manifest matters.
    async fn made_again(&self, port: &dyn Port, elsewhere: &dyn Port, tally: &mut Tally) {
        let text = self.exported(port).await;
        let Some(manifest) = loaded(&text) else {
            return;
        };
        let backwards: Resources = manifest.resources.clone().into_iter().rev().collect();
        let plan = planned(&backwards, elsewhere).await;
        let impossible: Vec<Address> = plan.blocked_steps().map(|s| s.address.clone()).collect();
        carried_out(&backwards, elsewhere, tally).await;
        let mut wanted = manifest.resources;
        wanted.retain(|address, _| !impossible.contains(address));
        let wanted = trueup::manifest::write("laws", &wanted);
        let again = self.exported(elsewhere).await;
        if again != wanted {
            let differs = again.lines().zip(wanted.lines()).find(|(a, b)| a != b);
            tally
                .wrong
                .insert("an export made again".into(), format!("{differs:?}"));
        }
    }

    /// The export of what belongs to this batch.
    async fn exported(&self, port: &dyn Port) -> String {
        let ours = |address: &Address| {
            [&self.world, &self.before, &self.declared]
                .iter()
                .any(|some| some.contains_key(address))
        };
        let exported = engine::export(port, &[self.name.broker()], &[], &ours)
            .await
            .unwrap();
        trueup::manifest::write("laws", &exported.resources)
    }
}

/// Carries out what the plan lets through; the broker takes all of it.
async fn carried_out(resources: &Resources, port: &dyn Port, tally: &mut Tally) {
    let plan = planned(resources, port).await;
    assert!(plan.complete, "{:#?}", plan.problems);
    tally.refused_by_plan += plan.blocked_steps().count();
    for done in applied(&plan, port).await {
        match done.outcome {
            Outcome::Applied => tally.carried_out += 1,
            Outcome::NotAttempted { .. }
                if plan
                    .blocked_steps()
                    .any(|step| step.address == done.address) => {}
            other => {
                let said = resources.get(&done.address).map(|r| &r.declared);
                tally.wrong.insert(
                    format!("{}: let through", done.address),
                    format!("{other:?}\ndeclared {said:#?}"),
                );
            }
        }
    }
}

async fn seen(port: &dyn Port, addresses: &[Address]) -> BTreeMap<Address, Observed> {
    let Some(first) = addresses.first() else {
        return BTreeMap::new();
    };
    let seen = port.observe(first.kind, addresses).await;
    seen.into_iter()
        .map(|(address, observed)| (address, settled(observed)))
        .collect()
}

/// Without what the server itself moves.
fn settled(observed: Observed) -> Observed {
    match observed {
        Observed::Present(mut live) => {
            live.raw.clear();
            Observed::Present(live)
        }
        other => other,
    }
}
