//! The broker room against real servers.

mod nats_connect;
mod nats_fake;
mod nats_login;
mod nats_rights;
mod nats_server;
mod nats_streams;
mod nats_tls;
