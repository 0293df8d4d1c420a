//! The fields of `connections.nats`.

use std::path::PathBuf;
use std::sync::LazyLock;

use indexmap::IndexMap;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use crate::broker::nats::NatsSettings;
use crate::kinds::Declaration;

/// How to reach NATS: the names that a `nats` CLI context uses.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(in crate::manifest) struct NatsFields {
    /// One address or several, separated by commas: `nats://127.0.0.1:4222`.
    url: Option<String>,
    /// A file that holds `url`.
    url_file: Option<PathBuf>,
    /// The name of a `nats` CLI context to take the rest from.
    context: Option<String>,
    /// A credentials file: user JWT and nkey seed.
    creds: Option<PathBuf>,
    /// A file with an nkey user seed.
    nkey: Option<PathBuf>,
    /// User name.
    user: Option<String>,
    /// A file that holds `user`.
    user_file: Option<PathBuf>,
    /// Password of `user`.
    password: Option<String>,
    /// A file that holds `password`.
    password_file: Option<PathBuf>,
    /// Token.
    token: Option<String>,
    /// A file that holds `token`.
    token_file: Option<PathBuf>,
    /// The certificate authorities to trust instead of the machine's (PEM file).
    ca: Option<PathBuf>,
    /// Our client certificate (PEM file).
    cert: Option<PathBuf>,
    /// The key of `cert` (PEM file).
    key: Option<PathBuf>,
    /// Begin with TLS before the server's first word (`handshake_first` on the server, 2.10.4).
    pub(super) tls_first: Option<bool>,
    /// The JetStream domain: the API is at `$JS.DOMAIN.API`.
    jetstream_domain: Option<String>,
    /// The API's prefix where it is imported under another subject, instead of `$JS.API`.
    jetstream_api_prefix: Option<String>,
    /// The prefix of reply subjects, instead of `_INBOX`.
    inbox_prefix: Option<String>,
    /// The account that it must be; another one is an error.
    pub(super) account: Option<String>,
}

/// The fields of `connections.nats`.
pub(in crate::manifest) fn nats_declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<NatsFields>);
    &DECLARATION
}

impl NatsFields {
    pub(super) fn says_url(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }

    pub(super) fn secret_files(&self) -> IndexMap<String, PathBuf> {
        [
            ("url", &self.url_file),
            ("user", &self.user_file),
            ("password", &self.password_file),
            ("token", &self.token_file),
        ]
        .into_iter()
        .filter_map(|(name, path)| Some((name.to_owned(), path.clone()?)))
        .collect()
    }

    pub(super) fn settings(self, default_url: SecretString) -> NatsSettings {
        NatsSettings {
            url: self.url.map_or(default_url, SecretString::from),
            context: self.context,
            creds: self.creds,
            nkey: self.nkey,
            user: self.user,
            password: self.password.map(SecretString::from),
            token: self.token.map(SecretString::from),
            ca: self.ca,
            cert: self.cert,
            key: self.key,
            tls_first: self.tls_first.unwrap_or(false),
            jetstream_domain: self.jetstream_domain,
            jetstream_api_prefix: self.jetstream_api_prefix,
            inbox_prefix: self.inbox_prefix,
        }
    }
}
