//! Variables, parts, overlays, defaults, anchors.

use super::*;

fn directory(parts: &[(&str, &str)]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in parts {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    loaded(&Inputs {
        files: vec![Input::Path(folder.path().to_owned())],
        ..Inputs::default()
    })
}

#[test]
fn the_parts_of_a_directory() {
    let manifest = sound(directory(&[
        (
            "b.yml",
            "nats: { streams: { B: }, consumers: { A/c: {} } }\nkafka: { access: { t: { produce: [User:x] } } }",
        ),
        (
            "a.yaml",
            "stack: s\nnats: { streams: { A: } }\n---\nkafka: { topics: { t: { partitions: 1, access: { produce: [User:y] } } } }",
        ),
        (".hidden.yaml", "no manifest"),
        ("notes.txt", "no manifest"),
    ]));
    let names: Vec<String> = manifest.resources.keys().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "stream/A",
            "consumer/A/c",
            "stream/B",
            "topic/t",
            "acl/User:y/allow/write/topic/literal/t/*",
            "acl/User:y/allow/describe/topic/literal/t/*",
            "acl/User:x/allow/write/topic/literal/t/*",
            "acl/User:x/allow/describe/topic/literal/t/*",
        ]
    );
}

#[test]
fn a_part_that_says_nothing_is_an_error_and_one_that_says_so_is_none() {
    let first = ("a.yaml", "stack: s\nnats: { streams: { A: } }");
    for (text, what) in [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("# nats: { streams: { B: } }\n", "says nothing"),
        ("---\n", "says nothing"),
        ("null", "says nothing"),
    ] {
        let loaded = directory(&[first, ("b.yaml", text)]);
        assert!(loaded.manifest.is_none(), "{text:?}");
        let told = told(&loaded);
        let [line] = &told[..] else {
            panic!("{text:?}: {told:?}")
        };
        assert!(line.contains("b.yaml:1:1 nothing-declared: "), "{line}");
        assert!(line.contains(what) && line.contains("write `{}`"), "{line}");
    }
    for text in [
        "{}",
        "# nothing yet\n{}",
        "nats: {}",
        "---\nnats: { streams: { B: } }\n---\n",
    ] {
        sound(directory(&[first, ("b.yaml", text)]));
    }
    // the same where it is laid over, or the only one
    assert!(layers(&[first.1, "# later"]).manifest.is_none());
    assert!(layers(&[""]).manifest.is_none());
}

#[test]
fn what_two_parts_say_of_the_same_thing() {
    let loaded = layers(&["stack: s
nats: { streams: { A: { consumers: { c: } } }, defaults: { stream: { max_age: 1d } } }
kafka: { topics: { t: { partitions: 1 } } }
---
stack: s
nats: { streams: { A: }, consumers: { A/c: {}, B/d: {}, e: {} }, defaults: { stream: { max_age: 2d } } }
kafka: { topics: { t: { partitions: 2 } }, access: { tt: { produce: [] } } }
"]);
    insta::assert_snapshot!(told(&loaded).join("\n"));
}

#[test]
fn overlays_merge_replace_and_take_away() {
    let base = "stack: s
nats:
  streams:
    A: { subjects: [a, b], max_age: 1d, num_replicas: 1, consumers: { c: { ack_wait: 1s }, d: } }
    B: { consumers: { e: } }
    C: { description: c }
kafka:
  topics:
    t: { partitions: 1, config: { retention.ms: 1d, cleanup.policy: compact } }
";
    let dev = "nats: { streams: { A: { subjects: [c], max_age: null, consumers: { d: null } }, B: null, NEW: { consumers: {} } } }";
    let prod = "nats: { streams: { A: { num_replicas: 3 } } }\nkafka: { topics: { t: { retention: 2d, config: { cleanup.policy: null } } } }";
    let manifest = sound(layers(&[base, dev, prod]));
    let names: Vec<String> = manifest.resources.keys().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "stream/A",
            "consumer/A/c",
            "stream/C",
            "stream/NEW",
            "topic/t"
        ]
    );
    assert_eq!(
        fields(&manifest, "stream/A"),
        json!({ "subjects": ["c"], "num_replicas": 3 })
    );
    assert_eq!(
        fields(&manifest, "topic/t"),
        json!({ "partitions": 1, "config.retention.ms": "172800000" })
    );
    let place = manifest.resources[0].place_of("num_replicas").unwrap();
    assert_eq!(place.to_string(), "2.yaml:1:25");
}

