//! Tests on real brokers. `make test` starts them; by hand: `eval "$(sandbox/sandbox env)"`, then `cargo test --test suite`.

mod broker;
mod sandbox;
