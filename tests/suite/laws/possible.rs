//! Random documents made possible on real brokers, where no rule of a kind could know.

use proptest::prelude::*;
use serde_json::{Value, json};
use trueup::kinds::kind;
use trueup::model::{Address, Flat, Resource};

/// An hour in nanoseconds.
const HOUR: i64 = 3_600_000_000_000;

/// What a random document says, made possible among many and on a single server: subjects and names
/// of its own, no peers that are not there.
pub fn possible(address: &Address, fields: Flat, id: &str, beside: &str) -> Resource {
    let own = |value: &Value| match value.as_str() {
        Some(text) if !text.is_empty() => json!(format!("s{id}.{text}")),
        _ => value.clone(),
    };
    let mut declared = Flat::new();
    for (path, value) in fields {
        let value = match path.as_str() {
            "deliver_subject" | "republish.dest" => apart(&value, id),
            "subjects" | "filter_subjects" => value
                .as_array()
                .map(|items| items.iter().map(own).collect())
                .unwrap_or(value),
            "filter_subject" | "subject_transform.src" => own(&value),
            "mirror.name" => json!(beside),
            "sources" => value
                .as_array()
                .map(|sources| {
                    sources
                        .iter()
                        .map(|source| among_others(source, beside))
                        .collect()
                })
                .unwrap_or(value),
            path if path.starts_with("placement") => continue,
            "replication_factor" | "num_replicas" => json!(1),
            // a consumer that nobody uses is deleted after so long
            "inactive_threshold" => json!(value.as_i64().unwrap_or(0) + HOUR),
            // beyond what the server's own consumers for copies have, which come when they like
            "consumer_limits.max_ack_pending" => json!(value.as_i64().unwrap_or(0) + 1_000_000),
            "partitions" => json!(1 + value.as_i64().unwrap_or(1) % 3),
            _ => value,
        };
        declared.insert(path, value);
    }
    let mut resource = Resource::new(address.clone(), declared);
    kind(address.kind).unwrap().complete(&mut resource);
    resource
}

/// A source, the first letters of whose name are before `n`, as another one of the batch.
fn among_others(source: &Value, beside: &str) -> Value {
    let mut source = source.clone();
    if source["name"].as_str().is_some_and(|name| name < "n") {
        source["name"] = json!(beside);
    }
    source
}

/// A subject that no stream of a batch captures.
fn apart(value: &Value, id: &str) -> Value {
    match value.as_str() {
        Some(text) if !text.is_empty() => json!(format!("d{id}.{text}")),
        _ => value.clone(),
    }
}

/// What a consumer's stream may be that matters to it.
pub fn sorts_of_streams() -> BoxedStrategy<Flat> {
    let pending = "consumer_limits.max_ack_pending";
    let threshold = "consumer_limits.inactive_threshold";
    let sorts = [
        Vec::new(),
        vec![("retention", json!("interest"))],
        vec![("retention", json!("workqueue"))],
        vec![(pending, json!(500)), (threshold, json!(50_000 * HOUR))],
        vec![
            ("subject_transform.src", json!(">")),
            ("subject_transform.dest", json!("t.>")),
        ],
    ];
    let flat = |sort: Vec<(&str, Value)>| {
        let fields = sort.into_iter();
        fields
            .map(|(path, value)| (path.to_owned(), value))
            .collect()
    };
    proptest::sample::select(sorts.map(flat).to_vec()).boxed()
}
