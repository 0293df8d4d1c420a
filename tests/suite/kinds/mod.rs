//! The kinds on real brokers.

pub mod kafka;
pub mod nats;
