//! What a cell of the matrix came to, for whoever draws the table.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

/// The folder that rows are written to, where somebody wants them.
const FOLDER: &str = "TRUEUP_MATRIX";

/// One cell.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// `nats` or `kafka`.
    pub broker: &'static str,
    /// The broker's version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The field, config or shape.
    pub field: String,
    /// What was done.
    pub change: String,
    /// What became of it: `done`, `nothing`, or the code of the refusal.
    pub verdict: String,
    /// The version that the refusal names.
    pub needs: Option<String>,
    /// The broker takes what the plan refuses, without effect.
    pub without_effect: bool,
}

/// Appends the rows to the folder's file of this name, one JSON document a line.
pub fn write(name: &str, rows: &[Row]) {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let path = PathBuf::from(folder).join(format!("{name}.jsonl"));
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    for row in rows {
        writeln!(file, "{}", serde_json::to_string(row).unwrap()).unwrap();
    }
}
