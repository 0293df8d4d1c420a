//! Streams, consumers and buckets against a real server.

pub mod bench;
mod buckets;
mod costs;
mod deletes;
mod deviations;
mod exports;
mod found;
mod losses;
mod refusals;
mod room;
mod traps;
mod turns;
mod zeros;

pub use bench::Bench;
