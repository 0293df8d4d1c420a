use super::{file, run, trueup};

#[test]
fn wrong_usage_ends_with_1_and_says_so_on_stderr() {
    for arguments in [
        &["bogus"][..],
        &["plan", "--bogus"],
        &["plan", "--output", "xml"],
        &["plan", "--var", "novalue"],
        &["plan", "--report", "junit=x"],
        &["apply", "p.json", "--target", "topic/a"],
        &["plan", "-v", "-q"],
        &[],
    ] {
        let ran = run(trueup(arguments));
        assert_eq!(ran.code, 1, "{arguments:?}: {}", ran.stderr);
        assert!(
            ran.stdout.is_empty() && !ran.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_login_in_a_wrong_value_is_not_shown() {
    for arguments in [
        &["plan", "--ledger", "nats://u:CANARY@h"][..],
        &["ledger", "show", "--stack", "s"],
    ] {
        let mut command = trueup(arguments);
        command.env("TRUEUP_LEDGER", "nats://u:CANARY@h");
        let ran = run(command);
        assert_eq!(ran.code, 1, "{arguments:?}");
        let said = ran.stdout + &ran.stderr;
        assert!(!said.contains("CANARY"), "{said}");
        assert!(said.contains("nats://***@h"), "{said}");
    }
}

#[test]
fn help_and_version_are_results() {
    let help = run(trueup(&["--help"]));
    assert_eq!(help.code, 0);
    for exit in trueup::cli::Exit::ALL {
        assert!(help.stdout.contains(exit.sentence()), "{exit:?}");
    }
    let version = run(trueup(&["--version"]));
    assert_eq!(
        (version.code, version.stdout.as_str()),
        (0, "trueup 0.1.0\n")
    );
}

#[test]
fn every_command_has_a_long_help_with_an_example() {
    for command in trueup::cli::command(clap::ColorChoice::Never).get_subcommands() {
        let help = run(trueup(&[command.get_name(), "--help"]));
        assert_eq!(help.code, 0);
        assert!(help.stdout.contains("Example"), "{}", command.get_name());
    }
}

#[test]
fn a_manifest_has_to_be_named() {
    for command in ["validate", "plan", "drift"] {
        let ran = run(trueup(&[command]));
        assert_eq!(ran.code, 1);
        assert!(
            ran.stderr.contains("no manifest is named"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("-f platform.yaml"), "{}", ran.stderr);
    }
}

#[test]
fn without_a_terminal_apply_says_up_front_that_it_cannot_ask() {
    let manifest = file("stack: a\nkafka: { topics: { a: {} } }\n", ".yaml");
    let ran = run(trueup(&["apply", "-f", manifest.to_str().unwrap()]));
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.is_empty());
    assert!(ran.stderr.contains("no terminal"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--auto-approve"), "{}", ran.stderr);
}

#[test]
fn a_filter_that_is_none_is_refused() {
    let mut command = trueup(&["explain"]);
    command.env("TRUEUP_LOG", "trueup=loud");
    let ran = run(command);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("TRUEUP_LOG"), "{}", ran.stderr);
}
