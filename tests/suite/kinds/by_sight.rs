//! Plans against a snapshot: what a step may cost is told by what was there, and what a snapshot does not hold makes no
//! risk smaller.

use futures::executor::block_on;
use indexmap::IndexMap;
use serde_json::{Value, json};
use trueup::engine::{SNAPSHOT_VERSION, Snapshot, SnapshotPort};
use trueup::kinds::{KafkaFacts, Live, NatsFacts, NatsVersion, Surroundings, kind};
use trueup::manifest::{Input, Inputs, load};
use trueup::model::{Address, Code, Flat, Harm, Risk};

use crate::main_job::approved;

/// What is held, by address, in wire units; a topic's inherited configs stand under `inherited`.
type Held<'h> = &'h [(&'h str, Value)];

fn against(held: Held<'_>) -> SnapshotPort {
    let live = |(address, fields): &(&str, Value)| {
        let address: Address = address.parse().unwrap();
        let mut fields: Flat = fields.as_object().unwrap().clone().into_iter().collect();
        let inherited = fields.shift_remove("inherited").unwrap_or(json!({}));
        let inherited: IndexMap<String, Value> =
            inherited.as_object().unwrap().clone().into_iter().collect();
        let live = Live {
            raw: kind(address.kind).unwrap().declaration().unflatten(&fields),
            fields,
            incarnation: Some("first".to_owned()),
            inherited: inherited.into(),
        };
        (address, live)
    };
    SnapshotPort::new(Snapshot {
        format_version: SNAPSHOT_VERSION.to_owned(),
        tool_version: String::new(),
        targets: Vec::new(),
        surroundings: Surroundings {
            nats: Some(NatsFacts {
                version: NatsVersion(2, 15, 1),
                api_level: 5,
                account: None,
                domain: None,
                clustered: true,
                max_bytes_required: false,
            }),
            kafka: Some(KafkaFacts {
                cluster_id: "cluster".to_owned(),
                brokers: 3,
                release: Some("4.3".to_owned()),
                principal: None,
                rights: Vec::new(),
                local_address: None,
            }),
        },
        resources: held.iter().map(live).collect(),
        hidden: IndexMap::new(),
        absent: Vec::new(),
    })
}

/// What bringing the snapshot to this may cost.
fn risks(manifest: &str, held: Held<'_>) -> Vec<(Code, Harm, Risk)> {
    let files = vec![Input::Text {
        name: "m.yaml".to_owned(),
        text: format!("stack: s\n{manifest}"),
    }];
    let loaded = load(&Inputs {
        files,
        ..Inputs::default()
    });
    let manifest = loaded
        .manifest
        .unwrap_or_else(|| panic!("{:#?}", loaded.problems));
    let plan = block_on(approved(&manifest.resources, &against(held), &[]));
    let risks = plan.steps.iter().flat_map(|step| step.risks.clone());
    risks.map(|risk| (risk.code, risk.harm, risk)).collect()
}

fn told(manifest: &str, held: Held<'_>) -> Vec<(Code, Harm)> {
    let risks = risks(manifest, held).into_iter();
    risks.map(|(code, harm, _)| (code, harm)).collect()
}

fn topic(retention: &str) -> Value {
    json!({
        "partitions": 2,
        "replication_factor": 3,
        "config.retention.ms": retention,
        "inherited": { "config.cleanup.policy": "delete", "config.min.insync.replicas": "1" },
    })
}

#[test]
fn how_many_records_go_is_unknown_and_as_bad_as_ever() {
    let lower = "kafka: { topics: { t: { config: { retention.ms: 1d } } } }";
    let found = risks(lower, &[("topic/t", topic("604800000"))]);
    let [(code, harm, risk)] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(
        (*code, *harm),
        (Code::TopicRetentionLowered, Harm::Critical)
    );
    assert_eq!(risk.at_stake, None);
    assert!(
        risk.evidence
            .contains("could not be read: a snapshot does not hold it"),
        "{risk:?}"
    );
    assert!(told(lower, &[("topic/t", topic("86400000"))]).is_empty());
}

#[test]
fn what_a_topic_has_from_its_brokers_is_known() {
    let compacts = json!({
        "partitions": 1,
        "replication_factor": 1,
        "inherited": { "config.cleanup.policy": "compact", "config.retention.ms": "604800000" },
    });
    let lower = "kafka: { topics: { t: { config: { retention.ms: 1d } } } }";
    // a topic that only compacts deletes nothing by age
    assert!(told(lower, &[("topic/t", compacts)]).is_empty());
    let alone = json!({ "partitions": 1, "replication_factor": 1 });
    let elects = "kafka: { topics: { t: { config: { unclean.leader.election.enable: true } } } }";
    assert!(told(elects, &[("topic/t", alone)]).is_empty());
    let found = told(elects, &[("topic/t", topic("1"))]);
    assert_eq!(found, [(Code::TopicUncleanElection, Harm::High)]);
}

#[test]
fn a_stream_is_weighed_by_its_configuration() {
    let held = [
        (
            "stream/S",
            json!({ "name": "S", "subjects": ["a", "b"], "max_age": 0 }),
        ),
        (
            "stream/COPY",
            json!({ "name": "COPY", "sources": [{ "name": "S" }] }),
        ),
    ];
    let shorter = "nats: { streams: { S: { subjects: [a, b], max_age: 1d } } }";
    let found = told(shorter, &held);
    assert_eq!(found, [(Code::StreamAgeLowered, Harm::Critical)]);
    let moved =
        "nats: { streams: { S: { subjects: [a, b], subject_transform: { src: a, dest: c } } } }";
    let found = risks(moved, &held);
    assert_eq!(found[0].0, Code::StreamTransformChanged);
    let evidence = &found[0].2.evidence;
    assert!(
        evidence.contains("mirrored or sourced by `COPY`") || evidence.contains("does not hold it"),
        "{evidence}"
    );
    let same = "nats: { streams: { S: { subjects: [a, b] } } }";
    assert!(told(same, &held).is_empty());
}

#[test]
fn where_a_consumer_stands_is_unknown_and_as_bad_as_ever() {
    let held = [
        ("stream/S", json!({ "name": "S", "subjects": ["a"] })),
        (
            "consumer/S/c",
            json!({ "name": "c", "durable_name": "c", "ack_policy": "explicit", "max_deliver": -1 }),
        ),
    ];
    let fewer = "nats: { streams: { S: { subjects: [a], consumers: { c: { ack_policy: explicit, max_deliver: 3 } } } } }";
    let found = told(fewer, &held);
    assert_eq!(found, [(Code::ConsumerMaxDeliverLowered, Harm::High)]);
}

#[test]
fn rights_are_weighed_beside_all_that_were_there() {
    let reads = ("acl/User:a/allow/read/topic/literal/t/*", json!({}));
    let denies = "kafka: { acls: [{ principal: User:a, permission: deny, operations: [read], resource: { topic: t } }] }";
    let exists = ("topic/t", topic("1"));
    let found = told(denies, &[reads, exists.clone()]);
    assert_eq!(found, [(Code::AclDenyShadows, Harm::High)]);
    // the first on its topic: nobody knows whether everybody else is cut off
    let found = told(denies, std::slice::from_ref(&exists));
    assert_eq!(found, [(Code::AclFirstOnResource, Harm::Medium)]);
    assert!(told(denies, &[]).is_empty());
}

#[test]
fn quotas_tell_what_they_tell_of_brokers() {
    let held = [("quota/user/u", json!({ "producer_byte_rate": 2_000_000.0 }))];
    let lower = "kafka: { quotas: { user/u: { producer_byte_rate: 1MB } } }";
    assert_eq!(told(lower, &held), [(Code::QuotaLowered, Harm::Medium)]);
}
