//! Opening a connection: resolve, connect, TLS, versions, login, each with its own failure, all before one deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::{StrBytes, VersionRange};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::client::api::{Request, Versions};
use super::connection::{Broken, Connection, Unanswered, Wire, broken};
use super::error::KafkaError;
use super::probe;
use super::sasl::{self, Spelling};
use super::settings::{AddressFamily, KafkaSettings};
use super::tls::{self, Tls};

/// Every connection attempt ends within this, whatever the settings allow.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_millis(9_000);

/// One attempt to reach one address.
#[derive(Clone)]
pub(crate) struct Dialing {
    pub(crate) settings: Arc<KafkaSettings>,
    pub(crate) tls: Option<Tls>,
    pub(crate) address: String,
    pub(crate) sent: Arc<AtomicU64>,
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
}

impl Dialing {
    /// A connection that is ready for requests.
    ///
    /// A password that SASLprep changes is tried in both spellings, see [`sasl::has_two_spellings`].
    pub(crate) async fn dial(&self) -> Result<Connection, KafkaError> {
        match self.dial_as(Spelling::Prepared).await {
            Err(KafkaError::AuthenticationFailed { .. }) if self.has_two_spellings() => {
                self.dial_as(Spelling::AsGiven).await
            }
            other => other,
        }
    }

    async fn dial_as(&self, spelling: Spelling) -> Result<Connection, KafkaError> {
        let connection = self.open().await?;
        let versions = negotiate(self, &connection).await?;
        connection.negotiated(versions);
        if let Some(sasl) = &self.settings.sasl {
            sasl::log_in(self, &connection, sasl, spelling).await?;
        }
        Ok(connection)
    }

    /// TCP and TLS, with what a failure tells about the listener.
    async fn open(&self) -> Result<Connection, KafkaError> {
        match self.wire().await {
            Ok(connection) => Ok(connection),
            Err(NoWire::Network(error)) => Err(error),
            Err(NoWire::Tls(why)) => Err(self.explain(why, HANDSHAKE).await),
        }
    }

    /// TCP and TLS, without looking into a failure.
    pub(crate) async fn wire(&self) -> Result<Connection, NoWire> {
        let tcp = self.connect().await.map_err(NoWire::Network)?;
        let local = tcp.local_addr().ok().map(|local| local.ip().to_canonical());
        let wire: Box<dyn Wire> = match &self.tls {
            None => Box::new(tcp),
            Some(tls) => self.encrypt(tls, tcp).await?,
        };
        Ok(Connection::new(
            &self.address,
            &self.settings.client_id,
            wire,
            self.sent.clone(),
        )
        .coming_from(local))
    }

    fn has_two_spellings(&self) -> bool {
        self.settings
            .sasl
            .as_ref()
            .is_some_and(sasl::has_two_spellings)
    }

    /// Tries the addresses of the host in turn; the last failure is told.
    async fn connect(&self) -> Result<TcpStream, KafkaError> {
        let addresses = self.resolve().await?;
        let mut failure = None;
        for (index, address) in addresses.iter().enumerate() {
            let left = (addresses.len() - index) as u32;
            match self.connect_to(*address, left).await {
                Ok(tcp) => return Ok(tcp),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| {
            self.host_unknown("it has no address of the `broker.address.family`")
        }))
    }

