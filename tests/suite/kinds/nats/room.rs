//! What the account or the server has no room for.

use nkeys::KeyPair;
use serde_json::json;
use trueup::model::{Address, Outcome};
use trueup::plan::Plan;

use super::bench::{Bench, manifest};
use crate::broker::nats_operator::{Operator, creds_file};

/// The server's configuration for one account with these limits.
fn account(limits: &str) -> String {
    format!(
        "accounts {{ A: {{ jetstream: {{ {limits} }}, users: [{{ user: a, password: b }}] }} }}\nno_auth_user: a"
    )
}

fn blocked(plan: &Plan) -> Vec<String> {
    plan.blocked_steps()
        .map(|step| step.address.to_string())
        .collect()
}

#[tokio::test]
async fn what_the_account_has_no_room_for_is_refused_by_the_plan() {
    let bench = Bench::start_with(&account("max_file: 100MB, max_streams: 3")).await;
    let all = manifest(json!({
        "stream/A": { "max_bytes": "60MB" }, "stream/B": { "max_bytes": "60MB" },
        "stream/C": {}, "stream/D": {}, "stream/E": {},
    }));
    let plan = bench.plan(&all).await;
    assert_eq!(blocked(&plan), ["stream/B", "stream/E"]);
    let outcomes = bench.apply(&plan).await;
    let applied = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::Applied);
    assert_eq!(applied.count(), 3, "{outcomes:?}");
    for name in ["B", "E"] {
        let address: Address = format!("stream/{name}").parse().unwrap();
        assert!(bench.send(&all[&address]).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn growth_beyond_the_account_is_refused_by_the_plan() {
    let bench = Bench::start_with(&account("max_file: 100M, max_mem: 10M")).await;
    bench
        .settle(&manifest(json!({
            "stream/A": { "max_bytes": "50MB" }, "stream/B": {}, "kv/b": { "max_bytes": "10MB" },
            "stream/M": { "max_bytes": "5MB", "storage": "memory" },
        })))
        .await;
    for (grown, fits) in [
        (json!({ "stream/A": { "max_bytes": "90MB" } }), true),
        (json!({ "stream/A": { "max_bytes": "100TiB" } }), false),
        (json!({ "stream/B": { "max_bytes": "11MB" } }), false),
        (json!({ "stream/M": { "max_bytes": "11MB" } }), false),
        (json!({ "stream/M": { "max_bytes": "10MB" } }), true),
        (json!({ "kv/b": { "max_bytes": "11MB" } }), false),
        (json!({ "kv/b": { "max_bytes": "1MB" } }), true),
        (json!({ "object-store/o": { "max_bytes": "11MB" } }), false),
    ] {
        let wanted = manifest(grown.clone());
        let plan = bench.plan(&wanted).await;
        assert_eq!(
            plan.blocked_steps().count() == 0,
            fits,
            "{grown}: {:#?}",
            plan.steps
        );
        match fits {
            true => bench.settle(&wanted).await,
            false => {
                let refusal = &plan.steps[0].refusals[0];
                assert_eq!(refusal.code.as_str(), "refused-by-broker");
                assert_eq!(refusal.field.as_deref(), Some("max_bytes"));
                if wanted[0].address.kind == trueup::model::KindName::Stream {
                    assert!(bench.send(&wanted[0]).await.is_err(), "{grown}");
                }
            }
        }
    }
}

#[tokio::test]
async fn consumers_beyond_the_account_are_refused_by_the_plan() {
    let bench = Bench::start_with(&account("max_consumers: 2")).await;
    bench
        .settle(&manifest(json!({ "stream/S": {}, "consumer/S/a": {} })))
        .await;
    let wanted = manifest(json!({
        "consumer/S/a": {}, "consumer/S/b": {}, "consumer/S/c": {}, "stream/N": { "max_consumers": 3 },
    }));
    let plan = bench.plan(&wanted).await;
    assert_eq!(blocked(&plan), ["stream/N", "consumer/S/c"]);
    bench
        .settle(&manifest(json!({ "stream/S": {}, "consumer/S/b": {} })))
        .await;
    for address in ["consumer/S/c", "stream/N"] {
        let sent = bench
            .send(&wanted[&address.parse::<Address>().unwrap()])
            .await;
        assert_eq!(sent.unwrap_err().api_code(), Some(10026), "{address}");
    }
}

#[tokio::test]
async fn each_tier_has_its_own_room() {
    let tier = json!({ "mem_storage": 0, "disk_storage": 100_000_000, "streams": 5, "consumer": 1, "disk_max_stream_bytes": 70_000_000 });
    let operator = Operator::with_limits(json!({ "tiered_limits": { "R1": tier } }));
    let creds = creds_file(&operator.account, &KeyPair::new_user());
    let bench = Bench::start_as(&operator.config(), &creds).await;
    let wanted = manifest(json!({
        "stream/A": { "max_bytes": 60_000_000 }, "stream/B": { "max_bytes": 60_000_000 },
        "stream/C": { "max_bytes": 80_000_000 }, "stream/D": {}, "stream/M": { "storage": "memory" },
        "kv/b": {}, "object-store/o": {},
        "consumer/A/a": {}, "consumer/A/b": {},
    }));
    let plan = bench.plan(&wanted).await;
    assert_eq!(
        blocked(&plan),
        ["stream/B", "stream/C", "stream/M", "consumer/A/b"]
    );
    let outcomes = bench.apply(&plan).await;
    let applied = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::Applied);
    assert_eq!(applied.count(), 5, "{outcomes:#?}");
    for name in ["stream/B", "stream/C", "stream/M", "consumer/A/b"] {
        assert!(
            bench
                .send(&wanted[&name.parse::<Address>().unwrap()])
                .await
                .is_err(),
            "{name}"
        );
    }
    let larger = manifest(json!({ "stream/A": { "max_bytes": 80_000_000 } }));
    assert_eq!(blocked(&bench.plan(&larger).await), ["stream/A"]);
}

#[tokio::test]
async fn a_servers_own_limit_is_told_by_the_server() {
    let bench = Bench::start_in("jetstream { store_dir: \"$DIR/js\", max_file_store: 10MB }").await;
    let wanted = manifest(json!({ "stream/S": { "max_bytes": "100TiB" } }));
    let plan = bench.plan(&wanted).await;
    assert_eq!(plan.blocked_steps().count(), 0);
    let outcomes = bench.apply(&plan).await;
    let Outcome::Failed { why } = &outcomes[0].1 else {
        panic!("{outcomes:?}");
    };
    assert!(why.contains("`max_bytes` is reserved as a whole"), "{why}");
}
