//! What routes stand on: streams, topics, the table; and workers as processes.

use std::fs::File;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer, kv, stream};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use tempfile::TempDir;
use trueup::broker::kafka::Kafka;

use crate::broker::kafka::{create, new_topic, plain, unique};
use crate::broker::nats_server::NatsServer;
use crate::sandbox::variable;

/// How long anything may take on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// A NATS of its own, the sandbox's Kafka, and a stack.
pub struct World {
    pub nats: NatsServer,
    pub jetstream: jetstream::Context,
    pub kafka: Kafka,
    pub stack: String,
    pub folder: TempDir,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub partition: i32,
    pub key: Option<String>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<String>)>,
}

impl Read {
    pub fn text(&self) -> String {
        String::from_utf8(self.value.clone().unwrap_or_default()).unwrap()
    }

    pub fn number(&self) -> u64 {
        self.text().trim().parse().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.and_then(|(_, value)| value.as_deref())
    }
}

impl World {
    pub async fn new() -> World {
        World::with("", None).await
    }

    /// With more in the server's configuration, as this user of it, whose password is the name.
    pub async fn as_user(config: &str, user: &str) -> World {
        World::with(config, Some(user)).await
    }

    async fn with(config: &str, login: Option<&str>) -> World {
        let nats = NatsServer::start(config);
        let mut client = async_nats::ConnectOptions::new().max_reconnects(None);
        if let Some(user) = login {
            client = client.user_and_password(user.to_owned(), user.to_owned());
        }
        let client = client.connect(nats.url()).await.unwrap();
        World {
            jetstream: jetstream::new(client),
            kafka: plain().await,
            stack: unique("bridge"),
            folder: TempDir::new().unwrap(),
            nats,
        }
    }

    pub async fn stream(&self, name: &str, subjects: &[&str]) -> String {
        let config = stream::Config {
            name: name.to_owned(),
            subjects: subjects.iter().map(ToString::to_string).collect(),
            ..stream::Config::default()
        };
        self.stream_as(config).await
    }

    pub async fn stream_as(&self, config: stream::Config) -> String {
        let stream = self.jetstream.create_stream(config).await.unwrap();
        stream.cached_info().config.name.clone()
    }

    pub async fn topic(&self, what: &str, partitions: i32, configs: &[(&str, &str)]) -> String {
        let name = unique(what);
        create(&self.kafka, &[new_topic(&name, partitions, configs)]).await;
        name
    }

    /// The stream `EVENTS`, a topic with so many partitions, and the consumer of an ordered route between them; the route's name
    /// and the topic's.
    pub async fn outward(&self, partitions: i32, configs: &[(&str, &str)]) -> (String, String) {
        let route = unique("out");
        self.stream("EVENTS", &["events.>"]).await;
        let topic = self.topic("events", partitions, configs).await;
        self.consumer("EVENTS", &route, consumer::AckPolicy::All)
            .await;
        (route, topic)
    }

    /// The topic of a route's position, where it is not there yet.
    pub async fn position_topic(&self, route: &str) {
        let name = format!("trueup.position.{route}");
        let known = self.kafka.describe_topics(std::slice::from_ref(&name));
        if known.await.unwrap()[&name].is_err() {
            let topic = new_topic(&name, 1, &[("cleanup.policy", "compact")]);
            create(&self.kafka, &[topic]).await;
        }
    }

    /// The durable consumer of a route from a stream, and where the route keeps an order the topic of its position.
    pub async fn consumer(&self, stream: &str, route: &str, ack: consumer::AckPolicy) {
        if ack == consumer::AckPolicy::All {
            self.position_topic(route).await;
        }
        let config = consumer::pull::Config {
            durable_name: Some(format!("trueup-{route}")),
            ack_policy: ack,
            ack_wait: Duration::from_secs(30),
            max_deliver: -1,
            max_ack_pending: 20_000,
            ..consumer::pull::Config::default()
        };
        let stream = self.jetstream.get_stream(stream).await.unwrap();
        stream.create_consumer(config).await.unwrap();
    }

