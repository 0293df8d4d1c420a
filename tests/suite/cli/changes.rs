//! The main job on a real Kafka: plan, apply, nothing left, drift, a stale plan, what is blocked.

use uuid::Uuid;

use super::{Ran, file, run, trueup};
use crate::broker::nats_server::NatsServer;
use crate::sandbox::variable;

fn ran(arguments: &[&str]) -> Ran {
    let mut command = trueup(arguments);
    command.env("KAFKA_BROKERS", variable("KAFKA_BROKERS"));
    run(command)
}

fn topic() -> String {
    format!("cli-{}", Uuid::new_v4())
}

fn manifest(topic: &str, fields: &str) -> tempfile::TempPath {
    file(
        &format!("stack: cli\nkafka: {{ topics: {{ {topic}: {{ {fields} }} }} }}\n"),
        ".yaml",
    )
}

fn apply(manifest: &tempfile::TempPath) -> Ran {
    ran(&["apply", "--auto-approve", "-f", manifest.to_str().unwrap()])
}

#[test]
fn plan_apply_and_nothing_left_then_drift_and_back() {
    let topic = topic();
    let (seven, one) = (
        manifest(&topic, "retention: 7d"),
        manifest(&topic, "retention: 1d"),
    );
    let path = seven.to_str().unwrap();
    let planned = ran(&["plan", "-f", path, "--detailed-exitcode"]);
    assert_eq!(planned.code, 2, "{}", planned.stderr);
    assert!(
        planned.stdout.contains("Plan: 1 to create"),
        "{}",
        planned.stdout
    );
    assert_eq!(ran(&["plan", "-f", path]).code, 0);
    let missing = ran(&["drift", "-f", path]);
    assert_eq!(missing.code, 2);
    assert!(missing.stdout.contains("missing"), "{}", missing.stdout);
    let applied = apply(&seven);
    assert_eq!(applied.code, 0, "{}{}", applied.stdout, applied.stderr);
    assert!(
        applied.stdout.contains("Applied 1 of 1."),
        "{}",
        applied.stdout
    );
    let none = ran(&["plan", "-f", path, "--detailed-exitcode"]);
    assert_eq!(none.code, 0);
    assert!(none.stdout.contains("No changes."), "{}", none.stdout);
    assert_eq!(ran(&["drift", "-f", path]).code, 0);
    assert_eq!(apply(&one).code, 0);
    let drift = ran(&["drift", "-f", path]);
    assert_eq!(drift.code, 2);
    let row = drift
        .stdout
        .lines()
        .find(|line| line.contains("retention.ms"))
        .unwrap();
    assert!(row.contains("1d") && row.contains("7d"), "{row}");
    let again = apply(&seven);
    assert_eq!(again.code, 0);
    let nothing = apply(&seven);
    assert_eq!(nothing.code, 0);
    assert!(
        nothing.stdout.contains("Nothing to do."),
        "{}",
        nothing.stdout
    );
}

