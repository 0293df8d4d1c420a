//! A second, plain look at a server that did not let us in: what speaks there, if anything?

use std::sync::Arc;
use std::time::Duration;

use async_nats::ServerAddr;
use futures::future::join_all;
use rustls_pki_types::ServerName;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::address::{Address, addresses};
use super::dial::DIAL_BUDGET;
use super::{NatsError, NatsSettings};

/// How long each of the three looks may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest first line of a server that is looked at, in bytes.
const LONGEST_GREETING: u64 = 64 * 1024;

/// What strangers do.
const CLOSES: &str = "it closes the connection without a greeting";
const OTHER_WORDS: &str = "what it says is no greeting of a NATS server";
const WAITS: &str = "it waits for the first word, where a NATS server speaks first";

/// What speaks at an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The name does not resolve in time.
    NoAddress,
    /// No connection comes about.
    Nobody,
    /// The connection is refused.
    Refused,
    /// It takes the connection and says nothing, not even to TLS.
    Silence,
    /// It waits for TLS.
    Tls,
    /// It does something that no NATS server does.
    Stranger(&'static str),
    /// A NATS server with this greeting.
    Nats(Greeting),
}

/// What the first word of a NATS server says about TLS.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Greeting {
    tls_required: bool,
    tls_available: bool,
    tls_verify: bool,
}

impl NatsSettings {
    /// What is wrong with each of several addresses where no NATS server answers, within 3 s; nothing of a single
    /// one, which connecting tells of.
    pub async fn dead_servers(&self) -> Vec<NatsError> {
        let servers = addresses(self.url.expose_secret()).unwrap_or_default();
        let looks = servers.iter().map(|address| async move {
            let found = diagnose(&address.server).await;
            let is_dead = !matches!(found, Found::Tls | Found::Nats(_));
            let wants_tls = self.wants_tls() || address.server.tls_required();
            is_dead.then(|| found.meaning(address, self, wants_tls, "it was looked at"))
        });
        match servers.len() {
            0 | 1 => Vec::new(),
            _ => join_all(looks).await.into_iter().flatten().collect(),
        }
    }
}

/// Looks within 3 s.
pub(super) async fn diagnose(server: &ServerAddr) -> Found {
    let connecting = TcpStream::connect((server.host(), server.port()));
    let mut stream = match timeout(PATIENCE, connecting).await {
        Ok(Ok(stream)) => BufReader::new(stream),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            return Found::Refused;
        }
        Ok(Err(_)) => return Found::Nobody,
        Err(_) => return unreachable_or_unknown(server).await,
    };
    let mut line = String::new();
    let mut greeting = (&mut stream).take(LONGEST_GREETING);
    match timeout(PATIENCE, greeting.read_line(&mut line)).await {
        Ok(Ok(_)) => heard(&line),
        Ok(Err(_)) => Found::Stranger(CLOSES),
        Err(_) => say_hello_in_tls(stream.into_inner()).await,
    }
}

impl Found {
    /// The error that this explains. `wants_tls` says whether our side asked for TLS, `reason` is what the
    /// connection itself reported.
    pub(super) fn meaning(
        self,
        address: &Address,
        settings: &NatsSettings,
        wants_tls: bool,
        reason: &str,
    ) -> NatsError {
        let server = address.shown.clone();
        match self {
            Found::NoAddress => NatsError::Unresolvable {
                server,
                host: address.server.host().to_owned(),
                reason: "the name service did not answer in time".to_owned(),
            },
            Found::Nobody => NatsError::ConnectTimeout {
                server,
                seconds: DIAL_BUDGET.as_secs(),
            },
            Found::Refused => NatsError::Refused { server },
            Found::Silence => NatsError::Frozen { server },
            Found::Tls if !settings.tls_first => NatsError::TlsFirstRequired { server },
            Found::Nats(greeting) if wants_tls && !greeting.speaks_tls() => {
                NatsError::TlsToPlainPort { server }
            }
            Found::Nats(greeting) if greeting.tls_verify && settings.cert.is_none() => {
                NatsError::ClientCertificateRequired { server }
            }
            Found::Stranger(reason) => NatsError::NotNats { server, reason },
            Found::Tls | Found::Nats(_) => NatsError::Closed {
                server,
                reason: reason.to_owned(),
            },
        }
    }
}

impl Greeting {
    pub(super) fn speaks_tls(&self) -> bool {
        self.tls_required || self.tls_available
    }
}

async fn unreachable_or_unknown(server: &ServerAddr) -> Found {
    match timeout(PATIENCE, server.socket_addrs()).await {
        Ok(Ok(_)) => Found::Nobody,
        Ok(Err(_)) | Err(_) => Found::NoAddress,
    }
}

fn heard(line: &str) -> Found {
    match line
        .strip_prefix("INFO ")
        .map(serde_json::from_str::<Greeting>)
    {
        Some(Ok(greeting)) => Found::Nats(greeting),
        Some(Err(_)) | None if line.is_empty() => Found::Stranger(CLOSES),
        Some(Err(_)) | None => Found::Stranger(OTHER_WORDS),
    }
}

/// A server with `handshake_first` keeps silent until it hears a TLS hello, and a frozen one after it, too.
async fn say_hello_in_tls(mut stream: TcpStream) -> Found {
    let Some(hello) = tls_hello() else {
        return Found::Silence;
    };
    if stream.write_all(&hello).await.is_err() {
        return Found::Stranger(CLOSES);
    }
    match timeout(PATIENCE, stream.read_u8()).await {
        Ok(Ok(HANDSHAKE | ALERT)) => Found::Tls,
        // a greeting at last
        Ok(Ok(b'I')) | Err(_) => Found::Silence,
        Ok(Ok(_)) => Found::Stranger(OTHER_WORDS),
        Ok(Err(_)) => Found::Stranger(WAITS),
    }
}

/// The content types of a TLS record that answer a hello (RFC 8446, 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

fn tls_hello() -> Option<Vec<u8>> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).ok()?;
    Some(hello)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_read() {
        let found =
            heard("INFO {\"server_id\":\"N\",\"tls_required\":true,\"tls_verify\":true}\r\n");
        let greeting = Greeting {
            tls_required: true,
            tls_verify: true,
            ..Greeting::default()
        };
        assert_eq!(found, Found::Nats(greeting));
        assert_eq!(
            heard("HTTP/1.1 400 Bad Request\r\n"),
            Found::Stranger(OTHER_WORDS)
        );
        assert_eq!(heard(""), Found::Stranger(CLOSES));
    }

    #[test]
    fn a_hello_is_a_handshake_record() {
        assert_eq!(tls_hello().unwrap()[0], HANDSHAKE);
    }
}
