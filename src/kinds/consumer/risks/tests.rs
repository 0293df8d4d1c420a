mod filters;

use serde_json::{Value, json};

use super::scene::{Position, Scene};
use super::*;
use crate::kinds::consumer::losses::Retention;
use crate::kinds::loss::Finding;
use crate::kinds::stream::Standing;
use crate::model::{Action, Change, Harm};

fn flat(fields: Value) -> Flat {
    fields.as_object().unwrap().clone().into_iter().collect()
}

fn standing(name: &str, filter: &str, pending: u64, unacknowledged: u64) -> Standing {
    Standing {
        name: name.to_owned(),
        filters: vec![filter.to_owned()],
        pending,
        unacknowledged,
        floor: 0,
        is_internal: false,
    }
}

/// A consumer with nothing before it and nobody there, of a stream that holds ten messages.
pub(super) fn scene(live: Value, next: Value) -> Scene {
    Scene {
        is_amid: false,
        turn: Turn {
            live: flat(live),
            next: flat(next),
        },
        position: Ok(Position {
            standing: standing("c", ">", 0, 0),
            redelivered: 0,
            clients: 0,
            resumes_at: Some(1),
            acknowledged_beyond: 0,
        }),
        retention: Ok(Retention::Limits),
        subjects: Ok([("a".to_owned(), 7), ("b".to_owned(), 3)]
            .into_iter()
            .collect()),
        others: Ok(Vec::new()),
    }
}

fn dark(mut scene: Scene) -> Scene {
    let why = || "needs a right".to_owned();
    scene.position = Err(why());
    scene.retention = Err(why());
    scene.subjects = Err(why());
    scene.others = Err(why());
    scene
}

fn found(scene: &Scene, code: Code, field: &str) -> Option<Finding> {
    let mut rules = rules().filter(|rule| rule.code == code && rule.fields.contains(&field));
    let rule = rules.next().unwrap();
    (rule.fires)(&scene.turn).then(|| (rule.find)(scene))
}

fn cost(scene: &Scene, code: Code, field: &str) -> Option<(Harm, Option<u64>)> {
    found(scene, code, field).map(|found| (found.harm, found.at_stake))
}

#[test]
fn delivery_is_as_bad_as_what_is_out() {
    let idle = (0, 0, 0, 0);
    for (code, field, before, after, (pending, out, again, clients), harm) in [
        (
            Code::ConsumerMaxDeliverLowered,
            "max_deliver",
            json!(-1),
            json!(3),
            idle,
            Harm::Low,
        ),
        (
            Code::ConsumerMaxDeliverLowered,
            "max_deliver",
            json!(-1),
            json!(3),
            (0, 2, 0, 0),
            Harm::Low,
        ),
        (
            Code::ConsumerMaxDeliverLowered,
            "max_deliver",
            json!(-1),
            json!(3),
            (0, 2, 1, 0),
            Harm::High,
        ),
        (
            Code::ConsumerMaxDeliverLowered,
            "max_deliver",
            json!(5),
            json!(1),
            (0, 2, 0, 0),
            Harm::High,
        ),
        (
            Code::ConsumerAckWaitShortened,
            "ack_wait",
            json!(9),
            json!(5),
            idle,
            Harm::Low,
        ),
        (
            Code::ConsumerAckWaitShortened,
            "ack_wait",
            json!(9),
            json!(5),
            (0, 1, 0, 0),
            Harm::High,
        ),
        (
            Code::ConsumerAckWaitShortened,
            "backoff",
            json!([9]),
            json!([5, 9]),
            (0, 1, 0, 0),
            Harm::High,
        ),
        (
            Code::ConsumerInactiveThresholdSet,
            "inactive_threshold",
            json!(0),
            json!(5),
            (3, 0, 0, 0),
            Harm::High,
        ),
        (
            Code::ConsumerInactiveThresholdSet,
            "inactive_threshold",
            json!(0),
            json!(5),
            (3, 0, 0, 1),
            Harm::Medium,
        ),
        (
            Code::ConsumerMaxAckPendingLowered,
            "max_ack_pending",
            json!(1000),
            json!(2),
            (0, 2, 0, 0),
            Harm::Medium,
        ),
        (
            Code::ConsumerMaxAckPendingLowered,
            "max_ack_pending",
            json!(1000),
            json!(3),
            (0, 2, 0, 0),
            Harm::Low,
        ),
        (
            Code::ConsumerDeliveryChanged,
            "deliver_subject",
            json!("a"),
            json!("b"),
            (0, 0, 0, 1),
            Harm::High,
        ),
        (
            Code::ConsumerDeliveryChanged,
            "deliver_group",
            json!("a"),
            json!("b"),
            idle,
            Harm::Medium,
        ),
        (
            Code::ConsumerPullLimited,
            "max_batch",
            json!(0),
            json!(5),
            (0, 0, 0, 1),
            Harm::Medium,
        ),
        (
            Code::ConsumerPullLimited,
            "max_batch",
            json!(0),
            json!(5),
            idle,
            Harm::Low,
        ),
        (
            Code::ConsumerPullLimited,
            "max_expires",
            json!(9),
            json!(5),
            (0, 0, 0, 2),
            Harm::Medium,
        ),
        (
            Code::ConsumerPullLimited,
            "max_bytes",
            json!(9),
            json!(5),
            (0, 0, 0, 2),
            Harm::Medium,
        ),
        (
            Code::ConsumerPriorityChanged,
            "priority_policy",
            json!("none"),
            json!("overflow"),
            (0, 0, 0, 2),
            Harm::Medium,
        ),
        (
            Code::ConsumerPriorityChanged,
            "priority_groups",
            json!([]),
            json!(["a"]),
            idle,
            Harm::Low,
        ),
        (
            Code::ConsumerHeadersOnly,
            "headers_only",
            json!(false),
            json!(true),
            idle,
            Harm::Medium,
        ),
        (
            Code::ConsumerPaused,
            "pause_until",
            json!(""),
            json!("2999-01-01T00:00:00Z"),
            idle,
            Harm::Medium,
        ),
        (
            Code::ConsumerReplicasLowered,
            "num_replicas",
            json!(3),
            json!(1),
            idle,
            Harm::Medium,
        ),
    ] {
        let mut to = scene(json!({ field: before }), json!({ field: after }));
        to.position = Ok(Position {
            standing: standing("c", ">", pending, out),
            redelivered: again,
            clients,
            resumes_at: Some(1),
            acknowledged_beyond: 0,
        });
        let told = cost(&to, code, field).map(|(harm, _)| harm);
        assert_eq!(
            told,
            Some(harm),
            "{field} {pending} {out} {again} {clients}"
        );
        let unknown = cost(&dark(to), code, field).map(|(harm, _)| harm);
        assert!(
            unknown >= Some(harm),
            "{field}: what is not known is no smaller"
        );
    }
}

