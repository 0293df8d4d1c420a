use std::io::Read;
use std::process::{Command, Stdio};

use super::{file, plan_of, run, trueup};

const ESCAPE: char = '\u{1b}';

#[test]
fn colour_goes_to_terminals_or_where_it_is_asked_for() {
    let saved = file(&plan_of(1).to_json(), ".json");
    let show = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut command = trueup(&["show", saved.to_str().unwrap()]);
        command.args(arguments).envs(environment.iter().copied());
        run(command).stdout.contains(ESCAPE)
    };
    assert!(!show(&[], &[]));
    assert!(show(&["--color", "always"], &[]));
    assert!(show(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!show(&["--color=never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!show(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!show(&["--output", "json", "--color", "always"], &[]));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let saved = file(&plan_of(5_000).to_json(), ".json");
    let mut child = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(["show", saved.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut one = [0; 1];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut one).unwrap();
    drop(stdout);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(["schema", "plan"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("can't write to standard output"), "{said}");
}

#[test]
fn problems_as_json_are_a_result_and_as_text_are_none() {
    let manifest = file(
        "stack: a\nkafka:\n  topics:\n    orders: { partitionss: 3 }\n",
        ".yaml",
    );
    let path = manifest.to_str().unwrap();
    let text = run(trueup(&["validate", "-f", path]));
    assert_eq!((text.code, text.stdout.as_str()), (1, ""));
    assert!(
        text.stderr.contains("error[unknown-field]"),
        "{}",
        text.stderr
    );
    assert!(text.stderr.contains("^^^"), "{}", text.stderr);
    for command in ["validate", "plan", "drift"] {
        let json = run(trueup(&[command, "-f", path, "--output", "json"]));
        assert_eq!((json.code, json.stderr.as_str()), (1, ""));
        let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(document["problems"][0]["code"], "unknown-field");
        assert_eq!(document["problems"][0]["place"]["line"], 4);
    }
}

#[test]
fn a_sound_manifest_is_said_to_be() {
    let manifest = file(
        "stack: shop\nkafka: { topics: { a: {}, b: {} } }\n",
        ".yaml",
    );
    let path = manifest.to_str().unwrap();
    let ran = run(trueup(&["validate", "-f", path]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "Valid: stack `shop` declares 2 topics.\n");
    let mut command = trueup(&["validate", "-f", "-"]);
    command.write_stdin("stack: shop\nkafka: { topics: { a: {} } }\n");
    assert_eq!(
        run(command).stdout,
        "Valid: stack `shop` declares 1 topic.\n"
    );
}

#[test]
fn standard_input_is_read_once() {
    let mut command = trueup(&["validate", "-f", "-", "-f", "-"]);
    command.write_stdin("stack: shop\nkafka: { topics: { a: {} } }\n");
    let ran = run(command);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`-f -` is given twice"),
        "{}",
        ran.stderr
    );
}
