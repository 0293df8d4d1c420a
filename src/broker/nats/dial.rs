//! The first connection: tried once per server within a bounded time, every failure named.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions};
use secrecy::ExposeSecret;
use tokio_rustls::rustls;

use super::address::{Address, addresses};
use super::credentials::Credentials;
use super::denials::Denials;
use super::diagnose::{Found, diagnose};
use super::{NatsError, NatsSettings, tls};
use crate::broker::crypto;

/// How long all servers together may take to let us in; finding out why they did not takes up to 3 s more.
pub(super) const DIAL_BUDGET: Duration = Duration::from_secs(5);

/// After how long without a connection a plain look is taken at what speaks there. A NATS server speaks
/// at once.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// How often a lost connection is tried again, and how long between: for a minute, in the background. Requests
/// do not wait that long.
const RECONNECTS: usize = 150;
const RECONNECT_PAUSE: Duration = Duration::from_millis(400);

/// How long a lost connection is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endurance {
    /// For a minute: somebody waits for an answer.
    Minute,
    /// For as long as the process lives.
    Forever,
}

/// How often the server is asked for a sign of life; after two without one the connection counts as broken.
const PING: Duration = Duration::from_secs(3);

/// What a server of another protocol does behind TLS.
const WAITS_IN_TLS: &str = "it takes TLS and then waits, where a NATS server speaks first";

/// A connection and the facts of how it came about.
pub(super) struct Line {
    pub(super) client: Client,
    pub(super) denials: Arc<Denials>,
    pub(super) server: String,
    pub(super) tls: bool,
}

/// Connects to the first server that lets us in.
pub(super) async fn dial(settings: &NatsSettings, endurance: Endurance) -> Result<Line, NatsError> {
    settings.check()?;
    tls::check_files(settings).await?;
    let caller = Caller {
        settings,
        credentials: Credentials::read(settings).await?,
        endurance,
    };
    crypto::install();
    let servers = addresses(settings.url.expose_secret())?;
    let share = DIAL_BUDGET / u32::try_from(servers.len()).unwrap_or(u32::MAX).max(1);
    let mut failures = Vec::new();
    for address in &servers {
        match caller.try_one(address, share).await {
            Ok(line) => {
                know_others(&line.client, &servers).await;
                return Ok(line);
            }
            Err(failure) => failures.push((address, failure)),
        }
    }
    let explained = failures
        .into_iter()
        .map(|(address, failure)| caller.explain(address, failure));
    let mut errors = futures::future::join_all(explained).await;
    match errors.len() {
        1 => Err(errors.remove(0)),
        _ => Err(NatsError::NoneReachable { errors }),
    }
}

/// Tells the client all servers that are named, besides those that its server told of: when that one dies,
/// another one stands in.
async fn know_others(client: &Client, named: &[Address]) {
    if named.len() < 2 {
        return;
    }
    let told = client.server_pool().await.unwrap_or_default();
    let mut pool: Vec<_> = named.iter().map(|address| address.server.clone()).collect();
    for server in told {
        if !pool.contains(&server.addr) {
            pool.push(server.addr);
        }
    }
    if let Err(error) = client.set_server_pool(pool.as_slice()).await {
        tracing::debug!(%error, "only the servers that the cluster tells of can stand in");
    }
}

/// Why one attempt failed, before it is understood.
pub(super) enum Failure {
    /// Understood already.
    Known(NatsError),
    /// The client's own error.
    Client(async_nats::ConnectError),
    /// The attempt's time was over.
    OutOfTime,
    /// A look at the server settled it before.
    Seen(Found),
}

struct Caller<'s> {
    settings: &'s NatsSettings,
    credentials: Credentials,
    endurance: Endurance,
}

