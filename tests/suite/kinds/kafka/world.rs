//! A cluster, a manifest's resources, and the way from one to the other.

use std::sync::Arc;

use serde_json::Value;
use trueup::apply::Done;
use trueup::broker::Brokers;
use trueup::broker::kafka::{ConfigChange, Kafka, KafkaSettings};
use trueup::engine::LiveBrokers;
use trueup::kinds::acl::{AclEntry, expand_entry};
use trueup::kinds::{KafkaFacts, Resources, Surroundings, topic};
use trueup::model::{Address, Doc, KindName, Outcome, Resource};
use trueup::plan::{Plan, Target};

use crate::main_job::{applied, approved, planned};
use crate::sandbox::variable;

/// A connection and what is known of its cluster.
pub struct World {
    pub kafka: Kafka,
    pub port: LiveBrokers,
}

impl World {
    /// A super user on the plain listener.
    pub async fn plain() -> World {
        World::of(
            &[("bootstrap.servers", &variable("KAFKA_BROKERS"))],
            "User:ANONYMOUS",
        )
        .await
    }

    /// A super user, by way of this address.
    pub async fn at(bootstrap: &str) -> World {
        World::of(&[("bootstrap.servers", bootstrap)], "User:ANONYMOUS").await
    }

    /// A super user whose quotas are those of this client.
    pub async fn client(id: &str) -> World {
        let bootstrap = variable("KAFKA_BROKERS");
        let properties = [("bootstrap.servers", bootstrap.as_str()), ("client.id", id)];
        World::of(&properties, "User:ANONYMOUS").await
    }

    /// The sandbox's user that ACLs bite.
    pub async fn limited() -> World {
        let properties = [
            ("bootstrap.servers", variable("KAFKA_SCRAM")),
            ("security.protocol", "sasl_plaintext".to_owned()),
            ("sasl.mechanism", "SCRAM-SHA-512".to_owned()),
            ("sasl.username", "limited".to_owned()),
            ("sasl.password", "limited-secret".to_owned()),
        ];
        let properties: Vec<(&str, &str)> =
            properties.iter().map(|(k, v)| (*k, v.as_str())).collect();
        World::of(&properties, "User:limited").await
    }

    async fn of(properties: &[(&str, &str)], principal: &str) -> World {
        let properties = properties
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()));
        let settings = KafkaSettings::from_properties(&properties.collect()).unwrap();
        let kafka = Kafka::connect(settings).await.unwrap();
        let cluster = kafka.cluster().await.unwrap();
        let target = Target::Kafka {
            bootstrap: "sandbox".to_owned(),
            cluster_id: cluster.cluster_id.clone(),
        };
        let surroundings = Surroundings {
            nats: None,
            kafka: Some(KafkaFacts {
                cluster_id: cluster.cluster_id,
                brokers: cluster.brokers.len(),
                release: cluster.release.map(str::to_owned),
                principal: Some(principal.to_owned()),
                rights: Vec::new(),
                local_address: kafka.local_address().await,
            }),
        };
        let brokers = Brokers {
            kafka: Some(kafka.clone()),
            ..Brokers::default()
        };
        let port = LiveBrokers::new(brokers, surroundings, vec![target]);
        World { kafka, port }
    }

    pub async fn plan(&self, resources: &Resources) -> Plan {
        planned(resources, &self.port).await
    }

    /// The same without any consent.
    pub async fn plan_unapproved(&self, resources: &Resources) -> Plan {
        approved(resources, &self.port, &[]).await
    }

    pub async fn apply(&self, plan: &Plan) -> Vec<Done> {
        applied(plan, &self.port).await
    }

    /// Plans, applies without a failure, and plans to nothing.
    pub async fn bring(&self, resources: &Resources) -> Plan {
        let first = self.plan(resources).await;
        for done in self.apply(&first).await {
            assert_eq!(done.outcome, Outcome::Applied, "{}", done.address);
        }
        self.nothing_left(resources).await;
        first
    }

    /// The second plan is empty.
    pub async fn nothing_left(&self, resources: &Resources) {
        let second = self.plan(resources).await;
        assert!(second.steps.is_empty(), "{:#?}", second.steps);
    }

    /// Changes configs of a topic behind trueup's back, and waits until that shows.
    pub async fn meddle(&self, topic: &str, ops: &[(&str, Option<&str>)]) {
        let ops: Vec<(String, Option<String>)> = ops
            .iter()
            .map(|(key, value)| (key.to_string(), value.map(str::to_owned)))
            .collect();
        let change = ConfigChange {
            topic: topic.to_owned(),
            ops: ops.clone(),
        };
        let results = self.kafka.alter_configs(&[change], false).await.unwrap();
        assert_eq!(results[topic], Ok(()));
        for (key, value) in ops {
            super::eventually(&format!("{key} of {topic}"), || async {
                let configs = self
                    .kafka
                    .describe_topic_configs(&[topic.to_owned()])
                    .await
                    .unwrap();
                let configs = configs[topic].as_ref().unwrap();
                let held = configs
                    .iter()
                    .find(|entry| entry.name == key)
                    .filter(|entry| {
                        entry.source == trueup::broker::kafka::ConfigSource::DynamicTopic
                    });
                held.and_then(|entry| entry.value.clone()) == value
            })
            .await;
        }
    }
}

/// A topic as a manifest says it.
pub fn topic(name: &str, said: Value) -> Resource {
    let doc: Doc = said.as_object().unwrap().clone();
    let wire = topic::declaration().to_wire(&doc).unwrap();
    let flat = topic::declaration().flatten(wire);
    let mut resource = Resource::new(Address::new(KindName::Topic, name), flat);
    resource.place = Some(trueup::model::Place {
        file: Arc::from("test.yaml"),
        line: 1,
        column: 1,
        bytes: (0, 0),
    });
    resource
}

/// The ACLs of an entry.
pub fn acls(said: Value) -> Vec<Resource> {
    let entry: AclEntry = serde_json::from_value(said).unwrap();
    let expansion = expand_entry(&entry, &|_| None);
    assert_eq!(expansion.problems, []);
    expansion.acls
}

pub fn all(resources: impl IntoIterator<Item = Resource>) -> Resources {
    resources
        .into_iter()
        .map(|r| (r.address.clone(), r))
        .collect()
}
