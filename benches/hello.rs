//! The floor of a start-up: a program that says one line.

#![allow(
    missing_docs,
    clippy::disallowed_macros,
    reason = "a program of its own, beside the house"
)]

fn main() {
    println!("hello, world");
}
