//! For programs everything is JSON, also what ends a command.

use serde_json::Value;

use super::{file, run, trueup};

/// The only problem of a command that ends with 1.
fn problem(arguments: &[&str]) -> Value {
    let mut command = trueup(arguments);
    command.args(["--output", "json"]);
    let ran = run(command);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{arguments:?}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["summary"]["errors"], 1, "{arguments:?}");
    document["problems"][0].clone()
}

#[test]
fn what_ends_a_command_is_a_document_of_problems() {
    let edited = file("{}", ".json");
    for (arguments, code) in [
        (&["show", edited.to_str().unwrap()][..], "bad-plan"),
        (&["show", "/no/such/plan.json"], "bad-plan"),
        (&["apply", "/dev/zero", "--auto-approve"], "bad-plan"),
        (&["plan"], "usage"),
        (&["explain", "qqqqqqqq"], "usage"),
        (&["export", "--snapshot", "a.json"], "usage"),
        (&["completions", "bash"], "usage"),
        (&["apply", "-f", "a.yaml"], "usage"),
    ] {
        let problem = problem(arguments);
        assert_eq!(problem["code"], code, "{arguments:?}");
        assert_eq!(problem["severity"], "error");
    }
    let near = problem(&["explain", "topics.partitons"]);
    assert!(
        near["message"].is_string() && near["hint"].is_string(),
        "{near}"
    );
}

#[test]
fn the_help_says_where_usage_errors_go() {
    let help = run(trueup(&["plan", "--help"])).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("a document of problems on standard output"),
        "{help}"
    );
}
