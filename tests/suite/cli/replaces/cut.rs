//! Somebody was killed while a consumer was made anew: the next run goes on where it stood.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;
use trueup::broker::nats::{ConsumerAction, JetStream};

use tempfile::TempPath;

use super::{APPROVED, PATIENCE, has_keeper, held, info, take, with_consumer};
use crate::broker::nats_server::NatsServer;
use crate::cli::ownership::{applied, contains, context, ended, of, on, publish, with};

#[tokio::test]
async fn what_was_killed_on_the_way_goes_on_by_itself_or_back() {
    let server = NatsServer::start("");
    let (context, nats) = (context(&server).await, server.connect().await);
    let stream = "retention: interest,";
    let (before, after) = (
        with_consumer(stream, "max_deliver: 7"),
        with_consumer(stream, "max_deliver: 7, max_waiting: 128"),
    );
    applied(&server, &before);
    publish(&server, "s", 20).await;
    take(&context, 10, &[0, 1, 2]).await;

    killed_late(&nats).await;
    let planned = ended(&server, "plan", &after, 0);
    contains(
        &planned,
        &[
            "± consumer/S/c",
            "it is deleted already, and its place is held",
        ],
    );
    applied(&server, &after);
    assert_eq!(info(&nats).await["config"]["opt_start_seq"], json!(4));
    contains(&ended(&server, "plan", &after, 0), &["No changes."]);
    assert!(!has_keeper(&nats).await);

    killed_late(&nats).await;
    applied(&server, &after);
    let now = info(&nats).await;
    assert_eq!(
        (
            &now["config"]["opt_start_seq"],
            &now["config"]["max_deliver"]
        ),
        (&json!(4), &json!(7))
    );
    contains(&ended(&server, "plan", &after, 0), &["No changes."]);

    killed_early(&nats).await;
    contains(
        &ended(&server, "plan", &after, 0),
        &["metadata.trueup.keeper"],
    );
    applied(&server, &after);
    assert!(!has_keeper(&nats).await);
    contains(&ended(&server, "plan", &after, 0), &["No changes."]);

    assert_eq!(
        take(&context, 20, &[]).await,
        (4..=20).collect::<Vec<u64>>()
    );
    assert_eq!(held(&nats).await, 17);
}

#[tokio::test]
async fn whoever_is_killed_at_any_moment_loses_nothing() {
    let server = NatsServer::start("");
    let nats = server.connect().await;
    let stream = "retention: interest,";
    let manifests =
        [128, 256].map(|waiting| with_consumer(stream, &format!("max_waiting: {waiting}")));
    applied(&server, &manifests[0]);
    publish(&server, "s", 20).await;
    take(&context(&server).await, 10, &[0, 1, 2]).await;
    for round in 1..9 {
        let manifest = &manifests[round % 2];
        killed(&server, &nats, manifest, round / 2).await;
        ended(&server, APPROVED, manifest, 0);
        contains(&ended(&server, "plan", manifest, 0), &["No changes."]);
        let now = info(&nats).await;
        assert_eq!(now["config"]["opt_start_seq"], json!(4), "round {round}");
        assert_eq!(held(&nats).await, 17, "round {round}");
        assert!(!has_keeper(&nats).await, "round {round}");
    }
}

/// Kills an apply as soon as it holds the place, or some requests later.
async fn killed(server: &NatsServer, nats: &JetStream, manifest: &TempPath, later: usize) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(with(APPROVED, manifest))
        .env("NATS_URL", server.url())
        .env("TRUEUP_LEDGER", "nats")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while !has_keeper(nats).await && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it neither begins nor ends");
    }
    for _ in 0..later {
        nats.stream_info("S").await.unwrap();
    }
    let _ = child.kill();
    child.wait().unwrap();
    // whoever is dead has no use for its lock; there may be none
    on(server, &with("lock release", manifest));
}

