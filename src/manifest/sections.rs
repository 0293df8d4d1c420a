//! The sections of a manifest, in one table.

use crate::model::KindName;

/// A section: where it stands and what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// The key at the top.
    pub head: &'static str,
    /// The key below it.
    pub name: &'static str,
    pub holds: Holds,
    /// One sentence for the schema.
    pub description: &'static str,
}

/// What a section holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holds {
    /// How to reach NATS.
    NatsConnection,
    /// How to reach Kafka.
    KafkaConnection,
    /// Resources of this kind by name.
    Resources(KindName),
    /// Consumers by `STREAM/NAME`.
    Consumers,
    /// A topic's `access` by the topic's name.
    Access,
    /// A list of ACL entries.
    Acls,
    /// As whom workers log in to Kafka: a principal.
    Principal,
    /// Defaults of these kinds, each under its word.
    Defaults(&'static [(&'static str, KindName)]),
}

/// Every section, in the order of the schema.
pub(super) const SECTIONS: [Section; 15] = [
    Section {
        head: "connections",
        name: "nats",
        holds: Holds::NatsConnection,
        description: "How to reach NATS; `NATS_URL` or `nats://127.0.0.1:4222` where it is left out. A path is relative to the manifest that names it.",
    },
    Section {
        head: "connections",
        name: "kafka",
        holds: Holds::KafkaConnection,
        description: "How to reach Kafka, by librdkafka's property names; `KAFKA_BROKERS` or `127.0.0.1:9092` where it is left out. A path is relative to the manifest that names it.",
    },
    Section {
        head: "nats",
        name: "defaults",
        holds: Holds::Defaults(&[
            ("stream", KindName::Stream),
            ("consumer", KindName::Consumer),
            ("key_value", KindName::Kv),
            ("object_store", KindName::ObjectStore),
        ]),
        description: "What every stream, consumer, key-value bucket or object store says unless it says otherwise; an explicit `null` there takes a default away.",
    },
    Section {
        head: "nats",
        name: "streams",
        holds: Holds::Resources(KindName::Stream),
        description: "JetStream streams by name.",
    },
    Section {
        head: "nats",
        name: "consumers",
        holds: Holds::Consumers,
        description: "Consumers by `STREAM/NAME`, for manifests in which another part declares the stream.",
    },
    Section {
        head: "nats",
        name: "key_value",
        holds: Holds::Resources(KindName::Kv),
        description: "JetStream key-value buckets by name.",
    },
    Section {
        head: "nats",
        name: "object_store",
        holds: Holds::Resources(KindName::ObjectStore),
        description: "JetStream object stores by name.",
    },
    Section {
        head: "kafka",
        name: "defaults",
        holds: Holds::Defaults(&[("topic", KindName::Topic)]),
        description: "What every topic says unless it says otherwise; an explicit `null` there takes a default away.",
    },
    Section {
        head: "kafka",
        name: "topics",
        holds: Holds::Resources(KindName::Topic),
        description: "Kafka topics by name.",
    },
    Section {
        head: "kafka",
        name: "access",
        holds: Holds::Access,
        description: "A topic's `access` by the topic's name, for manifests in which another part declares the topic.",
    },
    Section {
        head: "kafka",
        name: "acls",
        holds: Holds::Acls,
        description: "Kafka ACLs: one for each principal, operation and host of an entry.",
    },
    Section {
        head: "kafka",
        name: "quotas",
        holds: Holds::Resources(KindName::Quota),
        description: "Client quotas by whose they are: `user/NAME`, `client-id/NAME`, `user/NAME/client-id/NAME`, `ip/ADDRESS`; `user-default`, `client-id-default` or `ip-default` for all without one of their own.",
    },
    Section {
        head: "kafka",
        name: "users",
        holds: Holds::Resources(KindName::User),
        description: "Users that log in by SCRAM, by name, without `User:`.",
    },
    Section {
        head: "bridge",
        name: "principal",
        holds: Holds::Principal,
        description: "As whom the workers of the routes log in to Kafka (`User:bridge`). Where it is said, each route implies the ACLs that it needs, and no more.",
    },
    Section {
        head: "bridge",
        name: "routes",
        holds: Holds::Resources(KindName::Route),
        description: "Routes between streams and topics by name, along which `trueup bridge run` moves messages.",
    },
];

/// The keys at the top.
pub(super) const HEADS: [&str; 7] = [
    "stack",
    "ledger",
    "connections",
    "nats",
    "kafka",
    "bridge",
    "approvals",
];

/// What the ledger's place is, for the schema and for `explain`.
pub(super) const LEDGER: &str = "Where it is recorded what the stack owns: `nats` (the bucket `trueup`), `kafka` (the topic `__trueup`), `file:PATH` (a file of this machine) or `none`. Left out, it is `nats` for a manifest with a `nats` section or a connection to NATS, and `kafka` for one of Kafka alone; `--ledger` and TRUEUP_LEDGER win over it.";

/// What the approvals are, for the schema and for `explain`.
pub(super) const APPROVALS: &str = "Consent to what steps may cost, each to one risk of one resource, within a bound and until an end.";

/// The section at `head.name`.
pub(super) fn section(head: &str, name: &str) -> Option<&'static Section> {
    SECTIONS
        .iter()
        .find(|section| section.head == head && section.name == name)
}

/// The names of the sections under this key.
pub(super) fn names_under(head: &str) -> impl Iterator<Item = &'static str> {
    SECTIONS
        .iter()
        .filter(move |section| section.head == head)
        .map(|section| section.name)
}

/// The defaults of this kind: head and word.
pub(super) fn defaults_of(kind: KindName) -> Option<(&'static str, &'static str)> {
    SECTIONS.iter().find_map(|section| match section.holds {
        Holds::Defaults(words) => words
            .iter()
            .find(|(_, of)| *of == kind)
            .map(|(word, _)| (section.head, *word)),
        _ => None,
    })
}
