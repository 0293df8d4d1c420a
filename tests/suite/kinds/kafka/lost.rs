//! A broker that is killed in the middle of an apply: what may have been done is unknown, the rest was not attempted, and the
//! end comes soon.

use std::time::{Duration, Instant};

use serde_json::json;
use trueup::apply::Done;
use trueup::model::Outcome;

use super::unique;
use super::world::{World, acls, all, topic};
use crate::broker::kafka_proxy::{CREATE_TOPICS, Mood, Proxy};

/// Applies a topic and an ACL through a broker of this mood; what became of them.
async fn applied(mood: Mood) -> Vec<Done> {
    let proxy = Proxy::start().await;
    let world = World::at(&proxy.address).await;
    let name = unique("killed");
    let acl = acls(
        json!({ "principal": "User:a", "operations": ["read"], "resource": { "topic": name } }),
    );
    let wanted = all([vec![topic(&name, json!({}))], acl].concat());
    let plan = world.plan(&wanted).await;
    assert_eq!(plan.summary.create, 2);
    proxy.set(mood);
    let started = Instant::now();
    let done = world.apply(&plan).await;
    // The promise is 10 s; the machine may have been busy with something else for a while.
    assert!(
        started.elapsed() < Duration::from_secs(14),
        "{:?} {done:?}",
        started.elapsed()
    );
    done
}

fn why_unknown(done: &Done) -> &str {
    match &done.outcome {
        Outcome::Unknown { why } => why,
        other => panic!("{}: {other:?}", done.address),
    }
}

#[tokio::test]
async fn a_creation_that_the_broker_did_not_live_to_answer_is_unknown() {
    let done = applied(Mood::DiesAt(CREATE_TOPICS)).await;
    assert!(why_unknown(&done[0]).contains("was lost"), "{done:?}");
    assert!(
        matches!(done[1].outcome, Outcome::NotAttempted { .. }),
        "{done:?}"
    );
}

#[tokio::test]
async fn a_broker_that_freezes_is_waited_for_once() {
    for mood in [
        Mood::FreezesAt(CREATE_TOPICS),
        Mood::FreezesAfter(CREATE_TOPICS),
    ] {
        let done = applied(mood).await;
        why_unknown(&done[0]);
        assert!(
            matches!(done[1].outcome, Outcome::NotAttempted { .. }),
            "{done:?}"
        );
    }
}

#[tokio::test]
async fn a_creation_that_could_not_be_read_back_is_unknown() {
    let done = applied(Mood::DiesAfter(CREATE_TOPICS)).await;
    let why = why_unknown(&done[0]);
    assert!(why.contains("could not be read back"), "{done:?}");
    assert!(
        matches!(done[1].outcome, Outcome::NotAttempted { .. }),
        "{done:?}"
    );
}
