//! What is wrong with a part of an ACL, whatever the brokers are.

use std::net::IpAddr;

use super::{Operation, Parts, PatternType, ResourceType};
use crate::model::{Code, Problem};

/// The only name that the cluster has as a resource.
pub const CLUSTER_NAME: &str = "kafka-cluster";

/// A problem that has no place yet.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    code: Code,
    error: bool,
    message: String,
    hint: String,
}

impl Complaint {
    fn error(code: Code, message: String, hint: impl Into<String>) -> Complaint {
        let hint = hint.into();
        Complaint {
            code,
            error: true,
            message,
            hint,
        }
    }

    fn warning(code: Code, message: String, hint: impl Into<String>) -> Complaint {
        Complaint {
            error: false,
            ..Complaint::error(code, message, hint)
        }
    }

    /// Whether the broker would refuse it.
    pub(super) fn is_error(&self) -> bool {
        self.error
    }

    pub(super) fn problem(self) -> Problem {
        let problem = match self.error {
            true => Problem::error(self.code, self.message),
            false => Problem::warning(self.code, self.message),
        };
        problem.hint(self.hint)
    }
}

/// What no broker would take of a whole ACL.
pub(super) fn acl(acl: &Parts<'_>) -> Vec<Problem> {
    [
        principal(&acl.principal),
        name(acl.resource_type, acl.pattern, &acl.name),
        host(&acl.host),
    ]
    .into_iter()
    .flatten()
    .filter(Complaint::is_error)
    .map(Complaint::problem)
    .collect()
}

/// What is wrong with a principal, as a problem.
pub fn principal_fault(text: &str) -> Option<Problem> {
    principal(text).map(Complaint::problem)
}

/// A principal is `Type:name`; Kafka refuses another form, and takes an empty name. Types and names are compared as they stand, and
/// only `User:*` is a wildcard (`StandardAuthorizer`, Kafka 4.3).
pub(super) fn principal(principal: &str) -> Option<Complaint> {
    match principal.split_once(':') {
        None | Some(("", _)) => Some(Complaint::error(
            Code::BadName,
            format!("`{principal}` is no principal"),
            match principal.trim_matches(':') {
                "" => "write the type and the name, such as `User:alice`".to_owned(),
                name => format!("write the type and the name: `User:{name}`"),
            },
        )),
        Some((kind, name)) if kind != "User" && kind.eq_ignore_ascii_case("user") => {
            Some(Complaint::warning(
                Code::BadName,
                format!("`{kind}` is not the type `User`, so no user is ever `{principal}`"),
                format!("capitals count: write `User:{name}`"),
            ))
        }
        Some((_, name)) if name.len() > 1 && name.ends_with('*') => Some(Complaint::warning(
            Code::BadName,
            format!("`{principal}` is only the user whose name ends with a `*`"),
            "the only wildcard of a principal is `User:*`, for everybody; name each user",
        )),
        Some(_) => None,
    }
}

/// Kafka compares the IP address that a client comes from with the text of the ACL.
pub(super) fn host(host: &str) -> Option<Complaint> {
    if host.is_empty() {
        return Some(Complaint::error(
            Code::BadName,
            "the host is empty".to_owned(),
            "write an IP address, or `*` for every one",
        ));
    }
    let matches = host == "*" || host.parse::<IpAddr>().is_ok();
    (!matches).then(|| {
        Complaint::warning(
            Code::BadName,
            format!("`{host}` is no IP address, so no client ever matches it"),
            "Kafka compares the address that a client comes from, never its host name; write the IP address, or `*`",
        )
    })
}

/// The name of a resource.
pub(super) fn name(kind: ResourceType, pattern: PatternType, name: &str) -> Option<Complaint> {
    let topic = kind == ResourceType::Topic;
    match (kind, pattern, name) {
        (_, _, "") => Some(Complaint::error(
            Code::BadName,
            format!("the name of the {kind} is empty"),
            "write `\"*\"` for every one",
        )),
        (ResourceType::Cluster, _, other) if other != CLUSTER_NAME => Some(Complaint::error(
            Code::BadName,
            format!("`{other}` is no name of a cluster"),
            format!("the cluster's only name is `{CLUSTER_NAME}`"),
        )),
        (_, PatternType::Prefixed, "*") => Some(Complaint::warning(
            Code::BadName,
            format!("a prefixed `*` matches every {kind} whose name begins with a `*`"),
            "for every one leave `pattern` out: a literal `*` is the wildcard",
        )),
        (_, PatternType::Literal, starred) if starred.len() > 1 && starred.ends_with('*') => {
            let prefix = starred.trim_end_matches('*');
            Some(Complaint::warning(
                Code::BadName,
                format!(
                    "a literal `{starred}` matches only the {kind} of that very name{}",
                    if topic {
                        ", which no topic can have"
                    } else {
                        ""
                    }
                ),
                format!(
                    "for every {kind} that begins so, write `{kind}: {prefix}` and `pattern: prefixed`"
                ),
            ))
        }
        (_, PatternType::Literal | PatternType::Prefixed, _) => None,
    }
}