impl Caller<'_> {
    async fn try_one(&self, address: &Address, share: Duration) -> Result<Line, Failure> {
        let denials = Arc::new(Denials::default());
        let options = self
            .options(address, share, &denials)
            .map_err(Failure::Known)?;
        let connecting = options.connect(address.server.clone());
        let connected = tokio::select! {
            connected = tokio::time::timeout(share, connecting) => connected,
            found = self.seen_early(address) => return Err(Failure::Seen(found)),
        };
        match connected {
            Ok(Ok(client)) => {
                let tls = self.wants_tls(address) || client.server_info().tls_required;
                let server = address.shown.clone();
                Ok(Line {
                    client,
                    denials,
                    server,
                    tls,
                })
            }
            Ok(Err(error)) if is_out_of_time(&error) => Err(Failure::OutOfTime),
            Ok(Err(error)) => Err(Failure::Client(error)),
            Err(_) => Err(Failure::OutOfTime),
        }
    }

    /// What there is no use in waiting for; comes back only then.
    async fn seen_early(&self, address: &Address) -> Found {
        tokio::time::sleep(FIRST_LOOK).await;
        match diagnose(&address.server).await {
            found @ Found::Stranger(_) => found,
            Found::Tls if !self.settings.tls_first => Found::Tls,
            _ => std::future::pending().await,
        }
    }

    fn wants_tls(&self, address: &Address) -> bool {
        self.settings.wants_tls() || address.server.tls_required()
    }

    fn options(
        &self,
        address: &Address,
        share: Duration,
        denials: &Arc<Denials>,
    ) -> Result<ConnectOptions, NatsError> {
        let heard = Arc::clone(denials);
        let mut options = ConnectOptions::new()
            .name("trueup")
            .connection_timeout(share)
            .request_timeout(None)
            .max_reconnects(match self.endurance {
                Endurance::Minute => Some(RECONNECTS),
                Endurance::Forever => None,
            })
            .reconnect_delay_callback(|attempt| match attempt {
                0 | 1 => Duration::ZERO,
                _ => RECONNECT_PAUSE,
            })
            .ping_interval(PING)
            .event_callback(move |event| {
                heard.note(&event);
                std::future::ready(())
            });
        if let Some(prefix) = &self.settings.inbox_prefix {
            options = options.custom_inbox_prefix(prefix.trim_end_matches('.'));
        }
        let options = tls::into_options(self.settings, self.wants_tls(address), options);
        let credentials = self.credentials.at(address);
        credentials
            .into_options(options)
            .map_err(|error| NatsError::Settings {
                server: address.shown.clone(),
                reason: error.to_string(),
            })
    }

    /// Turns a failed attempt into the error that helps.
    async fn explain(&self, address: &Address, failure: Failure) -> NatsError {
        let server = address.shown.clone();
        let error = match failure {
            Failure::Known(error) => return error,
            Failure::OutOfTime => return self.out_of_time(address).await,
            Failure::Seen(found) => return self.meaning(found, address, "it was seen before"),
            Failure::Client(error) => error,
        };
        if let Some(fault) = source_of::<rustls::Error>(&error) {
            return match tls::meaning(fault, &server, self.settings) {
                NatsError::TlsToPlainPort { server } if self.settings.tls_first => {
                    match diagnose(&address.server).await {
                        Found::Nats(greeting) if greeting.speaks_tls() => {
                            NatsError::TlsFirstUnwanted { server }
                        }
                        _ => NatsError::TlsToPlainPort { server },
                    }
                }
                meaning => meaning,
            };
        }
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation => NatsError::Unauthorized {
                server,
                credentials: self.credentials.at(address).kind(),
            },
            ConnectErrorKind::Dns => NatsError::Unresolvable {
                server,
                host: address.server.host().to_owned(),
                reason: cause(&error),
            },
            ConnectErrorKind::Authentication => NatsError::Settings {
                server,
                reason: "the server's challenge could not be signed with these credentials; use `creds` or `nkey`".to_owned(),
            },
            ConnectErrorKind::ServerParse => NatsError::BadAddress {
                url: server,
                reason: cause(&error),
            },
            ConnectErrorKind::Tls => NatsError::Tls {
                server,
                reason: cause(&error),
            },
            ConnectErrorKind::Io if refused(&error) => NatsError::Refused { server },
            ConnectErrorKind::Io | ConnectErrorKind::TimedOut | ConnectErrorKind::MaxReconnects => {
                self.look(address, &cause(&error)).await
            }
        }
    }

    /// What took TLS and never a word of NATS is another server's port.
    async fn out_of_time(&self, address: &Address) -> NatsError {
        match diagnose(&address.server).await {
            Found::Tls if self.settings.tls_first => NatsError::NotNats {
                server: address.shown.clone(),
                reason: WAITS_IN_TLS,
            },
            found => self.meaning(found, address, "it was not done in time"),
        }
    }

    async fn look(&self, address: &Address, reason: &str) -> NatsError {
        let found = diagnose(&address.server).await;
        self.meaning(found, address, reason)
    }

    fn meaning(&self, found: Found, address: &Address, reason: &str) -> NatsError {
        found.meaning(address, self.settings, self.wants_tls(address), reason)
    }
}

fn refused(error: &async_nats::ConnectError) -> bool {
    source_of::<std::io::Error>(error)
        .is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// The error of type `E` somewhere below the client's own.
fn source_of<E: std::error::Error + 'static>(error: &async_nats::ConnectError) -> Option<&E> {
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn cause(error: &async_nats::ConnectError) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

/// Whether the client's own clock ran out, or the system's, just before ours.
fn is_out_of_time(error: &async_nats::ConnectError) -> bool {
    let timed_out = |error: &std::io::Error| error.kind() == std::io::ErrorKind::TimedOut;
    error.kind() == ConnectErrorKind::TimedOut
        || source_of::<std::io::Error>(error).is_some_and(timed_out)
}
