//! What other tools are configured with, as a manifest.

mod conf;
mod nats_kafka;

pub use conf::{ConfError, parse};
pub use nats_kafka::{Converted, KnownStream, nats_kafka};
