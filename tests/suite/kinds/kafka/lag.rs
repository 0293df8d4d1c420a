//! A broker that lags behind its controller: what it does not know is not absent for that.

use serde_json::json;
use trueup::kinds::Resources;
use trueup::model::{Action, Code};

use super::unique;
use super::world::{World, all, topic};
use crate::broker::kafka_proxy::{Mood, Proxy};

/// A topic that exists, and a proxy of this mood before its broker.
async fn made_behind(mood: Mood) -> (Resources, Proxy) {
    let wanted = all([topic(&unique("lag"), json!({ "partitions": 1 }))]);
    World::plain().await.bring(&wanted).await;
    let proxy = Proxy::start().await;
    proxy.set(mood);
    (wanted, proxy)
}

#[tokio::test]
async fn what_the_only_broker_does_not_show_though_it_exists_is_unread() {
    let (wanted, proxy) = made_behind(Mood::Lags).await;
    let plan = World::at(&proxy.address).await.plan(&wanted).await;
    assert!(!plan.complete && !plan.applyable, "{plan:#?}");
    let step = &plan.steps[0];
    assert_eq!(
        (step.action, step.refusals[0].code),
        (Action::Unread, Code::Exists)
    );
    assert_eq!((plan.summary.unread, plan.summary.create), (1, 0));
}

#[tokio::test]
async fn what_another_broker_knows_is_read_from_that_one() {
    let (wanted, proxy) = made_behind(Mood::LagsBehindAnother).await;
    let plan = World::at(&proxy.address).await.plan(&wanted).await;
    assert!(plan.complete && plan.steps.is_empty(), "{plan:#?}");
}
