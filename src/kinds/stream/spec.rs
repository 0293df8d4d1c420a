use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::facts::{Compare, Edit, field};
use crate::model::unit::Unit;

/// A JetStream stream: captures the messages of its subjects and keeps them within its limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-source" = "nats-server StreamConfig (ADR-1)"))]
pub struct StreamSpec {
    /// The stream's name: the key under `streams`.
    #[schemars(extend("x-field" = field().hidden()))]
    pub name: Option<String>,
    /// What the stream is for; at most 4096 bytes.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub description: Option<String>,
    /// The subjects that it captures. Left out, a stream without mirror and sources captures the
    /// subject that is its name. No other stream may capture the same messages.
    #[schemars(extend("x-field" = field().set().default_is(Vec::<String>::new())))]
    pub subjects: Option<Vec<String>>,
    /// When messages go: at the limits, when every consumer has acknowledged them (`interest`),
    /// or when one has (`workqueue`). Changes between `limits` and `interest` only.
    #[schemars(extend("x-field" = field().edit(Edit::Ruled).default_is("limits")
        .source("nats-server configUpdateCheck; 2.10 made limits/interest changeable")))]
    pub retention: Option<Retention>,
    /// How many consumers it may have.
    #[schemars(range(min = 0), extend("x-field" = field().source("nats-server configUpdateCheck").unlimited(&[-1, 0]).default_is(-1)
        .edit(Edit::InPlaceSince("2.12.5".to_owned()))))]
    pub max_consumers: Option<i64>,
    /// How many messages it keeps.
    #[schemars(range(min = 0), extend("x-field" = field().unlimited(&[-1, 0]).default_is(-1)))]
    pub max_msgs: Option<i64>,
    /// How many bytes it keeps.
    #[schemars(range(min = 0), extend("x-field" = field().unit(Unit::Bytes).unlimited(&[-1, 0]).default_is(-1)))]
    pub max_bytes: Option<i64>,
    /// How long it keeps a message; at least 100ms.
    #[schemars(extend("x-field" = field().unit(Unit::Nanos).unlimited(&[0]).default_is(0)))]
    pub max_age: Option<i64>,
    /// How many messages it keeps of each subject.
    #[schemars(range(min = 0), extend("x-field" = field().unlimited(&[-1, 0]).default_is(-1)))]
    pub max_msgs_per_subject: Option<i64>,
    /// How large a message may be, headers included.
    #[schemars(range(min = 0, max = 2_147_483_647_i64), extend("x-field" = field().unit(Unit::Bytes).unlimited(&[-1, 0]).default_is(-1)))]
    pub max_msg_size: Option<i64>,
    /// What happens at a limit: old messages go, or new ones are refused.
    #[schemars(extend("x-field" = field().default_is("old")))]
    pub discard: Option<Discard>,
    /// With `discard: new`, refuse new messages of a subject that is at `max_msgs_per_subject`.
    #[schemars(extend("x-field" = field().default_is(false)))]
    pub discard_new_per_subject: Option<bool>,
    /// Where messages are kept. Can't change.
    #[schemars(extend("x-field" = field().source("nats-server configUpdateCheck").edit(Edit::Fixed).default_is("file")))]
    pub storage: Option<Storage>,
    /// On how many servers of the cluster each message is kept.
    #[schemars(range(min = 1, max = 5), extend("x-field" = field().default_is(1)))]
    pub num_replicas: Option<i64>,
    /// Give publishers no acknowledgement. Needed where the subjects cover requests to services
    /// (the requester would get the acknowledgement as its reply) or `$JS.>`, `$SYS.>`, `>`.
    #[schemars(extend("x-field" = field().default_is(false)))]
    pub no_ack: Option<bool>,
    /// Within how long two messages with the same `Nats-Msg-Id` count as one; at least 100ms, at
    /// most `max_age`. Left out, the server takes 2m or less, none for mirrors; it
    /// reads 0 as that, too.
    #[schemars(range(min = 1), extend("x-field" = field().unit(Unit::Nanos).default_is(120_000_000_000_i64)))]
    pub duplicate_window: Option<i64>,
    /// On which servers of a super-cluster it lives. A change moves the stream.
    pub placement: Option<Placement>,
    /// The one stream that it is a read-only copy of. Can't be added or changed; from 2.12 on it
    /// can be removed, which makes the copy a stream of its own: leave `mirror` out and say
    /// `lifecycle: { undeclared: reset }`, for what is only left out is kept.
    pub mirror: Option<StreamSource>,
    /// Streams whose messages are copied into it.
    #[schemars(extend("x-field" = field().set().default_is(Vec::<String>::new())))]
    pub sources: Option<Vec<StreamSource>>,
    /// Whether what is kept in files is compressed.
    #[schemars(extend("x-field" = field().source("nats-server 2.10 release notes").default_is("none").since_nats("2.10", 0)))]
    pub compression: Option<Compression>,
    /// The sequence number of its first message. Counts at creation only: a server takes a change
    /// and nothing happens.
    #[schemars(extend("x-field" = field().source("nats-server 2.10 release notes").edit(Edit::Fixed).default_is(0).since_nats("2.10", 0)))]
    pub first_seq: Option<u64>,
    /// How the subjects of arriving messages are rewritten before they are kept.
    pub subject_transform: Option<SubjectTransform>,
    /// Under which subjects kept messages are published again.
    pub republish: Option<Republish>,
    /// Every replica answers reads of single messages (`DIRECT.GET`).
    #[schemars(extend("x-field" = field().source("ADR-31").default_is(false)))]
    pub allow_direct: Option<bool>,
    /// A mirror answers such reads for its origin too. A mirror of a stream in the same account
    /// takes the origin's `allow_direct` for it, whatever is said here.
    #[schemars(extend("x-field" = field().source("ADR-31").default_is(false)))]
    pub mirror_direct: Option<bool>,
    /// Nothing can be added or removed any more, ever. Not at creation.
    #[schemars(extend("x-field" = field().edit(Edit::OneWay).default_is(false)))]
    pub sealed: Option<bool>,
    /// Single messages can't be deleted through the API. Can't be switched off.
    #[schemars(extend("x-field" = field().edit(Edit::OneWay).default_is(false)))]
    pub deny_delete: Option<bool>,
    /// The stream can't be purged through the API. Can't be switched off.
    #[schemars(extend("x-field" = field().edit(Edit::OneWay).default_is(false)))]
    pub deny_purge: Option<bool>,
    /// A message may replace all earlier ones (`Nats-Rollup`).
    #[schemars(extend("x-field" = field().source("ADR-10 and ADR-8").default_is(false)))]
    pub allow_rollup_hdrs: Option<bool>,
    /// Limits for its consumers, which also are their defaults.
    pub consumer_limits: Option<ConsumerLimits>,
    /// A message may bring its own time to live (`Nats-TTL`). Can't be switched off.
    #[schemars(extend("x-field" = field().source("ADR-43").edit(Edit::OneWay).default_is(false).since_nats("2.11", 1)))]
    pub allow_msg_ttl: Option<bool>,
    /// When limits remove the last message of a subject, a marker takes its place for this long;
    /// at least 1s. Switches `allow_msg_ttl` and `allow_rollup_hdrs` on.
    #[schemars(extend("x-field" = field().source("ADR-43").unit(Unit::Nanos).default_is(0).since_nats("2.11", 1)))]
    pub subject_delete_marker_ttl: Option<i64>,
    /// Messages are increments of a counter per subject. Can't change.
    #[schemars(extend("x-field" = field().source("ADR-49").edit(Edit::Fixed).default_is(false).since_nats("2.12", 2)))]
    pub allow_msg_counter: Option<bool>,
    /// Publishers may write several messages as one (ADR-50).
    #[schemars(extend("x-field" = field().source("ADR-50").default_is(false).since_nats("2.12", 2)))]
    pub allow_atomic: Option<bool>,
    /// Messages may be scheduled (ADR-51). Can't be switched off; switches `allow_rollup_hdrs` on.
    #[schemars(extend("x-field" = field().source("ADR-51").edit(Edit::OneWay).default_is(false).since_nats("2.12", 2)))]
    pub allow_msg_schedules: Option<bool>,
    /// Whether a message is on the disk before the publisher hears of it. Can't change.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is("default").since_nats("2.12", 2)))]
    pub persist_mode: Option<PersistMode>,
    /// Publishers may write in batches that are not atomic.
    #[schemars(extend("x-field" = field().source("ADR-50").default_is(false).since_nats("2.14", 4)))]
    pub allow_batched: Option<bool>,
    /// Whatever its owners want to note; keys and values, at most 128 KiB together.
    #[schemars(extend("x-field" = field().source("ADR-33").since_nats("2.10", 0)))]
    pub metadata: Option<IndexMap<String, String>>,
    /// Of the stream templates that 2.14 gave up.
    #[schemars(extend("x-field" = field().hidden()))]
    pub template_owner: Option<String>,
}