#[test]
fn what_is_eased_costs_nothing() {
    for (code, field, before, after) in [
        (
            Code::ConsumerMaxDeliverLowered,
            "max_deliver",
            json!(3),
            json!(-1),
        ),
        (
            Code::ConsumerAckWaitShortened,
            "ack_wait",
            json!(5),
            json!(9),
        ),
        (
            Code::ConsumerAckWaitShortened,
            "backoff",
            json!([]),
            json!([60_000_000_000_i64]),
        ),
        (
            Code::ConsumerInactiveThresholdSet,
            "inactive_threshold",
            json!(5),
            json!(0),
        ),
        (
            Code::ConsumerMaxAckPendingLowered,
            "max_ack_pending",
            json!(5),
            json!(-1),
        ),
        (Code::ConsumerPullLimited, "max_batch", json!(5), json!(9)),
        (Code::ConsumerPullLimited, "max_expires", json!(5), json!(0)),
        (Code::ConsumerPullLimited, "max_bytes", json!(5), json!(9)),
        (
            Code::ConsumerHeadersOnly,
            "headers_only",
            json!(true),
            json!(false),
        ),
        (
            Code::ConsumerPaused,
            "pause_until",
            json!("2999-01-01T00:00:00Z"),
            json!(""),
        ),
        (
            Code::ConsumerReplicasLowered,
            "num_replicas",
            json!(0),
            json!(1),
        ),
    ] {
        let to = scene(json!({ field: before }), json!({ field: after }));
        assert_eq!(cost(&to, code, field), None, "{field}");
    }
}

#[test]
fn a_consumer_that_ages_out_takes_what_only_interest_holds() {
    let told = |retention| {
        let mut to = scene(json!({}), json!({ "inactive_threshold": 5 }));
        to.position.as_mut().unwrap().standing.pending = 4;
        to.retention = retention;
        cost(
            &to,
            Code::ConsumerInactiveThresholdSet,
            "inactive_threshold",
        )
        .unwrap()
    };
    assert_eq!(told(Ok(Retention::Limits)), (Harm::High, Some(0)));
    assert_eq!(told(Ok(Retention::Interest)), (Harm::Critical, Some(4)));
    assert_eq!(told(Err("why".to_owned())), (Harm::Critical, None));
}

#[tokio::test]
async fn only_a_step_on_which_a_rule_fires_is_looked_at() {
    let update = |field: &str, before: Value, after: Value| {
        let mut step = Step::of("consumer/S/c".parse().unwrap(), Action::Update);
        step.changes.push(Change {
            field: field.to_owned(),
            before: Some(before),
            after: Some(after),
            note: None,
        });
        step
    };
    let brokers = Brokers::default();
    let told = update("description", json!("a"), json!("b"));
    assert!(risks(&brokers, &[&told]).await.is_empty());
    let lowered = update("max_deliver", json!(5), json!(2));
    let risk = &risks(&brokers, &[&lowered]).await[0].1[0];
    assert_eq!(
        (risk.code, risk.harm),
        (Code::ConsumerMaxDeliverLowered, Harm::High)
    );
    assert_eq!(risk.field.as_deref(), Some("max_deliver"));
}
