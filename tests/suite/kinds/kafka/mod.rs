//! Topics and ACLs on a real broker.

mod acls;
mod cuts;
mod deletes;
mod lag;
mod losses;
mod lost;
mod quotas;
mod rights;
mod risks;
mod topics;
pub mod world;

pub use world::World;

use std::time::{Duration, Instant};

/// A name that no other test uses.
pub fn unique(what: &str) -> String {
    format!("{what}-{}", uuid::Uuid::new_v4().simple())
}

/// Waits, patiently, until it holds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let started = Instant::now();
    while !holds().await {
        assert!(
            started.elapsed() < Duration::from_secs(300),
            "never: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
