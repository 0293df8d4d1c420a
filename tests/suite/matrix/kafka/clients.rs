//! Every key of a quota, of every entity, and every credential of a user.

use serde_json::{Value, json};
use trueup::broker::kafka::{QuotaChange, ScramChange, ScramMechanism};
use trueup::kinds::quota::entity_of;
use trueup::kinds::{Resources, kind};
use trueup::model::{Address, KindName, Resource, Undeclared};

use super::release;
use crate::kinds::kafka::unique;
use crate::kinds::kafka::world::{World, all};
use crate::matrix::row::{self, Row};

/// A key with its first and its second value.
type Key = (&'static str, i64, i64);

/// So much that nobody beside is throttled by a default.
const OF_CLIENTS: [Key; 4] = [
    ("producer_byte_rate", 1 << 50, 1 << 51),
    ("consumer_byte_rate", 1 << 51, 1 << 52),
    ("request_percentage", 1_000_000, 2_000_000),
    ("controller_mutation_rate", 1_000_000, 2_000_000),
];
const OF_ADDRESSES: [Key; 1] = [("connection_creation_rate", 1_000_000_000, 2_000_000_000)];

/// Whose a quota may be, with its keys.
fn entities() -> Vec<(Address, &'static [Key])> {
    let (user, client) = (unique("user"), unique("client"));
    let of_clients = [
        format!("user/{user}"),
        "user-default".to_owned(),
        format!("client-id/{client}"),
        "client-id-default".to_owned(),
        format!("user/{user}/client-id/{client}"),
        format!("user/{user}/client-id-default"),
        format!("user-default/client-id/{client}"),
        "user-default/client-id-default".to_owned(),
    ];
    let of_addresses = ["ip/198.51.100.7".to_owned(), "ip-default".to_owned()];
    let of_clients = of_clients.into_iter().map(|name| (name, &OF_CLIENTS[..]));
    let of_addresses = of_addresses
        .into_iter()
        .map(|name| (name, &OF_ADDRESSES[..]));
    of_clients
        .chain(of_addresses)
        .map(|(name, keys)| (Address::new(KindName::Quota, name), keys))
        .collect()
}

#[tokio::test]
async fn every_key_of_every_quota() {
    let world = World::plain().await;
    let release = release(&world);
    let entities = entities();
    let mut rows = Vec::new();
    for change in ["created", "changed", "changed back", "reset", "added"] {
        let wanted = entities.iter().map(|(address, keys)| {
            let keys = if change == "reset" { &keys[..1] } else { keys };
            let value = |(key, first, second): &Key| {
                let value = if change == "changed" { second } else { first };
                ((*key).to_owned(), json!(value))
            };
            let mut quota = Resource::new(address.clone(), keys.iter().map(value).collect());
            quota.lifecycle.undeclared = Undeclared::Reset;
            quota
        });
        let plan = world.bring(&all(wanted)).await;
        let is_new = plan.summary.create == entities.len();
        assert_eq!(is_new, change == "created", "{change}: {:?}", plan.summary);
        let keys = OF_CLIENTS
            .iter()
            .chain(&OF_ADDRESSES)
            .map(|(key, _, _)| *key);
        rows.extend(keys.map(|key| row(&release, "quota", key, change)));
    }
    row::write("kafka-quota", &rows);
    let gone = entities.iter().map(|(address, keys)| QuotaChange {
        entity: entity_of(address).unwrap(),
        ops: keys
            .iter()
            .map(|(key, _, _)| ((*key).to_owned(), None))
            .collect(),
    });
    let gone: Vec<QuotaChange> = gone.collect();
    let answers = world.kafka.alter_quotas(&gone, false).await.unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

/// What is tried of which field of a user, and what is declared then.
const CREDENTIALS: [(&[&str], &str, &str, i64); 6] = [
    (
        &["mechanism", "iterations"],
        "created",
        "SCRAM-SHA-512",
        8192,
    ),
    (&["iterations"], "changed", "SCRAM-SHA-512", 16_384),
    (&["iterations"], "changed back", "SCRAM-SHA-512", 8192),
    (&["mechanism"], "added", "SCRAM-SHA-256,SCRAM-SHA-512", 8192),
    (&["mechanism"], "changed", "SCRAM-SHA-256", 8192),
    (&["mechanism"], "changed back", "SCRAM-SHA-512", 8192),
];

#[tokio::test]
async fn every_credential_of_a_user() {
    let mut world = World::plain().await;
    let release = release(&world);
    let user = unique("credentials");
    let passwords = [(user.clone(), "s3cret".into())];
    world.port = world.port.with_passwords(passwords.into_iter().collect());
    let mut rows = Vec::new();
    for (fields, change, mechanism, iterations) in CREDENTIALS {
        let declared = json!({ "mechanism": mechanism, "iterations": iterations });
        let plan = world.bring(&of(&user, declared)).await;
        assert_eq!(
            plan.steps.len(),
            1,
            "{change} {fields:?}: {:#?}",
            plan.steps
        );
        rows.extend(
            fields
                .iter()
                .map(|field| row(&release, "user", field, change)),
        );
    }
    row::write("kafka-user", &rows);
    let gone = ScramChange {
        user: user.clone(),
        set: Vec::new(),
        delete: vec![ScramMechanism::Sha512],
    };
    let answers = world.kafka.alter_users(&[gone]).await.unwrap();
    assert_eq!(answers[&user], Ok(()));
}

fn of(user: &str, declared: Value) -> Resources {
    let declared = declared.as_object().unwrap().clone().into_iter().collect();
    all([Resource {
        has_secret: true,
        ..Resource::new(Address::new(KindName::User, user), declared)
    }])
}

/// No key and no field is left out.
#[test]
fn every_field_is_tried() {
    let tried = |kind: KindName| -> Vec<&str> {
        match kind {
            KindName::User => vec!["mechanism", "iterations"],
            _ => OF_CLIENTS
                .iter()
                .chain(&OF_ADDRESSES)
                .map(|(key, _, _)| *key)
                .collect(),
        }
    };
    for name in [KindName::Quota, KindName::User] {
        let declaration = kind(name).unwrap().declaration();
        let fields = declaration.fields.iter();
        let on_a_broker = fields.filter(|(_, field)| field.facts.stands_for.is_none());
        let known: Vec<&str> = on_a_broker.map(|(key, _)| key.as_str()).collect();
        assert_eq!(tried(name), known);
    }
}

fn row(release: &str, kind: &str, field: &str, change: &str) -> Row {
    Row {
        broker: "kafka",
        version: release.to_owned(),
        kind: kind.to_owned(),
        field: field.to_owned(),
        change: change.to_owned(),
        verdict: "done".to_owned(),
        needs: None,
        without_effect: false,
    }
}
