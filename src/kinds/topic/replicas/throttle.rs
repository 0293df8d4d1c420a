//! How fast replicas are moved (KIP-73): bound before, free again after, and only what was bound here.
//!
//! The rates of a broker hold for all replicas that are listed as throttled, whoever moves them. So beside them a broker bears a key
//! for each topic that is throttled by trueup there: the first that is set, and the last that goes. So the next run finds what was
//! interrupted while it bound anything, and what bears no key of ours is somebody else's.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use indexmap::IndexMap;
use serde_json::Value;

use super::{BEING_MOVED, FACTOR, written};
use crate::broker::kafka::{
    Assignment, ConfigChange, ConfigEntry, ConfigSource, Kafka, KafkaError, TopicDescription,
};
use crate::kinds::kafka::UNKNOWN_TOPIC;
use crate::kinds::topic::is_throttle;
use crate::kinds::{Live, Observed};
use crate::model::few;

/// The rates of a broker, and the lists of a topic: the replicas that send, and those that are filled.
const RATES: [&str; 2] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
];
const LISTS: [&str; 2] = [
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
];

/// A key of a broker whose rates are trueup's, and what stands before the name of a topic whose lists are. A broker tells the
/// names of keys that it does not know, and not their values.
const RATE_MARK: &str = "trueup.throttle";
const MARK: &str = "trueup.throttled.";

/// Stands in the raw document of a topic with lists: whose they are.
pub(in crate::kinds::topic) const THROTTLED: &str = "throttled_by";
pub(in crate::kinds::topic) const OURS: &str = "trueup";
pub(in crate::kinds::topic) const OTHERS: &str = "others";

type Ops = Vec<(String, Option<String>)>;

/// What is wanted of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kinds::topic) struct Throttle {
    topic: String,
    rate: u64,
    /// Of each of [`LISTS`], `PARTITION:BROKER`.
    lists: [BTreeSet<String>; 2],
    brokers: BTreeSet<i32>,
}

impl Throttle {
    /// For what an assignment moves: every replica of now may send, the new ones are filled. None where nothing is copied.
    pub(in crate::kinds::topic) fn of(
        assignment: &Assignment,
        topic: &TopicDescription,
        rate: u64,
    ) -> Option<Throttle> {
        let (mut sending, mut filled) = (BTreeSet::new(), BTreeSet::new());
        let mut brokers = BTreeSet::new();
        for (index, wanted) in &assignment.partitions {
            let partition = topic.partitions.iter().find(|it| it.index == *index)?;
            let held = &partition.replicas;
            let new = wanted.iter().flatten().filter(|id| !held.contains(id));
            let new: Vec<i32> = new.copied().collect();
            if new.is_empty() {
                continue;
            }
            sending.extend(held.iter().map(|id| format!("{index}:{id}")));
            filled.extend(new.iter().map(|id| format!("{index}:{id}")));
            brokers.extend(held.iter().chain(&new));
        }
        (!filled.is_empty()).then(|| Throttle {
            topic: assignment.topic.clone(),
            rate,
            lists: [sending, filled],
            brokers,
        })
    }
}

/// The throttles of a broker, as its configs tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Bound {
    /// Whether it has rates, be they those of all brokers.
    has_rate: bool,
    /// Whether those are trueup's.
    is_ours: bool,
    /// The topics whose lists are trueup's.
    topics: BTreeSet<String>,
}

impl Bound {
    fn read(configs: &[ConfigEntry]) -> Bound {
        let mut bound = Bound::default();
        for entry in configs {
            let name = entry.name.as_str();
            bound.has_rate |= is_set(entry) && RATES.contains(&name);
            bound.is_ours |= name == RATE_MARK;
            bound
                .topics
                .extend(name.strip_prefix(MARK).map(str::to_owned));
        }
        bound
    }

    fn is_of_others(&self) -> bool {
        self.has_rate && !self.is_ours
    }

    /// What binds it; a rate that somebody else set stays as it is.
    fn bind(&self, here: &[&Throttle]) -> Ops {
        let rate = here.iter().map(|it| it.rate).min();
        let Some(rate) = rate.filter(|_| !self.is_of_others()) else {
            return Ops::new();
        };
        let rates = RATES
            .iter()
            .map(|key| ((*key).to_owned(), rate.to_string()));
        let rates = rates.chain([(RATE_MARK.to_owned(), "true".to_owned())]);
        rates.map(|(key, value)| (key, Some(value))).collect()
    }

