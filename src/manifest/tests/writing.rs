//! What is written reads back.

use proptest::prelude::*;

use super::*;
use crate::manifest::write::write_with;
use crate::model::{Flat, Lifecycle};

fn resource(address: &str, fields: Value) -> Resource {
    let fields: Flat = serde_json::from_value(fields).unwrap();
    Resource::new(address.parse().unwrap(), fields)
}

fn all(list: Vec<Resource>) -> Resources {
    list.into_iter().map(|r| (r.address.clone(), r)).collect()
}

/// Address, fields and lifecycle: all of a resource but its places.
fn said(resources: &Resources) -> Vec<(String, Flat, Lifecycle)> {
    let mut said: Vec<_> = resources
        .values()
        .map(|r| {
            (
                r.address.to_string(),
                r.declared.clone(),
                r.lifecycle.clone(),
            )
        })
        .collect();
    said.sort_by(|a, b| a.0.cmp(&b.0));
    said
}

fn read_back(resources: &Resources) -> Resources {
    let text = write_with("s", resources, &test_kind);
    sound(layers(&[&text])).resources
}

#[test]
fn a_written_manifest() {
    let mut stream = resource(
        "stream/EVENTS",
        json!({ "subjects": ["events.>", "$JS.>"], "max_age": 604_800_000_000_000_i64, "max_bytes": -1,
            "num_replicas": 3, "placement.cluster": "c", "metadata.a.b": "no", "deny_delete": true,
            "sources": [{ "name": "O" }], "description": "a: ${b}\nc" }),
    );
    stream.lifecycle.protect = true;
    let resources = all(vec![
        stream,
        resource(
            "consumer/EVENTS/c",
            json!({ "ack_wait": 90_000_000_000_i64 }),
        ),
        resource("consumer/ELSEWHERE/c", json!({})),
        resource(
            "topic/t",
            json!({ "partitions": 3, "config.retention.ms": "604800000", "config.max.message.bytes": "2097152",
            "config.x": "2", "config.y": "true", "config.z": "1e3", "config.w": "007" }),
        ),
        resource("acl/User:a/allow/read/topic/literal/t/*", json!({})),
        resource("acl/User:a/allow/describe/topic/literal/t/*", json!({})),
        resource(
            "acl/User:a/deny/write/group/prefixed/g-/10.0.0.1",
            json!({}),
        ),
    ]);
    insta::assert_snapshot!(write_with("s", &resources, &test_kind));
}

#[test]
fn texts_that_yaml_takes_for_something_else() {
    for text in [
        "no",
        "on",
        "yes",
        "~",
        "null",
        "Null",
        "",
        "true",
        "True",
        "0o17",
        "0x1f",
        "1_000",
        "1e3",
        "1.5",
        ".5",
        "5.",
        "+1",
        "-1",
        "007",
        "2026-01-31",
        "2026-01-31T00:00:00Z",
        "12:30:45",
        "a: b",
        "a #b",
        "#a",
        "- a",
        "-",
        "?",
        ":",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "'a'",
        "\"a\"",
        "[a]",
        "{a}",
        "<<",
        "=",
        " a",
        "a ",
        "a\nb",
        "a\n",
        "\na",
        "a\tb",
        "\ta",
        "a\r\nb",
        "\u{0}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "a\u{2029}b",
        "\u{feff}a",
        "\u{fffd}",
        "\u{10ffff}",
        "日本",
        "😀",
        "$",
        "$$",
        "${A}",
        "$${A}",
        "$A",
        "a$",
        "\\",
        "a\\nb",
        ".inf",
        ".nan",
        "---",
        "...",
        "--- a",
        "trueup_quoted_text_0_",
        "9223372036854775808",
        "1e310",
        "-1E+999",
        &"9".repeat(400),
    ] {
        let resources = all(vec![resource(
            "stream/A",
            json!({ "description": text, "subjects": [text, text], format!("metadata.{text}"): text }),
        )]);
        assert_eq!(said(&read_back(&resources)), said(&resources), "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_texts_and_numbers_read_back(
        texts in proptest::collection::vec("\\PC{0,12}|[ -~]{0,12}|[0-9_.eE+:x-]{0,6}|.{0,8}", 1..4),
        age in 0..i64::MAX,
        bytes in -1..1_i64 << 50,
        replicas in 1..5_i64,
    ) {
        let bytes = if bytes == 0 { 1 } else { bytes };
        let mut fields = json!({ "max_age": age, "max_bytes": bytes, "num_replicas": replicas, "subjects": texts });
        for (index, text) in texts.iter().enumerate() {
            if !text.is_empty() {
                fields[format!("metadata.{text}")] = json!(texts[texts.len() - 1 - index]);
            }
        }
        let resources = all(vec![
            resource("stream/A", fields),
            resource("topic/t", json!({ "partitions": replicas, "config.retention.ms": bytes.to_string(), "config.any": texts[0] })),
        ]);
        prop_assert_eq!(said(&read_back(&resources)), said(&resources));
    }
}
