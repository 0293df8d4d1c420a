//! The broker room against real servers.

pub mod kafka;
mod kafka_acls;
mod kafka_certificates;
pub mod kafka_client;
mod kafka_failures;
mod kafka_login;
mod kafka_lost;
pub mod kafka_proxy;
mod kafka_rights;
mod kafka_tls;
mod kafka_topics;
mod nats_connect;
mod nats_fake;
mod nats_login;
pub mod nats_operator;
mod nats_rights;
pub mod nats_server;
mod nats_streams;
mod nats_tls;
