//! The table of topic configs.
//!
//! Source: `org.apache.kafka.common.config.TopicConfig` and `LogConfig` of Kafka 4.3, with the
//! three that 4.0 took away.

use super::ConfigType::{Bool, Fraction, List, Number, Word};
use super::{ConfigType, KnownConfig};
use crate::model::unit::Unit;

/// Sorted by key.
pub(super) const KNOWN: &[KnownConfig] = &[
    known("cleanup.policy", List, "delete", "what becomes of old segments: `delete` drops them when their time or size is up, `compact` keeps the last value of each key; both together do both").words(&["delete", "compact"]).source("KIP-71"),
    known("compression.gzip.level", Number, "-1", "the level of `gzip`, 1 to 9; -1 is the library's own").since("3.8").source("KIP-390"),
    known("compression.lz4.level", Number, "9", "the level of `lz4`, 1 to 17").since("3.8").source("KIP-390"),
    known("compression.type", Word, "producer", "how batches are compressed on disk; `producer` keeps what the producer chose").words(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]).source("KIP-110"),
    known("compression.zstd.level", Number, "3", "the level of `zstd`, -131072 to 22").since("3.8").source("KIP-390"),
    known("delete.retention.ms", Number, "86400000", "how long the tombstones of a compacted topic are kept; a reader that starts at offset 0 must finish within that time").millis(),
    known("file.delete.delay.ms", Number, "60000", "how long a dropped file stays on disk").millis(),
    known("flush.messages", Number, "9223372036854775807", "after how many messages the log is forced to disk; replication is the better durability").unlimited(&[i64::MAX]),
    known("flush.ms", Number, "9223372036854775807", "after how long the log is forced to disk; replication is the better durability").millis().unlimited(&[i64::MAX]),
    known("follower.replication.throttled.replicas", List, "", "replicas whose copying is throttled on the follower's side: `partition:broker`, or `*`; set by a running reassignment, and left alone unless declared").source("KIP-73"),
    known("index.interval.bytes", Number, "4096", "how many bytes of the log lie between two entries of its index").bytes(),
    known("leader.replication.throttled.replicas", List, "", "replicas whose copying is throttled on the leader's side: `partition:broker`, or `*`; set by a running reassignment, and left alone unless declared").source("KIP-73"),
    known("local.retention.bytes", Number, "-2", "how much of a partition stays on local disk with tiered storage; -2 means `retention.bytes`").bytes().unlimited(&[-1]).since("3.6").source("KIP-405"),
    known("local.retention.ms", Number, "-2", "how long segments stay on local disk with tiered storage; -2 means `retention.ms`").millis().unlimited(&[-1]).since("3.6").source("KIP-405"),
    known("max.compaction.lag.ms", Number, "9223372036854775807", "after how long a message must be open to compaction").millis().unlimited(&[i64::MAX]).source("KIP-354"),
    known("max.message.bytes", Number, "1048588", "the largest record batch that is taken, after compression").bytes(),
    known("message.downconversion.enable", Bool, "true", "whether old consumers are served in old formats; gone in Kafka 4.0").gone("4.0").source("KIP-283"),
    known("message.format.version", Word, "3.0-IV1", "the format of messages on disk; without effect since Kafka 3.0, gone in 4.0").gone("4.0").source("KIP-724"),
    known("message.timestamp.after.max.ms", Number, "3600000", "how far a producer's timestamp may be ahead of the broker's clock; not used with `LogAppendTime`").millis().unlimited(&[i64::MAX]).since("3.6").source("KIP-937"),
    known("message.timestamp.before.max.ms", Number, "9223372036854775807", "how far a producer's timestamp may be behind the broker's clock; not used with `LogAppendTime`").millis().unlimited(&[i64::MAX]).since("3.6").source("KIP-937"),
    known("message.timestamp.difference.max.ms", Number, "9223372036854775807", "how far a producer's timestamp may be off the broker's clock; gone in Kafka 4.0").gone("4.0").millis().unlimited(&[i64::MAX]).source("KIP-32"),
    known("message.timestamp.type", Word, "CreateTime", "whose timestamp a message keeps: the producer's or the broker's").words(&["CreateTime", "LogAppendTime"]).source("KIP-32"),
    known("min.cleanable.dirty.ratio", Fraction, "0.5", "how much of the log must be uncompacted before the cleaner takes it, 0 to 1; higher is cheaper and wastes more disk"),
    known("min.compaction.lag.ms", Number, "0", "how long a message stays uncompacted at least").millis().source("KIP-58"),
    known("min.insync.replicas", Number, "1", "how many replicas, the leader included, must have a write before `acks=all` is answered"),
    known("preallocate", Bool, "false", "whether a new segment's file is allocated in full at once"),
    known("remote.log.copy.disable", Bool, "false", "with tiered storage: nothing more is copied to the remote tier, what is there stays readable").since("3.9").source("KIP-950"),
    known("remote.log.delete.on.disable", Bool, "false", "whether the remote data is deleted when tiered storage is switched off; wanted for switching it off").since("3.9").source("KIP-950"),
    known("remote.storage.enable", Bool, "false", "whether the topic uses tiered storage").since("3.6").source("KIP-405"),
    known("retention.bytes", Number, "-1", "how large a partition may grow before `delete` drops its oldest segments; per partition, not per topic").bytes().unlimited(&[-1]),
    known("retention.ms", Number, "604800000", "how long messages are kept before `delete` drops them: the time that consumers have to read").millis().unlimited(&[-1, i64::MAX]),
    known("segment.bytes", Number, "1073741824", "how large a segment's file grows; retention and compaction work on whole segments (at least 1 MiB since Kafka 4.0, KIP-1030)").bytes().source("KIP-1030"),
    known("segment.index.bytes", Number, "10485760", "how large the index of a segment may grow").bytes(),
    known("segment.jitter.ms", Number, "0", "by how much at most the rolling of segments is spread in time").millis(),
    known("segment.ms", Number, "604800000", "after how long a segment is rolled even when it is not full").millis(),
    known("unclean.leader.election.enable", Bool, "false", "whether a replica that is not in sync may become leader as a last resort, which loses data"),
];

const fn known(
    key: &'static str,
    holds: ConfigType,
    default: &'static str,
    description: &'static str,
) -> KnownConfig {
    KnownConfig {
        key,
        holds,
        unit: None,
        unlimited: &[],
        words: &[],
        default,
        since: None,
        source: "Kafka TopicConfig",
        gone: None,
        description,
    }
}

impl KnownConfig {
    const fn millis(self) -> KnownConfig {
        KnownConfig {
            unit: Some(Unit::Millis),
            ..self
        }
    }

    const fn bytes(self) -> KnownConfig {
        KnownConfig {
            unit: Some(Unit::Bytes),
            ..self
        }
    }

    const fn unlimited(self, numbers: &'static [i64]) -> KnownConfig {
        KnownConfig {
            unlimited: numbers,
            ..self
        }
    }

    const fn words(self, words: &'static [&'static str]) -> KnownConfig {
        KnownConfig { words, ..self }
    }

    const fn source(self, source: &'static str) -> KnownConfig {
        KnownConfig { source, ..self }
    }

    const fn since(self, release: &'static str) -> KnownConfig {
        KnownConfig {
            since: Some(release),
            ..self
        }
    }

    const fn gone(self, release: &'static str) -> KnownConfig {
        KnownConfig {
            gone: Some(release),
            ..self
        }
    }
}
