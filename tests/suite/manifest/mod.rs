//! Manifests through the public door, with the kinds as they are.

mod agreement;
mod cases;
mod foretold;
mod platform;
mod size;

use std::path::{Path, PathBuf};

use trueup::manifest::{Input, Inputs, Loaded, load};

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Loads these `-f`s, named as from the repository's root.
fn load_paths(paths: &[PathBuf]) -> Loaded {
    load(&Inputs {
        files: paths.iter().cloned().map(Input::Path).collect(),
        ..Inputs::default()
    })
}

fn load_text(text: &str) -> Loaded {
    load(&Inputs {
        files: vec![Input::Text {
            name: "manifest.yaml".to_owned(),
            text: text.to_owned(),
        }],
        ..Inputs::default()
    })
}

/// The cases of a folder, sorted.
fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/cases/manifest").join(folder);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// One line a problem: `line:column code: message (hint)`, with its further places below.
fn told(loaded: &Loaded) -> String {
    let mut text = String::new();
    for problem in &loaded.problems {
        let place = problem.place.as_ref();
        let at = place.map_or_else(String::new, |p| format!("{}:{} ", p.line, p.column));
        text.push_str(&format!("{at}{}: {}", problem.code, problem.message));
        if let Some(hint) = &problem.hint {
            text.push_str(&format!(" ({hint})"));
        }
        text.push('\n');
        for note in &problem.notes {
            let place = &note.place;
            text.push_str(&format!(
                "    {}:{} {}\n",
                place.line, place.column, note.message
            ));
        }
    }
    text
}

/// Compares a generated file with what it should be; rewrites it when `UPDATE_GENERATED` is set.
pub(super) fn same_as_file(path: &Path, wanted: &str, how: &str) {
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, wanted).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == wanted,
        "{} is stale; it should be:\n{}\nregenerate it: {how}",
        path.display(),
        wanted.lines().take(60).collect::<Vec<_>>().join("\n")
    );
}
