use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{file, plan_of, run, trueup};
use crate::broker::nats_server::NatsServer;

/// A port of loopback that nothing listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_broker_that_is_not_there_is_one_clear_error() {
    let manifest = file("stack: a\nkafka: { topics: { orders: {} } }\n", ".yaml");
    let at = format!("127.0.0.1:{}", closed_port());
    for arguments in [&["plan"][..], &["drift"], &["apply", "--auto-approve"]] {
        let mut command = trueup(arguments);
        command
            .args(["-f", manifest.to_str().unwrap()])
            .env("KAFKA_BROKERS", &at);
        let ran = run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("error[unreachable]"), "{}", ran.stderr);
        assert!(ran.stderr.contains(&at), "{}", ran.stderr);
    }
}

#[test]
fn a_wrong_password_is_no_broker_that_does_not_answer() {
    let server = NatsServer::start("authorization { user: ann, password: right }");
    let manifest = format!(
        "stack: a\nconnections: {{ nats: {{ url: \"{}\", user: ann, password: wr0ng }} }}\nnats: {{ streams: {{ A: {{}} }} }}\n",
        server.url()
    );
    let manifest = file(&manifest, ".yaml");
    let ran = run(trueup(&["plan", "-f", manifest.to_str().unwrap()]));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    let told = &ran.stderr;
    assert!(told.contains("error[login-refused]"), "{told}");
    assert!(!told.contains("wr0ng"), "{told}");
}

/// A login whose `@` is missing, a token in a query: any part of what is no address may be a secret.
#[test]
fn what_is_no_address_is_not_shown() {
    let both = "nats: { streams: { A: {} } }\nkafka: { topics: { orders: {} } }\n";
    let manifest = file(&format!("stack: a\n{both}"), ".yaml");
    for (variable, value) in [
        ("NATS_URL", "CANARY@@://"),
        ("NATS_URL", "nats://u:CANARY 127.0.0.1:1"),
        ("NATS_URL", "nats://127.0.0.1:CANARY"),
        ("KAFKA_BROKERS", "u:CANARY 127.0.0.1:1"),
        ("KAFKA_BROKERS", "127.0.0.1:1?token=CANARY"),
        ("KAFKA_BROKERS", "127.0.0.1?token=CANARY"),
        ("KAFKA_BROKERS", "127.0.0.1:CANARY"),
        ("KAFKA_BROKERS", "CANARY://a:1,b:2"),
    ] {
        for more in [&["-vvv"][..], &["--output", "json"]] {
            let mut command = trueup(&["plan", "-f", manifest.to_str().unwrap()]);
            command.args(more).env(variable, value);
            let ran = run(command);
            assert_eq!(ran.code, 1, "{value}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!said.to_ascii_lowercase().contains("canary"), "{said}");
            assert!(said.contains("address"), "{said}");
        }
    }
    for connection in [
        "nats: { url: \"nats://u:CANARY 127.0.0.1:1\" }",
        "nats: { url: \"nats://127.0.0.1:CANARY\" }",
        "kafka: { bootstrap.servers: \"u:CANARY 127.0.0.1:1\" }",
    ] {
        let text = format!("stack: a\nconnections: {{ {connection} }}\n{both}");
        let manifest = file(&text, ".yaml");
        for command in ["validate", "plan"] {
            let ran = run(trueup(&[command, "-f", manifest.to_str().unwrap()]));
            assert_eq!(ran.code, 1, "{connection}");
            assert!(!ran.stderr.contains("CANARY"), "{}", ran.stderr);
        }
    }
}

#[test]
fn the_other_broker_is_not_asked() {
    let manifest = file("stack: a\nkafka: { topics: { orders: {} } }\n", ".yaml");
    let mut command = trueup(&["plan", "-f", manifest.to_str().unwrap()]);
    let (nats, kafka) = (closed_port(), closed_port());
    command.env("NATS_URL", format!("nats://127.0.0.1:{nats}"));
    command.env("KAFKA_BROKERS", format!("127.0.0.1:{kafka}"));
    let ran = run(command);
    assert!(ran.stderr.contains(&kafka.to_string()), "{}", ran.stderr);
    assert!(!ran.stderr.contains(&nats.to_string()), "{}", ran.stderr);
}

#[test]
fn a_target_that_names_nothing_is_refused_before_anything_is_asked() {
    let manifest = file("stack: a\nkafka: { topics: { orders: {} } }\n", ".yaml");
    let ran = run(trueup(&[
        "plan",
        "-f",
        manifest.to_str().unwrap(),
        "--target",
        "topic/order",
    ]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("did you mean `topic/orders`?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_secret_is_nowhere_however_loud_the_log_and_whatever_fails() {
    const CANARY: &str = "canary-4711-sings";
    let text = format!(
        "stack: a\nconnections:\n  kafka:\n    bootstrap.servers: 127.0.0.1:{}\n    security.protocol: SASL_PLAINTEXT\n    sasl.mechanism: PLAIN\n    sasl.username: u\n    sasl.password: ${{SECRET}}\n  nats: {{ url: \"nats://u:${{SECRET}}@127.0.0.1:{}\" }}\nkafka: {{ topics: {{ orders: {{}} }} }}\n",
        closed_port(),
        closed_port()
    );
    let sound = file(&text, ".yaml");
    let broken = file(&text.replace("sasl.username", "sasl.usernam"), ".yaml");
    for manifest in [&sound, &broken] {
        for arguments in [
            &["plan"][..],
            &["plan", "--output", "json"],
            &["doctor"],
            &["validate"],
        ] {
            let mut command = trueup(arguments);
            command
                .args(["-vvv", "-f", manifest.to_str().unwrap()])
                .env("SECRET", CANARY);
            let ran = run(command);
            let all = ran.stdout + &ran.stderr;
            assert!(!all.contains(CANARY), "{all}");
        }
    }
}

#[test]
fn doctor_looks_only_at_brokers_that_the_resources_are_on() {
    let text = format!(
        "stack: a\nconnections:\n  nats: {{ url: \"nats://127.0.0.1:{}\" }}\n  kafka: {{ bootstrap.servers: \"127.0.0.1:{}\" }}\n",
        closed_port(),
        closed_port()
    );
    let brokers = |resources: &str| {
        let manifest = file(&format!("{text}{resources}"), ".yaml");
        let manifest = manifest.to_str().unwrap();
        let ran = run(trueup(&["doctor", "--output", "json", "-f", manifest]));
        let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let findings = said["findings"].as_array().unwrap();
        let brokers = findings.iter().map(|f| f["broker"].as_str().unwrap());
        brokers.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(brokers("kafka: { topics: { orders: {} } }\n"), ["kafka"]);
    assert_eq!(brokers(""), ["nats", "kafka"]);
}

#[test]
fn a_signal_while_reading_ends_it_within_seconds_and_says_so() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let manifest = file("stack: a\nkafka: { topics: { orders: {} } }\n", ".yaml");
        let old = file(&plan_of(1).to_json(), ".json");
        let child = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .args(["plan", "-f", manifest.to_str().unwrap()])
            .args(["-o", old.to_str().unwrap()])
            .env("KAFKA_BROKERS", silent.local_addr().unwrap().to_string())
            .env("TRUEUP_LEDGER", "none")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _connection = silent.accept().unwrap();
        let sent = Instant::now();
        let kill = Command::new("kill")
            .args(["-s", name, &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code));
        assert!(sent.elapsed() < Duration::from_secs(7));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains("stopped; nothing was changed"), "{said}");
        assert!(said.contains("the plan of an earlier run"), "{said}");
    }
}
