use std::process::Command;

use serde_json::Value;
use trueup::kinds::registry;
use trueup::model::Code;

use super::{file, run, trueup};

/// `--report` writes what every other command writes with it, too.
#[test]
fn a_report_of_an_explanation_and_of_a_schema_is_written() {
    let report = file("", ".json");
    let option = format!("json={}", report.to_str().unwrap());
    for words in [&["explain", "stream.max_age"][..], &["schema", "plan"]] {
        let ran = run(trueup(&[words, &["--report", &option]].concat()));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let written = std::fs::read_to_string(&report).unwrap();
        let document: Value = serde_json::from_str(&written).unwrap();
        assert!(document.is_object(), "{words:?}");
        std::fs::write(&report, "").unwrap();
    }
    let ran = run(trueup(&["completions", "bash", "--report", &option]));
    assert_eq!(ran.code, 1);
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "");
}

#[test]
fn every_kind_field_and_code_has_a_page() {
    for kind in registry() {
        let name = kind.name().to_string();
        let page = run(trueup(&["explain", &name]));
        assert_eq!(page.code, 0, "{name}");
        for path in trueup::report::explain::paths(kind.declaration()) {
            assert!(page.stdout.contains(&path), "{name}.{path}");
        }
    }
    for code in Code::ALL {
        let page = run(trueup(&["explain", code.as_str()]));
        assert_eq!(page.code, 0, "{code}");
        assert!(page.stdout.contains("way out"), "{code}");
    }
}

#[test]
fn a_field_is_explained_by_its_path_its_alias_and_the_brokers_own_name() {
    let page = |topic: &str| run(trueup(&["explain", topic])).stdout;
    let by_path = page("topic.config.retention.ms");
    assert!(by_path.contains("duration or `unlimited`"), "{by_path}");
    assert_eq!(page("topic.retention"), by_path);
    assert_eq!(page("topic.retention.ms"), by_path);
}

#[test]
fn a_miss_names_what_is_near() {
    for (topic, near) in [
        ("topicz", "`topic`"),
        ("imutable", "`immutable`"),
        ("topic.partitons", "`topic.partitions`"),
        ("topic.retentin", "did you mean `topic.retention`"),
    ] {
        let ran = run(trueup(&["explain", topic]));
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
        assert!(ran.stderr.contains(near), "{topic}: {}", ran.stderr);
    }
    let ran = run(trueup(&["explain", "qqqqqqqq"]));
    assert!(
        ran.stderr.contains("`trueup explain` lists"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_manifests_own_words_are_known() {
    let page = |topic: &str| {
        let ran = run(trueup(&["explain", topic]));
        assert_eq!(ran.code, 0, "{topic}: {}", ran.stderr);
        ran.stdout
    };
    for (word, same) in [
        ("key_value", "kv"),
        ("object_store", "object_store"),
        ("nats.key_value", "kv"),
        ("streams", "stream"),
        ("kafka.topics", "topic"),
        ("key_value.ttl", "kv.ttl"),
        ("streams.max_age", "stream.max_age"),
        ("stream.consumers.ack_wait", "consumer.ack_wait"),
        ("topic.access", "access"),
        ("stream.lifecycle.protect", "lifecycle.protect"),
        ("acl.operations", "acls.operations"),
    ] {
        if word != same && same != "object_store" {
            assert_eq!(page(word), page(same), "{word}");
        }
    }
    for (word, said) in [
        ("object_store", "object"),
        ("stack", "owned under"),
        ("connections", "nats"),
        ("connections.nats", "tls_first"),
        ("access", "Who produces to a topic"),
        ("connections.nats.url", "nats://127.0.0.1:4222"),
        ("connections.kafka", "sasl.mechanism"),
        ("connections.kafka.bootstrap.servers", "librdkafka"),
        ("access", "produce.principal"),
        ("lifecycle", "protect"),
        ("defaults", "key_value"),
        ("kafka.defaults", "topic"),
        ("acls", "operations"),
    ] {
        assert!(page(word).contains(said), "{word}: {}", page(word));
    }
}

#[test]
fn explain_is_json_where_that_is_asked_for_and_never_markdown() {
    let document = |topic: &str| {
        let ran = run(trueup(&["explain", topic, "--output", "json"]));
        assert_eq!(ran.code, 0, "{topic}: {}", ran.stderr);
        serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()
    };
    for kind in registry() {
        let page = document(kind.name().as_str());
        let fields = page["fields"].as_array().unwrap();
        let paths: Vec<_> = fields
            .iter()
            .map(|field| field["field"].as_str().unwrap())
            .collect();
        assert_eq!(paths, trueup::report::explain::paths(kind.declaration()));
        assert!(
            fields
                .iter()
                .all(|field| field["edit"] != serde_json::Value::Null)
        );
    }
    let field = document("stream.max_age");
    assert_eq!(
        (&field["type"], &field["unit"]),
        (&"duration".into(), &"nanoseconds".into())
    );
    assert!(field["description"].is_string());
    let values = document("stream.storage")["values"].clone();
    assert_eq!(values, serde_json::json!(["file", "memory"]));
    assert_eq!(document("immutable")["code"], "immutable");
    assert!(document("immutable")["way_out"].is_string());
    assert_eq!(document("connections.nats")["section"], "connections.nats");
    let all = run(trueup(&["explain", "--output", "json"])).stdout;
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["codes"].as_array().unwrap().len(), Code::ALL.len());
    let markdown = run(trueup(&["explain", "stream", "--output", "markdown"]));
    let kept = format!("{}/docs/reference/stream.md", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(markdown.stdout, std::fs::read_to_string(kept).unwrap());
}

#[test]
fn schemas_are_json_as_the_repository_keeps_them() {
    for of in ["manifest", "plan"] {
        let ran = run(trueup(&["schema", of]));
        assert_eq!(ran.code, 0);
        let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(schema["properties"].is_object(), "{of}");
        let kept = format!("{}/schema/{of}.schema.json", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(ran.stdout, std::fs::read_to_string(kept).unwrap(), "{of}");
    }
}

#[test]
fn completions_are_taken_by_a_shell_and_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(trueup(&["completions", shell]));
        assert_eq!(ran.code, 0, "{shell}");
        for command in [
            "validate",
            "plan",
            "apply",
            "drift",
            "export",
            "doctor",
            "--detailed-exitcode",
        ] {
            let option = command.trim_start_matches('-');
            assert!(ran.stdout.contains(option), "{shell}: {command}");
        }
    }
    let script = run(trueup(&["completions", "bash"])).stdout;
    assert!(script.contains("connections.nats") && script.contains("partition-decrease"));
    for offered in [
        "stream.sources.external.api",
        "topic.retention",
        "markdown=",
        "topic/ acl/",
    ] {
        assert!(script.contains(offered), "{offered}");
    }
    let script = super::file(&script, ".bash");
    let read = Command::new("bash")
        .arg("-n")
        .arg(script.to_str().unwrap())
        .status();
    assert!(read.unwrap().success());
}