/// When messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// At the limits.
    Limits,
    /// When every consumer has acknowledged.
    Interest,
    /// When one consumer has acknowledged.
    Workqueue,
}

/// What happens at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Discard {
    /// Old messages go.
    Old,
    /// New messages are refused.
    New,
}

/// Where messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// On disk.
    File,
    /// In memory: gone when the server restarts.
    Memory,
}

/// How files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// S2, an extension of Snappy.
    S2,
}

/// When a message is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PersistMode {
    /// Before the publisher hears of it.
    Default,
    /// Some time after: faster, and a crash loses what was acknowledged.
    Async,
}

/// On which servers a stream lives.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-source" = "nats-server Placement"))]
pub struct Placement {
    /// The cluster's name.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub cluster: Option<String>,
    /// Tags that the servers must carry, all of them.
    #[schemars(extend("x-field" = field().set().default_is(Vec::<String>::new())))]
    pub tags: Option<Vec<String>>,
    /// The leader's server, for step-down requests only: a stream's configuration may not hold it.
    #[schemars(extend("x-field" = field().hidden()))]
    pub preferred: Option<String>,
}

/// A stream that messages are copied from.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-source" = "nats-server StreamSource"))]
pub struct StreamSource {
    /// The origin's name.
    pub name: String,
    /// Start with this sequence number of the origin.
    #[schemars(extend("x-field" = field().default_is(0)))]
    pub opt_start_seq: Option<u64>,
    /// Start with the first message at or after this instant.
    #[schemars(extend("x-field" = field().compare(Compare::Instant)))]
    pub opt_start_time: Option<String>,
    /// Only messages of this subject; not together with `subject_transforms`.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub filter_subject: Option<String>,
    /// Only messages of these subjects, each rewritten.
    #[schemars(extend("x-field" = field().set().default_is(Vec::<String>::new()).since_nats("2.10", 0)))]
    pub subject_transforms: Option<Vec<SubjectTransform>>,
    /// How an origin in another account or domain is reached.
    pub external: Option<External>,
    /// The origin's own durable consumer that the copy reads through.
    pub consumer: Option<SourceConsumer>,
}

