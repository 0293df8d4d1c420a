//! What looks like drift and is none, and what looks like success and is none.

use serde_json::{Value, json};
use trueup::model::Outcome;

use super::bench::{Bench, manifest};

#[tokio::test]
async fn a_shorter_age_takes_the_duplicate_window_along() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({ "stream/S": { "max_age": "1h" } })))
        .await;
    bench
        .settle(&manifest(json!({ "stream/S": { "max_age": "1m" } })))
        .await;
    let live = bench.config("S").await;
    assert_eq!(live["duplicate_window"], json!(60_000_000_000_i64));
}

#[tokio::test]
async fn what_is_not_declared_is_kept() {
    let bench = Bench::start().await;
    bench
        .create(json!({
            "name": "S", "subjects": ["s.>"], "max_msgs": 7, "deny_delete": true,
            "metadata": { "owner": "them" }, "republish": { "src": "s.a", "dest": "again" },
        }))
        .await;
    bench
        .settle(&manifest(
            json!({ "stream/S": { "max_age": "1h", "metadata": { "team": "us" } } }),
        ))
        .await;
    let live = bench.config("S").await;
    assert_eq!(live["max_msgs"], 7);
    assert_eq!(live["subjects"], json!(["s.>"]));
    assert_eq!(live["deny_delete"], true);
    assert_eq!(live["republish"]["dest"], "again");
    assert_eq!(live["metadata"]["owner"], "them");
    assert_eq!(live["metadata"]["team"], "us");
}

#[tokio::test]
async fn what_somebody_changed_meanwhile_is_not_overwritten() {
    let bench = Bench::start().await;
    bench.create(json!({ "name": "S" })).await;
    let wanted = manifest(json!({ "stream/S": { "max_msgs": 5 }, "stream/NEW": {} }));
    let plan = bench.plan(&wanted).await;
    bench.change("S", json!({ "max_bytes": 1000 })).await;
    bench.create(json!({ "name": "NEW", "max_msgs": 3 })).await;
    let outcomes = bench.apply(&plan).await;
    for (address, outcome) in outcomes {
        let Outcome::Failed { why } = outcome else {
            panic!("{address}: {outcome:?}");
        };
        assert!(why.contains("plan again"), "{address}: {why}");
    }
    assert_eq!(bench.config("S").await["max_msgs"], -1);
}

#[tokio::test]
async fn subjects_may_move_from_one_stream_to_another() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({
            "stream/A": { "subjects": ["x.>", "y"] }, "stream/B": { "subjects": ["z"] },
        })))
        .await;
    bench
        .settle(&manifest(json!({
            "stream/B": { "subjects": ["z", "x.>"] }, "stream/A": { "subjects": ["y"] },
        })))
        .await;
}

#[tokio::test]
async fn subjects_are_passed_on_along_a_chain_in_one_apply() {
    let bench = Bench::start().await;
    let streams = |subjects: [&str; 4]| {
        manifest(json!({
            "stream/A": { "subjects": [subjects[0]] }, "stream/B": { "subjects": [subjects[1]] },
            "stream/C": { "subjects": [subjects[2]] }, "stream/D": { "subjects": [subjects[3]] },
        }))
    };
    bench.settle(&streams(["a", "b", "c", "d"])).await;
    bench.settle(&streams(["b", "c", "d", "e"])).await;
}

#[tokio::test]
async fn streams_that_swap_subjects_are_refused_by_the_plan_and_done_in_two() {
    let bench = Bench::start().await;
    let streams = |a: Value, b: Value| {
        manifest(json!({ "stream/A": { "subjects": a }, "stream/B": { "subjects": b } }))
    };
    bench
        .settle(&streams(json!(["a.>", "x"]), json!(["b.>"])))
        .await;
    let swapped = streams(json!(["b.>"]), json!(["a.>", "x"]));
    let plan = bench.plan(&swapped).await;
    for step in &plan.steps {
        let [refusal] = &step.refusals[..] else {
            panic!("{step:#?}")
        };
        assert_eq!(refusal.code.as_str(), "subject-overlap");
        assert!(refusal.message.contains("in a circle"), "{refusal:?}");
    }
    // the way out that the refusal names
    bench
        .settle(&streams(json!(["a.>", "x"]), json!(["parked"])))
        .await;
    bench
        .settle(&streams(json!(["b.>"]), json!(["parked"])))
        .await;
    bench.settle(&swapped).await;
}

