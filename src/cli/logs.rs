use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::failure::Failure;

/// What events are for that say what is waited for.
const WAITING: &str = "trueup::waiting";

/// Secrets shorter than this are not looked for: blinding them would blind everything.
const LEAST: usize = 4;

/// The secrets that no log line may hold.
static SECRETS: Mutex<Vec<SecretString>> = Mutex::new(Vec::new());

/// Starts the log on standard error: what `TRUEUP_LOG` says (`trueup=debug,async_nats=info`), else
/// what the number of `-v` asks for; as JSON when `TRUEUP_LOG_FORMAT=json`. What a long wait is for is said in plain words,
/// unless the log says it or `quiet` forbids it.
///
/// # Errors
/// When `TRUEUP_LOG` is no filter.
pub(super) fn start(
    verbose: u8,
    quiet: bool,
    environment: &IndexMap<String, String>,
) -> Result<(), Failure> {
    let said = environment
        .get("TRUEUP_LOG")
        .filter(|said| !said.is_empty());
    let filter = said.map_or(by_count(verbose), String::as_str);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::said(format!("`TRUEUP_LOG` is no filter: {error}"))
            .hint("write it as `debug`, or as `trueup=debug,async_nats=info`")
    })?;
    let filter = filter.and(filter_fn(holds_no_bytes));
    let log = fmt::layer().with_writer(Blinded).with_ansi(false);
    let is_json = environment.get("TRUEUP_LOG_FORMAT");
    let log = match is_json.is_some_and(|form| form == "json") {
        true => log.json().with_filter(filter).boxed(),
        false => log.compact().with_filter(filter).boxed(),
    };
    let is_silent = said.is_none() && verbose == 0;
    let waits = waits(is_silent, quiet, Blinded);
    let _ = tracing_subscriber::registry()
        .with(log)
        .with(waits)
        .try_init();
    Ok(())
}

/// Whether an event is ours, or coarser than those in which crates dump the bytes that they send: in a dump no secret is
/// found.
fn holds_no_bytes(event: &Metadata<'_>) -> bool {
    *event.level() < Level::TRACE || event.target().starts_with("trueup")
}

/// What is waited for, where the log is silent of it and nobody asked for quiet.
fn waits<S, W>(is_silent: bool, quiet: bool, to: W) -> Option<impl Layer<S>>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    (is_silent && !quiet).then(|| in_plain_words(to))
}

/// What is waited for, without time, level and module.
fn in_plain_words<S, W>(to: W) -> impl Layer<S>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    fmt::layer()
        .with_writer(to)
        .with_ansi(false)
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_filter(Targets::new().with_target(WAITING, LevelFilter::WARN))
}

const fn by_count(verbose: u8) -> &'static str {
    match verbose {
        0 => "error,async_nats=off",
        1 => "warn,trueup=info,async_nats=off",
        2 => "warn,trueup=debug",
        _ => "debug,trueup=trace",
    }
}

/// From here on, log lines show stars in place of this secret.
pub(super) fn blind(secret: SecretString) {
    if secret.expose_secret().len() >= LEAST {
        secrets().push(secret);
    }
}

fn secrets() -> MutexGuard<'static, Vec<SecretString>> {
    SECRETS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to standard error, secrets blinded. One event comes in one write.
struct Blinded;

impl Write for Blinded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        io::stderr().write_all(blinded(&text, &secrets()).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Blinded {
    type Writer = Blinded;

    fn make_writer(&'a self) -> Blinded {
        Blinded
    }
}

fn blinded(text: &str, secrets: &[SecretString]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret.expose_secret(), "***")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::Registry;

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Kept;

        fn make_writer(&'a self) -> Kept {
            self.clone()
        }
    }

    /// What a layer writes of some events.
    fn said<L: Layer<Registry> + Send + Sync>(
        layer: impl FnOnce(Kept) -> L,
        events: fn(),
    ) -> String {
        let kept = Kept::default();
        let log = tracing_subscriber::registry().with(layer(kept.clone()));
        tracing::subscriber::with_default(log, events);
        let said = kept.0.lock().unwrap().clone();
        String::from_utf8(said).unwrap()
    }

    /// What a wait says under these options.
    fn of_a_wait(is_silent: bool, quiet: bool) -> String {
        said(
            |kept| waits(is_silent, quiet, kept),
            || {
                tracing::warn!(target: "trueup::waiting", "waiting for {}", "an election");
                tracing::warn!("of no interest");
            },
        )
    }

    #[test]
    fn what_is_waited_for_is_said_in_plain_words() {
        assert_eq!(
            of_a_wait(true, false).trim_start(),
            "waiting for an election\n"
        );
    }

    #[test]
    fn a_wait_says_nothing_to_who_asked_for_quiet_and_nothing_twice() {
        assert_eq!(of_a_wait(true, true), "");
        assert_eq!(of_a_wait(false, false), "");
    }

    #[test]
    fn the_bytes_that_crates_dump_are_not_logged() {
        let all = || EnvFilter::new("trace").and(filter_fn(holds_no_bytes));
        let log = |kept| fmt::layer().with_writer(kept).with_filter(all());
        let said = said(log, || {
            tracing::trace!(target: "ureq_proto::util", "2042 6173 6963");
            tracing::debug!(target: "ureq_proto::util", "a call");
            tracing::trace!("a step");
        });
        assert!(said.contains("a call") && said.contains("a step"), "{said}");
        assert!(!said.contains("6173"), "{said}");
    }

    #[test]
    fn a_secret_in_a_line_is_blinded() {
        let secrets = ["hunter22".into()];
        assert_eq!(
            blinded("login hunter22 failed", &secrets),
            "login *** failed"
        );
    }
}
