//! Consent to what a step may cost: whose holds, whose does not, and what is said of it.

use tempfile::TempPath;

use super::file;
use super::ownership::{applied, contains, context, ended, of, publish};
use crate::broker::nats_server::NatsServer;

const ONE: &str = "streams: { A: { subjects: [a] } }";
const TWO: &str = "streams: { A: { subjects: [a] }, B: { subjects: [b] } }";

/// A stack that owns `stream/B`, which holds 25 messages.
async fn with_data() -> NatsServer {
    let server = NatsServer::start("");
    applied(&server, &of("s", TWO));
    publish(&server, "b", 25).await;
    server
}

/// A manifest without `stream/B`, with one approval.
fn approving(more: &str) -> TempPath {
    let approval = format!("{{ risk: stream-deleted, reason: GDPR-114, {more} }}");
    let text = format!("stack: s\nnats: {{ {ONE} }}\napprovals:\n  - {approval}\n");
    file(&text, ".yaml")
}

#[tokio::test]
async fn what_nobody_approved_ended_names_another_or_is_outgrown_is_blocked() {
    let server = with_data().await;
    let apply = "apply --auto-approve";
    let nobody = ended(&server, apply, &of("s", ONE), 3);
    contains(&nobody, &["stream-deleted is not approved", "stream/B"]);
    let past = approving("address: stream/B, max_messages: 25, expires: 2020-01-31");
    contains(
        &ended(&server, apply, &past, 3),
        &[
            "warning[approval-expired]",
            "(GDPR-114, until 2020-01-31) does not hold: it ended with 2020-01-31",
        ],
    );
    let other = approving("address: stream/C, max_messages: 25, expires: 9999-12-30");
    contains(
        &ended(&server, apply, &other, 3),
        &[":4 (GDPR-114, until 9999-12-30) is for `stream/C`"],
    );
    let bounded = approving("address: stream/B, max_messages: 25, expires: 9999-12-30");
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("p.json");
    let plan = plan.to_str().unwrap();
    contains(
        &ended(&server, &format!("plan -o {plan}"), &bounded, 0),
        &["approved by", ":4 (GDPR-114, until 9999-12-30)"],
    );
    publish(&server, "b", 1).await;
    let outgrown = "26 messages are at stake, more than its bound of 25";
    let saved = format!("apply {plan} --auto-approve");
    contains(&ended(&server, &saved, &bounded, 3), &[outgrown]);
    contains(&ended(&server, apply, &bounded, 3), &[outgrown]);
    context(&server).await.get_stream("B").await.unwrap();
}

#[tokio::test]
async fn an_approval_of_the_manifest_is_used_once_and_told_when_it_is_needless() {
    let server = with_data().await;
    let bounded = approving("address: stream/B, max_messages: 25, expires: 9999-12-30");
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("p.json");
    let plan = plan.to_str().unwrap();
    ended(&server, &format!("plan -o {plan}"), &bounded, 0);
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(plan).unwrap()).unwrap();
    assert_eq!(json["approvals"][0]["max"], 25);
    let by = json["steps"][0]["risks"][0]["approved_by"].as_str();
    assert!(by.unwrap().ends_with(":4 (GDPR-114, until 9999-12-30)"));
    // without `-f`: the plan itself carries what was consented to
    let applied = super::run({
        let mut command = super::trueup(&["apply", plan, "--auto-approve"]);
        command.env("NATS_URL", server.url());
        command.env("TRUEUP_LEDGER", "nats");
        command
    });
    assert_eq!(applied.code, 0, "{} {}", applied.stdout, applied.stderr);
    contains(
        &ended(&server, "plan", &bounded, 0),
        &["No changes.", "nothing in this plan needs it"],
    );
    let drift = ended(&server, "drift", &bounded, 0);
    assert!(!drift.contains("approved"), "{drift}");
    let target = ended(&server, "plan --target stream/A", &bounded, 0);
    assert!(!target.contains("nothing in this plan"), "{target}");
}

#[tokio::test]
async fn an_approval_of_the_command_line_takes_a_bound() {
    let server = with_data().await;
    let one = of("s", ONE);
    let apply =
        |bound: &str| format!("apply --auto-approve --approve stream-deleted@stream/B{bound}");
    contains(
        &ended(&server, &apply(":max=24"), &one, 3),
        &["approval --approve does not hold: 25 messages are at stake, more than its bound of 24"],
    );
    contains(
        &ended(&server, &apply(":max=many"), &one, 1),
        &["CODE@ADDRESS"],
    );
    contains(
        &ended(&server, &apply(":max=25"), &one, 0),
        &["Applied 1 of 1."],
    );
}

#[tokio::test]
async fn an_approval_without_a_bound_holds_for_what_nobody_counts_alone() {
    let server = with_data().await;
    let boundless = approving("address: stream/B, expires: 9999-12-30");
    contains(
        &ended(&server, "apply --auto-approve", &boundless, 3),
        &["it has no bound, and 25 messages are at stake; give it `max_messages`"],
    );
    context(&server).await.delete_stream("B").await.unwrap();
    let text = format!(
        "stack: s\nnats: {{ {TWO} }}\napprovals: [{{ risk: recreated-empty, address: stream/B, reason: OPS-7, expires: 9999-12-30 }}]\n"
    );
    applied(&server, &file(&text, ".yaml"));
}
