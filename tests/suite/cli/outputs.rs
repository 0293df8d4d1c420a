//! What is written destroys nothing, and what can't be written is told before a broker is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Ran, plan_of, run, trueup};
use crate::broker::nats_server::NatsServer;

const MANIFEST: &str = "stack: cli\nnats: { streams: { A: { subjects: [a.>] } } }\n";

/// A folder with this file in it.
fn folder(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    (folder, file)
}

/// Runs words, where `DIR` is a folder; nothing listens where the brokers are said to be.
fn in_folder(folder: &Path, words: &str) -> Ran {
    on("nats://127.0.0.1:1", folder, words)
}

fn on(url: &str, folder: &Path, words: &str) -> Ran {
    let words = words.replace("DIR", folder.to_str().unwrap());
    let mut command = trueup(&words.split(' ').collect::<Vec<_>>());
    command.env("NATS_URL", url);
    run(command)
}

/// The same in a shell that knows `<(command)`; `TRUEUP` is the command.
fn in_bash(folder: &Path, line: &str) -> Ran {
    let line = line.replace("TRUEUP", env!("CARGO_BIN_EXE_trueup"));
    let mut command = Command::new("bash");
    command.args(["-c", &line]).current_dir(folder);
    command.env("TRUEUP_LEDGER", "none");
    run(command.into())
}

#[test]
fn an_output_that_is_an_input_is_refused_and_both_are_left_alone() {
    let (folder, manifest) = folder("m.yaml", MANIFEST);
    for words in [
        "plan -f DIR/m.yaml -o DIR/m.yaml",
        "plan -f DIR -o DIR/./m.yaml",
        "validate -f DIR/m.yaml --report json=DIR/m.yaml",
        "apply -f DIR/m.yaml --auto-approve --report markdown=DIR/m.yaml",
        "export -f DIR/m.yaml --snapshot DIR/m.yaml",
    ] {
        let ran = in_folder(folder.path(), words);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{words}");
        assert!(ran.stderr.contains("error[output-taken]"), "{}", ran.stderr);
        assert!(ran.stderr.contains("name another file"), "{}", ran.stderr);
        assert_eq!(fs::read_to_string(&manifest).unwrap(), MANIFEST, "{words}");
    }
    let json = in_folder(
        folder.path(),
        "plan -f DIR/m.yaml --report json=DIR/m.yaml --output json",
    );
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["problems"][0]["code"], "output-taken");
    assert_eq!(fs::read_to_string(&manifest).unwrap(), MANIFEST);
}

#[test]
fn an_output_that_is_read_from_standard_input_is_refused() {
    let (folder, manifest) = folder("m.yaml", MANIFEST);
    let line = "TRUEUP validate -f - --report json=m.yaml < m.yaml";
    let ran = in_bash(folder.path(), line);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("`-f -` reads"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(manifest).unwrap(), MANIFEST);
    let line = "TRUEUP show p.json --report json=out > out";
    fs::write(folder.path().join("p.json"), plan_of(1).to_json()).unwrap();
    let ran = in_bash(folder.path(), line);
    assert!(ran.stderr.contains("standard output"), "{}", ran.stderr);
}

#[test]
fn the_key_of_a_connection_is_not_overwritten_be_the_manifest_sound_or_not() {
    let text = "stack: a\nconnections:\n  kafka: { security.protocol: ssl, ssl.key.location: key, ssl.certificate.location: crt }\n  nats: { password_file: pw, user: u }\n";
    for more in ["", "bogus: 1\n"] {
        let (folder, _) = folder("m.yaml", &format!("{text}{more}"));
        for name in ["key", "crt", "pw"] {
            let secret = folder.path().join(name);
            fs::write(&secret, "secret").unwrap();
            let words = format!("validate -f DIR/m.yaml --report json=DIR/{name}");
            let ran = in_folder(folder.path(), &words);
            assert_eq!(ran.code, 1);
            assert!(ran.stderr.contains("error[output-taken]"), "{}", ran.stderr);
            assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
        }
    }
}

#[test]
fn a_context_and_its_credentials_are_not_overwritten() {
    let text = "stack: a\nconnections: { nats: { context: good } }\n";
    let (folder, _) = folder("m.yaml", text);
    let contexts = folder.path().join("nats/context");
    fs::create_dir_all(&contexts).unwrap();
    let creds = folder.path().join("u.creds");
    fs::write(&creds, "secret").unwrap();
    let context = format!("{{\"creds\": \"{}\"}}", creds.display());
    fs::write(contexts.join("good.json"), &context).unwrap();
    for output in ["u.creds", "nats/context/good.json"] {
        let report = format!("json={}/{output}", folder.path().display());
        let manifest = folder.path().join("m.yaml");
        let mut command = trueup(&["validate", "-f", manifest.to_str().unwrap()]);
        command.args(["--report", &report]);
        command.env("XDG_CONFIG_HOME", folder.path());
        let ran = run(command);
        assert!(ran.stderr.contains("error[output-taken]"), "{}", ran.stderr);
    }
    assert_eq!(fs::read_to_string(&creds).unwrap(), "secret");
}

