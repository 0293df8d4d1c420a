mod consent;
mod offered;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

use super::exit;
use crate::convert::KnownStream;
use crate::kinds::route::Place;
use crate::ledger::LedgerPlace;
use crate::model::Address;

pub use consent::{Approved, Consent};
pub(super) use offered::topics_offered;
use offered::{Offered, any, forms, kinds, ledgers, patterns};
use values::{VariableParser, duration, ledger, report, stream};

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
    #[arg(long = "var", global = true, value_name = "NAME=VALUE", value_parser = VariableParser)]
    pub variables: Vec<(String, String)>,
    /// A file of variables, one `NAME=VALUE` a line
    #[arg(long = "env-file", global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub env_files: Vec<PathBuf>,
    /// The form of the result on standard output
    ///
    /// With `json`, an error that ends a command is a document of problems on standard output too; only
    /// a command line that can't be read, such as an unknown option, is told as text on standard error.
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    pub output: Form,
    /// Also write the result to a file in another form
    #[arg(long = "report", global = true, value_name = "FORM=FILE", value_parser = Offered::new(report, forms), hide_possible_values = true)]
    pub reports: Vec<(Form, PathBuf)>,
    /// Where it is recorded what the stack owns: `nats`, `kafka`, `file:PATH`, or `none`
    ///
    /// It wins over TRUEUP_LEDGER, and that over `ledger` in the manifest. Where nobody says, it is `nats` for a
    /// manifest with a `nats` section or a connection to NATS, and `kafka` for one of Kafka alone. With a ledger, what
    /// nobody owns is adopted when it is declared, what the stack owns and no longer declares is deleted, what another
    /// stack owns is left alone, and an apply holds the stack's lock.
    #[arg(long, global = true, value_name = "PLACE", value_parser = Offered::new(ledger, ledgers), hide_possible_values = true)]
    pub ledger: Option<LedgerPlace>,
    /// How long to wait for the stack's lock, where somebody else has it
    #[arg(long, global = true, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub lock_timeout: Duration,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// Log to standard error: -v what is done, -vv how, -vvv everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing but the result, errors and what an export leaves out
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
    /// Check a manifest, without any broker
    #[command(
        after_long_help = "Examples:\n  trueup validate -f platform.yaml\n  trueup validate -f manifests/platform -f manifests/env/prod.yaml --output json"
    )]
    Validate,
    /// Show what `apply` would do
    #[command(
        after_long_help = "Examples:\n  trueup plan -f platform.yaml\n  trueup plan -f platform.yaml -o plan.json --report markdown=plan.md\n  trueup plan -f platform.yaml --target 'topic/*' --detailed-exitcode\n\nEnds with 3 when a step is blocked, with 1 when something could not be read."
    )]
    Plan(PlanArgs),
    /// Bring the brokers to what the manifest says
    #[command(
        after_long_help = "Examples:\n  trueup apply -f platform.yaml\n  trueup apply -f platform.yaml --auto-approve\n  trueup apply plan.json -f platform.yaml\n\nA saved plan is refused when what it rests on has moved (exit code 5). It holds no connections: they\ncome from `-f`, or from NATS_URL and KAFKA_BROKERS. The first Ctrl-C finishes what is in flight and\nreports; the second stops at once."
    )]
    Apply(ApplyArgs),
    /// Show where the brokers hold something else than the manifest says
    #[command(
        after_long_help = "Examples:\n  trueup drift -f platform.yaml\n  trueup drift -f platform.yaml --strict --output json\n\nEnds with 0 when there is none, with 2 when there is some. The throttles that a running reassignment\nsets on a topic (`*.replication.throttled.replicas`) count only where they are declared."
    )]
    Drift(DriftArgs),
    /// Write a manifest from the live brokers
    #[command(
        after_long_help = "Examples:\n  trueup export > platform.yaml\n  trueup export --stack orders --only 'topic/orders-*' --only stream/ORDERS\n  trueup export --output json > platform.json\n\nText is YAML; JSON is YAML too, and `-f` takes either. The brokers are those that the manifest of\n`-f` has connections for or resources on, or else those of NATS_URL and KAFKA_BROKERS. With `--only`,\nthose of its kinds."
    )]
    Export(ExportArgs),
    /// Show a saved plan, in any form
    #[command(
        after_long_help = "Examples:\n  trueup show plan.json\n  trueup show plan.json --output markdown"
    )]
    Show {
        /// The plan, as `plan -o` wrote it; `-` for standard input
        #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
        plan: PathBuf,
    },
    /// Delete what the stack owns
    #[command(
        after_long_help = "Examples:\n  trueup destroy -f platform.yaml\n\nAsks for the stack's name. What holds data needs an approval each: `--approve CODE@ADDRESS`. What is\nprotected, was made anew by somebody else, or belongs to another stack stays."
    )]
    Destroy(DestroyArgs),
    /// Take resources out of the ledger, and leave them as they are
    #[command(
        after_long_help = "Examples:\n  trueup forget topic/orders stream/ORDERS -f platform.yaml"
    )]
    Forget {
        /// What the stack is to own no longer
        #[arg(value_name = "ADDRESS", required = true)]
        addresses: Vec<Address>,
    },
    /// Show, rebuild or move the record of what the stack owns
    #[command(
        subcommand,
        after_long_help = "Examples:\n  trueup ledger show -f platform.yaml\n  trueup ledger rebuild -f platform.yaml\n  trueup ledger move --from kafka -f platform.yaml\n  trueup ledger show --stack platform --ledger kafka"
    )]
    Ledger(LedgerCommand),
    /// Show who works on the stack, or take the lock away
    #[command(
        subcommand,
        after_long_help = "Examples:\n  trueup lock show -f platform.yaml\n  trueup lock release -f platform.yaml\n  trueup lock show --stack platform"
    )]
    Lock(LockCommand),
    /// Show how the routes are: what they have not moved yet, and who moves their messages
    #[command(
        after_long_help = "Examples:\n  trueup status -f platform.yaml\n  trueup status -f platform.yaml --detailed-exitcode\n  trueup status --output json\n\nLag is told by the brokers, be a worker there or not. With `-f` its stack's routes, ledger and lock are shown;\nwithout it the brokers are those of NATS_URL and KAFKA_BROKERS, and every route of the table is shown. Changes\nnothing."
    )]
    Status {
        /// End with 2 when a route is not as it should be: failed, degraded, silent, without a worker, void, beyond its alert, or drifted
        #[arg(long)]
        detailed_exitcode: bool,
    },
    /// Move messages between NATS and Kafka
    #[command(
        subcommand,
        after_long_help = "Examples:\n  trueup bridge run -f platform.yaml\n  trueup bridge run -f platform.yaml --listen 0.0.0.0:8080\n  trueup bridge pause events-out -f platform.yaml\n  trueup bridge resume events-out -f platform.yaml\n  trueup bridge reset events-out --to start -f platform.yaml"
    )]
    Bridge(BridgeCommand),
    /// Look whether the brokers can be reached, and which rights are missing
    #[command(
        after_long_help = "Examples:\n  trueup doctor\n  trueup doctor -f platform.yaml --output json\n\nThe brokers are those of `-f`, or of NATS_URL and KAFKA_BROKERS. Changes nothing. Ends with 1 when\nsomething is bad."
    )]
    Doctor,
    /// Draw streams, consumers, topics, groups and who may use them, without any broker
    #[command(
        after_long_help = "Examples:\n  trueup graph -f platform.yaml\n  trueup graph -f platform.yaml --output markdown >> page.md\n  trueup graph -f platform.yaml --as dot | dot -Tsvg > platform.svg\n  trueup graph -f platform.yaml --target 'topic/orders-*'"
    )]
    Graph(GraphArgs),
    /// Write another tool's configuration as a manifest, without any broker
    #[command(
        after_long_help = "Examples:\n  trueup convert nats-kafka bridge.conf > bridge.yaml\n  trueup convert nats-kafka bridge.conf --stream 'ORDERS=orders.>' --stack orders > bridge.yaml\n\nWhat the old bridge did in an unsafe way, and what is different from now on, is told on standard error."
    )]
    Convert(ConvertArgs),
    /// Explain a kind, a section of a manifest, one of their fields, or a code
    #[command(
        after_long_help = "Examples:\n  trueup explain\n  trueup explain stream\n  trueup explain stream.max_age\n  trueup explain topic.config.retention.ms\n  trueup explain key_value.ttl\n  trueup explain connections.nats --output json\n  trueup explain immutable"
    )]
    Explain {
        /// A kind, a section of a manifest, one of their fields, or a code; without one, what there is
        #[arg(value_name = "KIND[.FIELD]|SECTION|CODE", value_parser = Offered::new(any, topics_offered), hide_possible_values = true)]
        topic: Option<String>,
    },
    /// Print the JSON Schema of a manifest or a plan
    #[command(
        after_long_help = "Examples:\n  trueup schema > manifest.schema.json\n  trueup schema plan > plan.schema.json"
    )]
    Schema {
        /// Of what
        #[arg(value_name = "OF", default_value = "manifest")]
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

/// What can be done with the bridge.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BridgeCommand {
    /// Run the stack's routes, until SIGTERM or Ctrl-C
    ///
    /// Any number of workers run side by side; when one dies, another goes on where it stopped. A worker keeps nothing on
    /// its machine. Routes start, change and stop as the table on the brokers says. A signal finishes what is in flight,
    /// which takes 30 s at most; a second one stops at once.
    Run {
        /// Where to answer `/metrics`, `/healthz` and `/readyz`; port 0 takes a free one, which is told
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Have the messages of a route wait where they are
    ///
    /// It is written into the table, where a plan of a manifest that says `state: running` finds it as drift.
    Pause {
        /// The route
        #[arg(value_name = "ROUTE")]
        route: String,
    },
    /// Have the messages of a route move again
    Resume {
        /// The route
        #[arg(value_name = "ROUTE")]
        route: String,
    },
    /// Set a route to another place of its source
    ///
    /// What is behind that place is moved again, what is before it never. Refused while a worker moves the route's messages,
    /// unless the route is paused.
    Reset {
        /// The route
        #[arg(value_name = "ROUTE")]
        route: String,
        /// Where it goes on: `start`, `end`, a sequence of its stream, or a time
        #[arg(long, value_name = "PLACE")]
        to: Place,
    },
}

/// What can be done with a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LedgerCommand {
    /// What every stack owns
    Show {
        /// The stack that is listed first; with it no manifest is needed
        #[arg(long, value_name = "NAME")]
        stack: Option<String>,
    },
    /// Record what is declared, there and nobody else's
    Rebuild,
    /// Take what is recorded of the stack out of another ledger into its own
    Move {
        /// Where it was recorded: `nats`, `kafka` or `file:PATH`
        #[arg(long, value_name = "PLACE", value_parser = Offered::new(ledger, ledgers), hide_possible_values = true)]
        from: LedgerPlace,
    },
}

