use std::process::Command;

use trueup::kinds::registry;
use trueup::model::Code;

use super::{run, trueup};

#[test]
fn every_kind_field_and_code_has_a_page() {
    for kind in registry() {
        let name = kind.name().to_string();
        let page = run(trueup(&["explain", &name]));
        assert_eq!(page.code, 0, "{name}");
        for path in trueup::report::explain::paths(kind.declaration()) {
            assert!(page.stdout.contains(&path), "{name}.{path}");
        }
    }
    for code in Code::ALL {
        let page = run(trueup(&["explain", code.as_str()]));
        assert_eq!(page.code, 0, "{code}");
        assert!(page.stdout.contains("way out"), "{code}");
    }
}

#[test]
fn a_field_is_explained_by_its_path_its_alias_and_the_brokers_own_name() {
    let page = |topic: &str| run(trueup(&["explain", topic])).stdout;
    let by_path = page("topic.config.retention.ms");
    assert!(by_path.contains("duration or `unlimited`"), "{by_path}");
    assert_eq!(page("topic.retention"), by_path);
    assert_eq!(page("topic.retention.ms"), by_path);
}

#[test]
fn a_miss_names_what_is_near() {
    for (topic, near) in [
        ("topics", "`topic`"),
        ("imutable", "`immutable`"),
        ("topic.partitons", "`topic.partitions`"),
    ] {
        let ran = run(trueup(&["explain", topic]));
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
        assert!(ran.stderr.contains(near), "{topic}: {}", ran.stderr);
    }
    let ran = run(trueup(&["explain", "qqqqqqqq"]));
    assert!(
        ran.stderr.contains("`trueup explain` lists"),
        "{}",
        ran.stderr
    );
}

#[test]
fn schemas_are_json_as_the_repository_keeps_them() {
    for of in ["manifest", "plan"] {
        let ran = run(trueup(&["schema", of]));
        assert_eq!(ran.code, 0);
        let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(schema["properties"].is_object(), "{of}");
        let kept = format!("{}/schema/{of}.schema.json", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(ran.stdout, std::fs::read_to_string(kept).unwrap(), "{of}");
    }
}

#[test]
fn completions_are_taken_by_a_shell_and_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(trueup(&["completions", shell]));
        assert_eq!(ran.code, 0, "{shell}");
        for command in [
            "validate",
            "plan",
            "apply",
            "drift",
            "export",
            "doctor",
            "--detailed-exitcode",
        ] {
            let option = command.trim_start_matches('-');
            assert!(ran.stdout.contains(option), "{shell}: {command}");
        }
    }
    let script = run(trueup(&["completions", "bash"])).stdout;
    let script = super::file(&script, ".bash");
    let read = Command::new("bash")
        .arg("-n")
        .arg(script.to_str().unwrap())
        .status();
    assert!(read.unwrap().success());
}
