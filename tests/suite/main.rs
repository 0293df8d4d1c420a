//! Tests on real brokers. `make test` starts them; by hand: `eval "$(sandbox/sandbox env)"`, then `cargo test --test suite`.

#![allow(
    clippy::disallowed_methods,
    reason = "the sandbox is found through the environment"
)]

mod bridge;
mod broker;
mod cli;
mod fuzz;
mod generated;
mod kinds;
mod laws;
mod ledger;
mod main_job;
mod manifest;
mod manifests;
mod matrix;
mod plan;
mod readme;
mod sandbox;