    pub async fn bucket(&self) -> kv::Store {
        if let Ok(bucket) = self.jetstream.get_key_value("trueup-routes").await {
            return bucket;
        }
        let config = kv::Config {
            bucket: "trueup-routes".to_owned(),
            history: 10,
            ..kv::Config::default()
        };
        self.jetstream.create_key_value(config).await.unwrap()
    }

    pub fn record(&self, spec: &Value) -> Value {
        json!({
            "format": 1, "id": uuid::Uuid::new_v4(), "stack": self.stack, "source": null,
            "spec": spec, "trueup": "0.1.0",
        })
    }

    /// Puts a route into the table.
    pub async fn route(&self, name: &str, spec: &Value) -> u64 {
        let record = self.record(spec).to_string();
        self.bucket().await.put(name, record.into()).await.unwrap()
    }

    /// Publishes a message and waits until the stream has it.
    pub async fn publish(&self, subject: &str, headers: HeaderMap, payload: &str) {
        let sent = self.jetstream.publish_with_headers(
            subject.to_owned(),
            headers,
            payload.to_owned().into(),
        );
        sent.await.unwrap().await.unwrap();
    }

    /// Publishes the numbers of a range as payloads, to `PREFIX.K` with K the number modulo `keys`.
    pub async fn publish_numbers(&self, prefix: &str, range: std::ops::Range<u64>, keys: u64) {
        let mut acks = std::collections::VecDeque::new();
        for number in range {
            let subject = format!("{prefix}.{}", number % keys);
            let sent = self.jetstream.publish(subject, number.to_string().into());
            acks.push_back(sent.await.unwrap());
            if acks.len() > 500 {
                acks.pop_front().unwrap().await.unwrap();
            }
        }
        for ack in acks {
            ack.await.unwrap();
        }
    }

    /// Every committed record of a topic, when there are at least so many.
    pub async fn records(&self, topic: &str, least: usize) -> Vec<Read> {
        let topic = topic.to_owned();
        tokio::task::spawn_blocking(move || read(&topic, least))
            .await
            .unwrap()
    }

