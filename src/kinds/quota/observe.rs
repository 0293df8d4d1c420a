//! Quotas as the cluster has them.

use std::collections::HashMap;

use super::number;
use super::{address_of, entity_of};
use crate::broker::kafka::{Kafka, KafkaError, Quota, QuotaEntity};
use crate::kinds::kafka::{live_by_name, needs, unreadable};
use crate::kinds::{Live, Observations, Observed};
use crate::model::{Address, Code, Problem};

/// Reads these quotas.
pub(super) async fn observe(kafka: &Kafka, addresses: &[Address]) -> Observations {
    match read(kafka, addresses).await {
        Ok(seen) => seen,
        Err(error) => unreadable(addresses, &unread(&error)),
    }
}

/// The same, with the failure of a whole request apart.
pub(super) async fn read(kafka: &Kafka, addresses: &[Address]) -> Result<Observations, KafkaError> {
    let entities: Vec<_> = addresses.iter().map(entity_of).collect();
    let asked: Vec<QuotaEntity> = entities.iter().flatten().cloned().collect();
    let found = kafka.describe_quotas(&asked).await?.into_iter();
    let found: HashMap<_, _> = found.map(|quota| (quota.entity.clone(), quota)).collect();
    let of = |address: &Address, entity: &Result<QuotaEntity, String>| match entity {
        Err(why) => {
            Observed::Unreadable(Problem::error(Code::BadName, why.as_str()).about(address))
        }
        Ok(entity) => match found.get(entity) {
            Some(quota) if !quota.values.is_empty() => Observed::Present(live(quota)),
            Some(_) | None => Observed::Absent,
        },
    };
    let pairs = addresses.iter().zip(&entities);
    Ok(pairs
        .map(|(address, entity)| (address.clone(), of(address, entity)))
        .collect())
}

fn live(quota: &Quota) -> Live {
    let values = quota.values.iter();
    live_by_name(
        values
            .map(|(key, value)| (key.clone(), number(*value)))
            .collect(),
    )
}

/// Unauthorised never reads as "no quotas".
fn unread(error: &KafkaError) -> Problem {
    match error {
        KafkaError::ClusterAuthorizationFailed { .. } => {
            Problem::error(Code::Denied, needs("DESCRIBE_CONFIGS on the cluster"))
                .hint("without it no quota can be read, so none is taken to be absent")
        }
        other => other.problem(),
    }
}

/// Every quota of the cluster.
pub(super) async fn list(kafka: &Kafka) -> Result<Vec<Address>, Problem> {
    let all = kafka.all_quotas().await.map_err(|error| unread(&error))?;
    let mut all: Vec<Address> = all.iter().map(|quota| address_of(&quota.entity)).collect();
    all.sort();
    Ok(all)
}
