use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Operation, PatternType, Permission, ResourceType};
use crate::kinds::facts::{Edit, Facts, field};

/// A Kafka ACL: who may, or may not, do what with which resource from where.
///
/// All seven fields together are its identity, and its address. There is nothing else to it, so an
/// ACL is made or it is there; it never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-source" = "Kafka AccessControlEntry (KIP-11; prefixes KIP-290)"))]
pub struct AclSpec {
    /// Whom it is about: `User:analytics`; `User:*` is everybody.
    #[schemars(extend("x-field" = fixed()))]
    pub principal: String,
    /// Whether it allows or denies. Deny wins over allow.
    #[serde(default = "allow")]
    #[schemars(extend("x-field" = fixed().default_is(allow().as_str())))]
    pub permission: Permission,
    /// What it is that may be done. Read, write, delete and alter imply describe; alter_configs
    /// implies describe_configs.
    #[schemars(extend("x-field" = fixed()))]
    pub operation: Operation,
    /// What kind of thing it is about.
    #[schemars(extend("x-field" = fixed()))]
    pub resource_type: ResourceType,
    /// Whether `name` is the very name or the beginning of names.
    #[serde(default = "literal")]
    #[schemars(extend("x-field" = fixed().default_is(literal().as_str())))]
    pub pattern: PatternType,
    /// The name or its beginning; a literal `*` is every name. The cluster's is `kafka-cluster`.
    #[schemars(extend("x-field" = fixed()))]
    pub name: String,
    /// The client's IP address; `*` is every one. Kafka never compares host names.
    #[serde(default = "everywhere")]
    #[schemars(extend("x-field" = fixed().default_is(everywhere())))]
    pub host: String,
}

fn fixed() -> Facts {
    field().edit(Edit::Fixed)
}

fn allow() -> Permission {
    Permission::Allow
}

fn literal() -> PatternType {
    PatternType::Literal
}

fn everywhere() -> String {
    "*".to_owned()
}
