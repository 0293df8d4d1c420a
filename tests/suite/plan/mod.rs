//! The pure core: what is declared and what is live in, the plan out. Each case is a file of
//! `tests/cases/plan/`.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use trueup::kinds::{
    KafkaFacts, Live, NatsFacts, NatsVersion, Observations, Observed, Rehearsal, Surroundings, kind,
};
use trueup::ledger::{Book, Record};
use trueup::manifest::{Input, Inputs, Manifest, load};
use trueup::model::{Action, Address, Code, Doc, Risk, Step};
use trueup::plan::{Desired, Owned, Plan, PlanProblem, assemble, forecast, orphans};

/// A case: a manifest, what the brokers hold (in manifest units), and the plan that follows.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The text of the manifest, without `stack`.
    manifest: String,
    /// Address to document; null is unreadable, an address that is missing is absent.
    #[serde(default)]
    live: IndexMap<Address, Option<Doc>>,
    /// The resources that are planned, where not all are.
    #[serde(default)]
    targets: Vec<Address>,
    /// The NATS server's version; 2.15.1 when left out.
    nats: Option<String>,
    /// What is owned, by stack; without it there is no ledger.
    ledger: Option<IndexMap<String, Vec<Record>>>,
    /// `--max-delete`.
    max_delete: Option<usize>,
    /// `--take-ownership-from`.
    taken_from: Option<String>,
    /// `--allow-empty`.
    #[serde(default)]
    allow_empty: bool,
    /// What the steps may cost, as it is read at planning.
    #[serde(default)]
    risks: IndexMap<Address, Vec<Risk>>,
    /// The same as it is read at applying, on 2026-07-01: then the plan is shown as it is then.
    risks_then: Option<IndexMap<Address, Vec<Risk>>>,
    /// Whether the NATS server is one of a cluster.
    #[serde(default)]
    clustered: bool,
    /// How many Kafka brokers there are; 1 when left out.
    brokers: Option<usize>,
    /// What the plan says, a line a step, field or refusal.
    plan: String,
}

#[test]
fn every_case_plans_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut wrong = String::new();
    for file in &files {
        let case: Case = serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let manifest = manifest(&case.manifest);
        let mut said = told(&plan(&manifest, &case));
        for orphan in left_behind(&manifest, &case) {
            writeln!(said, "orphan {orphan}").unwrap();
        }
        if said.trim() != case.plan.trim() {
            writeln!(
                wrong,
                "== {}\nexpected:\n{}\nplanned:\n{said}",
                file.display(),
                case.plan
            )
            .unwrap();
        }
    }
    assert!(files.len() >= 10, "the cases are gone");
    assert!(wrong.is_empty(), "{wrong}");
}

fn manifest(text: &str) -> Manifest {
    let text = format!("stack: case\n{text}");
    let files = vec![Input::Text {
        name: "case.yaml".into(),
        text,
    }];
    let loaded = load(&Inputs {
        files,
        ..Inputs::default()
    });
    loaded
        .manifest
        .unwrap_or_else(|| panic!("{:#?}", loaded.problems))
}

fn desired(manifest: &Manifest) -> Desired<'_> {
    Desired {
        stack: &manifest.stack,
        manifest_digest: manifest.digest(),
        resources: &manifest.resources,
        chosen: None,
        warnings: &[],
        owned: None,
        approvals: &[],
        now: "2026-06-01T00:00:00Z".parse().unwrap(),
    }
}

fn book(case: &Case) -> Option<Book> {
    let stacks = case.ledger.as_ref()?;
    let records = stacks.iter().flat_map(|(stack, records)| {
        let records = records.iter();
        records.map(move |record| (stack.clone(), record.clone()))
    });
    Some(records.collect())
}

/// What `ledger rebuild` tells of.
fn left_behind(manifest: &Manifest, case: &Case) -> Vec<Address> {
    let Some(book) = book(case) else {
        return Vec::new();
    };
    let documents = case.live.iter().filter_map(|(address, document)| {
        Some((address.clone(), held(address, document.as_ref()?)))
    });
    let all: IndexMap<Address, Live> = documents.collect();
    let left = orphans(&manifest.stack, &manifest.resources, &book, all.iter());
    left.into_iter().cloned().collect()
}

