//! Kafka's topic configs: what each is, by key.
//!
//! Source: `org.apache.kafka.common.config.TopicConfig` and `LogConfig` of Kafka 4.3, with the
//! three that 4.0 took away. A key that is not here is allowed: a newer broker knows more.

use crate::model::unit::Unit;

/// What is known of one topic config.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownConfig {
    /// Kafka's key.
    pub key: &'static str,
    /// What its text holds.
    pub holds: ConfigType,
    /// What its number counts.
    pub unit: Option<Unit>,
    /// The numbers that mean `unlimited`; the first is the one that is sent.
    pub unlimited: &'static [i64],
    /// The words that it takes, where it takes only these.
    pub words: &'static [&'static str],
    /// Kafka's own default, which the broker's configuration may replace.
    pub default: &'static str,
    /// The release that brought it; none when every supported one has it.
    pub since: Option<&'static str>,
    /// What it is for.
    pub description: &'static str,
}

/// What the text of a config holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Number,
    /// A number with a fraction.
    Fraction,
    /// One word.
    Word,
    /// Words with commas between them, whose order has no meaning.
    List,
}

/// Every known topic config, by key.
pub fn known_configs() -> &'static [KnownConfig] {
    KNOWN
}

/// What is known of this key; none for a key that is not in the table, which may exist all the same.
pub fn known_config(key: &str) -> Option<&'static KnownConfig> {
    let found = KNOWN.binary_search_by_key(&key, |config| config.key);
    found.ok().map(|index| &KNOWN[index])
}

/// Whether the key is one that a running reassignment sets and takes away, so that it is left
/// alone unless it is declared.
pub fn is_throttle(key: &str) -> bool {
    key.ends_with(".replication.throttled.replicas")
}

