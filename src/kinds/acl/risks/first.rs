//! The first ACL on a resource, where one without any is open to all.

use std::collections::HashSet;

use super::super::effect::is_on_all_of;
use super::super::{AclBinding, PatternType, ResourceType};
use crate::broker::kafka::{AclFilter, ConfigEntry, ItemError, Kafka, KafkaError};
use crate::kinds::kafka::UNKNOWN_TOPIC;
use crate::kinds::loss::{risk, unread};
use crate::model::{Code, Harm, Risk};

const EVERYONE: &str = "allow.everyone.if.no.acl.found";

/// What is known of resources that have no ACL, where that lets everybody in.
#[derive(Default)]
pub(super) struct First {
    /// The first ACLs of their resources, those of topics that are not there apart.
    firsts: HashSet<AclBinding>,
    unused: HashSet<AclBinding>,
    /// Why that is not known.
    gap: Option<String>,
}

impl First {
    /// Where it is not known, and why.
    pub(super) fn unknown(gap: String) -> First {
        First {
            gap: Some(gap),
            ..First::default()
        }
    }

    pub(super) fn risk(&self, acl: &AclBinding) -> Option<Risk> {
        let where_true = format!("`{EVERYONE}` is set on the brokers, and no broker tells to what");
        let (harm, evidence) = match &self.gap {
            _ if self.unused.contains(acl) => (
                Harm::Low,
                format!("{where_true}; it is the first ACL on a topic that is not there yet"),
            ),
            _ if self.firsts.contains(acl) => (
                Harm::High,
                format!(
                    "it is the first ACL there; {where_true}: where it is `true`, everybody else is cut off"
                ),
            ),
            Some(why) => (
                Harm::Medium,
                format!(
                    "where `{EVERYONE}` is `true` and it is the first ACL there, everybody else is cut off; {why}"
                ),
            ),
            None => return None,
        };
        Some(risk(Code::AclFirstOnResource, harm, evidence, None))
    }
}

/// Which of these ACLs are the first on their resources, where that may matter.
///
/// A broker lists the setting only where its file has it, and as a secret, for it is the authorizer's and not its own (measured
/// on 4.3.1).
pub(super) async fn first_on(kafka: &Kafka, acls: &[&AclBinding]) -> First {
    let all = match read_first(kafka).await {
        Ok(None) => return First::default(),
        Ok(Some(all)) => all,
        Err(error) => {
            return First::unknown(unread("whether it is set", &error.to_string()));
        }
    };
    let is_first = |acl: &&&AclBinding| !all.iter().any(|held| is_on_all_of(held, acl));
    let firsts = acls.iter().filter(is_first).copied().cloned();
    let firsts: HashSet<AclBinding> = firsts.collect();
    let absent = absent_topics(kafka, &firsts).await;
    let is_unused =
        |acl: &&AclBinding| acl.resource_type == ResourceType::Topic && absent.contains(&acl.name);
    First {
        unused: firsts.iter().filter(is_unused).cloned().collect(),
        firsts,
        gap: None,
    }
}

/// Every ACL, where the setting is there.
async fn read_first(kafka: &Kafka) -> Result<Option<Vec<AclBinding>>, KafkaError> {
    let cluster = kafka.cluster().await?;
    let Some(broker) = cluster.brokers.first() else {
        return Ok(None);
    };
    let configs = kafka.describe_broker_configs(broker.id).await?;
    let is_set =
        |entry: &ConfigEntry| entry.name == EVERYONE && entry.value.as_deref() != Some("false");
    match configs.iter().any(is_set) {
        false => Ok(None),
        true => kafka.describe_acls(&[AclFilter::default()]).await.map(Some),
    }
}

pub(super) fn is_of_one_topic(acl: &AclBinding) -> bool {
    let is_literal = acl.pattern == PatternType::Literal && acl.name != "*";
    acl.resource_type == ResourceType::Topic && is_literal
}

/// The literal names of topics that are known not to be there.
async fn absent_topics(kafka: &Kafka, acls: &HashSet<AclBinding>) -> HashSet<String> {
    let literal = acls.iter().filter(|acl| is_of_one_topic(acl));
    let names: Vec<String> = literal.map(|acl| acl.name.clone()).collect();
    let described = match names.is_empty() {
        true => return HashSet::new(),
        false => kafka.describe_topics(&names).await.unwrap_or_default(),
    };
    let is_absent =
        |topic: Result<_, ItemError>| topic.is_err_and(|error| error.code == UNKNOWN_TOPIC);
    let absent = described
        .into_iter()
        .filter_map(|(name, topic)| is_absent(topic).then_some(name));
    absent.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{acl, told};
    use super::*;

    #[test]
    fn the_first_acl_matters_where_everybody_may_be_let_in() {
        let (first, unused) = (
            acl("User:a/allow/read/topic/literal/orders/*"),
            acl("User:a/allow/read/topic/literal/new/*"),
        );
        let set = First {
            firsts: HashSet::from([first.clone(), unused.clone()]),
            unused: HashSet::from([unused.clone()]),
            gap: None,
        };
        let code = Code::AclFirstOnResource;
        assert_eq!(told(set.risk(&first)), Some((code, Harm::High)));
        assert_eq!(told(set.risk(&unused)), Some((code, Harm::Low)));
        assert_eq!(set.risk(&acl("User:a/allow/read/topic/literal/x/*")), None);
        assert_eq!(First::default().risk(&first), None);
        let gap = First {
            gap: Some("whether it is set could not be read: needs DESCRIBE_CONFIGS".to_owned()),
            ..First::default()
        };
        assert_eq!(told(gap.risk(&first)), Some((code, Harm::Medium)));
    }
}
