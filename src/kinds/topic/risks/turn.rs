//! A topic's change with the values that are in force, wherever they come from.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use crate::broker::kafka::{
    ConfigEntry, ConfigSource, ConfigSynonym, ConfigType, Kafka, TopicDescription,
};
use crate::kinds::kafka::UNKNOWN_TOPIC;
use crate::kinds::topic::configs::inherited;
use crate::kinds::topic::replicas::FACTOR;
use crate::kinds::topic::{declaration, known_config};
use crate::kinds::{Delta, Live};
use crate::model::{Address, Step};

/// Before or after the change.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Side {
    Before,
    After,
}

pub(super) use Side::{After, Before};

/// A topic that changes.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) address: Address,
    /// The topic as it is; none where it could not be read.
    pub(super) topic: Option<TopicDescription>,
    /// How many replicas its partitions had, where those were not read.
    replicas: Option<usize>,
    deltas: Vec<Delta>,
    /// The configs in force, as text; one that could not be read is missing.
    before: IndexMap<String, String>,
    after: IndexMap<String, String>,
}

impl Turn {
    /// The topic's name.
    pub(super) fn name(&self) -> &str {
        &self.address.name
    }

    /// Whether this field is among what changes.
    pub(super) fn changes(&self, path: &str) -> bool {
        self.deltas.iter().any(|delta| delta.path == path)
    }

    /// How many partitions it has and will have.
    pub(super) fn partitions(&self) -> Option<(i64, i64)> {
        self.counts("partitions")
    }

    /// How many replicas each partition has and will have.
    pub(super) fn factors(&self) -> Option<(u64, u64)> {
        let (before, after) = self.counts("replication_factor")?;
        Some((before.unsigned_abs(), after.unsigned_abs()))
    }

    fn counts(&self, path: &str) -> Option<(i64, i64)> {
        let delta = self.deltas.iter().find(|delta| delta.path == path)?;
        Some((
            delta.before.as_ref()?.as_i64()?,
            delta.after.as_ref()?.as_i64()?,
        ))
    }

    /// The most replicas that a partition has.
    pub(super) fn replicas(&self) -> Option<usize> {
        let partitions = self.topic.iter().flat_map(|topic| &topic.partitions);
        let most = partitions.map(|partition| partition.replicas.len()).max();
        most.or(self.replicas)
    }

    /// A config in force, as text.
    pub(super) fn text(&self, side: Side, key: &str) -> Option<&str> {
        let values = match side {
            Before => &self.before,
            After => &self.after,
        };
        values.get(key).map(String::as_str)
    }

    /// A number in force; what means `unlimited` is the highest of all.
    pub(super) fn number(&self, side: Side, key: &str) -> Option<i64> {
        let number = self.text(side, key)?.trim().parse::<i64>().ok()?;
        let unlimited = known_config(key).is_some_and(|config| config.unlimited.contains(&number));
        Some(if unlimited { i64::MAX } else { number })
    }

    /// Whether a number goes down, as far as is known: what could not be read may have been higher.
    pub(super) fn lowers(&self, key: &str) -> bool {
        match (self.number(Before, key), self.number(After, key)) {
            (Some(before), Some(after)) => after < before,
            (None, Some(i64::MAX)) => false,
            (None, Some(_)) | (_, None) => true,
        }
    }