#[tokio::test]
async fn a_consumer_does_not_follow_a_stream_that_gets_no_subjects() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "THEIRS", "subjects": ["theirs.>"] }))
        .await;
    let wanted = |subjects: Value, filter: &str| {
        manifest(json!({
            "stream/S": { "subjects": subjects },
            "consumer/S/c": { "filter_subject": filter },
            "consumer/S/d": { "filter_subject": "s.d" },
        }))
    };
    bench.settle(&wanted(json!(["s.>"]), "s.x")).await;
    let plan = bench
        .plan(&wanted(json!(["s.>", "theirs.a"]), "theirs.a"))
        .await;
    let open: Vec<_> = plan.open_steps().map(|step| &step.address).collect();
    assert!(open.is_empty(), "{open:?}");
    assert_eq!(plan.steps.len(), 2, "{:#?}", plan.steps);
    bench.settle(&wanted(json!(["s.>", "t.>"]), "t.x")).await;
}

#[tokio::test]
async fn a_strangers_subjects_are_refused_by_the_plan() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "THEIRS", "subjects": ["events.>"] }))
        .await;
    let plan = bench
        .plan(&manifest(
            json!({ "stream/OURS": { "subjects": ["events.created"] } }),
        ))
        .await;
    let refusal = &plan.steps[0].refusals[0];
    assert_eq!(refusal.code.as_str(), "subject-overlap");
    assert!(refusal.message.contains("`THEIRS`"), "{}", refusal.message);
}

#[tokio::test]
async fn derived_values_are_not_reset_for_ever() {
    let bench = Bench::start().await;
    let mut wanted = manifest(json!({
        "stream/S": { "max_age": "1m", "subject_delete_marker_ttl": "5s" },
        "consumer/S/c": { "backoff": ["1s", "2s"], "max_deliver": 5 },
    }));
    for resource in wanted.values_mut() {
        resource.lifecycle.undeclared = trueup::model::Undeclared::Reset;
    }
    bench.settle(&wanted).await;
}

#[tokio::test]
async fn a_mirror_can_become_a_stream_of_its_own() {
    let bench = Bench::start().await;
    bench.create(json!({ "name": "ORIGIN" })).await;
    bench
        .settle(&manifest(
            json!({ "stream/COPY": { "mirror": { "name": "ORIGIN" }, "mirror_direct": true } }),
        ))
        .await;
    let mut wanted = manifest(json!({ "stream/COPY": { "subjects": ["copy"] } }));
    wanted[0].lifecycle.undeclared = trueup::model::Undeclared::Reset;
    bench.settle(&wanted).await;
    let live = bench.config("COPY").await;
    assert!(live.get("mirror").is_none(), "{live}");
}

#[tokio::test]
async fn filters_switch_between_their_two_fields() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "S", "subjects": ["s.>"] }))
        .await;
    for filters in [
        json!({ "filter_subject": "s.a" }),
        json!({ "filter_subjects": ["s.a"] }),
        json!({ "filter_subjects": ["s.a", "s.b"] }),
        json!({ "filter_subject": "s.c" }),
        json!({ "filter_subject": "" }),
        json!({ "filter_subjects": ["s.a", "s.b"] }),
        json!({ "filter_subjects": [] }),
        json!({ "filter_subject": "s.c" }),
        json!({ "filter_subjects": [] }),
    ] {
        bench
            .settle(&manifest(json!({ "consumer/S/c": filters })))
            .await;
    }
}

