//! The store in a topic, each test in a topic of its own.

mod leases;
mod lost;
mod rights;
mod values;

use trueup::broker::kafka::Kafka;
use trueup::ledger::KafkaStore;

use crate::broker::kafka::{plain, unique};

/// A name that no manifest can take.
fn topic() -> String {
    format!("{}_{}", KafkaStore::TOPIC, unique("t"))
}

/// Stores of so many processes.
async fn stores(topic: &str, count: usize) -> Vec<KafkaStore> {
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(KafkaStore::new(&plain().await, topic));
    }
    stores
}

async fn store() -> KafkaStore {
    KafkaStore::new(&plain().await, &topic())
}

async fn is_there(kafka: &Kafka, topic: &str) -> bool {
    let names = [topic.to_owned()];
    let described = kafka.describe_topics(&names).await.unwrap();
    described[topic].is_ok()
}
