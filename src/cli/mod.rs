//! The command line: one file per command. The only place that prints, prompts and reads the
//! environment and the clock.

mod apply;
mod args;
mod ask;
mod bridge;
mod compare;
mod completions;
mod convert;
mod destroy;
mod doctor;
mod drift;
mod elsewhere;
mod endpoints;
mod environment;
mod exit;
mod explain;
mod export;
mod failure;
mod graph;
mod ledger;
mod logs;
mod next;
mod outputs;
mod own;
mod plan;
mod progress;
mod reach;
mod saved;
mod schema;
mod screen;
mod second_look;
mod show;
mod signals;
mod snapshot;
mod status;
mod steer;
mod target;
mod validate;
mod whose;
mod work;

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

pub use args::{Cli, command};
pub use exit::Exit;

use args::Command;
use failure::Failure;
use screen::Screen;

use crate::manifest::without_logins;

/// Runs a command line and tells how it ended.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let cli = match args::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error).into(),
    };
    let screen = Screen::new(&cli);
    let exit = run(&cli, &screen).unwrap_or_else(|failure| {
        if let Err(worse) = screen.failed(&failure) {
            screen.complain(&worse.rendered(screen.error_width()));
        }
        Exit::of(&failure)
    });
    exit.into()
}

/// Help and version are results; everything else that clap says is an error.
fn usage(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    let text = error.render().to_string();
    let shown = without_logins(&text);
    if shown == text {
        let _ = error.print();
    } else {
        screen::error_line(&shown);
    }
    Exit::Error
}

fn run(cli: &Cli, screen: &Screen) -> Result<Exit, Failure> {
    let global = &cli.global;
    logs::start(global.verbose, global.quiet, &environment::environment())?;
    let checked = screen.outputs().check(cli);
    let _pipes = match &cli.command {
        Command::Plan(args) => checked.map_err(|failure| plan::without_one(failure, args))?,
        _ => checked?,
    };
    match &cli.command {
        Command::Validate => validate::run(global, screen),
        Command::Plan(args) => on_brokers(plan::run(args, global, screen)),
        Command::Apply(args) => on_brokers(apply::run(args, global, screen)),
        Command::Drift(args) => on_brokers(drift::run(args, global, screen)),
        Command::Export(args) => on_brokers(export::run(args, global, screen)),
        Command::Destroy(args) => on_brokers(destroy::run(args, global, screen)),
        Command::Forget { addresses } => on_brokers(own::run_forget(addresses, global, screen)),
        Command::Ledger(command) => on_brokers(own::run_ledger(command, global, screen)),
        Command::Lock(command) => on_brokers(own::run_lock(command, global, screen)),
        Command::Status { detailed_exitcode } => {
            on_brokers(status::run(*detailed_exitcode, global, screen))
        }
        Command::Bridge(command) => on_data_planes(bridge::run(command, global, screen)),
        Command::Doctor => on_brokers(doctor::run(global, screen)),
        Command::Graph(args) => graph::run(args, global, screen),
        Command::Convert(args) => convert::run(args, global, screen),
        Command::Show { plan } => show::run(plan, screen),
        Command::Explain { topic } => explain::run(topic.as_deref(), screen),
        Command::Schema { of } => schema::run(*of, screen),
        Command::Completions { shell } => completions::run(*shell, global, screen),
    }
}

/// Runs what speaks with brokers; when it is done, nothing is waited for.
fn on_brokers(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let exit = runtime.block_on(work);
    runtime.shutdown_background();
    exit
}

/// The same of what moves messages: threads that were in librdkafka end before the process does, or have not for so long. One
/// that ends later clears up what OpenSSL has cleared up already at the end of the process, and crashes.
fn on_data_planes(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let exit = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(2));
    exit
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system(format!("can't start: {error}")))
}
