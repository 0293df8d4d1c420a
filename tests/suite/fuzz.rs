//! What `make fuzz` found worth keeping: every file of `fuzz/corpus/` through the target that it was kept for.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[path = "../../fuzz/bodies/manifest.rs"]
mod manifest;
#[path = "../../fuzz/bodies/plan.rs"]
mod plan;
#[path = "../../fuzz/bodies/snapshot.rs"]
mod snapshot;

#[test]
fn manifests() {
    every_file("manifest", manifest::run);
}

#[test]
fn plans() {
    every_file("plan", plan::run);
}

#[test]
fn snapshots() {
    every_file("snapshot", snapshot::run);
}

/// `fuzz/run` builds with `--locked`: a crate that came to ours and not to that lock ends it.
#[test]
fn the_lock_of_the_targets_knows_every_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let (manifest, lock) = (read("Cargo.toml"), read("fuzz/Cargo.lock"));
    let needed = manifest.split("[dependencies]\n").nth(1).unwrap();
    let needed = needed.lines().take_while(|line| !line.starts_with('['));
    let needed = needed.filter_map(|line| {
        let (name, said) = line.split_once(" = ")?;
        let renamed = said.split_once("package = \"").map(|(_, rest)| rest);
        Some(
            renamed
                .and_then(|rest| rest.split('"').next())
                .unwrap_or(name),
        )
    });
    let ours = lock.split("name = \"trueup\"\n").nth(1).unwrap();
    let ours = ours.split("\n\n").next().unwrap();
    let is_known = |name: &&str| {
        ["\"", " "]
            .iter()
            .any(|end| ours.contains(&format!("\"{name}{end}")))
    };
    let (known, missing): (Vec<&str>, Vec<&str>) = needed.partition(is_known);
    assert!(
        known.len() >= 30 && missing.is_empty(),
        "not in fuzz/Cargo.lock, make it anew with `cargo metadata --manifest-path fuzz/Cargo.toml`: {missing:?}"
    );
}

/// Runs them all; those that fail are named at the end.
fn every_file(target: &str, run: fn(&str)) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut texts = 0;
    let mut failed = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        // what is no text is never given to a target
        if let Ok(text) = String::from_utf8(fs::read(&file).unwrap()) {
            texts += 1;
            if catch_unwind(|| run(&text)).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(texts >= 40, "the corpus of {target} is gone: {texts} texts");
}