/// What can be done with a lock.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LockCommand {
    /// Who has it, since when and until when
    Show {
        /// The stack, where it is not the manifest's; with it no manifest is needed
        #[arg(long, value_name = "NAME")]
        stack: Option<String>,
    },
    /// Take it away from whoever has it
    Release {
        /// The stack, where it is not the manifest's; with it no manifest is needed
        #[arg(long, value_name = "NAME")]
        stack: Option<String>,
    },
}

/// What `destroy` takes.
#[derive(Clone, Debug, Args)]
pub struct DestroyArgs {
    /// The stack's name, instead of typing it at the prompt
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    /// What somebody consents to.
    #[command(flatten)]
    pub approved: Approved,
}

/// What `plan` takes.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// Save the plan, for `apply PLAN` and `show PLAN`
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// End with 2 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Compare with a snapshot that `export --snapshot` saved, without contacting any broker
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath)]
    pub against: Option<PathBuf>,
    /// Only these resources: an address, or a pattern such as `topic/*`
    #[arg(long = "target", value_name = "ADDRESS|GLOB", value_parser = Offered::new(any, patterns), hide_possible_values = true)]
    pub targets: Vec<String>,
    /// What may be lost.
    #[command(flatten)]
    pub consent: Consent,
}

/// What `apply` takes.
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    /// A plan that `plan -o` saved, `-` for standard input; without one, a fresh plan is made
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub plan: Option<PathBuf>,
    /// Apply without asking
    #[arg(long)]
    pub auto_approve: bool,
    /// Only these resources: an address, or a pattern such as `topic/*`
    #[arg(long = "target", value_name = "ADDRESS|GLOB", conflicts_with = "plan", value_parser = Offered::new(any, patterns), hide_possible_values = true)]
    pub targets: Vec<String>,
    /// What may be lost.
    #[command(flatten)]
    pub consent: Consent,
}

