use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::facts::{Edit, field};
use crate::kinds::stream::{Compression, Placement, Storage, StreamSpec};
use crate::model::unit::Unit;

/// An object store: a stream `OBJ_NAME` of a fixed template (ADR-20).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("x-source" = "ADR-20"))]
pub struct ObjectStoreSpec {
    /// What the store is for; at most 4096 bytes.
    #[schemars(extend("x-field" = field().default_is("")))]
    pub description: Option<String>,
    /// How long it keeps an object; at least 100ms.
    #[schemars(extend("x-field" = field().unit(Unit::Nanos).unlimited(&[0]).default_is(0)))]
    pub ttl: Option<i64>,
    /// How many bytes it keeps; full, it refuses new objects.
    #[schemars(range(min = 0), extend("x-field" = field().unit(Unit::Bytes).unlimited(&[-1, 0]).default_is(-1)))]
    pub max_bytes: Option<i64>,
    /// Where objects are kept. Can't change.
    #[schemars(extend("x-field" = field().edit(Edit::Fixed).default_is("file")))]
    pub storage: Option<Storage>,
    /// On how many servers of the cluster each object is kept.
    #[schemars(range(min = 1, max = 5), extend("x-field" = field().default_is(1)))]
    pub num_replicas: Option<i64>,
    /// On which servers of a super-cluster it lives. A change moves the store.
    pub placement: Option<Placement>,
    /// Whether what is kept in files is compressed.
    #[schemars(extend("x-field" = field().default_is("none").since_nats("2.10", 0)))]
    pub compression: Option<Compression>,
    /// Whatever its owners want to note; keys and values, at most 128 KiB together.
    #[schemars(extend("x-field" = field().since_nats("2.10", 0)))]
    pub metadata: Option<IndexMap<String, String>>,
    /// What else the store's stream is set to: the template's own.
    #[schemars(extend("x-field" = field().hidden()))]
    pub stream: Option<StreamSpec>,
}
