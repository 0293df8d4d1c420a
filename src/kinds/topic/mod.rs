//! Kafka topics: partitions, replication factor and configs.

mod carry_out;
mod configs;
mod deletion;
mod facts;
mod judge;
mod losses;
mod observe;
mod order;
mod readers;
mod rehearse;
mod replicas;
mod risks;
mod rules;
mod see;
mod spec;

use std::sync::LazyLock;

use async_trait::async_trait;

pub use configs::{ConfigType, KnownConfig, is_throttle, known_config, known_configs};
pub use facts::{config_description, config_facts};
pub(in crate::kinds) use losses::Topics;
pub(in crate::kinds) use readers::{Readers, has_members, readers};
use replicas::Progress;
pub(crate) use rules::internal_topics;
pub use rules::is_internal;
pub(in crate::kinds) use rules::name_faults;
pub use spec::{ConfigValue, TopicSpec};

use super::acl::describes_every_topic;
use super::kafka::{client, not_attempted, refuse_all, unreadable};
use super::{
    Case, Caveat, Declaration, Kind, Live, Observations, Rehearsal, Resources, Sight, Surroundings,
    Unfinished, declared_of, is_in_place,
};
use crate::broker::Brokers;
use crate::broker::kafka::{Kafka, Operation};
use crate::model::{
    Address, Code, Flat, KindName, Outcome, Problem, Refusal, Resource, Risk, Step, Wanted,
};

/// The kind `topic`.
pub struct Topic;

/// A topic's fields, with the facts of every config.
pub fn declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(|| {
        Declaration::of::<TopicSpec>()
            .with_entries("config", config_facts)
            .with_entry_descriptions("config", config_description)
            .with_entry_keys("config", || known_configs().iter().map(|c| c.key).collect())
    });
    &DECLARATION
}

/// What a running reassignment sets.
fn throttled() -> Caveat {
    Caveat::new(
        "without their `*.replication.throttled.replicas`",
        "a running reassignment sets them and takes them away again; declare them where they are meant to stay",
    )
}

#[async_trait]
impl Kind for Topic {
    fn name(&self) -> KindName {
        KindName::Topic
    }

