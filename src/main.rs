//! The trueup command.

use std::process::ExitCode;

fn main() -> ExitCode {
    trueup::cli::main(std::env::args_os().collect())
}