fn plan(manifest: &Manifest, case: &Case) -> Plan {
    let book = book(case);
    let chosen = case.targets.iter().cloned().collect();
    let desired = Desired {
        chosen: (!case.targets.is_empty()).then_some(&chosen),
        owned: book.as_ref().map(|book| Owned {
            book,
            max_delete: case.max_delete,
            allow_empty: case.allow_empty,
            spared: &[],
            taken_from: case.taken_from.as_deref(),
        }),
        approvals: &manifest.approvals,
        ..desired(manifest)
    };
    let wanted = manifest.resources.keys().cloned();
    let wanted: Vec<Address> = wanted.chain(desired.no_longer_declared()).collect();
    let observations = observations(&wanted, &case.live);
    let forecast = forecast(desired, &observations, &surroundings(case), Vec::new());
    let read = |risks: &IndexMap<Address, Vec<Risk>>| risks.clone().into_iter().collect();
    let mut plan = assemble(
        forecast,
        Rehearsal::default(),
        read(&case.risks),
        desired.now,
    );
    plan.problems.extend(plan.needless_approvals(desired.now));
    match &case.risks_then {
        None => plan,
        Some(then) => plan.weighed(read(then), "2026-07-01T00:00:00Z".parse().unwrap()),
    }
}

#[test]
fn a_broker_that_is_gone_by_the_rehearsal_was_not_asked_and_has_not_refused() {
    let manifest = manifest("kafka: { topics: { t: { partitions: 1 } } }");
    let wanted: Vec<Address> = manifest.resources.keys().cloned().collect();
    let absent = observations(&wanted, &IndexMap::new());
    let forecast = forecast(
        desired(&manifest),
        &absent,
        &surroundings(&Case::default()),
        Vec::new(),
    );
    let said = |code| {
        let refusal = trueup::model::Refusal::new(code, "it says so", "");
        let topic: Address = "topic/t".parse().unwrap();
        let refused = vec![(topic, refusal)].into();
        assemble(
            forecast.clone(),
            refused,
            Vec::new(),
            desired(&manifest).now,
        )
    };
    for code in [Code::Unreachable, Code::LoginRefused, Code::Unreadable] {
        let gone = said(code);
        assert!(!gone.complete && !gone.applyable, "{code}");
    }
    assert!(said(Code::RefusedByBroker).complete);
}

#[test]
fn what_the_rehearsal_finds_to_be_there_was_not_read() {
    let manifest = manifest("kafka: { topics: { t: { partitions: 1 } } }");
    let absent = observations(&["topic/t".parse().unwrap()], &IndexMap::new());
    let forecast = forecast(
        desired(&manifest),
        &absent,
        &surroundings(&Case::default()),
        Vec::new(),
    );
    use trueup::model::Problem;
    let topic: Address = "topic/t".parse().unwrap();
    let plan = assemble(
        forecast,
        trueup::kinds::Rehearsal {
            unseen: vec![(topic.clone(), Problem::error(Code::Exists, "it exists"))],
            ..Default::default()
        },
        Vec::new(),
        desired(&manifest).now,
    );
    assert!(!plan.complete && !plan.applyable, "{plan:#?}");
    let step = &plan.steps[0];
    assert_eq!(step.action, Action::Unread);
    assert!(step.changes.is_empty() && step.source.is_some());
    assert_eq!(plan.problems.last().unwrap().address, Some(topic));
}

fn observations(wanted: &[Address], live: &IndexMap<Address, Option<Doc>>) -> Observations {
    let seen = |address: &Address| match live.get(address) {
        None => Observed::Absent,
        Some(None) => Observed::Unreadable(trueup::model::Problem::error(
            Code::Denied,
            format!("needs DESCRIBE on {address}"),
        )),
        Some(Some(document)) => Observed::Present(held(address, document)),
    };
    wanted
        .iter()
        .map(|address| (address.clone(), seen(address)))
        .collect()
}

