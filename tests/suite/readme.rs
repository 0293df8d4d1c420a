//! What README.md shows is true: its manifests are valid, its command lines exist, and its tour ends as it is printed.

mod tour;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Keys that a manifest begins with.
const HEADS: [&str; 5] = ["stack:", "ledger:", "connections:", "nats:", "kafka:"];

#[test]
fn every_manifest_is_valid() {
    let manifests = manifests();
    assert!(manifests.len() >= 5, "found only {}", manifests.len());
    for manifest in manifests {
        let output = validate(&manifest);
        let said = text(&output.stderr);
        assert!(output.status.success(), "{manifest}\n{said}");
        assert!(
            manifest.contains("connections:") || said.is_empty(),
            "{manifest}\n{said}"
        );
    }
}

#[test]
fn every_command_line_exists() {
    let lines = command_lines();
    assert!(lines.len() >= 25, "found only {lines:?}");
    let commands = commands();
    for (command, options) in lines {
        assert!(
            commands.contains(&command),
            "there is no `trueup {command}`"
        );
        let help = help(&command);
        for option in options {
            assert!(
                names(&help, &option),
                "`trueup {command}` has no `{option}`:\n{help}"
            );
        }
    }
}

/// The YAML blocks that are manifests, or parts of one; a part gets a stack.
fn manifests() -> Vec<String> {
    let begins = |block: &str, head: &str| block.lines().any(|line| line.starts_with(head));
    blocks("yaml")
        .into_iter()
        .filter(|block| HEADS.iter().any(|head| begins(block, head)))
        .map(|block| match begins(&block, "stack:") {
            true => block,
            false => format!("stack: readme\n{block}"),
        })
        .collect()
}

fn validate(manifest: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(["validate", "-f", "-"])
        .env("KAFKA_PASSWORD", "secret")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(manifest.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Every `trueup COMMAND` in code with the options named behind it.
fn command_lines() -> BTreeSet<(String, Vec<String>)> {
    let code = code();
    let lines = code
        .lines()
        .flat_map(|line| line.split(['|', ';', '>', '<', '(', ')']));
    lines
        .filter_map(|piece| {
            let rest = piece.trim_start_matches([' ', '-', '$']);
            let rest = rest.trim_start_matches("run: ").strip_prefix("trueup ")?;
            let words: Vec<&str> = rest
                .split_whitespace()
                .take_while(|word| *word != "#")
                .collect();
            let options = words
                .iter()
                .filter(|word| word.len() > 1 && word.starts_with('-'));
            let options = options.map(|word| word.split('=').next().unwrap_or(word).to_owned());
            Some((words.first()?.to_string(), options.collect()))
        })
        .collect()
}

/// Everything that stands between fences or backquotes, a line each.
fn code() -> String {
    let mut code = String::new();
    let mut fenced = false;
    for line in readme().lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            code.push_str(line);
            code.push('\n');
        } else {
            let spans = line.split('`').skip(1).step_by(2);
            spans.for_each(|span| code.push_str(&format!("{span}\n")));
        }
    }
    code
}

/// The commands that the binary has.
fn commands() -> BTreeSet<String> {
    let help = text(&run(&["--help"]).stdout);
    let listed = help.split("Commands:\n").nth(1).unwrap();
    let lines = listed.lines().take_while(|line| !line.trim().is_empty());
    lines
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn help(command: &str) -> String {
    text(&run(&[command, "--help"]).stdout)
}

/// Whether the help names this option as a whole word; `-vv` is `-v` said twice.
fn names(help: &str, option: &str) -> bool {
    let option = match option {
        "-vv" | "-vvv" => "-v",
        option => option,
    };
    help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .any(|word| word == option)
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(arguments)
        .output()
        .unwrap()
}

/// The fenced blocks of this language.
fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in readme().lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(word)) if word == language => open = Some(String::new()),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
