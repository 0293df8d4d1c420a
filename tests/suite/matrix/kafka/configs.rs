use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use trueup::broker::kafka::NewTopic;
use trueup::kinds::Resources;
use trueup::kinds::topic::{KnownConfig, is_throttle, known_configs};
use trueup::model::{Code, Outcome, Refusal, Step, Undeclared};

use super::{is_before, release};
use crate::kinds::kafka::unique;
use crate::kinds::kafka::world::{World, all, topic};
use crate::matrix::row::{self, Row};

const CONFIGS: &str = include_str!("../../../cases/kinds/topic_configs.yaml");

/// Two values of one config, and what must stand beside it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    with: Map<String, Value>,
    first: Value,
    second: Value,
    /// The sandbox's brokers refuse `first`: they have no tiered storage.
    #[serde(default)]
    refused: bool,
}

fn samples() -> BTreeMap<String, Sample> {
    serde_yaml::from_str(CONFIGS).unwrap()
}

#[test]
fn every_config_has_a_sample() {
    let known: Vec<&str> = known_configs().iter().map(|config| config.key).collect();
    let sampled = samples();
    assert_eq!(
        sampled.keys().map(String::as_str).collect::<Vec<_>>(),
        known
    );
}

#[tokio::test]
async fn every_config() {
    let world = World::plain().await;
    let mut table = Table::new(&world);
    table.change("created", first).await;
    table
        .change("changed", |_, sample| Some(sample.second.clone()))
        .await;
    table.change("changed back", first).await;
    table.change("set to its default", default).await;
    table.change("no longer declared", |_, _| None).await;
    table.resets = true;
    table.change("reset", |_, _| None).await;
    table.resets = false;
    table.change("added", first).await;
    table.prefix = unique("default");
    table.change("created with its default", default).await;
    row::write("kafka-topic", &table.rows);
    assert!(
        table.wrong.is_empty(),
        "on {}: {:#?}",
        table.release,
        table.wrong
    );
}

fn first(_: &KnownConfig, sample: &Sample) -> Option<Value> {
    Some(sample.first.clone())
}

fn default(config: &KnownConfig, _: &Sample) -> Option<Value> {
    Some(json!(config.default))
}

/// A topic for each config, all of them changed at once.
struct Table<'a> {
    world: &'a World,
    release: String,
    samples: BTreeMap<String, Sample>,
    prefix: String,
    resets: bool,
    /// What each topic's config is at, where it was ever made.
    held: BTreeMap<String, Option<Value>>,
    rows: Vec<Row>,
    wrong: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq)]
enum Expected {
    Nothing,
    Done,
    /// Refused with this code, in a message with these words.
    Refused(Code, String),
}

impl<'a> Table<'a> {
    fn new(world: &'a World) -> Table<'a> {
        Table {
            world,
            release: release(world),
            samples: samples(),
            prefix: unique("config"),
            resets: false,
            held: BTreeMap::new(),
            rows: Vec::new(),
            wrong: BTreeMap::new(),
        }
    }

    /// Plans, applies and plans again; then asks the broker itself for what was refused.
    async fn change(&mut self, change: &str, value: fn(&KnownConfig, &Sample) -> Option<Value>) {
        let values = self.values(value);
        let wanted = self.resources(&values);
        let plan = self.world.plan(&wanted).await;
        for config in known_configs() {
            let name = self.topic(config.key);
            let step = plan.steps.iter().find(|step| step.address.name == name);
            self.judge(change, config, &values[config.key], step);
        }
        for done in self.world.apply(&plan).await {
            let is_open = plan.open_steps().any(|step| step.address == done.address);
            if is_open && done.outcome != Outcome::Applied {
                self.wrong.insert(
                    format!("{}, {change}", done.address),
                    format!("{:?}", done.outcome),
                );
            }
        }
        let again = self.world.plan(&wanted).await;
        for step in again.open_steps() {
            self.wrong.insert(
                format!("{}, {change}", step.address),
                format!("the second plan: {step:?}"),
            );
        }
        for step in plan.blocked_steps() {
            self.confirm(step).await;
        }
    }

    fn values(
        &self,
        value: fn(&KnownConfig, &Sample) -> Option<Value>,
    ) -> BTreeMap<&'static str, Option<Value>> {
        let of =
            |config: &'static KnownConfig| (config.key, value(config, &self.samples[config.key]));
        known_configs().iter().map(of).collect()
    }

    fn topic(&self, key: &str) -> String {
        format!("{}-{key}", self.prefix)
    }

