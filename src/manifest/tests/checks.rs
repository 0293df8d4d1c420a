//! Structure, places, messages.

use super::*;

#[test]
fn a_manifest_becomes_resources() {
    let manifest = sound(one(
        "nats:\n  streams:\n    EVENTS:\n      subjects: [events.>]\n      max_age: 7d\n      max_bytes: unlimited\n      placement: { cluster: c1, tags: [a] }\n      sources: [{ name: OTHER, opt_start_seq: 5 }]\n      metadata: { a.b: 'no' }\n      lifecycle: { protect: true, ignore: [placement.cluster], undeclared: reset }\n      consumers:\n        indexer: { ack_wait: 30s }\nkafka:\n  topics:\n    t:\n      partitions: 3\n      retention: 7d\n      config: { max.message.bytes: 2MiB, cleanup.policy: [delete, compact], x: true, y: 0.50 }\n",
    ));
    assert_eq!(manifest.stack, "s");
    let names: Vec<String> = manifest.resources.keys().map(ToString::to_string).collect();
    assert_eq!(
        names,
        ["stream/EVENTS", "consumer/EVENTS/indexer", "topic/t"]
    );
    assert_eq!(
        fields(&manifest, "stream/EVENTS"),
        json!({
            "subjects": ["events.>"], "max_age": 604_800_000_000_000_i64, "max_bytes": -1,
            "placement.cluster": "c1", "placement.tags": ["a"],
            "sources": [{ "name": "OTHER", "opt_start_seq": 5 }], "metadata.a.b": "no"
        })
    );
    assert_eq!(
        fields(&manifest, "topic/t"),
        json!({
            "partitions": 3, "config.max.message.bytes": "2097152",
            "config.cleanup.policy": "delete,compact", "config.x": "true", "config.y": "0.50",
            "config.retention.ms": "604800000"
        })
    );
    let stream = &manifest.resources[0];
    assert!(stream.lifecycle.protect);
    assert_eq!(stream.lifecycle.undeclared, Undeclared::Reset);
    assert_eq!(stream.lifecycle.ignore, ["placement.cluster"]);
    assert_eq!(stream.place.as_ref().unwrap().to_string(), "0.yaml:4:5");
    let place = |field: &str| stream.place_of(field).unwrap().to_string();
    assert_eq!(place("max_age"), "0.yaml:6:7");
    assert_eq!(place("placement.tags"), "0.yaml:8:33");
    assert!(manifest.speaks_of(Broker::Kafka));
}

