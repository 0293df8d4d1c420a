//! The way through: connect, observe, plan, and what stands around a plan (stale, export).
//!
//! Everything here reads; only `apply` writes.

mod connect;
mod doctor;
mod export;
mod planning;
mod port;
mod rights;
mod snapshot;
mod stale;
mod status;

pub use connect::{Endpoints, connect};
pub use doctor::{Finding, Health, doctor, look_at_ledger};
pub use export::{Exported, export, hidden, left_out};
pub use planning::{observe, observe_all, plan, weigh_again};
pub use port::{LiveBrokers, Port};
pub use rights::undeclared_rights;
pub use snapshot::{SNAPSHOT_VERSION, Snapshot, SnapshotError, SnapshotPort};
pub use stale::{How, Moved, moved, wrong_target};
pub use status::{
    Going, LagStatus, RouteStatus, StackStatus, is_silent, route_status, stack_status,
};
