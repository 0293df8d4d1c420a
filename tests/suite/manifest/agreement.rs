//! The JSON Schema and the loader say the same, but for what no schema can know: names that
//! must be declared, what two fields say together, and what a whole manifest may not lack.

use jsonschema::Validator;
use serde_json::Value;
use trueup::model::Code;

use super::{cases, load_paths, load_text, told};

/// What a schema can see.
const STRUCTURAL: [Code; 8] = [
    Code::UnknownField,
    Code::WrongType,
    Code::UnknownValue,
    Code::OutOfRange,
    Code::BadDuration,
    Code::BadSize,
    Code::DuplicateKey,
    Code::YamlSyntax,
];

fn validator() -> Validator {
    jsonschema::validator_for(&trueup::manifest::schema()).unwrap()
}

/// Each document of the text.
fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n").map(json).collect()
}

fn json(text: &str) -> Value {
    let mut yaml: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
    yaml.apply_merge().unwrap();
    serde_json::to_value(yaml).unwrap()
}

fn complaints(validator: &Validator, instance: &Value) -> Vec<String> {
    validator
        .iter_errors(instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn good_cases_are_valid() {
    let validator = validator();
    for case in cases("good") {
        let text = std::fs::read_to_string(&case).unwrap();
        for document in documents(&text) {
            let wrong = complaints(&validator, &document);
            assert!(wrong.is_empty(), "{}: {wrong:#?}", case.display());
        }
    }
    let platform = super::root().join("manifests");
    for file in ["platform.yaml", "env/dev.yaml", "env/prod.yaml"] {
        let text = std::fs::read_to_string(platform.join(file)).unwrap();
        let wrong = complaints(&validator, &json(&text));
        assert!(wrong.is_empty(), "{file}: {wrong:#?}");
    }
}

#[test]
fn what_is_structurally_wrong_is_invalid_too() {
    let validator = validator();
    for case in cases("bad") {
        let text = std::fs::read_to_string(&case).unwrap();
        let Ok(_) = serde_yaml::from_str::<serde_yaml::Value>(&text) else {
            continue;
        };
        let loaded = load_paths(std::slice::from_ref(&case));
        let told_of = loaded
            .problems
            .iter()
            .any(|p| STRUCTURAL.contains(&p.code) && p.code != Code::DuplicateKey);
        let wrong = complaints(&validator, &json(&text));
        assert_eq!(told_of, !wrong.is_empty(), "{}: {wrong:#?}", case.display());
    }
}

/// One field each, good and bad; the two must agree on every one.
#[test]
fn field_by_field() {
    let validator = validator();
    let stream = |said: &str| format!("nats: {{ streams: {{ A: {{ subjects: [a], {said} }} }} }}");
    let topic = |said: &str| format!("kafka: {{ topics: {{ t: {{ partitions: 1, {said} }} }} }}");
    let mut texts = Vec::new();
    for said in [
        "max_age: 7d",
        "max_age: 604800000000000",
        "max_age: '5000000000'",
        "max_age: unlimited",
        "max_age: 1h30m",
        "max_age: 1.5h",
        "max_age: 1.5d",
        "max_age: 0.5w",
        "max_age: 1.5y",
        "max_age: soon",
        "max_age: 7 parsecs",
        "max_age: 1 hour",
        "max_age: -7d",
        "max_age: 1.5",
        "max_age: true",
        "max_age: []",
        "max_age: null",
        "max_bytes: 10GiB",
        "max_bytes: 10MB",
        "max_bytes: 10G",
        "max_bytes: 10mb",
        "max_bytes: 1.5GiB",
        "max_bytes: unlimited",
        "max_bytes: '-1'",
        "max_bytes: '-2'",
        "max_msg_size: '-1'",
        "max_msgs: '-1'",
        "max_msgs: unlimited",
        "max_msgs: 5",
        "max_msgs: '5'",
        "max_msgs: lots",
        "storage: file",
        "storage: disk",
        "storage: 5",
        "deny_delete: true",
        "deny_delete: 'true'",
        "deny_delete: yes",
        "description: text",
        "description: 5",
        "description: null",
        "num_replicas: 3",
        "num_replicas: three",
        "num_replicas: 2.5",
        "metadata: { a: b }",
        "metadata: { a: 1 }",
        "metadata: [a]",
        "placement: { cluster: c }",
        "placement: { clutser: c }",
        "placement: null",
        "max_aeg: 5",
        "lifecycle: { protect: true }",
        "lifecycle: { protect: 5 }",
        "lifecycle: { x: 5 }",
        "consumers: { c: { ack_wait: 5s } }",
        "consumers: { c: { ack_weit: 5s } }",
        "consumers: { c: { ack_wait: 0 } }",
        "consumers: { c: { max_waiting: 0 } }",
        "consumers: { c: { max_ack_pending: 0 } }",
        "consumers: { c: { max_ack_pending: -1 } }",
        "consumers: { c: { max_ack_pending: unlimited } }",
        "consumers: { c: { max_ack_pending: -2 } }",
        "consumers: { c: { max_batch: 0 } }",
        "consumers: { c: { backoff: [-5] } }",
        "duplicate_window: 0",
        "max_msgs: -1",
        "max_msgs: -5",
        "consumers: { c: null }",
        "consumers: [c]",
        "sources: [{ name: B }]",
        "sources: [{}]",
        "sources: [{ name: 5 }]",
        "sources: { name: B }",
    ] {
        texts.push(stream(said));
    }
    for said in [
        "retention: 7d",
        "retention: 7x",
        "retention: unlimited",
        "retention: true",
        "replication_factor: 1",
        "replication_factor: one",
        "config: { a: 1, b: x, c: true, d: [x, y], retention.ms: null, f: 0.5 }",
        "config: { a: { b: c } }",
        "config: { retention.ms: 7d }",
        "config: { retention.ms: later }",
        "config: { cleanup.policy: [compact, delete] }",
        "config: { max.message.bytes: 1MiB }",
        "config: { max.message.bytes: 1 }",
        "config: 5",
        "access: { produce: [User:a] }",
        "access: { produce: User:a }",
        "access: { produce: [{ principal: User:a }] }",
        "access: { produce: [{ principle: User:a }] }",
        "access: { produce: [5] }",
        "access: { prodoce: [User:a] }",
        "access: { consume: [{ principal: User:a, groups: [g] }] }",
        "access: { consume: [{ principal: User:a, groups: g }] }",
    ] {
        texts.push(topic(said));
    }
    for text in [
        "kafka: { topics: { t: { partitions: 0 } } }",
        "kafka: { acls: [{ principal: User:a, operations: [read], resource: { topic: t } }] }",
        "kafka: { acls: [{ principal: User:a, operations: [reed], resource: { topic: t } }] }",
        "kafka: { acls: [{ principal: User:a, operations: read, resource: { topic: t } }] }",
        "kafka: { acls: [{ principal: User:a, operations: [read], resource: { topik: t } }] }",
        "kafka: { acls: {} }",
        "kafka: { topics: [] }",
        "nats: { stream: {} }",
        "x-mine: 5",
        "mine: 5",
        "bridge: {}",
        "connections: { nats: { url: 'nats://a:1', tls_first: true } }",
        "connections: { nats: { urll: x } }",
        "connections: { nats: { tls_first: x } }",
        "connections: { kafka: { bootstrap.servers: [a:1, b:2], socket.timeout.ms: 5000 } }",
        "connections: { kafka: { bootstrap.servers: { a: b } } }",
        "connections: { redis: {} }",
    ] {
        texts.push(text.to_owned());
    }
    for text in texts {
        let text = format!("stack: s\n{text}\n");
        let loaded = load_text(&text);
        let refused = loaded
            .problems
            .iter()
            .any(|p| STRUCTURAL.contains(&p.code) || p.code == Code::MissingField);
        let wrong = complaints(&validator, &json(&text));
        assert_eq!(
            refused,
            !wrong.is_empty(),
            "{text}\nload: {}\nschema: {wrong:#?}",
            told(&loaded)
        );
    }
}

/// Manifests that a schema can tell good from bad, whatever the code of the complaint is; an error is
/// what the loader refuses.
#[test]
fn good_and_bad_have_one_verdict() {
    let validator = validator();
    let config = |said: &str| format!("kafka: {{ topics: {{ t: {{ config: {{ {said} }} }} }} }}");
    let stream = |said: &str| format!("nats: {{ streams: {{ A: {{ subjects: [a], {said} }} }} }}");
    let consumer = |said: &str| stream(&format!("consumers: {{ c: {{ {said} }} }}"));
    let acl = |said: &str| format!("kafka: {{ acls: [{{ {said} }}] }}");
    let on = |said: &str| {
        acl(&format!(
            "principal: User:a, operations: [all], resource: {{ {said} }}"
        ))
    };
    let access = |said: &str| {
        format!("kafka: {{ topics: {{ t: {{ partitions: 1, access: {{ {said} }} }} }} }}")
    };
    let named =
        |head: &str, name: &str, more: &str| format!("{head}: {{ '{name}': {{ {more} }} }} }}");
    let streams = |name: &str| named("nats: { streams", name, "subjects: [a]");
    let topics = |name: &str| named("kafka: { topics", name, "partitions: 1");
    let buckets = |name: &str| named("nats: { key_value", name, "");
    let stores = |name: &str| named("nats: { object_store", name, "");
    let consumers = |name: &str| stream(&format!("consumers: {{ '{name}': {{}} }}"));
    let sound = [
        config("cleanup.policy: delete"),
        config("cleanup.policy: 'compact, delete'"),
        config("cleanup.policy: [compact, delete]"),
        config("compression.type: zstd"),
        config("message.timestamp.type: LogAppendTime"),
        config("preallocate: 'TRUE'"),
        config("min.insync.replicas: '2'"),
        config("min.cleanable.dirty.ratio: 0.5"),
        config("retention.ms: '-1'"),
        config("retention.ms: unlimited"),
        config("newer.key: anything"),
        config("newer.key: [a, b]"),
        config("leader.replication.throttled.replicas: ['0:1', '1:2']"),
        consumer("ack_wait: 1s"),
        consumer("ack_wait: 10s"),
        consumer("backoff: [0s]"),
        stream("max_age: 0s"),
        stream("sources: [{ name: B }]"),
        on("topic: a"),
        on("topic: a, pattern: prefixed"),
        on("topic: a, group: null"),
        on("cluster: kafka-cluster"),
        acl("principals: [User:a], operations: [read], resource: { topic: a }, hosts: [10.0.0.1]"),
        access("produce: [User:a], consume: [{ principal: User:b, groups: [g] }]"),
        streams("EVENTS_1-a"),
        topics("a.b_c-1"),
        buckets("b-1_C"),
        stores("b-1_C"),
        consumers("worker-1"),
    ];
    let wrong = [
        config("cleanup.policy: delte"),
        config("cleanup.policy: 'compact, delte'"),
        config("cleanup.policy: [compact, delte]"),
        config("compression.type: brotli"),
        config("compression.type: true"),
        config("message.timestamp.type: logappendtime"),
        config("preallocate: yes"),
        config("preallocate: 1"),
        config("min.insync.replicas: two"),
        config("min.insync.replicas: 1.5"),
        config("min.cleanable.dirty.ratio: half"),
        config("retention.ms: later"),
        config("retention.ms: [1d]"),
        config("min.insync.replicas: [1]"),
        config("preallocate: [true]"),
        config("compression.type: [zstd]"),
        config("min.cleanable.dirty.ratio: [0.5]"),
        config("message.format.version: ['3.0']"),
        config("preallocate: []"),
        consumer("ack_wait: 0s"),
        consumer("ack_wait: '0'"),
        consumer("ack_wait: 0h 0m"),
        stream("duplicate_window: 0s"),
        stream("sources: [{}]"),
        on("topic: a, group: b"),
        on("pattern: literal"),
        on("topic: ''"),
        on("cluster: mine"),
        acl("operations: [read], resource: { topic: a }"),
        acl("principal: User:a, principals: [User:b], operations: [read], resource: { topic: a }"),
        acl("principal: alice, operations: [read], resource: { topic: a }"),
        acl("principals: [alice], operations: [read], resource: { topic: a }"),
        acl("principal: User:a, operations: [], resource: { topic: a }"),
        acl("principal: User:a, operations: [read], resource: { topic: a }, host: ''"),
        acl(
            "principal: User:a, operations: [read], resource: { topic: a }, host: '*', hosts: ['*']",
        ),
        access("produce: [alice]"),
        access("consume: [{ principal: alice }]"),
        access("consume: [{ principal: User:a, host: '*', hosts: ['*'] }]"),
        streams("a.b"),
        streams("a b"),
        streams("a>"),
        streams(""),
        topics("a b"),
        topics("a/b"),
        topics(".."),
        topics("__consumer_offsets"),
        topics(""),
        buckets("a.b"),
        stores("a b"),
        consumers("a.b"),
        consumers("a*"),
    ];
    let verdict = |text: &String| {
        let text = format!("stack: s\n{text}\n");
        let loaded = load_text(&text);
        let complaints = complaints(&validator, &json(&text));
        let told = told(&loaded);
        (
            loaded.manifest.is_some(),
            complaints.is_empty(),
            format!("{text}load: {told}\nschema: {complaints:#?}"),
        )
    };
    let mut strange = Vec::new();
    for (texts, is_sound) in [(&sound[..], true), (&wrong[..], false)] {
        for text in texts {
            let (loads, fits, told) = verdict(text);
            if (loads, fits) != (is_sound, is_sound) {
                strange.push(told);
            }
        }
    }
    assert!(strange.is_empty(), "{}", strange.join("\n"));
}
