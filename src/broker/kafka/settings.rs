//! What the admin plane takes from librdkafka's properties.

mod kept;
mod properties;
mod read;

use std::time::Duration;

use indexmap::IndexMap;
use secrecy::SecretString;

pub use properties::PropertyComplaint;

/// The connection settings of a cluster, checked. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    pub(crate) bootstrap: Vec<String>,
    pub(crate) client_id: String,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) sasl: Option<SaslSettings>,
    pub(crate) request_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) family: AddressFamily,
}

impl KafkaSettings {
    /// Reads librdkafka's property names. Every complaint comes at once, in the order of the properties.
    ///
    /// A name that librdkafka doesn't have is a complaint, and so is a `sasl.*`, `ssl.*` or `security.*` one that the admin
    /// plane can't honour; librdkafka's others belong to the data plane and are left alone. No file is opened here.
    pub fn from_properties(
        props: &IndexMap<String, String>,
    ) -> Result<KafkaSettings, Vec<PropertyComplaint>> {
        read::settings(props)
    }

    /// Whether every address of a `bootstrap.servers` can be read. Of one that can't nothing is known to be no secret.
    pub fn is_bootstrap(list: &str) -> bool {
        let mut addresses = list.split(',').map(str::trim);
        addresses.all(|address| address.is_empty() || read::host_and_port(address).is_ok())
    }

    /// Whether a property of this name is taken: honoured here, or left to the data plane.
    pub fn takes(name: &str) -> bool {
        properties::is_taken(name)
    }

    /// The principal that an authorizer will see, where the settings tell: `User:NAME` by PLAIN and SCRAM,
    /// `User:ANONYMOUS` without SASL and TLS, None where a certificate or a token decides.
    pub fn principal_hint(&self) -> Option<String> {
        match (&self.sasl, &self.tls) {
            (Some(sasl), _) => sasl.user().map(|user| format!("User:{user}")),
            (None, None) => Some("User:ANONYMOUS".to_string()),
            (None, Some(_)) => None,
        }
    }

    /// The names of the properties that are honoured.
    pub fn honoured() -> &'static [&'static str] {
        properties::HONOURED
    }

    /// The bootstrap addresses, each `host:port`.
    pub fn bootstrap(&self) -> &[String] {
        &self.bootstrap
    }
}

/// An address as a message may show it: what stands before its `@` is blinded.
pub(crate) fn without_credentials(address: &str) -> String {
    let start = address.find("://").map_or(0, |at| at + 3);
    match address[start..].rfind('@') {
        Some(at) => format!("{}***{}", &address[..start], &address[start + at..]),
        None => address.to_string(),
    }
}

/// The `security.protocol` of a listener.
pub(crate) fn protocol_name(tls: bool, sasl: bool) -> &'static str {
    match (tls, sasl) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    }
}

/// `broker.address.family`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressFamily {
    Any,
    V4,
    V6,
}

#[derive(Debug, Clone)]
pub(crate) struct TlsSettings {
    /// None: the system's roots.
    pub(crate) ca: Option<Pem>,
    pub(crate) client: Option<ClientCertificate>,
    pub(crate) verify: Verify,
}

/// How much of the broker's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verify {
    /// Chain and host name.
    Full,
    /// The chain only (`ssl.endpoint.identification.algorithm=none`).
    Chain,
    /// Nothing (`enable.ssl.certificate.verification=false`).
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct ClientCertificate {
    pub(crate) chain: Pem,
    pub(crate) key: Pem,
    pub(crate) key_password: Option<SecretString>,
}

/// PEM text, from a file or inline.
#[derive(Debug, Clone)]
pub(crate) enum Pem {
    File {
        property: &'static str,
        path: String,
    },
    Inline {
        property: &'static str,
        text: SecretString,
    },
}

impl Pem {
    /// The property that names it.
    pub(crate) fn property(&self) -> &'static str {
        match self {
            Pem::File { property, .. } | Pem::Inline { property, .. } => property,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum SaslSettings {
    Plain(Login),
    ScramSha256(Login),
    ScramSha512(Login),
    OauthBearer(TokenSource),
}

impl SaslSettings {
    /// The mechanism's registered name.
    pub(crate) fn mechanism(&self) -> &'static str {
        match self {
            SaslSettings::Plain(_) => "PLAIN",
            SaslSettings::ScramSha256(_) => "SCRAM-SHA-256",
            SaslSettings::ScramSha512(_) => "SCRAM-SHA-512",
            SaslSettings::OauthBearer(_) => "OAUTHBEARER",
        }
    }

    /// The user name, where the mechanism has one.
    pub(crate) fn user(&self) -> Option<&str> {
        self.login().map(|login| login.user.as_str())
    }

    /// User and password, where the mechanism has them.
    pub(crate) fn login(&self) -> Option<&Login> {
        match self {
            SaslSettings::Plain(login)
            | SaslSettings::ScramSha256(login)
            | SaslSettings::ScramSha512(login) => Some(login),
            SaslSettings::OauthBearer(_) => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: SecretString,
}

/// Where an OAuth token comes from.
#[derive(Debug, Clone)]
pub(crate) enum TokenSource {
    /// Read again at every login, so that a rotated token is seen.
    File(String),
    Oidc(ClientCredentials),
}

/// An OAuth 2.0 client credentials grant (RFC 6749, section 4.4).
#[derive(Debug, Clone)]
pub(crate) struct ClientCredentials {
    pub(crate) endpoint: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) scope: Option<String>,
    /// SASL extensions (KIP-342).
    pub(crate) extensions: Vec<(String, String)>,
    /// `https.ca.location` or `https.ca.pem`; None: the public roots.
    pub(crate) ca: Option<Pem>,
}

#[cfg(test)]
mod tests;