/// What `drift` takes.
#[derive(Clone, Debug, Args)]
pub struct DriftArgs {
    /// Values on the brokers that the manifest does not declare count as drift
    #[arg(long)]
    pub strict: bool,
    /// Compare with a snapshot that `export --snapshot` saved, without contacting any broker
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath)]
    pub against: Option<PathBuf>,
    /// Only these resources: an address, or a pattern such as `topic/*`
    #[arg(long = "target", value_name = "ADDRESS|GLOB", value_parser = Offered::new(any, patterns), hide_possible_values = true)]
    pub targets: Vec<String>,
}

/// What `export` takes.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The stack's name in the manifest
    #[arg(long, value_name = "NAME")]
    pub stack: Option<String>,
    /// Only these resources: a kind, or a kind and a pattern such as `topic/orders-*`
    #[arg(long, value_name = "KIND/GLOB", value_parser = Offered::new(any, kinds), hide_possible_values = true)]
    pub only: Vec<String>,
    /// Save the live state into a file instead, for `plan --against`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["stack", "only"])]
    pub snapshot: Option<PathBuf>,
}

/// What `convert` takes.
#[derive(Clone, Debug, Args)]
pub struct ConvertArgs {
    /// Whose configuration it is
    #[arg(value_name = "TOOL")]
    pub from: Foreign,
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// A stream that is there, and a subject that it takes; where none is known for a connector, one is declared
    #[arg(long = "stream", value_name = "NAME=SUBJECT", value_parser = stream)]
    pub streams: Vec<KnownStream>,
    /// The manifest's stack
    #[arg(long, value_name = "NAME", default_value = "bridge")]
    pub stack: String,
}

