use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::facts::{Compare, Edit, field};
use crate::model::unit::Unit;

/// A durable JetStream consumer: a position in a stream, and how messages are delivered from it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-source" = "nats-server ConsumerConfig (ADR-1)"))]
pub struct ConsumerSpec {
    /// The consumer's name: the key under `consumers`. trueup's consumers are durable.
    #[schemars(extend("x-field" = field().hidden()))]
    pub durable_name: Option<String>,
    /// The same; the server fills it in.
    #[schemars(extend("x-field" = field().hidden()))]
    pub name: Option<String>,
    /// What the consumer is for; at most 4096 bytes.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub description: Option<String>,
    /// Where it begins. Can't change.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is("all")))]
    pub deliver_policy: Option<DeliverPolicy>,
    /// The sequence number that `by_start_sequence` begins with. Can't change.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is(0)))]
    pub opt_start_seq: Option<u64>,
    /// The instant that `by_start_time` begins at. Can't change.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).compare(Compare::Instant)))]
    pub opt_start_time: Option<String>,
    /// How messages are acknowledged. Can't change. Left out, trueup makes it `explicit`, as
    /// client libraries do; a bare request to the server would make it `none`.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is("explicit")
        .word_since_nats("flow_control", "2.14", 4)))]
    pub ack_policy: Option<AckPolicy>,
    /// How long a message may stay unacknowledged before it is delivered again. `backoff`, where
    /// set, takes its place. Left out, the server takes 30s; it reads 0 as that, too.
    #[schemars(range(min = 1), extend("x-field" = field().unit(Unit::Nanos).default_is(30_000_000_000_i64)))]
    pub ack_wait: Option<i64>,
    /// How often a message is delivered at most.
    #[schemars(range(min = 0), extend("x-field" = field().unlimited(&[-1, 0]).default_is(-1)))]
    pub max_deliver: Option<i64>,
    /// How long to wait before each redelivery; `max_deliver` must be at least as many.
    #[schemars(extend("x-field" = field().default_is(Vec::<i64>::new())))]
    pub backoff: Option<Vec<Wait>>,
    /// Only messages of this subject; not together with `filter_subjects`.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub filter_subject: Option<String>,
    /// Only messages of these subjects, which may not overlap.
    #[schemars(extend("x-field" = field().source("ADR-34").set().default_is(Vec::<String>::new()).since_nats("2.10", 0)))]
    pub filter_subjects: Option<Vec<String>>,
    /// As fast as they can be taken, or as they came in. Can't change.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is("instant")))]
    pub replay_policy: Option<ReplayPolicy>,
    /// How fast a push consumer delivers at most, in bits per second.
    #[schemars(extend("x-field" = field().unlimited(&[0]).default_is(0)))]
    pub rate_limit_bps: Option<u64>,
    /// What share of acknowledgements is sampled: `50%`.
    #[schemars(extend("x-field" = field().compare(Compare::Percent).default_is("")))]
    pub sample_freq: Option<String>,
    /// How many pulls may wait. Pull consumers only. Can't change. Left out, the server takes 512; it
    /// reads 0 as that, too.
    #[schemars(range(min = 1), extend("x-field" = field().source("ADR-13").edit(Edit::Fixed).default_is(512)))]
    pub max_waiting: Option<i64>,
    /// How many messages may be out unacknowledged. Left out, the server takes 1000 or less (its own
    /// limits, the stream's `consumer_limits`); it reads 0 as that, too.
    #[schemars(range(min = 1), extend("x-field" = field().unlimited(&[-1]).default_is(1000)))]
    pub max_ack_pending: Option<i64>,
    /// A push consumer waits until the subscriber keeps up; needs `idle_heartbeat`. Can't change.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is(false)))]
    pub flow_control: Option<bool>,
    /// How often an idle push consumer gives a sign of life. Can't change.
    #[schemars(range(min = 0), extend("x-field" = field().source("ADR-9").edit(Edit::Fixed).unit(Unit::Nanos).default_is(0)))]
    pub idle_heartbeat: Option<i64>,
    /// Deliver headers without payload.
    #[schemars(extend("x-field" = field().default_is(false)))]
    pub headers_only: Option<bool>,
    /// How many messages one pull may ask for. Pull consumers only.
    #[schemars(range(min = 0), extend("x-field" = field().source("ADR-13").unlimited(&[0]).default_is(0)))]
    pub max_batch: Option<i64>,
    /// How long one pull may wait. Pull consumers only.
    #[schemars(range(min = 0), extend("x-field" = field().source("ADR-13").unit(Unit::Nanos).unlimited(&[0]).default_is(0)))]
    pub max_expires: Option<i64>,
    /// How many bytes one pull may ask for. Pull consumers only.
    #[schemars(range(min = 0), extend("x-field" = field().source("ADR-13").unit(Unit::Bytes).unlimited(&[0]).default_is(0)))]
    pub max_bytes: Option<i64>,
    /// Where a push consumer delivers; a consumer without it is a pull consumer. Changes only
    /// while nobody listens on the old subject, and never from push to pull or back.
    #[schemars(extend("x-field" = field().edit(Edit::Ruled).default_is("")))]
    pub deliver_subject: Option<String>,
    /// The queue group of a push consumer's subscribers.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub deliver_group: Option<String>,
    /// After how long without interest the consumer is deleted; left out, never (or the stream's
    /// `consumer_limits`).
    #[schemars(range(min = 0), extend("x-field" = field().unit(Unit::Nanos).unlimited(&[0]).default_is(0)))]
    pub inactive_threshold: Option<i64>,
    /// On how many servers its position is kept; 0 means as many as its stream.
    #[schemars(range(min = 0, max = 5), extend("x-field" = field().default_is(0)))]
    pub num_replicas: Option<i64>,
    /// Keep its position in memory. Can't change: older servers take the change, and only the
    /// text of the configuration changes.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is(false)))]
    pub mem_storage: Option<bool>,
    /// Of the server's own consumers.
    #[schemars(extend("x-field" = field().hidden()))]
    pub direct: Option<bool>,
    /// Of the server's own consumers for sources and mirrors (2.14).
    #[schemars(extend("x-field" = field().hidden()))]
    pub sourcing: Option<bool>,
    /// Deliver nothing until this instant; an instant in the past resumes.
    #[schemars(extend("x-field" = field().source("nats-server 2.11 release notes").compare(Compare::Instant).since_nats("2.11", 1)))]
    pub pause_until: Option<String>,
    /// Which of several clients is served first (ADR-42). Pull consumers only.
    #[schemars(extend("x-field" = field().source("ADR-42").default_is("none").since_nats("2.11", 1)
        .word_since_nats("prioritized", "2.12", 2)))]
    pub priority_policy: Option<PriorityPolicy>,
    /// The groups that `priority_policy` works with: 1 to 16 letters, digits, `_`, `-`, `/`, `=`.
    #[schemars(extend("x-field" = field().source("ADR-42").set().default_is(Vec::<String>::new()).since_nats("2.11", 1)))]
    pub priority_groups: Option<Vec<String>>,
    /// How long a pinned client may be silent before another is pinned; left out, 2m.
    #[schemars(range(min = 0), extend("x-field" = field().source("ADR-42").unit(Unit::Nanos).default_is(0).since_nats("2.11", 1)))]
    pub priority_timeout: Option<i64>,
    /// Whatever its owners want to note; keys and values, at most 128 KiB together.
    #[schemars(extend("x-field" = field().source("ADR-33").since_nats("2.10", 0)))]
    pub metadata: Option<IndexMap<String, String>>,
}

/// A wait before a redelivery.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-field" = field().unit(Unit::Nanos), "minimum" = 0))]
pub struct Wait(pub i64);

/// Where a consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliverPolicy {
    /// With the first message that the stream holds.
    All,
    /// With the last one.
    Last,
    /// With the next one to come.
    New,
    /// With `opt_start_seq`.
    ByStartSequence,
    /// At `opt_start_time`.
    ByStartTime,
    /// With the last one of each subject.
    LastPerSubject,
}

/// How messages are acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AckPolicy {
    /// Not at all.
    None,
    /// One stands for all before it.
    All,
    /// Each one.
    Explicit,
    /// By the replies to flow control, for copies of streams (2.14).
    FlowControl,
}

/// How fast messages are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplayPolicy {
    /// As fast as they can be taken.
    Instant,
    /// As they came in.
    Original,
}

/// Which of several clients is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriorityPolicy {
    /// Whoever asks.
    None,
    /// Others only when enough is waiting.
    Overflow,
    /// One, until it is gone.
    PinnedClient,
    /// By the priority that each pull names (2.12).
    Prioritized,
}
