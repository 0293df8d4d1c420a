//! The tour, typed as it is printed: every console block in turn, on brokers, in an empty folder.

use std::path::Path;
use std::process::Command;

use regex::Regex;
use tempfile::TempDir;

use super::{blocks, text};
use crate::broker::nats_server::NatsServer;
use crate::sandbox;

#[test]
fn the_tour_ends_as_it_is_printed() {
    let mut tour = Tour::start();
    let printed = blocks("console");
    assert!(printed.len() >= 7, "found only {} blocks", printed.len());
    for block in printed {
        let block = tour.renamed(&block);
        let seen = tour.typed(&block);
        assert_eq!(
            shape(&seen),
            shape(&block),
            "typed:\n{seen}\nprinted:\n{block}"
        );
    }
}

/// Somebody who reads the README and types.
struct Tour {
    folder: TempDir,
    nats: NatsServer,
    /// In place of `orders` in the topic's name: the sandbox's Kafka may have seen this test before.
    word: String,
    /// What the last command ended with.
    status: i32,
}

impl Tour {
    fn start() -> Tour {
        let tour = Tour {
            folder: TempDir::new().unwrap(),
            nats: NatsServer::start(""),
            word: uuid::Uuid::new_v4().simple().to_string()[..6].to_owned(),
            status: 0,
        };
        let manifests = blocks("yaml");
        let manifest = manifests
            .iter()
            .find(|block| block.starts_with("# tour.yaml"))
            .unwrap();
        std::fs::write(tour.folder.path().join("tour.yaml"), tour.renamed(manifest)).unwrap();
        let sandbox = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox");
        std::os::unix::fs::symlink(sandbox, tour.folder.path().join("sandbox")).unwrap();
        tour
    }

    fn renamed(&self, text: &str) -> String {
        text.replace("tour-orders", &format!("tour-{}", self.word))
            .replace("billing", &format!("b{}", self.word))
    }

    /// The commands of a block with what they print now.
    fn typed(&mut self, block: &str) -> String {
        let mut seen = String::new();
        for command in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let printed = self.run(command);
            seen.push_str(&format!("$ {command}\n{printed}"));
        }
        seen
    }

    fn run(&mut self, command: &str) -> String {
        if command == "echo $?" {
            return format!("{}\n", self.status);
        }
        let binaries = Path::new(env!("CARGO_BIN_EXE_trueup")).parent().unwrap();
        let path = format!("{}:{}", binaries.display(), sandbox::variable("PATH"));
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("NATS_URL", self.nats.url())
            .env_remove("TRUEUP_LEDGER")
            .output()
            .unwrap();
        self.status = output.status.code().unwrap();
        text(&output.stdout)
    }
}

/// The text without what differs from one machine to the next: ports, the cluster's id, blanks.
fn shape(text: &str) -> String {
    let machine = Regex::new(r"127\.0\.0\.1:\d+|cluster [\w-]{22}|server \d+\.\d+\.\d+").unwrap();
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = lines.filter(|line| !line.is_empty());
    machine
        .replace_all(&lines.collect::<Vec<_>>().join("\n"), "*")
        .into_owned()
}