#[test]
fn defaults_lie_beneath() {
    let manifest = sound(one("nats:
  defaults:
    stream: { max_age: 1d, num_replicas: 3, placement: { cluster: c, tags: [x] }, lifecycle: { protect: true } }
    consumer: { ack_wait: 5s }
  streams:
    A: { max_age: 2d, placement: { tags: [y] }, consumers: { c: } }
    B: { max_age: null, placement: null, lifecycle: { protect: false } }
kafka:
  defaults: { topic: { partitions: 6, retention: 3d, config: { x: 1 } } }
  topics:
    t: { config: { retention.ms: 1d } }
    u: { retention: 2d, config: { x: null } }
"));
    assert_eq!(
        fields(&manifest, "stream/A"),
        json!({ "max_age": 172_800_000_000_000_i64, "placement.tags": ["y"], "placement.cluster": "c", "num_replicas": 3 })
    );
    assert_eq!(fields(&manifest, "stream/B"), json!({ "num_replicas": 3 }));
    assert_eq!(
        fields(&manifest, "consumer/A/c"),
        json!({ "ack_wait": 5_000_000_000_i64 })
    );
    assert_eq!(
        fields(&manifest, "topic/t"),
        json!({ "config.retention.ms": "86400000", "config.x": "1", "partitions": 6 })
    );
    assert_eq!(
        fields(&manifest, "topic/u"),
        json!({ "config.retention.ms": "172800000", "partitions": 6 })
    );
    let protected = |at: usize| manifest.resources[at].lifecycle.protect;
    assert_eq!((protected(0), protected(2)), (true, false));
}

#[test]
fn a_wrong_default_is_told_once() {
    let loaded = one(
        "nats:\n  defaults: { stream: { max_age: soon, x: 1 }, streem: {} }\n  streams: { A: , B: , C: { max_age: later } }\n",
    );
    insta::assert_snapshot!(told(&loaded).join("\n"));
}

#[test]
fn variables_take_the_type_that_is_wanted() {
    let inputs = Inputs {
        files: vec![text(
            "a.yaml",
            "stack: ${S}\nnats: { streams: { A: { num_replicas: '${N}', deny_delete: '${T}', description: '${N}', max_age: '${AGE:-7d}', subjects: ['$$JS.>', 'x.${S}'] } } }",
        )],
        vars: IndexMap::from([
            ("N".to_owned(), "3".to_owned()),
            ("S".to_owned(), "st".to_owned()),
        ]),
        environment: IndexMap::from([
            ("T".to_owned(), "true".to_owned()),
            ("S".to_owned(), "e".to_owned()),
        ]),
        ..Inputs::default()
    };
    let manifest = sound(loaded(&inputs));
    assert_eq!(manifest.stack, "st");
    assert_eq!(
        fields(&manifest, "stream/A"),
        json!({ "num_replicas": 3, "deny_delete": true, "description": "3", "max_age": 604_800_000_000_000_i64, "subjects": ["$JS.>", "x.st"] })
    );
}

#[test]
fn variables_that_are_missing_or_hold_rubbish() {
    let loaded = loaded(&Inputs {
        files: vec![text(
            "a.yaml",
            "stack: s\nx-unused: ${NEVER}\nnats: { streams: { A: {\n num_replicas: '${N}',\n max_age: '${PW}',\n description: 'a ${M:?ask Bob}',\n storage: '${PW}',\n deny_delete: '${PW}',\n subjects: ['${a']\n} } }",
        )],
        vars: IndexMap::from([("PW".to_owned(), "canary".to_owned())]),
        ..Inputs::default()
    });
    let told = told(&loaded).join("\n");
    assert!(!told.contains("canary"), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn anchors_and_merge_keys() {
    let manifest = sound(one("x-base: &base { max_age: 1d, num_replicas: 3 }
x-more: &more { max_bytes: 1KiB, max_age: 9d }
nats:
  streams:
    A: { <<: *base, max_age: 2d }
    B: { <<: [*base, *more] }
    C: *more
    D: { description: &d text, subjects: [*d] }
"));
    for (stream, wanted) in [
        (
            "A",
            json!({ "max_age": 172_800_000_000_000_i64, "num_replicas": 3 }),
        ),
        (
            "B",
            json!({ "max_age": 86_400_000_000_000_i64, "num_replicas": 3, "max_bytes": 1024 }),
        ),
        (
            "C",
            json!({ "max_bytes": 1024, "max_age": 777_600_000_000_000_i64 }),
        ),
        ("D", json!({ "description": "text", "subjects": ["text"] })),
    ] {
        assert_eq!(
            fields(&manifest, &format!("stream/{stream}")),
            wanted,
            "{stream}"
        );
    }
    let loaded = one(
        "x-base: &base\n  max_age: soon\nnats:\n  streams:\n    A: *base\n    B:\n      <<: *base\n    C: { <<: 5, description: *nothing }\n",
    );
    insta::assert_snapshot!(told(&loaded).join("\n"));
}

#[test]
fn the_digest_is_of_what_is_declared() {
    let digest = |text: &str| sound(one(text)).digest().to_owned();
    let first = digest("nats: { streams: { A: { max_age: 7d, description: x }, B: } }");
    let same = digest("nats:\n  streams:\n    B: {}\n    A: { description: x, max_age: 168h }\n");
    let other = digest("nats: { streams: { A: { max_age: 8d, description: x }, B: } }");
    assert_eq!(first, same);
    assert_ne!(first, other);
}

#[test]
fn only_what_remains_of_the_layers_asks_for_its_variables() {
    let base = "stack: s\nnats: { streams: { A: { storage: '${UNSET}', description: '${UNSET}', subjects: ['${UNSET}'] }, B: { storage: '${UNSET}' } } }";
    let over =
        "nats: { streams: { A: { storage: file, description: null, subjects: [a] }, B: null } }";
    let manifest = sound(layers(&[base, over]));
    assert_eq!(
        fields(&manifest, "stream/A"),
        json!({ "storage": "file", "subjects": ["a"] })
    );
    assert_eq!(layers(&[base]).problems.len(), 4);
}

#[test]
fn a_null_that_takes_nothing_away_is_warned_of() {
    let base = "stack: s\nnats: { defaults: { stream: { max_bytes: 5 } }, streams: { ORDERS: { max_age: 1d } } }";
    let over = "nats:\n  streams:\n    ORDER: null\n    ORDERS: { max_age: null, max_bytes: null, storage: null }\n";
    assert_eq!(
        told(&layers(&[base, over])),
        [
            "1.yaml:3:5 dangling: there is no `ORDER` here to take away (did you mean `ORDERS`?)",
            "1.yaml:4:47 dangling: there is no `storage` here to take away (an overlay's `null` takes away what an earlier `-f` says; take the line away)",
        ]
    );
    let nameless = layers(&[base, "stack: null"]);
    assert_eq!(
        nameless.problems[0].place.as_ref().unwrap().to_string(),
        "1.yaml:1:8"
    );
}

#[test]
fn a_null_that_takes_nothing_away_is_warned_of_at_any_depth() {
    let base = "stack: s\nnats: { streams: { A: } }\n";
    for over in [
        "connections: { nats: { url: null } }",
        "nats: { streams: { NEW: { consumers: null } } }",
        "nats: { streams: { NEW: { consumers: { x: } } } }",
    ] {
        let loaded = layers(&[base, over]);
        let told = told(&loaded);
        assert!(loaded.manifest.is_some());
        assert!(
            told.len() == 1 && told[0].contains("to take away"),
            "{told:?}"
        );
    }
}

#[test]
fn a_section_whose_entries_stand_elsewhere_is_not_taken_away_as_a_whole() {
    let base = "stack: s\nnats: { streams: { A: }, consumers: { A/c: } }\nkafka: { topics: { t: { partitions: 1 } }, access: { t: { produce: [User:a] } } }";
    let whole = told(&layers(&[
        base,
        "nats: { consumers: null }\nkafka: { access: null }",
    ]));
    assert_eq!(whole.len(), 2, "{whole:?}");
    assert!(whole[0].starts_with("1.yaml:1:9 dangling: `nats.consumers` can't be taken away"));
    assert!(whole[1].contains("one by one: `TOPIC: null`"), "{whole:?}");
    let each = layers(&[
        base,
        "nats: { consumers: { A/c: null } }\nkafka: { access: { t: null } }",
    ]);
    let left: Vec<String> = sound(each)
        .resources
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(left, ["stream/A", "topic/t"]);
    sound(layers(&[
        "stack: s\nnats: { streams: { A: }, consumers: }\nkafka: { access: }",
    ]));
}

#[test]
fn a_null_within_an_entry_takes_away_no_more_than_it_says() {
    let of = |kafka: &str| {
        let text = format!("stack: s\nkafka: {{ {kafka} }}\n");
        let manifest = sound(layers(&[&text]));
        let of_kind = |kind| {
            let keys = manifest.resources.keys();
            keys.filter(|address| address.kind == kind).count()
        };
        of_kind(KindName::Acl)
    };
    let topic = |access: &str| {
        of(&format!(
            "topics: {{ t: {{ partitions: 1, access: {{ {access} }} }} }}"
        ))
    };
    assert_eq!(topic("produce: [User:a], consume: null"), 2);
    assert_eq!(topic("produce: null, consume: [User:b]"), 2);
    for null in ["transactional_ids: null", "hosts: null", "host: null"] {
        let entry = format!("produce: [{{ principal: User:a, {null} }}, User:c]");
        assert_eq!(topic(&entry), 4, "{null}");
    }
    assert_eq!(
        topic("consume: [{ principal: User:b, groups: null }, User:c]"),
        4
    );
    for null in ["hosts: null", "principals: null", "permission: null"] {
        let entry = format!(
            "acls: [{{ principal: User:q, {null}, operations: [read], resource: {{ topic: t, group: null }} }}]"
        );
        assert_eq!(of(&entry), 1, "{null}");
    }
    let kept = sound(layers(&[
        "stack: s\nnats: { streams: { A: { lifecycle: { ignore: null, protect: true } } } }",
    ]));
    assert!(kept.resources.values().all(|it| it.lifecycle.protect));
}

#[test]
fn a_variable_that_was_given_and_is_used_nowhere_is_told() {
    let given = ["AGE", "REPLICSA", "ZZZ"].map(|name| (name.to_owned(), "3".to_owned()));
    let text = text(
        "a.yaml",
        "stack: s\nnats: { streams: { A: { description: '${AGE}', num_replicas: '${REPLICAS:-1}' } } }\n",
    );
    let loaded = loaded(&Inputs {
        files: vec![text],
        vars: IndexMap::from(given),
        ..Inputs::default()
    });
    let told: Vec<_> = loaded.problems.iter().collect();
    let messages: Vec<&str> = told
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "`--var REPLICSA` is used nowhere in the manifest",
            "`--var ZZZ` is used nowhere in the manifest",
        ]
    );
    assert_eq!(told[0].hint.as_deref(), Some("did you mean `REPLICAS`?"));
    assert!(loaded.manifest.is_some(), "they are warnings");
}
