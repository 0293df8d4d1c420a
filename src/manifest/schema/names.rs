//! What a resource may be called: keys, in which no variable is replaced.

use serde_json::{Value as Json, json};

use crate::kinds::topic::internal_topics;
use crate::model::KindName;

/// Of a stream or consumer.
const ASSET: &str = r"[^\s\x00-\x1f\x7f-\x9f.*>/\\]{1,255}";

/// The names of resources of this kind.
pub(super) fn names(kind: KindName) -> Json {
    match kind {
        KindName::Stream | KindName::Consumer => json!({ "pattern": format!("^{ASSET}$") }),
        KindName::Kv | KindName::ObjectStore => json!({ "pattern": "^[a-zA-Z0-9_-]{1,251}$" }),
        KindName::Topic => json!({
            "pattern": "^[a-zA-Z0-9._-]{1,249}$",
            "not": { "enum": unfit_topics() },
        }),
        KindName::Quota => json!({ "pattern": quota_names() }),
        KindName::User => json!({ "minLength": 1 }),
        KindName::Route => json!({ "pattern": "^[a-zA-Z0-9_-]{1,200}$" }),
        KindName::Acl => json!({}),
    }
}

/// Whose a quota is.
fn quota_names() -> String {
    const ONE: &str = "(-default|/[^/]+)";
    format!("^(user{ONE}(/client-id{ONE})?|client-id{ONE}|ip{ONE})$")
}

/// `STREAM/CONSUMER`.
pub(super) fn consumer_of_stream() -> String {
    format!("^{ASSET}/{ASSET}$")
}

/// Names of fitting signs that no topic can have.
fn unfit_topics() -> Vec<&'static str> {
    [&[".", ".."], internal_topics()].concat()
}
