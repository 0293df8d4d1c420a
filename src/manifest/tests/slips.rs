//! Slips that used to be told as something else, or not at all.

use super::{layers, one, told};

#[test]
fn a_variable_in_a_key_is_warned_of() {
    let warned = |text: &str| told(&one(text));
    let streams = warned("nats: { streams: { '${X}': { subjects: [x] } } }");
    assert_eq!(streams.len(), 1, "{streams:#?}");
    assert!(
        streams[0].starts_with("0.yaml:2:20 variable: `${X}` stands in a key"),
        "{streams:#?}"
    );
    let within = warned("kafka: { topics: { t: { config: { 'retention.${WHAT:-ms}': 1d } } } }");
    assert!(
        within
            .iter()
            .any(|it| it.contains("`${WHAT}` stands in a key")),
        "{within:#?}"
    );
    let own = "nats: { streams: { A: { subjects: [x], metadata: { '${X}': a, 'b{c}$': d } } } }";
    assert_eq!(warned(own), Vec::<String>::new());
}

#[test]
fn a_config_that_a_comma_made_is_warned_of() {
    let text = |config: &str| {
        format!("kafka: {{ topics: {{ t: {{ partitions: 1, config: {{ {config} }} }} }} }}")
    };
    let said = told(&one(&text(
        "segment.bytes: 64MiB, cleanup.policy: delete,compact",
    )));
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(
        said[0].contains(
            "unknown-field: `compact` is no topic config that trueup knows, and it has no value"
        ),
        "{said:#?}"
    );
    assert!(
        said[0].contains("cleanup.policy: \"delete,compact\""),
        "{said:#?}"
    );
    let near = told(&one(&text("retention.mss: null")));
    assert!(
        near[0].contains("did you mean `retention.ms`?"),
        "{near:#?}"
    );
    assert_eq!(
        told(&one(&text("retention.ms: null"))),
        Vec::<String>::new()
    );
    let defaults = "kafka: { defaults: { topics: { config: { own.config: x } } }, topics: { t: { partitions: 1, config: { own.config: null } } } }";
    let said = told(&one(defaults)).join("\n");
    assert!(!said.contains("no value"), "{said}");
    let base = format!("stack: s\n{}", text("own.config: x"));
    let overlay = text("own.config: null");
    assert_eq!(told(&layers(&[&base, &overlay])), Vec::<String>::new());
}

#[test]
fn a_syntax_error_brings_nothing_made_up_along() {
    for text in [
        "nats: { streams: { S: { subjects: [\"s.>] } } }",
        "nats: { streams: { S: { subjects: [*] } } }",
        "nats: { streams: { S: { subjects: [a, *] } } }",
        "nats:\n  streams:\n    S:\n      subjects:\n        - *\n",
        "nats: { streams: { S: { subjects: \"s.> } } }",
    ] {
        let said = told(&one(text));
        assert_eq!(said.len(), 1, "{text}: {said:#?}");
        assert!(said[0].contains("yaml-syntax"), "{text}: {said:#?}");
        if text.contains('*') {
            assert!(said[0].contains("put it in quotes: `\"*\"`"), "{said:#?}");
        }
    }
    let named = told(&one("nats: { streams: { S: { subjects: [*.x] } } }"));
    assert!(named[0].contains("stands in quotes"), "{named:#?}");
    let before = "kafka: { topics: { t: { partitions: none } } }\nnats: { streams: { S: { subjects: [\"s.>] } } }";
    let said = told(&one(before));
    assert!(
        said[0].contains("`partitions`"),
        "what stands before is told: {said:#?}"
    );
}