/// A subject's rewriting.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-source" = "ADR-36"))]
pub struct SubjectTransform {
    /// Which subjects; left out, all.
    #[schemars(extend("x-field" = field().default_is("").since_nats("2.10", 0)))]
    pub src: Option<String>,
    /// What they become; `{{wildcard(1)}}` and its kin stand for tokens of `src`.
    #[schemars(extend("x-field" = field().default_is("").since_nats("2.10", 0)))]
    pub dest: Option<String>,
}

/// An origin in another account or domain.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-source" = "nats-server ExternalStream (ADR-19)"))]
pub struct External {
    /// The prefix of its JetStream API: `$JS.domain.API`.
    pub api: String,
    /// The prefix under which its messages are delivered.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub deliver: Option<String>,
}

/// The consumer that a copy reads through.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-source" = "nats-server 2.14 StreamConsumerSource"))]
pub struct SourceConsumer {
    /// Its name.
    #[schemars(extend("x-field" = field().since_nats("2.14", 4)))]
    pub name: String,
    /// Where it delivers.
    #[schemars(extend("x-field" = field().since_nats("2.14", 4)))]
    pub deliver_subject: String,
}

/// Publishing kept messages again.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-source" = "ADR-28"))]
pub struct Republish {
    /// Which subjects; left out, all.
    #[schemars(extend("x-field" = field().default_is(">")))]
    pub src: Option<String>,
    /// Under which subject.
    pub dest: String,
    /// Without the payload.
    #[schemars(extend("x-field" = field().default_is(false)))]
    pub headers_only: Option<bool>,
}

/// Limits for consumers.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-source" = "nats-server StreamConsumerLimits"))]
pub struct ConsumerLimits {
    /// The longest `inactive_threshold`.
    #[schemars(extend("x-field" = field().unit(Unit::Nanos).unlimited(&[0]).default_is(0).since_nats("2.10", 0)))]
    pub inactive_threshold: Option<i64>,
    /// The largest `max_ack_pending`.
    #[schemars(extend("x-field" = field().unlimited(&[0]).default_is(0).since_nats("2.10", 0)))]
    pub max_ack_pending: Option<i64>,
}
