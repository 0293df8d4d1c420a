//! What clients may take of a cluster (KIP-546).

use std::fmt;

use indexmap::IndexMap;
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::alter_client_quotas_response::EntryData as Altered;
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::describe_client_quotas_response::EntryData as Described;
use kafka_protocol::messages::{AlterClientQuotasRequest, DescribeClientQuotasRequest};
use kafka_protocol::protocol::StrBytes;

use super::{Told, text, words};
use crate::broker::kafka::batch::{
    READS_IN_FLIGHT, RECORDS_PER_REQUEST, Results, read, split, write,
};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// Whose quota it is: a user, a client id, both, or an IP address, each by name or as the default of all others.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaEntity {
    /// The user, without `User:`.
    pub user: Option<EntityName>,
    /// The client's `client.id`.
    pub client_id: Option<EntityName>,
    /// The client's IP address.
    pub ip: Option<EntityName>,
}

/// One by name, or all that have no quota of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityName {
    /// All that have none of their own.
    Default,
    /// This one.
    Named(String),
}

/// An entity with its quotas by Kafka's keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// Whose it is.
    pub entity: QuotaEntity,
    /// The values by key.
    pub values: IndexMap<String, f64>,
}

/// What to change in the quotas of one entity; keys that are not named stay as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaChange {
    /// Whose it is.
    pub entity: QuotaEntity,
    /// Key and new value; None removes it.
    pub ops: Vec<(String, Option<f64>)>,
}

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

const EXACT: i8 = 0;
const DEFAULT: i8 = 1;

/// Entities that are asked for one by one; of more, all that there are is read at once.
const ASKED_FOR: usize = 32;

impl QuotaEntity {
    fn parts(&self) -> impl Iterator<Item = (&'static str, &EntityName)> {
        let parts = [
            (USER, &self.user),
            (CLIENT_ID, &self.client_id),
            (IP, &self.ip),
        ];
        parts
            .into_iter()
            .filter_map(|(kind, name)| Some((kind, name.as_ref()?)))
    }

    /// None where there is a type of entity that this version does not know.
    fn of<'a>(
        parts: impl Iterator<Item = (&'a StrBytes, &'a Option<StrBytes>)>,
    ) -> Option<QuotaEntity> {
        let mut entity = QuotaEntity::default();
        for (kind, name) in parts {
            let name = match name {
                Some(name) => EntityName::Named(name.to_string()),
                None => EntityName::Default,
            };
            match kind.as_str() {
                USER => entity.user = Some(name),
                CLIENT_ID => entity.client_id = Some(name),
                IP => entity.ip = Some(name),
                _ => return None,
            }
        }
        Some(entity)
    }
}

impl fmt::Display for QuotaEntity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (kind, name)) in self.parts().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            match name {
                EntityName::Named(name) => write!(f, "{comma}{kind}={name:?}")?,
                EntityName::Default => write!(f, "{comma}default {kind}")?,
            }
        }
        Ok(())
    }
}

impl Kafka {
    /// The quotas of these entities; one without any is none of the answers.
    ///
    /// Needs DESCRIBE_CONFIGS on the cluster ([`KafkaError::ClusterAuthorizationFailed`]).
    pub async fn describe_quotas(
        &self,
        entities: &[QuotaEntity],
    ) -> Result<Vec<Quota>, KafkaError> {
        if entities.len() > ASKED_FOR {
            let mut all = self.all_quotas().await?;
            all.retain(|quota| entities.contains(&quota.entity));
            return Ok(all);
        }
        let slices = split(entities, 1, |_| 1);
        let asked = |slice: Vec<QuotaEntity>| async move {
            let components = slice.iter().flat_map(QuotaEntity::parts).map(component);
            let request = DescribeClientQuotasRequest::default()
                .with_components(components.collect())
                .with_strict(true);
            self.quotas(request).await
        };
        Ok(read(slices, READS_IN_FLIGHT, asked).await?.concat())
    }

    /// Every quota of the cluster; rights as in [`Kafka::describe_quotas`].
    pub async fn all_quotas(&self) -> Result<Vec<Quota>, KafkaError> {
        self.quotas(DescribeClientQuotasRequest::default()).await
    }