#[tokio::test]
async fn what_an_apply_made_anew_that_was_killed_is_the_stacks() {
    let server = NatsServer::start("");
    let nats = server.connect().await;
    let with_waiting =
        |waiting: usize| with_consumer("retention: interest,", &format!("max_waiting: {waiting}"));
    let without = of(
        "s",
        "streams: { S: { subjects: [s], retention: interest } }",
    );
    for round in 0..8 {
        applied(&server, &with_waiting(128));
        publish(&server, "s", 5).await;
        killed(&server, &nats, &with_waiting(256 + round), round).await;
        let approved = "apply --auto-approve --approve consumer-deleted@consumer/S/c";
        ended(&server, approved, &without, 0);
        let left = nats.consumer_info("S", "c").await.unwrap();
        assert!(left.is_none() && !has_keeper(&nats).await, "round {round}");
        assert_eq!(held(&nats).await, 0, "round {round}");
    }
}

#[tokio::test]
async fn where_a_client_was_quicker_the_place_is_held_on() {
    let server = NatsServer::start("");
    let nats = server.connect().await;
    let (before, after) = (
        with_consumer("retention: interest,", ""),
        with_consumer("retention: interest,", "max_waiting: 128"),
    );
    left_with_17(&server, &before).await;
    let saved = tempfile::tempdir().unwrap();
    let plan = saved.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    ended(&server, &format!("plan -o {plan}"), &after, 0);
    let own = json!({ "name": "c", "durable_name": "c", "ack_policy": "explicit", "deliver_policy": "new" });
    let own = own.as_object().unwrap();
    nats.consumer_create("S", own, ConsumerAction::Create, None)
        .await
        .unwrap();
    let ran = on(&server, &["apply", "--auto-approve", plan]);
    assert_ne!(ran.code, 0, "{} {}", ran.stdout, ran.stderr);
    assert!(has_keeper(&nats).await, "nothing is lost yet");
    nats.consumer_delete("S", "c").await.unwrap();
    applied(&server, &after);
    assert_eq!(info(&nats).await["config"]["opt_start_seq"], json!(4));
    assert_eq!(held(&nats).await, 17);
    contains(&ended(&server, "plan", &after, 0), &["No changes."]);
}

#[tokio::test]
async fn what_holds_the_place_is_weighed_where_two_runs_were_cut_short() {
    let server = NatsServer::start("");
    let nats = server.connect().await;
    left_with_17(&server, &of_two_subjects("")).await;
    // the second run, which was to narrow it, made it anew and left the keeper
    let made = json!({
        "name": "c", "durable_name": "c", "ack_policy": "explicit", "filter_subject": "t",
        "deliver_policy": "by_start_sequence", "opt_start_seq": 4, "max_ack_pending": 1000,
        "metadata": { "trueup.start": "all", "trueup.stack": "s" },
    });
    let create = ConsumerAction::Create;
    nats.consumer_create("S", made.as_object().unwrap(), create, None)
        .await
        .unwrap();
    for wish in ["", "filter_subject: t", "filter_subject: t, ack_wait: 40s"] {
        let said = ended(&server, "apply --auto-approve", &of_two_subjects(wish), 3);
        contains(&said, &["critical consumer-deleted", "17 messages pending"]);
        assert!(has_keeper(&nats).await, "{wish}");
        assert_eq!(held(&nats).await, 17, "{wish}");
    }
}

#[tokio::test]
async fn what_holds_the_place_is_not_deleted_without_consent() {
    let server = NatsServer::start("");
    let nats = server.connect().await;
    let before = with_consumer("retention: interest,", "");
    left_with_17(&server, &before).await;
    let without = of(
        "s",
        "streams: { S: { subjects: [s], retention: interest } }",
    );
    let apply = "apply --auto-approve";
    let told = [
        "critical consumer-deleted: its replacement was cut short, and what holds its place goes, too: 17 messages pending",
        "its stream drops those that no other consumer holds",
    ];
    let blocked = ended(&server, apply, &without, 3);
    let blocked = blocked.split_whitespace().collect::<Vec<_>>().join(" ");
    contains(&blocked, &told);
    assert!(has_keeper(&nats).await);
    assert_eq!(held(&nats).await, 17);
    let bounded = |max: u64| format!("{apply} --approve consumer-deleted@consumer/S/c:max={max}");
    ended(&server, &bounded(16), &without, 3);
    assert_eq!(held(&nats).await, 17);
    ended(&server, &bounded(17), &without, 0);
    assert!(!has_keeper(&nats).await);
    assert_eq!(held(&nats).await, 0);
}

