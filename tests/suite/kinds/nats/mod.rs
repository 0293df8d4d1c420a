//! Streams, consumers and buckets against a real server.

mod bench;
mod fields;
mod traps;