    /// Whether nothing of trueup's is left when these topics are free.
    fn ends_with(&self, topics: &BTreeSet<String>) -> bool {
        self.is_ours && self.topics.is_subset(topics)
    }

    /// The rates, where these topics are the last ones.
    fn free(&self, topics: &BTreeSet<String>) -> Ops {
        let rates = RATES.iter().filter(|_| self.ends_with(topics));
        rates.map(|key| ((*key).to_owned(), None)).collect()
    }

    /// The keys, when everything else is gone.
    fn unmark(&self, topics: &BTreeSet<String>) -> Ops {
        let last = self.ends_with(topics).then(|| RATE_MARK.to_owned());
        let marks = self.topics.intersection(topics).map(|topic| mark(topic));
        marks.chain(last).map(|key| (key, None)).collect()
    }
}

/// Whether somebody set it: on the broker, or for all of them.
fn is_set(entry: &ConfigEntry) -> bool {
    let set = [
        ConfigSource::DynamicBroker,
        ConfigSource::DynamicDefaultBroker,
    ];
    set.contains(&entry.source)
}

fn mark(topic: &str) -> String {
    format!("{MARK}{topic}")
}

type Brokers = BTreeMap<i32, Bound>;

/// The live brokers. Needs DESCRIBE_CONFIGS on the cluster.
async fn brokers(kafka: &Kafka) -> Result<Brokers, KafkaError> {
    let brokers = kafka.cluster().await?.brokers;
    let reads = brokers.iter().map(|broker| async move {
        let configs = kafka.describe_broker_configs(broker.id).await?;
        Ok((broker.id, Bound::read(&configs)))
    });
    Ok(try_join_all(reads).await?.into_iter().collect())
}

fn ours(brokers: &Brokers) -> BTreeSet<String> {
    let topics = brokers.values().flat_map(|bound| &bound.topics);
    topics.cloned().collect()
}

/// Tells whose the lists of these topics are; one whose throttle is trueup's and that is moved no longer has a number of replicas
/// too many, none, so that it differs from every declaration until it is free.
pub(in crate::kinds::topic) async fn tell_apart(
    kafka: &Kafka,
    seen: &mut IndexMap<String, Observed>,
) {
    let has_lists = |live: &Live| live.fields.keys().any(|path| is_throttle(path));
    let is_one = |seen: &Observed| matches!(seen, Observed::Present(live) if has_lists(live));
    if !seen.values().any(is_one) {
        return;
    }
    let ours = match brokers(kafka).await {
        Ok(brokers) => ours(&brokers),
        Err(error) => {
            tracing::debug!(%error, "whose the throttles are is not known, so they are left alone");
            BTreeSet::new()
        }
    };
    for (name, seen) in seen {
        let Observed::Present(live) = seen else {
            continue;
        };
        if !has_lists(live) {
            continue;
        }
        let is_ours = ours.contains(name);
        let whose = if is_ours { OURS } else { OTHERS };
        live.raw.insert(THROTTLED.to_owned(), whose.into());
        if is_ours && !live.raw.contains_key(BEING_MOVED) {
            leave_over(live);
        }
    }
}

fn leave_over(live: &mut Live) {
    let count = live.fields.get(FACTOR).and_then(Value::as_u64);
    if let Some(count) = count.and_then(|count| usize::try_from(count).ok()) {
        let factors = BTreeSet::from([0, count]);
        live.fields.insert(FACTOR.to_owned(), written(&factors));
    }
}