#[tokio::test]
async fn what_changes_with_a_replacement_that_was_cut_short_is_weighed() {
    let server = NatsServer::start("");
    let nats = server.connect().await;
    left_with_17(&server, &of_two_subjects("max_waiting: 64")).await;
    for (change, code) in [
        ("filter_subject: t", "consumer-filter-changed"),
        ("inactive_threshold: 2s", "consumer-inactive-threshold-set"),
    ] {
        let blocked = ended(&server, "apply --auto-approve", &of_two_subjects(change), 3);
        contains(&blocked, &["critical", code, "17 messages"]);
        assert_eq!(held(&nats).await, 17, "{change}");
        assert!(has_keeper(&nats).await, "{change}");
    }
    applied(&server, &of_two_subjects("max_waiting: 64"));
    assert_eq!(held(&nats).await, 17);
}

#[tokio::test]
async fn what_holds_the_place_is_weighed_where_a_client_made_the_consumer_anew() {
    let server = NatsServer::start("");
    let nats = server.connect().await;
    let before = with_consumer("retention: interest,", "");
    left_with_17(&server, &before).await;
    let own = json!({ "name": "c", "durable_name": "c", "ack_policy": "explicit", "deliver_policy": "new" });
    let create = ConsumerAction::Create;
    nats.consumer_create("S", own.as_object().unwrap(), create, None)
        .await
        .unwrap();
    applied(&server, &before);
    let replaced = with_consumer("retention: interest,", "max_waiting: 128");
    let said = ended(&server, APPROVED, &replaced, 6);
    contains(&said, &["a client made `c` meanwhile", "at sequence 4"]);
    assert_eq!(held(&nats).await, 17);
    let without = of(
        "s",
        "streams: { S: { subjects: [s], retention: interest } }",
    );
    let blocked = ended(&server, "apply --auto-approve", &without, 3);
    contains(
        &blocked,
        &["critical consumer-deleted", "17 messages pending"],
    );
    assert!(has_keeper(&nats).await);
    assert_eq!(held(&nats).await, 17);
}

/// A stream of interest with two subjects and one consumer.
fn of_two_subjects(consumer: &str) -> TempPath {
    let consumer = format!("consumers: {{ c: {{ {consumer} }} }}");
    of(
        "s",
        &format!("streams: {{ S: {{ subjects: [s, t], retention: interest, {consumer} }} }}"),
    )
}

/// Applies a manifest, and leaves its consumer deleted amid a replacement, with 17 messages from the fourth on before it.
async fn left_with_17(server: &NatsServer, manifest: &TempPath) {
    applied(server, manifest);
    publish(server, "s", 20).await;
    take(&context(server).await, 10, &[0, 1, 2]).await;
    killed_late(&server.connect().await).await;
}

/// What a run leaves that is killed before it deletes anything: the label, and the keeper.
async fn killed_early(nats: &JetStream) {
    let info = info(nats).await;
    // before 2.14 a consumer that acknowledged nothing yet has no floor, wherever it began
    let from = match info["ack_floor"]["stream_seq"].as_u64().unwrap() {
        0 => info["config"]["opt_start_seq"].as_u64().unwrap_or(1),
        floor => floor + 1,
    };
    let mut labelled = info["config"].as_object().unwrap().clone();
    labelled["metadata"]["trueup.start"] = "all".into();
    nats.consumer_create("S", &labelled, ConsumerAction::Update, None)
        .await
        .unwrap();
    let kept = json!({ "consumer": "c", "created": info["created"], "config": labelled });
    let keeper = json!({
        "name": "trueup-keeps-c", "durable_name": "trueup-keeps-c", "ack_policy": "explicit",
        "deliver_policy": "by_start_sequence", "opt_start_seq": from,
        "metadata": { "trueup.keeps": kept.to_string() },
    });
    nats.consumer_create(
        "S",
        keeper.as_object().unwrap(),
        ConsumerAction::Create,
        None,
    )
    .await
    .unwrap();
}

/// What a run leaves that is killed between the deletion and the creation.
async fn killed_late(nats: &JetStream) {
    killed_early(nats).await;
    nats.consumer_delete("S", "c").await.unwrap();
}
