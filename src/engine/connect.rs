use std::net::IpAddr;

use futures::future::join;

use super::port::LiveBrokers;
use crate::broker::Brokers;
use crate::broker::kafka::{Cluster, Kafka, KafkaSettings};
use crate::broker::nats::{JetStream, NatsError, NatsSettings};
use crate::kinds::{KafkaFacts, NatsFacts, NatsVersion, Surroundings};
use crate::model::{Code, Problem};
use crate::plan::Target;

/// How to reach the brokers that a manifest speaks of, and which ones they must be.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// NATS, where the manifest has resources on it.
    pub nats: Option<NatsSettings>,
    /// The account that it must be.
    pub account: Option<String>,
    /// Kafka, where the manifest has resources on it.
    pub kafka: Option<KafkaSettings>,
    /// The cluster that it must be.
    pub cluster_id: Option<String>,
}

/// Connects to the brokers that are named, and to no other, both at once.
///
/// # Errors
/// One problem a broker: unreachable, refused, or not the one that is pinned. Within 10 s each.
pub async fn connect(endpoints: Endpoints) -> Result<LiveBrokers, Vec<Problem>> {
    let Endpoints {
        nats,
        account,
        kafka,
        cluster_id,
    } = endpoints;
    let (nats, kafka) = join(reach_nats(nats, account), reach_kafka(kafka, cluster_id)).await;
    let (nats, kafka) = match (nats, kafka) {
        (Ok(nats), Ok(kafka)) => (nats, kafka),
        (nats, kafka) => {
            return Err([nats.err(), kafka.err()]
                .into_iter()
                .flatten()
                .flatten()
                .collect());
        }
    };
    let mut brokers = Brokers::default();
    let mut surroundings = Surroundings::default();
    let mut targets = Vec::new();
    if let Some((jetstream, facts, url)) = nats {
        targets.push(nats_target(&jetstream, &facts, url));
        brokers.nats = Some(jetstream);
        surroundings.nats = Some(facts);
    }
    if let Some((kafka, facts, bootstrap)) = kafka {
        targets.push(Target::Kafka {
            bootstrap,
            cluster_id: facts.cluster_id.clone(),
        });
        brokers.kafka = Some(kafka);
        surroundings.kafka = Some(facts);
    }
    Ok(LiveBrokers::new(brokers, surroundings, targets))
}

async fn reach_nats(
    settings: Option<NatsSettings>,
    pinned: Option<String>,
) -> Result<Option<(JetStream, NatsFacts, String)>, Vec<Problem>> {
    let Some(settings) = settings else {
        return Ok(None);
    };
    let url = settings.display_url();
    let jetstream = JetStream::connect(settings)
        .await
        .map_err(|error| error.problems())?;
    let facts = nats_facts(&jetstream)
        .await
        .map_err(|error| error.problems())?;
    check_pin("account", pinned, facts.account.as_deref(), &url)
        .map_err(|problem| vec![problem])?;
    Ok(Some((jetstream, facts, url)))
}

async fn nats_facts(jetstream: &JetStream) -> Result<NatsFacts, NatsError> {
    let account = jetstream.account().await?;
    let server = jetstream.server();
    let (major, minor, patch) = server.release;
    let number = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
    Ok(NatsFacts {
        version: NatsVersion(number(major), number(minor), number(patch)),
        api_level: account.api_level,
        account: account.account,
        domain: account.domain.or_else(|| server.domain.clone()),
        clustered: server.cluster.is_some(),
        max_bytes_required: account.limits.max_bytes_required,
    })
}

/// All addresses that are named, as for Kafka: which of a cluster's servers answers today is no matter of the plan.
fn nats_target(jetstream: &JetStream, facts: &NatsFacts, url: String) -> Target {
    Target::Nats {
        url,
        version: facts.version.to_string(),
        account: facts.account.clone(),
        cluster: jetstream.server().cluster.clone(),
        domain: facts.domain.clone(),
    }
}

async fn reach_kafka(
    settings: Option<KafkaSettings>,
    pinned: Option<String>,
) -> Result<Option<(Kafka, KafkaFacts, String)>, Vec<Problem>> {
    let Some(settings) = settings else {
        return Ok(None);
    };
    let bootstrap = settings.bootstrap().join(",");
    let principal = settings.principal_hint();
    let kafka = Kafka::connect(settings)
        .await
        .map_err(|error| error.problems())?;
    let cluster = kafka.cluster().await.map_err(|error| error.problems())?;
    check_pin("cluster_id", pinned, Some(&cluster.cluster_id), &bootstrap)
        .map_err(|problem| vec![problem])?;
    let local = kafka.local_address().await;
    let facts = kafka_facts(cluster, principal, local);
    Ok(Some((kafka, facts, bootstrap)))
}

fn kafka_facts(
    cluster: Cluster,
    principal: Option<String>,
    local_address: Option<IpAddr>,
) -> KafkaFacts {
    KafkaFacts {
        brokers: cluster.brokers.len(),
        release: cluster.release.map(str::to_owned),
        cluster_id: cluster.cluster_id,
        rights: cluster.authorized_operations.unwrap_or_default(),
        principal,
        local_address,
    }
}

/// A pinned broker that is another one, or that does not say who it is, is refused.
fn check_pin(
    what: &str,
    pinned: Option<String>,
    found: Option<&str>,
    at: &str,
) -> Result<(), Problem> {
    let Some(pinned) = pinned else { return Ok(()) };
    let (fault, hint) = match found {
        Some(found) if found == pinned => return Ok(()),
        Some(found) => (
            format!("`{at}` is `{found}`"),
            format!("check the connection, or correct `{what}`; nothing was planned"),
        ),
        None => (
            format!("`{at}` does not say who it is"),
            format!(
                "allow the user to publish to `$SYS.REQ.USER.INFO`, or do without `{what}`; nothing was planned"
            ),
        ),
    };
    let message = format!("the manifest pins `{what}: {pinned}`, and {fault}");
    Err(Problem::error(Code::WrongTarget, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_that_cannot_be_checked_names_the_right() {
        let check = |found| check_pin("account", Some("A".to_owned()), found, "nats://a");
        assert!(check(Some("A")).is_ok());
        let hint = |found| check(found).unwrap_err().hint.unwrap();
        assert!(hint(None).contains("publish to `$SYS.REQ.USER.INFO`"));
        assert!(!hint(Some("B")).contains("$SYS"), "the right is there");
    }
}