    async fn quotas(&self, request: DescribeClientQuotasRequest) -> Result<Vec<Quota>, KafkaError> {
        let answer = self
            .ask(Target::Any, Effect::Read, &request, |_| false)
            .await?;
        ItemError::check(answer.error_code, words(&answer.error_message).as_deref())
            .map_err(|error| KafkaError::refused("DescribeClientQuotas", error))?;
        let entries = answer.entries.iter().flatten();
        Ok(entries.filter_map(quota).collect())
    }

    /// Sets and removes quotas, or only asks whether that would be done; the results in the order given. Entities must be distinct.
    ///
    /// Needs ALTER_CONFIGS on the cluster: an item's error 31 (`CLUSTER_AUTHORIZATION_FAILED`) says that it lacks.
    pub async fn alter_quotas(
        &self,
        changes: &[QuotaChange],
        validate_only: bool,
    ) -> Result<Vec<Result<(), ItemError>>, KafkaError> {
        let slices = split(changes, RECORDS_PER_REQUEST, |change| change.ops.len());
        write(slices, |slice| self.alter_some_quotas(slice, validate_only)).await
    }

    async fn alter_some_quotas(
        &self,
        changes: Vec<QuotaChange>,
        validate_only: bool,
    ) -> Result<Results, KafkaError> {
        let request = AlterClientQuotasRequest::default()
            .with_entries(changes.iter().map(entry).collect())
            .with_validate_only(validate_only);
        let names = changes.iter().map(|change| change.entity.to_string());
        let names: Vec<String> = names.collect();
        let names = names.iter().map(String::as_str);
        let effect = Effect::of(validate_only);
        self.change(names, effect, &request, |answer| {
            let told = |entry: &Altered| {
                let parts = entry.entity.iter();
                let parts = parts.map(|part| (&part.entity_type, &part.entity_name));
                Some(Told {
                    name: QuotaEntity::of(parts)?.to_string(),
                    code: entry.error_code,
                    message: entry.error_message.clone(),
                })
            };
            answer.entries.iter().filter_map(told).collect()
        })
        .await
    }
}

fn component((kind, name): (&'static str, &EntityName)) -> ComponentData {
    let component = ComponentData::default().with_entity_type(text(kind));
    match name {
        EntityName::Named(name) => component
            .with_match_type(EXACT)
            .with_match(Some(text(name))),
        EntityName::Default => component.with_match_type(DEFAULT).with_match(None),
    }
}

fn entry(change: &QuotaChange) -> EntryData {
    let entity = change.entity.parts().map(|(kind, name)| {
        let name = match name {
            EntityName::Named(name) => Some(text(name)),
            EntityName::Default => None,
        };
        EntityData::default()
            .with_entity_type(text(kind))
            .with_entity_name(name)
    });
    let op = |(key, value): &(String, Option<f64>)| {
        OpData::default()
            .with_key(text(key))
            .with_value(value.unwrap_or_default())
            .with_remove(value.is_none())
    };
    EntryData::default()
        .with_entity(entity.collect())
        .with_ops(change.ops.iter().map(op).collect())
}

fn quota(entry: &Described) -> Option<Quota> {
    let parts = entry.entity.iter();
    let parts = parts.map(|part| (&part.entity_type, &part.entity_name));
    let values = entry.values.iter();
    Some(Quota {
        entity: QuotaEntity::of(parts)?,
        values: values
            .map(|value| (value.key.to_string(), value.value))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_told_apart() {
        let named = |name: &str| Some(EntityName::Named(name.to_owned()));
        let user = QuotaEntity {
            user: named("a"),
            ..QuotaEntity::default()
        };
        let both = QuotaEntity {
            client_id: Some(EntityName::Default),
            ..user.clone()
        };
        assert_eq!(user.to_string(), "user=\"a\"");
        assert_eq!(both.to_string(), "user=\"a\", default client-id");
    }

    #[test]
    fn a_removed_key_is_no_value() {
        let change = QuotaChange {
            entity: QuotaEntity {
                ip: Some(EntityName::Default),
                ..QuotaEntity::default()
            },
            ops: vec![
                ("connection_creation_rate".to_owned(), None),
                ("x".to_owned(), Some(1.5)),
            ],
        };
        let entry = entry(&change);
        assert_eq!(entry.entity[0].entity_name, None);
        assert!(entry.ops[0].remove && !entry.ops[1].remove);
    }
}
