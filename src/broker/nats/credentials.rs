//! Who we are to a server: read from the settings and their files before anything is sent.

use std::path::Path;
use std::sync::Arc;

use async_nats::ConnectOptions;
use secrecy::{ExposeSecret, SecretString};

use super::address::Address;
use super::{NatsError, NatsSettings};

/// How we log in.
#[derive(Debug, Clone)]
pub(super) enum Credentials {
    /// No credentials at all.
    None,
    /// User name and password.
    Password(String, SecretString),
    /// A token.
    Token(SecretString),
    /// An nkey's seed.
    Nkey(SecretString),
    /// The text of a credentials file.
    Creds(SecretString),
}

impl Credentials {
    /// Reads what the settings name.
    pub(super) async fn read(settings: &NatsSettings) -> Result<Credentials, NatsError> {
        if let Some(path) = &settings.creds {
            creds(path).await
        } else if let Some(path) = &settings.nkey {
            nkey(path).await
        } else if let Some(token) = &settings.token {
            Ok(Credentials::Token(token.clone()))
        } else if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            Ok(Credentials::Password(user.clone(), password.clone()))
        } else {
            Ok(Credentials::None)
        }
    }

    /// The credentials for one server: those in its address come first.
    pub(super) fn at(&self, address: &Address) -> Credentials {
        match (&address.user, &address.password) {
            (Some(user), Some(password)) => Credentials::Password(user.clone(), password.clone()),
            (Some(token), None) => Credentials::Token(token.as_str().into()),
            (None, _) => self.clone(),
        }
    }

    /// What a message may call them.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Credentials::None => "a connection without credentials",
            Credentials::Password(..) => "the user and password",
            Credentials::Token(_) => "the token",
            Credentials::Nkey(_) => "the nkey",
            Credentials::Creds(_) => "the credentials file",
        }
    }

    /// Puts them into the client's options.
    ///
    /// # Errors
    /// The client's words when a credentials file turns out unreadable; [`Credentials::read`] has checked that.
    pub(super) fn into_options(self, options: ConnectOptions) -> std::io::Result<ConnectOptions> {
        Ok(match self {
            Credentials::None => options,
            Credentials::Password(user, password) => {
                options.user_and_password(user, password.expose_secret().to_owned())
            }
            Credentials::Token(token) => options.token(token.expose_secret().to_owned()),
            Credentials::Nkey(seed) => options.nkey(seed.expose_secret().to_owned()),
            Credentials::Creds(text) => options.credentials(text.expose_secret())?,
        })
    }
}

/// The bytes of a file that a setting names.
pub(super) async fn file(role: &'static str, path: &Path) -> Result<Vec<u8>, NatsError> {
    tokio::fs::read(path)
        .await
        .map_err(|source| NatsError::UnreadableFile {
            role,
            path: path.to_owned(),
            source: Arc::new(source),
        })
}

async fn creds(path: &Path) -> Result<Credentials, NatsError> {
    let text = text("creds", path).await?;
    match ConnectOptions::with_credentials(text.expose_secret()) {
        Ok(_) => Ok(Credentials::Creds(text)),
        Err(_) => Err(NatsError::MalformedFile {
            role: "creds",
            path: path.to_owned(),
            reason: "it does not hold a user JWT and an nkey seed between their `-----BEGIN` and `------END` lines; \
                     write it again with `nsc generate creds`"
                .to_owned(),
        }),
    }
}

async fn nkey(path: &Path) -> Result<Credentials, NatsError> {
    let text = text("nkey", path).await?;
    let mut lines = text.expose_secret().lines().map(str::trim);
    match lines.find(|line| is_user_seed(line)) {
        Some(seed) => Ok(Credentials::Nkey(seed.into())),
        None => Err(NatsError::MalformedFile {
            role: "nkey",
            path: path.to_owned(),
            reason: "it does not hold a user's nkey seed (58 characters that begin with `SU`)"
                .to_owned(),
        }),
    }
}

async fn text(role: &'static str, path: &Path) -> Result<SecretString, NatsError> {
    let bytes = file(role, path).await?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(NatsError::MalformedFile {
            role,
            path: path.to_owned(),
            reason: "it is not text".to_owned(),
        }),
    }
}

fn is_user_seed(line: &str) -> bool {
    line.starts_with("SU") && nkeys::KeyPair::from_seed(line).is_ok()
}
