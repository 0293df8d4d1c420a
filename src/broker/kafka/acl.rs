//! The words of Kafka's ACLs, and their codes on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An enum of Kafka's words with their wire codes, written as the Kafka tools print them (in lower snake case).
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every word, in the order of the wire codes.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The word, in lower snake case.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            pub(crate) fn code(self) -> i8 {
                match self { $($name::$variant => $code,)* }
            }

            pub(crate) fn from_code(code: i8) -> Option<$name> {
                $name::ALL.iter().copied().find(|word| word.code() == code)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            /// The error lists the words.
            fn from_str(text: &str) -> Result<$name, String> {
                let found = $name::ALL.iter().copied().find(|word| word.as_str() == text);
                found.ok_or_else(|| format!("`{text}` is none of {}", [$($word,)*].join(", ")))
            }
        }
    };
}

words! {
    /// What an ACL is about (`org.apache.kafka.common.resource.ResourceType`).
    ResourceType {
        /// A topic.
        Topic = 2 "topic",
        /// A consumer group.
        Group = 3 "group",
        /// The cluster itself; its only name is `kafka-cluster`.
        Cluster = 4 "cluster",
        /// A transactional id.
        TransactionalId = 5 "transactional_id",
        /// A delegation token.
        DelegationToken = 6 "delegation_token",
        /// A user, for delegation tokens (KIP-373, Kafka 3.3).
        User = 7 "user",
    }
}

words! {
    /// How the name of an ACL's resource matches (`org.apache.kafka.common.resource.PatternType`).
    PatternType {
        /// The very name, or `*` for every one.
        Literal = 3 "literal",
        /// Every name that begins so.
        Prefixed = 4 "prefixed",
    }
}

words! {
    /// What an ACL lets do (`org.apache.kafka.common.acl.AclOperation`).
    Operation {
        /// Every operation that the resource has.
        All = 2 "all",
        /// Read.
        Read = 3 "read",
        /// Write.
        Write = 4 "write",
        /// Create.
        Create = 5 "create",
        /// Delete.
        Delete = 6 "delete",
        /// Alter.
        Alter = 7 "alter",
        /// Describe; implied by read, write, delete and alter.
        Describe = 8 "describe",
        /// What brokers do among themselves.
        ClusterAction = 9 "cluster_action",
        /// Describe configs; implied by alter configs.
        DescribeConfigs = 10 "describe_configs",
        /// Alter configs.
        AlterConfigs = 11 "alter_configs",
        /// Idempotent write (not needed since Kafka 3.0, KIP-679).
        IdempotentWrite = 12 "idempotent_write",
        /// Create delegation tokens for another user (KIP-373, Kafka 3.3).
        CreateTokens = 13 "create_tokens",
        /// Describe the delegation tokens of another user (KIP-373, Kafka 3.3).
        DescribeTokens = 14 "describe_tokens",
        /// Take part in a two-phase commit (KIP-939, Kafka 4.1).
        TwoPhaseCommit = 15 "two_phase_commit",
    }
}

words! {
    /// Whether an ACL allows or denies; deny wins (`org.apache.kafka.common.acl.AclPermissionType`).
    Permission {
        /// Deny.
        Deny = 2 "deny",
        /// Allow.
        Allow = 3 "allow",
    }
}

impl Operation {
    /// The operations in the bits that a broker reports for the asking user: bit n is the operation of code n (KIP-430).
    /// None when the broker did not say.
    pub(crate) fn from_bits(bits: i32) -> Option<Vec<Operation>> {
        let given = bits != i32::MIN;
        let has = |operation: &Operation| bits & (1 << operation.code()) != 0;
        given.then(|| Operation::ALL.iter().copied().filter(has).collect())
    }
}

/// One ACL, all seven fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AclBinding {
    /// `User:analytics`, or `User:*` for everybody.
    pub principal: String,
    /// Allow or deny.
    pub permission: Permission,
    /// What it lets do.
    pub operation: Operation,
    /// What it is about.
    pub resource_type: ResourceType,
    /// How the name matches.
    pub pattern: PatternType,
    /// The name, the prefix, or `*`.
    pub name: String,
    /// The client's address, `*` for every one.
    pub host: String,
}

/// Which ACLs to list: a field that is None matches every value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AclFilter {
    /// See [`AclBinding::principal`].
    pub principal: Option<String>,
    /// See [`AclBinding::permission`].
    pub permission: Option<Permission>,
    /// See [`AclBinding::operation`].
    pub operation: Option<Operation>,
    /// See [`AclBinding::resource_type`].
    pub resource_type: Option<ResourceType>,
    /// See [`AclBinding::pattern`].
    pub pattern: Option<PatternType>,
    /// See [`AclBinding::name`].
    pub name: Option<String>,
    /// See [`AclBinding::host`].
    pub host: Option<String>,
}

impl AclFilter {
    /// The filter that matches exactly this ACL.
    pub fn exactly(acl: &AclBinding) -> AclFilter {
        AclFilter {
            principal: Some(acl.principal.clone()),
            permission: Some(acl.permission),
            operation: Some(acl.operation),
            resource_type: Some(acl.resource_type),
            pattern: Some(acl.pattern),
            name: Some(acl.name.clone()),
            host: Some(acl.host.clone()),
        }
    }

    /// The filter for every ACL on one resource.
    pub fn on(resource_type: ResourceType, pattern: PatternType, name: &str) -> AclFilter {
        AclFilter {
            resource_type: Some(resource_type),
            pattern: Some(pattern),
            name: Some(name.to_string()),
            ..AclFilter::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_serde_agrees() {
        for operation in Operation::ALL {
            assert_eq!(operation.as_str().parse(), Ok(*operation));
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.as_str());
            assert_eq!(Operation::from_code(operation.code()), Some(*operation));
        }
        for resource in ResourceType::ALL {
            assert_eq!(serde_json::to_value(resource).unwrap(), resource.as_str());
        }
        assert!("delet".parse::<Operation>().unwrap_err().contains("delete"));
    }

    #[test]
    fn authorized_operations_are_bits_by_code() {
        assert_eq!(
            Operation::from_bits(264),
            Some(vec![Operation::Read, Operation::Describe])
        );
        assert_eq!(Operation::from_bits(0), Some(vec![]));
        assert_eq!(Operation::from_bits(i32::MIN), None);
    }
}
