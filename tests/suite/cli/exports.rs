//! What is written from live brokers, and what is said of the rest.

use async_nats::jetstream::{self, consumer::pull};

use super::{file, run, trueup};
use crate::broker::nats_server::NatsServer;

#[tokio::test]
async fn an_export_as_json_reads_back_and_what_is_left_out_is_told() {
    let server = NatsServer::start("");
    let on = |arguments: &[&str]| {
        let mut command = trueup(arguments);
        command.env("NATS_URL", server.url());
        run(command)
    };
    let text = "stack: cli\nnats: { streams: { A: { subjects: [a.>], max_age: 7d, consumers: { c: { ack_wait: 5s } } } } }\n";
    let wanted = file(text, ".yaml");
    let wanted = wanted.to_str().unwrap();
    assert_eq!(on(&["apply", "-f", wanted, "--auto-approve"]).code, 0);
    let context = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = context.get_stream("A").await.unwrap();
    stream
        .create_consumer(pull::Config::default())
        .await
        .unwrap();

    let json = on(&["export", "--stack", "cli", "--output", "json"]);
    assert_eq!(json.code, 0, "{}", json.stderr);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["nats"]["streams"]["A"]["max_age"], "7d");
    let again = file(&json.stdout, ".json");
    let again = again.to_str().unwrap();
    let planned = on(&["plan", "-f", again, "--detailed-exitcode"]);
    assert_eq!(planned.code, 0, "{}{}", planned.stdout, planned.stderr);
    assert!(planned.stdout.contains("2 resources"), "{}", planned.stdout);

    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("snapshot.json");
    let saved = on(&["export", "--snapshot", snapshot.to_str().unwrap()]);
    for ran in [&json, &saved] {
        assert_eq!(
            ran.stderr.matches("warning[left-out]").count(),
            1,
            "{}",
            ran.stderr
        );
    }
    assert_eq!(saved.code, 0);
}

#[tokio::test]
async fn what_is_left_out_is_told_to_who_wants_quiet_too() {
    let server = NatsServer::start("");
    let on = |arguments: &[&str]| {
        let mut command = trueup(arguments);
        command.env("NATS_URL", server.url());
        run(command)
    };
    let context = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = context.create_stream("A").await.unwrap();
    let consumer = pull::Config::default();
    stream.create_consumer(consumer).await.unwrap();
    let quiet = on(&["export", "--quiet"]);
    assert!(
        quiet.stderr.contains("the ephemeral consumer"),
        "{}",
        quiet.stderr
    );
    assert!(!quiet.stderr.contains("exported 1"), "{}", quiet.stderr);
    let only = on(&["export", "--quiet", "--only", "stream"]);
    assert_eq!(only.stderr, "");
}

#[tokio::test]
async fn many_warnings_are_counted_and_told_by_validate() {
    let server = NatsServer::start("");
    let streams: String = (0..9)
        .map(|n| format!("KV_{n}: {{ subjects: [s.{n}] }}, "))
        .collect();
    let text = format!(
        "stack: cli\nnats: {{ streams: {{ {streams} \"KV_a$b\": {{ subjects: [b] }}, OBJ_: {{ subjects: [o] }} }} }}\n"
    );
    let manifest = file(&text, ".yaml");
    let manifest = manifest.to_str().unwrap();
    let on = |command| {
        let mut command = trueup(&[command, "-f", manifest]);
        command.env("NATS_URL", server.url());
        run(command)
    };
    for command in ["plan", "drift"] {
        let ran = on(command);
        let told = format!("9 warnings; `trueup validate -f {manifest}` shows them\n");
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
        assert!(!ran.stderr.contains("warning["), "{}", ran.stderr);
        assert!(!ran.stdout.contains("warning["), "{}", ran.stdout);
    }
    let validated = on("validate");
    assert_eq!(validated.stderr.matches("warning[bad-name]").count(), 9);
}

#[test]
fn an_export_has_no_markdown_form_and_a_snapshot_only_its_own() {
    let said = |arguments: &[&str]| {
        let ran = run(trueup(arguments));
        assert_eq!(ran.code, 1);
        ran.stderr
    };
    let markdown = said(&["export", "--output", "markdown"]);
    assert!(markdown.contains("no Markdown form"), "{markdown}");
    let report = said(&["export", "--report", "markdown=x.md"]);
    assert!(report.contains("no Markdown form"), "{report}");
    let snapshot = said(&["export", "--snapshot", "x.json", "--report", "json=y.json"]);
    assert!(snapshot.contains("its own file"), "{snapshot}");
}
