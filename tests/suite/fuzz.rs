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
