use indexmap::IndexMap;
use serde_json::Value;

/// A document of a broker or of a manifest: named fields in order.
pub type Doc = serde_json::Map<String, Value>;

/// A document with its nested objects taken apart: dotted path to value, in the broker's units.
///
/// `placement: { cluster: c1 }` is `placement.cluster = "c1"`; the keys of an open map
/// (`metadata`, a topic's `config`) follow the map's name, dots and all: `config.retention.ms`.
/// Lists stay whole.
pub type Flat = IndexMap<String, Value>;
