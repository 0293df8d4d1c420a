//! Topics as the brokers have them.

mod lag;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::try_join;
use futures::{StreamExt, TryStreamExt, stream};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::configs::inherited;
use super::replicas::{self, BEING_MOVED, FACTOR, Progress};
use crate::broker::kafka::{
    ConfigEntry, ConfigSource, ItemError, Kafka, KafkaError, Partition, Reassignment,
    TOPICS_PER_DESCRIBE, TopicDescription,
};
use crate::kinds::kafka::{UNKNOWN_TOPIC, is_denial, needs};
use crate::kinds::{Live, Observations, Observed};
use crate::model::{Address, Code, Doc, Flat, Problem};

type Reassignments = IndexMap<String, Vec<Reassignment>>;

/// Reads these topics: description, configs and reassignments, a request of each per 1,000.
pub(super) async fn observe(kafka: &Kafka, addresses: &[Address]) -> Observations {
    let names: Vec<String> = addresses.iter().map(|a| a.name.clone()).collect();
    let seen = match read(kafka, &names).await {
        Ok(seen) => {
            let mut seen = lag::made_up_for(kafka, seen).await;
            replicas::tell_apart(kafka, &mut seen).await;
            Ok(seen)
        }
        Err(error) => Err(error),
    };
    let of = |address: &Address| match &seen {
        Ok(seen) => seen.get(&address.name).cloned().unwrap_or_else(unanswered),
        Err(error) => Observed::Unreadable(error.problem()),
    };
    addresses
        .iter()
        .map(|address| (address.clone(), about(of(address), address)))
        .collect()
}

fn about(observed: Observed, address: &Address) -> Observed {
    match observed {
        Observed::Unreadable(problem) => Observed::Unreadable(problem.about(address)),
        Observed::Absent | Observed::Present(_) => observed,
    }
}

fn unanswered() -> Observed {
    let message = "the broker's answer does not mention it";
    Observed::Unreadable(Problem::error(Code::Unreadable, message).hint("plan again"))
}

/// The same by name, with the failure of a whole request apart.
pub(super) async fn read(
    kafka: &Kafka,
    names: &[String],
) -> Result<IndexMap<String, Observed>, KafkaError> {
    let pages = names.chunks(TOPICS_PER_DESCRIBE);
    let pages: Vec<_> = pages.map(|names| page(kafka, names)).collect();
    let pages = stream::iter(pages).buffered(PAGES_AT_ONCE);
    let pages: Vec<IndexMap<String, Observed>> = pages.try_collect().await?;
    Ok(pages.into_iter().flatten().collect())
}

/// Two, so that the broker works on one while the other is read; of a page that was read no more is kept than a comparison
/// wants, which is a tenth.
const PAGES_AT_ONCE: usize = 2;

async fn page(kafka: &Kafka, names: &[String]) -> Result<IndexMap<String, Observed>, KafkaError> {
    let configs = kafka.describe_topic_configs(names);
    let (described, configs) = try_join(describe(kafka, names), configs).await?;
    Ok(put_together(described, configs))
}

/// What topics have of these keys; of a topic without keys no config is read.
pub(super) async fn read_keys(
    kafka: &Kafka,
    keys: IndexMap<String, Vec<String>>,
) -> Result<IndexMap<String, Observed>, KafkaError> {
    let names: Vec<String> = keys.keys().cloned().collect();
    let (asked, others): (IndexMap<_, _>, IndexMap<_, _>) =
        keys.into_iter().partition(|(_, keys)| !keys.is_empty());
    let configs = kafka.describe_topic_keys(asked);
    let (described, mut configs) = try_join(describe(kafka, &names), configs).await?;
    configs.extend(others.into_keys().map(|name| (name, Ok(Vec::new()))));
    Ok(put_together(described, configs))
}

type Configs = IndexMap<String, Result<Vec<ConfigEntry>, ItemError>>;
type Described = IndexMap<String, Result<TopicDescription, ItemError>>;

async fn describe(
    kafka: &Kafka,
    names: &[String],
) -> Result<(Described, Reassignments), KafkaError> {
    let described = kafka.describe_topics(names).await?;
    let moving = reassignments(kafka, &described).await?;
    Ok((described, moving))
}

fn put_together(
    (described, moving): (Described, Reassignments),
    mut configs: Configs,
) -> IndexMap<String, Observed> {
    let mut last = Inherited::default();
    let seen = described.into_iter().map(|(name, description)| {
        let configs = configs.swap_remove(&name);
        let mut observed = one(&name, description, configs, moving.get(&name));
        if let Observed::Present(live) = &mut observed {
            share(&mut live.inherited, &mut last);
        }
        (name, observed)
    });
    seen.collect()
}

type Inherited = Arc<IndexMap<String, Value>>;

/// Topics of one cluster inherit the same values: they are held once.
fn share(inherited: &mut Inherited, last: &mut Inherited) {
    match inherited == last {
        true => *inherited = Arc::clone(last),
        false => *last = Arc::clone(inherited),
    }
}

