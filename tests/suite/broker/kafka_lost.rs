//! Connections that break or freeze while in use: what was read is read again, what was changed is never changed twice.

use std::time::{Duration, Instant};

use trueup::broker::kafka::{Fate, Kafka, KafkaError};

use super::kafka::{eventually, new_topic, plain, settings_at, unique};
use super::kafka_proxy::{CREATE_TOPICS, METADATA, Mood, Proxy};

async fn through(proxy: &Proxy) -> Kafka {
    Kafka::connect(settings_at(&proxy.address, &[]))
        .await
        .expect("connected")
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_asked_again() {
    let proxy = Proxy::start().await;
    let kafka = through(&proxy).await;
    proxy.set(Mood::LosesAnswerTo(METADATA));
    let absent = unique("absent");
    let described = kafka
        .describe_topics(std::slice::from_ref(&absent))
        .await
        .unwrap();
    assert_eq!(described[&absent].as_ref().unwrap_err().code, 3);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_unknown_and_not_sent_again() {
    let proxy = Proxy::start().await;
    let kafka = through(&proxy).await;
    let name = unique("lost");
    proxy.set(Mood::LosesAnswerTo(CREATE_TOPICS));
    let results = kafka
        .create_topics(&[new_topic(&name, 1, &[])], false)
        .await
        .unwrap();
    let error = results[&name].as_ref().unwrap_err();
    assert_eq!(
        (error.fate, error.name),
        (Fate::Unknown, "ANSWER_LOST"),
        "{error}"
    );
    assert_eq!(proxy.count(CREATE_TOPICS), 1);
    // It was carried out all the same, which the next look finds out.
    let names = [name.clone()];
    let admin = plain().await;
    eventually("the topic exists", || async {
        admin.describe_topics(&names).await.unwrap()[&name].is_ok()
    })
    .await;
    assert!(
        kafka.describe_topics(&names).await.unwrap()[&name].is_ok(),
        "the client goes on"
    );
}

#[tokio::test]
async fn a_validation_whose_answer_is_lost_is_asked_again() {
    let proxy = Proxy::start().await;
    let kafka = through(&proxy).await;
    let name = unique("validated");
    proxy.set(Mood::LosesAnswerTo(CREATE_TOPICS));
    let results = kafka
        .create_topics(&[new_topic(&name, 1, &[])], true)
        .await
        .unwrap();
    assert!(results[&name].is_ok(), "{results:?}");
    assert_eq!(proxy.count(CREATE_TOPICS), 2);
}

#[tokio::test]
async fn a_connection_that_broke_while_idle_is_opened_again_for_a_change() {
    let proxy = Proxy::start().await;
    let kafka = through(&proxy).await;
    proxy.hang_up();
    // The hang-up arrives by itself; a describe makes sure that it has.
    kafka.describe_topics(&[unique("absent")]).await.unwrap();
    let name = unique("after");
    let results = kafka
        .create_topics(&[new_topic(&name, 1, &[])], false)
        .await
        .unwrap();
    assert!(results[&name].is_ok(), "{results:?}");
}

#[tokio::test]
async fn a_controller_that_moved_is_looked_up_and_asked_again_once() {
    let proxy = Proxy::start().await;
    let kafka = through(&proxy).await;
    let name = unique("moved");
    proxy.set(Mood::NotController);
    let results = kafka
        .create_topics(&[new_topic(&name, 1, &[])], true)
        .await
        .unwrap();
    assert!(results[&name].is_ok(), "{results:?}");
    assert_eq!(proxy.count(CREATE_TOPICS), 2);
}

#[tokio::test]
async fn a_broker_that_freezes_while_in_use_is_noticed_soon() {
    let proxy = Proxy::start().await;
    let kafka = through(&proxy).await;
    proxy.set(Mood::Frozen);
    let started = Instant::now();
    let error = kafka
        .describe_topics(&[unique("absent")])
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            KafkaError::NoAnswer {
                request: "Metadata",
                ..
            }
        ),
        "{error:?}"
    );
    // The promise is 10 s; the machine may have been busy with something else for a while.
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
    proxy.set(Mood::Fair);
    kafka
        .describe_topics(&[unique("absent")])
        .await
        .expect("it thaws");
}