/// Throttles these topics before they are moved: first the keys that say so, which bind nothing, then the lists, by which the
/// next run finds what was interrupted, and last the rates.
///
/// # Errors
/// What could not be read or set: then nothing is to be moved.
pub(in crate::kinds::topic) async fn bind(
    kafka: &Kafka,
    throttles: &[Throttle],
) -> Result<(), KafkaError> {
    let names: Vec<String> = throttles.iter().map(|it| it.topic.clone()).collect();
    let (brokers, configs) =
        tokio::try_join!(brokers(kafka), kafka.describe_topic_configs(&names))?;
    let ours = ours(&brokers);
    let held = |topic: &str| {
        let configs = configs.get(topic).and_then(|configs| configs.as_ref().ok());
        configs.map(|configs| lists(configs)).unwrap_or_default()
    };
    let is_theirs = |it: &&Throttle| {
        !ours.contains(&it.topic) && held(&it.topic).iter().any(|list| !list.is_empty())
    };
    let (theirs, wanted): (Vec<&Throttle>, Vec<&Throttle>) = throttles.iter().partition(is_theirs);
    let mut foreign: Vec<String> = theirs
        .iter()
        .map(|it| format!("topic `{}`", it.topic))
        .collect();
    let on = |id: &i32| -> Vec<&Throttle> {
        let here = wanted.iter().copied();
        here.filter(|it| it.brokers.contains(id)).collect()
    };
    for (id, bound) in &brokers {
        let marks = on(id).into_iter().map(|it| mark(&it.topic));
        let ops: Ops = marks.map(|key| (key, Some("true".to_owned()))).collect();
        if ops.is_empty() {
            continue;
        }
        if bound.is_of_others() {
            foreign.push(format!("broker {id}"));
        }
        kafka.alter_broker_configs(*id, &ops).await?;
    }
    if !foreign.is_empty() {
        let foreign = few(foreign.iter(), 3);
        tracing::warn!(target: "trueup::waiting", "somebody else throttles {foreign}: that is left alone");
    }
    let changes = wanted.iter().map(|it| {
        let held = held(&it.topic);
        let list = |(index, key): (usize, &&str)| {
            let all: BTreeSet<String> = it.lists[index].union(&held[index]).cloned().collect();
            let all: Vec<String> = all.into_iter().collect();
            ((*key).to_owned(), Some(all.join(",")))
        };
        ConfigChange {
            topic: it.topic.clone(),
            ops: LISTS.iter().enumerate().map(list).collect(),
        }
    });
    set_lists(kafka, &changes.collect::<Vec<_>>()).await?;
    for (id, bound) in &brokers {
        let ops = bound.bind(&on(id));
        if !ops.is_empty() {
            kafka.alter_broker_configs(*id, &ops).await?;
        }
    }
    Ok(())
}

/// The lists that are set on a topic.
fn lists(configs: &[ConfigEntry]) -> [BTreeSet<String>; 2] {
    LISTS.map(|key| {
        let own = |it: &&ConfigEntry| it.name == key && it.source == ConfigSource::DynamicTopic;
        let value = configs.iter().find(own).and_then(|it| it.value.as_deref());
        let items = value
            .unwrap_or_default()
            .split(',')
            .filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    })
}

