//! Any text as a snapshot: refused or read; and what is read is exported, and the export planned
//! against it.

use futures::executor::block_on;
use trueup::engine::{Snapshot, SnapshotPort, export, plan};
use trueup::manifest::{Input, Inputs, load, write};
use trueup::model::Broker;
use trueup::plan::Desired;

/// Panics where something is wrong.
pub fn run(text: &str) {
    let Ok(snapshot) = Snapshot::from_json(text) else {
        return;
    };
    let again = Snapshot::from_json(&snapshot.to_json());
    assert!(again.is_ok_and(|again| again.to_json() == snapshot.to_json()));
    let port = SnapshotPort::new(snapshot);
    let brokers = [Broker::Nats, Broker::Kafka];
    let Ok(exported) = block_on(export(&port, &brokers, &[], &Vec::new())) else {
        return;
    };
    let text = write("fuzz", &exported.resources);
    let loaded = load(&Inputs {
        files: vec![Input::Text {
            name: "export.yaml".to_owned(),
            text,
        }],
        ..Inputs::default()
    });
    if let Some(manifest) = loaded.manifest {
        let desired = Desired {
            stack: &manifest.stack,
            manifest_digest: manifest.digest(),
            resources: &manifest.resources,
            chosen: None,
            warnings: &[],
            owned: None,
            approvals: &manifest.approvals,
            now: Default::default(),
        };
        let _ = block_on(plan(desired, &port));
    }
}
