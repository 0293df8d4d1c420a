//! TLS: the client's configuration, and failures in words.

mod certificates;
mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, SignatureScheme,
};

use super::error::KafkaError;
use super::settings::{TlsSettings, Verify};
use crate::broker::certificate_words::{in_words, names};
pub(crate) use certificates::certificates;

/// What a TLS connection needs; made once per client.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    client: Arc<ClientKey>,
}

impl Tls {
    /// Reads the files that the settings name.
    pub(crate) fn new(settings: &TlsSettings) -> Result<Tls, KafkaError> {
        let verifier = match settings.verify {
            Verify::Full => verify::full(certificates::roots(settings.ca.as_ref())?)?,
            Verify::Chain => verify::chain_only(certificates::roots(settings.ca.as_ref())?)?,
            Verify::Nothing => verify::nothing(provider()),
        };
        let client = settings
            .client
            .as_ref()
            .map(certificates::client_key)
            .transpose()?;
        Tls::with(verifier, client)
    }

    /// A client that checks nothing and shows nothing, to find out whether a port speaks TLS at all.
    pub(crate) fn for_probe() -> Result<Tls, KafkaError> {
        Tls::with(verify::nothing(provider()), None)
    }

    fn with(
        verifier: Arc<dyn ServerCertVerifier>,
        key: Option<Arc<CertifiedKey>>,
    ) -> Result<Tls, KafkaError> {
        let client = Arc::new(ClientKey {
            key,
            asked: AtomicBool::new(false),
        });
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| KafkaError::Settings {
                property: "security.protocol".to_string(),
                cause: error.to_string(),
            })?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(client.clone());
        Ok(Tls {
            config: Arc::new(config),
            client,
        })
    }

    pub(crate) fn connector(&self) -> TlsConnector {
        TlsConnector::from(self.config.clone())
    }

    /// A TLS failure at `broker` in our words.
    pub(crate) fn failure(&self, broker: &str, error: &Error) -> KafkaError {
        let broker = broker.to_string();
        match error {
            Error::InvalidCertificate(error) => certificate_failure(broker, error),
            Error::InvalidMessage(_) => KafkaError::TlsAgainstPlain { broker },
            Error::AlertReceived(alert) => self.alert(broker, *alert),
            error => KafkaError::Tls {
                broker,
                cause: error.to_string(),
            },
        }
    }

    /// True when the listener has asked for a client certificate and there was none to show.
    pub(crate) fn owes_certificate(&self) -> bool {
        self.client.key.is_none() && self.client.asked.load(Ordering::Relaxed)
    }

    fn alert(&self, broker: String, alert: AlertDescription) -> KafkaError {
        let about_certificate = matches!(
            alert,
            AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::UnknownCA
                | AlertDescription::AccessDenied
                | AlertDescription::HandshakeFailure
                | AlertDescription::DecryptError
        );
        let cause = format!("TLS alert {alert:?}");
        match (
            self.owes_certificate(),
            self.client.asked.load(Ordering::Relaxed),
        ) {
            (true, _) => KafkaError::ClientCertificateRequired { broker },
            (false, true) if about_certificate => {
                KafkaError::ClientCertificateRefused { broker, cause }
            }
            (false, _) => KafkaError::Tls { broker, cause },
        }
    }
}

/// The name that the certificate must be for.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_string()).map_err(|error| error.to_string())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Which bound of the certificate does not hold.
fn validity(error: &CertificateError) -> String {
    match error {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("it ended on {}", day(not_after.as_secs()))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("it begins on {}", day(not_before.as_secs()))
        }
        other => other.to_string(),
    }
}

fn day(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => format!("{seconds} s after 1970"),
    }
}

fn certificate_failure(broker: String, error: &CertificateError) -> KafkaError {
    match error {
        // A bad signature is most often a CA that was made anew under its old name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            KafkaError::UnknownAuthority { broker }
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => KafkaError::CertificateExpired {
            broker,
            cause: validity(error),
        },
        CertificateError::NotValidForName => KafkaError::CertificateWrongHost {
            broker,
            presented: Vec::new(),
        },
        CertificateError::NotValidForNameContext { presented, .. } => {
            KafkaError::CertificateWrongHost {
                broker,
                presented: names(presented),
            }
        }
        error => KafkaError::Tls {
            broker,
            cause: in_words(error),
        },
    }
}

/// The client certificate, and whether a listener has ever asked for one.
#[derive(Debug)]
struct ClientKey {
    key: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl ResolvesClientCert for ClientKey {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