    /// The messages of a stream, when there are at least so many under this subject.
    pub async fn messages(
        &self,
        stream: &str,
        filter: &str,
        least: usize,
    ) -> Vec<async_nats::Message> {
        use futures::StreamExt;
        let begin = Instant::now();
        let stream = self.jetstream.get_stream(stream).await.unwrap();
        loop {
            let config = consumer::pull::OrderedConfig {
                filter_subject: filter.to_owned(),
                ..consumer::pull::OrderedConfig::default()
            };
            let mut consumer = stream.create_consumer(config).await.unwrap();
            let pending = consumer.info().await.unwrap().num_pending as usize;
            if pending >= least {
                let mut all = Vec::with_capacity(pending);
                let mut messages = consumer.messages().await.unwrap();
                while all.len() < pending {
                    all.push(messages.next().await.unwrap().unwrap().message.clone());
                }
                return all;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "{pending} messages of {least} came"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Starts a worker.
    pub fn worker(&self) -> Worker {
        self.start(&self.plain(), "")
    }

    /// The same with another connection to Kafka.
    pub fn worker_with(&self, kafka: &str) -> Worker {
        self.start(kafka, "")
    }

    /// The same as this user of NATS.
    pub fn worker_of(&self, user: &str) -> Worker {
        self.start(&self.plain(), &format!(", user: {user}, password: {user}"))
    }

    fn plain(&self) -> String {
        format!("{{ bootstrap.servers: \"{}\" }}", variable("KAFKA_BROKERS"))
    }

    /// What `trueup bridge ...` says of a route; it has to end with 0, or (where `is_refused`) with 1.
    pub fn steer(&self, arguments: &[&str], is_refused: bool) -> String {
        let manifest = self.manifest(&unique("steer"), &self.plain(), "");
        let ran = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .arg("bridge")
            .args(arguments)
            .arg("-f")
            .arg(&manifest)
            .env("TRUEUP_LEDGER", "none")
            .output()
            .unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        let wanted = i32::from(is_refused);
        let ended = ran.status;
        assert_eq!(ended.code(), Some(wanted), "{arguments:?}: {ended}: {said}");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn manifest(&self, name: &str, kafka: &str, nats: &str) -> std::path::PathBuf {
        let manifest = self.folder.path().join(format!("{name}.yaml"));
        let text = format!(
            "stack: {}\nconnections:\n  nats: {{ url: \"{}\"{nats} }}\n  kafka: {kafka}\n",
            self.stack,
            self.nats.url(),
        );
        std::fs::write(&manifest, text).unwrap();
        manifest
    }

    fn start(&self, kafka: &str, nats: &str) -> Worker {
        let name = unique("worker");
        let manifest = self.manifest(&name, kafka, nats);
        let log = self.folder.path().join(&name);
        let child = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .args(["bridge", "run", "-f"])
            .arg(&manifest)
            .env("TRUEUP_LEDGER", "none")
            .stdout(File::create(self.folder.path().join(format!("{name}.out"))).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Worker { child, log }
    }

    /// What a worker's heartbeat of a route says; none where there is none.
    pub async fn heartbeats(&self, route: &str) -> Vec<Value> {
        use futures::TryStreamExt;
        let Ok(bucket) = self.jetstream.get_key_value("trueup-workers").await else {
            return Vec::new();
        };
        let keys: Vec<String> = bucket.keys().await.unwrap().try_collect().await.unwrap();
        let mut beats = Vec::new();
        for key in keys
            .iter()
            .filter(|key| key.starts_with(&format!("status.{route}.")))
        {
            if let Some(value) = bucket.get(key.as_str()).await.unwrap() {
                beats.push(serde_json::from_slice(&value).unwrap());
            }
        }
        beats
    }

    /// Waits until a heartbeat of a route is like this.
    pub async fn until(&self, route: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let beats = self.heartbeats(route).await;
            if let Some(beat) = beats.iter().find(|beat| is(beat)) {
                return beat.clone();
            }
            assert!(begin.elapsed() < PATIENCE, "never {what}: {beats:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn until_state(&self, route: &str, state: &str) -> Value {
        self.until(route, state, |beat| beat["state"] == state)
            .await
    }
}

/// Reads a topic to its end, again and again until there are so many.
fn read(topic: &str, least: usize) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", variable("KAFKA_BROKERS"))
        .set("group.id", unique("reader"))
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let partitions = metadata.topics()[0].partitions().len();
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition as i32, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&all).unwrap();
    let begin = Instant::now();
    let mut records = Vec::new();
    let mut quiet = None;
    loop {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let headers = message.headers().into_iter().flat_map(Headers::iter);
                let headers = headers.map(|header| (header.key.to_owned(), header.value.map(text)));
                records.push(Read {
                    partition: message.partition(),
                    key: message.key().map(text),
                    value: message.payload().map(<[u8]>::to_vec),
                    headers: headers.collect(),
                });
                quiet = None;
            }
            Some(Err(_)) => {}
            // what comes too much comes soon
            None if records.len() >= least => {
                let since = *quiet.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_secs(1) {
                    return records;
                }
            }
            None => assert!(
                begin.elapsed() < PATIENCE,
                "{} records of {least} came",
                records.len()
            ),
        }
    }
}

/// A record to be written: partition, key, value, headers.
pub type ToWrite<'r> = (
    i32,
    Option<&'r str>,
    Option<&'r [u8]>,
    &'r [(&'r str, Option<&'r [u8]>)],
);

/// Writes records.
pub async fn produce(topic: &str, records: &[ToWrite<'_>]) {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", variable("KAFKA_BROKERS"))
        .set("enable.idempotence", "true")
        .set("message.max.bytes", "5000000")
        .create()
        .unwrap();
    let mut sent = Vec::new();
    for (partition, key, value, headers) in records {
        let mut all = OwnedHeaders::new();
        for (key, value) in *headers {
            all = all.insert(Header { key, value: *value });
        }
        let mut record = FutureRecord::<str, [u8]>::to(topic)
            .partition(*partition)
            .headers(all);
        record.key = *key;
        record.payload = *value;
        loop {
            match producer.send_result(record) {
                Ok(report) => break sent.push(report),
                Err((_, back)) => {
                    record = back;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
    for report in sent {
        report.await.unwrap().unwrap();
    }
}

/// Writes the numbers of a range, each with the key of its number modulo `keys`, to the partition of its key.
pub async fn produce_numbers(topic: &str, range: std::ops::Range<u64>, keys: u64, partitions: i32) {
    let records: Vec<(i32, String, String)> = range
        .map(|number| {
            let key = number % keys;
            (
                (key % partitions as u64) as i32,
                key.to_string(),
                number.to_string(),
            )
        })
        .collect();
    let records: Vec<_> = records
        .iter()
        .map(|(partition, key, value)| {
            (
                *partition,
                Some(key.as_str()),
                Some(value.as_bytes()),
                [].as_slice(),
            )
        })
        .collect();
    produce(topic, &records).await;
}

/// A running worker.
pub struct Worker {
    child: Child,
    log: std::path::PathBuf,
}

impl Worker {
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.unwrap().success(), "cannot send SIG{name}");
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end.
    pub fn ended(&mut self) -> i32 {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(begin.elapsed() < PATIENCE, "it never ends: {}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until it said so.
    pub async fn says(&self, what: &str) {
        let begin = Instant::now();
        while !self.said().contains(what) {
            assert!(
                begin.elapsed() < PATIENCE,
                "it never said `{what}`: {}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What it answers over HTTP: the status and the body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        self.says("http://").await;
        let said = self.said();
        let address = said
            .split("http://")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        let url = format!("http://{address}{path}");
        let asked = tokio::task::spawn_blocking(move || {
            let agent = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .build()
                .new_agent();
            let mut answer = agent.get(&url).call().unwrap();
            (
                answer.status().as_u16(),
                answer.body_mut().read_to_string().unwrap(),
            )
        });
        asked.await.unwrap()
    }

    /// The name that it goes by.
    pub fn name(&self) -> String {
        let begin = Instant::now();
        while !self.said().contains("runs the routes") {
            assert!(begin.elapsed() < PATIENCE, "it never told its name");
            std::thread::sleep(Duration::from_millis(20));
        }
        let said = self.said();
        let rest = said.split("worker ").nth(1).expect("it told its name");
        rest.split(':').next().unwrap().to_owned()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = self.said();
            let tail: Vec<&str> = said.lines().rev().take(30).collect();
            for line in tail.into_iter().rev() {
                #[expect(
                    clippy::disallowed_macros,
                    reason = "what the worker said explains a failure"
                )]
                {
                    eprintln!("worker: {line}");
                }
            }
        }
    }
}

/// What came of numbers that were sent once each, in the order in which it came: lost, doubled, and those that came first after
/// a larger one of their key.
#[derive(Debug, PartialEq, Eq)]
pub struct Tally {
    pub lost: u64,
    pub doubled: u64,
    pub inverted: u64,
}

pub fn tally(numbers: impl IntoIterator<Item = u64>, sent: u64, keys: u64) -> Tally {
    let mut seen = std::collections::HashSet::new();
    let mut largest = std::collections::HashMap::new();
    let (mut doubled, mut inverted) = (0, 0);
    for number in numbers {
        if !seen.insert(number) {
            doubled += 1;
            continue;
        }
        let largest = largest.entry(number % keys).or_insert(number);
        if number < *largest {
            inverted += 1;
        }
        *largest = number.max(*largest);
    }
    Tally {
        lost: sent - seen.len() as u64,
        doubled,
        inverted,
    }
}
