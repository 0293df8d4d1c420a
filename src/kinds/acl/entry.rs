use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, PatternType, Permission, ResourceType};

/// An entry of a manifest's `kafka.acls`: one ACL for each principal, operation and host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AclEntry {
    /// Whom it is about: `User:analytics`; `User:*` is everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Several of them, instead of `principal`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<String>,
    /// `allow`, where it is not said, or `deny`. Deny wins over allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
    /// What may (or may not) be done.
    pub operations: Vec<Operation>,
    /// With what.
    pub resource: AclResource,
    /// The client's IP address; `*`, where it is not said, is every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Several of them, instead of `host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

/// What an ACL is about: exactly one of the names, and how it matches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AclResource {
    /// A topic; `"*"` is every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// A consumer group; `"*"` is every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The cluster, whose only name is `kafka-cluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// A transactional id; `"*"` is every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactional_id: Option<String>,
    /// A delegation token's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation_token: Option<String>,
    /// A user whose delegation tokens it is about: `User:alice` (KIP-373).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `literal`, where it is not said, or `prefixed`: every name that begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<PatternType>,
}

impl AclResource {
    /// The names that are given, each with its type and the field that holds it; one, if all is well.
    pub fn names(&self) -> Vec<(ResourceType, &str)> {
        [
            (ResourceType::Topic, &self.topic),
            (ResourceType::Group, &self.group),
            (ResourceType::Cluster, &self.cluster),
            (ResourceType::TransactionalId, &self.transactional_id),
            (ResourceType::DelegationToken, &self.delegation_token),
            (ResourceType::User, &self.user),
        ]
        .into_iter()
        .filter_map(|(kind, name)| Some((kind, name.as_deref()?)))
        .collect()
    }

    /// The resource of this type, name and pattern.
    pub fn new(kind: ResourceType, name: &str, pattern: PatternType) -> AclResource {
        let mut resource = AclResource {
            pattern: (pattern == PatternType::Prefixed).then_some(pattern),
            ..AclResource::default()
        };
        let name = Some(name.to_owned());
        match kind {
            ResourceType::Topic => resource.topic = name,
            ResourceType::Group => resource.group = name,
            ResourceType::Cluster => resource.cluster = name,
            ResourceType::TransactionalId => resource.transactional_id = name,
            ResourceType::DelegationToken => resource.delegation_token = name,
            ResourceType::User => resource.user = name,
        }
        resource
    }
}

/// A topic's `access`: who produces to it and who consumes from it, said once and expanded into ACLs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Who writes: allowed write and describe on the topic, and on each transactional id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub produce: Vec<Producer>,
    /// Who reads: allowed read and describe on the topic, and read on each group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consume: Vec<Consumer>,
}

/// Who writes: a principal, or a principal with more to say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Producer {
    /// `User:bridge`.
    Principal(String),
    /// With transactional ids or hosts.
    Terms(ProducerTerms),
}

/// Who reads: a principal, or a principal with more to say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Consumer {
    /// `User:analytics`.
    Principal(String),
    /// With groups or hosts.
    Terms(ConsumerTerms),
}

/// A producer in full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProducerTerms {
    /// Who: `User:bridge`.
    pub principal: String,
    /// The transactional ids that it uses; one that ends in `*` stands for all that begin so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transactional_ids: Vec<String>,
    /// The client's IP address; `*`, where it is not said, is every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Several of them, instead of `host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

/// A consumer in full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumerTerms {
    /// Who: `User:analytics`.
    pub principal: String,
    /// The consumer groups that it is a member of; one that ends in `*` stands for all that begin so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The client's IP address; `*`, where it is not said, is every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Several of them, instead of `host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

impl Producer {
    /// In full, whichever way it is written.
    pub fn terms(&self) -> Cow<'_, ProducerTerms> {
        match self {
            Producer::Principal(principal) => Cow::Owned(ProducerTerms {
                principal: principal.clone(),
                ..ProducerTerms::default()
            }),
            Producer::Terms(terms) => Cow::Borrowed(terms),
        }
    }
}

impl Consumer {
    /// In full, whichever way it is written.
    pub fn terms(&self) -> Cow<'_, ConsumerTerms> {
        match self {
            Consumer::Principal(principal) => Cow::Owned(ConsumerTerms {
                principal: principal.clone(),
                ..ConsumerTerms::default()
            }),
            Consumer::Terms(terms) => Cow::Borrowed(terms),
        }
    }
}
