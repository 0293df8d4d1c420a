//! Every manifest of `manifests/`, planned and applied on real brokers, and planned again to nothing.
//!
//! Each has a nats-server of its own. Kafka is the sandbox's: nothing else uses the names of these manifests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trueup::kinds::is_foretold;

use crate::broker::nats_server::NatsServer;
use crate::sandbox;

#[test]
fn the_platform_on_a_developers_machine() {
    let world = World::start();
    let manifest = ["manifests/platform.yaml", "manifests/env/dev.yaml"];
    world.becomes_true(&manifest);
    world.ends(0, "drift", &manifest, &["--strict"]);
}

#[test]
fn the_platform_in_production_is_sound_and_needs_more_than_one_server() {
    let world = World::start();
    let manifest = ["manifests/platform.yaml", "manifests/env/prod.yaml"];
    world.ends(0, "validate", &manifest, &[]);
    let plan = world.ends(3, "plan", &manifest, &["--target", "stream/EVENTS"]);
    assert!(
        text(&plan.stdout).contains("replication-too-high"),
        "{}",
        both(&plan)
    );
}

#[test]
fn every_example() {
    let examples = examples();
    assert!(examples.len() >= 6, "{examples:?}");
    for example in examples {
        World::start().becomes_true(&[&example]);
    }
}

/// The files and directories of `manifests/examples`.
fn examples() -> Vec<String> {
    let mut paths: Vec<String> = std::fs::read_dir(root().join("manifests/examples"))
        .unwrap()
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            format!("manifests/examples/{name}")
        })
        .collect();
    paths.sort();
    paths
}

/// Warns of nothing but what the manifest means to do.
fn only_risks(said: &str) {
    let codes = said.lines().filter_map(|line| {
        let code = line.strip_prefix("warning[")?;
        code.split(']').next()
    });
    for code in codes {
        assert!(is_foretold(code.parse().unwrap()), "{said}");
    }
}

/// The brokers that a manifest is tried on.
struct World {
    nats: NatsServer,
    kafka: String,
}

impl World {
    fn start() -> World {
        World {
            nats: NatsServer::start(""),
            kafka: sandbox::variable("KAFKA_BROKERS"),
        }
    }

    /// Valid, plannable, applicable, and then there is nothing left to do.
    fn becomes_true(&self, manifest: &[&str]) {
        let validated = self.ends(0, "validate", manifest, &[]);
        only_risks(&text(&validated.stderr));
        self.ends(0, "plan", manifest, &[]);
        self.ends(0, "apply", manifest, &["--auto-approve"]);
        self.ends(0, "plan", manifest, &["--detailed-exitcode"]);
        self.ends(0, "drift", manifest, &[]);
    }

    fn ends(&self, code: i32, command: &str, manifest: &[&str], options: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .current_dir(root())
            .env("NATS_URL", self.nats.url())
            .env_remove("TRUEUP_LEDGER")
            .env("KAFKA_BROKERS", &self.kafka)
            .arg(command)
            .args(manifest.iter().flat_map(|file| ["-f", file]))
            .args(options)
            .output()
            .unwrap();
        let seen = both(&output);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{command} {manifest:?}: {seen}"
        );
        output
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn both(output: &Output) -> String {
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
