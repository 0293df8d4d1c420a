//! The kinds on real brokers.

mod kafka;
mod nats;