    async fn connect_to(&self, address: SocketAddr, left: u32) -> Result<TcpStream, KafkaError> {
        let share = self.deadline.saturating_duration_since(Instant::now()) / left;
        let connected = tokio::time::timeout(share, TcpStream::connect(address)).await;
        let broker = self.address.clone();
        match connected {
            Err(_) => Err(KafkaError::ConnectTimeout {
                broker,
                after: self.started.elapsed(),
            }),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Err(KafkaError::ConnectionRefused { broker })
            }
            Ok(Err(error)) => Err(KafkaError::Unreachable {
                broker,
                cause: error.to_string(),
            }),
            Ok(Ok(tcp)) => {
                // Only latency is at stake when the system refuses.
                let _ = tcp.set_nodelay(true);
                Ok(tcp)
            }
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, KafkaError> {
        let looked_up = timeout_at(self.deadline, tokio::net::lookup_host(&self.address)).await;
        let found = looked_up.map_err(|_| self.host_unknown("the resolver does not answer"))?;
        let found = found.map_err(|error| self.host_unknown(&error.to_string()))?;
        let wanted = |address: &SocketAddr| match self.settings.family {
            AddressFamily::Any => true,
            AddressFamily::V4 => address.is_ipv4(),
            AddressFamily::V6 => address.is_ipv6(),
        };
        Ok(found.filter(wanted).collect())
    }

    fn host_unknown(&self, cause: &str) -> KafkaError {
        KafkaError::HostUnknown {
            broker: self.address.clone(),
            cause: cause.to_string(),
        }
    }

    async fn encrypt(&self, tls: &Tls, tcp: TcpStream) -> Result<Box<dyn Wire>, NoWire> {
        let host = self
            .address
            .rsplit_once(':')
            .map_or(self.address.as_str(), |(host, _)| host);
        let broker = self.address.clone();
        let name = tls::server_name(host)
            .map_err(|cause| NoWire::Network(KafkaError::Tls { broker, cause }))?;
        let shaken = timeout_at(self.deadline, tls.connector().connect(name, tcp)).await;
        match shaken {
            Err(_) => Err(NoWire::Network(self.no_answer(HANDSHAKE))),
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(NoWire::Tls(broken(error))),
        }
    }

    pub(crate) fn no_answer(&self, request: &'static str) -> KafkaError {
        KafkaError::NoAnswer {
            broker: self.address.clone(),
            request,
            after: self.started.elapsed(),
        }
    }

    /// What a connection that broke while being opened tells about the listener.
    pub(crate) async fn explain(&self, why: Broken, request: &'static str) -> KafkaError {
        let broker = self.address.clone();
        match (why, &self.tls) {
            (Broken::PlainAgainstTls, _) => KafkaError::PlainAgainstTls { broker },
            (Broken::Tls(error), Some(tls)) => match tls.failure(&broker, &error) {
                plain @ KafkaError::TlsAgainstPlain { .. } => {
                    let greeting = probe::greeting(self).await;
                    greeting.map_or(plain, |bytes| not_kafka(broker, bytes))
                }
                other => other,
            },
            (Broken::Tls(error), None) => KafkaError::Tls {
                broker,
                cause: error.to_string(),
            },
            (Broken::Foreign(bytes), _) => not_kafka(broker, bytes),
            (Broken::Garbled(cause), _) => KafkaError::Protocol { broker, cause },
            (Broken::Abandoned(after) | Broken::Headless(after), _) => KafkaError::NoAnswer {
                broker,
                request,
                after,
            },
            (Broken::Closed(cause), Some(tls)) => {
                if tls.owes_certificate() {
                    return KafkaError::ClientCertificateRequired { broker };
                }
                match probe::speaks_plain(self).await {
                    true => KafkaError::TlsAgainstPlain { broker },
                    false => KafkaError::ConnectionClosed {
                        broker,
                        request,
                        cause,
                    },
                }
            }
            (Broken::Closed(cause), None) => match probe::speaks_tls(self).await {
                true => KafkaError::PlainAgainstTls { broker },
                false => KafkaError::ConnectionClosed {
                    broker,
                    request,
                    cause,
                },
            },
        }
    }
}

/// What listens there is no Kafka broker.
pub(crate) fn not_kafka(broker: String, bytes: [u8; 4]) -> KafkaError {
    KafkaError::NotKafka {
        broker,
        begins: bytes.escape_ascii().to_string(),
    }
}

/// Why there is no wire.
pub(crate) enum NoWire {
    /// No TCP connection, or no answer.
    Network(KafkaError),
    /// The TLS handshake failed.
    Tls(Broken),
}

const HANDSHAKE: &str = "the TLS handshake";

/// Asks one of the requests that open a connection.
pub(crate) async fn ask<R: Request>(
    dialing: &Dialing,
    connection: &Connection,
    request: &R,
) -> Result<R::Response, KafkaError> {
    let name = R::NAME;
    let version = connection
        .versions()
        .choose::<R>()
        .map_err(|cause| KafkaError::Unsupported {
            broker: dialing.address.clone(),
            request: name,
            cause,
        })?;
    ask_version(dialing, connection, request, version).await
}

async fn ask_version<R: Request>(
    dialing: &Dialing,
    connection: &Connection,
    request: &R,
    version: i16,
) -> Result<R::Response, KafkaError> {
    let name = R::NAME;
    match timeout_at(dialing.deadline, connection.call(request, version)).await {
        Err(_) => Err(dialing.no_answer(name)),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Unanswered { why, .. })) => Err(dialing.explain(why, name).await),
    }
}

/// What the broker speaks. A broker that does not know version 3 of the question answers in version 0 (KIP-511).
async fn negotiate(dialing: &Dialing, connection: &Connection) -> Result<Versions, KafkaError> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("trueup"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    let newest = timeout_at(dialing.deadline, connection.call(&request, 3)).await;
    let answer = match newest {
        Err(_) => return Err(dialing.no_answer("ApiVersions")),
        Ok(Ok(answer)) if answer.error_code == 0 => answer,
        Ok(Ok(_))
        | Ok(Err(Unanswered {
            why: Broken::Garbled(_),
            ..
        })) => ask_version(dialing, connection, &ApiVersionsRequest::default(), 0).await?,
        Ok(Err(Unanswered { why, .. })) => return Err(dialing.explain(why, "ApiVersions").await),
    };
    Ok(versions(&answer))
}

fn versions(answer: &ApiVersionsResponse) -> Versions {
    let range = |min, max| VersionRange { min, max };
    let finalized = answer
        .finalized_features
        .iter()
        .find(|feature| feature.name.as_str() == "metadata.version");
    let supported = answer
        .supported_features
        .iter()
        .find(|feature| feature.name.as_str() == "metadata.version");
    Versions {
        ranges: answer
            .api_keys
            .iter()
            .map(|api| (api.api_key, range(api.min_version, api.max_version)))
            .collect(),
        metadata_version: finalized.map(|feature| feature.max_version_level),
        metadata_version_supported: supported.map(|feature| feature.max_version),
    }
}
