//! Deleting on NATS.

use serde_json::json;
use trueup::engine::Port;
use trueup::kinds::Observed;
use trueup::model::{Action, Address, Code, Outcome, Step};

use super::bench::{Bench, manifest};
use crate::kinds::{carried_out, doomed, doomed_now, failure, observed};

/// One resource of each kind, the consumer before its stream.
const EACH: [&str; 4] = ["consumer/S/c", "stream/S", "kv/b", "object-store/o"];

pub fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub async fn made() -> Bench {
    let bench = Bench::start().await;
    make(&bench).await;
    bench
}

async fn make(bench: &Bench) {
    let wanted = json!({
        "stream/S": { "subjects": ["s.>"] }, "consumer/S/c": {}, "kv/b": {}, "object-store/o": {},
    });
    bench.settle(&manifest(wanted)).await;
}

/// Puts three messages into each stream.
pub async fn fill(bench: &Bench) {
    let context = bench.context().await;
    for subject in ["s.a", "$KV.b.key", "$O.o.C.chunk"] {
        for _ in 0..3 {
            let sent = context.publish(subject, "value".into()).await.unwrap();
            sent.await.unwrap();
        }
    }
}

async fn is_there(bench: &Bench, address: &Address) -> bool {
    match observed(bench.port(), address).await {
        Observed::Present(_) => true,
        Observed::Absent => false,
        Observed::Unreadable(problem) => panic!("{problem:?}"),
    }
}

#[tokio::test]
async fn every_kind_is_deleted_empty_and_full() {
    let bench = made().await;
    for is_full in [false, true] {
        if is_full {
            make(&bench).await;
            fill(&bench).await;
        }
        for address in EACH.map(address) {
            let step = doomed_now(bench.port(), &address).await;
            let done = carried_out(bench.port(), &[&step]).await;
            assert_eq!(done, [Outcome::Applied], "{address}");
            assert!(!is_there(&bench, &address).await, "{address}");
            let again = carried_out(bench.port(), &[&step]).await;
            assert_eq!(again, [Outcome::Applied], "{address} is gone already");
        }
    }
}

#[tokio::test]
async fn what_was_made_anew_is_refused() {
    let bench = made().await;
    for address in EACH.map(address) {
        let old = doomed_now(bench.port(), &address).await;
        let done = carried_out(bench.port(), &[&old]).await;
        assert_eq!(done, [Outcome::Applied]);
        make(&bench).await;
        let done = carried_out(bench.port(), &[&old]).await;
        let why = failure(&done[0]);
        assert!(why.contains("not the one that the stack owns"), "{why}");
        let nameless = doomed(&address, None);
        let done = carried_out(bench.port(), &[&nameless]).await;
        assert!(failure(&done[0]).contains("which life"), "{done:?}");
        assert!(is_there(&bench, &address).await, "{address}");
    }
}

#[tokio::test]
async fn internal_names_are_refused() {
    let bench = made().await;
    for name in ["__own", "$MQTT_msgs"] {
        bench
            .create(json!({ "name": name, "subjects": [name] }))
            .await;
    }
    let names = [
        "stream/__own",
        "stream/$MQTT_msgs",
        "stream/KV_b",
        "stream/OBJ_o",
    ];
    for address in names.map(address) {
        let step = doomed_now(bench.port(), &address).await;
        let done = carried_out(bench.port(), &[&step]).await;
        let why = failure(&done[0]);
        assert!(why.contains("deleted"), "{address}: {why}");
        assert!(is_there(&bench, &address).await, "{address}");
    }
}

#[tokio::test]
async fn one_call_creates_updates_and_deletes() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({
            "stream/OLD": { "subjects": ["s.>"] }, "stream/KEPT": { "subjects": ["k"] },
        })))
        .await;
    let deletion = doomed_now(bench.port(), &address("stream/OLD")).await;
    let change = bench
        .plan(&manifest(
            json!({ "stream/KEPT": { "subjects": ["k", "l"] } }),
        ))
        .await;
    let creation = bench
        .plan(&manifest(json!({ "stream/NEW": { "subjects": ["n.>"] } })))
        .await;
    let mut creation = creation.steps[0].clone();
    // the server takes it only when the old one is gone
    creation.changes[0].after = Some(json!(["s.new"]));
    assert_eq!(creation.action, Action::Create);
    assert_eq!(change.steps[0].action, Action::Update);
    let steps: [&Step; 3] = [&creation, &change.steps[0], &deletion];
    let done = carried_out(bench.port(), &steps).await;
    assert_eq!(done, [Outcome::Applied, Outcome::Applied, Outcome::Applied]);
    assert!(!is_there(&bench, &deletion.address).await);
    assert_eq!(bench.config("NEW").await["subjects"], json!(["s.new"]));
    assert_eq!(bench.config("KEPT").await["subjects"], json!(["k", "l"]));
}

#[tokio::test]
async fn a_missing_right_deletes_nothing() {
    let users = r#"authorization { users: [
        { user: all, password: all },
        { user: reader, password: reader, permissions: { publish: { deny: ["$JS.API.STREAM.DELETE.>"] } } },
    ] }"#;
    let server = crate::broker::nats_server::NatsServer::start(users);
    let connect = |user: &str| trueup::broker::nats::NatsSettings {
        user: Some(user.to_owned()),
        password: Some(user.to_owned().into()),
        ..server.settings()
    };
    let all = trueup::broker::nats::JetStream::connect(connect("all"))
        .await
        .unwrap();
    let config = json!({ "name": "S" });
    all.stream_create(config.as_object().unwrap(), None)
        .await
        .unwrap();
    let info = all.stream_info("S").await.unwrap().unwrap();
    let reader = trueup::broker::nats::JetStream::connect(connect("reader"))
        .await
        .unwrap();
    let brokers = trueup::broker::Brokers {
        nats: Some(reader),
        ..Default::default()
    };
    let kind = trueup::kinds::kind(trueup::model::KindName::Stream).unwrap();
    let step = doomed(&address("stream/S"), info["created"].as_str());
    let done = kind.carry_out(&brokers, &[&step]).await;
    assert!(failure(&done[0].1).contains("STREAM.DELETE.S"), "{done:?}");
    assert!(all.stream_info("S").await.unwrap().is_some());
}

#[tokio::test]
async fn what_goes_last_still_stands_in_the_way() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({
            "stream/OLD": { "subjects": ["s.>"] },
            "stream/W": { "subjects": ["w"], "retention": "workqueue" }, "consumer/W/old": {},
        })))
        .await;
    let both = manifest(json!({ "stream/NEW": { "subjects": ["s.new"] }, "consumer/W/new": {} }));
    let plan = bench.plan(&both).await;
    for (creation, old, code) in [
        (&plan.steps[0], "stream/OLD", Code::SubjectOverlap),
        (&plan.steps[1], "consumer/W/old", Code::FilterOverlap),
    ] {
        let deletion = doomed_now(bench.port(), &address(old)).await;
        let steps = [creation, &deletion];
        let told = bench.port().rehearse(deletion.address.kind, &steps).await;
        assert_eq!(told.refusals.len(), 1, "{told:?}");
        let (address, refusal) = &told.refusals[0];
        assert_eq!((address, refusal.code), (&creation.address, code));
        let hint = refusal.hint.as_deref().unwrap();
        assert!(hint.contains("first"), "{hint}");
    }
}
