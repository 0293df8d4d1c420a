//! OAuth tokens: from a file, or from a token endpoint by client credentials.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::error::KafkaError;
use super::settings::{ClientCredentials, TokenSource, without_credentials};
use super::tls::certificates;

/// A token, fresh for one login, before `deadline`.
pub(crate) async fn token(
    source: &TokenSource,
    deadline: Instant,
) -> Result<SecretString, KafkaError> {
    match source {
        TokenSource::File(path) => from_file(path).await,
        TokenSource::Oidc(grant) => from_endpoint(grant.clone(), deadline).await,
    }
}

impl TokenSource {
    /// SASL extensions to send with the token.
    pub(super) fn extensions(&self) -> &[(String, String)] {
        match self {
            TokenSource::File(_) => &[],
            TokenSource::Oidc(grant) => &grant.extensions,
        }
    }
}

async fn from_file(path: &str) -> Result<SecretString, KafkaError> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|error| no_token(path, error.to_string()))?;
    match text.trim() {
        "" => Err(no_token(path, "the file is empty".to_string())),
        token => Ok(SecretString::from(token.to_string())),
    }
}

async fn from_endpoint(
    grant: ClientCredentials,
    deadline: Instant,
) -> Result<SecretString, KafkaError> {
    let endpoint = grant.endpoint.clone();
    let wait = deadline.saturating_duration_since(Instant::now());
    let fetched = tokio::task::spawn_blocking(move || fetch(&grant, wait));
    fetched
        .await
        .map_err(|error| no_token(&endpoint, error.to_string()))?
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

/// The error answer of RFC 6749, section 5.2.
#[derive(Deserialize)]
struct Denied {
    error: String,
    error_description: Option<String>,
}

fn fetch(grant: &ClientCredentials, wait: Duration) -> Result<SecretString, KafkaError> {
    let failed = |cause: String| no_token(&grant.endpoint, cause);
    let mut form = vec![("grant_type", "client_credentials")];
    form.extend(grant.scope.as_deref().map(|scope| ("scope", scope)));
    let request = agent(grant, wait)?
        .post(&grant.endpoint)
        .header("Authorization", basic(grant).expose_secret());
    let mut answer = request
        .send_form(form)
        .map_err(|error| failed(error.to_string()))?;
    let status = answer.status();
    let body = answer
        .body_mut()
        .with_config()
        .limit(1 << 20)
        .read_to_string();
    let body = body.map_err(|error| failed(error.to_string()))?;
    if !status.is_success() {
        let denial = denial(status.as_u16(), &body);
        return Err(failed(without_secret(denial, grant)));
    }
    let granted = serde_json::from_str::<Granted>(&body);
    granted
        .map(|granted| SecretString::from(granted.access_token))
        .map_err(|_| failed("the answer holds no `access_token`".to_string()))
}

/// One request, no redirects (they would carry the secret elsewhere), no proxy.
fn agent(grant: &ClientCredentials, wait: Duration) -> Result<ureq::Agent, KafkaError> {
    let roots = match &grant.ca {
        None => RootCerts::WebPki,
        Some(ca) => {
            let given = certificates(ca)?;
            let owned = given
                .iter()
                .map(|der| Certificate::from_der(der).to_owned())
                .collect();
            RootCerts::Specific(Arc::new(owned))
        }
    };
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(wait))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .build();
    Ok(config.new_agent())
}

/// HTTP Basic, not form-encoded first: what librdkafka and Java send by default.
fn basic(grant: &ClientCredentials) -> SecretString {
    let pair = format!(
        "{}:{}",
        grant.client_id,
        grant.client_secret.expose_secret()
    );
    SecretString::from(format!("Basic {}", STANDARD.encode(pair)))
}

/// What a form encodes.
const OF_FORMS: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'*');

/// What an endpoint says, which may repeat what it was sent, as it is or as it stood in the request.
fn without_secret(said: String, grant: &ClientCredentials) -> String {
    let secret = grant.client_secret.expose_secret();
    if secret.is_empty() {
        return said;
    }
    let pair = basic(grant);
    let pair = pair.expose_secret().trim_start_matches("Basic ");
    let encoded = utf8_percent_encode(secret, &OF_FORMS).to_string();
    let forms = [secret, pair, &encoded, &encoded.replace("%20", "+")];
    forms
        .iter()
        .fold(said, |said, form| said.replace(form, "***"))
}

fn denial(status: u16, body: &str) -> String {
    match serde_json::from_str::<Denied>(body) {
        Ok(Denied {
            error,
            error_description: Some(text),
        }) => format!("HTTP {status}: {error}: {text}"),
        Ok(Denied {
            error,
            error_description: None,
        }) => format!("HTTP {status}: {error}"),
        Err(_) => format!("HTTP {status}"),
    }
}

/// Credentials in the URL and its query, which may hold some too, are shown neither in `from` nor
/// where `cause` repeats them.
fn no_token(from: &str, cause: String) -> KafkaError {
    let shown = without_query(&without_credentials(from)).to_owned();
    let cause = cause.replace(from, &shown);
    let query = &from[without_query(from).len()..];
    let cause = match query.len() {
        0 | 1 => cause,
        _ => cause.replace(query, ""),
    };
    KafkaError::NoToken { cause, from: shown }
}

/// A URL up to its query or fragment; a path as it is.
fn without_query(from: &str) -> &str {
    match from.find("://") {
        Some(scheme) => {
            let end = from[scheme..].find(['?', '#']);
            &from[..end.map_or(from.len(), |end| scheme + end)]
        }
        None => from,
    }
}

#[cfg(test)]
mod tests;