    /// Whether a config is `true`; none where it is not known.
    pub(super) fn is_on(&self, side: Side, key: &str) -> Option<bool> {
        self.text(side, key)
            .map(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Whether `cleanup.policy` has this word; none where it is not known.
    pub(super) fn cleans_by(&self, side: Side, word: &str) -> Option<bool> {
        let words = self.text(side, "cleanup.policy")?.split(',');
        let words: BTreeSet<&str> = words.map(str::trim).collect();
        Some(words.contains(word))
    }

    /// A config as a manifest says it.
    pub(super) fn said(&self, side: Side, key: &str) -> String {
        let Some(text) = self.text(side, key) else {
            return "an unknown value".to_owned();
        };
        let field = declaration().field(&format!("config.{key}"));
        match field.map(|field| field.to_manifest(&text.into())) {
            Some(Value::String(said)) => said,
            Some(said) => said.to_string(),
            None => text.to_owned(),
        }
    }
}

/// The changes of these steps, with what is in force now; those of topics that are not there are left out. Why nothing could be
/// read comes with them, where that is so.
pub(super) async fn read(kafka: &Kafka, steps: &[&Step]) -> (Vec<Turn>, Option<String>) {
    let names: Vec<String> = steps.iter().map(|step| step.address.name.clone()).collect();
    let (described, configs) = tokio::join!(
        kafka.describe_topics(&names),
        kafka.describe_topic_configs(&names)
    );
    let mut described = match described {
        Ok(described) => described,
        Err(error) => return (unread(steps), Some(error.to_string())),
    };
    let mut configs = configs.unwrap_or_default();
    let turn = |step: &&Step| {
        let topic = match described.swap_remove(&step.address.name) {
            Some(Ok(topic)) => Some(topic),
            Some(Err(error)) if error.code == UNKNOWN_TOPIC => return None,
            Some(Err(_)) | None => None,
        };
        let configs = configs.swap_remove(&step.address.name);
        let configs = configs.and_then(Result::ok).unwrap_or_default();
        Some(of(step, topic, &configs))
    };
    (steps.iter().filter_map(turn).collect(), None)
}

/// The changes of these steps as the plan tells them, where nothing can be read.
pub(super) fn unread(steps: &[&Step]) -> Vec<Turn> {
    steps.iter().map(|step| of(step, None, &[])).collect()
}

/// The change of a topic that was seen once: its configs are known, its partitions are not.
pub(super) fn seen(step: &Step, live: &Live) -> Turn {
    let configs = live.inherited.keys().chain(live.fields.keys());
    let keys: BTreeSet<&str> = configs
        .filter_map(|path| path.strip_prefix("config."))
        .collect();
    let configs: Vec<ConfigEntry> = keys.iter().map(|key| entry_of(live, key)).collect();
    let replicas = live.fields.get(FACTOR).and_then(Value::as_u64);
    Turn {
        replicas: replicas.and_then(|count| usize::try_from(count).ok()),
        ..of(step, None, &configs)
    }
}

fn entry_of(live: &Live, key: &str) -> ConfigEntry {
    let path = format!("config.{key}");
    let text = |value: Option<&Value>| value?.as_str().map(str::to_owned);
    let (own, inherited) = (
        text(live.fields.get(&path)),
        text(live.inherited.get(&path)),
    );
    let source = match own {
        Some(_) => ConfigSource::DynamicTopic,
        None => ConfigSource::Default,
    };
    ConfigEntry {
        name: key.to_owned(),
        value: own.or_else(|| inherited.clone()),
        source,
        read_only: false,
        sensitive: false,
        config_type: ConfigType::String,
        synonyms: vec![ConfigSynonym {
            name: key.to_owned(),
            value: inherited,
            source: ConfigSource::Default,
        }],
    }
}

pub(super) fn of(step: &Step, topic: Option<TopicDescription>, configs: &[ConfigEntry]) -> Turn {
    let deltas = Delta::of_step(step, declaration()).unwrap_or_default();
    let (mut before, mut after) = (IndexMap::new(), IndexMap::new());
    for entry in configs {
        if let Some(value) = &entry.value {
            before.insert(entry.name.clone(), value.clone());
        }
    }
    after.extend(before.clone());
    for delta in &deltas {
        let Some(key) = delta.path.strip_prefix("config.") else {
            continue;
        };
        let text = |value: &Option<Value>| value.as_ref()?.as_str().map(str::to_owned);
        if let (None, Some(value)) = (before.get(key), text(&delta.before)) {
            before.insert(key.to_owned(), value);
        }
        let entry = configs.iter().find(|entry| entry.name == key);
        let wanted = text(&delta.after).or_else(|| entry.and_then(inherited));
        match wanted.or_else(|| default_of(key)) {
            Some(value) => after.insert(key.to_owned(), value),
            None => after.shift_remove(key),
        };
    }
    Turn {
        address: step.address.clone(),
        topic,
        replicas: None,
        deltas,
        before,
        after,
    }
}

fn default_of(key: &str) -> Option<String> {
    known_config(key).map(|config| config.default.to_owned())
}
