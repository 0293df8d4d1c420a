//! What tells two manifests apart.

use sha2::{Digest, Sha256};

use super::{Connections, Manifest};
use crate::model::Approval;

/// A hash of what a manifest declares and consents to, wherever that is written.
pub(super) fn digest(manifest: &Manifest) -> String {
    let mut sorted: Vec<_> = manifest.resources.values().collect();
    sorted.sort_by(|a, b| a.address.cmp(&b.address));
    let resources: Vec<_> = sorted
        .into_iter()
        .map(|resource| {
            let mut fields: Vec<_> = resource.declared.iter().collect();
            fields.sort_by_key(|(path, _)| *path);
            (&resource.address, fields, &resource.lifecycle)
        })
        .collect();
    let Connections { nats, kafka } = &manifest.connections;
    let pins = (&nats.account, &kafka.cluster_id);
    let mut approvals: Vec<_> = manifest.approvals.iter().map(consented).collect();
    approvals.sort_unstable();
    let owners = (&manifest.stack, &manifest.ledger);
    let text = serde_json::to_string(&(owners, pins, resources, approvals));
    format!("sha256:{:x}", Sha256::digest(text.unwrap_or_default()))
}

/// An approval without its place.
fn consented(approval: &Approval) -> String {
    let terms = approval.terms.as_ref();
    let terms = terms.map(|terms| (&terms.reason, terms.expires));
    let said = (
        approval.risk,
        &approval.address,
        approval.max,
        approval.max_bytes,
        terms,
    );
    serde_json::to_string(&said).unwrap_or_default()
}
