//! trueup brings NATS JetStream and Kafka to what one YAML manifest says.

#![forbid(unsafe_code)]

pub mod apply;
pub mod broker;
pub mod cli;
pub mod engine;
pub mod kinds;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod report;