#[test]
fn a_saved_plan_is_applied_once_and_refused_when_it_is_stale() {
    let topic = topic();
    let (seven, one, two) = (
        manifest(&topic, "retention: 7d"),
        manifest(&topic, "retention: 1d"),
        manifest(&topic, "retention: 2d"),
    );
    assert_eq!(apply(&seven).code, 0);
    let saved = file("", ".json");
    let path = saved.to_str().unwrap();
    let planned = ran(&["plan", "-f", one.to_str().unwrap(), "-o", path]);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(
        planned.stdout.contains(&format!("trueup apply {path}")),
        "{}",
        planned.stdout
    );
    assert_eq!(apply(&two).code, 0);
    let stale = ran(&["apply", path, "--auto-approve"]);
    assert_eq!((stale.code, stale.stdout.as_str()), (5, ""));
    assert!(
        stale.stderr.contains(&format!("topic/{topic}")),
        "{}",
        stale.stderr
    );
    let stale = ran(&["apply", path, "--auto-approve", "--output", "json"]);
    assert_eq!((stale.code, stale.stderr.as_str()), (5, ""));
    let document: serde_json::Value = serde_json::from_str(&stale.stdout).unwrap();
    assert_eq!(document["problems"][0]["code"], "stale");
    assert_eq!(document["problems"][0]["address"], format!("topic/{topic}"));
    assert_eq!(
        ran(&["plan", "-f", one.to_str().unwrap(), "-o", path]).code,
        0
    );
    let applied = ran(&["apply", path, "--auto-approve", "--output", "json"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    let document: serde_json::Value = serde_json::from_str(&applied.stdout).unwrap();
    assert_eq!(document["outcomes"][0]["outcome"], "applied");
    assert_eq!(ran(&["drift", "-f", one.to_str().unwrap()]).code, 0);
}

#[test]
fn what_kafka_would_refuse_is_blocked_and_the_rest_is_applied() {
    let topic = topic();
    assert_eq!(apply(&manifest(&topic, "partitions: 3")).code, 0);
    let fewer = manifest(&topic, "partitions: 2");
    for command in ["plan", "apply"] {
        let mut arguments = vec![command, "-f", fewer.to_str().unwrap()];
        arguments.extend((command == "apply").then_some("--auto-approve"));
        let blocked = ran(&arguments);
        assert_eq!(blocked.code, 3, "{}", blocked.stderr);
        assert!(
            blocked.stdout.contains("! blocked partition-decrease"),
            "{}",
            blocked.stdout
        );
    }
    let both = file(
        &format!(
            "stack: cli\nkafka: {{ topics: {{ {topic}: {{ partitions: 2 }}, {topic}-b: {{}} }} }}\n"
        ),
        ".yaml",
    );
    let partly = apply(&both);
    assert_eq!(partly.code, 6, "{}{}", partly.stdout, partly.stderr);
    assert!(
        partly.stdout.contains("Applied 1 of 2: 1 not attempted."),
        "{}",
        partly.stdout
    );
}

#[test]
fn a_warning_is_told_once_and_stays_in_the_json() {
    const WARNING: &str = "begins like an internal topic";
    let manifest = manifest(&format!("__{}", topic()), "");
    let path = manifest.to_str().unwrap();
    for command in ["plan", "drift"] {
        let text = ran(&[command, "-f", path]);
        assert_eq!(text.stderr.matches(WARNING).count(), 1, "{}", text.stderr);
        assert_eq!(text.stdout.matches(WARNING).count(), 0, "{}", text.stdout);
        let quiet = ran(&[command, "-f", path, "--quiet"]);
        assert_eq!(quiet.stdout.matches(WARNING).count(), 1, "{}", quiet.stdout);
        let json = ran(&[command, "-f", path, "--output", "json"]);
        assert!(json.stdout.contains(WARNING), "{}", json.stdout);
    }
}

#[test]
fn a_plan_of_another_cluster_is_refused() {
    let saved = file(&super::plan_of(1).to_json(), ".json");
    let ran = ran(&["apply", saved.to_str().unwrap(), "--auto-approve"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("wrong-target"), "{}", ran.stderr);
}

#[test]
fn what_is_exported_plans_to_no_changes() {
    let topic = topic();
    assert_eq!(
        apply(&manifest(
            &topic,
            "partitions: 2, retention: 3d, config: { cleanup.policy: [compact, delete] }"
        ))
        .code,
        0
    );
    let exported = ran(&[
        "export",
        "--stack",
        "again",
        "--only",
        &format!("topic/{topic}"),
    ]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let text = exported.stdout;
    assert!(
        text.starts_with("stack: again\n") && text.contains("retention.ms: 3d"),
        "{text}"
    );
    let again = file(&text, ".yaml");
    let planned = ran(&["plan", "-f", again.to_str().unwrap(), "--detailed-exitcode"]);
    assert_eq!(planned.code, 0, "{}{}", planned.stdout, planned.stderr);
    let wrong = ran(&["export", "--only", "table/x"]);
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.stderr.contains("`table` is no kind"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_plan_of_another_nats_server_or_manifest_is_refused() {
    let (here, elsewhere) = (NatsServer::start(""), NatsServer::start(""));
    let manifest = |stream: &str| {
        let subjects = format!("{{ subjects: [{stream}.>] }}");
        let text = format!("stack: cli\nnats: {{ streams: {{ {stream}: {subjects} }} }}\n");
        file(&text, ".yaml")
    };
    let (one, other) = (manifest("one"), manifest("other"));
    let (one, other) = (one.to_str().unwrap(), other.to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.json");
    let plan = plan.to_str().unwrap();
    let on = |server: &NatsServer, arguments: &[&str]| {
        let mut command = trueup(arguments);
        command.env("NATS_URL", server.url());
        run(command)
    };
    assert_eq!(on(&here, &["plan", "-f", one, "-o", plan]).code, 0);
    let apply = ["apply", plan, "--auto-approve"];
    let applied = on(&elsewhere, &apply);
    assert_eq!(applied.code, 1, "{}", applied.stderr);
    assert!(
        applied.stderr.contains("error[wrong-target]"),
        "{}",
        applied.stderr
    );
    let applied = on(&here, &["apply", plan, "-f", other, "--auto-approve"]);
    assert_eq!(applied.code, 5, "{}", applied.stderr);
    assert_eq!(on(&here, &apply).code, 0);
}

#[test]
fn a_plan_against_a_snapshot_is_the_plan_without_a_broker() {
    let server = NatsServer::start("");
    let text = "stack: cli\nnats: { streams: { A: { subjects: [a.>], max_age: 7d } } }\n";
    let (wanted, changed) = (
        file(text, ".yaml"),
        file(&text.replace("7d", "14d"), ".yaml"),
    );
    let (wanted, changed) = (wanted.to_str().unwrap(), changed.to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("snapshot.json");
    let snapshot = snapshot.to_str().unwrap();
    let on = |url: &str, arguments: &[&str]| {
        let mut command = trueup(arguments);
        command.env("NATS_URL", url);
        run(command)
    };
    let url = server.url();
    assert_eq!(on(&url, &["apply", "-f", wanted, "--auto-approve"]).code, 0);
    assert_eq!(on(&url, &["export", "--snapshot", snapshot]).code, 0);
    let live = on(&url, &["plan", "-f", changed, "--output", "json"]);
    drop(server);
    let away = [
        "plan",
        "-f",
        changed,
        "--output",
        "json",
        "--against",
        snapshot,
    ];
    let against = on("nats://127.0.0.1:1", &away);
    assert_eq!(against.code, 0, "{}", against.stderr);
    assert_eq!(against.stdout, live.stdout);
    let same = ["drift", "-f", wanted, "--against", snapshot];
    assert_eq!(on("nats://127.0.0.1:1", &same).code, 0);
    let other = folder.path().join("other.json");
    std::fs::write(&other, r#"{"format_version":"2.0"}"#).unwrap();
    let refused = on(
        "nats://127.0.0.1:1",
        &["plan", "-f", wanted, "--against", other.to_str().unwrap()],
    );
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("format version `2.0`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn rights_on_a_declared_topic_that_nobody_declares_are_strict_drift() {
    let topic = topic();
    let fields = "partitions: 1, retention: 7d";
    let right = format!(
        "{{ principal: 'User:stranger', operations: [read], resource: {{ topic: {topic} }} }}"
    );
    let theirs = file(
        &format!(
            "stack: cli\nkafka: {{ topics: {{ {topic}: {{ {fields} }} }}, acls: [{right}] }}\n"
        ),
        ".yaml",
    );
    assert_eq!(apply(&theirs).code, 0);
    let ours = manifest(&topic, fields);
    let drift = |more: &[&str]| {
        let asked = [&["drift", "-f", ours.to_str().unwrap()], more].concat();
        ran(&asked)
    };
    assert_eq!(drift(&[]).code, 0);
    let strict = drift(&["--strict"]);
    let acl = format!("acl/User:stranger/allow/read/topic/literal/{topic}/*");
    assert_eq!(strict.code, 2, "{}{}", strict.stdout, strict.stderr);
    assert!(strict.stdout.contains(&acl), "{}", strict.stdout);
    assert!(
        strict.stdout.contains("Rights on declared topics"),
        "{}",
        strict.stdout
    );
    let declared = ran(&["drift", "--strict", "-f", theirs.to_str().unwrap()]);
    assert!(
        !declared.stdout.contains("Rights on"),
        "{}",
        declared.stdout
    );
}