#[tokio::test]
async fn filters_of_a_work_queue_move_between_consumers() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "S", "subjects": ["s.>"], "retention": "workqueue" }))
        .await;
    let wanted = |a: &str, b: &str| {
        manifest(json!({
            "consumer/S/a": { "filter_subject": a }, "consumer/S/b": { "filter_subject": b },
        }))
    };
    bench.settle(&wanted("s.a", "s.b")).await;
    bench.settle(&wanted("s.b", "s.c")).await;
}

#[tokio::test]
async fn a_pause_is_changed_and_lifted() {
    let bench = Bench::start().await;
    bench.create(json!({ "name": "S" })).await;
    for until in [
        "2126-01-01T00:00:00Z",
        "2127-01-01T00:00:00Z",
        "2020-01-01T00:00:00Z",
    ] {
        let wanted = json!({ "consumer/S/c": { "pause_until": until, "description": until } });
        bench.settle(&manifest(wanted)).await;
    }
}

#[tokio::test]
async fn consumers_are_durable_and_acknowledge() {
    let bench = Bench::start().await;
    bench.create(json!({ "name": "S" })).await;
    bench.settle(&manifest(json!({ "consumer/S/c": {} }))).await;
    bench
        .settle(&manifest(json!({ "consumer/S/c": { "max_deliver": 3 } })))
        .await;
    let live = bench.nats.consumer_info("S", "c").await.unwrap().unwrap();
    assert_eq!(live["config"]["durable_name"], "c");
    assert_eq!(live["config"]["ack_policy"], "explicit");
}

#[tokio::test]
async fn limits_below_a_live_consumer_are_refused_by_the_plan() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({ "stream/S": {}, "consumer/S/c": {} })))
        .await;
    let lower = manifest(json!({ "stream/S": { "consumer_limits": { "max_ack_pending": 10 } } }));
    let plan = bench.plan(&lower).await;
    let refusal = &plan.steps[0].refusals[0];
    assert!(refusal.message.contains("consumer `c`"), "{refusal:?}");
    assert!(bench.send(&lower[0]).await.is_err());
}

#[tokio::test]
async fn many_streams_are_compared_with_all_that_live() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "THEIRS", "subjects": ["s.*.x"] }))
        .await;
    let mut declared = serde_json::Map::new();
    for i in 0..300 {
        let subject = if i == 7 {
            "s.7.*".to_owned()
        } else {
            format!("s.{i}.y")
        };
        declared.insert(format!("stream/S{i}"), json!({ "subjects": [subject] }));
    }
    let wanted = manifest(declared.into());
    let plan = bench.plan(&wanted).await;
    let blocked: Vec<_> = plan.blocked_steps().collect();
    assert_eq!(blocked.len(), 1, "{blocked:?}");
    assert_eq!(blocked[0].address.to_string(), "stream/S7");
    let outcomes = bench.apply(&plan).await;
    let applied = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome == Outcome::Applied);
    assert_eq!(applied.count(), 299);
    assert_eq!(bench.plan(&wanted).await.summary.unchanged, 299);
}

#[tokio::test]
async fn a_reset_is_done_at_once() {
    let bench = Bench::start().await;
    bench
        .create(json!({
            "name": "S", "max_age": 5_000_000_000_i64, "deny_delete": true, "max_msgs": 7,
            "consumer_limits": { "max_ack_pending": 9, "inactive_threshold": 60_000_000_000_i64 },
        }))
        .await;
    let consumers = manifest(json!({ "consumer/S/c": {} }));
    bench.settle(&consumers).await;
    let mut wanted = manifest(
        json!({ "stream/S": { "consumer_limits": { "max_ack_pending": 9, "inactive_threshold": "1m" } }, "consumer/S/c": {} }),
    );
    for resource in wanted.values_mut() {
        resource.lifecycle.undeclared = trueup::model::Undeclared::Reset;
    }
    bench.settle(&wanted).await;
    let live = bench.config("S").await;
    assert_eq!(live["duplicate_window"], json!(120_000_000_000_i64));
    assert_eq!(
        (&live["deny_delete"], &live["max_msgs"]),
        (&json!(true), &json!(-1))
    );
    let told = bench.plan(&wanted).await.undeclared;
    assert!(
        told.iter().any(|one| one.field == "deny_delete"),
        "{told:?}"
    );
}

