//! The command line: one file per command. The only place that prints, prompts and reads the
//! environment and the clock.

mod args;
mod completions;
mod exit;
mod explain;
mod failure;
mod schema;
mod screen;
mod show;

use std::ffi::OsString;
use std::process::ExitCode;

pub use args::{Cli, command};
pub use exit::Exit;

use args::Command;
use failure::Failure;
use screen::Screen;

/// Runs a command line and tells how it ended.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let cli = match args::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error).into(),
    };
    let screen = Screen::new(&cli.global);
    let exit = run(&cli, &screen).unwrap_or_else(|failure| {
        screen.complain(&failure.rendered(screen.error_width()));
        Exit::Error
    });
    exit.into()
}

/// Help and version are results; everything else that clap says is an error.
fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() {
        Exit::Error
    } else {
        Exit::Done
    }
}

fn run(cli: &Cli, screen: &Screen) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Show { plan } => show::run(plan, screen),
        Command::Explain { topic } => explain::run(topic.as_deref(), screen),
        Command::Schema { of } => schema::run(*of, screen),
        Command::Completions { shell } => completions::run(*shell, screen),
    }
}