#[tokio::test]
async fn what_cannot_be_written_is_told_before_anything_is_applied() {
    let server = NatsServer::start("");
    let (folder, _) = folder("m.yaml", MANIFEST);
    let apply = "apply -f DIR/m.yaml --auto-approve --report json=DIR";
    for report in [format!("{apply}/no/r.json"), apply.to_owned()] {
        let ran = on(&server.url(), folder.path(), &report);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("can't write `"), "{}", ran.stderr);
        let planned = on(&server.url(), folder.path(), "plan -f DIR/m.yaml");
        assert!(planned.stdout.contains("1 to create"), "{}", planned.stdout);
    }
}

#[tokio::test]
async fn a_report_that_fails_at_the_end_swallows_no_result() {
    let server = NatsServer::start("");
    let (folder, _) = folder("m.yaml", MANIFEST);
    let apply = "apply -f DIR/m.yaml --auto-approve --report text=/dev/full";
    let line = format!("{apply} --report markdown=DIR/r.md");
    let ran = on(&server.url(), folder.path(), &line);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("Applied 1 of 1."), "{}", ran.stdout);
    let said = "can't write `/dev/full`";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(folder.path().join("r.md").exists());
    let json = on(
        &server.url(),
        folder.path(),
        &format!("{apply} --output json"),
    );
    assert_eq!(json.code, 1);
    assert!(serde_json::from_str::<Value>(&json.stdout).is_ok());
    assert!(json.stderr.contains(said), "{}", json.stderr);
    let plan = on(
        &server.url(),
        folder.path(),
        "plan -f DIR/m.yaml -o /dev/full",
    );
    assert_eq!(plan.code, 1);
    assert!(plan.stdout.contains("No changes."), "{}", plan.stdout);
}

#[test]
fn a_plan_that_fails_says_that_an_older_one_is_left() {
    let old = plan_of(1).to_json();
    let (folder, saved) = folder("p.json", &old);
    fs::write(folder.path().join("m.yaml"), MANIFEST).unwrap();
    for words in [
        "plan -f DIR/m.yaml -o DIR/p.json",
        "plan -f DIR/no.yaml -o DIR/p.json",
        "plan -o DIR/p.json",
        "plan -f DIR/m.yaml -o DIR/p.json --report json=DIR/no/r",
    ] {
        let ran = in_folder(folder.path(), words);
        assert_eq!(ran.code, 1);
        let said = "p.json` still holds the plan of an earlier run";
        assert!(ran.stderr.contains(said), "{words}: {}", ran.stderr);
        assert_eq!(fs::read_to_string(&saved).unwrap(), old);
    }
    let words = "plan -f DIR/m.yaml -o DIR/p.json --output json";
    let json = in_folder(folder.path(), words);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["problems"][1]["code"], "old-plan");
    for none in ["DIR/none.json", "DIR/m.json"] {
        fs::write(folder.path().join("m.json"), "{}").unwrap();
        let words = format!("plan -f DIR/m.yaml -o {none}");
        let ran = in_folder(folder.path(), &words);
        assert!(!ran.stderr.contains("earlier run"), "{}", ran.stderr);
    }
}

#[test]
fn a_named_pipe_is_written_where_somebody_reads_it_and_refused_where_nobody_does() {
    let (folder, _) = folder("m.yaml", MANIFEST);
    fs::write(folder.path().join("p.json"), plan_of(1).to_json()).unwrap();
    for words in [
        "plan -f m.yaml -o ff",
        "validate -f m.yaml --report json=ff",
        "export --snapshot ff",
    ] {
        let line = format!("mkfifo ff 2>&-; timeout 60 TRUEUP {words}");
        let ran = in_bash(folder.path(), &line);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("nobody reads it"), "{}", ran.stderr);
    }
    let line = "cat ff > got & timeout 60 TRUEUP show p.json --report json=ff && wait && cat got";
    let ran = in_bash(folder.path(), line);
    assert!(ran.stdout.contains("\"format_version\""), "{}", ran.stderr);
}

#[test]
fn pipes_are_read_and_written_where_the_shell_opens_them() {
    let (folder, _) = folder("m.yaml", MANIFEST);
    let ran = in_bash(folder.path(), "TRUEUP validate -f <(cat m.yaml)");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("1 stream"), "{}", ran.stdout);
    fs::write(
        folder.path().join("v.yaml"),
        MANIFEST.replace("cli", "${S}"),
    )
    .unwrap();
    let ran = in_bash(
        folder.path(),
        "TRUEUP validate -f v.yaml --env-file <(echo S=x)",
    );
    assert!(ran.stdout.contains("stack `x`"), "{}", ran.stderr);
    fs::write(folder.path().join("p.json"), plan_of(1).to_json()).unwrap();
    let ran = in_bash(
        folder.path(),
        "TRUEUP show p.json --report markdown=/dev/stdout --report json=>(tr a-z A-Z) | cat",
    );
    for said in ["Plan: 1 to create", "### trueup plan", "\"FORMAT_VERSION\""] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
}
