//! What a ledger makes of the commands: owned, adopted, deleted, another stack's, locked, interrupted.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, Context};
use futures::TryStreamExt;
use tempfile::TempPath;

use super::{Ran, file, run, trueup};
use crate::broker::nats_server::NatsServer;

pub(super) fn on(server: &NatsServer, arguments: &[&str]) -> Ran {
    let mut command = trueup(arguments);
    command.env("NATS_URL", server.url());
    command.env("TRUEUP_LEDGER", "nats");
    run(command)
}

pub(super) fn of(stack: &str, nats: &str) -> TempPath {
    file(&format!("stack: {stack}\nnats: {{ {nats} }}\n"), ".yaml")
}

pub(super) fn with<'a>(command: &'a str, manifest: &'a TempPath) -> Vec<&'a str> {
    let mut words: Vec<&str> = command.split(' ').collect();
    words.extend(["-f", manifest.to_str().unwrap()]);
    words
}

/// Ends with this code; both streams, in one line.
pub(super) fn ended(server: &NatsServer, command: &str, manifest: &TempPath, code: i32) -> String {
    let ran = on(server, &with(command, manifest));
    let said = format!("{} {}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, code, "{command}: {said}");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn applied(server: &NatsServer, manifest: &TempPath) -> String {
    ended(server, "apply --auto-approve", manifest, 0)
}

pub(super) async fn context(server: &NatsServer) -> Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

pub(super) async fn publish(server: &NatsServer, subject: &'static str, count: usize) {
    let context = context(server).await;
    for _ in 0..count {
        let sent = context.publish(subject, "x".into()).await.unwrap();
        sent.await.unwrap();
    }
}

pub(super) fn contains(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
}

const THREE: &str = "streams: { A: { subjects: [a], consumers: { c: {} } }, B: { subjects: [b] } }, key_value: { k: {} }";
const ONE: &str = "streams: { A: { subjects: [a] } }";

#[tokio::test]
async fn what_is_no_longer_declared_is_deleted_and_what_holds_data_only_with_consent() {
    let server = NatsServer::start("");
    let (three, one) = (of("s", THREE), of("s", ONE));
    applied(&server, &three);
    contains(&ended(&server, "plan", &three, 0), &["No changes."]);
    publish(&server, "b", 25).await;
    let planned = ended(&server, "plan", &one, 3);
    contains(
        &planned,
        &["3 to delete", "critical stream-deleted: holds 25 messages"],
    );
    let auto = ended(&server, "apply --auto-approve", &one, 6);
    contains(
        &auto,
        &["applied - kv/k deleted", "not attempted - stream/B"],
    );
    let elsewhere = "apply --auto-approve --approve stream-deleted@stream/A";
    let said = ended(&server, elsewhere, &one, 3);
    contains(&said, &["stream/A", "nothing in this plan needs it"]);
    let approved = "apply --auto-approve --approve stream-deleted@stream/B";
    contains(&ended(&server, approved, &one, 0), &["Applied 1 of 1."]);
    let names = names(&context(&server).await).await;
    assert_eq!(names, ["A", "KV_trueup", "KV_trueup_locks"]);
    let exported = ended(&server, "export --stack s", &one, 0);
    assert!(!exported.contains("trueup_locks"), "{exported}");
}

#[tokio::test]
async fn nothing_is_deleted_under_a_target_from_nothing_or_beyond_the_limit() {
    let server = NatsServer::start("");
    let (three, one, none) = (of("s", THREE), of("s", ONE), of("s", "streams: {}"));
    applied(&server, &three);
    let target = ended(&server, "plan --target stream/A", &one, 0);
    contains(&target, &["No changes."]);
    contains(&ended(&server, "plan", &none, 3), &["nothing-declared"]);
    let few = ended(&server, "apply --auto-approve --max-delete 1", &one, 3);
    contains(&few, &["3 would be deleted, more than 1 at once"]);
    contains(&ended(&server, "plan", &three, 0), &["No changes."]);
}

#[tokio::test]
async fn two_stacks_leave_each_others_resources_alone() {
    let server = NatsServer::start("");
    let (mine, yours) = (of("mine", ONE), of("yours", THREE));
    applied(&server, &mine);
    let conflict = ended(&server, "plan", &yours, 7);
    contains(&conflict, &["owned-by-another", "stack `mine` owns it"]);
    ended(&server, "apply --auto-approve", &yours, 6);
    let gone = ended(&server, "destroy --stack yours", &yours, 0);
    contains(&gone, &["- stream/B deleted", "- kv/k deleted"]);
    contains(&ended(&server, "drift", &mine, 0), &["No drift."]);
    let wrong = ended(&server, "destroy --stack yours", &mine, 1);
    contains(&wrong, &["the manifest's stack is `mine`"]);
    contains(
        &ended(&server, "forget stream/A", &mine, 0),
        &["no longer owns `stream/A`"],
    );
    let adopted = ended(&server, "plan", &yours, 0);
    contains(
        &adopted,
        &["adopted as they are, for nobody owns them: stream/A"],
    );
}

#[tokio::test]
async fn a_manifest_with_what_another_stack_owns_deletes_nothing() {
    let server = NatsServer::start("");
    let (mine, yours) = (
        of("mine", ONE),
        of(
            "yours",
            "streams: { Y: { subjects: [y] }, Z: { subjects: [z] } }",
        ),
    );
    applied(&server, &mine);
    applied(&server, &yours);
    let over = of("yours", "streams: { Y: { max_msgs: 100 } }");
    let both = |command: &str, code: i32| {
        let mut words = with(command, &mine);
        words.extend(["-f", over.to_str().unwrap()]);
        let ran = on(&server, &words);
        let said = format!("{} {}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{command}: {said}");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    contains(
        &both("validate", 0),
        &["`stack` was `mine`, and is `yours` from here on"],
    );
    contains(
        &both("plan", 7),
        &["while the manifest declares what another stack owns (`stream/A`)"],
    );
    both("apply --auto-approve", 7);
    let mut names = names(&context(&server).await).await;
    names.retain(|name| !name.starts_with("KV_"));
    assert_eq!(names, ["A", "Y", "Z"]);
    let stream = context(&server).await.get_stream("Y").await.unwrap();
    assert_eq!(stream.cached_info().config.subjects, ["y"]);
}

#[tokio::test]
async fn what_was_made_anew_or_is_gone_is_not_deleted_and_not_remade_in_silence() {
    let server = NatsServer::start("");
    let (three, one) = (of("s", THREE), of("s", ONE));
    applied(&server, &three);
    let jetstream = context(&server).await;
    jetstream.delete_stream("B").await.unwrap();
    let gone = ended(&server, "plan", &three, 3);
    contains(&gone, &["high recreated-empty"]);
    jetstream.create_stream("B").await.unwrap();
    let anew = applied(&server, &one);
    contains(&anew, &["applied / stream/B forgotten"]);
    jetstream.get_stream("B").await.unwrap();
    contains(&ended(&server, "plan", &one, 0), &["No changes."]);
}

#[tokio::test]
async fn a_field_that_was_once_set_goes_back_and_a_foreign_one_stays() {
    let server = NatsServer::start("");
    let set = of("s", "streams: { A: { subjects: [a], max_age: 1h } }");
    let unset = of("s", ONE);
    applied(&server, &set);
    let jetstream = context(&server).await;
    let mut stream = jetstream.get_stream("A").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.max_messages = 1_000;
    jetstream.update_stream(config).await.unwrap();
    contains(&applied(&server, &unset), &["~ stream/A changed"]);
    let now = stream.info().await.unwrap().config.clone();
    assert_eq!((now.max_age, now.max_messages), (Duration::ZERO, 1_000));
    contains(&ended(&server, "plan", &unset, 0), &["No changes."]);
}

#[tokio::test]
async fn without_the_ledger_nothing_is_deleted_and_it_can_be_rebuilt() {
    let server = NatsServer::start("");
    let (three, one) = (of("s", THREE), of("s", ONE));
    applied(&server, &three);
    let jetstream = context(&server).await;
    jetstream.delete_key_value("trueup").await.unwrap();
    let lost = ended(&server, "plan", &one, 0);
    let again = "its label says that it is the stack's: it is the stack's again";
    contains(&lost, &["= stream/A", again, "No changes."]);
    let left = "left alone, though the stack's label is on it: `stream/B`, `kv/k`, `consumer/A/c`";
    contains(&ended(&server, "ledger rebuild", &one, 0), &[left]);
    let rebuilt = ended(&server, "ledger rebuild", &three, 0);
    contains(&rebuilt, &["recorded 4 of 4 declared resources"]);
    contains(&ended(&server, "plan", &one, 0), &["3 to delete"]);
}

#[tokio::test]
async fn one_works_at_a_time_and_the_lock_of_a_dead_one_ends() {
    let server = NatsServer::start("");
    let many: Vec<String> = (0..400)
        .map(|i| format!("S{i}: {{ subjects: [s{i}] }}"))
        .collect();
    let many = of("s", &format!("streams: {{ {} }}", many.join(", ")));
    let mut first = spawned(&server, &many);
    await_lock(&server, &many);
    let held = ended(&server, "apply --auto-approve", &many, 4);
    contains(&held, &["error[locked]", "stack `s` is locked by"]);
    first.kill().unwrap();
    first.wait().unwrap();
    let waited = ended(&server, "apply --auto-approve --lock-timeout 90s", &many, 0);
    contains(&waited, &["Applied"]);
    contains(
        &ended(&server, "plan", &many, 0),
        &["No changes. 400 resources"],
    );
    contains(
        &ended(&server, "lock show", &many, 0),
        &["nobody has the lock"],
    );
    let shown = ended(&server, "ledger show", &many, 0);
    assert!(!shown.contains("interrupted"), "{shown}");
}

/// An apply that runs.
fn spawned(server: &NatsServer, manifest: &TempPath) -> Child {
    Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(with("apply --auto-approve", manifest))
        .env("NATS_URL", server.url())
        .env("TRUEUP_LEDGER", "nats")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn await_lock(server: &NatsServer, manifest: &TempPath) {
    let end = Instant::now() + Duration::from_secs(60);
    while !ended(server, "lock show", manifest, 0).contains("has the lock of stack `s` since") {
        assert!(Instant::now() < end, "nobody takes the lock");
    }
}

#[tokio::test]
async fn a_saved_plan_is_stale_when_a_resource_changed_hands() {
    let server = NatsServer::start("");
    context(&server).await.create_stream("A").await.unwrap();
    let one = "streams: { A: { subjects: [A] } }";
    let (mine, yours) = (of("mine", one), of("yours", one));
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("p.json");
    let plan = plan.to_str().unwrap();
    ended(&server, &format!("plan -o {plan}"), &mine, 0);
    let without = format!("apply {plan} --auto-approve --ledger none");
    contains(&ended(&server, &without, &mine, 1), &["`none` is named"]);
    applied(&server, &yours);
    let late = ended(&server, &format!("apply {plan} --auto-approve"), &mine, 5);
    contains(&late, &["stack `yours` owns it since"]);
}

#[tokio::test]
async fn protection_that_comes_later_holds_and_destroy_heeds_it() {
    let server = NatsServer::start("");
    let plain = of("s", THREE);
    let safe = "streams: { A: { subjects: [a], consumers: { c: {} }, lifecycle: { protect: true } }, B: { subjects: [b] } }, key_value: { k: {} }";
    let safe = of("s", safe);
    applied(&server, &plain);
    let spared = ended(&server, "destroy --stack s", &safe, 6);
    contains(&spared, &["not attempted - stream/A", "- stream/B deleted"]);
    applied(&server, &safe);
    let none = of("s", "streams: { C: { subjects: [c] } }");
    contains(&ended(&server, "plan", &none, 3), &["! blocked protected"]);
    applied(&server, &plain);
    contains(&applied(&server, &none), &["- stream/A deleted"]);
}

#[tokio::test]
async fn what_was_once_set_on_a_consumer_goes_back_to_what_the_server_gives() {
    let server = NatsServer::start("");
    let of_c = |c: &str| {
        of(
            "s",
            &format!("streams: {{ A: {{ subjects: [a], consumers: {{ c: {c} }} }} }}"),
        )
    };
    let set = of_c(
        "{ inactive_threshold: 1h, max_ack_pending: 10, backoff: [1s, 5s], max_deliver: 3, pause_until: \"2033-01-01T00:00:00Z\" }",
    );
    applied(&server, &set);
    contains(&ended(&server, "plan", &set, 0), &["No changes."]);
    let bare = of_c("{}");
    let fields = [
        "inactive_threshold",
        "max_ack_pending",
        "backoff",
        "max_deliver",
        "pause_until",
    ];
    contains(&ended(&server, "plan", &bare, 0), &fields);
    applied(&server, &bare);
    contains(&ended(&server, "plan", &bare, 0), &["No changes."]);
    let consumer: jetstream::consumer::PullConsumer = context(&server)
        .await
        .get_consumer_from_stream("c", "A")
        .await
        .unwrap();
    let config = &consumer.cached_info().config;
    assert_eq!((config.max_ack_pending, config.max_deliver), (1000, -1));
    assert_eq!(
        (config.ack_wait, config.inactive_threshold),
        (Duration::from_secs(30), Duration::ZERO)
    );
    assert!(config.backoff.is_empty(), "{:?}", config.backoff);
}

#[tokio::test]
async fn a_stream_stays_while_a_consumer_in_it_is_another_stacks() {
    let server = NatsServer::start("");
    let theirs = of(
        "t",
        "streams: { A: { subjects: [a], consumers: { c: {} } } }",
    );
    applied(&server, &theirs);
    ended(&server, "forget stream/A", &theirs, 0);
    let ours = of(
        "s",
        "streams: { A: { subjects: [a] }, B: { subjects: [b] } }",
    );
    applied(&server, &ours);
    let without = of("s", "streams: { B: { subjects: [b] } }");
    let blocked = ended(&server, "plan", &without, 3);
    contains(
        &blocked,
        &["stream/A", "protected", "stack `t` owns `consumer/A/c`"],
    );
}

#[tokio::test]
async fn a_stream_stays_while_a_consumer_in_it_bears_another_stacks_label() {
    let server = NatsServer::start("");
    let (three, one) = (of("s", THREE), of("s", ONE));
    applied(&server, &three);
    let stream = context(&server).await.get_stream("B").await.unwrap();
    let label = ("trueup.stack".to_owned(), "other".to_owned());
    let guest = jetstream::consumer::pull::Config {
        durable_name: Some("guest".to_owned()),
        metadata: [label].into(),
        ..jetstream::consumer::pull::Config::default()
    };
    stream.create_consumer(guest).await.unwrap();
    let planned = ended(&server, "plan", &one, 7);
    contains(
        &planned,
        &[
            "owned-by-another",
            "consumer `guest` in it is stack `other`'s",
        ],
    );
    let approved = "apply --auto-approve --approve stream-deleted@stream/B";
    ended(&server, approved, &one, 6);
    stream.delete_consumer("guest").await.unwrap();
    contains(&ended(&server, approved, &one, 0), &["stream/B deleted"]);
}

#[tokio::test]
async fn an_unrelated_delete_that_is_blocked_stops_no_other() {
    let server = NatsServer::start("");
    let (three, one) = (of("s", THREE), of("s", "streams: { C: { subjects: [c] } }"));
    applied(&server, &three);
    publish(&server, "a", 1).await;
    let partly = ended(&server, "apply --auto-approve", &one, 6);
    contains(
        &partly,
        &[
            "- kv/k deleted",
            "- stream/B deleted",
            "not attempted - stream/A",
        ],
    );
}

#[test]
fn a_ledger_of_another_cluster_owns_nothing_here() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.json");
    let place = format!("file:{}", ledger.display());
    let topic = format!("own-{}", uuid::Uuid::new_v4());
    let manifest = file(
        &format!("stack: s\nkafka: {{ topics: {{ {topic}: {{ partitions: 1 }} }} }}\n"),
        ".yaml",
    );
    let on_kafka = |command: &str| {
        let mut ran = trueup(&with(command, &manifest));
        ran.env("KAFKA_BROKERS", crate::sandbox::variable("KAFKA_BROKERS"));
        ran.env("TRUEUP_LEDGER", &place);
        run(ran)
    };
    assert_eq!(on_kafka("apply --auto-approve").code, 0);
    let text = std::fs::read_to_string(&ledger).unwrap();
    let at = text.find("\"on\": \"").expect("the cluster is recorded") + 7;
    let elsewhere = format!("{}another-cluster{}", &text[..at], &text[at + 22..]);
    std::fs::write(&ledger, elsewhere).unwrap();
    let refused = on_kafka("plan");
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    contains(&refused.stderr, &["error[wrong-target]", "another-cluster"]);
    let recorded = || std::fs::read_to_string(&ledger).unwrap();
    let before = recorded();
    let forget = format!("forget topic/{topic}");
    for command in ["ledger rebuild", &forget] {
        let refused = on_kafka(command);
        assert_eq!(refused.code, 1, "{command}: {}", refused.stdout);
        contains(&refused.stderr, &["error[wrong-target]"]);
        assert_eq!(recorded(), before, "{command}");
    }
    std::fs::write(&ledger, text).unwrap();
    assert_eq!(on_kafka("destroy --stack s").code, 0);
}

#[tokio::test]
async fn who_was_frozen_beyond_the_lease_sends_nothing_when_it_wakes_up() {
    let server = NatsServer::start("");
    let streams = |count: usize| {
        let all: Vec<String> = (0..count)
            .map(|i| format!("S{i}: {{ subjects: [s{i}] }}"))
            .collect();
        of("s", &format!("streams: {{ {} }}", all.join(", ")))
    };
    let (many, few) = (streams(900), streams(1));
    let mut first = spawned(&server, &many);
    let jetstream = context(&server).await;
    while jetstream.get_stream("S0").await.is_err() {}
    signal(&first, "STOP");
    let waited = "apply --auto-approve --lock-timeout 90s --max-delete 1000";
    ended(&server, waited, &few, 0);
    let before = names(&jetstream).await.len();
    signal(&first, "CONT");
    assert_eq!(first.wait().unwrap().code(), Some(4));
    let after = names(&jetstream).await.len();
    // what was on its way when it was frozen may arrive, nothing else
    assert!(after <= before + IN_FLIGHT, "{before} then {after}");
}

/// How many requests a connection has in flight at most.
const IN_FLIGHT: usize = 64;

/// The streams' names in their order.
async fn names(jetstream: &Context) -> Vec<String> {
    let mut names: Vec<String> = jetstream.stream_names().try_collect().await.unwrap();
    names.sort();
    names
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.unwrap().success());
}