/// Sets lists; a topic that is gone has none.
async fn set_lists(kafka: &Kafka, changes: &[ConfigChange]) -> Result<(), KafkaError> {
    if changes.is_empty() {
        return Ok(());
    }
    for (_, answer) in kafka.alter_configs(changes, false).await? {
        match answer {
            Err(error) if error.code != UNKNOWN_TOPIC => {
                return Err(KafkaError::refused("IncrementalAlterConfigs", error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Takes back what trueup set for these topics: the rates, the lists, and last the keys, so that wherever it is ended the next run
/// finds the rest.
///
/// # Errors
/// Why not all of it could be taken back: in words that follow "its throttle could not be taken back: ".
pub(in crate::kinds::topic) async fn free(
    kafka: &Kafka,
    topics: &BTreeSet<String>,
) -> Result<(), String> {
    let words = |error: KafkaError| error.to_string();
    let brokers = match brokers(kafka).await {
        Ok(brokers) => brokers,
        // who may not even read the rates has set none
        Err(KafkaError::ClusterAuthorizationFailed { .. }) => return Ok(()),
        Err(error) => return Err(words(error)),
    };
    let mine: BTreeSet<String> = ours(&brokers).intersection(topics).cloned().collect();
    if mine.is_empty() {
        return Ok(());
    }
    for (id, bound) in &brokers {
        let ops = bound.free(topics);
        if !ops.is_empty() {
            kafka.alter_broker_configs(*id, &ops).await.map_err(words)?;
        }
    }
    if let Some(id) = away(kafka, &mine, &brokers).await.map_err(words)? {
        return Err(format!("broker {id} is away"));
    }
    let lists = mine.iter().map(|topic| ConfigChange {
        topic: topic.clone(),
        ops: LISTS.iter().map(|key| ((*key).to_owned(), None)).collect(),
    });
    let lists: Vec<ConfigChange> = lists.collect();
    set_lists(kafka, &lists).await.map_err(words)?;
    for (id, bound) in &brokers {
        let ops = bound.unmark(topics);
        if !ops.is_empty() {
            kafka.alter_broker_configs(*id, &ops).await.map_err(words)?;
        }
    }
    Ok(())
}

/// A broker that these topics are on and that is not there.
async fn away(
    kafka: &Kafka,
    topics: &BTreeSet<String>,
    brokers: &Brokers,
) -> Result<Option<i32>, KafkaError> {
    let names: Vec<String> = topics.iter().cloned().collect();
    let described = kafka.describe_topics(&names).await?;
    let topics = described.values().filter_map(|topic| topic.as_ref().ok());
    let partitions = topics.flat_map(|topic| &topic.partitions);
    let mut holders = partitions.flat_map(|partition| &partition.replicas);
    Ok(holders.find(|id| !brokers.contains_key(id)).copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::kafka::{ConfigType, Partition};

    fn moved() -> Throttle {
        let partition = |index, replicas: &[i32]| Partition {
            index,
            leader: Some(1),
            replicas: replicas.to_vec(),
            in_sync: vec![1],
            offline: Vec::new(),
        };
        let topic = TopicDescription {
            topic_id: None,
            internal: false,
            partitions: vec![partition(0, &[1]), partition(1, &[2, 1])],
            authorized_operations: None,
        };
        let assignment = Assignment {
            topic: "t".to_owned(),
            partitions: vec![(0, Some(vec![1, 2])), (1, Some(vec![2, 1]))],
        };
        Throttle::of(&assignment, &topic, 9).unwrap()
    }

    fn bound(own: &[&str]) -> Bound {
        let entry = |name: &&str| ConfigEntry {
            name: (*name).to_owned(),
            value: None,
            source: ConfigSource::DynamicBroker,
            read_only: false,
            sensitive: true,
            config_type: ConfigType::String,
            synonyms: Vec::new(),
        };
        Bound::read(&own.iter().map(entry).collect::<Vec<_>>())
    }

    fn keys(ops: &Ops) -> Vec<&str> {
        ops.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn only_what_is_copied_is_throttled() {
        let moved = moved();
        let list = |index: usize| {
            moved.lists[index]
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
        };
        assert_eq!((list(0), list(1)), (vec!["0:1"], vec!["0:2"]));
        assert_eq!(moved.brokers, BTreeSet::from([1, 2]));
    }

    #[test]
    fn a_rate_of_somebody_else_is_neither_set_nor_taken_away() {
        let moved = moved();
        let theirs = bound(&RATES);
        assert!(theirs.bind(&[&moved]).is_empty());
        let topics = BTreeSet::from(["t".to_owned()]);
        let marked = bound(&[RATES[0], RATES[1], "trueup.throttled.t"]);
        assert!(marked.free(&topics).is_empty());
        assert_eq!(keys(&marked.unmark(&topics)), ["trueup.throttled.t"]);
    }

    #[test]
    fn rates_of_ours_go_with_the_last_topic() {
        let moved = moved();
        let set = bound(&[]).bind(&[&moved]);
        assert_eq!(keys(&set), [RATES[0], RATES[1], RATE_MARK]);
        assert!(
            set.iter()
                .take(2)
                .all(|(_, value)| value.as_deref() == Some("9"))
        );
        let topics = BTreeSet::from(["t".to_owned()]);
        let alone = bound(&[RATES[0], RATES[1], RATE_MARK, "trueup.throttled.t"]);
        assert_eq!(keys(&alone.free(&topics)), RATES);
        assert_eq!(
            keys(&alone.unmark(&topics)),
            ["trueup.throttled.t", RATE_MARK]
        );
        let beside = bound(&[
            RATES[0],
            RATE_MARK,
            "trueup.throttled.t",
            "trueup.throttled.u",
        ]);
        assert!(beside.free(&topics).is_empty());
        assert_eq!(keys(&beside.unmark(&topics)), ["trueup.throttled.t"]);
    }
}