#[test]
fn every_problem_in_one_run() {
    let loaded = one("nats:
  streams:
    A:
      max_aeg: 7d
      max_bytes: 10 parsecs
      max_age: soon
      storage: disk
      num_replicas: 9
      deny_delete: yes
      description: 2024
      subjects: a.b
      sealed: true
      placement: { clutser: c }
      sources: [{ opt_start_seq: x }, 5]
      metadata: { v: 1.10 }
      lifecycle: { protekt: true, ignore: [max_aeg] }
      consumers: [x]
    B: 5
    C: { max_age: 7d, max_age: 8d, num_replicas: 99999999999999999999 }
kafka:
  topics:
    t: { retention: 7d, config: { retention.ms: 1d, x: { y: 1 } } }
  bogus: 1
bridge: { routes: {} }
streems: {}
");
    assert!(loaded.manifest.is_none());
    insta::assert_snapshot!(told(&loaded).join("\n"));
}

#[test]
fn yaml_1_2_and_nothing_older() {
    for (written, text) in [
        ("no", "no"),
        ("on", "on"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("007", "007"),
        ("2026-01-31", "2026-01-31"),
        ("'1'", "1"),
        ("\"a\\u2028b\"", "a\u{2028}b"),
    ] {
        let manifest = sound(one(&format!(
            "nats: {{ streams: {{ A: {{ description: {written} }} }} }}"
        )));
        assert_eq!(
            fields(&manifest, "stream/A"),
            json!({ "description": text }),
            "{written}"
        );
    }
    for odd in ["1", "true", "1.5", "[a]", "{ a: b }"] {
        let loaded = one(&format!(
            "nats: {{ streams: {{ A: {{ description: {odd} }} }} }}"
        ));
        assert_eq!(loaded.problems[0].code, Code::WrongType, "{odd}");
    }
}

#[test]
fn the_rules_are_asked_where_the_structure_holds() {
    let codes = |stream: &str| -> Vec<Code> {
        let loaded = one(&format!("nats: {{ streams: {{ A: {stream} }} }}"));
        loaded.problems.iter().map(|p| p.code).collect()
    };
    assert_eq!(codes("{ description: odd }"), [Code::Contradiction]);
    let unknown = "{ description: odd, unheard: 1 }";
    assert_eq!(codes(unknown), [Code::Contradiction, Code::UnknownField]);
    let misspelt = "{ description: odd, storrage: file }";
    assert_eq!(codes(misspelt), [Code::UnknownField]);
    let unreadable = "{ description: odd, storage: disk }";
    assert_eq!(codes(unreadable), [Code::UnknownValue]);
    let good = "{ description: odd, max_age: soon }";
    assert_eq!(codes(good), [Code::Contradiction, Code::BadDuration]);
}

#[test]
fn a_stack_must_be_named() {
    assert_eq!(layers(&["x-a: 1"]).problems[1].code, Code::MissingField);
    for name in ["Events", "a_b", "''", "5"] {
        let loaded = layers(&[&format!("stack: {name}\nnats: {{ streams: {{ A: }} }}")]);
        assert_eq!(loaded.problems.len(), 1, "{name}");
    }
}

#[test]
fn connections_and_their_secrets() {
    let inputs = |text_: &str| Inputs {
        files: vec![text("a.yaml", text_)],
        environment: IndexMap::from([
            ("NATS_URL".to_owned(), "nats://n:1".to_owned()),
            ("PW".to_owned(), "canary".to_owned()),
        ]),
        ..Inputs::default()
    };
    let said = "stack: s
connections:
  nats: { user: u, password: '${PW}', account: A, tls_first: true }
  kafka:
    bootstrap.servers: [a:1, b:2]
    security.protocol: sasl_ssl
    sasl.mechanism: SCRAM-SHA-512
    sasl.password: canary
    sasl.username_file: /run/secrets/user
    cluster_id: C
    socket.timeout.ms: 5000
nats: { streams: { A: } }
";
    let loaded = loaded(&inputs(said));
    let shown = format!("{loaded:?}");
    assert!(!shown.contains("canary"), "{shown}");
    let text = loaded.sources.text("a.yaml").unwrap().to_owned();
    assert!(text.contains("sasl.password: ******\n"), "{text}");
    let connections = sound(loaded).connections;
    assert_eq!(connections.nats.account.as_deref(), Some("A"));
    let settings = connections.nats.settings().unwrap();
    assert_eq!(settings.display_url(), "nats://n:1");
    assert_eq!(connections.kafka.cluster_id.as_deref(), Some("C"));
    let missing = connections.kafka.properties().unwrap_err();
    assert_eq!(missing.code, Code::FileUnreadable);
    assert_eq!(missing.place.unwrap().line, 9);

    let broken = text.replace("user: u", "user: [") + "  password: canary\n";
    let loaded = super::loaded(&inputs(&broken));
    assert!(!format!("{loaded:?}").contains("canary"));

    let base = text.replace("'${PW}'", "canary");
    let twice = format!("{base}---\nconnections: {{ kafka: {{ sasl.password: canary }} }}\n");
    let loaded = super::loaded(&Inputs {
        files: vec![
            super::text("base.yaml", &twice),
            super::text("over.yaml", "connections: { nats: { password: over } }"),
        ],
        ..Inputs::default()
    });
    assert!(!format!("{loaded:?}").contains("canary"));

    let wrong = "stack: s
connections:
  nats: { pasword: canary, password: 12345, user: u, token: canary2, token_file: x }
  kafka: { sasl.password: { a: canary }, ssl.key.password: x, ssl.key.password_file: y }
  redis: {}
nats: { streams: { A: } }
";
    let loaded = super::loaded(&inputs(wrong));
    let told = told(&loaded).join("\n");
    assert!(
        !told.contains("canary") && !told.contains("12345"),
        "{told}"
    );
    insta::assert_snapshot!(told);
}

#[test]
fn properties_of_kafka() {
    let loaded = one("connections:
  kafka:
    bootstrap.server: a:1
    foo.bar_file: x
    client.id: [a, b]
    linger.ms: { a: b }
    fetch.min.bytes: 5
nats: { streams: { A: } }
");
    let told = told(&loaded);
    let starts: Vec<&str> = told
        .iter()
        .filter_map(|line| line.split(&['(', ','][..]).next())
        .collect();
    assert_eq!(
        starts,
        [
            "0.yaml:4:5 property: `bootstrap.server` is no property of librdkafka's ",
            "0.yaml:5:5 property: `foo.bar` is no property of librdkafka's ",
            "0.yaml:6:16 wrong-type: `client.id` takes text",
            "0.yaml:7:16 wrong-type: `linger.ms` takes text",
        ],
        "{told:#?}"
    );
    assert!(told[0].contains("did you mean `bootstrap.servers`?"));
}

#[test]
fn no_secret_is_shown_whatever_is_wrong_with_it() {
    let of = |line: &str| {
        format!(
            "stack: t\nx-s: &s CANARY-1\nconnections:\n  kafka:\n    {line}\n    foo: bar\nkafka: {{ topics: {{ a: {{ partitions: *s }} }} }}\n"
        )
    };
    for line in [
        "sasl.password: *s",
        "sasl.password: \"CANARY-1",
        "sasl.password: \"CANARY-1 ${UNSET}\"",
        "sasl.password: CANARY-1\n    sasl.password: CANARY-2",
        "sasl.password: { a: CANARY-1 }",
        "sasl.password: [CANARY-1, CANARY-2]",
        "\"sasl.password\": CANARY-1",
    ] {
        let text = of(line);
        let text = if line.contains("*s") {
            text
        } else {
            text.replace("&s CANARY-1", "&s x")
        };
        let loaded = layers(&[&text]);
        let mut shown = format!("{:?}", loaded.problems);
        for file in loaded.sources.files() {
            shown += loaded.sources.text(file).unwrap();
        }
        assert!(
            loaded.manifest.is_none() && !shown.contains("CANARY"),
            "{line}\n{shown}"
        );
    }
}

#[test]
fn a_secret_where_a_path_is_wanted_is_refused_and_not_shown() {
    let seed = format!("SU{}", "A2".repeat(28));
    let creds = "\"-----BEGIN NATS USER JWT-----\\nCANARY\\n------END NATS USER JWT------\"";
    for (broker, line) in [
        ("nats", format!("nkey: {seed}")),
        ("nats", format!("creds: {creds}")),
        (
            "nats",
            format!("creds: \"{creds}", creds = "CANARY\\nCANARY\""),
        ),
        ("nats", format!("token_file: {seed}")),
        (
            "nats",
            "key: \"-----BEGIN PRIVATE KEY-----\\nCANARY\"".to_owned(),
        ),
        (
            "kafka",
            "ssl.ca.location: \"-----BEGIN CERTIFICATE-----\\nCANARY\"".to_owned(),
        ),
        ("kafka", format!("sasl.password_file: {seed}")),
        ("nats", "nkey: SUACANARY234".to_owned()),
    ] {
        let text = format!(
            "stack: s\nconnections:\n  {broker}:\n    {line}\nnats: {{ streams: {{ A: }} }}\n"
        );
        let loaded = layers(&[&text]);
        let told = told(&loaded).join("\n");
        assert!(
            told.contains("4:") && told.contains("takes the path of a file"),
            "{told}"
        );
        let shown = format!(
            "{:?}{}",
            loaded.problems,
            loaded.sources.text("0.yaml").unwrap()
        );
        assert!(
            !shown.contains("CANARY") && !shown.contains(&seed),
            "{line}: {shown}"
        );
    }
}

#[test]
fn a_word_that_names_no_file_is_not_shown_for_it_may_be_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("word"), "p").unwrap();
    let file = folder.path().join("a.yaml");
    let complaint = |line: &str| {
        let (broker, line) = line.split_once(' ').unwrap();
        let text = format!("stack: s\nconnections:\n  {broker}:\n    {line}\n");
        std::fs::write(&file, text).unwrap();
        let loaded = super::loaded(&Inputs {
            files: vec![crate::manifest::Input::of_argument(file.to_str().unwrap())],
            ..Inputs::default()
        });
        let shown = loaded.sources.text(file.to_str().unwrap()).unwrap();
        assert!(!shown.contains("hunter22"), "{shown}");
        let connections = loaded.manifest.unwrap().connections;
        let problem = match broker {
            "nats" => connections.nats.settings().err(),
            _ => connections.kafka.properties().err(),
        };
        problem.map(|problem| (problem.message, problem.place.map(|place| place.line)))
    };
    for line in [
        "nats { user: u, password_file: hunter22 }",
        "nats { nkey: hunter22 }",
        "nats { creds: hunter22 }",
        "kafka { security.protocol: ssl, ssl.key.location: hunter22, ssl.certificate.location: c.pem }",
        "kafka { client.id_file: hunter22 }",
    ] {
        let (message, place) = complaint(line).unwrap();
        assert!(message.contains("takes the path of a file"), "{message}");
        assert!(!message.contains("hunter22"), "{message}");
        assert_eq!(place, Some(4), "{line}");
    }
    assert_eq!(complaint("nats { nkey: word }"), None);
    assert_eq!(complaint("nats { user: u, password_file: word }"), None);
    let (message, _) = complaint("nats { user: u, password_file: ./other }").unwrap();
    assert!(message.contains("other` can't be read"), "{message}");
}

#[test]
fn what_is_said_twice_is_read_twice() {
    let topic = |retention: &str| {
        format!(
            "stack: s\nkafka: {{ topics: {{ t: {{ partitions: 1, retention: {retention}, config: {{ retention.ms: 7d }} }} }} }}\n"
        )
    };
    for (retention, code) in [("'${UNSET}'", "variable:"), ("7q", "bad-duration:")] {
        let told = told(&layers(&[&topic(retention)]));
        let says = |code: &str| told.iter().any(|line| line.contains(code));
        assert!(says(code) && says("contradiction:"), "{told:?}");
        assert_eq!(told.len(), 2, "{told:?}");
    }
}

#[test]
fn a_list_where_one_value_belongs_is_written_without_brackets() {
    let topic = |partitions: &str| {
        let text =
            format!("stack: s\nkafka: {{ topics: {{ t: {{ partitions: {partitions} }} }} }}\n");
        told(&layers(&[&text])).join("\n")
    };
    assert!(topic("[3]").contains("write it without brackets: `3`"));
    assert!(topic("[3, 4]").contains("write one value, without brackets"));
    assert!(!topic("{ a: 3 }").contains("brackets"));
}

#[test]
fn a_variable_of_another_type_has_a_way_out() {
    let text = "stack: s\nnats: { streams: { S: { num_replicas: \"${N:-three}\" } } }\n";
    let said = told(&layers(&[text])).join("\n");
    assert!(
        said.contains("(set the variable, or its default, to a whole number)"),
        "{said}"
    );
}

#[test]
fn a_secret_is_blinded_wherever_it_stands_again() {
    let text = "stack: s
connections:
  nats: { url: 'nats://u:CANARY-2@h:1' }
  kafka:
    security.protocol: CANARY-1
    sasl.password: CANARY-1
    client.id: '${PW}'
    ssl.key.password: '${PW}'
# CANARY-1
kafka: { topics: { t: { partitions: CANARY-1 } } }
nats: { streams: { A: { storage: '${PW}', max_age: CANARY-2 } } }
";
    let loaded = super::loaded(&Inputs {
        files: vec![super::text("a.yaml", text)],
        environment: IndexMap::from([("PW".to_owned(), "CANARY-3".to_owned())]),
        ..Inputs::default()
    });
    let shown = format!(
        "{:?}{}",
        loaded.problems,
        loaded.sources.text("a.yaml").unwrap()
    );
    assert!(
        !loaded.problems.is_empty() && !shown.contains("CANARY"),
        "{shown}"
    );
}

#[test]
fn a_connection_tells_everything_at_once_and_nothing_that_follows() {
    let text = "stack: s
connections:
  nats:
    url: ''
    user: u
    pasword: x
    cert: c
    inbox_prefix: a b
    token: t
    jetstream_domain: d
    jetstream_api_prefix: '*'
  kafka:
    security.protocol: sasl_ssl
    sasl.mechanism: PLAIN
    sasl.username: u
    sasl.password: '${UNSET}'
nats: { streams: { A: } }
";
    insta::assert_snapshot!(told(&layers(&[text])).join("\n"));
    let typo = text.replace("sasl.password: '${UNSET}'", "sasl.pasword: x");
    assert!(!told(&layers(&[&typo])).join("\n").contains("is missing"));
    let unread = format!(
        "{}\n\tx: [",
        text.replace("    sasl.password: '${UNSET}'\n", "")
    );
    assert!(!told(&layers(&[&unread])).join("\n").contains("is missing"));
    let missing = text.replace("    sasl.password: '${UNSET}'\n", "");
    assert!(
        told(&layers(&[&missing]))
            .join("\n")
            .contains("`sasl.password` is missing")
    );
    let unset =
        "connections: { nats: { user: u, password: '${UNSET}' } }\nnats: { streams: { A: } }";
    assert_eq!(one(unset).problems.len(), 1);
}

#[test]
fn paths_are_beside_the_file_that_names_them() {
    let manifest = loaded(&Inputs {
        files: vec![
            text(
                "a/b.yaml",
                "stack: s\nconnections: { nats: { creds: u.creds, ca: /etc/ca.pem }, kafka: { sasl.password_file: pw } }\nnats: { streams: { A: } }",
            ),
            text(
                "c/d.yaml",
                "connections: { kafka: { security.protocol: ssl, ssl.ca.location: ca.pem } }",
            ),
        ],
        ..Inputs::default()
    });
    let told = told(&manifest);
    let connections = &manifest.manifest.as_ref().map(|m| &m.connections);
    let shown = format!("{connections:?}");
    assert!(
        shown.contains("\"a/u.creds\"") && shown.contains("\"/etc/ca.pem\""),
        "{shown} {told:?}"
    );
    assert!(shown.contains("\"a/pw\""), "{shown}");
}

#[test]
fn a_variable_behind_an_escape() {
    let loaded = loaded(&Inputs {
        files: vec![text(
            "a.yaml",
            "stack: s\nnats: { streams: { A: { description: \"\\x24{B}\" } } }\n",
        )],
        vars: IndexMap::from([("B".to_owned(), "b".to_owned())]),
        ..Inputs::default()
    });
    let manifest = loaded.manifest.unwrap();
    assert_eq!(fields(&manifest, "stream/A"), json!({ "description": "b" }));
}

#[test]
fn what_trueup_notes_is_nobody_elses_to_declare() {
    for (key, why) in [
        (
            "trueup.stack",
            "`metadata.trueup.stack` is trueup's own: it says which stack a resource belongs to",
        ),
        (
            "trueup.start",
            "`metadata.trueup.start` is trueup's own, as all keys that begin with `trueup.` are",
        ),
    ] {
        let text = format!(
            "stack: s\nnats: {{ streams: {{ A: {{ subjects: [a], metadata: {{ {key}: other }} }} }} }}"
        );
        let loaded = crate::manifest::load(&Inputs {
            files: vec![super::text("0.yaml", &text)],
            ..Inputs::default()
        });
        let said = format!(
            "0.yaml:2:52 contradiction: {why} (take it out; with a ledger, trueup writes it by itself)"
        );
        assert_eq!(told(&loaded), [said]);
    }
}
