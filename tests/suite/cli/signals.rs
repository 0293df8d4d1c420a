//! A signal in the middle of an apply, on a nats-server of the test's own.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Ran, run, trueup};
use crate::broker::nats_server::NatsServer;

/// Several batches of what is sent at once.
const STREAMS: usize = 3_000;
/// How long anything may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(120);
/// The whole stop takes 7 s at most; the rest is for a busy machine.
const STOPPED: Duration = Duration::from_secs(20);

/// An apply that has begun to make streams.
struct Apply {
    child: Child,
    folder: TempDir,
}

impl Apply {
    fn half_way(server: &NatsServer) -> Apply {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("many.yaml");
        std::fs::write(&manifest, manifest_of(STREAMS)).unwrap();
        let to = |name| File::create(folder.path().join(name)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .args(["apply", "--auto-approve", "-f"])
            .arg(&manifest)
            .env("NATS_URL", server.url())
            .env("TRUEUP_LEDGER", "none")
            .stdout(to("stdout"))
            .stderr(to("stderr"))
            .spawn()
            .unwrap();
        let made = server.path("js/jetstream/$G/streams");
        until("streams are being made", || {
            assert_eq!(child.try_wait().unwrap(), None, "it ended early");
            made_in(&made) >= 50
        });
        Apply { child, folder }
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", "INT", &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end.
    fn ended(&mut self) -> Ran {
        let mut code = None;
        until("it ends", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        Ran {
            code: code.and_then(|status| status.code()).unwrap_or(-1),
            stdout: self.said("stdout"),
            stderr: self.said("stderr"),
        }
    }

    fn said(&self, stream: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(stream)).unwrap()
    }

    /// The same manifest once more.
    fn again(&self, server: &NatsServer, arguments: &[&str]) -> Ran {
        let manifest = self.folder.path().join("many.yaml");
        let mut command = trueup(arguments);
        command.args(["-f", manifest.to_str().unwrap()]);
        command.env("NATS_URL", server.url());
        run(command)
    }
}

impl Drop for Apply {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_signal_in_the_middle_ends_with_a_table_and_the_next_run_finishes() {
    let server = NatsServer::start("");
    let mut apply = Apply::half_way(&server);
    apply.interrupt();
    let stopped = apply.ended();
    assert_eq!(stopped.code, 130, "{}", stopped.stderr);
    let last = summary(&stopped.stdout);
    assert!(last.contains("not attempted"), "{last}");
    assert!(stopped.stdout.contains("Next: trueup plan"), "{last}");
    let rest = apply.again(&server, &["apply", "--auto-approve"]);
    assert_eq!(rest.code, 0, "{}{}", summary(&rest.stdout), rest.stderr);
    let none = apply.again(&server, &["plan", "--detailed-exitcode"]);
    assert_eq!(none.code, 0, "{}", none.stderr);
    assert!(none.stdout.contains("No changes."), "{}", none.stdout);
}

#[test]
fn what_is_in_flight_on_a_frozen_server_is_unknown_within_seconds() {
    let server = NatsServer::start("");
    let mut apply = Apply::half_way(&server);
    server.freeze();
    let begin = Instant::now();
    apply.interrupt();
    let stopped = apply.ended();
    let took = begin.elapsed();
    server.thaw();
    assert_eq!(stopped.code, 130, "{}", stopped.stderr);
    assert!(took < STOPPED, "{took:?}");
    let last = summary(&stopped.stdout);
    assert!(last.contains("unknown"), "{last}");
    assert!(last.contains("not attempted"), "{last}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let server = NatsServer::start("");
    let mut apply = Apply::half_way(&server);
    server.freeze();
    apply.interrupt();
    until("the first signal is seen", || {
        apply.said("stderr").contains("stopping")
    });
    apply.interrupt();
    let stopped = apply.ended();
    server.thaw();
    assert_eq!(stopped.code, 130, "{}", stopped.stderr);
    assert!(
        !stopped.stdout.contains("Applied "),
        "it went on to its report"
    );
    let last = stopped.stderr.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("stopped at once: what was in flight is unknown"),
        "{last}"
    );
    assert!(last.contains("`trueup plan`"), "{last}");
}

fn manifest_of(streams: usize) -> String {
    let mut text = String::from("stack: many\nnats:\n  streams:\n");
    for number in 0..streams {
        text += &format!("    S{number}: {{ subjects: [s.{number}] }}\n");
    }
    text
}

/// How many streams the server's store holds.
fn made_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// `Applied 500 of 3000: ...`
fn summary(stdout: &str) -> &str {
    stdout
        .lines()
        .find(|line| line.starts_with("Applied "))
        .unwrap_or("there is no summary")
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
