use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

use super::exit;

/// Brings NATS JetStream and Kafka to what one YAML manifest says.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "trueup",
    version,
    max_term_width = 100,
    propagate_version = true
)]
pub struct Cli {
    /// What all commands share.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The options that all commands share.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The manifest: a file, a directory of files, or `-` for standard input; a later one overlays the earlier
    #[arg(short = 'f', long = "file", global = true, value_name = "FILE|DIR|-", value_hint = ValueHint::AnyPath)]
    pub files: Vec<String>,
    /// A variable for the manifest; it wins over `--env-file` and the environment
    #[arg(long = "var", global = true, value_name = "NAME=VALUE", value_parser = variable)]
    pub variables: Vec<(String, String)>,
    /// A file of variables, one `NAME=VALUE` a line
    #[arg(long = "env-file", global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub env_files: Vec<PathBuf>,
    /// The form of the result on standard output
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub output: Form,
    /// Also write the result to a file in another form
    #[arg(long = "report", global = true, value_name = "FORM=FILE", value_parser = report)]
    pub reports: Vec<(Form, PathBuf)>,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Log to standard error: -v what is done, -vv how, -vvv everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing but the result and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// A form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    Text,
    /// For programs
    Json,
    /// For the comment on a pull request
    Markdown,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` or `TERM=dumb` says otherwise
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A command.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show a saved plan, in any form
    #[command(
        after_long_help = "Examples:\n  trueup show plan.json\n  trueup show plan.json --output markdown"
    )]
    Show {
        /// The plan, as `plan -o` wrote it
        #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
        plan: PathBuf,
    },
    /// Explain a kind, one of its fields, or a code
    #[command(
        after_long_help = "Examples:\n  trueup explain\n  trueup explain stream\n  trueup explain stream.max_age\n  trueup explain topic.config.retention.ms\n  trueup explain immutable"
    )]
    Explain {
        /// A kind, KIND.FIELD or a code; without one, what there is
        #[arg(value_name = "KIND[.FIELD]|CODE")]
        topic: Option<String>,
    },
    /// Print the JSON Schema of a plan
    #[command(after_long_help = "Example:\n  trueup schema plan > plan.schema.json")]
    Schema {
        /// Of what
        #[arg(value_name = "OF", default_value = "plan")]
        of: Schema,
    },
    /// Print the completions of a shell
    #[command(
        after_long_help = "Examples:\n  source <(trueup completions bash)\n  trueup completions zsh > ~/.zfunc/_trueup\n  trueup completions fish > ~/.config/fish/completions/trueup.fish"
    )]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
}

/// What has a JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Schema {
    /// A plan file
    Plan,
}

/// Reads the command line.
///
/// # Errors
/// What clap says: wrong usage, or the help or version that was asked for.
pub fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = command(colour_of(arguments)).try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// The whole command line as clap knows it.
pub fn command(colour: clap::ColorChoice) -> clap::Command {
    let more = format!("Exit codes:\n{}", exit::table());
    let examples = "Examples:\n  trueup show plan.json\n  trueup explain stream.max_age\n";
    Cli::command()
        .color(colour)
        .after_long_help(format!("{examples}\n{more}"))
}

/// What `--color` says, read before clap reads the rest, for clap's own messages.
fn colour_of(arguments: &[OsString]) -> clap::ColorChoice {
    let words: Vec<_> = arguments.iter().filter_map(|a| a.to_str()).collect();
    let said = words.iter().enumerate().find_map(|(at, word)| match *word {
        "--color" => words.get(at + 1).copied(),
        _ => word.strip_prefix("--color="),
    });
    match said {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        Some(_) | None => clap::ColorChoice::Auto,
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn report(text: &str) -> Result<(Form, PathBuf), String> {
    let (form, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("write it as FORM=FILE, such as `markdown=plan.md`")?;
    let form = Form::from_str(form, false)
        .map_err(|_| format!("`{form}` is no form; take text, json or markdown"))?;
    Ok((form, file.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command(clap::ColorChoice::Never).debug_assert();
    }
}
