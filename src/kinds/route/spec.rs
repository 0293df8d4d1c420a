use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::facts::{Compare, Edit, field};
use crate::model::unit::Unit;

/// A one-way road for messages: from a stream of JetStream to a topic of Kafka, or from a topic to a stream.
///
/// It is kept in the bucket `trueup-routes`, where `trueup bridge run` finds it; its position is kept beside the data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-source" = "trueup's route table"))]
pub struct RouteSpec {
    /// Where messages come from: a stream or a topic.
    pub from: RouteSource,
    /// Where they go: a topic, when they come from a stream; a stream, when they come from a topic.
    pub to: RouteTarget,
    /// What a record's key is made of, of a route into a topic: `subject`, `subject(N)` (its Nth token, counted from 1),
    /// `header(NAME)`, `json(/POINTER)`, `fixed(TEXT)` or `none`. Where it finds nothing, the key is null. Left out, `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().default_is("none")))]
    pub key: Option<String>,
    /// Which headers go along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<RouteHeaders>,
    /// Whether messages keep their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().default_is("stream")))]
    pub ordering: Option<Ordering>,
    /// What may happen to a message when a worker, a broker or the network fails in between.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().default_is("at_least_once")))]
    pub delivery: Option<Delivery>,
    /// Where it begins. Counts only when its position is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is("all")))]
    pub start: Option<Start>,
    /// The sequence of the stream, or the offset in each partition of the topic, that it begins with, in place of `start`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("x-field" = field().edit(Edit::Fixed)))]
    pub start_sequence: Option<i64>,
    /// The instant that it begins at, in place of `start`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).compare(Compare::Instant)))]
    pub start_time: Option<String>,
    /// What becomes of a message that the target can never take.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().default_is("stop")))]
    pub on_error: Option<OnError>,
    /// Where such messages go with `on_error: dlq`: a topic, or a subject of a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dlq: Option<DeadLetters>,
    /// How many messages are written at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<RouteBatch>,
    /// From when on `status` and `drift` call it lagging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<RouteAlert>,
    /// Whether messages move at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().default_is("running")))]
    pub state: Option<RouteState>,
    /// Over how many workers at most an ordered route from a stream is spread, by its subjects, each with a position of its
    /// own; each subject keeps its order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64), extend("x-field" = field().edit(Edit::Fixed).default_is(1)))]
    pub shards: Option<i64>,
    /// With `header`, a circle that it is a part of is broken while messages move, by the header `trueup-path`, and not
    /// refused in the plan. Every route of the circle has to say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loop_guard: Option<LoopGuard>,
}

/// Where a route's messages come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteSource {
    /// The stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().edit(Edit::Fixed)))]
    pub stream: Option<String>,
    /// Only messages of these subjects, which may not overlap; left out, all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().set().default_is(Vec::<String>::new())))]
    pub subjects: Option<Vec<String>>,
    /// The topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().edit(Edit::Fixed)))]
    pub topic: Option<String>,
}

/// Where a route's messages go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteTarget {
    /// The topic; it may hold `{subject(N)}` where `topics` lists all that it can become.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Every topic that `topic` can become.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().set().default_is(Vec::<String>::new())))]
    pub topics: Option<Vec<String>>,
    /// The stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The subject that messages are published to; it may hold `{key}`, `{topic}` and `{partition}`. A key becomes one
    /// token, percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Which headers go along a route. Those of NATS's own (`Nats-...`) never come in from Kafka.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteHeaders {
    /// Headers that don't go along, whatever their case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().set().default_is(Vec::<String>::new())))]
    pub deny: Option<Vec<String>>,
    /// Headers that every message gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<IndexMap<String, String>>,
}

/// Whether messages keep their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// As in the stream, or in each partition: one worker at a time moves them.
    #[default]
    Stream,
    /// In any: as many workers as there are move them.
    None,
}

/// What may happen to a message when something fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It may come twice, never out of its order.
    #[default]
    AtLeastOnce,
    /// It comes once, for readers of committed records: the position is written with the messages.
    ExactlyOnce,
}

/// Where a route begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// With the first message that is there.
    #[default]
    All,
    /// With the next one to come.
    New,
}

/// What becomes of a message that the target can never take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The route stops before it and says so.
    #[default]
    Stop,
    /// It goes to `dlq`, with the reason in its headers.
    Dlq,
    /// It is passed over, counted and logged.
    Skip,
}

/// Where messages go that the target can't take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLetters {
    /// A topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// A stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The subject in that stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// How many messages are written at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteBatch {
    /// At most so many: a Kafka transaction's, or, up to 999, an atomic batch's of JetStream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000), extend("x-field" = field().default_is(5000)))]
    pub max_messages: Option<i64>,
    /// For so long at most a batch waits to be full.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("x-field" = field().unit(Unit::Millis).default_is(50)))]
    pub max_wait: Option<i64>,
    /// At most so many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024), extend("x-field" = field().unit(Unit::Bytes).default_is(4 * 1024 * 1024)))]
    pub max_bytes: Option<i64>,
}

/// From when on a route is called lagging.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouteAlert {
    /// With more messages than these before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub lag_messages: Option<i64>,
    /// When the first message before it is older than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("x-field" = field().unit(Unit::Millis)))]
    pub lag_age: Option<i64>,
}

/// Whether messages move at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RouteState {
    /// They do.
    #[default]
    Running,
    /// They wait where they are.
    Paused,
}

/// How a circle of routes is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoopGuard {
    /// By the header `trueup-path`: a message that went along the route once is dropped.
    Header,
}
