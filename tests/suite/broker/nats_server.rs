//! A nats-server of a test's own, on a free port, stopped at the end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tempfile::TempDir;
use trueup::broker::nats::{JetStream, NatsError, NatsSettings};

use crate::sandbox;

/// How long a server may take to start on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long any answer of ours may take: the promised 10 s and what a busy machine adds.
pub const ANSWER: Duration = Duration::from_secs(20);

/// A running server with its folder.
pub struct NatsServer {
    child: Child,
    folder: TempDir,
    config: String,
    pub port: u16,
}

impl NatsServer {
    /// A server with JetStream and `config`, in which `$DIR` stands for the server's folder.
    pub fn start(config: &str) -> NatsServer {
        NatsServer::launch(&format!("jetstream {{ store_dir: \"$DIR/js\" }}\n{config}"))
    }

    /// A server with `config` alone.
    pub fn launch(config: &str) -> NatsServer {
        NatsServer::launch_in(TempDir::new().unwrap(), config)
    }

    /// The same in a folder that the test has filled before.
    pub fn launch_in(folder: TempDir, config: &str) -> NatsServer {
        let config = config.replace("$DIR", &folder.path().display().to_string());
        let child = spawn(folder.path(), &config, -1);
        let mut server = NatsServer {
            child,
            folder,
            config,
            port: 0,
        };
        server.port = server.await_port();
        server
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn settings(&self) -> NatsSettings {
        NatsSettings::at(&self.url())
    }

    pub async fn connect(&self) -> JetStream {
        JetStream::connect(self.settings()).await.unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        write(self.folder.path(), name, text)
    }

    /// Freezes the process: the kernel goes on taking connections for it. Returns when every thread
    /// has stopped, where the system tells.
    pub fn freeze(&self) {
        self.signal("STOP");
        while self.has_running_threads() {
            std::thread::yield_now();
        }
    }

    fn has_running_threads(&self) -> bool {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let mut states = threads.into_iter().flatten().flatten().map(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            let state = stat
                .rsplit_once(") ")
                .and_then(|(_, rest)| rest.chars().next());
            !matches!(state, Some('T' | 't') | None)
        });
        states.any(|runs| runs)
    }

    pub fn thaw(&self) {
        self.signal("CONT");
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts a killed server again, at the same port and on the same store.
    pub fn restart(&mut self) {
        self.child = spawn(self.folder.path(), &self.config, i32::from(self.port));
        self.await_port();
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.unwrap().success(), "cannot send SIG{name}");
    }

    fn await_port(&mut self) -> u16 {
        let file = self.path(&format!("nats-server_{}.ports", self.child.id()));
        let begin = Instant::now();
        loop {
            if let Some(port) = port_in(&file) {
                return port;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("nats-server ended with {status}: {}", self.log());
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "nats-server did not start: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

pub async fn refusal(settings: NatsSettings) -> NatsError {
    let begin = Instant::now();
    let error = JetStream::connect(settings)
        .await
        .expect_err("the connection was made");
    assert!(
        begin.elapsed() < ANSWER,
        "it took {:?}: {error}",
        begin.elapsed()
    );
    error
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn spawn(folder: &Path, config: &str, port: i32) -> Child {
    let dir = folder.display().to_string();
    let common =
        format!("listen: \"127.0.0.1:{port}\"\nports_file_dir: \"$DIR\"\nlog_file: \"$DIR/log\"\n");
    let config = write(
        folder,
        "server.conf",
        &format!("{common}{config}").replace("$DIR", &dir),
    );
    Command::new(sandbox::variable("NATS_SERVER_BIN"))
        .arg("-c")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn port_in(file: &Path) -> Option<u16> {
    let text = std::fs::read_to_string(file).ok()?;
    let ports = serde_json::from_str::<Value>(&text).ok()?;
    let url = ports.get("nats")?.get(0)?.as_str()?;
    url.rsplit(':').next()?.parse().ok()
}