    fn declaration(&self) -> &'static Declaration {
        declaration()
    }

    fn aliases(&self) -> &'static [(&'static str, &'static str)] {
        &[("retention", "config.retention.ms")]
    }

    fn check(&self, resource: &Resource, _all: &Resources) -> Vec<Problem> {
        rules::check(resource)
    }

    fn check_all(&self, all: &Resources) -> Vec<Problem> {
        rules::check_all(all)
    }

    fn foretold(&self, all: &Resources) -> Vec<Problem> {
        let topics = declared_of(KindName::Topic, all);
        topics.flat_map(risks::foretold).collect()
    }

    fn foretells(&self) -> Vec<Code> {
        risks::foretells()
    }

    /// A running reassignment sets throttles and takes them away: never ours unless declared.
    fn settle(&self, declared: &mut Flat, live: &mut Flat) {
        replicas::settle(declared, live);
        live.retain(|path, _| !is_throttle(path) || declared.contains_key(path));
    }

    fn caveats(&self, live: &Live) -> Vec<Caveat> {
        let is_throttled = live.fields.keys().any(|path| is_throttle(path));
        is_throttled.then(throttled).into_iter().collect()
    }

    fn judge(&self, case: &Case<'_>) -> Vec<Refusal> {
        judge::judge(case)
    }

    fn notes(&self, case: &Case<'_>) -> Vec<String> {
        let changes = case.delta(replicas::FACTOR);
        let progress = changes.and_then(|_| Progress::of_live(case.live?));
        let throttle = changes.and_then(|delta| replicas::note_of_throttle(delta, case.live?));
        let throttle = throttle.map(str::to_owned);
        progress
            .map(Progress::note)
            .into_iter()
            .chain(throttle)
            .collect()
    }

    fn copies_data(&self, step: &Step) -> bool {
        let mut changes = step.changes.iter();
        is_in_place(step) && changes.any(|change| change.field == replicas::FACTOR)
    }

    fn goes_on(&self, _step: &Step, live: &Live) -> Option<String> {
        Progress::of_live(live).map(Progress::left_to_the_brokers)
    }

    fn holds_on_to(&self, live: &Live) -> Option<Unfinished> {
        replicas::is_throttled_by_us(live).then_some(Unfinished {
            what: "is throttled by trueup while its replicas are moved, and nobody else would take that back",
            way_out: "apply once more, which waits for the replicas and takes the throttle back, and forget it then",
        })
    }

    async fn observe(&self, brokers: &Brokers, addresses: &[Address]) -> Observations {
        match client(brokers) {
            Ok(kafka) => observe::observe(kafka, addresses).await,
            Err(problem) => unreadable(addresses, &problem),
        }
    }

    async fn rehearse(&self, brokers: &Brokers, steps: &[&Step]) -> Rehearsal {
        match client(brokers) {
            Ok(kafka) => rehearse::rehearse(kafka, steps).await,
            Err(problem) => refuse_all(steps, &problem).into(),
        }
    }

    async fn risks(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        let (losses, changes) = tokio::join!(
            losses::risks(client(brokers), steps),
            risks::risks(client(brokers), steps)
        );
        losses.into_iter().chain(changes).collect()
    }

    fn risks_by_sight(&self, sight: &Sight<'_>, steps: &[&Step]) -> Vec<(Address, Vec<Risk>)> {
        let losses = losses::unseen(steps, sight.why).into_iter();
        losses.chain(risks::by_sight(sight, steps)).collect()
    }

    async fn carry_out(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        match client(brokers) {
            Ok(kafka) => carry_out::carry_out(kafka, steps).await,
            Err(problem) => not_attempted(steps, &problem.message),
        }
    }

    async fn see(&self, brokers: &Brokers, steps: &[&Step]) -> Vec<(Address, Outcome)> {
        match client(brokers) {
            Ok(kafka) => see::see(kafka, steps).await,
            Err(problem) => not_attempted(steps, &problem.message),
        }
    }

    async fn appear(&self, brokers: &Brokers, hidden: Vec<Address>) -> Vec<Address> {
        match client(brokers) {
            Ok(kafka) => see::appear(kafka, hidden).await,
            Err(_) => hidden,
        }
    }

    /// Every topic that the user may describe, but for Kafka's own.
    async fn list(&self, brokers: &Brokers, _wanted: &dyn Wanted) -> Result<Vec<Address>, Problem> {
        let names = client(brokers)?.list_topics().await;
        let names = names.map_err(|error| error.problem())?;
        let of_users = names.into_iter().filter(|name| !is_internal(name));
        Ok(of_users
            .map(|name| Address::new(KindName::Topic, name))
            .collect())
    }

    async fn hidden(&self, brokers: &Brokers, around: &Surroundings) -> Option<Problem> {
        let own = around.kafka.as_ref()?.principal.as_deref();
        unlisted(client(brokers).ok()?, own).await
    }
}

/// That there may be topics which the broker does not list: to whom is neither allowed to describe every one by the ACLs that can
/// be read, nor has every right on the cluster, which a super user has, and everybody where there is no authorizer.
async fn unlisted(kafka: &Kafka, own: Option<&str>) -> Option<Problem> {
    let rights = match kafka.cluster().await {
        Ok(cluster) => cluster.authorized_operations?,
        Err(_) => Vec::new(),
    };
    let has_all = rights.contains(&Operation::ClusterAction) && rights.contains(&Operation::Alter);
    let sees_all = match own {
        Some(own) if !has_all => describes_every_topic(kafka, own).await,
        Some(_) | None => has_all,
    };
    let what = "Kafka lists the topics that the user may DESCRIBE, and no others: those that it may not, if there are any, are left out";
    let hint = "name them in a manifest with `-f`, and they are asked for; or do it as a user who may DESCRIBE every topic";
    (!sees_all).then(|| Problem::warning(Code::LeftOut, what).hint(hint))
}
