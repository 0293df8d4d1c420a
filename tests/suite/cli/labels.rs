//! The label that NATS resources bear: the second witness of whose they are.

use async_nats::jetstream::Context;

use super::ownership::{applied, contains, context, ended, of};
use crate::broker::nats_server::NatsServer;

const ALL: &str = "streams: { A: { subjects: [a], metadata: { team: x }, consumers: { c: {} } } }, key_value: { k: {} }, object_store: { o: {} }";
const ONE: &str = "streams: { A: { subjects: [a] } }";
const OTHER: &str = "streams: { Z: { subjects: [z] } }";

async fn label(jetstream: &Context, stream: &str) -> Option<String> {
    let mut stream = jetstream.get_stream(stream).await.unwrap();
    let metadata = stream.info().await.unwrap().config.metadata.clone();
    metadata.get("trueup.stack").cloned()
}

/// What a client does that knows nothing of metadata.
async fn erase(jetstream: &Context, stream: &str) {
    let mut stream = jetstream.get_stream(stream).await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.metadata.clear();
    jetstream.update_stream(config).await.unwrap();
}

#[tokio::test]
async fn what_a_stack_makes_bears_its_label_which_nobody_sees_as_a_difference() {
    let server = NatsServer::start("");
    let all = of("s", ALL);
    applied(&server, &all);
    let jetstream = context(&server).await;
    for stream in ["A", "KV_k", "OBJ_o"] {
        assert_eq!(
            label(&jetstream, stream).await.as_deref(),
            Some("s"),
            "{stream}"
        );
    }
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        jetstream.get_consumer_from_stream("c", "A").await.unwrap();
    let metadata = &consumer.cached_info().config.metadata;
    assert_eq!(metadata.get("trueup.stack").map(String::as_str), Some("s"));
    for command in [
        "plan",
        "plan --ledger none",
        "drift",
        "drift --strict --ledger none",
    ] {
        let said = ended(&server, command, &all, 0);
        assert!(!said.contains("trueup.stack"), "{command}: {said}");
    }
    let exported = ended(&server, "export", &all, 0);
    assert!(!exported.contains("trueup.stack"), "{exported}");
    contains(&exported, &["team: x"]);
}

#[tokio::test]
async fn a_label_that_another_client_erased_is_drift_and_is_put_back() {
    let server = NatsServer::start("");
    let (one, other) = (of("s", ONE), of("s", OTHER));
    applied(&server, &one);
    let jetstream = context(&server).await;
    erase(&jetstream, "A").await;
    let erased = "another client erased the stack's label";
    contains(
        &ended(&server, "drift", &one, 2),
        &["metadata.trueup.stack"],
    );
    contains(&ended(&server, "plan", &one, 0), &[erased, "1 to change"]);
    // who it belongs to is in doubt, so it is not deleted
    let doubt = ended(&server, "apply --auto-approve", &other, 6);
    contains(&doubt, &["label-gone", "not attempted - stream/A"]);
    applied(&server, &one);
    assert_eq!(label(&jetstream, "A").await.as_deref(), Some("s"));
}

#[tokio::test]
async fn what_is_adopted_as_it_is_gets_its_label_with_the_next_change() {
    let server = NatsServer::start("");
    let jetstream = context(&server).await;
    jetstream.create_stream("A").await.unwrap();
    let equal = of("s", "streams: { A: { subjects: [A] } }");
    applied(&server, &equal);
    contains(&ended(&server, "plan", &equal, 0), &["No changes."]);
    assert_eq!(label(&jetstream, "A").await, None);
    let changed = of("s", "streams: { A: { subjects: [A], max_msgs: 5 } }");
    applied(&server, &changed);
    assert_eq!(label(&jetstream, "A").await.as_deref(), Some("s"));
    contains(&ended(&server, "plan", &changed, 0), &["No changes."]);
}

#[tokio::test]
async fn another_stacks_label_is_a_conflict_until_it_is_taken_over_by_name() {
    let server = NatsServer::start("");
    let (mine, yours) = (of("mine", ONE), of("yours", ONE));
    applied(&server, &mine);
    let jetstream = context(&server).await;
    jetstream.delete_key_value("trueup").await.unwrap();
    let whose = "its label says that stack `mine` owns it";
    contains(
        &ended(&server, "plan", &yours, 7),
        &["owned-by-another", whose],
    );
    contains(
        &ended(&server, "ledger rebuild", &yours, 0),
        &["recorded 0 of 1", "1 belong to other stacks"],
    );
    ended(&server, "plan --take-ownership-from another", &yours, 7);
    let taken = "apply --auto-approve --take-ownership-from mine";
    contains(&ended(&server, taken, &yours, 0), &["Applied 1 of 1."]);
    assert_eq!(label(&jetstream, "A").await.as_deref(), Some("yours"));
    contains(&ended(&server, "plan", &yours, 0), &["No changes."]);
    contains(
        &ended(&server, "plan", &mine, 7),
        &["stack `yours` owns it"],
    );
    let forgotten = ended(&server, "forget stream/A", &yours, 0);
    contains(&forgotten, &["without the stack's label"]);
    assert_eq!(label(&jetstream, "A").await, None);
    contains(
        &ended(&server, "plan", &mine, 0),
        &["nobody owns them: stream/A"],
    );
}

#[tokio::test]
async fn a_ledger_that_was_put_back_to_an_old_copy_deletes_nothing_that_changed_hands() {
    let server = NatsServer::start("");
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.json");
    let with = |command: &str| format!("{command} --ledger file:{}", ledger.display());
    let (mine, nothing) = (of("mine", ONE), of("mine", OTHER));
    ended(&server, &with("apply --auto-approve"), &mine, 0);
    let old = std::fs::read(&ledger).unwrap();
    ended(&server, &with("forget stream/A"), &mine, 0);
    applied(
        &server,
        &of("yours", "streams: { A: { subjects: [a], max_msgs: 5 } }"),
    );
    std::fs::write(&ledger, old).unwrap();
    let kept = ended(&server, &with("apply --auto-approve"), &nothing, 0);
    contains(
        &kept,
        &["stack `yours`'s, so it is kept", "stream/A forgotten"],
    );
    let jetstream = context(&server).await;
    assert_eq!(label(&jetstream, "A").await.as_deref(), Some("yours"));
}