/// Without DESCRIBE on the cluster there is no list; then what the partitions show has to do.
async fn reassignments(kafka: &Kafka, described: &Described) -> Result<Reassignments, KafkaError> {
    let counts: Vec<(String, i32)> = described
        .iter()
        .filter_map(|(name, topic)| Some((name.clone(), partition_count(topic.as_ref().ok()?))))
        .collect();
    if counts.is_empty() {
        return Ok(Reassignments::new());
    }
    match kafka.list_reassignments(&counts).await {
        Err(KafkaError::ClusterAuthorizationFailed { .. } | KafkaError::Unsupported { .. }) => {
            tracing::debug!("reassignments can't be listed, so replicas are counted as they are");
            Ok(Reassignments::new())
        }
        other => other,
    }
}

fn partition_count(topic: &TopicDescription) -> i32 {
    i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX)
}

fn one(
    name: &str,
    description: Result<TopicDescription, ItemError>,
    configs: Option<Result<Vec<ConfigEntry>, ItemError>>,
    moving: Option<&Vec<Reassignment>>,
) -> Observed {
    let left_out = || unanswered_problem(name);
    match (description, configs) {
        (Err(error), _) => unread(name, "DESCRIBE", &error),
        (Ok(_), None) => Observed::Unreadable(left_out()),
        (Ok(_), Some(Err(error))) => unread(name, "DESCRIBE_CONFIGS", &error),
        (Ok(topic), Some(Ok(configs))) => {
            let moving = moving.map(Vec::as_slice).unwrap_or_default();
            Observed::Present(live(name, &topic, configs, moving))
        }
    }
}

fn unanswered_problem(name: &str) -> Problem {
    let message = format!("the broker's answer leaves out the configs of topic/{name}");
    Problem::error(Code::Unreadable, message).hint("plan again")
}

/// Only `UNKNOWN_TOPIC_OR_PARTITION` is absence; without the right it is not known.
fn unread(name: &str, right: &str, error: &ItemError) -> Observed {
    if error.code == UNKNOWN_TOPIC {
        return Observed::Absent;
    }
    let needed = format!("{right} on topic/{name}");
    let hint = match right {
        "DESCRIBE" => "whether the topic exists can't be known without that right".to_owned(),
        _ => format!("grant {needed}"),
    };
    Observed::Unreadable(match is_denial(error) {
        true => Problem::error(Code::Denied, needs(&needed)).hint(hint),
        false => Problem::error(Code::Unreadable, format!("topic/{name}: {error}"))
            .hint(Code::Unreadable.way_out()),
    })
}

fn live(
    name: &str,
    topic: &TopicDescription,
    configs: Vec<ConfigEntry>,
    moving: &[Reassignment],
) -> Live {
    let mut raw = Doc::new();
    raw.insert("name".to_owned(), name.into());
    raw.insert("topic_id".to_owned(), json!(topic.topic_id));
    raw.insert("internal".to_owned(), topic.internal.into());
    if !moving.is_empty() {
        let progress = Progress::of(topic, moving);
        raw.insert(BEING_MOVED.to_owned(), json!(progress));
    }
    let mut fields = Flat::new();
    fields.insert("partitions".to_owned(), topic.partitions.len().into());
    let factors = factors(topic, moving);
    fields.insert(FACTOR.to_owned(), replicas::written(&factors));
    let (overrides, inherited) = values(configs);
    fields.extend(overrides);
    Live {
        fields,
        raw,
        incarnation: topic.topic_id.clone(),
        inherited: Arc::new(inherited),
    }
}

/// How many replicas the partitions have, and will have when their reassignment is done. It is the same from the
/// beginning of a reassignment to its end.
fn factors(topic: &TopicDescription, moving: &[Reassignment]) -> BTreeSet<usize> {
    let of_partition = |partition: &Partition| {
        let moved = moving.iter().find(|it| it.partition == partition.index);
        match moved {
            Some(moved) => [moved.held().len(), moved.target().len()],
            None => [partition.replicas.len(); 2],
        }
    };
    topic.partitions.iter().flat_map(of_partition).collect()
}

/// The overrides of the topic, and what it has from elsewhere.
///
/// An override is what has the source DYNAMIC_TOPIC_CONFIG and nothing else: a broker's dynamic
/// default is no drift of the topic.
fn values(configs: Vec<ConfigEntry>) -> (Flat, IndexMap<String, Value>) {
    let (mut overrides, mut inherited) = (Flat::new(), IndexMap::new());
    for entry in configs {
        let path = format!("config.{}", entry.name);
        if let Some(value) = from_elsewhere(&entry) {
            inherited.insert(path.clone(), value.into());
        }
        if let (ConfigSource::DynamicTopic, Some(value)) = (entry.source, entry.value) {
            overrides.insert(path, value.into());
        }
    }
    overrides.sort_keys();
    (overrides, inherited)
}

/// The value that the topic would have without an override.
fn from_elsewhere(entry: &ConfigEntry) -> Option<String> {
    match entry.source {
        ConfigSource::DynamicTopic => inherited(entry),
        ConfigSource::DynamicBroker
        | ConfigSource::DynamicDefaultBroker
        | ConfigSource::StaticBroker
        | ConfigSource::Default
        | ConfigSource::DynamicBrokerLogger
        | ConfigSource::ClientMetrics
        | ConfigSource::Group
        | ConfigSource::Unknown => entry.value.clone(),
    }
}

#[cfg(test)]
mod tests;
