//! Users and quotas of Kafka, from the manifest to the login.

use tempfile::{TempDir, TempPath};
use trueup::broker::kafka::{Kafka, KafkaError, KafkaSettings};

use super::ownership::contains;
use super::{file, run, trueup};
use crate::broker::kafka::unique;
use crate::sandbox::variable;

/// Commands with a ledger of their own, and everything that they said or wrote.
struct Desk {
    folder: TempDir,
    said: String,
}

impl Desk {
    fn new() -> Desk {
        Desk {
            folder: tempfile::tempdir().unwrap(),
            said: String::new(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn ended(&mut self, command: &str, manifest: &TempPath, password: &str, code: i32) -> String {
        let words = format!("{command} -f {}", manifest.display());
        self.run(&words, password, code)
    }

    fn without_manifest(&mut self, command: &str, code: i32) -> String {
        self.run(command, "", code)
    }

    fn run(&mut self, command: &str, password: &str, code: i32) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let mut command_line = trueup(&words);
        command_line
            .env("KAFKA_BROKERS", variable("KAFKA_BROKERS"))
            .env(
                "TRUEUP_LEDGER",
                format!("file:{}", self.path("ledger.json")),
            )
            .env("USER_PASSWORD", password);
        let ran = run(command_line);
        let said = format!("{} {}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{command}: {said}");
        self.said.push_str(&said);
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What was said, and every file beside the ledger.
    fn leaves(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        texts.fold(self.said.clone(), |all, text| all + &text)
    }
}

fn of(user: &str, says: &str) -> TempPath {
    let user = format!("stack: {user}\nkafka: {{ users: {{ {user}: {{ {says} }} }} }}\n");
    file(&user, ".yaml")
}

async fn login(user: &str, mechanism: &str, password: &str) -> Result<Kafka, KafkaError> {
    let properties = [
        ("bootstrap.servers", variable("KAFKA_SCRAM").as_str()),
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", mechanism),
        ("sasl.username", user),
        ("sasl.password", password),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let settings = KafkaSettings::from_properties(&properties.into_iter().collect()).unwrap();
    Kafka::connect(settings).await
}

async fn logs_in(user: &str, mechanism: &str, password: &str) {
    if let Err(error) = login(user, mechanism, password).await {
        panic!("{user} by {mechanism}: {error}");
    }
}

async fn is_kept_out(user: &str, mechanism: &str, password: &str) {
    let told = login(user, mechanism, password).await.err();
    assert!(
        matches!(told, Some(KafkaError::AuthenticationFailed { .. })),
        "{told:?}"
    );
}

const SHA_512: &str = "SCRAM-SHA-512";
const SHA_256: &str = "SCRAM-SHA-256";

#[tokio::test]
async fn a_user_is_made_gets_a_new_password_and_goes_and_the_password_is_nowhere() {
    let (user, mut desk) = (unique("user"), Desk::new());
    let (first, second) = ("canary-Aa1?", "canary-Bb2!");
    let one = of(&user, "password: '${USER_PASSWORD}', version: 1");
    let two = of(&user, "password: '${USER_PASSWORD}', version: 2");
    contains(
        &desk.ended("apply --auto-approve", &one, first, 0),
        &["Applied 1 of 1."],
    );
    logs_in(&user, SHA_512, first).await;
    contains(&desk.ended("plan", &one, second, 0), &["No changes."]);
    logs_in(&user, SHA_512, first).await;

    let saved = desk.path("plan.json");
    let planned = desk.ended(&format!("plan -o {saved}"), &two, second, 0);
    contains(&planned, &["version 1 -> 2", "user-password-changed"]);
    let alone = desk.without_manifest(&format!("apply {saved} --auto-approve"), 1);
    contains(&alone, &["its password is not known here", "with `-f`"]);
    logs_in(&user, SHA_512, first).await;
    desk.ended(&format!("apply {saved} --auto-approve"), &two, second, 0);
    logs_in(&user, SHA_512, second).await;
    is_kept_out(&user, SHA_512, first).await;
    contains(&desk.ended("plan", &two, second, 0), &["No changes."]);

    let snapshot = desk.path("snapshot.json");
    desk.ended(&format!("export --snapshot {snapshot}"), &two, second, 0);
    let exported = desk.ended("export", &two, second, 0);
    contains(&exported, &[&user, "exported without their passwords"]);
    contains(
        &desk.ended(&format!("plan --against {snapshot}"), &two, second, 0),
        &[
            "No changes.",
            "without a ledger nobody knows which `version`",
        ],
    );
    desk.ended("plan --output json", &two, second, 0);
    desk.ended("drift", &two, second, 0);

    let none = file(&format!("stack: {user}\n"), ".yaml");
    let gone = desk.ended("apply --auto-approve --allow-empty", &none, "", 0);
    contains(&gone, &["user-deleted", "Applied 1 of 1."]);
    is_kept_out(&user, SHA_512, second).await;
    let leaves = desk.leaves();
    assert!(leaves.contains(&user));
    assert!(!leaves.contains("canary"), "{leaves}");
}

#[tokio::test]
async fn mechanisms_come_and_go_and_iterations_write_the_password() {
    let (user, mut desk, password) = (unique("user"), Desk::new(), "s3cret-Cc3");
    let says = |more: &str| of(&user, &format!("password: '${{USER_PASSWORD}}', {more}"));
    let both = says("mechanism: [SCRAM-SHA-512, SCRAM-SHA-256], iterations: 8192");
    desk.ended("apply --auto-approve", &both, password, 0);
    contains(&desk.ended("plan", &both, password, 0), &["No changes."]);
    logs_in(&user, SHA_256, password).await;
    logs_in(&user, SHA_512, password).await;
    let fewer = says("mechanism: SCRAM-SHA-256, iterations: 4096");
    let planned = desk.ended("plan", &fewer, password, 0);
    contains(
        &planned,
        &["user-mechanism-removed", "the declared one is written"],
    );
    desk.ended("apply --auto-approve", &fewer, password, 0);
    contains(&desk.ended("plan", &fewer, password, 0), &["No changes."]);
    logs_in(&user, SHA_256, password).await;
    is_kept_out(&user, SHA_512, password).await;
    desk.ended(&format!("destroy --stack {user}"), &fewer, password, 0);
    is_kept_out(&user, SHA_256, password).await;
}

#[tokio::test]
async fn a_user_that_is_there_is_adopted_with_the_password_that_it_has() {
    let (user, mut desk) = (unique("user"), Desk::new());
    let one = of(&user, "password: '${USER_PASSWORD}', version: 1");
    desk.ended("apply --auto-approve", &one, "the-first", 0);
    desk.ended(&format!("forget user/{user}"), &one, "x", 0);
    let adopted = desk.ended("apply --auto-approve", &one, "another", 0);
    contains(
        &adopted,
        &["whether the password is the declared one can't be known"],
    );
    logs_in(&user, SHA_512, "the-first").await;
    contains(&desk.ended("plan", &one, "another", 0), &["No changes."]);
    desk.ended(&format!("destroy --stack {user}"), &one, "another", 0);
}

#[test]
fn a_password_in_the_manifest_is_refused_and_not_shown() {
    let mut desk = Desk::new();
    for says in [
        "password: canary",
        "password: '${UNSET_OF_ALL:-canary}'",
        "password: 'canary${USER_PASSWORD}'",
        "password: { of: canary }",
        "password: '${USER_PASSWORD}', password_file: canary-file",
        "password: '${USER_PASSWORD}', mechanism: PLAIN",
        "password: '${USER_PASSWORD}', iterations: 100",
        "version: 1",
    ] {
        let said = desk.ended("validate", &of("ann", says), "canary", 1);
        assert!(said.contains("error["), "{says}: {said}");
    }
    contains(&desk.said.clone(), &["plain-secret", "password: ${NAME}"]);
    let shown = desk.said.replace("canary-file", "");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn a_quota_is_set_changed_by_another_and_removed() {
    let (name, mut desk) = (unique("quota"), Desk::new());
    let of = |keys: &str| {
        let text =
            format!("stack: {name}\nkafka: {{ quotas: {{ client-id/{name}: {{ {keys} }} }} }}\n");
        file(&text, ".yaml")
    };
    let both = of("producer_byte_rate: 10MiB, request_percentage: 12.5");
    desk.ended("apply --auto-approve", &both, "", 0);
    contains(&desk.ended("plan", &both, "", 0), &["No changes."]);
    let said = tool(&name, &["--describe"]);
    contains(
        &said,
        &["producer_byte_rate=1.048576E7", "request_percentage=12.5"],
    );
    tool(
        &name,
        &[
            "--alter",
            "--add-config",
            "producer_byte_rate=5,consumer_byte_rate=7",
        ],
    );
    eventually(|| tool(&name, &["--describe"]).contains("consumer_byte_rate=7"));
    let drifted = desk.ended("drift", &both, "", 2);
    contains(&drifted, &["producer_byte_rate", "consumer_byte_rate"]);
    let one = of("producer_byte_rate: 10MiB");
    desk.ended("apply --auto-approve", &one, "", 0);
    contains(&desk.ended("plan", &one, "", 0), &["No changes."]);
    let said = tool(&name, &["--describe"]);
    contains(
        &said,
        &["producer_byte_rate=1.048576E7", "consumer_byte_rate=7"],
    );
    assert!(!said.contains("request_percentage"), "{said}");
    desk.ended(&format!("destroy --stack {name}"), &one, "", 0);
    let said = tool(&name, &["--describe"]);
    assert!(!said.contains("byte_rate"), "{said}");
}

/// What Kafka's own tool says of a client id.
fn tool(client: &str, asked: &[&str]) -> String {
    let ran = std::process::Command::new("sandbox/sandbox")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "kafka-tool",
            "configs",
            "--entity-type",
            "clients",
            "--entity-name",
            client,
        ])
        .args(asked)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said} {ran:?}");
    said
}

fn eventually(holds: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed().as_secs() < 300, "never");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
