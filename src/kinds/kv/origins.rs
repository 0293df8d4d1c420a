//! Origins of a bucket: buckets by their names, streams on the wire, as nats.go maps them
//! (`prepareKeyValueConfig`).

use serde_json::{Value, json};

use super::PREFIX;
use crate::model::{Doc, Flat};

/// The bucket's origins as streams.
pub(super) fn to_streams(bucket: &str, fields: &mut Flat) {
    rename(fields, &|name| match name.starts_with(PREFIX) {
        true => name.to_owned(),
        false => format!("{PREFIX}{name}"),
    });
    each_source(fields, |source| {
        match source.get("subject_transforms").and_then(Value::as_array) {
            Some(transforms) if transforms.is_empty() => {
                source.shift_remove("subject_transforms");
            }
            Some(_) => {}
            None => {
                if let Some(transforms) = own_keys(bucket, source) {
                    source.insert("subject_transforms".to_owned(), transforms);
                }
            }
        }
    });
}

/// The streams that are the bucket's origins as buckets.
pub(super) fn to_buckets(bucket: &str, fields: &mut Flat) {
    each_source(fields, |source| {
        let Some(usual) = own_keys(bucket, source) else {
            return;
        };
        match source.get("subject_transforms") {
            Some(transforms) if *transforms == usual => {
                source.shift_remove("subject_transforms");
            }
            Some(_) => {}
            None => {
                source.insert("subject_transforms".to_owned(), json!([]));
            }
        }
    });
    by_bucket_name(fields);
}

/// A bucket may be named by its stream, too.
pub(super) fn by_bucket_name(fields: &mut Flat) {
    rename(fields, &|name| {
        name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
    });
}

/// That a source has no transforms says nothing where it would get none by itself.
pub(super) fn forget_no_transforms(bucket: &str, fields: &mut Flat) {
    each_source(fields, |source| {
        let is_empty = source.get("subject_transforms") == Some(&json!([]));
        if is_empty && own_keys(bucket, source).is_none() {
            source.shift_remove("subject_transforms");
        }
    });
}

/// The transform that moves the origin's keys into this bucket; none where the source filters by
/// itself, or where nothing needs to move.
fn own_keys(bucket: &str, source: &Doc) -> Option<Value> {
    let filter = source.get("filter_subject");
    let has_filter = filter.is_some_and(|filter| *filter != json!(""));
    if has_filter || source.contains_key("consumer") {
        return None;
    }
    let name = source.get("name")?.as_str()?;
    let origin = name.strip_prefix(PREFIX).unwrap_or(name);
    if source.contains_key("external") && origin == bucket {
        return None;
    }
    Some(json!([{ "src": format!("$KV.{origin}.>"), "dest": format!("$KV.{bucket}.>") }]))
}

fn rename(fields: &mut Flat, name_of: &dyn Fn(&str) -> String) {
    if let Some(Value::String(name)) = fields.get_mut("mirror.name") {
        *name = name_of(name);
    }
    each_source(fields, |source| {
        if let Some(Value::String(name)) = source.get_mut("name") {
            *name = name_of(name);
        }
    });
}

fn each_source(fields: &mut Flat, mut change: impl FnMut(&mut Doc)) {
    let sources = fields.get_mut("sources").and_then(Value::as_array_mut);
    for source in sources.into_iter().flatten() {
        if let Value::Object(source) = source {
            change(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: Value) -> Flat {
        let object = value.as_object().cloned().unwrap_or_default();
        object.into_iter().collect()
    }

    #[test]
    fn no_transforms_are_told_apart_only_where_some_would_come() {
        let mut declared = fields(json!({ "sources": [
            { "name": "a", "subject_transforms": [] },
            { "name": "a", "filter_subject": "x", "subject_transforms": [] },
            { "name": "b", "external": { "api": "x" }, "subject_transforms": [] },
        ] }));
        forget_no_transforms("b", &mut declared);
        let left = fields(json!({ "sources": [
            { "name": "a", "subject_transforms": [] },
            { "name": "a", "filter_subject": "x" },
            { "name": "b", "external": { "api": "x" } },
        ] }));
        assert_eq!(declared, left);
    }

    #[test]
    fn origins_translate_as_in_nats_go_and_back() {
        for (own, stream) in [
            (
                json!({ "name": "a" }),
                json!({ "name": "KV_a", "subject_transforms": [{ "src": "$KV.a.>", "dest": "$KV.b.>" }] }),
            ),
            (
                json!({ "name": "a", "subject_transforms": [] }),
                json!({ "name": "KV_a" }),
            ),
            (
                json!({ "name": "a", "filter_subject": "$KV.a.x" }),
                json!({ "name": "KV_a", "filter_subject": "$KV.a.x" }),
            ),
            (
                json!({ "name": "b", "external": { "api": "x" } }),
                json!({ "name": "KV_b", "external": { "api": "x" } }),
            ),
        ] {
            let own = fields(json!({ "sources": [own], "mirror.name": "m" }));
            let stream = fields(json!({ "sources": [stream], "mirror.name": "KV_m" }));
            let mut there = own.clone();
            to_streams("b", &mut there);
            assert_eq!(there, stream);
            to_buckets("b", &mut there);
            assert_eq!(there, own);
        }
    }
}
