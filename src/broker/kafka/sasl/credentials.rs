//! What we tell the SASL mechanisms, and what we don't let a broker make us do.

use std::borrow::Cow;
use std::error::Error;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::oauthbearer::properties::OAuthBearerErrored;
use rsasl::mechanisms::scram::properties::Iterations;
use rsasl::prelude::SessionError;
use rsasl::property::{AuthId, OAuthBearerKV, OAuthBearerToken, Password};
use secrecy::{ExposeSecret, SecretString};

use crate::broker::kafka::settings::Login;

/// Fewer are too easy to guess from a recorded login (RFC 7677), more would let a broker burn our CPU.
const ITERATIONS: RangeInclusive<u32> = 4_096..=1_000_000;

/// How a password is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// By SASLprep (RFC 4013), as RFC 5802 wants.
    Prepared,
    /// As it is, as Kafka's own tools do.
    AsGiven,
}

/// Secrets for one login; clones share what the broker said.
#[derive(Clone)]
pub(super) struct Credentials {
    user: String,
    secret: SecretString,
    extensions: Vec<(String, String)>,
    refusal: Arc<Mutex<Option<String>>>,
}

impl Credentials {
    pub(super) fn login(login: &Login, spelling: Spelling) -> Credentials {
        let password = match spelling {
            Spelling::Prepared => login.prepared(),
            Spelling::AsGiven => login.password.clone(),
        };
        Credentials::new(login.user.clone(), password, &[])
    }

    pub(super) fn bearer(token: SecretString, extensions: &[(String, String)]) -> Credentials {
        Credentials::new(String::new(), token, extensions)
    }

    fn new(user: String, secret: SecretString, extensions: &[(String, String)]) -> Credentials {
        Credentials {
            user,
            secret,
            extensions: extensions.to_vec(),
            refusal: Arc::default(),
        }
    }

    /// The broker's words when it has refused a token (RFC 7628 tells them inside of the mechanism).
    pub(super) fn refusal(&self) -> Option<String> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The broker's words without the secret, which they may repeat.
    pub(super) fn blinded(&self, words: &str) -> String {
        match self.secret.expose_secret() {
            "" => words.to_owned(),
            secret => words.replace(secret, "***"),
        }
    }

    fn refuse(&self, words: String) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
    }
}

impl SessionCallback for Credentials {
    fn callback(
        &self,
        _: &SessionData,
        context: &Context,
        request: &mut Request,
    ) -> Result<(), SessionError> {
        if let Some(error) = request.get_action::<OAuthBearerErrored>() {
            self.refuse(format!("the token was refused: {}", error.status));
            return Ok(());
        }
        check_iterations(context.get_ref::<Iterations>().copied())?;
        if !self.extensions.is_empty() {
            let pairs: Vec<(&str, &str)> = self
                .extensions
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect();
            request.satisfy::<OAuthBearerKV>(&pairs)?;
        }
        request
            .satisfy::<AuthId>(&self.user)?
            .satisfy::<OAuthBearerToken>(self.secret.expose_secret())?
            .satisfy::<Password>(self.secret.expose_secret().as_bytes())?;
        Ok(())
    }
}

fn check_iterations(iterations: Option<u32>) -> Result<(), SessionError> {
    match iterations {
        Some(count) if !ITERATIONS.contains(&count) => {
            let (least, most) = (ITERATIONS.start(), ITERATIONS.end());
            let text =
                format!("it asks for {count} SCRAM iterations, and {least} to {most} are accepted");
            Err(SessionError::Boxed(text.into()))
        }
        Some(_) | None => Ok(()),
    }
}

/// An error of the SASL library with its sources.
pub(super) fn in_words(error: &SessionError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

impl Login {
    /// The password by SASLprep; as it is where SASLprep forbids it.
    fn prepared(&self) -> SecretString {
        let prepared = stringprep::saslprep(self.password.expose_secret());
        prepared.map_or_else(
            |_| self.password.clone(),
            |text| SecretString::from(text.into_owned()),
        )
    }

    pub(super) fn has_two_spellings(&self) -> bool {
        let given = self.password.expose_secret();
        stringprep::saslprep(given).is_ok_and(|prepared| prepared != Cow::Borrowed(given))
    }
}

#[cfg(test)]
mod tests;
