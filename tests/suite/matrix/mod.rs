//! Field × change × server: what the plan says is what the server then takes or refuses, and the
//! second plan is empty.
//!
//! The cells are made from the kinds' declarations; the values come from `tests/cases/kinds/`. A run
//! is against the brokers of the environment, whatever their versions; `make matrix` runs it against
//! all of them and writes docs/compatibility.md from the rows.

mod nats;
mod row;
