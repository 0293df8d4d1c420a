use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::failure::Failure;

/// Secrets shorter than this are not looked for: blinding them would blind everything.
const LEAST: usize = 4;

/// The secrets that no log line may hold.
static SECRETS: Mutex<Vec<SecretString>> = Mutex::new(Vec::new());

/// Starts the log on standard error: what `TRUEUP_LOG` says (`trueup=debug,async_nats=info`), else
/// what the number of `-v` asks for; as JSON when `TRUEUP_LOG_FORMAT=json`.
///
/// # Errors
/// When `TRUEUP_LOG` is no filter.
pub(super) fn start(verbose: u8, environment: &IndexMap<String, String>) -> Result<(), Failure> {
    let said = environment
        .get("TRUEUP_LOG")
        .filter(|said| !said.is_empty());
    let filter = said.map_or(by_count(verbose), String::as_str);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::said(format!("`TRUEUP_LOG` is no filter: {error}"))
            .hint("write it as `debug`, or as `trueup=debug,async_nats=info`")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Blinded)
        .with_ansi(false);
    let _ = if environment
        .get("TRUEUP_LOG_FORMAT")
        .is_some_and(|form| form == "json")
    {
        log.json().try_init()
    } else {
        log.compact().try_init()
    };
    Ok(())
}

const fn by_count(verbose: u8) -> &'static str {
    match verbose {
        0 => "error,trueup::waiting=warn,async_nats=off",
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
    use super::*;

    #[test]
    fn a_secret_in_a_line_is_blinded() {
        let secrets = ["hunter22".into()];
        assert_eq!(
            blinded("login hunter22 failed", &secrets),
            "login *** failed"
        );
    }
}
