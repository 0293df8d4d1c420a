//! The command as a user meets it: the binary itself, its streams and its exit codes.

mod approvals;
mod blocked;
mod changes;
mod doctor;
mod explain;
mod exports;
mod failures;
mod hidden;
mod labels;
mod lost;
mod outputs;
mod ownership;
mod ownership_kafka;
mod plan_files;
mod problems;
mod replaces;
mod routes;
mod show;
mod signals;
mod streams;
mod unasked;
mod usage;
mod users;
mod usual_ledger;

use assert_cmd::Command;
use serde_json::Value;
use trueup::model::{Action, Change, Step};
use trueup::plan::{FORMAT_VERSION, Plan, Summary, Target};

/// The command without anything of our own environment that would change what it says, and without a ledger: most tests
/// are of something else, and share their brokers.
fn trueup(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("trueup").unwrap();
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "TRUEUP_LOG",
        "NATS_URL",
        "KAFKA_BROKERS",
    ] {
        command.env_remove(name);
    }
    command.env("TRUEUP_LEDGER", "none");
    command.args(arguments);
    command
}

/// What a run came to.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A saved plan that creates so many topics.
fn plan_of(topics: usize) -> Plan {
    let steps = (0..topics).map(created).collect();
    Plan {
        format_version: FORMAT_VERSION.into(),
        tool_version: "0.1.0".into(),
        stack: "shop".into(),
        manifest_digest: "sha256:00".into(),
        made_by: None,
        ledger: None,
        targets: vec![Target::Kafka {
            bootstrap: "127.0.0.1:1".into(),
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qk".into(),
        }],
        summary: Summary {
            create: topics,
            ..Summary::default()
        },
        steps,
        problems: Vec::new(),
        undeclared: Vec::new(),
        approvals: Vec::new(),
        complete: true,
        applyable: topics > 0,
        plan_digest: String::new(),
    }
    .sealed()
}

fn created(number: usize) -> Step {
    let address = format!("topic/orders-{number}").parse().unwrap();
    Step {
        changes: vec![Change {
            field: "config.retention.ms".into(),
            before: None,
            after: Some(Value::from("7d")),
            note: None,
        }],
        ..Step::of(address, Action::Create)
    }
}

/// A file with this text, gone when dropped.
fn file(text: &str, ending: &str) -> tempfile::TempPath {
    let file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file.into_temp_path()
}
