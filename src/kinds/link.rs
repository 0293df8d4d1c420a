use crate::model::Address;

/// One arrow of the picture that `graph` draws: which way messages go.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link {
    /// Where they come from.
    pub from: End,
    /// Where they go.
    pub to: End,
    /// How: `mirror`, `write`, a consumer's filter; empty where there is nothing to say.
    pub how: String,
    /// Whether it is there or is forbidden (a Kafka ACL that denies).
    pub is_denied: bool,
}

impl Link {
    /// An arrow that is there.
    pub fn new(from: End, to: End, how: impl Into<String>) -> Link {
        Link {
            from,
            to,
            how: how.into(),
            is_denied: false,
        }
    }
}

/// One end of a [`Link`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// A resource, declared here or not.
    Resource(Address),
    /// A stream of another account or domain, by its name and its API prefix.
    Elsewhere(String),
    /// A NATS subject that messages are sent on to.
    Subject(String),
    /// Kafka topics by a pattern (`orders-*`) that names no declared one alone.
    Topics(String),
    /// Consumer groups, by name or pattern.
    Groups(String),
    /// Who: a Kafka principal.
    Principal(String),
}