    fn resources(&self, values: &BTreeMap<&'static str, Option<Value>>) -> Resources {
        all(values.iter().map(|(key, value)| {
            let mut config = self.samples[*key].with.clone();
            if let Some(value) = value {
                config.insert((*key).to_owned(), value.clone());
            }
            let mut topic = topic(
                &self.topic(key),
                json!({ "partitions": 1, "config": config }),
            );
            if self.resets {
                topic.lifecycle.undeclared = Undeclared::Reset;
            }
            topic
        }))
    }

    fn judge(
        &mut self,
        change: &str,
        config: &KnownConfig,
        value: &Option<Value>,
        step: Option<&Step>,
    ) {
        let topic = self.topic(config.key);
        let expected = self.expected(config, value);
        let refusals = step
            .map(|step| step.refusals.as_slice())
            .unwrap_or_default();
        let fits = match &expected {
            Expected::Nothing => step.is_none(),
            Expected::Done => step.is_some_and(Step::is_open),
            Expected::Refused(code, words) => refusals
                .iter()
                .any(|refusal| refusal.code == *code && refusal.message.contains(words)),
        };
        if !fits {
            self.wrong.insert(
                format!("{}, {change}", config.key),
                format!("expected {expected:?}, not {step:?}"),
            );
        }
        self.rows.push(self.row(change, config, step, refusals));
        if refusals.is_empty()
            && (value.is_some() || self.resets || !self.held.contains_key(&topic))
        {
            self.held.insert(topic, value.clone());
        }
    }

    /// What the table of configs says must become of it.
    fn expected(&self, config: &KnownConfig, value: &Option<Value>) -> Expected {
        let held = self.held.get(&self.topic(config.key));
        let needs = config.since.filter(|since| is_before(&self.release, since));
        let gone = config.gone.filter(|gone| !is_before(&self.release, gone));
        let sample = &self.samples[config.key];
        let is_refused = sample.refused && *value == Some(sample.first.clone());
        match (value, held) {
            // a topic without the config: nothing is said of it
            (None, None) => Expected::Done,
            (None, Some(held)) if !self.resets || held.is_none() || is_throttle(config.key) => {
                Expected::Nothing
            }
            (None, Some(_)) => Expected::Done,
            (Some(_), _) if needs.is_some() => Expected::Refused(
                Code::ServerTooOld,
                format!("Kafka {}", needs.unwrap_or_default()),
            ),
            (Some(_), _) if gone.is_some() => Expected::Refused(
                Code::RefusedByBroker,
                format!("Kafka {}", gone.unwrap_or_default()),
            ),
            (Some(_), _) if is_refused => {
                Expected::Refused(Code::RefusedByBroker, "the broker says".to_owned())
            }
            (Some(value), Some(Some(held))) if same(config, value, held) => Expected::Nothing,
            (Some(_), _) => Expected::Done,
        }
    }

    /// The broker refuses the same without `validate_only`.
    async fn confirm(&mut self, step: &Step) {
        let configs = step.changes.iter().filter_map(|change| {
            let key = change.field.strip_prefix("config.")?;
            let value = change.after.as_ref()?;
            Some((
                key.to_owned(),
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            ))
        });
        let name = unique("raw");
        let new = NewTopic {
            name: name.clone(),
            partitions: Some(1),
            replication_factor: Some(1),
            configs: configs.collect(),
        };
        let answers = self.world.kafka.create_topics(&[new], false).await.unwrap();
        if answers[&name].is_ok() {
            self.wrong.insert(
                step.address.to_string(),
                format!("the broker takes {:?}", step.changes),
            );
        }
    }

    fn row(
        &self,
        change: &str,
        config: &KnownConfig,
        step: Option<&Step>,
        refusals: &[Refusal],
    ) -> Row {
        let needs = refusals.iter().find_map(|refusal| {
            let (_, rest) = refusal.message.split_once("Kafka ")?;
            let version = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.');
            Some(version.collect())
        });
        let verdict = match (step, refusals.first()) {
            (None, _) => "nothing".to_owned(),
            (Some(_), None) => "done".to_owned(),
            (Some(_), Some(refusal)) => refusal.code.to_string(),
        };
        Row {
            broker: "kafka",
            version: self.release.clone(),
            kind: "topic".to_owned(),
            field: config.key.to_owned(),
            change: change.to_owned(),
            verdict,
            needs,
            without_effect: false,
        }
    }
}

/// Whether both mean the same to Kafka.
fn same(config: &KnownConfig, left: &Value, right: &Value) -> bool {
    let field = trueup::kinds::topic::declaration()
        .field(&format!("config.{}", config.key))
        .unwrap();
    let wire = |value| field.to_wire(value).unwrap();
    field.same(Some(&wire(left)), Some(&wire(right)))
}