/// Sorted by key.
const KNOWN: &[KnownConfig] = &[
    KnownConfig {
        key: "cleanup.policy",
        holds: ConfigType::List,
        unit: None,
        unlimited: &[],
        words: &["delete", "compact"],
        default: "delete",
        since: None,
        description: "what becomes of old segments: `delete` drops them when their time or size is up, `compact` keeps the last value of each key; both together do both",
    },
    KnownConfig {
        key: "compression.gzip.level",
        holds: ConfigType::Number,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "-1",
        since: Some("3.8"),
        description: "the level of `gzip`, 1 to 9; -1 is the library's own",
    },
    KnownConfig {
        key: "compression.lz4.level",
        holds: ConfigType::Number,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "9",
        since: Some("3.8"),
        description: "the level of `lz4`, 1 to 17",
    },
    KnownConfig {
        key: "compression.type",
        holds: ConfigType::Word,
        unit: None,
        unlimited: &[],
        words: &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"],
        default: "producer",
        since: None,
        description: "how batches are compressed on disk; `producer` keeps what the producer chose",
    },
    KnownConfig {
        key: "compression.zstd.level",
        holds: ConfigType::Number,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "3",
        since: Some("3.8"),
        description: "the level of `zstd`, -131072 to 22",
    },
    KnownConfig {
        key: "delete.retention.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[],
        words: &[],
        default: "86400000",
        since: None,
        description: "how long the tombstones of a compacted topic are kept; a reader that starts at offset 0 must finish within that time",
    },
    KnownConfig {
        key: "file.delete.delay.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[],
        words: &[],
        default: "60000",
        since: None,
        description: "how long a dropped file stays on disk",
    },
    KnownConfig {
        key: "flush.messages",
        holds: ConfigType::Number,
        unit: None,
        unlimited: &[i64::MAX],
        words: &[],
        default: "9223372036854775807",
        since: None,
        description: "after how many messages the log is forced to disk; replication is the better durability",
    },
    KnownConfig {
        key: "flush.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[i64::MAX],
        words: &[],
        default: "9223372036854775807",
        since: None,
        description: "after how long the log is forced to disk; replication is the better durability",
    },
    KnownConfig {
        key: "follower.replication.throttled.replicas",
        holds: ConfigType::List,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "",
        since: None,
        description: "replicas whose copying is throttled on the follower's side: `partition:broker`, or `*`; set by a running reassignment, and left alone unless declared",
    },
    KnownConfig {
        key: "index.interval.bytes",
        holds: ConfigType::Number,
        unit: Some(Unit::Bytes),
        unlimited: &[],
        words: &[],
        default: "4096",
        since: None,
        description: "how many bytes of the log lie between two entries of its index",
    },
    KnownConfig {
        key: "leader.replication.throttled.replicas",
        holds: ConfigType::List,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "",
        since: None,
        description: "replicas whose copying is throttled on the leader's side: `partition:broker`, or `*`; set by a running reassignment, and left alone unless declared",
    },
    KnownConfig {
        key: "local.retention.bytes",
        holds: ConfigType::Number,
        unit: Some(Unit::Bytes),
        unlimited: &[-1],
        words: &[],
        default: "-2",
        since: Some("3.6"),
        description: "how much of a partition stays on local disk with tiered storage; -2 means `retention.bytes`",
    },
    KnownConfig {
        key: "local.retention.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[-1],
        words: &[],
        default: "-2",
        since: Some("3.6"),
        description: "how long segments stay on local disk with tiered storage; -2 means `retention.ms`",
    },
    KnownConfig {
        key: "max.compaction.lag.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[i64::MAX],
        words: &[],
        default: "9223372036854775807",
        since: None,
        description: "after how long a message must be open to compaction",
    },
    KnownConfig {
        key: "max.message.bytes",
        holds: ConfigType::Number,
        unit: Some(Unit::Bytes),
        unlimited: &[],
        words: &[],
        default: "1048588",
        since: None,
        description: "the largest record batch that is taken, after compression",
    },
    KnownConfig {
        key: "message.downconversion.enable",
        holds: ConfigType::Bool,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "true",
        since: None,
        description: "whether old consumers are served in old formats; gone in Kafka 4.0",
    },
    KnownConfig {
        key: "message.format.version",
        holds: ConfigType::Word,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "3.0-IV1",
        since: None,
        description: "the format of messages on disk; without effect since Kafka 3.0, gone in 4.0",
    },
    KnownConfig {
        key: "message.timestamp.after.max.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[i64::MAX],
        words: &[],
        default: "3600000",
        since: Some("3.6"),
        description: "how far a producer's timestamp may be ahead of the broker's clock; not used with `LogAppendTime`",
    },
    KnownConfig {
        key: "message.timestamp.before.max.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[i64::MAX],
        words: &[],
        default: "9223372036854775807",
        since: Some("3.6"),
        description: "how far a producer's timestamp may be behind the broker's clock; not used with `LogAppendTime`",
    },
    KnownConfig {
        key: "message.timestamp.difference.max.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[i64::MAX],
        words: &[],
        default: "9223372036854775807",
        since: None,
        description: "how far a producer's timestamp may be off the broker's clock; gone in Kafka 4.0",
    },
    KnownConfig {
        key: "message.timestamp.type",
        holds: ConfigType::Word,
        unit: None,
        unlimited: &[],
        words: &["CreateTime", "LogAppendTime"],
        default: "CreateTime",
        since: None,
        description: "whose timestamp a message keeps: the producer's or the broker's",
    },
    KnownConfig {
        key: "min.cleanable.dirty.ratio",
        holds: ConfigType::Fraction,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "0.5",
        since: None,
        description: "how much of the log must be uncompacted before the cleaner takes it, 0 to 1; higher is cheaper and wastes more disk",
    },
    KnownConfig {
        key: "min.compaction.lag.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[],
        words: &[],
        default: "0",
        since: None,
        description: "how long a message stays uncompacted at least",
    },
    KnownConfig {
        key: "min.insync.replicas",
        holds: ConfigType::Number,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "1",
        since: None,
        description: "how many replicas, the leader included, must have a write before `acks=all` is answered",
    },
    KnownConfig {
        key: "preallocate",
        holds: ConfigType::Bool,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "false",
        since: None,
        description: "whether a new segment's file is allocated in full at once",
    },
    KnownConfig {
        key: "remote.log.copy.disable",
        holds: ConfigType::Bool,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "false",
        since: Some("3.9"),
        description: "with tiered storage: nothing more is copied to the remote tier, what is there stays readable",
    },
    KnownConfig {
        key: "remote.log.delete.on.disable",
        holds: ConfigType::Bool,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "false",
        since: Some("3.9"),
        description: "whether the remote data is deleted when tiered storage is switched off; wanted for switching it off",
    },
    KnownConfig {
        key: "remote.storage.enable",
        holds: ConfigType::Bool,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "false",
        since: Some("3.6"),
        description: "whether the topic uses tiered storage",
    },
    KnownConfig {
        key: "retention.bytes",
        holds: ConfigType::Number,
        unit: Some(Unit::Bytes),
        unlimited: &[-1],
        words: &[],
        default: "-1",
        since: None,
        description: "how large a partition may grow before `delete` drops its oldest segments; per partition, not per topic",
    },
    KnownConfig {
        key: "retention.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[-1, i64::MAX],
        words: &[],
        default: "604800000",
        since: None,
        description: "how long messages are kept before `delete` drops them: the time that consumers have to read",
    },
    KnownConfig {
        key: "segment.bytes",
        holds: ConfigType::Number,
        unit: Some(Unit::Bytes),
        unlimited: &[],
        words: &[],
        default: "1073741824",
        since: None,
        description: "how large a segment's file grows; retention and compaction work on whole segments (at least 1 MiB since Kafka 4.0, KIP-1030)",
    },
    KnownConfig {
        key: "segment.index.bytes",
        holds: ConfigType::Number,
        unit: Some(Unit::Bytes),
        unlimited: &[],
        words: &[],
        default: "10485760",
        since: None,
        description: "how large the index of a segment may grow",
    },
    KnownConfig {
        key: "segment.jitter.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[],
        words: &[],
        default: "0",
        since: None,
        description: "by how much at most the rolling of segments is spread in time",
    },
    KnownConfig {
        key: "segment.ms",
        holds: ConfigType::Number,
        unit: Some(Unit::Millis),
        unlimited: &[],
        words: &[],
        default: "604800000",
        since: None,
        description: "after how long a segment is rolled even when it is not full",
    },
    KnownConfig {
        key: "unclean.leader.election.enable",
        holds: ConfigType::Bool,
        unit: None,
        unlimited: &[],
        words: &[],
        default: "false",
        since: None,
        description: "whether a replica that is not in sync may become leader as a last resort, which loses data",
    },
];