#[tokio::test]
async fn numbers_beyond_63_bits_are_numbers() {
    let bench = Bench::start().await;
    let most = u64::MAX;
    let manifest = manifest(json!({
        "stream/S": { "first_seq": 9_223_372_036_854_775_808_u64 },
        "consumer/S/c": { "deliver_policy": "by_start_sequence", "opt_start_seq": most },
        "consumer/S/p": { "deliver_subject": "there", "rate_limit_bps": most },
    }));
    bench.settle(&manifest).await;
    let live = bench.nats.consumer_info("S", "p").await.unwrap().unwrap();
    assert_eq!(live["config"]["rate_limit_bps"], most);
}

#[tokio::test]
async fn how_a_mirror_becomes_a_stream_is_told() {
    let bench = Bench::start().await;
    bench.create(json!({ "name": "A" })).await;
    bench
        .create(json!({ "name": "M", "mirror": { "name": "A" } }))
        .await;
    let plan = bench
        .plan(&manifest(json!({ "stream/M": { "subjects": ["m"] } })))
        .await;
    let hint = plan.steps[0].refusals[0]
        .hint
        .as_deref()
        .unwrap_or_default();
    assert!(hint.contains("lifecycle: { undeclared: reset }"), "{hint}");
}

#[tokio::test]
async fn a_strangers_consumer_of_a_work_queue_is_met_by_the_plan() {
    let bench = Bench::start().await;
    bench
        .create(json!({ "name": "Q", "subjects": ["q.>"], "retention": "workqueue" }))
        .await;
    bench
        .settle(&manifest(
            json!({ "consumer/Q/theirs": { "filter_subject": "q.a" } }),
        ))
        .await;
    let ours = manifest(
        json!({ "consumer/Q/ours": { "filter_subjects": ["q.*"] }, "consumer/Q/fine": { "filter_subject": "q.b.c" } }),
    );
    let plan = bench.plan(&ours).await;
    let blocked: Vec<_> = plan.blocked_steps().collect();
    assert_eq!(blocked.len(), 1, "{blocked:?}");
    let refusal = &blocked[0].refusals[0];
    assert_eq!(refusal.code.as_str(), "filter-overlap");
    assert!(refusal.message.contains("`Q/theirs`"), "{refusal:?}");
}

#[tokio::test]
async fn what_cant_change_is_the_one_reason() {
    let bench = Bench::start().await;
    bench
        .settle(&manifest(json!({
            "stream/A": { "subjects": ["a"] }, "stream/S": { "subjects": ["s"] }, "kv/a": {}, "kv/s": {},
            "consumer/A/pull": {}, "consumer/A/push": { "deliver_subject": "d", "idle_heartbeat": "5s" },
        })))
        .await;
    for (wanted, code, told) in [
        (
            json!({ "stream/S": { "mirror": { "name": "A" } } }),
            "immutable",
            "a stream that exists",
        ),
        (
            json!({ "kv/s": { "mirror": { "name": "a" } } }),
            "immutable",
            "a bucket that exists",
        ),
        (
            json!({ "consumer/A/pull": { "deliver_subject": "x" } }),
            "needs-replace",
            "a push consumer",
        ),
        (
            json!({ "consumer/A/push": { "deliver_subject": "" } }),
            "needs-replace",
            "a push consumer",
        ),
    ] {
        let plan = bench.plan(&manifest(wanted.clone())).await;
        let [refusal] = plan.steps[0].refusals.as_slice() else {
            panic!("{wanted}: {:#?}", plan.steps[0].refusals);
        };
        assert_eq!(refusal.code.as_str(), code);
        assert!(refusal.message.contains(told), "{refusal:?}");
        let hint = refusal.hint.as_deref().unwrap_or_default();
        let is_of_a_bucket = plan.steps[0].address.to_string().starts_with("kv");
        assert_eq!(hint.contains("new bucket"), is_of_a_bucket, "{hint}");
    }
}
