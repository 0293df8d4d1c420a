use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::facts::{Edit, field};
use crate::kinds::stream::{Compression, Placement, Republish, Storage, StreamSource, StreamSpec};
use crate::model::unit::Unit;

/// A key-value bucket: a stream `KV_NAME` of a fixed template (ADR-8).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-source" = "ADR-8"))]
pub struct KvSpec {
    /// What the bucket is for; at most 4096 bytes.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub description: Option<String>,
    /// How many values it keeps of each key.
    #[schemars(range(min = 1, max = 64), extend("x-field" = field().default_is(1).source("ADR-8")))]
    pub history: Option<i64>,
    /// How long it keeps a value; at least 100ms.
    #[schemars(extend("x-field" = field().unit(Unit::Nanos).unlimited(&[0]).default_is(0)))]
    pub ttl: Option<i64>,
    /// How many bytes it keeps; full, it refuses new values.
    #[schemars(range(min = 0), extend("x-field" = field().unit(Unit::Bytes).unlimited(&[-1, 0]).default_is(-1)))]
    pub max_bytes: Option<i64>,
    /// How large a value may be.
    #[schemars(range(min = 0, max = 2_147_483_647_i64), extend("x-field" = field().unit(Unit::Bytes).unlimited(&[-1, 0]).default_is(-1)))]
    pub max_value_size: Option<i64>,
    /// Where values are kept. Can't change.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is("file")))]
    pub storage: Option<Storage>,
    /// On how many servers of the cluster each value is kept.
    #[schemars(range(min = 1, max = 5), extend("x-field" = field().default_is(1)))]
    pub num_replicas: Option<i64>,
    /// On which servers of a super-cluster it lives. A change moves the bucket.
    pub placement: Option<Placement>,
    /// Under which subjects changes are published again.
    pub republish: Option<Republish>,
    /// The one bucket, by its name, that it is a read-only copy of. Can't be added or changed.
    pub mirror: Option<StreamSource>,
    /// Buckets, by their names, whose values are copied into it. Without `subject_transforms` and
    /// `filter_subject`, keys keep their names, as with nats.go.
    #[schemars(extend("x-field" = field().set().default_is(Vec::<String>::new())))]
    pub sources: Option<Vec<StreamSource>>,
    /// Whether what is kept in files is compressed.
    #[schemars(extend("x-field" = field().default_is("none").since_nats("2.10", 0)))]
    pub compression: Option<Compression>,
    /// When `ttl` or a limit removes a key, a marker tells watchers for this long; at least 1s.
    /// Single values may then bring their own time to live, too.
    #[schemars(extend("x-field" = field().source("ADR-48").unit(Unit::Nanos).default_is(0).since_nats("2.11", 1)))]
    pub limit_marker_ttl: Option<i64>,
    /// Whatever its owners want to note; keys and values, at most 128 KiB together.
    #[schemars(extend("x-field" = field().source("ADR-33").since_nats("2.10", 0)))]
    pub metadata: Option<IndexMap<String, String>>,
    /// What else the bucket's stream is set to: the template's own.
    #[schemars(extend("x-field" = field().hidden()))]
    pub stream: Option<StreamSpec>,
}