fn held(address: &Address, document: &Doc) -> Live {
    let declaration = kind(address.kind).unwrap().declaration();
    let raw = declaration.to_wire(document).unwrap();
    Live {
        fields: declaration.flatten(raw.clone()),
        raw,
        incarnation: Some("first".into()),
        inherited: IndexMap::from([("config.retention.ms".into(), Value::from("604800000"))])
            .into(),
    }
}

fn surroundings(case: &Case) -> Surroundings {
    let version: NatsVersion = case.nats.as_deref().unwrap_or("2.15.1").parse().unwrap();
    let api_level = match version {
        NatsVersion(2, ..=10, _) => 0,
        NatsVersion(2, 11, _) => 1,
        NatsVersion(2, 12, ..=4) => 2,
        NatsVersion(2, 12, _) => 3,
        NatsVersion(2, 13 | 14, _) => 4,
        NatsVersion(..) => 5,
    };
    Surroundings {
        nats: Some(NatsFacts {
            version,
            api_level,
            account: None,
            domain: None,
            clustered: case.clustered,
            max_bytes_required: false,
        }),
        kafka: Some(KafkaFacts {
            cluster_id: "cluster".into(),
            brokers: case.brokers.unwrap_or(1),
            release: Some("4.3".into()),
            principal: Some("User:admin".into()),
            rights: Vec::new(),
            local_address: None,
        }),
    }
}

/// The plan as lines: `update topic/t`, then its changes and refusals, then what is undeclared.
fn told(plan: &Plan) -> String {
    let mut lines = String::new();
    for step in &plan.steps {
        tell_step(&mut lines, step);
    }
    let is_told = |p: &&PlanProblem| matches!(p.code, Code::ApprovalUnneeded | Code::NotReset);
    for problem in plan.problems.iter().filter(is_told) {
        let address = problem.address.as_ref().map(ToString::to_string);
        writeln!(
            lines,
            "problem {} {}",
            problem.code,
            address.unwrap_or_default()
        )
        .unwrap();
    }
    for undeclared in &plan.undeclared {
        let (address, field, value) = (&undeclared.address, &undeclared.field, &undeclared.value);
        let word = if undeclared.unknown {
            "unknown"
        } else {
            "undeclared"
        };
        writeln!(lines, "{word} {address} {field}: {value}").unwrap();
    }
    writeln!(lines, "unchanged: {}", plan.summary.unchanged).unwrap();
    lines
}

fn tell_step(lines: &mut String, step: &Step) {
    let action = match step.action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Forget => "forget",
        Action::Unread => "unread",
    };
    writeln!(lines, "{action} {}", step.address).unwrap();
    let value = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    for change in &step.changes {
        let note = change
            .note
            .as_ref()
            .map_or(String::new(), |note| format!(" {note}"));
        let (before, after) = (value(&change.before), value(&change.after));
        writeln!(lines, "  {}: {before} -> {after}{note}", change.field).unwrap();
    }
    for refusal in &step.refusals {
        let field = refusal
            .field
            .as_ref()
            .map_or(String::new(), |field| format!(" {field}"));
        writeln!(lines, "  ! {}{field}", refusal.code).unwrap();
    }
    for risk in &step.risks {
        let harm = format!("{:?}", risk.harm).to_lowercase();
        writeln!(lines, "  risk {harm} {}", risk.code).unwrap();
        if let Some(by) = &risk.approved_by {
            writeln!(lines, "    approved by {by}").unwrap();
        }
        if let Some(why) = &risk.unapproved {
            writeln!(lines, "    {why}").unwrap();
        }
    }
    for note in &step.notes {
        writeln!(lines, "  note: {note}").unwrap();
    }
    for origin in &step.rests_on {
        writeln!(lines, "  after {origin}").unwrap();
    }
    for stage in &step.stages {
        let told = |it: &trueup::model::Change| format!("{} -> {}", it.field, value(&it.after));
        let told: Vec<String> = stage.changes.iter().map(told).collect();
        writeln!(lines, "  stage: {}", told.join(", ")).unwrap();
    }
    for other in &step.awaits {
        writeln!(lines, "  awaits {other}").unwrap();
    }
}