/// An operation that Kafka never asks for on a resource of this type has no effect.
pub(super) fn operation(kind: ResourceType, operation: Operation) -> Option<Complaint> {
    let known = operations(kind);
    let has = operation == Operation::All || known.contains(&operation);
    let words: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    (!has).then(|| {
        Complaint::warning(
            Code::UnknownValue,
            format!("Kafka never asks for `{operation}` on a {kind}, so the ACL has no effect"),
            format!("a {kind} has `all`, {}", words.join(", ")),
        )
    })
}

/// The release that brought an operation; none when every supported one has it. An older broker
/// refuses the whole request that holds it.
pub fn since(operation: Operation) -> Option<&'static str> {
    match operation {
        // KIP-939
        Operation::TwoPhaseCommit => Some("4.1"),
        Operation::All
        | Operation::Read
        | Operation::Write
        | Operation::Create
        | Operation::Delete
        | Operation::Alter
        | Operation::Describe
        | Operation::ClusterAction
        | Operation::DescribeConfigs
        | Operation::AlterConfigs
        | Operation::IdempotentWrite
        | Operation::CreateTokens
        | Operation::DescribeTokens => None,
    }
}

/// The operations of a type of resource.
///
/// Source: `kafka.security.authorizer.AclEntry.supportedOperations`, Kafka 4.3.
pub fn operations(kind: ResourceType) -> &'static [Operation] {
    use Operation::*;
    match kind {
        ResourceType::Topic => &[
            Read,
            Write,
            Create,
            Describe,
            Delete,
            Alter,
            DescribeConfigs,
            AlterConfigs,
        ],
        ResourceType::Group => &[Read, Describe, Delete, DescribeConfigs, AlterConfigs],
        ResourceType::Cluster => &[
            Create,
            ClusterAction,
            DescribeConfigs,
            AlterConfigs,
            IdempotentWrite,
            Alter,
            Describe,
        ],
        ResourceType::TransactionalId => &[Describe, Write, TwoPhaseCommit],
        ResourceType::DelegationToken => &[Describe],
        ResourceType::User => &[CreateTokens, DescribeTokens],
    }
}

pub(super) fn missing(word: &str) -> Complaint {
    Complaint::error(
        Code::MissingField,
        format!("the ACL has no `{word}`"),
        format!("write `{word}` or `{word}s`"),
    )
}

pub(super) fn both(word: &str) -> Complaint {
    Complaint::error(
        Code::Contradiction,
        format!("`{word}` and `{word}s` are both there"),
        format!("put all of them into `{word}s`"),
    )
}

pub(super) fn no_operation() -> Complaint {
    Complaint::error(
        Code::MissingField,
        "the ACL has no operation".to_owned(),
        "write at least one: `operations: [read]`",
    )
}

pub(super) fn one_resource(count: usize) -> Complaint {
    let code = if count == 0 {
        Code::MissingField
    } else {
        Code::Contradiction
    };
    Complaint::error(
        code,
        format!("the ACL is about {count} resources, not one"),
        "name one of `topic`, `group`, `cluster`, `transactional_id`, `delegation_token`, `user`; make an entry for each",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_like_a_user_or_like_everybody_is_warned_of() {
        let told = |text: &str| principal(text).map(|it| (it.is_error(), it.message));
        assert_eq!(told("User:*"), None);
        assert_eq!(told("User:CN=a*b,O=c"), None);
        assert_eq!(told("Group:b"), None, "another principal builder's");
        let (is_error, message) = told("user:b").unwrap();
        assert!(!is_error && message.contains("type `User`"), "{message}");
        let (is_error, message) = told("User:h*").unwrap();
        assert!(!is_error && message.contains("ends with"), "{message}");
        assert!(told("b").unwrap().0);
    }
}
