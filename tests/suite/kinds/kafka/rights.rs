//! What a user who lacks rights is told.

use serde_json::json;
use trueup::model::{Action, Code};

use super::unique;
use super::world::{World, acls, all, topic};

#[tokio::test]
async fn without_describe_a_topic_is_unread_and_never_absent() {
    let (admin, limited) = (World::plain().await, World::limited().await);
    let (hidden, absent) = (unique("hidden"), unique("absent"));
    admin.bring(&all([topic(&hidden, json!({}))])).await;
    let plan = limited
        .plan(&all([topic(&hidden, json!({})), topic(&absent, json!({}))]))
        .await;
    for (step, name) in plan.steps.iter().zip([&hidden, &absent]) {
        assert_eq!(step.action, Action::Unread);
        assert_eq!(step.refusals[0].code, Code::Denied);
        assert_eq!(
            step.refusals[0].message,
            format!("needs DESCRIBE on topic/{name}")
        );
    }
    assert!(!plan.complete);
}

#[tokio::test]
async fn without_a_right_the_plan_names_it() {
    let (admin, limited) = (World::plain().await, World::limited().await);
    let (seen, new) = (unique("seen"), unique("new"));
    let there = all([topic(
        &seen,
        json!({ "partitions": 1, "config": { "retention.ms": "1d" } }),
    )]);
    admin.bring(&there).await;
    let see = |operations: &[&str]| {
        acls(
            json!({ "principal": "User:limited", "operations": operations, "resource": { "topic": seen } }),
        )
    };
    let see_new = acls(
        json!({ "principal": "User:limited", "operations": ["describe", "describe_configs"], "resource": { "topic": new } }),
    );
    admin.bring(&all(see(&["describe"]))).await;
    super::eventually("the limited user may describe it", || async {
        let told = limited.plan(&there).await.steps;
        told[0].refusals[0].message == format!("needs DESCRIBE_CONFIGS on topic/{seen}")
    })
    .await;
    admin
        .bring(&all([see(&["describe_configs"]), see_new].concat()))
        .await;
    super::eventually("the limited user may read its configs", || async {
        limited.plan(&there).await.steps.is_empty()
    })
    .await;
    let wanted = all([
        topic(
            &seen,
            json!({ "partitions": 2, "config": { "retention.ms": "2d" } }),
        ),
        topic(&new, json!({})),
    ]);
    let plan = limited.plan(&wanted).await;
    let told: Vec<Vec<String>> = plan
        .steps
        .iter()
        .map(|step| step.refusals.iter().map(|r| r.message.clone()).collect())
        .collect();
    assert_eq!(
        told,
        [
            vec![
                format!("needs ALTER on topic/{seen}"),
                format!("needs ALTER_CONFIGS on topic/{seen}")
            ],
            vec![format!("needs CREATE on topic/{new} or on the cluster")],
        ]
    );
}

#[tokio::test]
async fn without_describe_on_the_cluster_no_acl_is_taken_to_be_absent() {
    let limited = World::limited().await;
    let wanted = acls(
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": unique("t") } }),
    );
    let plan = limited.plan(&all(wanted)).await;
    assert_eq!(plan.steps[0].action, Action::Unread);
    assert_eq!(plan.steps[0].refusals[0].code, Code::Denied);
    assert_eq!(
        plan.steps[0].refusals[0].message,
        "needs DESCRIBE on the cluster"
    );
}

#[tokio::test]
async fn a_right_that_is_gone_at_apply_is_named_for_each_item() {
    let (admin, limited) = (World::plain().await, World::limited().await);
    let (there, new) = (unique("there"), unique("new"));
    admin.bring(&all([topic(&there, json!({}))])).await;
    let acl = acls(
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": new } }),
    );
    let topics = [
        topic(&there, json!({ "config": { "segment.bytes": "10MiB" } })),
        topic(&new, json!({})),
    ];
    let plan = admin.plan(&all([topics.to_vec(), acl].concat())).await;
    let outcomes = limited.apply(&plan).await;
    let told: Vec<String> = outcomes
        .iter()
        .map(|done| format!("{:?}", done.outcome))
        .collect();
    assert!(told[0].starts_with("NotAttempted"), "{told:?}");
    assert!(
        told[0].contains(&format!("needs DESCRIBE on topic/{there}")),
        "{told:?}"
    );
    assert!(told[1].starts_with("Failed"), "{told:?}");
    assert!(
        told[1].contains(&format!("needs CREATE on topic/{new} or on the cluster")),
        "{told:?}"
    );
    assert!(told[2].starts_with("Failed"), "{told:?}");
    assert!(told[2].contains("needs ALTER on the cluster"), "{told:?}");
    assert!(!told[2].contains("Request("), "{told:?}");
}
