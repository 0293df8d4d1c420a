//! What each end of a route can do alone, as fast as its own client is used well: no mapping, no route, no position.

use std::time::{Duration, Instant};

use async_nats::jetstream::{self, consumer, stream};
use async_nats::{Client, ConnectOptions};
use bytes::Bytes;
use futures::StreamExt;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use crate::Done;

/// Publishes whose acknowledgement is waited for at once, and messages of a pull.
const IN_FLIGHT: usize = 2_000;
const PULLED: usize = 5_000;

/// How many subjects and keys the messages have.
const KEYS: usize = 100;

const PATIENCE: Duration = Duration::from_secs(60);

async fn connect() -> Result<Client, Box<dyn std::error::Error>> {
    let options = ConnectOptions::new().subscription_capacity(256 * 1024);
    Ok(options.connect(std::env::var("NATS_URL")?).await?)
}

fn tell(messages: usize, since: Instant) {
    let seconds = since.elapsed().as_secs_f64();
    println!(
        "{}",
        serde_json::json!({ "messages": messages, "seconds": seconds })
    );
}

/// Publishes into a stream of its own, made here, and waits for each acknowledgement.
pub(crate) async fn publish(name: &str, count: usize, size: usize) -> Done {
    let jetstream = jetstream::new(connect().await?);
    let config = stream::Config {
        name: name.to_owned(),
        subjects: vec![format!("{name}.>")],
        ..stream::Config::default()
    };
    jetstream.get_or_create_stream(config).await?;
    let payload = Bytes::from(vec![b'x'; size]);
    let subjects: Vec<String> = (0..KEYS).map(|key| format!("{name}.{key}")).collect();
    let begin = Instant::now();
    let mut acks = std::collections::VecDeque::new();
    for number in 0..count {
        let subject = subjects[number % KEYS].clone();
        acks.push_back(
            jetstream
                .publish(subject, payload.clone())
                .await?
                .into_future(),
        );
        if acks.len() > IN_FLIGHT
            && let Some(ack) = acks.pop_front()
        {
            ack.await?;
        }
    }
    for ack in acks {
        ack.await?;
    }
    tell(count, begin);
    Ok(())
}

/// Pulls all of a stream in large batches and acknowledges the last message of each.
pub(crate) async fn pull(name: &str, count: usize) -> Done {
    let jetstream = jetstream::new(connect().await?);
    let config = consumer::pull::Config {
        ack_policy: consumer::AckPolicy::All,
        max_ack_pending: 20_000,
        ..consumer::pull::Config::default()
    };
    let stream = jetstream.get_stream(name).await?;
    let consumer = stream.create_consumer(config).await?;
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(PULLED * 2)
        .messages()
        .await?;
    let begin = Instant::now();
    for number in 1..=count {
        let message = messages.next().await.ok_or("no more messages")??;
        if number % PULLED == 0 || number == count {
            message.ack().await.map_err(|error| error.to_string())?;
        }
    }
    tell(count, begin);
    Ok(())
}

/// Writes into a topic that is there: idempotent, `acks=all`.
pub(crate) fn produce(topic: &str, count: usize, size: usize) -> Done {
    let producer: ThreadedProducer<_> = ClientConfig::new()
        .set("bootstrap.servers", std::env::var("KAFKA_BROKERS")?)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "100000")
        .create::<ThreadedProducer<rdkafka::producer::DefaultProducerContext>>()?;
    let payload = vec![b'x'; size];
    let begin = Instant::now();
    for number in 0..count {
        let key = (number % KEYS).to_string();
        loop {
            match producer.send(BaseRecord::to(topic).key(&key).payload(&payload)) {
                Ok(()) => break,
                Err((error, _)) if is_full(&error) => std::thread::sleep(Duration::from_millis(1)),
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
    producer.flush(PATIENCE)?;
    tell(count, begin);
    Ok(())
}

fn is_full(error: &rdkafka::error::KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

/// Reads a topic from its begin, and commits now and then.
pub(crate) fn consume(topic: &str, count: usize) -> Done {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", std::env::var("KAFKA_BROKERS")?)
        .set("group.id", format!("bare-{}", std::process::id()))
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .create()?;
    consumer.subscribe(&[topic])?;
    let mut begin = None;
    let mut bytes = 0;
    let mut read = 0;
    while read < count {
        let message = consumer.poll(PATIENCE).ok_or("no more records")??;
        begin.get_or_insert_with(Instant::now);
        bytes += message.payload().map_or(0, <[u8]>::len);
        read += 1;
    }
    assert!(bytes > 0, "records without payload");
    tell(count, begin.unwrap_or_else(Instant::now));
    Ok(())
}