/// A tool whose configuration can be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Foreign {
    /// NATS's own bridge to Kafka
    NatsKafka,
}

/// What `graph` takes.
#[derive(Clone, Debug, Args)]
pub struct GraphArgs {
    /// The language of the picture
    #[arg(long = "as", value_name = "LANGUAGE", default_value = "mermaid")]
    pub language: Language,
    /// Only these resources and what they are tied to: an address, or a pattern such as `topic/*`
    #[arg(long = "target", value_name = "ADDRESS|GLOB", value_parser = Offered::new(any, patterns), hide_possible_values = true)]
    pub targets: Vec<String>,
}

/// A language for pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Mermaid, which GitHub and GitLab draw
    Mermaid,
    /// Graphviz
    Dot,
}

impl Language {
    /// What a fenced block of Markdown calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Language::Mermaid => "mermaid",
            Language::Dot => "dot",
        }
    }
}

/// What has a JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Schema {
    /// A manifest, for editors and checkers
    Manifest,
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
    let examples = "Examples:\n  trueup validate -f platform.yaml\n  trueup plan -f platform.yaml\n  trueup apply -f platform.yaml\n  trueup drift -f platform.yaml\n";
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command(clap::ColorChoice::Never).debug_assert();
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_not_shown() {
        let parsed = |said: &str| {
            let words = ["trueup", "validate", "--var", said].map(OsString::from);
            parse(&words).map(|cli| cli.global.variables)
        };
        for said in [
            "PW:CANARY",
            "CANARY",
            "1A=CANARY",
            "CANARY B=CANARY",
            "=CANARY",
        ] {
            let told = parsed(said).unwrap_err().to_string();
            assert!(told.contains("--var") && !told.contains("CANARY"), "{told}");
        }
        assert!(
            parsed("PW:CANARY")
                .unwrap_err()
                .to_string()
                .contains("NAME=VALUE")
        );
        let sound = parsed("_a1=b=c").unwrap();
        assert_eq!(sound, [("_a1".to_owned(), "b=c".to_owned())]);
    }
}
