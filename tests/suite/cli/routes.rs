//! Routes as resources, on real brokers: what they imply, in which order all of it comes and goes, and what is done to them
//! by hand. Messages are moved by no one here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tempfile::TempPath;

use super::ownership::{contains, context, publish, with};
use super::{Ran, file, run, trueup};
use crate::broker::kafka_client::produce;
use crate::broker::nats_server::NatsServer;
use crate::sandbox;

/// The topic of a position is called after its route: these tests have one after the other the route `out`.
static TURN: Mutex<()> = Mutex::new(());

/// A nats-server of its own, and topics of the sandbox's Kafka that nobody else names.
struct World {
    nats: NatsServer,
    prefix: String,
    _turn: MutexGuard<'static, ()>,
}

impl World {
    fn start() -> World {
        World {
            nats: NatsServer::start(""),
            prefix: format!("routes-{}", uuid::Uuid::new_v4().simple()),
            _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// A manifest of both brokers, in which `@` stands for the beginning of topics' names.
    fn of(&self, stack: &str, text: &str) -> TempPath {
        let text = text.replace('@', &self.prefix);
        file(&format!("stack: {stack}\n{text}\n"), ".yaml")
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = trueup(arguments);
        command.env("NATS_URL", self.nats.url());
        command.env("KAFKA_BROKERS", sandbox::variable("KAFKA_BROKERS"));
        command.env("TRUEUP_LEDGER", "nats");
        run(command)
    }

    /// Ends with this code; both streams, in one line.
    fn ends(&self, command: &str, manifest: &TempPath, code: i32) -> String {
        let ran = self.run(&with(command, manifest));
        let said = format!("{} {}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, code, "{command}: {said}");
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn status(&self, manifest: &TempPath) -> Value {
        let ran = self.run(&with("status --output json", manifest));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        told["routes"].clone()
    }

    async fn record(&self, route: &str) -> Option<Value> {
        let context = context(&self.nats).await;
        let table = context.get_key_value("trueup-routes").await.unwrap();
        let value = table.get(route).await.unwrap()?;
        Some(serde_json::from_slice(&value).unwrap())
    }

    /// Takes the topics away again; the nats-server goes as it is.
    fn clear(&self, manifest: &TempPath) {
        let topic = format!("topic-deleted@topic/{}in", self.prefix);
        let position = "topic-deleted@topic/trueup.position.out";
        let routes = ["route-deleted@route/out", "route-deleted@route/in"];
        let risks = [routes[0], routes[1], &topic, position];
        let approved = risks.map(|risk| format!("--approve {risk}")).join(" ");
        let ran = self.run(&with(&format!("destroy --stack s {approved}"), manifest));
        assert!(
            ran.stdout.contains(&format!("topic/{}", self.prefix)),
            "{}{}",
            ran.stdout,
            ran.stderr
        );
    }
}

/// Writes a record in a transaction.
async fn in_a_transaction(topic: &str) {
    use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
    let patience = std::time::Duration::from_secs(60);
    let producer: FutureProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", sandbox::variable("KAFKA_BROKERS"))
        .set("transactional.id", topic)
        .create()
        .unwrap();
    producer.init_transactions(patience).unwrap();
    producer.begin_transaction().unwrap();
    let record = FutureRecord::<(), str>::to(topic).payload("x");
    producer.send(record, patience).await.unwrap();
    producer.commit_transaction(patience).unwrap();
}

const BOTH_WAYS: &str = "
nats: { streams: { EVENTS: { subjects: [events.>] }, MODELS: { subjects: [models.>] } } }
kafka: { topics: { @out: { partitions: 2 }, @in: { partitions: 1 } } }
bridge:
  routes:
    out:
      from: { stream: EVENTS, subjects: [events.eu.>] }
      to: { topic: @out }
      key: subject(3)
      delivery: exactly_once
    in:
      from: { topic: @in }
      to: { stream: MODELS, subject: \"models.{key}\" }
      delivery: exactly_once
";

const NOTHING_OF_BRIDGE: &str = "
nats: { streams: { EVENTS: { subjects: [events.>] } } }
";

#[tokio::test]
async fn a_route_comes_with_all_that_it_needs_and_goes_with_it() {
    let world = World::start();
    let both = world.of("s", BOTH_WAYS);
    let planned = world.ends("plan", &both, 0);
    contains(
        &planned,
        &[
            "required by route/out",
            "+ consumer/EVENTS/trueup-out",
            "+ topic/trueup.position.out",
            "required by route/in, which keeps its position here",
            "trueup.position.in.*",
            "+ route/in",
        ],
    );
    world.ends("apply --auto-approve", &both, 0);
    contains(
        &world.ends("plan --detailed-exitcode", &both, 0),
        &["No changes."],
    );

    let record = world.record("out").await.unwrap();
    let stream = context(&world.nats)
        .await
        .get_stream("EVENTS")
        .await
        .unwrap();
    assert_eq!(record["stack"], json!("s"));
    assert_eq!(record["spec"]["key"], json!("subject(3)"));
    let created: jiff::Timestamp = record["source"].as_str().unwrap().parse().unwrap();
    let seen = stream.cached_info().created.unix_timestamp_nanos();
    assert_eq!(created.as_nanosecond(), seen);
    let of_topic = world.record("in").await.unwrap();
    assert_eq!(of_topic["source"].as_str().unwrap().len(), 22);

    let of_world = format!("topic/{}*", world.prefix);
    let only = [
        "stream",
        "consumer",
        "route",
        "kv",
        "topic/trueup.position.out",
        &of_world,
    ];
    let only = only.map(|pattern| ["--only", pattern]).concat();
    let exported = world.run(&[&["export", "--stack", "s"][..], &only].concat());
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    contains(&exported.stdout, &["routes:", "key: subject(3)"]);
    for implied in ["trueup-out", "trueup.position.out", "trueup-routes"] {
        assert!(
            !exported.stdout.contains(&format!("{implied}:")),
            "{}",
            exported.stdout
        );
    }
    let again = file(&exported.stdout, ".yaml");
    contains(
        &world.ends("plan --target route/* --target consumer/*", &again, 0),
        &["No changes."],
    );

    // without the bridge everything of it goes, the routes first
    let without = world.of("s", NOTHING_OF_BRIDGE);
    let doomed = world.ends("plan", &without, 0);
    contains(
        &doomed,
        &[
            "- route/out",
            "- route/in",
            "- consumer/EVENTS/trueup-out",
            "- topic/trueup.position.out",
        ],
    );
    let kept = world.of(
        "s",
        &BOTH_WAYS
            .replace("@in: { partitions: 1 }", "")
            .replace("MODELS: { subjects: [models.>] }", ""),
    );
    let refused = world.ends("plan", &kept, 3);
    contains(&refused, &["`route/in` is declared and lies on it"]);
    world.clear(&both);
    assert_eq!(world.record("out").await, None);
}

#[tokio::test]
async fn what_a_route_needs_and_nobody_has_is_refused_in_the_plan() {
    let world = World::start();
    let text = "
bridge:
  routes:
    out: { from: { stream: NONE }, to: { topic: @none } }
    in: { from: { topic: @none }, to: { stream: THEIRS, subject: theirs.x }, delivery: exactly_once }
";
    let context = context(&world.nats).await;
    let theirs = async_nats::jetstream::stream::Config {
        name: "THEIRS".to_owned(),
        subjects: vec!["theirs.>".to_owned()],
        ..Default::default()
    };
    context.create_stream(theirs).await.unwrap();
    let manifest = world.of("s", text);
    let said = world.ends("plan", &manifest, 3);
    contains(
        &said,
        &[
            "`stream/NONE` is not there",
            "none` is not there, and nothing makes it",
            "`allow_atomic: true`",
            "the subject `trueup.position.in.*`",
        ],
    );
    world.ends("apply --auto-approve", &manifest, 6);
}

#[tokio::test]
async fn a_circle_over_another_stacks_route_is_refused_in_the_plan() {
    let world = World::start();
    let there = "
nats: { streams: { EVENTS: { subjects: [events.>] } } }
kafka: { topics: { @t: { partitions: 1 } } }
bridge: { routes: { there: { from: { stream: EVENTS }, to: { topic: @t } } } }
";
    let first = world.of("s", there);
    world.ends("apply --auto-approve", &first, 0);
    let back = "
bridge: { routes: { back: { from: { topic: @t }, to: { stream: EVENTS, subject: events.x } } } }
";
    let said = world.ends("plan", &world.of("other", back), 3);
    contains(
        &said,
        &[
            "route-circle",
            "come back to its own source over `route/there`",
        ],
    );
    let guarded = back.replace("events.x }", "events.x }, loop_guard: header");
    let said = world.ends("plan", &world.of("other", &guarded), 3);
    contains(&said, &["`route/there` does not say `loop_guard: header`"]);
    let guards = there.replace("topic: @t } }", "topic: @t }, loop_guard: header }");
    let first = world.of("s", &guards);
    world.ends("apply --auto-approve", &first, 0);
    let said = world.ends("plan", &world.of("other", &guarded), 0);
    assert!(!said.contains("route-circle"), "{said}");
    let ran = world.run(&with("destroy --stack s", &first));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

const ONE: &str = "
nats: { streams: { EVENTS: { subjects: [events.>] }, OTHER: { subjects: [other.>] } } }
kafka: { topics: { @t: { partitions: 1 } } }
bridge: { routes: { out: { from: { stream: EVENTS }, to: { topic: @t }, state: running, alert: { lag_messages: 5 } } } }
";

#[tokio::test]
async fn a_route_is_steered_by_hand_and_brought_back_by_the_manifest() {
    let world = World::start();
    let manifest = world.of("s", ONE);
    world.ends("apply --auto-approve", &manifest, 0);
    publish(&world.nats, "events.a", 7).await;
    let route = &world.status(&manifest)[0];
    assert_eq!(route["lag"]["messages"], json!(7));
    assert!(route["lag"]["age_ms"].as_i64().is_some());
    assert_eq!(route["alerts"], json!(["more than 5 messages behind"]));
    assert_eq!(route["position"], Value::Null);

    contains(
        &world.ends("bridge pause out", &manifest, 0),
        &["is paused"],
    );
    contains(
        &world.ends("bridge pause out", &manifest, 0),
        &["paused already"],
    );
    contains(&world.ends("drift", &manifest, 2), &["state", "paused"]);
    let said = world.ends("status", &manifest, 0);
    contains(
        &said,
        &["paused, and the manifest says running", "7 messages"],
    );
    world.ends("apply --auto-approve", &manifest, 0);
    contains(
        &world.ends("bridge resume out", &manifest, 0),
        &["runs already"],
    );

    // a table that was deleted is made anew, though workers listen to it
    let context_of_worker = context(&world.nats).await;
    let worker = async_nats::connect(world.nats.url()).await.unwrap();
    let listening = worker.subscribe("$KV.trueup-routes.>").await.unwrap();
    worker.flush().await.unwrap();
    context_of_worker
        .delete_key_value("trueup-routes")
        .await
        .unwrap();
    world.ends("apply --auto-approve", &manifest, 0);
    contains(&world.ends("plan", &manifest, 0), &["No changes."]);
    drop(listening);

    // set to its end, nothing is left; to its start, all of it is; the consumer stays as it is declared
    for (place, left) in [
        ("end", 0),
        ("start", 7),
        ("3", 5),
        ("2020-01-01T00:00:00Z", 7),
    ] {
        world.ends(&format!("bridge reset out --to {place}"), &manifest, 0);
        let route = &world.status(&manifest)[0];
        assert_eq!(route["lag"]["messages"], json!(left), "{place}");
        let planned = world.ends("plan", &manifest, 0);
        assert!(!planned.contains("to replace"), "{planned}");
    }
    let context = context(&world.nats).await;
    let bucket = async_nats::jetstream::kv::Config {
        bucket: "trueup-workers".to_owned(),
        ..Default::default()
    };
    let workers = context.create_key_value(bucket).await.unwrap();
    let lease = json!({ "worker": "w1", "host": "h" }).to_string();
    workers.put("lease.out.1", lease.into()).await.unwrap();
    let said = world.ends("bridge reset out --to start", &manifest, 1);
    contains(
        &said,
        &["worker `w1` moves the messages", "bridge pause out"],
    );
    assert_eq!(world.status(&manifest)[0]["going"], json!("no_worker"));
    let beat = json!({ "worker": "w1", "host": "h", "state": "running" }).to_string();
    workers.put("status.out.1.w1", beat.into()).await.unwrap();
    let route = &world.status(&manifest)[0];
    assert_eq!(route["workers"][0]["state"], json!("running"));
    assert_eq!(route["going"], json!("running"));
    contains(
        &world.ends("status --detailed-exitcode", &manifest, 2),
        &[
            "route/out running",
            "more than 5 messages",
            "lock free",
            "ledger",
        ],
    );
    world.ends("bridge pause out", &manifest, 0);
    workers.delete("lease.out.1").await.unwrap();
    world.ends("bridge reset out --to end", &manifest, 0);
    world.ends("bridge resume out", &manifest, 0);
    world.ends("status --detailed-exitcode", &manifest, 0);
    // who gives no sign of life for long is not said to be running
    let begin = std::time::Instant::now();
    while world.status(&manifest)[0]["going"] != json!("silent") {
        assert!(begin.elapsed() < std::time::Duration::from_secs(60));
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    contains(
        &world.ends("status --detailed-exitcode", &manifest, 2),
        &["silent", "no sign of life for"],
    );
    // others' routes are told where nobody names a stack
    let other = world.of("other", "nats: { streams: { X: { subjects: [x] } } }");
    assert_eq!(world.status(&other), json!([]));
    let all = world.run(&["status", "--output", "json"]);
    contains(&all.stdout, &["\"name\": \"out\""]);
    let exported = world.run(&["export", "--only", "stream", "--only", "kv"]);
    assert!(
        !exported.stdout.contains("trueup-workers"),
        "{}",
        exported.stdout
    );

    // a source of another life makes the position void
    context.delete_stream("EVENTS").await.unwrap();
    let gone = &world.status(&manifest)[0]["position"];
    contains(gone.as_str().unwrap(), &["its source is not there"]);
    let anew = async_nats::jetstream::stream::Config {
        name: "EVENTS".to_owned(),
        subjects: vec!["events.>".to_owned()],
        ..Default::default()
    };
    context.create_stream(anew).await.unwrap();
    let void = &world.status(&manifest)[0]["position"];
    contains(void.as_str().unwrap(), &["made anew", "bridge reset out"]);
    let drift = world.ends("drift", &manifest, 2);
    contains(
        &drift,
        &[
            "Routes whose position, lag or workers",
            "route/out",
            "made anew",
        ],
    );
    let drift = world.run(&with("drift --output json", &manifest));
    let drift: Value = serde_json::from_str(&drift.stdout).unwrap();
    assert_eq!(drift["routes"][0]["name"], json!("out"));
    world.clear(&manifest);
}

#[tokio::test]
async fn another_source_replaces_a_route_and_another_stacks_is_left_alone() {
    let world = World::start();
    let manifest = world.of("s", ONE);
    world.ends("apply --auto-approve", &manifest, 0);
    let before = world.record("out").await.unwrap();
    publish(&world.nats, "events.a", 3).await;

    let moved = world.of(
        "s",
        &ONE.replace("from: { stream: EVENTS }", "from: { stream: OTHER }"),
    );
    let planned = world.ends("plan", &moved, 3);
    contains(
        &planned,
        &[
            "± route/out",
            "route-replaced",
            "it begins with the first message that is there (`start: all`); 3 messages not moved yet",
        ],
    );
    let consent = "apply --auto-approve --approve route-replaced@route/out --approve consumer-deleted@consumer/EVENTS/trueup-out";
    world.ends(consent, &moved, 0);
    contains(&world.ends("plan", &moved, 0), &["No changes."]);
    let after = world.record("out").await.unwrap();
    assert_ne!(before["id"], after["id"]);
    assert_ne!(before["source"], after["source"]);
    assert_eq!(after["spec"]["from"], json!({ "stream": "OTHER" }));

    let other = world.of(
        "other",
        "bridge: { routes: { out: { from: { stream: OTHER }, to: { topic: @t } } } }",
    );
    let conflict = world.ends("plan", &other, 7);
    contains(&conflict, &["route/out", "stack `s` owns it"]);

    // rubbish in the table is neither absent nor overwritten
    let context = context(&world.nats).await;
    let table = context.get_key_value("trueup-routes").await.unwrap();
    let sound = table.get("out").await.unwrap().unwrap();
    table.put("out", "rubbish".into()).await.unwrap();
    contains(&world.ends("plan", &moved, 1), &["is no JSON"]);
    let route = &world.status(&moved)[0];
    contains(route["position"].as_str().unwrap(), &["is no JSON"]);
    table.put("out", sound).await.unwrap();
    contains(&world.ends("plan", &moved, 0), &["No changes."]);
    world.clear(&moved);
}

#[tokio::test]
async fn lag_of_a_route_from_a_topic_is_what_its_group_has_not_committed() {
    let world = World::start();
    let text = BOTH_WAYS.replacen("      delivery: exactly_once\n", "", 1);
    let manifest = world.of("s", &text);
    world.ends("apply --auto-approve", &manifest, 0);
    let of = |name: &str| {
        let all = world.status(&manifest);
        let mut routes = all.as_array().unwrap().iter();
        routes
            .find(|it| it["name"] == json!(name))
            .cloned()
            .unwrap()
    };
    assert_eq!(of("in")["lag"]["messages"], json!(0));
    assert_eq!(of("in")["position"], Value::Null);
    let topic = format!("{}in", world.prefix);
    produce(&topic, 0, 3).await;
    let seen = of("in");
    assert_eq!(seen["lag"]["messages"], json!(3));
    assert!(seen["lag"]["age_ms"].as_i64().is_some(), "{seen}");
    // a position in the target counts, when it is of this life of the topic
    let life = world.record("in").await.unwrap()["source"].clone();
    let context = context(&world.nats).await;
    for (topic_id, left) in [(json!("x"), 3), (life, 1)] {
        let position = json!({ "topic_id": topic_id, "cluster_id": "y", "next_offset": 2 });
        let sent = context.publish("trueup.position.in.0", position.to_string().into());
        sent.await.unwrap().await.unwrap();
        assert_eq!(of("in")["lag"]["messages"], json!(left));
    }
    // by hand, without a worker; the end of a transaction is no message
    let said = world.ends("bridge reset in --to 1", &manifest, 0);
    contains(&said, &["1 in partition 0"]);
    assert_eq!(of("in")["lag"]["messages"], json!(2));
    world.ends("bridge reset in --to end", &manifest, 0);
    assert_eq!(of("in")["lag"]["messages"], json!(0));
    in_a_transaction(&topic).await;
    assert_eq!(of("in")["lag"]["messages"], json!(1));
    world.ends("bridge reset in --to 4", &manifest, 0);
    assert_eq!(
        of("in")["lag"],
        json!({ "messages": 0, "oldest": null, "age_ms": null })
    );
    world.clear(&manifest);
}
