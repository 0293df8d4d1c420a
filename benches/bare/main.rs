//! The floor that `benches/scale` measures trueup against: the same broker work in bare protocol
//! requests, without a plan, a check or a report; and a bare parse of a manifest's text. And the one of `benches/bridge`: what
//! either end of a route does alone.
//!
//! `bare topics create|read FIRST COUNT`, `bare streams create|read FIRST COUNT`, `bare yaml FILE...`,
//! `bare publish|produce NAME COUNT BYTES`, `bare pull|consume NAME COUNT`

#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a program of its own, beside the house"
)]

mod bridge;
mod kafka;
mod nats;
mod yaml;

use std::env::{args, var};
use std::error::Error;
use std::ops::Range;

pub(crate) type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let arguments: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["topics", "create", first, count] => kafka::create(&brokers()?, range(first, count)?),
        ["topics", "read", first, count] => kafka::read(&brokers()?, range(first, count)?),
        ["streams", "create", first, count] => nats::run(nats::create(range(first, count)?)),
        ["streams", "read", first, count] => nats::run(nats::read(range(first, count)?)),
        ["yaml", ..] => words[1..].iter().try_for_each(|file| yaml::parse(file)),
        ["publish", name, count, size] => {
            nats::run(bridge::publish(name, count.parse()?, size.parse()?))
        }
        ["pull", name, count] => nats::run(bridge::pull(name, count.parse()?)),
        ["produce", name, count, size] => bridge::produce(name, count.parse()?, size.parse()?),
        ["consume", name, count] => bridge::consume(name, count.parse()?),
        _ => Err("bare topics|streams create|read FIRST COUNT, bare yaml FILE..., bare publish|produce NAME COUNT BYTES, or bare pull|consume NAME COUNT".into()),
    }
}

fn brokers() -> Result<String, Box<dyn Error>> {
    Ok(var("KAFKA_BROKERS")?)
}

fn range(first: &str, count: &str) -> Result<Range<usize>, Box<dyn Error>> {
    let first: usize = first.parse()?;
    Ok(first..first + count.parse::<usize>()?)
}
