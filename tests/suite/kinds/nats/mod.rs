//! Streams, consumers and buckets against a real server.

mod bench;
mod buckets;
mod deviations;
mod exports;
mod fields;
mod found;
mod refusals;
mod room;
mod traps;

pub use bench::Bench;
