#![no_main]

#[path = "../bodies/snapshot.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|text: &str| body::run(text));
