//! The ledger that nobody names: which one it is follows from the manifest, plans only read it, and one that moved is found.

use super::ownership::contains;
use super::{file, run, trueup};
use crate::broker::kafka::unique;
use crate::broker::nats_server::NatsServer;
use crate::sandbox::variable;

/// Somebody who types commands and names no ledger.
struct User {
    nats: Option<String>,
    stack: String,
}

impl User {
    fn of(server: &NatsServer) -> User {
        User {
            nats: Some(server.url()),
            stack: unique("usual"),
        }
    }

    /// Ends with this code; both streams, in one line. `%` is the stack.
    fn ends(&self, code: i32, command: &str, manifest: &str) -> String {
        let manifest = manifest.replace('%', &self.stack);
        let manifest = file(&format!("stack: {}\n{manifest}\n", self.stack), ".yaml");
        let mut words: Vec<&str> = command.split(' ').collect();
        words.extend(["-f", manifest.to_str().unwrap()]);
        self.types(code, &words)
    }

    fn types(&self, code: i32, words: &[&str]) -> String {
        let mut command = trueup(words);
        command.env_remove("TRUEUP_LEDGER");
        command.env("KAFKA_BROKERS", variable("KAFKA_BROKERS"));
        if let Some(url) = &self.nats {
            command.env("NATS_URL", url);
        }
        let ran = run(command);
        let said = format!("{} {}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{words:?}: {said}");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

const STREAMS: &str = "nats: { streams: { A: { subjects: [a] }, B: { subjects: [b] } } }";
const ONE_STREAM: &str = "nats: { streams: { A: { subjects: [a] } } }";
const TOPIC: &str = "kafka: { topics: { %-t: { partitions: 1, replication_factor: 1 } } }";

async fn streams(server: &NatsServer) -> Vec<String> {
    let client = async_nats::connect(server.url()).await.unwrap();
    let names = async_nats::jetstream::new(client).stream_names();
    let names: Vec<_> = futures::StreamExt::collect(names).await;
    let mut names: Vec<String> = names.into_iter().map(Result::unwrap).collect();
    names.sort();
    names
}

#[tokio::test]
async fn only_an_apply_makes_it_and_what_is_there_already_is_adopted_untouched() {
    let server = NatsServer::start("");
    let user = User::of(&server);
    user.ends(0, "apply --auto-approve --ledger none", STREAMS);
    for command in ["validate", "doctor", "drift", "ledger show", "lock show"] {
        user.ends(0, command, STREAMS);
    }
    let plan = user.ends(0, "plan --detailed-exitcode", STREAMS);
    let adopted = "= adopted as they are, for nobody owns them: stream/A, stream/B";
    contains(&plan, &["Ledger nats nothing owned yet", adopted]);
    assert_eq!(streams(&server).await, ["A", "B"]);
    user.ends(0, "apply --auto-approve", STREAMS);
    let ledger = ["A", "B", "KV_trueup", "KV_trueup_locks"];
    assert_eq!(streams(&server).await, ledger);
    let client = async_nats::connect(server.url()).await.unwrap();
    let mut a = async_nats::jetstream::new(client)
        .get_stream("A")
        .await
        .unwrap();
    let label = a.info().await.unwrap().config.metadata.clone();
    assert!(!label.contains_key("trueup.stack"), "{label:?}");
    let second = user.ends(0, "plan --detailed-exitcode", STREAMS);
    contains(&second, &["No changes. 2 resources are as declared."]);
    assert!(!second.contains("adopt"), "{second}");
    let shown = user.types(0, &["ledger", "show", "--stack", &user.stack]);
    contains(&shown, &["In the NATS bucket `trueup`", "stream/A owned"]);
    let lock = user.types(0, &["lock", "show", "--stack", &user.stack]);
    contains(&lock, &["nobody has the lock of stack", &user.stack]);
    user.types(0, &["lock", "release", "--stack", &user.stack]);
    contains(&user.types(1, &["lock", "show"]), &["with `--stack`"]);
    let fewer = user.ends(0, "apply --auto-approve", ONE_STREAM);
    contains(&fewer, &["- stream/B deleted"]);
    let empty = user.ends(3, "plan", "nats: { streams: {} }");
    contains(&empty, &["nothing-declared"]);
    let stack = user.stack.clone();
    user.ends(0, &format!("destroy --stack {stack}"), ONE_STREAM);
    assert_eq!(streams(&server).await, ledger[2..]);
}

#[tokio::test]
async fn an_option_wins_over_the_environment_and_that_over_the_manifest() {
    let server = NatsServer::start("");
    let user = User::of(&server);
    let folder = tempfile::tempdir().unwrap();
    let place = format!("file:{}", folder.path().join("ledger.json").display());
    let manifest = file(&format!("stack: s\nledger: {place}\n{STREAMS}\n"), ".yaml");
    let said = |option: &[&str], environment: Option<&str>| {
        let mut command = trueup(&["plan", "-f", manifest.to_str().unwrap()]);
        command.args(option).env("NATS_URL", server.url());
        command.env_remove("TRUEUP_LEDGER");
        if let Some(place) = environment {
            command.env("TRUEUP_LEDGER", place);
        }
        let ran = run(command);
        let lines = format!("{}{}", ran.stdout, ran.stderr);
        let ledger = lines.lines().find(|line| line.contains("Ledger "));
        let word = ledger.and_then(|line| line.split_whitespace().nth(1));
        (ran.code, word.unwrap_or("-").to_owned(), lines)
    };
    assert_eq!(said(&[], None).1, place);
    assert_eq!(said(&[], Some("")).1, place);
    assert_eq!(said(&[], Some("nats")).1, "nats");
    assert_eq!(said(&[], Some("none")).1, "-");
    let (_, option, lines) = said(&["--ledger", "none"], Some("nats"));
    assert_eq!(option, "-");
    assert!(lines.contains("--ledger none"), "what is next: {lines}");
    let (code, _, lines) = said(&[], Some("redis"));
    assert!(code == 1 && lines.contains("TRUEUP_LEDGER is `redis`"));
    let bad = user.ends(1, "validate", &format!("ledger: redis\n{STREAMS}"));
    contains(&bad, &["error[unknown-value]", "`file:PATH` or `none`"]);
}

#[tokio::test]
async fn a_manifest_that_gets_nats_or_loses_it_does_not_lose_its_ledger() {
    let server = NatsServer::start("");
    let user = User::of(&server);
    let both = format!("{TOPIC}\n{ONE_STREAM}");
    user.ends(0, "apply --auto-approve", TOPIC);
    contains(
        &user.ends(0, "plan", TOPIC),
        &["Ledger kafka", "No changes."],
    );
    for command in ["plan", "apply --auto-approve", "drift", "ledger show"] {
        let refused = user.ends(1, command, &both);
        let there = format!("the ledger in `kafka` holds 1 of stack `{}`", user.stack);
        contains(&refused, &["error[ledger-elsewhere]", &there]);
        contains(&refused, &["trueup ledger move --from kafka"]);
    }
    let looked_at = user.ends(1, "doctor", &both);
    let there = format!("holds 1 of stack `{}`", user.stack);
    contains(&looked_at, &["bad NATS ledger", &there]);
    assert_eq!(streams(&server).await, [""; 0]);
    contains(
        &user.ends(0, "plan --ledger kafka", &both),
        &["1 unchanged"],
    );
    contains(
        &user.ends(0, "plan", &format!("ledger: kafka\n{both}")),
        &["Ledger kafka", "1 to create", "1 unchanged"],
    );
    let moved = user.ends(0, "ledger move --from kafka", &both);
    contains(&moved, &["moved what is recorded of 1 resource from the"]);
    contains(
        &user.ends(0, "plan", &both),
        &["Ledger nats", "1 unchanged"],
    );
    user.ends(0, "apply --auto-approve", &both);
    let refused = user.ends(1, "plan", TOPIC);
    contains(&refused, &["the ledger in `nats` holds 2 of stack"]);
    let nowhere = User {
        nats: Some("nats://127.0.0.1:1".to_owned()),
        ..User::of(&server)
    };
    contains(&nowhere.ends(0, "plan", TOPIC), &["1 to create"]);
    nowhere.ends(0, "apply --auto-approve --ledger none", TOPIC);
    let unknown = nowhere.ends(1, "plan", TOPIC);
    contains(&unknown, &["could not be read", "`ledger: kafka`"]);
    contains(
        &nowhere.ends(0, "plan --ledger kafka", TOPIC),
        &["1 to adopt"],
    );
    nowhere.ends(0, "apply --auto-approve --ledger kafka", TOPIC);
    contains(&nowhere.ends(0, "plan", TOPIC), &["No changes."]);
    nowhere.ends(
        0,
        &format!("destroy --stack {} --ledger kafka", nowhere.stack),
        TOPIC,
    );
    let stack = user.stack.clone();
    user.ends(0, &format!("destroy --stack {stack}"), &both);
}

#[tokio::test]
async fn stacks_with_ledgers_of_their_own_leave_each_others_topics_alone() {
    let server = NatsServer::start("");
    let (mixed, alone) = (User::of(&server), User::of(&server));
    let topic = |of: &User| TOPIC.replace('%', &of.stack);
    let both = format!("{TOPIC}\n{ONE_STREAM}");
    mixed.ends(0, "apply --auto-approve", &both);
    alone.ends(0, "apply --auto-approve", TOPIC);
    let of_mixed = alone.ends(7, "plan", &topic(&mixed));
    let other = format!("stack `{}` owns it, by the ledger in `nats`", mixed.stack);
    contains(&of_mixed, &["owned-by-another", &other]);
    let of_alone = mixed.ends(7, "plan", &format!("{}\n{ONE_STREAM}", topic(&alone)));
    let other = format!("stack `{}` owns it, by the ledger in `kafka`", alone.stack);
    contains(&of_alone, &[&other]);
    let rebuilt = alone.ends(0, "ledger rebuild", &topic(&mixed));
    contains(&rebuilt, &["1 belong to other stacks"]);
    let unreadable = User {
        nats: Some("nats://127.0.0.1:1".to_owned()),
        stack: alone.stack.clone(),
    };
    let doubt = unreadable.ends(3, "plan", &topic(&mixed));
    contains(&doubt, &["ledger-elsewhere", "another stack may own it"]);
    contains(&unreadable.ends(0, "plan", TOPIC), &["No changes."]);
    for (user, manifest) in [(&mixed, both.as_str()), (&alone, TOPIC)] {
        user.ends(0, &format!("destroy --stack {}", user.stack), manifest);
    }
}

#[tokio::test]
async fn a_saved_plan_is_applied_with_the_ledger_that_it_was_made_with() {
    let server = NatsServer::start("");
    let user = User::of(&server);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (plan, bare, snapshot) = (path("p.json"), path("bare.json"), path("s.json"));
    user.types(0, &["export", "--snapshot", &snapshot]);
    let against = user.ends(0, &format!("plan --against {snapshot}"), STREAMS);
    assert!(!against.contains("Ledger"), "{against}");
    user.ends(0, &format!("plan -o {plan}"), ONE_STREAM);
    let other = user.types(1, &["apply", &plan, "--auto-approve", "--ledger", "none"]);
    contains(
        &other,
        &["made with the ledger `nats`, and `none` is named"],
    );
    user.types(0, &["apply", &plan, "--auto-approve"]);
    contains(
        &user.ends(0, "ledger show", ONE_STREAM),
        &["stream/A owned"],
    );
    user.ends(0, &format!("plan -o {bare} --ledger none"), STREAMS);
    user.types(0, &["apply", &bare, "--auto-approve"]);
    contains(&user.ends(0, "plan", STREAMS), &["1 to adopt"]);
}

#[test]
fn who_may_not_read_it_hears_which_right_is_missing_and_what_to_do_without() {
    let server = NatsServer::start(
        "authorization { users: [ {user: all, password: all}, {user: ann, password: ann, permissions: { publish: { deny: [\"$JS.API.STREAM.INFO.KV_trueup\"] } } } ] }",
    );
    let ann = User {
        nats: Some(format!("nats://ann:ann@127.0.0.1:{}", server.port)),
        stack: unique("usual"),
    };
    for command in ["plan", "drift", "apply --auto-approve"] {
        let refused = ann.ends(1, command, ONE_STREAM);
        let right = "needs publish to `$JS.API.STREAM.INFO.KV_trueup`";
        contains(
            &refused,
            &["error[ledger-failed]", right, "`--ledger none`"],
        );
        assert_eq!(refused.matches("error[").count(), 1, "{refused}");
    }
    contains(
        &ann.ends(0, "plan --ledger none", ONE_STREAM),
        &["1 to create"],
    );
    let doctor = ann.ends(1, "doctor", ONE_STREAM);
    contains(&doctor, &["$JS.API.STREAM.INFO.KV_trueup"]);
    let limited = format!(
        "connections:\n  kafka:\n    bootstrap.servers: {}\n    security.protocol: SASL_PLAINTEXT\n    sasl.mechanism: SCRAM-SHA-512\n    sasl.username: limited\n    sasl.password: limited-secret\n{TOPIC}",
        variable("KAFKA_SCRAM")
    );
    let refused = ann.ends(1, "plan", &limited);
    contains(&refused, &["needs DESCRIBE on topic `__trueup`"]);
}
