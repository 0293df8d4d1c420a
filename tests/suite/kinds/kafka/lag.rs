//! A broker that lags behind its controller: what it does not know is not absent for that.

use serde_json::json;
use trueup::kinds::Resources;

use super::unique;
use super::world::{World, all, topic};
use crate::broker::kafka_proxy::{CREATE_TOPICS, METADATA, Mood, Proxy};

/// A topic that exists, and a proxy of this mood before its broker.
async fn made_behind(mood: Mood) -> (Resources, Proxy) {
    let wanted = all([topic(&unique("lag"), json!({ "partitions": 1 }))]);
    World::plain().await.bring(&wanted).await;
    let proxy = Proxy::start().await;
    proxy.set(mood);
    (wanted, proxy)
}

#[tokio::test]
async fn what_the_only_broker_does_not_show_though_it_exists_is_waited_for() {
    let (wanted, proxy) = made_behind(Mood::Lags).await;
    let world = World::at(&proxy.address).await;
    let catches_up = async {
        // the controller was asked, and the broker was looked at again after that
        until(&proxy, CREATE_TOPICS, 0).await;
        until(&proxy, METADATA, proxy.count(METADATA) + 1).await;
        proxy.set(Mood::Fair);
    };
    let (plan, ()) = tokio::join!(world.plan(&wanted), catches_up);
    assert!(plan.complete && plan.steps.is_empty(), "{plan:#?}");
}

/// Waits until more than so many requests of this key came by.
async fn until(proxy: &Proxy, key: i16, count: usize) {
    while proxy.count(key) <= count {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_another_broker_knows_is_read_from_that_one() {
    let (wanted, proxy) = made_behind(Mood::LagsBehindAnother).await;
    let plan = World::at(&proxy.address).await.plan(&wanted).await;
    assert!(plan.complete && plan.steps.is_empty(), "{plan:#?}");
}
