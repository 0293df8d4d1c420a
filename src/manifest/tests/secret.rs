//! Secrets in texts that are not what was meant.

use super::*;

/// All that is shown of a text.
fn shown(text: &str) -> String {
    let loaded = super::loaded(&Inputs {
        files: vec![super::text("a.yaml", text)],
        environment: IndexMap::from([("PW".to_owned(), "CANARY-PW".to_owned())]),
        ..Inputs::default()
    });
    assert!(loaded.manifest.is_none(), "{text}");
    let messages: Vec<_> = loaded.problems.iter().map(|p| format!("{p:?}")).collect();
    let source = loaded.sources.text("a.yaml").unwrap();
    format!("{}\n{source}", messages.join("\n"))
}

#[test]
fn beneath_a_broker() {
    for line in [
        "password=CANARY",
        "user: a\n    password:CANARY\n    token: b",
        "password CANARY: x",
        "password: *CANARY",
        "password: !CANARY x",
        "password: \"x${CANARY\"",
        "password: \"x${CANARY!}\"",
        "Passphrase=CANARY",
        "my.creds: [CANARY",
        "CANARY",
        "- CANARY",
        "ca: \"/x/${PW}/CANARY\\n\"",
        "foo: nats://u:CANARY@h",
        "foo: { a: \"u:CANARY@h\" }",
    ] {
        let text = format!(
            "stack: s\nfoo: 1\nnats: {{ streams: {{ A: }} }}\nconnections:\n  nats:\n    {line}\n"
        );
        let shown = shown(&text);
        assert!(!shown.contains("CANARY"), "{line}\n{shown}");
    }
}

#[test]
fn beside_what_is_meant() {
    for line in [
        "connections: CANARY",
        "connections: { nats: CANARY, kafka: [CANARY] }",
        "connections: { nats: { user: a, password:CANARY } }",
        "connections: { kafka: { sasl.username: a, sasl.password:CANARY } }",
        "nats: { url: \"nats://a:CANARY@h:1\" }",
        "kafka: { bootstrap.servers: \"a:CANARY@h:1\" }",
        "nats: { streams: { A: { max_age: \"nats://CANARY@h\" } } }",
        "nats: { streams: { A: { max_age: \"nats://h:CANARY\" } } }",
        "connections: { nats: { url: \"nats://u:CANARY 127.0.0.1:1\" } }",
        "connections: { nats: { url: \"nats://127.0.0.1:4CANARY\" } }",
        "connections: { nats: { url: \"CANARY@@://\" } }",
        "connections: { nats: { url: \"nats://h:1?token=CANARY\" } }",
        "connections: { kafka: { bootstrap.servers: \"u:CANARY 127.0.0.1:1\" } }",
        "connections: { kafka: { bootstrap.servers: \"127.0.0.1:1?token=CANARY\" } }",
        "connections: { kafka: { bootstrap.servers: [\"127.0.0.1:CANARY\"] } }",
    ] {
        let shown = shown(&format!("stack: s\nfoo: 1\n{line}\n"));
        assert!(!shown.contains("CANARY"), "{line}\n{shown}");
    }
}

#[test]
fn a_seed_of_any_case_is_refused() {
    let seed = format!("su{}", "a2".repeat(28));
    for name in ["nkey", "context", "creds"] {
        let shown = shown(&format!(
            "stack: s\nconnections: {{ nats: {{ {name}: {seed} }} }}\n"
        ));
        assert!(!shown.contains(&seed) && shown.contains(name), "{shown}");
    }
}

#[test]
fn the_names_stay() {
    let told = shown("stack: s\nconnections: { nats: { user: a, password:CANARY } }\n");
    assert!(told.contains("has no field `password:…`"), "{told}");
    assert!(told.contains("with a blank behind the colon"), "{told}");
    let told = shown("stack: s\nkafka: { topics: { password-resets: { foo: 1 } } }\n");
    assert!(told.contains("password-resets: { foo: 1 }"), "{told}");
}

#[test]
fn a_bad_line_of_variables_is_told_alone() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, b"P x\nQ='a\n").unwrap();
    let loaded = super::loaded(&Inputs {
        files: vec![super::text(
            "a.yaml",
            "stack: s\nnats: { streams: { A: { max_age: '${P}', storage: '${Q}' } } }",
        )],
        env_files: vec![file.path().to_owned()],
        ..Inputs::default()
    });
    let told = told(&loaded);
    assert!(
        told.len() == 2 && told.iter().all(|told| !told.contains("not set")),
        "{told:?}"
    );
}

#[test]
fn in_a_manifest_without_a_problem() {
    let text = "stack: s\nconnections:\n  nats:\n    user: u\n    password: CANARY\nnats: { streams: { A: } }\n";
    let loaded = super::loaded(&Inputs {
        files: vec![super::text("a.yaml", text)],
        ..Inputs::default()
    });
    assert!(loaded.problems.is_empty() && loaded.manifest.is_some());
    assert!(!format!("{:?}", loaded.sources).contains("CANARY"));
    let shown = loaded.sources.text("a.yaml").unwrap();
    assert_eq!(shown, text.replace("CANARY", "******"));
    assert!(!format!("{:?}", loaded.sources).contains("CANARY"));
}
