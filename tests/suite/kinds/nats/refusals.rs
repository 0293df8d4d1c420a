//! What the plan or the check refuses, the server refuses too.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use trueup::engine::Port;
use trueup::kinds::{NatsVersion, Resources, kind};
use trueup::model::{Address, Code};
use trueup::plan::Plan;

use super::bench::{Bench, manifest, resources};

const CASES: &str = include_str!("../../../cases/kinds/nats_refusals.yaml");

/// A resource that can't be, beside others that can.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    beside: Map<String, Value>,
    address: String,
    said: Map<String, Value>,
    code: String,
    /// We refuse what the server takes, on purpose.
    #[serde(default)]
    server_takes_it: bool,
    /// Servers before these took it: the newest of a line of releases last.
    #[serde(default)]
    taken_before: Vec<String>,
}

impl Case {
    /// Whether this server takes it.
    fn is_taken_by(&self, server: NatsVersion) -> bool {
        let limits = self.taken_before.iter();
        let limits: Vec<NatsVersion> = limits.map(|version| version.parse().unwrap()).collect();
        let of_line = |limit: &&NatsVersion| (limit.0, limit.1) >= (server.0, server.1);
        let limit = limits.iter().find(of_line).or(limits.last());
        limit.is_some_and(|limit| server < *limit)
    }
}

#[tokio::test]
async fn what_the_check_refuses_the_server_refuses() {
    let cases: BTreeMap<String, Case> = serde_yaml::from_str(CASES).unwrap();
    let mut wrong = BTreeMap::new();
    for (name, case) in cases {
        if let Err(why) = try_case(&case).await {
            wrong.insert(name, why);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn try_case(case: &Case) -> Result<(), String> {
    let beside = manifest(Value::Object(case.beside.clone()));
    let subject = resources(&[(&case.address, &lengthened(&case.said))]);
    let mut all: Resources = beside.clone();
    all.extend(subject.clone());
    let address: Address = case.address.parse().unwrap();
    let kind = kind(address.kind).unwrap();
    let mut problems = kind.check(&all[&address], &all);
    problems.extend(kind.check_all(&all));
    let bench = Bench::start().await;
    if is_too_old(&bench.plan(&beside).await) {
        return Ok(());
    }
    bench.settle(&beside).await;
    let plan = bench.plan(&all).await;
    let refused = plan.steps.iter().flat_map(|step| &step.refusals);
    let codes: Vec<_> = problems
        .iter()
        .map(|problem| problem.code)
        .chain(refused.map(|refusal| refusal.code))
        .collect();
    let server = bench.port().surroundings().nats.as_ref().unwrap().version;
    let is_taken = case.is_taken_by(server);
    if !is_taken && !codes.iter().any(|code| code.as_str() == case.code) {
        return Err(format!("{codes:?}"));
    }
    if case.server_takes_it || codes.contains(&Code::ServerTooOld) {
        return Ok(());
    }
    match bench.send(&subject[&address]).await {
        Err(_) if is_taken => Err("the server refuses it".to_owned()),
        Ok(_) if is_taken => Ok(()),
        Err(_) => Ok(()),
        Ok(reply) => Err(format!("the server takes it: {reply:?}")),
    }
}

fn is_too_old(plan: &Plan) -> bool {
    let mut refusals = plan.steps.iter().flat_map(|step| &step.refusals);
    refusals.any(|refusal| refusal.code == Code::ServerTooOld)
}

/// `@1000` in a case is a text of that length.
fn lengthened(said: &Map<String, Value>) -> Map<String, Value> {
    said.iter()
        .map(|(key, value)| (key.clone(), long(value)))
        .collect()
}

fn long(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('@').and_then(|n| n.parse().ok()) {
            Some(length) => "x".repeat(length).into(),
            None => value.clone(),
        },
        Value::Object(object) => Value::Object(lengthened(object)),
        other => other.clone(),
    }
}
